//! `object.h` and `cpython/object.h`: what all objects have.
