//! `pymem.h` and `cpython/pymem.h`: memory that holds no objects. All of it is the C library's, unless an extension
//! puts its own functions in front; size 0 gives a pointer that can be freed.

use std::sync::atomic::{AtomicPtr, Ordering};

use super::prelude::*;

/// `PyMemAllocatorEx`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Allocator {
    context: *mut c_void,
    malloc: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void,
    calloc: unsafe extern "C" fn(*mut c_void, usize, usize) -> *mut c_void,
    realloc: unsafe extern "C" fn(*mut c_void, *mut c_void, usize) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void, *mut c_void),
}

/// `PYMEM_DOMAIN_RAW` and `PYMEM_DOMAIN_MEM`.
const RAW: usize = 0;
const MEM: usize = 1;

/// What `PyMem_SetAllocator` set for the two domains; never freed, for another thread may be reading it.
static INSTALLED: [AtomicPtr<Allocator>; 2] =
    [AtomicPtr::new(std::ptr::null_mut()), AtomicPtr::new(std::ptr::null_mut())];

#[inline]
fn installed(domain: usize) -> Option<&'static Allocator> {
    // SAFETY: null or a leaked box.
    unsafe { INSTALLED[domain].load(Ordering::Acquire).as_ref() }
}

unsafe extern "C" fn malloc(_context: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: plain allocation.
    unsafe { libc::malloc(size.max(1)) }
}

unsafe extern "C" fn calloc(_context: *mut c_void, count: usize, size: usize) -> *mut c_void {
    // SAFETY: plain allocation.
    unsafe { if count == 0 || size == 0 { libc::calloc(1, 1) } else { libc::calloc(count, size) } }
}

unsafe extern "C" fn realloc(_context: *mut c_void, memory: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: C's arguments.
    unsafe { libc::realloc(memory, size.max(1)) }
}

unsafe extern "C" fn free(_context: *mut c_void, memory: *mut c_void) {
    // SAFETY: C's arguments.
    unsafe { libc::free(memory) };
}

const SYSTEM: Allocator = Allocator { context: std::ptr::null_mut(), malloc, calloc, realloc, free };

#[inline]
unsafe fn allocate(domain: usize, size: usize) -> *mut c_void {
    if size > isize::MAX as usize {
        return std::ptr::null_mut();
    }
    let allocator = installed(domain).unwrap_or(&SYSTEM);
    // SAFETY: C's arguments.
    unsafe { (allocator.malloc)(allocator.context, size) }
}

#[inline]
unsafe fn allocate_zeros(domain: usize, count: usize, size: usize) -> *mut c_void {
    if count.checked_mul(size).is_none_or(|bytes| bytes > isize::MAX as usize) {
        return std::ptr::null_mut();
    }
    let allocator = installed(domain).unwrap_or(&SYSTEM);
    // SAFETY: C's arguments.
    unsafe { (allocator.calloc)(allocator.context, count, size) }
}

#[inline]
unsafe fn reallocate(domain: usize, memory: *mut c_void, size: usize) -> *mut c_void {
    if size > isize::MAX as usize {
        return std::ptr::null_mut();
    }
    let allocator = installed(domain).unwrap_or(&SYSTEM);
    // SAFETY: C's arguments.
    unsafe { (allocator.realloc)(allocator.context, memory, size) }
}

#[inline]
unsafe fn release(domain: usize, memory: *mut c_void) {
    let allocator = installed(domain).unwrap_or(&SYSTEM);
    // SAFETY: C's arguments.
    unsafe { (allocator.free)(allocator.context, memory) };
}

/// `size` bytes, or NULL.
pub unsafe extern "C" fn PyMem_RawMalloc(size: usize) -> *mut c_void {
    // SAFETY: C's arguments.
    unsafe { allocate(RAW, size) }
}

/// `count * size` bytes of zeros, or NULL.
pub unsafe extern "C" fn PyMem_RawCalloc(count: usize, size: usize) -> *mut c_void {
    // SAFETY: C's arguments.
    unsafe { allocate_zeros(RAW, count, size) }
}

