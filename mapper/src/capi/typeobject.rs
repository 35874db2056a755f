//! `object.h` and `cpython/object.h`: types.
