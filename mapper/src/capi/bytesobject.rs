//! `bytesobject.h` and `cpython/bytesobject.h`: bytes.
