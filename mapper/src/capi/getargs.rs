//! `modsupport.h` and `cpython/modsupport.h`: parsing arguments.
