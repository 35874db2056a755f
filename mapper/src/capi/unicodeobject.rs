//! `unicodeobject.h` and `cpython/unicodeobject.h`: making, reading and filling strings. The headers' codecs, string
//! methods, writers and classes of characters are in the `unicode...` files beside this one.

use super::prelude::*;
use crate::twins::forms::characters::Characters;
use crate::twins::forms::unicode;
use crate::twins::forms::unicode::Width;
use rustpython_vm::builtins::{PyBaseExceptionRef, PyStr};

/// A new reference to a fresh block; `MemoryError` if there is none.
#[inline]
pub(crate) fn made(block: Option<Block>) -> New {
    match block {
        Some(block) => New(block),
        None => out_of_memory(),
    }
}

#[cold]
fn out_of_memory() -> New {
    no_memory()
}

/// Whether an argument is a string.
#[inline]
pub(crate) fn is_str(object: Borrowed) -> bool {
    // SAFETY: C's argument.
    !object.is_null() && unsafe { Kind::of(object.0) } == Kind::Unicode
}

/// The characters of an argument.
///
/// # Errors
/// `TypeError`, as `PyErr_BadArgument` raises it, if it is no string.
#[inline]
pub(crate) fn characters<'a>(vm: &VirtualMachine, string: Borrowed) -> PyResult<Characters<'a>> {
    if !is_str(string) {
        return Err(bad_argument(vm));
    }
    // SAFETY: C keeps its argument for the time of the call.
    Ok(unsafe { Characters::of(string.0) })
}

/// What `PyErr_BadArgument` raises.
#[cold]
pub(crate) fn bad_argument(vm: &VirtualMachine) -> PyBaseExceptionRef {
    vm.new_type_error("bad argument type for built-in operation")
}

/// The name of an argument's type, as `tp_name` has it.
pub(crate) fn type_name(object: Borrowed) -> String {
    // SAFETY: C's argument.
    if object.is_null() { "NULL".to_owned() } else { unsafe { text::of_c((*(*object.0).ob_type).tp_name) } }
}

/// Bytes that C gave.
///
/// # Safety
/// `data` points to `size` bytes, which live as long as the result is used.
#[inline]
pub(crate) unsafe fn bytes<'a>(data: *const c_char, size: isize) -> &'a [u8] {
    if size <= 0 || data.is_null() {
        return &[];
    }
    // SAFETY: by contract.
    unsafe { std::slice::from_raw_parts(data.cast(), size as usize) }
}

/// A new string from UTF-8; what is not UTF-8 raises `UnicodeDecodeError`.
#[inline]
pub(crate) fn from_utf8(bytes: &[u8]) -> New {
    if bytes.is_ascii() {
        return made(unicode::from_ascii(bytes));
    }
    from_wide_utf8(bytes)
}

fn from_wide_utf8(bytes: &[u8]) -> New {
    match std::str::from_utf8(bytes) {
        Ok(text) => made(unicode::from_wtf8(text.as_ref())),
        Err(_) => api(|vm| super::unicodecodecs::decode_utf8(vm, bytes, std::ptr::null(), true).map(|(text, _)| text)),
    }
}

/// A new string from `size` bytes of UTF-8.
pub unsafe extern "C" fn PyUnicode_FromStringAndSize(text: *const c_char, size: isize) -> New {
    if size < 0 {
        return api(|vm| Err(vm.new_system_error("Negative size passed to PyUnicode_FromStringAndSize")));
    }
    if text.is_null() && size > 0 {
        return api(|vm| {
            Err(vm.new_system_error("NULL string with positive size with NULL passed to PyUnicode_FromStringAndSize"))
        });
    }
    // SAFETY: C's arguments.
    from_utf8(unsafe { bytes(text, size) })
}

