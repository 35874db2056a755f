//! `cpython/picklebufobject.h`: buffers that pickling leaves where they are. Their blocks have room for the `Py_buffer`
//! that C code asks for.

use super::prelude::*;
use crate::twins::forms::buffer::{self, PickleBuffer};
use rustpython_vm::builtins::PyMemoryView;
use rustpython_vm::function::FuncArgs;

/// A new buffer over an object's memory.
pub unsafe extern "C" fn PyPickleBuffer_FromObject(object: Borrowed) -> New {
    api(|vm| {
        let class: PyObjectRef = types::of_builtin_module(vm, "_pickle", "PickleBuffer")?.into();
        let args = FuncArgs::from(vec![object.get(vm)?]);
        Ok(New::of(vm, leave(vm, || class.call(args, vm))?))
    })
}

/// The managed object of a `PickleBuffer`.
fn checked(vm: &VirtualMachine, buffer: Borrowed) -> PyResult {
    // SAFETY: C's argument.
    let name = unsafe { text::of_c((*(*buffer.0).ob_type).tp_name) };
    if name != "pickle.PickleBuffer" {
        return Err(vm.new_type_error(format!("expected PickleBuffer, {name} found")));
    }
    buffer.get(vm)
}

/// The memory of a buffer, described until the buffer ends; NULL with `ValueError` if it was released.
pub unsafe extern "C" fn PyPickleBuffer_GetBuffer(buffer: Borrowed) -> *const c::Py_buffer {
    api(|vm| {
        let twin = checked(vm, buffer)?;
        // Fails if it was released.
        PyMemoryView::from_object(&twin, vm)?;
        // SAFETY: blocks of this class have the struct's size.
        unsafe {
            let block = buffer.0.cast::<PickleBuffer>();
            buffer::describe(vm, block.cast(), &raw mut (*block).view, (&raw mut (*block).arrays).cast(), &twin);
            Ok(&raw const (*block).view)
        }
    })
}

/// Lets the memory go. 0, or -1 with an exception.
pub unsafe extern "C" fn PyPickleBuffer_Release(buffer: Borrowed) -> c_int {
    api(|vm| {
        let twin = checked(vm, buffer)?;
        leave(vm, || vm.call_method(&twin, "release", ())).map(|_| 0)
    })
}
