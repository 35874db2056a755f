//! The codecs of `unicodeobject.h`: bytes to strings and back. What is plain UTF-8, Latin-1 or ASCII is done here, the
//! rest by the VM's `_codecs`.

use super::prelude::*;
use super::unicodeobject::{bad_argument, bytes, characters, is_str, made, type_name};
use crate::capi::support::memory;
use crate::twins::forms::characters::Characters;
use crate::twins::forms::unicode;
use crate::twins::forms::unicode::Width;
use rustpython_vm::builtins::{PyStr, PyTuple, PyTupleRef};

/// The encodings that need no codec for most text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plain {
    Utf8,
    Latin1,
    Ascii,
}

impl Plain {
    /// The encoding of a name; UTF-8 for NULL.
    unsafe fn of(name: *const c_char) -> Option<Self> {
        if name.is_null() {
            return Some(Self::Utf8);
        }
        // SAFETY: C's argument.
        let name = unsafe { CStr::from_ptr(name) }.to_bytes();
        let is = |known: &[&str]| {
            known.iter().any(|known| {
                known.len() == name.len()
                    && known.bytes().zip(name).all(|(a, b)| a == if *b == b'_' { b'-' } else { b.to_ascii_lowercase() })
            })
        };
        match () {
            () if is(&["utf-8", "utf8"]) => Some(Self::Utf8),
            () if is(&["latin-1", "latin1", "iso-8859-1", "iso8859-1"]) => Some(Self::Latin1),
            () if is(&["ascii", "us-ascii"]) => Some(Self::Ascii),
            () => None,
        }
    }

    /// The codec's name in `_codecs`.
    fn codec(self, encode: bool) -> &'static str {
        match (self, encode) {
            (Self::Utf8, true) => "utf_8_encode",
            (Self::Utf8, false) => "utf_8_decode",
            (Self::Latin1, true) => "latin_1_encode",
            (Self::Latin1, false) => "latin_1_decode",
            (Self::Ascii, true) => "ascii_encode",
            (Self::Ascii, false) => "ascii_decode",
        }
    }
}

/// The name of an error handler, or None for NULL.
pub(crate) unsafe fn errors_argument(vm: &VirtualMachine, errors: *const c_char) -> PyObjectRef {
    // SAFETY: C's argument.
    if errors.is_null() { vm.ctx.none() } else { vm.ctx.new_str(unsafe { text::of_c(errors) }).into() }
}

/// Calls a function of `_codecs`, which returns a tuple.
fn codec(vm: &VirtualMachine, name: &'static str, args: Vec<PyObjectRef>) -> PyResult<PyTupleRef> {
    leave(vm, || {
        let result = vm.import("_codecs", 0)?.get_attr(name, vm)?.call(args, vm)?;
        result.downcast::<PyTuple>().map_err(|_| vm.new_type_error("a codec must return a tuple"))
    })
}

/// A number that a codec returned.
fn number(vm: &VirtualMachine, result: &PyTupleRef, index: usize) -> PyResult<isize> {
    leave(vm, || result.as_slice()[index].clone().try_into_value(vm))
}

/// Decodes with a codec that takes data and error handler, and more arguments behind these.
unsafe fn decode_with(
    vm: &VirtualMachine,
    name: &'static str,
    data: &[u8],
    errors: *const c_char,
    more: impl IntoIterator<Item = PyObjectRef>,
) -> PyResult<PyTupleRef> {
    // SAFETY: C's argument.
    let errors = unsafe { errors_argument(vm, errors) };
    codec(vm, name, [vm.ctx.new_bytes(memory::copied(vm, data)?).into(), errors].into_iter().chain(more).collect())
}

/// A codec's text as a new reference.
fn text(vm: &VirtualMachine, result: &PyTupleRef) -> New {
    New::of(vm, result.as_slice()[0].clone())
}

/// Encodes with a codec that takes a string and an error handler, and more arguments behind these.
pub(crate) fn encode_with(
    vm: &VirtualMachine,
    name: &'static str,
    string: Borrowed,
    errors: PyObjectRef,
    more: Option<PyObjectRef>,
) -> PyResult<New> {
    if !is_str(string) {
        return Err(bad_argument(vm));
    }
    let args = [string.get(vm)?, errors].into_iter().chain(more).collect();
    Ok(text(vm, &codec(vm, name, args)?))
}