/// A new string from a C string in UTF-8.
pub unsafe extern "C" fn PyUnicode_FromString(text: *const c_char) -> New {
    // SAFETY: C's argument.
    from_utf8(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// The characters from `start` to `end` in a new string; the string itself if these are all.
pub unsafe extern "C" fn PyUnicode_Substring(string: Borrowed, start: isize, end: isize) -> New {
    api(|vm| {
        let all = characters(vm, string)?;
        if start < 0 || end < 0 {
            return Err(vm.new_index_error("string index out of range"));
        }
        let end = all.len().min(end as usize);
        if start == 0 && end == all.len() {
            return Ok(unchanged(string));
        }
        Ok(made(all.slice((start as usize).min(end)..end).to_block()))
    })
}

/// A string as a new reference, an instance of a subclass as a new exact string.
pub(crate) fn unchanged(string: Borrowed) -> New {
    // SAFETY: a string, by the callers' checks.
    unsafe {
        if (*string.0).ob_type == statics().unicode {
            return string.again();
        }
        made(Characters::of(string.0).to_block())
    }
}

/// Copies a string, with a 0 behind if `with_null`, to a buffer of four-byte characters, and returns that; NULL with an
/// exception.
pub unsafe extern "C" fn PyUnicode_AsUCS4(string: Borrowed, to: *mut u32, size: isize, with_null: c_int) -> *mut u32 {
    api(|vm| {
        if to.is_null() || size < 0 {
            return Err(bad_internal_call(vm));
        }
        let text = characters(vm, string)?;
        // SAFETY: C's arguments; the buffer is seen to be large enough.
        unsafe {
            if (size as usize) < text.len() + usize::from(with_null != 0) {
                if with_null != 0 && size > 0 {
                    *to = 0;
                }
                return Err(vm.new_system_error("string is longer than the buffer"));
            }
            text.write(to.cast(), Width::Four);
            if with_null != 0 {
                *to.add(text.len()) = 0;
            }
        }
        Ok(to)
    })
}

/// A string as four-byte characters with a 0 behind, for the caller to free with `PyMem_Free`.
pub unsafe extern "C" fn PyUnicode_AsUCS4Copy(string: Borrowed) -> *mut u32 {
    api(|vm| {
        let text = characters(vm, string)?;
        // SAFETY: the memory has room for the characters and the 0.
        unsafe {
            let to = libc::malloc((text.len() + 1) * 4).cast::<u32>();
            if to.is_null() {
                return Err(vm.no_memory_error());
            }
            text.write(to.cast(), Width::Four);
            *to.add(text.len()) = 0;
            Ok(to)
        }
    })
}

/// A string's length in characters; -1 with an exception.
pub unsafe extern "C" fn PyUnicode_GetLength(string: Borrowed) -> isize {
    if is_str(string) {
        // SAFETY: a string.
        return unsafe { (*string.0.cast::<c::PyASCIIObject>()).length };
    }
    api(|vm| Err(bad_argument(vm)))
}

/// Only raises `RuntimeError`, as in CPython.
pub unsafe extern "C" fn PyUnicode_GetSize(_string: Borrowed) -> isize {
    api(|vm| Err(vm.new_runtime_error("PyUnicode_GetSize has been removed.")))
}

/// One character; -1 with an exception.
pub unsafe extern "C" fn PyUnicode_ReadChar(string: Borrowed, index: isize) -> u32 {
    api(|vm| {
        let text = characters(vm, string)?;
        let point = usize::try_from(index).ok().and_then(|index| text.get(index));
        point.ok_or_else(|| vm.new_index_error("string index out of range"))
    })
}

/// Raises unless a string may change.
unsafe fn check_modifiable(vm: &VirtualMachine, string: Borrowed) -> PyResult<()> {
    // SAFETY: a string, by the callers' checks.
    if unsafe { unicode::is_modifiable(string.0) } {
        return Ok(());
    }
    Err(vm.new_system_error("Cannot modify a string currently used"))
}

/// Sets one character of a string that nobody else knows. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicode_WriteChar(string: Borrowed, index: isize, point: u32) -> c_int {
    api(|vm| {
        let length = characters(vm, string)?.len();
        let index = usize::try_from(index).ok().filter(|index| *index < length);
        let index = index.ok_or_else(|| vm.new_index_error("string index out of range"))?;
        // SAFETY: a string with such a character, which nobody else reads now.
        unsafe {
            check_modifiable(vm, string)?;
            let (_, width) = unicode::shape(string.0);
            if point > width.largest() {
                return Err(vm.new_value_error("character out of range"));
            }
            let to = unicode::characters(string.0).add(index * width.bytes());
            Characters::Four(&[point]).write(to, width);
        }
        Ok(0)
    })
}

/// Gives a string another length, in place if nobody else knows it. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicode_Resize(string: *mut Block, length: isize) -> c_int {
    api(|vm| {
        // SAFETY: C's arguments; the reference in `*string` is ours to exchange.
        unsafe {
            if string.is_null() || !is_str(Borrowed(*string)) || length < 0 {
                return Err(bad_internal_call(vm));
            }
            if unicode::shape(*string).0 != length as usize {
                *string = unicode::resize(*string, length as usize).ok_or_else(|| vm.no_memory_error())?;
            }
        }
        Ok(0)
    })
}

