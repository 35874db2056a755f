//! `pystrtod.h`, `pystrcmp.h` and `pyctype.h`: text helpers.
