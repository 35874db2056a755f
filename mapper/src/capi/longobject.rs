//! `longobject.h` and `cpython/longobject.h`: ints.
