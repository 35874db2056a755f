//! `objimpl.h`: allocating objects.

use super::prelude::*;
use crate::block::{self, flag, header};
use crate::heap_type;

/// Memory that may become an object; NULL if there is none.
pub unsafe extern "C" fn PyObject_Malloc(size: usize) -> *mut c_void {
    block::allocate_uninit(size.max(1), flag::RAW).cast()
}

/// [`PyObject_Malloc`] with zeros.
pub unsafe extern "C" fn PyObject_Calloc(count: usize, size: usize) -> *mut c_void {
    match count.checked_mul(size) {
        Some(bytes) => block::allocate(bytes.max(1), flag::RAW).cast(),
        None => std::ptr::null_mut(),
    }
}

/// The same contents in memory of another size; NULL, with the old memory left as it is, if there is none.
pub unsafe extern "C" fn PyObject_Realloc(memory: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: C's arguments: memory of ours, or NULL.
    unsafe {
        if memory.is_null() {
            return PyObject_Malloc(size);
        }
        let old: Block = memory.cast();
        let held = block::capacity(old);
        if size <= held && size >= held / 2 {
            return memory;
        }
        let new = PyObject_Malloc(size);
        if !new.is_null() {
            new.cast::<u8>().copy_from_nonoverlapping(memory.cast(), held.min(size));
            block::free(old);
        }
        new
    }
}

/// Frees what the functions above gave; NULL is left alone.
pub unsafe extern "C" fn PyObject_Free(memory: *mut c_void) {
    if !memory.is_null() && header(memory.cast()).is_some() {
        // SAFETY: C's argument: memory of ours.
        unsafe { block::free(memory.cast()) };
    }
}

/// Makes memory an object with a count of 1; returns it.
pub unsafe extern "C" fn PyObject_Init(object: Block, class: *mut c::PyTypeObject) -> Block {
    // SAFETY: C's arguments.
    unsafe {
        if object.is_null() {
            return object;
        }
        if let Some(header) = header(object) {
            header.flags &= !flag::RAW;
            header.twin = std::ptr::null();
        }
        (*object).ob_refcnt = 1;
        (*object).ob_overflow = 0;
        (*object).ob_flags = 0;
        (*object).ob_type = class;
        if (*class).tp_flags & c::tpflags::HEAPTYPE != 0 {
            table::incref(class.cast());
        }
        object
    }
}

/// [`PyObject_Init`] for an object of `size` variable parts.
pub unsafe extern "C" fn PyObject_InitVar(object: Block, class: *mut c::PyTypeObject, size: isize) -> Block {
    // SAFETY: C's arguments.
    unsafe {
        if !object.is_null() {
            (*object.cast::<c::PyVarObject>()).ob_size = size;
        }
        PyObject_Init(object, class)
    }
}

/// Memory for an object of a type, with a count of 1; NULL with `MemoryError`.
pub unsafe extern "C" fn _PyObject_New(class: *mut c::PyTypeObject) -> New {
    // SAFETY: C's arguments.
    unsafe { _PyObject_NewVar(class, 0) }
}

/// [`_PyObject_New`] for an object of `size` variable parts.
pub unsafe extern "C" fn _PyObject_NewVar(class: *mut c::PyTypeObject, size: isize) -> New {
    // SAFETY: C's arguments.
    let made = unsafe { heap_type::generic_alloc(class, size) };
    if made.is_null() { api(|vm| Err(vm.new_memory_error(""))) } else { New(made) }
}

/// [`_PyObject_New`] for a type whose objects the collector looks at.
pub unsafe extern "C" fn _PyObject_GC_New(class: *mut c::PyTypeObject) -> New {
    // SAFETY: C's arguments.
    unsafe { _PyObject_NewVar(class, 0) }
}

/// [`_PyObject_NewVar`] for a type whose objects the collector looks at.
pub unsafe extern "C" fn _PyObject_GC_NewVar(class: *mut c::PyTypeObject, size: isize) -> New {
    // SAFETY: C's arguments.
    unsafe { _PyObject_NewVar(class, size) }
}

/// Says that an object is whole. The collector finds C objects by their managed halves: nothing is kept here.
pub unsafe extern "C" fn PyObject_GC_Track(_object: Block) {}

/// Says that an object is about to be taken apart.
pub unsafe extern "C" fn PyObject_GC_UnTrack(_object: Block) {}

/// Frees an object of a type whose objects the collector looks at.
pub unsafe extern "C" fn PyObject_GC_Del(memory: *mut c_void) {
    // SAFETY: C's arguments.
    unsafe { PyObject_Free(memory) };
}
