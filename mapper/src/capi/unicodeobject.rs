//! `unicodeobject.h` and `cpython/unicodeobject.h`: strings.

use super::prelude::*;
use crate::unicode::{self, Width};
use rustpython_vm::builtins::PyStr;
use rustpython_vm::common::wtf8::{CodePoint, Wtf8Buf};

/// A new reference to a fresh block; `MemoryError` if there is none.
fn made(block: Option<Block>) -> New {
    match block {
        Some(block) => New(block),
        None => api(|vm| Err(vm.new_memory_error(""))),
    }
}

/// A new string from UTF-8; what is not UTF-8 raises `UnicodeDecodeError`.
unsafe fn from_utf8(bytes: &[u8]) -> New {
    if bytes.is_ascii() {
        return made(unicode::from_ascii(bytes));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => made(unicode::from_wtf8(text.as_ref())),
        Err(_) => api(|vm| decode(vm, bytes, "utf-8", None)),
    }
}

/// Decodes bytes with a codec.
fn decode(vm: &VirtualMachine, bytes: &[u8], encoding: &str, errors: Option<String>) -> PyResult<New> {
    let bytes = vm.ctx.new_bytes(bytes.to_vec());
    let args: Vec<PyObjectRef> = std::iter::once(encoding.to_owned()).chain(errors).map(|it| vm.ctx.new_str(it).into()).collect();
    Ok(New::of(vm, leave(vm, || vm.call_method(bytes.as_object(), "decode", args))?))
}

/// A new string, for the caller to fill, of characters up to `largest`.
pub unsafe extern "C" fn PyUnicode_New(length: isize, largest: u32) -> New {
    if length < 0 {
        return api(|vm| Err(vm.new_system_error("Negative size passed to PyUnicode_New")));
    }
    // SAFETY: the caller fills it before anybody reads it.
    made(unsafe { unicode::new_compact(length as usize, Width::for_largest(largest)) })
}

/// A new string from `length` characters of one, two or four bytes.
pub unsafe extern "C" fn PyUnicode_FromKindAndData(kind: c_int, data: *const c_void, length: isize) -> New {
    let width = match kind {
        1 => Width::One,
        2 => Width::Two,
        4 => Width::Four,
        _ => return api(|vm| Err(vm.new_system_error("invalid kind"))),
    };
    // SAFETY: C's arguments.
    unsafe {
        if width == Width::One {
            let bytes = std::slice::from_raw_parts(data.cast::<u8>(), length.max(0) as usize);
            if bytes.is_ascii() {
                return made(unicode::from_ascii(bytes));
            }
        }
        made(unicode::from_wtf8(&unicode::from_characters(data.cast(), length.max(0) as usize, width)))
    }
}

/// A new string from `size` bytes of UTF-8.
pub unsafe extern "C" fn PyUnicode_FromStringAndSize(text: *const c_char, size: isize) -> New {
    // SAFETY: C's arguments.
    unsafe {
        if size < 0 {
            return api(|vm| Err(vm.new_system_error("Negative size passed to PyUnicode_FromStringAndSize")));
        }
        if text.is_null() {
            return api(|vm| Err(vm.new_system_error("NULL string with positive size with NULL passed to PyUnicode_FromStringAndSize")));
        }
        from_utf8(std::slice::from_raw_parts(text.cast::<u8>(), size as usize))
    }
}

/// A new string from a C string in UTF-8.
pub unsafe extern "C" fn PyUnicode_FromString(text: *const c_char) -> New {
    // SAFETY: C's argument.
    unsafe { from_utf8(CStr::from_ptr(text).to_bytes()) }
}

/// A new string from one character.
pub unsafe extern "C" fn PyUnicode_FromOrdinal(ordinal: c_int) -> New {
    api(|vm| {
        let point = u32::try_from(ordinal).ok().and_then(CodePoint::from_u32);
        let point = point.ok_or_else(|| vm.new_value_error("chr() arg not in range(0x110000)"))?;
        let mut text = Wtf8Buf::new();
        text.push(point);
        Ok(made(unicode::from_wtf8(&text)))
    })
}

