//! The writers of `cpython/unicodeobject.h`, which grow a string piece by piece. C's macros read and fill the private
//! struct themselves; `PyUnicodeWriter` is the same struct in memory of ours.

use super::prelude::*;
use super::unicodeobject::{bytes, is_str, made, type_name, wide};
use crate::twins::forms::characters::Characters;
use crate::twins::forms::unicode;
use crate::twins::forms::unicode::Width;
use rustpython_vm::common::wtf8::Wtf8;

/// `_PyUnicodeWriter`.
#[repr(C)]
#[derive(Debug)]
pub struct Writer {
    /// The string so far, with room behind; nobody else knows it.
    buffer: Block,
    data: *mut u8,
    kind: c_int,
    maxchar: u32,
    size: isize,
    pos: isize,
    min_length: isize,
    min_char: u32,
    overallocate: u8,
    readonly: u8,
}

const _: () = assert!(size_of::<Writer>() == 56);

impl Writer {
    const NEW: Self = Self {
        buffer: std::ptr::null_mut(),
        data: std::ptr::null_mut(),
        kind: 0,
        maxchar: 0,
        size: 0,
        pos: 0,
        min_length: 0,
        min_char: 0x7f,
        overallocate: 0,
        readonly: 0,
    };

    /// Makes room for `length` more characters up to `largest`.
    #[inline]
    fn prepare(&mut self, vm: &VirtualMachine, length: usize, largest: u32) -> PyResult<()> {
        if largest <= self.maxchar && length <= (self.size - self.pos) as usize {
            Ok(())
        } else {
            self.grow(vm, length, largest)
        }
    }

    #[cold]
    fn grow(&mut self, vm: &VirtualMachine, length: usize, largest: u32) -> PyResult<()> {
        let pos = self.pos as usize;
        let mut size = self.size as usize;
        let needed = pos.checked_add(length).ok_or_else(|| vm.no_memory_error())?;
        if needed > size || self.buffer.is_null() {
            size = needed + if self.overallocate != 0 { needed / 4 } else { 0 };
            size = size.max(self.min_length.max(0) as usize);
        }
        let width = Width::for_largest(largest.max(self.min_char).max(self.maxchar));
        // SAFETY: the buffer is a string that the writer owns, `pos` characters of which are filled.
        unsafe {
            let grown = if !self.buffer.is_null() && width == unicode::shape(self.buffer).1 {
                unicode::resize(self.buffer, size)
            } else {
                unicode::new_compact(size, width).inspect(|&made| {
                    if !self.buffer.is_null() {
                        Characters::of(self.buffer).slice(0..pos).write(unicode::characters(made), width);
                        dealloc::decref(self.buffer);
                    }
                })
            };
            self.buffer = grown.ok_or_else(|| vm.no_memory_error())?;
            self.data = unicode::characters(self.buffer);
        }
        self.kind = width.bytes() as c_int;
        self.maxchar = width.largest();
        self.size = size as isize;
        Ok(())
    }

    /// Where the next character goes, and how wide it is.
    unsafe fn end(&self) -> (*mut u8, Width) {
        // SAFETY: `prepare` made the buffer.
        unsafe { (self.data.add(self.pos as usize * self.kind as usize), Width::for_largest(self.maxchar)) }
    }

