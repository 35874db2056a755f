//! `ceval.h` and `cpython/ceval.h`: the evaluation loop, as far as extension modules touch it.