/// A string as it is, an instance of a subclass as a new exact string.
pub unsafe extern "C" fn PyUnicode_FromObject(object: Borrowed) -> New {
    api(|vm| {
        // SAFETY: C's argument.
        unsafe {
            if (*object.0).ob_type == statics().unicode {
                return Ok(object.again());
            }
            if Kind::of(object.0) == Kind::Unicode {
                let (length, width) = unicode::shape(object.0);
                let text = unicode::from_characters(unicode::characters(object.0), length, width);
                return Ok(made(unicode::from_wtf8(&text)));
            }
            let name = error::text((*(*object.0).ob_type).tp_name);
            Err(vm.new_type_error(format!("Can't convert '{name}' object to str implicitly")))
        }
    })
}

/// A new string from a format.
pub unsafe extern "C" fn PyUnicode_FromFormat(format: *const c_char, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    api(|vm| Ok(made(unicode::from_wtf8(&unsafe { crate::format::format(vm, format, &mut *va)? }))))
}

/// [`PyUnicode_FromFormat`] with a `va_list`.
pub unsafe extern "C" fn PyUnicode_FromFormatV(format: *const c_char, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    unsafe { PyUnicode_FromFormat(format, va) }
}

/// Replaces `*string` by the one equal string that is kept for ever.
pub unsafe extern "C" fn PyUnicode_InternInPlace(string: *mut Block) {
    infallible((), |vm| {
        // SAFETY: C's argument; the reference in `*string` is ours to exchange.
        unsafe {
            if (*string).is_null() || (**string).ob_type != statics().unicode {
                return Ok(());
            }
            let text = Borrowed(*string).of::<PyStr>(vm)?;
            let interned: PyObjectRef = vm.ctx.intern_str(text.as_wtf8()).to_owned().into();
            let block = store::store(vm, &interned);
            (*block.cast::<c::PyASCIIObject>()).state |= unicode::INTERNED;
            table::decref(std::mem::replace(&mut *string, block));
        }
        Ok(())
    });
}

/// The one equal string that is kept for ever, as a new reference.
pub unsafe extern "C" fn PyUnicode_InternFromString(text: *const c_char) -> New {
    api(|vm| {
        // SAFETY: C's argument.
        let interned: PyObjectRef = vm.ctx.intern_str(unsafe { error::text(text) }).to_owned().into();
        let block = store::store(vm, &interned);
        // SAFETY: a str's block.
        unsafe { (*block.cast::<c::PyASCIIObject>()).state |= unicode::INTERNED };
        Ok(New(block))
    })
}

/// Whether an object is a string; raises in CPython's words if not.
unsafe fn check(vm: &VirtualMachine, object: Borrowed) -> PyResult<()> {
    // SAFETY: C's argument.
    if object.is_null() || unsafe { Kind::of(object.0) } != Kind::Unicode {
        return Err(vm.new_type_error("bad argument type for built-in operation"));
    }
    Ok(())
}

/// A string's length in characters; -1 with an exception.
pub unsafe extern "C" fn PyUnicode_GetLength(string: Borrowed) -> isize {
    // SAFETY: C's argument.
    unsafe {
        if Kind::of(string.0) == Kind::Unicode {
            return (*string.0.cast::<c::PyASCIIObject>()).length;
        }
    }
    api(|vm| Err(vm.new_type_error("bad argument type for built-in operation")))
}

/// One character; -1 with an exception.
pub unsafe extern "C" fn PyUnicode_ReadChar(string: Borrowed, index: isize) -> u32 {
    // SAFETY: C's argument.
    api(|vm| unsafe {
        check(vm, string)?;
        let (length, width) = unicode::shape(string.0);
        let index = usize::try_from(index).ok().filter(|index| *index < length);
        let index = index.ok_or_else(|| vm.new_index_error("string index out of range"))?;
        let data = unicode::characters(string.0);
        Ok(match width {
            Width::Ascii | Width::One => u32::from(*data.add(index)),
            Width::Two => u32::from(*data.cast::<u16>().add(index)),
            Width::Four => *data.cast::<u32>().add(index),
        })
    })
}

