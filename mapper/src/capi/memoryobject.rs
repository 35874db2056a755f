//! `memoryobject.h`: memory views.

use super::prelude::*;
use crate::capi::support::export;
use rustpython_vm::PyPayload;
use rustpython_vm::builtins::PyMemoryView;

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
            PyMemoryView::from_object(&object, vm)
        })?;
        Ok(New::of(vm, view.into_pyobject(vm)))
    })
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
            let mut copy = view.read();
            copy.obj = std::ptr::null_mut();
            // Pointers into the view itself (see `PyBuffer_FillInfo`) must not outlive it: `open` copies what they show.
            let buffer = export::open(vm, copy, vm.ctx.none())?;
            Ok(New::of(vm, PyMemoryView::from_buffer(buffer, vm)?.into_pyobject(vm)))
        }
    })
}

/// A new view in one piece: of the object's memory if that is, else (unless it is to be written) of a copy.
pub unsafe extern "C" fn PyMemoryView_GetContiguous(object: Borrowed, kind: c_int, order: c_char) -> New {
    api(|vm| {
        // SAFETY: C's arguments.
        let view = unsafe { retrieve::take(vm, PyMemoryView_FromObject(object).0)? };
        if kind == WRITE && leave(vm, || view.get_attr("readonly", vm)?.try_to_bool(vm))? {
            return Err(vm.new_buffer_error("underlying buffer is not writable"));
        }
        let attribute = match order as u8 {
            b'C' => "c_contiguous",
            b'F' => "f_contiguous",
            _ => "contiguous",
        };
        if leave(vm, || view.get_attr(attribute, vm)?.try_to_bool(vm))? {
            return Ok(New::of(vm, view));
        }
        if kind == WRITE {
            return Err(vm.new_buffer_error("writable contiguous buffer requested for a non-contiguous object."));
        }
        let order = vm.ctx.new_str(char::from(order as u8).to_string());
        let bytes = leave(vm, || vm.call_method(&view, "tobytes", (order,)))?;
        let copy = PyMemoryView::from_object(&bytes, vm)?.into_pyobject(vm);
        let (format, shape) = (leave(vm, || view.get_attr("format", vm))?, view.get_attr("shape", vm)?);
        Ok(New::of(vm, leave(vm, || vm.call_method(&copy, "cast", (format, shape)))?))
    })
}