/// The bytes of a string in an encoding that is plain, if it needs no codec.
pub(crate) fn plain_bytes(string: Borrowed, encoding: Plain) -> Option<New> {
    // SAFETY: a string, by the callers' checks; new blocks of bytes are filled.
    unsafe {
        let (length, width) = unicode::shape(string.0);
        let data = unicode::characters(string.0);
        let made = if width == Width::Ascii || width == Width::One && encoding == Plain::Latin1 {
            bytes::new_block(std::slice::from_raw_parts(data, length), statics().bytes)
        } else if encoding == Plain::Utf8 {
            let text = unicode::from_characters(data, length, width);
            text.is_utf8().then(|| bytes::new_block(text.as_bytes(), statics().bytes))?
        } else {
            return None;
        };
        (!made.is_null()).then_some(New(made))
    }
}

/// Encodes a string in an encoding that is plain.
pub(crate) unsafe fn encode_plain(string: Borrowed, encoding: Plain, errors: *const c_char) -> New {
    if is_str(string)
        && let Some(made) = plain_bytes(string, encoding)
    {
        return made;
    }
    // SAFETY: C's argument.
    api(|vm| encode_with(vm, encoding.codec(true), string, unsafe { errors_argument(vm, errors) }, None))
}

/// The string of bytes in an encoding that is plain, if it needs no codec.
fn plain_text(data: &[u8], encoding: Plain) -> Option<New> {
    if data.is_ascii() {
        return Some(made(unicode::from_ascii(data)));
    }
    match encoding {
        Plain::Utf8 => std::str::from_utf8(data).ok().map(|text| made(unicode::from_wtf8(text.as_ref()))),
        Plain::Latin1 => Some(made(Characters::One(data).to_block())),
        Plain::Ascii => None,
    }
}

/// Decodes UTF-8: the string, and how many bytes were read. Unless the data is complete, a character that is not stays.
pub(crate) fn decode_utf8(
    vm: &VirtualMachine,
    data: &[u8],
    errors: *const c_char,
    complete: bool,
) -> PyResult<(New, usize)> {
    if let Some(made) = plain_text(data, Plain::Utf8) {
        return Ok((made, data.len()));
    }
    // SAFETY: C's argument.
    let result = unsafe { decode_with(vm, "utf_8_decode", data, errors, [vm.ctx.new_bool(complete).into()])? };
    Ok((text(vm, &result), number(vm, &result, 1)? as usize))
}

/// Decodes bytes with a codec (UTF-8 if NULL).
pub unsafe extern "C" fn PyUnicode_Decode(
    data: *const c_char,
    size: isize,
    encoding: *const c_char,
    errors: *const c_char,
) -> New {
    // SAFETY: C's arguments.
    unsafe {
        let data = bytes(data, size);
        let plain = Plain::of(encoding);
        if let Some(made) = plain.and_then(|encoding| plain_text(data, encoding)) {
            return made;
        }
        api(|vm| match plain {
            Some(Plain::Utf8) => Ok(decode_utf8(vm, data, errors, true)?.0),
            Some(plain) => Ok(text(vm, &decode_with(vm, plain.codec(false), data, errors, [])?)),
            None => {
                let (data, encoding) = (vm.ctx.new_bytes(memory::copied(vm, data)?), text::of_c(encoding));
                let errors = super::codecs::errors_argument(vm, errors);
                let text = leave(vm, || vm.state.codec_registry.decode_text(data.into(), &encoding, errors, vm))?;
                Ok(New::of(vm, text))
            }
        })
    }
}

/// Decodes an object with a buffer (from UTF-8 if the encoding is NULL).
pub unsafe extern "C" fn PyUnicode_FromEncodedObject(
    object: Borrowed,
    encoding: *const c_char,
    errors: *const c_char,
) -> New {
    api(|vm| {
        if object.is_null() {
            return Err(bad_internal_call(vm));
        }
        if is_str(object) {
            return Err(vm.new_type_error("decoding str is not supported"));
        }
        let managed = object.get(vm)?;
        let data = leave(vm, || managed.try_bytes_like(vm, <[u8]>::to_vec)).map_err(|_| {
            vm.new_type_error(format!("decoding to str: need a bytes-like object, {} found", type_name(object)))
        })?;
        // Nothing is looked up for no data.
        let encoding = if data.is_empty() { std::ptr::null() } else { encoding };
        // SAFETY: C's arguments.
        Ok(unsafe { PyUnicode_Decode(data.as_ptr().cast(), data.len() as isize, encoding, errors) })
    })
}