/// A string in UTF-8, NUL-terminated, and its length in bytes if `size` is not NULL; belongs to the string.
pub unsafe extern "C" fn PyUnicode_AsUTF8AndSize(string: Borrowed, size: *mut isize) -> *const c_char {
    // SAFETY: C's arguments.
    unsafe {
        if !string.is_null() && Kind::of(string.0) == Kind::Unicode {
            let (length, width) = unicode::shape(string.0);
            if width == Width::Ascii {
                if let Some(size) = size.as_mut() {
                    *size = length as isize;
                }
                return unicode::characters(string.0).cast_const().cast();
            }
        }
        api(|vm| {
            if let Some(size) = size.as_mut() {
                *size = -1;
            }
            check(vm, string)?;
            let (text, length) = unicode::utf8(vm, string.0)?;
            if let Some(size) = size.as_mut() {
                *size = length as isize;
            }
            Ok(text)
        })
    }
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

/// Text that C gave, or a default for NULL.
unsafe fn or(text: *const c_char, default: &str) -> String {
    // SAFETY: C's argument.
    if text.is_null() { default.to_owned() } else { unsafe { error::text(text) } }
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
        let bytes = std::slice::from_raw_parts(data.cast::<u8>(), size.max(0) as usize);
        let errors = (!errors.is_null()).then(|| error::text(errors));
        api(|vm| decode(vm, bytes, &or(encoding, "utf-8"), errors))
    }
}

/// Decodes an object with a buffer.
pub unsafe extern "C" fn PyUnicode_FromEncodedObject(
    object: Borrowed,
    encoding: *const c_char,
    errors: *const c_char,
) -> New {
    api(|vm| {
        let object = object.get(vm)?;
        if object.downcast_ref::<PyStr>().is_some() {
            return Err(vm.new_type_error("decoding str is not supported"));
        }
        let bytes = object.try_bytes_like(vm, <[u8]>::to_vec).map_err(|_| {
            vm.new_type_error(format!("decoding to str: need a bytes-like object, {} found", object.class().name()))
        })?;
        // SAFETY: C's arguments.
        unsafe { decode(vm, &bytes, &or(encoding, "utf-8"), (!errors.is_null()).then(|| error::text(errors))) }
    })
}

/// Encodes a string with a codec (UTF-8 if NULL); new bytes.
pub unsafe extern "C" fn PyUnicode_AsEncodedString(
    string: Borrowed,
    encoding: *const c_char,
    errors: *const c_char,
) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        check(vm, string)?;
        encode(vm, string, &or(encoding, "utf-8"), &or(errors, "strict"))
    })
}

fn encode(vm: &VirtualMachine, string: Borrowed, encoding: &str, errors: &str) -> PyResult<New> {
    let string = string.get(vm)?;
    let args = (encoding.to_owned(), errors.to_owned());
    Ok(New::of(vm, leave(vm, || vm.call_method(&string, "encode", args))?))
}

/// Decodes UTF-8.
pub unsafe extern "C" fn PyUnicode_DecodeUTF8(data: *const c_char, size: isize, errors: *const c_char) -> New {
    // SAFETY: C's arguments.
    unsafe {
        let bytes = std::slice::from_raw_parts(data.cast::<u8>(), size.max(0) as usize);
        if bytes.is_ascii() {
            return made(unicode::from_ascii(bytes));
        }
        if let Ok(text) = std::str::from_utf8(bytes) {
            return made(unicode::from_wtf8(text.as_ref()));
        }
        PyUnicode_Decode(data, size, c"utf-8".as_ptr(), errors)
    }
}

/// Encodes to UTF-8; new bytes.
pub unsafe extern "C" fn PyUnicode_AsUTF8String(string: Borrowed) -> New {
    // SAFETY: C's argument.
    api(|vm| unsafe {
        check(vm, string)?;
        encode(vm, string, "utf-8", "strict")
    })
}

/// Decodes Latin-1.
pub unsafe extern "C" fn PyUnicode_DecodeLatin1(data: *const c_char, size: isize, _errors: *const c_char) -> New {
    // SAFETY: C's arguments.
    unsafe { PyUnicode_FromKindAndData(1, data.cast(), size) }
}

/// Encodes to Latin-1; new bytes.
pub unsafe extern "C" fn PyUnicode_AsLatin1String(string: Borrowed) -> New {
    api(|vm| encode(vm, string, "latin-1", "strict"))
}

/// Decodes ASCII.
pub unsafe extern "C" fn PyUnicode_DecodeASCII(data: *const c_char, size: isize, errors: *const c_char) -> New {
    // SAFETY: C's arguments.
    unsafe { PyUnicode_Decode(data, size, c"ascii".as_ptr(), errors) }
}