    /// Appends characters.
    fn write(&mut self, vm: &VirtualMachine, text: Characters) -> PyResult<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.prepare(vm, text.len(), text.bound())?;
        // SAFETY: there is room now.
        unsafe {
            let (to, width) = self.end();
            text.write(to, width);
        }
        self.pos += text.len() as isize;
        Ok(())
    }

    /// Appends managed text.
    fn write_wtf8(&mut self, vm: &VirtualMachine, text: &Wtf8) -> PyResult<()> {
        if text.as_bytes().is_ascii() {
            return self.write(vm, Characters::One(text.as_bytes()));
        }
        let block = unicode::from_wtf8(text).ok_or_else(|| vm.no_memory_error())?;
        // SAFETY: a fresh string.
        unsafe {
            let result = self.write(vm, Characters::of(block));
            dealloc::decref(block);
            result
        }
    }

    /// The string; the writer is empty then.
    unsafe fn finish(&mut self) -> New {
        // SAFETY: the writer owns its buffer.
        unsafe {
            let buffer = std::mem::replace(&mut self.buffer, std::ptr::null_mut());
            if buffer.is_null() || self.pos == 0 {
                dealloc::xdecref(buffer);
                return made(unicode::from_ascii(b""));
            }
            let result = made(unicode::resize(buffer, self.pos as usize));
            if result.0.is_null() {
                dealloc::decref(buffer);
            }
            result
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // SAFETY: the writer owns its buffer.
        unsafe { dealloc::xdecref(self.buffer) };
    }
}

/// Writes with a writer of C's: 0, or -1 with an exception.
unsafe fn with(writer: *mut Writer, write: impl FnOnce(&VirtualMachine, &mut Writer) -> PyResult<()>) -> c_int {
    // SAFETY: C's argument.
    api(|vm| write(vm, unsafe { &mut *writer }).map(|()| 0))
}

/// The bytes of a C string, or as many as a size says that is not negative.
unsafe fn text<'a>(text: *const c_char, size: isize) -> &'a [u8] {
    // SAFETY: C's arguments.
    unsafe { if size < 0 { CStr::from_ptr(text).to_bytes() } else { bytes(text, size) } }
}

/// A new writer with room for `length` characters, for `Finish` or `Discard`; NULL with an exception.
pub unsafe extern "C" fn PyUnicodeWriter_Create(length: isize) -> *mut Writer {
    api(|vm| {
        if length < 0 {
            return Err(vm.new_value_error("length must be positive"));
        }
        let mut writer = Writer::NEW;
        if length > 0 {
            writer.prepare(vm, length as usize, 0x7f)?;
        }
        writer.overallocate = 1;
        Ok(Box::into_raw(Box::new(writer)))
    })
}

/// Frees a writer, or nothing if NULL.
pub unsafe extern "C" fn PyUnicodeWriter_Discard(writer: *mut Writer) {
    if !writer.is_null() {
        // SAFETY: `Create` made it.
        drop(unsafe { Box::from_raw(writer) });
    }
}

/// The string of a writer, which is freed; NULL with an exception.
pub unsafe extern "C" fn PyUnicodeWriter_Finish(writer: *mut Writer) -> New {
    // SAFETY: `Create` made it.
    unsafe { Box::from_raw(writer).finish() }
}

/// Appends a character. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeWriter_WriteChar(writer: *mut Writer, point: u32) -> c_int {
    if point > 0x10_ffff {
        return api(|vm| Err(vm.new_value_error("character must be in range(0x110000)")));
    }
    // SAFETY: C's argument.
    unsafe { _PyUnicodeWriter_WriteChar(writer, point) }
}

/// Appends UTF-8, up to a NUL if `size` is negative. 0, or -1 with an exception and nothing appended.
pub unsafe extern "C" fn PyUnicodeWriter_WriteUTF8(writer: *mut Writer, utf8: *const c_char, size: isize) -> c_int {
    // SAFETY: C's arguments.
    unsafe {
        let size = text(utf8, size).len() as isize;
        PyUnicodeWriter_DecodeUTF8Stateful(writer, utf8, size, c"strict".as_ptr(), std::ptr::null_mut())
    }
}

/// Appends ASCII, up to a NUL if `size` is negative. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeWriter_WriteASCII(writer: *mut Writer, ascii: *const c_char, size: isize) -> c_int {
    // SAFETY: C's arguments.
    unsafe { _PyUnicodeWriter_WriteASCIIString(writer, ascii, size) }
}

