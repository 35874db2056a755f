//! `pymem.h`: memory that holds no objects. All of it is the C library's; size 0 gives a pointer that can be freed.

use super::prelude::*;

/// `size` bytes, or NULL.
pub unsafe extern "C" fn PyMem_RawMalloc(size: usize) -> *mut c_void {
    // SAFETY: plain allocation.
    unsafe { libc::malloc(size.max(1)) }
}

/// `count * size` bytes of zeros, or NULL.
pub unsafe extern "C" fn PyMem_RawCalloc(count: usize, size: usize) -> *mut c_void {
    // SAFETY: plain allocation.
    unsafe { if count == 0 || size == 0 { libc::calloc(1, 1) } else { libc::calloc(count, size) } }
}

/// The same contents in a block of another size, or NULL with the old one left as it is.
pub unsafe extern "C" fn PyMem_RawRealloc(memory: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: C's arguments.
    unsafe { libc::realloc(memory, size.max(1)) }
}

/// Frees what the functions above gave; NULL is left alone.
pub unsafe extern "C" fn PyMem_RawFree(memory: *mut c_void) {
    // SAFETY: C's arguments.
    unsafe { libc::free(memory) };
}

/// [`PyMem_RawMalloc`], to be called with the lock held.
pub unsafe extern "C" fn PyMem_Malloc(size: usize) -> *mut c_void {
    // SAFETY: C's arguments.
    unsafe { PyMem_RawMalloc(size) }
}

/// [`PyMem_RawCalloc`], to be called with the lock held.
pub unsafe extern "C" fn PyMem_Calloc(count: usize, size: usize) -> *mut c_void {
    // SAFETY: C's arguments.
    unsafe { PyMem_RawCalloc(count, size) }
}

/// [`PyMem_RawRealloc`], to be called with the lock held.
pub unsafe extern "C" fn PyMem_Realloc(memory: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: C's arguments.
    unsafe { PyMem_RawRealloc(memory, size) }
}

/// [`PyMem_RawFree`], to be called with the lock held.
pub unsafe extern "C" fn PyMem_Free(memory: *mut c_void) {
    // SAFETY: C's arguments.
    unsafe { PyMem_RawFree(memory) };
}

/// A copy of a C string, or NULL.
pub unsafe extern "C" fn _PyMem_Strdup(text: *const c_char) -> *mut c_char {
    // SAFETY: C's arguments.
    unsafe { libc::strdup(text) }
}