/// Encodes to ASCII; new bytes.
pub unsafe extern "C" fn PyUnicode_AsASCIIString(string: Borrowed) -> New {
    api(|vm| encode(vm, string, "ascii", "strict"))
}

/// Decodes a file name.
pub unsafe extern "C" fn PyUnicode_DecodeFSDefaultAndSize(data: *const c_char, size: isize) -> New {
    // SAFETY: C's arguments.
    unsafe { PyUnicode_Decode(data, size, c"utf-8".as_ptr(), c"surrogateescape".as_ptr()) }
}

/// Decodes a file name, a C string.
pub unsafe extern "C" fn PyUnicode_DecodeFSDefault(text: *const c_char) -> New {
    // SAFETY: C's argument.
    unsafe { PyUnicode_DecodeFSDefaultAndSize(text, CStr::from_ptr(text).count_bytes() as isize) }
}

/// Encodes a file name; new bytes.
pub unsafe extern "C" fn PyUnicode_EncodeFSDefault(string: Borrowed) -> New {
    api(|vm| encode(vm, string, "utf-8", "surrogateescape"))
}

/// `O&` converter: a path as encoded bytes, a new reference in `*to`.
pub unsafe extern "C" fn PyUnicode_FSConverter(path: Borrowed, to: *mut Block) -> c_int {
    const CLEANUP: c_int = 0x20000;
    // SAFETY: C's arguments.
    unsafe {
        if path.is_null() {
            lifetime::xdecref(std::mem::replace(&mut *to, std::ptr::null_mut()));
            return 1;
        }
        let result = api(|vm| {
            let os = vm.import("os", 0)?;
            let path = path.get(vm)?;
            let bytes = leave(vm, || vm.call_method(&os, "fsencode", (path,)))?;
            let block = store::store(vm, &bytes);
            if crate::retrieve::bytes_slice(block).contains(&0) {
                table::decref(block);
                return Err(vm.new_value_error("embedded null byte"));
            }
            *to = block;
            Ok(CLEANUP)
        });
        if result < 0 { 0 } else { result }
    }
}

/// Two strings joined in a new one.
pub unsafe extern "C" fn PyUnicode_Concat(left: Borrowed, right: Borrowed) -> New {
    api(|vm| {
        let (left, right) = (left.get(vm)?, right.get(vm)?);
        Ok(New::of(vm, vm._add(&left, &right)?))
    })
}

/// Replaces `*left` by itself and `right` joined; NULL with an exception.
pub unsafe extern "C" fn PyUnicode_Append(left: *mut Block, right: Borrowed) {
    // SAFETY: C's arguments; the reference in `*left` is ours to exchange.
    unsafe {
        if (*left).is_null() {
            return;
        }
        let joined = if right.is_null() { New::NULL } else { PyUnicode_Concat(Borrowed(*left), right) };
        table::decref(std::mem::replace(&mut *left, joined.0));
    }
}

/// [`PyUnicode_Append`] that takes over the reference to `right`.
pub unsafe extern "C" fn PyUnicode_AppendAndDel(left: *mut Block, right: Stolen) {
    // SAFETY: C's arguments.
    unsafe { PyUnicode_Append(left, Borrowed(right.block())) };
}

/// Calls a string's method.
fn method(vm: &VirtualMachine, string: Borrowed, name: &'static str, args: Vec<PyObjectRef>) -> PyResult<New> {
    let string = string.get(vm)?;
    Ok(New::of(vm, leave(vm, || vm.call_method(&string, name, args))?))
}

/// Joins the strings of a sequence.
pub unsafe extern "C" fn PyUnicode_Join(separator: Borrowed, sequence: Borrowed) -> New {
    api(|vm| method(vm, separator, "join", vec![sequence.get(vm)?]))
}

/// Splits a string, at white space if the separator is NULL.
pub unsafe extern "C" fn PyUnicode_Split(string: Borrowed, separator: Borrowed, most: isize) -> New {
    api(|vm| {
        let separator = separator.opt(vm)?.unwrap_or_else(|| vm.ctx.none());
        method(vm, string, "split", vec![separator, vm.ctx.new_int(most).into()])
    })
}