/// A string as it is, an instance of a subclass as a new exact string.
pub unsafe extern "C" fn PyUnicode_FromObject(object: Borrowed) -> New {
    if is_str(object) {
        return unchanged(object);
    }
    api(|vm| Err(vm.new_type_error(format!("Can't convert '{}' object to str implicitly", type_name(object)))))
}

/// [`PyUnicode_FromFormat`] with a `va_list`.
pub unsafe extern "C" fn PyUnicode_FromFormatV(format: *const c_char, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    unsafe { PyUnicode_FromFormat(format, va) }
}

/// A new string from a format.
pub unsafe extern "C" fn PyUnicode_FromFormat(format: *const c_char, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    api(|vm| Ok(made(unicode::from_wtf8(&unsafe { crate::capi::support::format::format(vm, format, &mut *va)? }))))
}

/// The block of the one equal string that is kept for ever, as a new reference.
fn intern(vm: &VirtualMachine, text: PyObjectRef) -> PyResult<Block> {
    let text = text.downcast_ref::<PyStr>().ok_or_else(|| bad_argument(vm))?;
    let interned: PyObjectRef = vm.ctx.intern_str(text.as_wtf8()).to_owned().into();
    let block = store::store(vm, &interned);
    // SAFETY: a str's block.
    unsafe { (*block.cast::<c::PyASCIIObject>()).state |= unicode::INTERNED };
    Ok(block)
}

/// Replaces `*string` by the one equal string that is kept for ever.
pub unsafe extern "C" fn PyUnicode_InternInPlace(string: *mut Block) {
    infallible((), |vm| {
        // SAFETY: C's argument; the reference in `*string` is ours to exchange.
        unsafe {
            if (*string).is_null() || (**string).ob_type != statics().unicode || unicode::is_interned(*string) {
                return Ok(());
            }
            let block = intern(vm, Borrowed(*string).get(vm)?)?;
            dealloc::decref(std::mem::replace(&mut *string, block));
        }
        Ok(())
    });
}

/// [`PyUnicode_InternInPlace`]: what is interned here is kept for ever anyway.
pub unsafe extern "C" fn PyUnicode_InternImmortal(string: *mut Block) {
    // SAFETY: C's argument.
    unsafe { PyUnicode_InternInPlace(string) };
}

/// [`PyUnicode_InternInPlace`] for an interpreter's state.
pub unsafe extern "C" fn _PyUnicode_InternMortal(_interpreter: *mut c_void, string: *mut Block) {
    // SAFETY: C's argument.
    unsafe { PyUnicode_InternInPlace(string) };
}

/// [`PyUnicode_InternInPlace`] for an interpreter's state.
pub unsafe extern "C" fn _PyUnicode_InternImmortal(_interpreter: *mut c_void, string: *mut Block) {
    // SAFETY: C's argument.
    unsafe { PyUnicode_InternInPlace(string) };
}

/// [`PyUnicode_InternInPlace`] for an interpreter's state.
pub unsafe extern "C" fn _PyUnicode_InternInPlace(_interpreter: *mut c_void, string: *mut Block) {
    // SAFETY: C's argument.
    unsafe { PyUnicode_InternInPlace(string) };
}

/// The one string equal to a C string in UTF-8 that is kept for ever, as a new reference.
pub unsafe extern "C" fn PyUnicode_InternFromString(text: *const c_char) -> New {
    api(|vm| {
        // SAFETY: C's argument; a string without an owner but this function is taken.
        unsafe {
            let string = PyUnicode_FromString(text);
            if string.0.is_null() { Ok(string) } else { intern(vm, retrieve::take(vm, string.0)?).map(New) }
        }
    })
}

/// A new string from `wchar_t`, up to a 0 if `size` is negative.
pub unsafe extern "C" fn PyUnicode_FromWideChar(text: *const u32, size: isize) -> New {
    api(|vm| {
        if text.is_null() && size != 0 {
            return Err(bad_internal_call(vm));
        }
        if size < -1 {
            return Err(vm.new_system_error("Negative size passed to PyUnicode_New"));
        }
        // SAFETY: C's arguments.
        unsafe { wide(text, size) }.to_block_checked(vm)
    })
}

