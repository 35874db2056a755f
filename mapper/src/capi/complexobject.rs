//! `complexobject.h` and `cpython/complexobject.h`: complex numbers.
