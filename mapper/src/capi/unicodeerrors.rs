//! `pyerrors.h`: the parts of Unicode errors.

use super::abstract_::new_name;
use super::prelude::*;
use crate::capi::support::memory;

/// A new `UnicodeDecodeError`.
pub unsafe extern "C" fn PyUnicodeDecodeError_Create(
    encoding: *const c_char,
    bytes: *const c_char,
    length: isize,
    start: isize,
    end: isize,
    reason: *const c_char,
) -> New {
    api(|vm| {
        // SAFETY: C's arguments.
        let (encoding, bytes, reason) = unsafe {
            let bytes = std::slice::from_raw_parts(bytes.cast::<u8>(), length.max(0) as usize);
            (new_name(vm, encoding)?, memory::copied(vm, bytes)?, new_name(vm, reason)?)
        };
        let class: PyObjectRef = vm.ctx.exceptions.unicode_decode_error.to_owned().into();
        let args = (encoding, vm.ctx.new_bytes(bytes), start, end, reason);
        Ok(New::of(vm, leave(vm, || class.call(args, vm))?))
    })
}

/// A str attribute of an exception, or what else it must be; `TypeError` if it is not.
fn text_of(error: Borrowed, name: &'static str) -> New {
    api(|vm| Ok(New::of(vm, leave_with(vm, error.get(vm)?, |it| it.get_attr(name, vm))?)))
}

/// The number of items in a Unicode error's object.
fn object_length(vm: &VirtualMachine, error: &PyObjectRef) -> PyResult<isize> {
    Ok(leave(vm, || error.get_attr("object", vm)?.length(vm))? as isize)
}

/// A Unicode error's start, cut to its object. 0, or -1 with an exception.
unsafe fn start_of(error: Borrowed, start: *mut isize) -> c_int {
    api(|vm| {
        let error = error.get(vm)?;
        let found = leave(vm, || error.get_attr("start", vm)?.try_index(vm))?.try_to_primitive::<isize>(vm)?;
        // SAFETY: C's argument.
        unsafe { *start = found.clamp(0, (object_length(vm, &error)? - 1).max(0)) };
        Ok(0)
    })
}

/// A Unicode error's end, cut to its object. 0, or -1 with an exception.
unsafe fn end_of(error: Borrowed, end: *mut isize) -> c_int {
    api(|vm| {
        let error = error.get(vm)?;
        let found = leave(vm, || error.get_attr("end", vm)?.try_index(vm))?.try_to_primitive::<isize>(vm)?;
        let length = object_length(vm, &error)?;
        // SAFETY: C's argument.
        unsafe { *end = found.clamp(length.min(1), length) };
        Ok(0)
    })
}

/// Sets an attribute of an exception. 0, or -1 with an exception.
fn set_part(error: Borrowed, name: &'static str, value: impl FnOnce(&VirtualMachine) -> PyResult) -> c_int {
    api(|vm| {
        let value = value(vm)?;
        leave_with(vm, error.get(vm)?, |it| it.set_attr(name, value, vm)).map(|()| 0)
    })
}

/// A encoding error's encoding.
pub unsafe extern "C" fn PyUnicodeEncodeError_GetEncoding(error: Borrowed) -> New {
    text_of(error, "encoding")
}

/// What a encoding error is about.
pub unsafe extern "C" fn PyUnicodeEncodeError_GetObject(error: Borrowed) -> New {
    text_of(error, "object")
}

/// Why a encoding error came about.
pub unsafe extern "C" fn PyUnicodeEncodeError_GetReason(error: Borrowed) -> New {
    text_of(error, "reason")
}

/// Where a encoding error's fault begins. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeEncodeError_GetStart(error: Borrowed, start: *mut isize) -> c_int {
    // SAFETY: C's arguments.
    unsafe { start_of(error, start) }
}

/// Where a encoding error's fault ends. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeEncodeError_GetEnd(error: Borrowed, end: *mut isize) -> c_int {
    // SAFETY: C's arguments.
    unsafe { end_of(error, end) }
}