/// Text of `wchar_t` that C gave, up to a 0 if `size` is negative.
///
/// # Safety
/// `text` points to so many characters, which live as long as the result is used.
pub(crate) unsafe fn wide<'a>(text: *const u32, size: isize) -> Characters<'a> {
    // SAFETY: by contract.
    unsafe {
        let length = usize::try_from(size).unwrap_or_else(|_| libc::wcslen(text.cast()));
        Characters::new(text.cast(), length, Width::Four)
    }
}

impl Characters<'_> {
    /// [`Characters::to_block`] for characters that may lie outside of Unicode.
    pub(crate) fn to_block_checked(self, vm: &VirtualMachine) -> PyResult<New> {
        match self.bound() {
            outside @ 0x11_0000.. => {
                Err(vm.new_value_error(format!("character U+{outside:x} is not in range [U+0000; U+10ffff]")))
            }
            _ => Ok(made(self.to_block())),
        }
    }
}

/// Copies up to `size` characters to a buffer of `wchar_t`, and a 0 if there is room; returns how many without the 0.
/// Without a buffer, returns how many it would need with the 0. -1 with an exception.
pub unsafe extern "C" fn PyUnicode_AsWideChar(string: Borrowed, to: *mut u32, size: isize) -> isize {
    api(|vm| {
        if string.is_null() {
            return Err(bad_internal_call(vm));
        }
        let text = characters(vm, string)?;
        if to.is_null() {
            return Ok(text.len() as isize + 1);
        }
        let count = text.len().min(size.max(0) as usize);
        // SAFETY: C's arguments.
        unsafe {
            text.slice(0..count).write(to.cast(), Width::Four);
            if size > count as isize {
                *to.add(count) = 0;
            }
        }
        Ok(count as isize)
    })
}

/// A string as `wchar_t` with a 0 behind, for the caller to free with `PyMem_Free`, and its length if `size` is not
/// NULL; if it is, a string with a NUL inside raises `ValueError`.
pub unsafe extern "C" fn PyUnicode_AsWideCharString(string: Borrowed, size: *mut isize) -> *mut u32 {
    api(|vm| {
        if string.is_null() {
            return Err(bad_internal_call(vm));
        }
        let text = characters(vm, string)?;
        if size.is_null() && text.find_character(0, true).is_some() {
            return Err(vm.new_value_error("embedded null character"));
        }
        // SAFETY: C's arguments.
        unsafe {
            let copy = PyUnicode_AsUCS4Copy(string);
            if let Some(size) = size.as_mut()
                && !copy.is_null()
            {
                *size = text.len() as isize;
            }
            Ok(copy)
        }
    })
}

/// A new string from one character.
pub unsafe extern "C" fn PyUnicode_FromOrdinal(ordinal: c_int) -> New {
    match u32::try_from(ordinal) {
        Ok(point @ 0..0x11_0000) => made(Characters::Four(&[point]).to_block()),
        _ => api(|vm| Err(vm.new_value_error("chr() arg not in range(0x110000)"))),
    }
}

/// The encoding of `str` when none is given.
pub unsafe extern "C" fn PyUnicode_GetDefaultEncoding() -> *const c_char {
    c"utf-8".as_ptr()
}

/// Bytes per character: the macro of this name as a function.
pub unsafe extern "C" fn PyUnicode_KIND(string: Borrowed) -> c_int {
    // SAFETY: C's argument.
    unsafe { unicode::shape(string.0) }.1.bytes() as c_int
}

/// Where the characters are: the macro of this name as a function.
pub unsafe extern "C" fn PyUnicode_DATA(string: Borrowed) -> *mut c_void {
    // SAFETY: C's argument.
    unsafe { unicode::characters(string.0).cast() }
}

/// A new string, for the caller to fill, of characters up to `largest`.
pub unsafe extern "C" fn PyUnicode_New(length: isize, largest: u32) -> New {
    if length < 0 {
        return api(|vm| Err(vm.new_system_error("Negative size passed to PyUnicode_New")));
    }
    if largest > 0x10_ffff && length > 0 {
        return api(|vm| Err(vm.new_system_error("invalid maximum character passed to PyUnicode_New")));
    }
    let width = if length == 0 { Width::Ascii } else { Width::for_largest(largest) };
    // SAFETY: the caller fills it before anybody reads it.
    made(unsafe { unicode::new_compact(length as usize, width) })
}

