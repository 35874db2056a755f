//! `cpython/pytime.h`: clocks.