/// Sets where a encoding error's fault begins. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeEncodeError_SetStart(error: Borrowed, start: isize) -> c_int {
    set_part(error, "start", |vm| Ok(vm.ctx.new_int(start).into()))
}

/// Sets where a encoding error's fault ends. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeEncodeError_SetEnd(error: Borrowed, end: isize) -> c_int {
    set_part(error, "end", |vm| Ok(vm.ctx.new_int(end).into()))
}

/// Sets why a encoding error came about. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeEncodeError_SetReason(error: Borrowed, reason: *const c_char) -> c_int {
    // SAFETY: C's argument.
    set_part(error, "reason", |vm| Ok(unsafe { new_name(vm, reason)? }.into()))
}

/// A decoding error's encoding.
pub unsafe extern "C" fn PyUnicodeDecodeError_GetEncoding(error: Borrowed) -> New {
    text_of(error, "encoding")
}

/// What a decoding error is about.
pub unsafe extern "C" fn PyUnicodeDecodeError_GetObject(error: Borrowed) -> New {
    text_of(error, "object")
}

/// Why a decoding error came about.
pub unsafe extern "C" fn PyUnicodeDecodeError_GetReason(error: Borrowed) -> New {
    text_of(error, "reason")
}

/// Where a decoding error's fault begins. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeDecodeError_GetStart(error: Borrowed, start: *mut isize) -> c_int {
    // SAFETY: C's arguments.
    unsafe { start_of(error, start) }
}

/// Where a decoding error's fault ends. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeDecodeError_GetEnd(error: Borrowed, end: *mut isize) -> c_int {
    // SAFETY: C's arguments.
    unsafe { end_of(error, end) }
}

/// Sets where a decoding error's fault begins. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeDecodeError_SetStart(error: Borrowed, start: isize) -> c_int {
    set_part(error, "start", |vm| Ok(vm.ctx.new_int(start).into()))
}

/// Sets where a decoding error's fault ends. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeDecodeError_SetEnd(error: Borrowed, end: isize) -> c_int {
    set_part(error, "end", |vm| Ok(vm.ctx.new_int(end).into()))
}

/// Sets why a decoding error came about. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeDecodeError_SetReason(error: Borrowed, reason: *const c_char) -> c_int {
    // SAFETY: C's argument.
    set_part(error, "reason", |vm| Ok(unsafe { new_name(vm, reason)? }.into()))
}

/// What a translation error is about.
pub unsafe extern "C" fn PyUnicodeTranslateError_GetObject(error: Borrowed) -> New {
    text_of(error, "object")
}

/// Why a translation error came about.
pub unsafe extern "C" fn PyUnicodeTranslateError_GetReason(error: Borrowed) -> New {
    text_of(error, "reason")
}

/// Where a translation error's fault begins. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeTranslateError_GetStart(error: Borrowed, start: *mut isize) -> c_int {
    // SAFETY: C's arguments.
    unsafe { start_of(error, start) }
}

/// Where a translation error's fault ends. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeTranslateError_GetEnd(error: Borrowed, end: *mut isize) -> c_int {
    // SAFETY: C's arguments.
    unsafe { end_of(error, end) }
}

/// Sets where a translation error's fault begins. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeTranslateError_SetStart(error: Borrowed, start: isize) -> c_int {
    set_part(error, "start", |vm| Ok(vm.ctx.new_int(start).into()))
}

/// Sets where a translation error's fault ends. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeTranslateError_SetEnd(error: Borrowed, end: isize) -> c_int {
    set_part(error, "end", |vm| Ok(vm.ctx.new_int(end).into()))
}

/// Sets why a translation error came about. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeTranslateError_SetReason(error: Borrowed, reason: *const c_char) -> c_int {
    // SAFETY: C's argument.
    set_part(error, "reason", |vm| Ok(unsafe { new_name(vm, reason)? }.into()))
}
