//! The functions of `unicodeobject.h` for text of the system: in the locale's encoding and in that of file names, which
//! both are UTF-8.

use super::prelude::*;
use super::unicodecodecs::{
    Plain, PyUnicode_Decode, decode_utf8, encode_plain, encode_with, errors_argument, plain_bytes,
};
use super::unicodeobject::{bytes, characters};
use rustpython_vm::builtins::{PyBaseExceptionRef, PyStr};

/// The error handlers that the locale's encoding can have.
unsafe fn check_locale_errors(vm: &VirtualMachine, errors: *const c_char) -> PyResult<()> {
    // SAFETY: C's argument.
    if errors.is_null() || unsafe { ["strict", "surrogateescape", "surrogatepass"].contains(&&*text::of_c(errors)) } {
        return Ok(());
    }
    Err(vm.new_value_error("unsupported error handler"))
}

/// A codec's error in the words of the locale's codec, which is UTF-8.
fn locale_error(vm: &VirtualMachine, error: PyBaseExceptionRef, reason: &'static str) -> PyBaseExceptionRef {
    let reworded = || -> PyResult<()> {
        let object = error.as_object();
        let start: isize = leave(vm, || object.get_attr("start", vm)?.try_into_value(vm))?;
        leave(vm, || object.set_attr("encoding", vm.ctx.new_str("locale"), vm))?;
        leave(vm, || object.set_attr("end", vm.ctx.new_int(start + 1), vm))?;
        leave(vm, || object.set_attr("reason", vm.ctx.new_str(reason), vm))
    };
    reworded().err().unwrap_or(error)
}

/// Decodes text of the C library.
pub unsafe extern "C" fn PyUnicode_DecodeLocaleAndSize(data: *const c_char, size: isize, errors: *const c_char) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        check_locale_errors(vm, errors)?;
        let data = bytes(data, size);
        if data.contains(&0) {
            return Err(vm.new_value_error("embedded null byte"));
        }
        match decode_utf8(vm, data, errors, true) {
            Ok((text, _)) => Ok(text),
            Err(error) => Err(locale_error(vm, error, "decoding error")),
        }
    })
}

/// Decodes text of the C library, a C string.
pub unsafe extern "C" fn PyUnicode_DecodeLocale(text: *const c_char, errors: *const c_char) -> New {
    // SAFETY: C's arguments.
    unsafe { PyUnicode_DecodeLocaleAndSize(text, CStr::from_ptr(text).count_bytes() as isize, errors) }
}

/// Encodes a string for the C library; new bytes.
pub unsafe extern "C" fn PyUnicode_EncodeLocale(string: Borrowed, errors: *const c_char) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        check_locale_errors(vm, errors)?;
        if characters(vm, string)?.find_character(0, true).is_some() {
            return Err(vm.new_value_error("embedded null character"));
        }
        match plain_bytes(string, Plain::Utf8) {
            Some(made) => Ok(made),
            None => encode_with(vm, "utf_8_encode", string, errors_argument(vm, errors), None)
                .map_err(|error| locale_error(vm, error, "encoding error")),
        }
    })
}

/// `O&` converter: a path as encoded bytes, a new reference in `*to`. NULL for a path gives that up.
pub unsafe extern "C" fn PyUnicode_FSConverter(path: Borrowed, to: *mut Block) -> c_int {
    // SAFETY: C's arguments.
    unsafe { convert_path(path, to, "fsencode", "embedded null byte") }
}

/// `O&` converter: a path as a string, a new reference in `*to`. NULL for a path gives that up.
pub unsafe extern "C" fn PyUnicode_FSDecoder(path: Borrowed, to: *mut Block) -> c_int {
    // SAFETY: C's arguments.
    unsafe { convert_path(path, to, "fsdecode", "embedded null character") }
}

/// Converts a path by a function of `os`. `Py_CLEANUP_SUPPORTED`, or 0 with an exception.
unsafe fn convert_path(path: Borrowed, to: *mut Block, function: &'static str, with_null: &'static str) -> c_int {
    const CLEANUP: c_int = 0x20000;
    // SAFETY: C's arguments.
    unsafe {
        if path.is_null() {
            dealloc::xdecref(std::mem::replace(&mut *to, std::ptr::null_mut()));
            return 1;
        }
        let converted = api(|vm| {
            let path = path.get(vm)?;
            let path = leave(vm, || vm.import("os", 0)?.get_attr(function, vm)?.call((path,), vm))?;
            let has_null = match path.downcast_ref::<PyStr>() {
                Some(text) => text.as_bytes().contains(&0),
                None => path.try_bytes_like(vm, |bytes| bytes.contains(&0))?,
            };
            if has_null { Err(vm.new_value_error(with_null)) } else { Ok(New::of(vm, path)) }
        });
        if converted.0.is_null() {
            return 0;
        }
        *to = converted.0;
        CLEANUP
    }
}

/// Decodes a file name, a C string.
pub unsafe extern "C" fn PyUnicode_DecodeFSDefault(text: *const c_char) -> New {
    // SAFETY: C's argument.
    unsafe { PyUnicode_DecodeFSDefaultAndSize(text, CStr::from_ptr(text).count_bytes() as isize) }
}

/// Decodes a file name.
pub unsafe extern "C" fn PyUnicode_DecodeFSDefaultAndSize(data: *const c_char, size: isize) -> New {
    // SAFETY: C's arguments.
    unsafe { PyUnicode_Decode(data, size, c"utf-8".as_ptr(), c"surrogateescape".as_ptr()) }
}

/// Encodes a file name; new bytes.
pub unsafe extern "C" fn PyUnicode_EncodeFSDefault(string: Borrowed) -> New {
    // SAFETY: C's argument.
    unsafe { encode_plain(string, Plain::Utf8, c"surrogateescape".as_ptr()) }
}
