//! `pythonrun.h` and `cpython/pythonrun.h`: running code.