/// The same contents in a block of another size, or NULL with the old one left as it is.
pub unsafe extern "C" fn PyMem_RawRealloc(memory: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: C's arguments.
    unsafe { reallocate(RAW, memory, size) }
}

/// Frees what the functions above gave; NULL is left alone.
pub unsafe extern "C" fn PyMem_RawFree(memory: *mut c_void) {
    // SAFETY: C's arguments.
    unsafe { release(RAW, memory) };
}

/// [`PyMem_RawMalloc`], to be called with the lock held.
pub unsafe extern "C" fn PyMem_Malloc(size: usize) -> *mut c_void {
    // SAFETY: C's arguments.
    unsafe { allocate(MEM, size) }
}

/// [`PyMem_RawCalloc`], to be called with the lock held.
pub unsafe extern "C" fn PyMem_Calloc(count: usize, size: usize) -> *mut c_void {
    // SAFETY: C's arguments.
    unsafe { allocate_zeros(MEM, count, size) }
}

/// [`PyMem_RawRealloc`], to be called with the lock held.
pub unsafe extern "C" fn PyMem_Realloc(memory: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: C's arguments.
    unsafe { reallocate(MEM, memory, size) }
}

/// [`PyMem_RawFree`], to be called with the lock held.
pub unsafe extern "C" fn PyMem_Free(memory: *mut c_void) {
    // SAFETY: C's arguments.
    unsafe { release(MEM, memory) };
}

/// A copy of a C string, to be freed with [`PyMem_Free`], or NULL.
pub unsafe extern "C" fn _PyMem_Strdup(text: *const c_char) -> *mut c_char {
    // SAFETY: C's arguments; the copy has room for the text and its NUL.
    unsafe {
        let length = libc::strlen(text) + 1;
        let copy: *mut c_char = allocate(MEM, length).cast();
        if !copy.is_null() {
            copy.copy_from_nonoverlapping(text, length);
        }
        copy
    }
}

unsafe extern "C" fn object_malloc(_context: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: plain allocation.
    unsafe { super::objimpl::PyObject_Malloc(size) }
}

unsafe extern "C" fn object_calloc(_context: *mut c_void, count: usize, size: usize) -> *mut c_void {
    // SAFETY: plain allocation.
    unsafe { super::objimpl::PyObject_Calloc(count, size) }
}

unsafe extern "C" fn object_realloc(_context: *mut c_void, memory: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: C's arguments.
    unsafe { super::objimpl::PyObject_Realloc(memory, size) }
}

unsafe extern "C" fn object_free(_context: *mut c_void, memory: *mut c_void) {
    // SAFETY: C's arguments.
    unsafe { super::objimpl::PyObject_Free(memory) };
}

const OBJECTS: Allocator = Allocator {
    context: std::ptr::null_mut(),
    malloc: object_malloc,
    calloc: object_calloc,
    realloc: object_realloc,
    free: object_free,
};

/// The functions that allocate memory of a domain: raw, plain or objects'.
pub unsafe extern "C" fn PyMem_GetAllocator(domain: c_int, allocator: *mut Allocator) {
    let found = match usize::try_from(domain) {
        Ok(domain @ (RAW | MEM)) => *installed(domain).unwrap_or(&SYSTEM),
        _ => OBJECTS,
    };
    // SAFETY: C's argument.
    unsafe { allocator.write(found) };
}

/// Replaces the functions that allocate raw or plain memory. Objects' memory is the bridge's own: it cannot be replaced,
/// and setting functions for it changes nothing.
pub unsafe extern "C" fn PyMem_SetAllocator(domain: c_int, allocator: *const Allocator) {
    if let Ok(domain @ (RAW | MEM)) = usize::try_from(domain) {
        // SAFETY: C's argument.
        let allocator = Box::new(unsafe { *allocator });
        INSTALLED[domain].store(Box::into_raw(allocator), Ordering::Release);
    }
}

/// Installs checks for overruns in CPython's debug builds. This is a release build: nothing happens.
pub unsafe extern "C" fn PyMem_SetupDebugHooks() {}

/// The name of the allocator, as `PYTHONMALLOC` has it.
pub unsafe extern "C" fn _PyMem_GetCurrentAllocatorName() -> *const c_char {
    c"malloc".as_ptr()
}
