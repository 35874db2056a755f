//! `bytesobject.h` and `cpython/bytesobject.h`: bytes.

use super::prelude::*;
use crate::retrieve::bytes_slice;

/// A new bytes object with a copy of `size` bytes, or of none if `data` is NULL, for the caller to fill.
pub unsafe extern "C" fn PyBytes_FromStringAndSize(data: *const c_char, size: isize) -> New {
    if size < 0 {
        return api(|vm| Err(vm.new_system_error("Negative size passed to PyBytes_FromStringAndSize")));
    }
    // SAFETY: C's arguments; the block has room.
    unsafe {
        let made = store::bytes_block_uninit(size as usize, statics().bytes);
        if made.is_null() {
            return api(|vm| Err(vm.new_memory_error("")));
        }
        if !data.is_null() {
            made.cast::<u8>().add(store::BYTES_DATA).copy_from_nonoverlapping(data.cast(), size as usize);
        }
        New(made)
    }
}

/// A new bytes object from a C string.
pub unsafe extern "C" fn PyBytes_FromString(text: *const c_char) -> New {
    // SAFETY: C's argument.
    unsafe { PyBytes_FromStringAndSize(text, CStr::from_ptr(text).count_bytes() as isize) }
}

/// A new bytes object from anything with a buffer or of small ints.
pub unsafe extern "C" fn PyBytes_FromObject(object: Borrowed) -> New {
    api(|vm| {
        let class: PyObjectRef = vm.ctx.types.bytes_type.to_owned().into();
        let object = object.get(vm)?;
        if object.downcast_ref::<rustpython_vm::builtins::PyStr>().is_some() {
            return Err(vm.new_type_error("cannot convert 'str' object to bytes"));
        }
        Ok(New::of(vm, leave(vm, || class.call((object,), vm))?))
    })
}

/// The length of a bytes object; -1 with an exception.
pub unsafe extern "C" fn PyBytes_Size(bytes: Borrowed) -> isize {
    // SAFETY: C's argument.
    unsafe {
        if Kind::of(bytes.0) == Kind::Bytes {
            return (*bytes.0.cast::<c::PyVarObject>()).ob_size;
        }
    }
    api(|vm| Err(not_bytes(vm, bytes)))
}

fn not_bytes(vm: &VirtualMachine, object: Borrowed) -> rustpython_vm::builtins::PyBaseExceptionRef {
    // SAFETY: C's argument.
    let name = unsafe { error::text((*(*object.0).ob_type).tp_name) };
    vm.new_type_error(format!("expected bytes, {name} found"))
}

/// The bytes, NUL-terminated; they belong to the object.
pub unsafe extern "C" fn PyBytes_AsString(bytes: Borrowed) -> *mut c_char {
    // SAFETY: C's argument.
    unsafe {
        if Kind::of(bytes.0) == Kind::Bytes {
            return bytes.0.cast::<c_char>().add(store::BYTES_DATA);
        }
    }
    api(|vm| Err(not_bytes(vm, bytes)))
}

/// The bytes and their number; without `size`, NUL bytes inside are refused. 0, or -1 with an exception.
pub unsafe extern "C" fn PyBytes_AsStringAndSize(bytes: Borrowed, data: *mut *mut c_char, size: *mut isize) -> c_int {
    api(|vm| {
        // SAFETY: C's arguments.
        unsafe {
            if Kind::of(bytes.0) != Kind::Bytes {
                return Err(not_bytes(vm, bytes));
            }
            *data = bytes.0.cast::<c_char>().add(store::BYTES_DATA);
            if let Some(size) = size.as_mut() {
                *size = (*bytes.0.cast::<c::PyVarObject>()).ob_size;
            } else if bytes_slice(bytes.0).contains(&0) {
                return Err(vm.new_value_error("embedded null byte"));
            }
            Ok(0)
        }
    })
}

/// Replaces `*bytes` by itself and `other` joined; NULL with an exception.
pub unsafe extern "C" fn PyBytes_Concat(bytes: *mut Block, other: Borrowed) {
    // SAFETY: C's arguments; the reference in `*bytes` is ours to give up.
    unsafe {
        if (*bytes).is_null() {
            return;
        }
        let joined = if other.is_null() {
            New::NULL
        } else {
            api(|vm| {
                let left = Borrowed(*bytes).get(vm)?;
                let right = other.get(vm)?;
                Ok(New::of(vm, vm._add(&left, &right)?))
            })
        };
        table::decref(std::mem::replace(&mut *bytes, joined.0));
    }
}

/// [`PyBytes_Concat`] that takes over the reference to `other`.
pub unsafe extern "C" fn PyBytes_ConcatAndDel(bytes: *mut Block, other: Stolen) {
    // SAFETY: C's arguments.
    unsafe { PyBytes_Concat(bytes, Borrowed(other.block())) };
}

/// Gives a bytes object that nobody else knows another size. 0, or -1 with an exception and NULL in `*bytes`.
pub unsafe extern "C" fn _PyBytes_Resize(bytes: *mut Block, size: isize) -> c_int {
    // SAFETY: C's arguments; the reference in `*bytes` is ours to give up.
    unsafe {
        let old = *bytes;
        let held = (*old.cast::<c::PyVarObject>()).ob_size;
        if held == size {
            return 0;
        }
        if (*old).ob_refcnt == 1
            && table::twin_of(old).is_none()
            && crate::block::capacity(old) > store::BYTES_DATA + size as usize
        {
            (*old.cast::<c::PyVarObject>()).ob_size = size;
            (*old.cast::<c::PyBytesObject>()).ob_shash = -1;
            old.cast::<u8>().add(store::BYTES_DATA + size as usize).write(0);
            return 0;
        }
        let new = PyBytes_FromStringAndSize(std::ptr::null(), size);
        if !new.0.is_null() {
            new.0
                .cast::<u8>()
                .add(store::BYTES_DATA)
                .copy_from_nonoverlapping(old.cast::<u8>().add(store::BYTES_DATA), held.min(size) as usize);
        }
        table::decref(old);
        *bytes = new.0;
        if new.0.is_null() { -1 } else { 0 }
    }
}

/// A new bytes object from a format.
pub unsafe extern "C" fn PyBytes_FromFormat(format: *const c_char, va: *mut VaList) -> New {
    api(|vm| {
        // SAFETY: C's arguments.
        unsafe {
            let text = crate::format::format(vm, format, &mut *va)?;
            Ok(New(store::bytes_block(text.as_bytes(), statics().bytes)))
        }
    })
}

/// [`PyBytes_FromFormat`] with a `va_list`.
pub unsafe extern "C" fn PyBytes_FromFormatV(format: *const c_char, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    unsafe { PyBytes_FromFormat(format, va) }
}
