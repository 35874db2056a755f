//! `bytearrayobject.h`: bytearrays.

use super::prelude::*;
use super::support::memory::zeros;
use crate::heap::form::Look;
use crate::lifetime::due;
use crate::twins::forms::bytearray;
use rustpython_vm::builtins::PyByteArray;

/// A new bytearray with a copy of `size` bytes, or of that size if `data` is NULL.
pub unsafe extern "C" fn PyByteArray_FromStringAndSize(data: *const c_char, size: isize) -> New {
    api(|vm| {
        if size < 0 {
            return Err(vm.new_system_error("Negative size passed to PyByteArray_FromStringAndSize"));
        }
        let size = size as usize;
        // With room for the NUL that the block has behind the last byte.
        let mut bytes = zeros(vm, size + 1)?;
        bytes.truncate(size);
        if !data.is_null() {
            // SAFETY: C's arguments.
            bytes.copy_from_slice(unsafe { std::slice::from_raw_parts(data.cast::<u8>(), size) });
        }
        let array: PyObjectRef = vm.ctx.new_bytearray(bytes).into();
        let made = New::of(vm, array.clone());
        due::remember_list(made.0, &array);
        Ok(made)
    })
}

/// The managed bytearray, with the size that C code may have set by hand.
fn sized(vm: &VirtualMachine, array: Borrowed) -> PyResult<rustpython_vm::PyRef<PyByteArray>> {
    let twin = array.of::<PyByteArray>(vm)?;
    // SAFETY: C's argument, a bytearray.
    unsafe { dealloc::hand_on(array.0, Look::Whole) };
    Ok(twin)
}

/// A new bytearray from anything with a buffer.
pub unsafe extern "C" fn PyByteArray_FromObject(object: Borrowed) -> New {
    api(|vm| {
        let class: PyObjectRef = vm.ctx.types.bytearray_type.to_owned().into();
        let object = object.get(vm)?;
        Ok(New::of(vm, leave(vm, || class.call((object,), vm))?))
    })
}

/// The length of a bytearray.
pub unsafe extern "C" fn PyByteArray_Size(array: Borrowed) -> isize {
    api(|vm| Ok(sized(vm, array)?.borrow_buf().len() as isize))
}

/// The bytes, NUL-terminated; they belong to the object and move when it grows.
pub unsafe extern "C" fn PyByteArray_AsString(array: Borrowed) -> *mut c_char {
    api(|vm| {
        let twin = array.of::<PyByteArray>(vm)?;
        // SAFETY: a bytearray's block and its twin.
        unsafe {
            bytearray::refresh(vm, array.0, twin.as_object());
            Ok((*array.0.cast::<c::PyByteArrayObject>()).ob_start)
        }
    })
}

/// Gives a bytearray another size. 0, or -1 with an exception.
pub unsafe extern "C" fn PyByteArray_Resize(array: Borrowed, size: isize) -> c_int {
    api(|vm| {
        if size < 0 {
            return Err(vm.new_value_error(format!("Can only resize to positive sizes, got {size}")));
        }
        let twin = sized(vm, array)?;
        let held = twin.borrow_buf().len();
        if held != size as usize {
            if held < size as usize {
                // The VM does not come back from an allocation that fails: whether this one does is tried before.
                drop(zeros::<u8>(vm, size as usize + 1)?);
            }
            twin.resize(size, vm)?;
        }
        // SAFETY: a bytearray's block and its twin.
        unsafe { bytearray::refresh(vm, array.0, twin.as_object()) };
        // C code that knows how much it has written sets the size itself.
        due::remember_list(array.0, twin.as_object());
        Ok(0)
    })
}

/// Two buffers joined in a new bytearray.
pub unsafe extern "C" fn PyByteArray_Concat(a: Borrowed, b: Borrowed) -> New {
    api(|vm| {
        let (left, right) = (a.get(vm)?, b.get(vm)?);
        let read = |part: &PyObjectRef| leave(vm, || part.try_bytes_like(vm, <[u8]>::to_vec));
        match (read(&left), read(&right)) {
            (Ok(left), Ok(right)) => Ok(New::of(vm, vm.ctx.new_bytearray([left, right].concat()))),
            _ => Err(super::bytesobject::cannot_concat(vm, &right, &left)),
        }
    })
}
