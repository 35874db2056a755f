//! `tupleobject.h` and `cpython/tupleobject.h`: tuples.
