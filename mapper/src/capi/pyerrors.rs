//! `pyerrors.h` and `cpython/pyerrors.h`: exceptions.