/// Copies up to `count` characters into a string that nobody else knows; returns how many, or -1 with an exception.
pub unsafe extern "C" fn PyUnicode_CopyCharacters(
    to: Borrowed,
    to_start: isize,
    from: Borrowed,
    from_start: isize,
    count: isize,
) -> isize {
    api(|vm| {
        if !is_str(to) || !is_str(from) {
            return Err(bad_internal_call(vm));
        }
        let range_error = || vm.new_index_error("string index out of range");
        // SAFETY: strings; the target is seen to have room and to be nobody else's.
        unsafe {
            let text = Characters::of(from.0);
            let (room, width) = unicode::shape(to.0);
            let from_start = usize::try_from(from_start).ok().filter(|at| *at <= text.len()).ok_or_else(range_error)?;
            let to_start = usize::try_from(to_start).ok().filter(|at| *at <= room).ok_or_else(range_error)?;
            let count = usize::try_from(count).map_err(|_| vm.new_system_error("how_many cannot be negative"))?;
            let count = count.min(text.len() - from_start);
            if count > room - to_start {
                return Err(vm.new_system_error(format!(
                    "Cannot write {count} characters at {to_start} in a string of {room} characters"
                )));
            }
            if count == 0 {
                return Ok(0);
            }
            check_modifiable(vm, to)?;
            let text = text.slice(from_start..from_start + count);
            let held = unicode::shape(from.0).1;
            if held > width && text.bound() > width.largest() {
                return Err(vm.new_system_error(format!(
                    "Cannot copy {} characters into a string of {} characters",
                    width_name(held),
                    width_name(width)
                )));
            }
            text.write(unicode::characters(to.0).add(to_start * width.bytes()), width);
            Ok(count as isize)
        }
    })
}

/// A width's name in messages.
fn width_name(width: Width) -> &'static str {
    match width {
        Width::Ascii => "ascii",
        Width::One => "latin1",
        Width::Two => "UCS2",
        Width::Four => "UCS4",
    }
}

/// Sets up to `length` characters of a string that nobody else knows; returns how many, or -1 with an exception.
pub unsafe extern "C" fn PyUnicode_Fill(string: Borrowed, start: isize, length: isize, point: u32) -> isize {
    api(|vm| {
        if !is_str(string) {
            return Err(bad_internal_call(vm));
        }
        // SAFETY: a string, which nobody else reads now.
        unsafe {
            check_modifiable(vm, string)?;
            let (room, width) = unicode::shape(string.0);
            if point > width.largest() {
                return Err(vm.new_value_error("fill character is bigger than the string maximum character"));
            }
            let start = usize::try_from(start).map_err(|_| vm.new_index_error("string index out of range"))?;
            let count = room.saturating_sub(start).min(length.max(0) as usize);
            for index in start..start + count {
                let to = unicode::characters(string.0).add(index * width.bytes());
                Characters::Four(&[point]).write(to, width);
            }
            Ok(count as isize)
        }
    })
}

/// A new string from `length` characters of one, two or four bytes.
pub unsafe extern "C" fn PyUnicode_FromKindAndData(kind: c_int, data: *const c_void, length: isize) -> New {
    let width = match kind {
        _ if length < 0 => return api(|vm| Err(vm.new_value_error("size must be positive"))),
        1 => Width::One,
        2 => Width::Two,
        4 => Width::Four,
        _ => return api(|vm| Err(vm.new_system_error("invalid kind"))),
    };
    // SAFETY: C's arguments.
    unsafe {
        if !(data as usize).is_multiple_of(width.bytes()) {
            return made(unicode::from_wtf8(&unicode::from_characters(data.cast(), length as usize, width)));
        }
        let text = Characters::new(data.cast(), length as usize, width);
        match text.bound() {
            0x11_0000.. => api(|vm| Err(vm.new_system_error("invalid maximum character passed to PyUnicode_New"))),
            _ => made(text.to_block()),
        }
    }
}

/// `_Py_Identifier`.
#[repr(C)]
pub struct Identifier {
    string: *const c_char,
    index: isize,
    mutex: u8,
}

/// The string of a static identifier. Borrowed: it is kept for ever.
pub unsafe extern "C" fn _PyUnicode_FromId(identifier: *const Identifier) -> Lent {
    // SAFETY: C's argument.
    unsafe {
        let string = PyUnicode_InternFromString((*identifier).string);
        if !string.0.is_null() {
            handle::immortalize(string.0);
        }
        Lent(string.0)
    }
}

/// A new string with the same text.
pub unsafe extern "C" fn _PyUnicode_Copy(string: Borrowed) -> New {
    api(|vm| {
        if !is_str(string) {
            return Err(bad_internal_call(vm));
        }
        Ok(made(characters(vm, string)?.to_block()))
    })
}