/// Appends `wchar_t`, up to a 0 if `size` is negative. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeWriter_WriteWideChar(writer: *mut Writer, text: *const u32, size: isize) -> c_int {
    // SAFETY: C's arguments.
    unsafe {
        with(writer, |vm, writer| {
            let characters = wide(text, size);
            let all = (0..characters.len()).filter_map(|index| characters.get(index));
            match all.filter(|character| *character > 0x10_FFFF).max() {
                Some(outside) => {
                    Err(vm.new_value_error(format!("character U+{outside:x} is not in range [U+0000; U+10ffff]")))
                }
                None => writer.write(vm, characters),
            }
        })
    }
}

/// Appends four-byte characters. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeWriter_WriteUCS4(writer: *mut Writer, text: *const u32, size: isize) -> c_int {
    if size < 0 {
        return api(|vm| Err(vm.new_value_error("size must be positive")));
    }
    // SAFETY: C's arguments.
    unsafe { with(writer, |vm, writer| writer.write(vm, wide(text, size))) }
}

/// Appends the `str` of an object. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeWriter_WriteStr(writer: *mut Writer, object: Borrowed) -> c_int {
    // SAFETY: C's arguments.
    unsafe {
        if (*object.0).ob_type == statics().unicode {
            return _PyUnicodeWriter_WriteStr(writer, object);
        }
        with(writer, |vm, writer| {
            let object = object.get(vm)?;
            writer.write_wtf8(vm, leave(vm, || object.str(vm))?.as_wtf8())
        })
    }
}

/// Appends the `repr` of an object, `<NULL>` for NULL. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeWriter_WriteRepr(writer: *mut Writer, object: Borrowed) -> c_int {
    // SAFETY: C's arguments.
    unsafe {
        with(writer, |vm, writer| match object.opt(vm)? {
            None => writer.write(vm, Characters::One(b"<NULL>")),
            Some(object) => writer.write_wtf8(vm, leave(vm, || object.repr(vm))?.as_wtf8()),
        })
    }
}

/// Appends a part of a string. 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicodeWriter_WriteSubstring(
    writer: *mut Writer,
    string: Borrowed,
    start: isize,
    end: isize,
) -> c_int {
    // SAFETY: C's arguments.
    unsafe {
        with(writer, |vm, writer| {
            if !is_str(string) {
                return Err(vm.new_type_error(format!("expect str, not {}", type_name(string))));
            }
            let text = Characters::of(string.0);
            if start < 0 || start > end {
                return Err(vm.new_value_error("invalid start argument"));
            }
            if end as usize > text.len() {
                return Err(vm.new_value_error("invalid end argument"));
            }
            writer.write(vm, text.slice(start as usize..end as usize))
        })
    }
}

/// Appends what a format gives. 0, or -1 with an exception and nothing appended.
pub unsafe extern "C" fn PyUnicodeWriter_Format(writer: *mut Writer, format: *const c_char, va: *mut VaList) -> c_int {
    // SAFETY: C's arguments.
    unsafe {
        with(writer, |vm, writer| {
            let text = crate::capi::support::format::format(vm, format, &mut *va)?;
            writer.write_wtf8(vm, &text)
        })
    }
}

/// Appends UTF-8; with `consumed`, an incomplete end is left. 0, or -1 with an exception and nothing appended.
pub unsafe extern "C" fn PyUnicodeWriter_DecodeUTF8Stateful(
    writer: *mut Writer,
    utf8: *const c_char,
    size: isize,
    errors: *const c_char,
    consumed: *mut isize,
) -> c_int {
    // SAFETY: C's arguments.
    unsafe {
        with(writer, |vm, writer| {
            let bytes = text(utf8, size);
            let mut read = bytes.len();
            if bytes.is_ascii() {
                writer.write(vm, Characters::One(bytes))?;
            } else {
                if let Some(consumed) = consumed.as_mut() {
                    *consumed = 0;
                }
                let decoded = super::unicodecodecs::decode_utf8(vm, bytes, errors, consumed.is_null())?;
                read = decoded.1;
                if decoded.0.0.is_null() {
                    return Err(error::fetch(vm, "a decoder"));
                }
                let result = writer.write(vm, Characters::of(decoded.0.0));
                dealloc::decref(decoded.0.0);
                result?;
            }
            if let Some(consumed) = consumed.as_mut() {
                *consumed = read as isize;
            }
            Ok(())
        })
    }
}