/// Replaces up to `most` occurrences, all if negative.
pub unsafe extern "C" fn PyUnicode_Replace(string: Borrowed, old: Borrowed, new: Borrowed, most: isize) -> New {
    api(|vm| method(vm, string, "replace", vec![old.get(vm)?, new.get(vm)?, vm.ctx.new_int(most).into()]))
}

/// `string % args`.
pub unsafe extern "C" fn PyUnicode_Format(string: Borrowed, args: Borrowed) -> New {
    api(|vm| method(vm, string, "__mod__", vec![args.get(vm)?]))
}

/// Some of the characters in a new string.
pub unsafe extern "C" fn PyUnicode_Substring(string: Borrowed, start: isize, end: isize) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        check(vm, string)?;
        if start < 0 || end < 0 {
            return Err(vm.new_index_error("string index out of range"));
        }
        let (length, width) = unicode::shape(string.0);
        let start = (start as usize).min(length);
        let end = (end as usize).clamp(start, length);
        let data = unicode::characters(string.0).add(start * width.bytes());
        Ok(made(unicode::from_wtf8(&unicode::from_characters(data, end - start, width))))
    })
}

/// A string's text, for comparisons.
unsafe fn text_of(string: Borrowed) -> Wtf8Buf {
    // SAFETY: C's argument.
    unsafe {
        let (length, width) = unicode::shape(string.0);
        unicode::from_characters(unicode::characters(string.0), length, width)
    }
}

/// Compares two strings: -1, 0 or 1; -1 with an exception if one is no string.
pub unsafe extern "C" fn PyUnicode_Compare(left: Borrowed, right: Borrowed) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        if Kind::of(left.0) != Kind::Unicode || Kind::of(right.0) != Kind::Unicode {
            let [left, right] = [left, right].map(|it| error::text((*(*it.0).ob_type).tp_name));
            return Err(vm.new_type_error(format!("Can't compare {left} and {right}")));
        }
        Ok(text_of(left).code_points().map(CodePoint::to_u32).cmp(text_of(right).code_points().map(CodePoint::to_u32)) as c_int)
    })
}

/// Whether two strings are equal.
pub unsafe extern "C" fn PyUnicode_Equal(left: Borrowed, right: Borrowed) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        check(vm, left)?;
        check(vm, right)?;
        Ok(c_int::from(left.0 == right.0 || text_of(left) == text_of(right)))
    })
}

/// Compares a string with ASCII text: -1, 0 or 1.
pub unsafe extern "C" fn PyUnicode_CompareWithASCIIString(string: Borrowed, text: *const c_char) -> c_int {
    // SAFETY: C's arguments.
    unsafe {
        let other = CStr::from_ptr(text).to_bytes().iter().map(|byte| u32::from(*byte));
        text_of(string).code_points().map(CodePoint::to_u32).cmp(other) as c_int
    }
}

/// Whether a string is equal to ASCII text.
pub unsafe extern "C" fn _PyUnicode_EqualToASCIIString(string: Borrowed, text: *const c_char) -> c_int {
    // SAFETY: C's arguments.
    unsafe { c_int::from(PyUnicode_CompareWithASCIIString(string, text) == 0) }
}

/// Whether a string is equal to UTF-8 text.
pub unsafe extern "C" fn PyUnicode_EqualToUTF8(string: Borrowed, text: *const c_char) -> c_int {
    // SAFETY: C's arguments.
    unsafe { c_int::from(text_of(string).as_bytes() == CStr::from_ptr(text).to_bytes()) }
}

/// Whether a string contains another: 1, 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicode_Contains(string: Borrowed, part: Borrowed) -> c_int {
    api(|vm| {
        let (string, part) = (string.get(vm)?, part.get(vm)?);
        let found = vm.call_method(&string, "__contains__", (part,))?;
        Ok(c_int::from(found.try_to_bool(vm)?))
    })
}

/// Whether a string could be a name.
pub unsafe extern "C" fn PyUnicode_IsIdentifier(string: Borrowed) -> c_int {
    infallible(0, |vm| Ok(c_int::from(string.of::<PyStr>(vm)?.isidentifier())))
}

/// The encoding of `str` when none is given.
pub unsafe extern "C" fn PyUnicode_GetDefaultEncoding() -> *const c_char {
    c"utf-8".as_ptr()
}
