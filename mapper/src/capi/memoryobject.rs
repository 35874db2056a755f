//! `memoryobject.h`: memory views.

use super::prelude::*;
use super::pybuffer::{PyBuffer_FillContiguousStrides, PyBuffer_IsContiguous, PyBuffer_ToContiguous};
use crate::capi::support::export;
use crate::gaps::memoryview::{check_dimensions, formats};
use crate::heap::block::{flag, header};
use rustpython_vm::builtins::PyMemoryView;
use rustpython_vm::protocol::PyBuffer;
use rustpython_vm::{PyPayload, TryFromBorrowedObject};

const WRITE: c_int = 0x200;

/// A new view of an object's buffer.
pub unsafe extern "C" fn PyMemoryView_FromObject(object: Borrowed) -> New {
    api(|vm| {
        let object = object.get(vm)?;
        let view = leave(vm, || {
            if !object.check_buffer() {
                let name = object.class().name().to_string();
                return Err(vm.new_type_error(format!("memoryview: a bytes-like object is required, not '{name}'")));
            }
            let view = PyMemoryView::from_object(&object, vm)?;
            check_dimensions(vm, view.clone_buffer().desc.ndim())?;
            Ok(view)
        })?;
        Ok(may_be_narrowed(New::of(vm, view.into_pyobject(vm))))
    })
}

/// C code may change what a view of its own making shows, through `PyMemoryView_GET_BUFFER`.
fn may_be_narrowed(view: New) -> New {
    if let Some(header) = header(view.0) {
        header.set(flag::SHOWN_VIEW);
    }
    view
}

/// A new view of C's memory, which must outlive it.
pub unsafe extern "C" fn PyMemoryView_FromMemory(memory: *mut c_char, size: isize, flags: c_int) -> New {
    let readonly = c_int::from(flags != WRITE);
    // SAFETY: a fresh view of C's memory; FULL_RO without writing, which `readonly` decides.
    unsafe {
        let mut view: c::Py_buffer = std::mem::zeroed();
        let none = Borrowed(std::ptr::null_mut());
        super::pybuffer::PyBuffer_FillInfo(&mut view, none, memory.cast(), size, readonly, 0x11C);
        PyMemoryView_FromBuffer(&view)
    }
}

/// A new view of what a `Py_buffer` describes; the memory must outlive it, the `Py_buffer` need not.
pub unsafe extern "C" fn PyMemoryView_FromBuffer(view: *const c::Py_buffer) -> New {
    api(|vm| {
        // SAFETY: C's argument; without an object, closing the copy gives nothing back.
        unsafe {
            if (*view).buf.is_null() {
                return Err(vm.new_value_error("PyMemoryView_FromBuffer(): info->buf must not be NULL"));
            }
            check_dimensions(vm, (*view).ndim.max(0) as usize)?;
            let mut copy = view.read();
            copy.obj = std::ptr::null_mut();
            // Pointers into the view itself (see `PyBuffer_FillInfo`) must not outlive it: `open` copies what they show.
            let buffer = export::open(vm, copy, vm.ctx.none());
            Ok(may_be_narrowed(New::of(vm, PyMemoryView::from_buffer(buffer, vm)?.into_pyobject(vm))))
        }
    })
}

/// A new view in one piece: of the object's memory if that is, else (unless it is to be written) of a copy.
pub unsafe extern "C" fn PyMemoryView_GetContiguous(object: Borrowed, kind: c_int, order: c_char) -> New {
    // SAFETY: C's arguments; the block of a memory view shows what it has open.
    unsafe {
        let made = PyMemoryView_FromObject(object);
        if made.0.is_null() {
            return made;
        }
        let view: *mut c::Py_buffer = &raw mut (*made.0.cast::<c::PyMemoryViewObject>()).view;
        let in_one_piece = PyBuffer_IsContiguous(view, order) != 0;
        if in_one_piece && !(kind == WRITE && (*view).readonly != 0) {
            return made;
        }
        let copy = api(|vm| {
            if kind == WRITE {
                return Err(vm.new_buffer_error(if (*view).readonly != 0 {
                    "underlying buffer is not writable"
                } else {
                    "writable contiguous buffer requested for a non-contiguous object."
                }));
            }
            contiguous_copy(vm, &*view, order)
        });
        dealloc::decref(made.0);
        copy
    }
}

/// A memory view of new bytes with the items of a view, in C's order or in Fortran's.
unsafe fn contiguous_copy(vm: &VirtualMachine, view: &c::Py_buffer, order: c_char) -> PyResult<New> {
    let order = if order as u8 == b'F' { order } else { b'C' as c_char };
    let mut bytes = vec![0u8; view.len.max(0) as usize];
    let mut strides = vec![0isize; view.ndim.max(0) as usize];
    // SAFETY: an open view, with its shape.
    let shape = unsafe {
        if PyBuffer_ToContiguous(bytes.as_mut_ptr().cast(), view, view.len, order) < 0 {
            return Err(error::fetch(vm, "PyBuffer_ToContiguous"));
        }
        if strides.is_empty() {
            &[][..]
        } else {
            PyBuffer_FillContiguousStrides(view.ndim, view.shape, strides.as_mut_ptr(), view.itemsize as c_int, order);
            std::slice::from_raw_parts(view.shape, strides.len())
        }
    };
    let bytes: PyObjectRef = vm.ctx.new_bytes(bytes).into();
    let mut buffer = PyBuffer::try_from_borrowed_object(vm, &bytes)?;
    // SAFETY: a memory view's format.
    buffer.desc.format = unsafe { formats::lasting(vm, text::of_c(view.format), view.itemsize.max(0) as usize) };
    buffer.desc.itemsize = view.itemsize as usize;
    buffer.desc.dim_desc = shape.iter().zip(strides).map(|(length, stride)| (*length as usize, stride, 0)).collect();
    Ok(New::of(vm, PyMemoryView::from_buffer(buffer, vm)?.into_pyobject(vm)))
}
