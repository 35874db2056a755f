//! `pystate.h` and `cpython/pystate.h`: thread and interpreter states.
