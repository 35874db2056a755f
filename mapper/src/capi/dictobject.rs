//! `dictobject.h` and `cpython/dictobject.h`: dicts.