/// Encodes a string with a codec (UTF-8 if NULL); new bytes.
pub unsafe extern "C" fn PyUnicode_AsEncodedString(
    string: Borrowed,
    encoding: *const c_char,
    errors: *const c_char,
) -> New {
    // SAFETY: C's arguments.
    unsafe {
        if let Some(plain) = Plain::of(encoding) {
            return encode_plain(string, plain, errors);
        }
        api(|vm| {
            if !is_str(string) {
                return Err(bad_argument(vm));
            }
            let (string, encoding) = (string.of::<PyStr>(vm)?, text::of_c(encoding));
            let errors = super::codecs::errors_argument(vm, errors);
            let bytes = leave(vm, || vm.state.codec_registry.encode_text(string, &encoding, errors, vm))?;
            Ok(New::of(vm, bytes))
        })
    }
}

/// A new object with which `PyUnicode_AsCharmapString` reverses a decoding table of 256 characters.
pub unsafe extern "C" fn PyUnicode_BuildEncodingMap(string: Borrowed) -> New {
    api(|vm| {
        if !is_str(string) || characters(vm, string)?.is_empty() {
            return Err(bad_argument(vm));
        }
        let table = string.get(vm)?;
        let map = leave(vm, || vm.import("_codecs", 0)?.get_attr("charmap_build", vm)?.call((table,), vm))?;
        Ok(New::of(vm, map))
    })
}

/// Stores how much a codec read, if C wants to know.
unsafe fn set<T>(to: *mut T, value: T) {
    // SAFETY: C's argument.
    if let Some(to) = unsafe { to.as_mut() } {
        *to = value;
    }
}

/// Decodes UTF-7.
pub unsafe extern "C" fn PyUnicode_DecodeUTF7(data: *const c_char, size: isize, errors: *const c_char) -> New {
    // SAFETY: C's arguments.
    unsafe { PyUnicode_DecodeUTF7Stateful(data, size, errors, std::ptr::null_mut()) }
}

/// Decodes UTF-7; with `consumed`, an incomplete end is left.
pub unsafe extern "C" fn PyUnicode_DecodeUTF7Stateful(
    data: *const c_char,
    size: isize,
    errors: *const c_char,
    consumed: *mut isize,
) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        let complete = vm.ctx.new_bool(consumed.is_null()).into();
        let result = decode_with(vm, "utf_7_decode", bytes(data, size), errors, [complete])?;
        set(consumed, number(vm, &result, 1)?);
        Ok(text(vm, &result))
    })
}

/// Decodes UTF-8.
pub unsafe extern "C" fn PyUnicode_DecodeUTF8(data: *const c_char, size: isize, errors: *const c_char) -> New {
    // SAFETY: C's arguments.
    unsafe { PyUnicode_DecodeUTF8Stateful(data, size, errors, std::ptr::null_mut()) }
}

/// Decodes UTF-8; with `consumed`, an incomplete end is left.
pub unsafe extern "C" fn PyUnicode_DecodeUTF8Stateful(
    data: *const c_char,
    size: isize,
    errors: *const c_char,
    consumed: *mut isize,
) -> New {
    // SAFETY: C's arguments.
    unsafe {
        let data = bytes(data, size);
        if let Some(made) = plain_text(data, Plain::Utf8) {
            set(consumed, data.len() as isize);
            return made;
        }
        api(|vm| {
            let (text, read) = decode_utf8(vm, data, errors, consumed.is_null())?;
            set(consumed, read as isize);
            Ok(text)
        })
    }
}

/// Encodes to UTF-8; new bytes.
pub unsafe extern "C" fn PyUnicode_AsUTF8String(string: Borrowed) -> New {
    // SAFETY: C's arguments.
    unsafe { encode_plain(string, Plain::Utf8, std::ptr::null()) }
}

/// Encodes to UTF-8 with an error handler; new bytes.
pub unsafe extern "C" fn _PyUnicode_AsUTF8String(string: Borrowed, errors: *const c_char) -> New {
    // SAFETY: C's arguments.
    unsafe { encode_plain(string, Plain::Utf8, errors) }
}

/// A string in UTF-8, NUL-terminated, and its length in bytes if `size` is not NULL; belongs to the string.
pub unsafe extern "C" fn PyUnicode_AsUTF8AndSize(string: Borrowed, size: *mut isize) -> *const c_char {
    // SAFETY: C's arguments.
    unsafe {
        if is_str(string) {
            let (length, width) = unicode::shape(string.0);
            if width == Width::Ascii {
                set(size, length as isize);
                return unicode::characters(string.0).cast_const().cast();
            }
            let object = &*string.0.cast::<c::PyCompactUnicodeObject>();
            if !object.utf8.is_null() {
                set(size, object.utf8_length);
                return object.utf8;
            }
        }
        wide_utf8(string, size)
    }
}

