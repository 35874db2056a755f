//! `floatobject.h` and `cpython/floatobject.h`: floats.