/// Makes a writer of C's empty.
pub unsafe extern "C" fn _PyUnicodeWriter_Init(writer: *mut Writer) {
    // SAFETY: C's argument: memory for a writer.
    unsafe { writer.write(Writer::NEW) };
}

/// Makes room for `length` more characters up to `largest`. 0, or -1 with an exception.
pub unsafe extern "C" fn _PyUnicodeWriter_PrepareInternal(writer: *mut Writer, length: isize, largest: u32) -> c_int {
    // SAFETY: C's argument.
    unsafe { with(writer, |vm, writer| writer.prepare(vm, length.max(0) as usize, largest)) }
}

/// Makes the writer's characters `kind` bytes wide. 0, or -1 with an exception.
pub unsafe extern "C" fn _PyUnicodeWriter_PrepareKindInternal(writer: *mut Writer, kind: c_int) -> c_int {
    let largest = match kind {
        1 => Width::One.largest(),
        2 => Width::Two.largest(),
        _ => Width::Four.largest(),
    };
    // SAFETY: C's argument.
    unsafe { with(writer, |vm, writer| writer.prepare(vm, 0, largest)) }
}

/// Appends a character. 0, or -1 with an exception.
pub unsafe extern "C" fn _PyUnicodeWriter_WriteChar(writer: *mut Writer, point: u32) -> c_int {
    // SAFETY: C's argument; there is room where it is written.
    unsafe {
        if point > (*writer).maxchar || (*writer).pos >= (*writer).size {
            let result = with(writer, |vm, writer| writer.prepare(vm, 1, point));
            if result < 0 {
                return result;
            }
        }
        let (to, width) = (*writer).end();
        Characters::Four(&[point]).write(to, width);
        (*writer).pos += 1;
        0
    }
}

/// Appends a string. 0, or -1 with an exception.
pub unsafe extern "C" fn _PyUnicodeWriter_WriteStr(writer: *mut Writer, string: Borrowed) -> c_int {
    // SAFETY: C's arguments.
    unsafe { with(writer, |vm, writer| writer.write(vm, Characters::of(string.0))) }
}

/// Appends a part of a string. 0, or -1 with an exception.
pub unsafe extern "C" fn _PyUnicodeWriter_WriteSubstring(
    writer: *mut Writer,
    string: Borrowed,
    start: isize,
    end: isize,
) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PyUnicodeWriter_WriteSubstring(writer, string, start, end) }
}

/// Appends ASCII, up to a NUL if `size` is negative. 0, or -1 with an exception.
pub unsafe extern "C" fn _PyUnicodeWriter_WriteASCIIString(
    writer: *mut Writer,
    ascii: *const c_char,
    size: isize,
) -> c_int {
    // SAFETY: C's arguments.
    unsafe { with(writer, |vm, writer| writer.write(vm, Characters::One(text(ascii, size)))) }
}

/// Appends Latin-1. 0, or -1 with an exception.
pub unsafe extern "C" fn _PyUnicodeWriter_WriteLatin1String(
    writer: *mut Writer,
    latin1: *const c_char,
    size: isize,
) -> c_int {
    // SAFETY: C's arguments.
    unsafe { with(writer, |vm, writer| writer.write(vm, Characters::One(bytes(latin1, size)))) }
}

/// The string of a writer of C's, which is empty then; NULL with an exception.
pub unsafe extern "C" fn _PyUnicodeWriter_Finish(writer: *mut Writer) -> New {
    // SAFETY: C's argument.
    unsafe { (*writer).finish() }
}

/// Gives up what a writer of C's has.
pub unsafe extern "C" fn _PyUnicodeWriter_Dealloc(writer: *mut Writer) {
    // SAFETY: C's argument.
    unsafe { dealloc::xdecref(std::mem::replace(&mut (*writer).buffer, std::ptr::null_mut())) };
}