/// [`PyUnicode_AsUTF8AndSize`] for what is not ASCII and was not asked for yet, or no string at all.
#[cold]
unsafe fn wide_utf8(string: Borrowed, size: *mut isize) -> *const c_char {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        set(size, -1);
        if !is_str(string) {
            return Err(bad_argument(vm));
        }
        let (text, length) = unicode::utf8(vm, string.0)?;
        set(size, length as isize);
        Ok(text)
    })
}

/// [`PyUnicode_AsUTF8AndSize`] without the length.
pub unsafe extern "C" fn PyUnicode_AsUTF8(string: Borrowed) -> *const c_char {
    // SAFETY: C's argument.
    unsafe { PyUnicode_AsUTF8AndSize(string, std::ptr::null_mut()) }
}

/// [`PyUnicode_AsUTF8`] for a string without NUL inside; `ValueError` otherwise.
pub unsafe extern "C" fn _PyUnicode_AsUTF8NoNUL(string: Borrowed) -> *const c_char {
    let mut size = 0;
    // SAFETY: C's argument.
    unsafe {
        let text = PyUnicode_AsUTF8AndSize(string, &mut size);
        if !text.is_null() && CStr::from_ptr(text).count_bytes() as isize != size {
            return api(|vm| Err(vm.new_value_error("embedded null character")));
        }
        text
    }
}

/// Decodes UTF-16 or UTF-32 from and to a byte order: -1 for little, 1 for big, 0 for a mark or the machine's own.
unsafe fn decode_wide(
    name: &'static str,
    data: *const c_char,
    size: isize,
    errors: *const c_char,
    order: *mut c_int,
    consumed: *mut isize,
) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        let asked = vm.ctx.new_int(order.as_ref().copied().unwrap_or(0)).into();
        let complete = vm.ctx.new_bool(consumed.is_null()).into();
        let result = decode_with(vm, name, bytes(data, size), errors, [asked, complete])?;
        set(consumed, number(vm, &result, 1)?);
        set(order, number(vm, &result, 2)? as c_int);
        Ok(text(vm, &result))
    })
}

/// Decodes UTF-32; `order` is -1, 0 or 1 and tells which byte order was found.
pub unsafe extern "C" fn PyUnicode_DecodeUTF32(
    data: *const c_char,
    size: isize,
    errors: *const c_char,
    order: *mut c_int,
) -> New {
    // SAFETY: C's arguments.
    unsafe { decode_wide("utf_32_ex_decode", data, size, errors, order, std::ptr::null_mut()) }
}

/// [`PyUnicode_DecodeUTF32`]; with `consumed`, an incomplete end is left.
pub unsafe extern "C" fn PyUnicode_DecodeUTF32Stateful(
    data: *const c_char,
    size: isize,
    errors: *const c_char,
    order: *mut c_int,
    consumed: *mut isize,
) -> New {
    // SAFETY: C's arguments.
    unsafe { decode_wide("utf_32_ex_decode", data, size, errors, order, consumed) }
}

/// Encodes to UTF-32 with a mark; new bytes.
pub unsafe extern "C" fn PyUnicode_AsUTF32String(string: Borrowed) -> New {
    // SAFETY: C's argument.
    unsafe { _PyUnicode_EncodeUTF32(string, std::ptr::null(), 0) }
}

/// Encodes to UTF-32 in a byte order: -1, 1, or 0 for the machine's own with a mark; new bytes.
pub unsafe extern "C" fn _PyUnicode_EncodeUTF32(string: Borrowed, errors: *const c_char, order: c_int) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        encode_with(vm, "utf_32_encode", string, errors_argument(vm, errors), Some(vm.ctx.new_int(order).into()))
    })
}

/// Decodes UTF-16; `order` is -1, 0 or 1 and tells which byte order was found.
pub unsafe extern "C" fn PyUnicode_DecodeUTF16(
    data: *const c_char,
    size: isize,
    errors: *const c_char,
    order: *mut c_int,
) -> New {
    // SAFETY: C's arguments.
    unsafe { decode_wide("utf_16_ex_decode", data, size, errors, order, std::ptr::null_mut()) }
}

