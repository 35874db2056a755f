//! `cpython/tracemalloc.h`: memory that is none of the interpreter's, shown to `tracemalloc`. The VM never traces, and
//! that is what both functions say.

use super::prelude::*;

/// `tracemalloc` is not tracing.
const NOT_TRACING: c_int = -2;

/// Tells of a block of memory. -2: nothing is traced.
pub unsafe extern "C" fn PyTraceMalloc_Track(_domain: std::ffi::c_uint, _address: usize, _size: usize) -> c_int {
    NOT_TRACING
}

/// Tells of the end of a block of memory. -2: nothing is traced.
pub unsafe extern "C" fn PyTraceMalloc_Untrack(_domain: std::ffi::c_uint, _address: usize) -> c_int {
    NOT_TRACING
}