/// [`PyUnicode_DecodeUTF16`]; with `consumed`, an incomplete end is left.
pub unsafe extern "C" fn PyUnicode_DecodeUTF16Stateful(
    data: *const c_char,
    size: isize,
    errors: *const c_char,
    order: *mut c_int,
    consumed: *mut isize,
) -> New {
    // SAFETY: C's arguments.
    unsafe { decode_wide("utf_16_ex_decode", data, size, errors, order, consumed) }
}

/// Encodes to UTF-16 with a mark; new bytes.
pub unsafe extern "C" fn PyUnicode_AsUTF16String(string: Borrowed) -> New {
    // SAFETY: C's argument.
    unsafe { _PyUnicode_EncodeUTF16(string, std::ptr::null(), 0) }
}

/// Encodes to UTF-16 in a byte order: -1, 1, or 0 for the machine's own with a mark; new bytes.
pub unsafe extern "C" fn _PyUnicode_EncodeUTF16(string: Borrowed, errors: *const c_char, order: c_int) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        encode_with(vm, "utf_16_encode", string, errors_argument(vm, errors), Some(vm.ctx.new_int(order).into()))
    })
}

/// Decodes the escapes of Python's string literals.
pub unsafe extern "C" fn PyUnicode_DecodeUnicodeEscape(data: *const c_char, size: isize, errors: *const c_char) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe { Ok(text(vm, &decode_with(vm, "unicode_escape_decode", bytes(data, size), errors, [])?)) })
}

/// Encodes with the escapes of Python's string literals; new bytes.
pub unsafe extern "C" fn PyUnicode_AsUnicodeEscapeString(string: Borrowed) -> New {
    api(|vm| encode_with(vm, "unicode_escape_encode", string, vm.ctx.none(), None))
}

/// Decodes the escapes of Python 2's raw Unicode literals.
pub unsafe extern "C" fn PyUnicode_DecodeRawUnicodeEscape(
    data: *const c_char,
    size: isize,
    errors: *const c_char,
) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe { Ok(text(vm, &decode_with(vm, "raw_unicode_escape_decode", bytes(data, size), errors, [])?)) })
}

/// Encodes with the escapes of Python 2's raw Unicode literals; new bytes.
pub unsafe extern "C" fn PyUnicode_AsRawUnicodeEscapeString(string: Borrowed) -> New {
    api(|vm| encode_with(vm, "raw_unicode_escape_encode", string, vm.ctx.none(), None))
}

/// Decodes Latin-1.
pub unsafe extern "C" fn PyUnicode_DecodeLatin1(data: *const c_char, size: isize, _errors: *const c_char) -> New {
    // SAFETY: C's arguments.
    made(Characters::One(unsafe { bytes(data, size) }).to_block())
}

/// Encodes to Latin-1; new bytes.
pub unsafe extern "C" fn PyUnicode_AsLatin1String(string: Borrowed) -> New {
    // SAFETY: C's argument.
    unsafe { encode_plain(string, Plain::Latin1, std::ptr::null()) }
}

/// Decodes ASCII.
pub unsafe extern "C" fn PyUnicode_DecodeASCII(data: *const c_char, size: isize, errors: *const c_char) -> New {
    // SAFETY: C's arguments.
    unsafe { PyUnicode_Decode(data, size, c"ascii".as_ptr(), errors) }
}

/// Encodes to ASCII; new bytes.
pub unsafe extern "C" fn PyUnicode_AsASCIIString(string: Borrowed) -> New {
    // SAFETY: C's argument.
    unsafe { encode_plain(string, Plain::Ascii, std::ptr::null()) }
}

/// Decodes bytes by a mapping of numbers to characters (Latin-1 if NULL).
pub unsafe extern "C" fn PyUnicode_DecodeCharmap(
    data: *const c_char,
    size: isize,
    mapping: Borrowed,
    errors: *const c_char,
) -> New {
    // SAFETY: C's arguments.
    unsafe {
        if mapping.is_null() {
            return PyUnicode_DecodeLatin1(data, size, errors);
        }
        api(|vm| {
            let mapping = mapping.get(vm)?;
            Ok(text(vm, &decode_with(vm, "charmap_decode", bytes(data, size), errors, [mapping])?))
        })
    }
}

/// Encodes a string by a mapping of characters to numbers or bytes; new bytes.
pub unsafe extern "C" fn PyUnicode_AsCharmapString(string: Borrowed, mapping: Borrowed) -> New {
    api(|vm| {
        if mapping.is_null() {
            return Err(bad_argument(vm));
        }
        encode_with(vm, "charmap_encode", string, vm.ctx.new_str("strict").into(), Some(mapping.get(vm)?))
    })
}
