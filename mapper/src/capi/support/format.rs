//! The formats of `PyUnicode_FromFormat`, `PyErr_Format` and `PyBytes_FromFormat`: C's conversions for numbers and
//! text, and CPython's own for objects. Needs the C lock; `str` and `repr` of arguments run Python code without it.

use std::ffi::{CStr, c_char, c_int, c_void};

use rustpython_vm::builtins::{PyStr, PyType, PyTypeRef};
use rustpython_vm::common::wtf8::{CodePoint, Wtf8, Wtf8Buf};
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use crate::abi::text;
use crate::abi::va_list::VaList;
use crate::heap::block::is_possible;
use crate::lifetime::thread;
use crate::twins::heap_type;
use crate::twins::reference::Borrowed;

/// One conversion: what stands between `%` and its letter.
#[derive(Default)]
struct Spec {
    left: bool,
    zero: bool,
    alternate: bool,
    width: Option<usize>,
    precision: Option<usize>,
    size: Size,
}

/// An argument's size: `int`, or a word after `l` (also: wide characters) or after `ll`, `z`, `j` or `t`.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Size {
    #[default]
    Int,
    Long,
    Word,
}

/// Formats text. `format` is ASCII.
///
/// # Errors
/// `SystemError` for a conversion that does not exist; what `str` and `repr` of the arguments raise.
///
/// # Safety
/// `format` is NUL-terminated, `va` has the arguments that it asks for.
pub unsafe fn format(vm: &VirtualMachine, format: *const c_char, va: &mut VaList) -> PyResult<Wtf8Buf> {
    // SAFETY: by contract.
    let format = unsafe { CStr::from_ptr(format) }.to_bytes();
    if let Some(byte) = format.iter().find(|byte| !byte.is_ascii()) {
        return Err(vm.new_value_error(format!(
            "PyUnicode_FromFormatV() expects an ASCII-encoded format string, got a non-ASCII byte: {byte:#04x}"
        )));
    }
    let format = std::str::from_utf8(format).unwrap_or_default();
    let mut out = Wtf8Buf::with_capacity(format.len() + 32);
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        let mut scanner = Scanner { rest: &rest.as_bytes()[at + 1..] };
        // SAFETY: by contract.
        let known = unsafe { conversion(vm, &mut scanner, va, &mut out)? };
        if !known {
            return Err(vm.new_system_error(format!("invalid format string: {}", &rest[at..])));
        }
        rest = &rest[rest.len() - scanner.rest.len()..];
    }
    out.push_str(rest);
    Ok(out)
}

/// A format from the first byte that has not been read.
struct Scanner<'a> {
    rest: &'a [u8],
}

impl Scanner<'_> {
    /// Reads a byte if `accept` is true of it.
    fn next_if(&mut self, accept: impl Fn(u8) -> bool) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first().filter(|(byte, _)| accept(**byte))?;
        self.rest = rest;
        Some(byte)
    }

    /// Reads digits. None if there are none, an error if they are more than a size can be.
    fn number(&mut self) -> Result<Option<usize>, ()> {
        let mut number = None;
        while let Some(digit) = self.next_if(|byte| byte.is_ascii_digit()) {
            let value: isize = number.unwrap_or(0);
            let value =
                value.checked_mul(10).and_then(|value| value.checked_add(isize::from(digit as i8 - b'0' as i8)));
            number = Some(value.ok_or(())?);
        }
        Ok(number.map(|value| value as usize))
    }

    /// Reads what stands in front of the letter.
    unsafe fn spec(&mut self, vm: &VirtualMachine, va: &mut VaList) -> PyResult<Spec> {
        let mut spec = Spec::default();
        while let Some(flag) = self.next_if(|byte| b"-0#".contains(&byte)) {
            match flag {
                b'-' => spec.left = true,
                b'0' => spec.zero = true,
                _ => spec.alternate = true,
            }
        }
        if self.next_if(|byte| byte == b'*').is_some() {
            // SAFETY: by the caller's contract.
            let width: c_int = unsafe { va.next() };
            spec.left |= width < 0;
            spec.width = Some(width.unsigned_abs() as usize);
        } else {
            spec.width = self.number().map_err(|()| vm.new_value_error("width too big"))?;
        }
        if self.next_if(|byte| byte == b'.').is_some() {
            if self.next_if(|byte| byte == b'*').is_some() {
                // SAFETY: by the caller's contract. Less than nothing leaves no text, and numbers as they are.
                spec.precision = Some(unsafe { va.next::<c_int>() }.max(0) as usize);
            } else {
                spec.precision = self.number().map_err(|()| vm.new_value_error("precision too big"))?;
            }
        }
        spec.size = match self.next_if(|byte| b"lzjt".contains(&byte)) {
            None => Size::Int,
            Some(b'l') if self.next_if(|byte| byte == b'l').is_none() => Size::Long,
            Some(_) => Size::Word,
        };
        Ok(spec)
    }
}

/// Formats one conversion, of which all but the `%` is still to be read. False if there is none such.
unsafe fn conversion(vm: &VirtualMachine, scanner: &mut Scanner, va: &mut VaList, out: &mut Wtf8Buf) -> PyResult<bool> {
    if scanner.next_if(|byte| byte == b'%').is_some() {
        out.push_str("%");
        return Ok(true);
    }
    // SAFETY: by the caller's contract.
    unsafe {
        let spec = scanner.spec(vm, va)?;
        let Some(letter) = scanner.next_if(|_| true) else { return Ok(false) };
        // As many spaces and zeros as are asked for, if that can be: text is cut by a precision, numbers are filled.
        let is_number = b"diuxXo".contains(&letter);
        let filled = spec.width.max(spec.precision.filter(|_| is_number));
        if !is_possible(filled.unwrap_or(0)) {
            return Err(vm.no_memory_error());
        }
        let plain = spec.width.is_none() && spec.precision.is_none();
        match letter {
            _ if is_number => pad(&spec, number(&spec, letter, va).as_str().as_ref(), out),
            b'c' if plain && spec.size == Size::Int => out.push(character(vm, va)?),
            b'p' if plain && spec.size == Size::Int => out.push_str(&pointer(va)),
            b's' => match spec.size {
                Size::Int => bounded_text(&spec, va.pointer(), out),
                Size::Long => pad(&spec, &wide_text(va.pointer(), spec.precision), out),
                Size::Word => return Ok(false),
            },
            b'V' if spec.size != Size::Word => {
                let object = Borrowed(va.pointer());
                if !object.is_null() {
                    let _: *mut c_void = va.pointer();
                    limit(&spec, string(vm, &object.get(vm)?)?, out);
                } else if spec.size == Size::Long {
                    pad(&spec, &wide_text(va.pointer(), spec.precision), out);
                } else {
                    bounded_text(&spec, va.pointer(), out);
                }
            }
            b'U' | b'S' | b'R' | b'A' | b'T' | b'N' if spec.size == Size::Int => {
                let object = Borrowed(va.pointer()).get(vm)?;
                object_text(vm, &spec, letter, object, out)?;
            }
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// An integer's digits, with zeros in front up to the precision, or to the width if a flag says so.
unsafe fn number(spec: &Spec, letter: u8, va: &mut VaList) -> String {
    // SAFETY: by the caller's contract.
    let (negative, value) = unsafe {
        match (letter, spec.size) {
            (b'd' | b'i', size) => {
                let value = if matches!(size, Size::Int) { i64::from(va.next::<c_int>()) } else { va.next::<i64>() };
                (value < 0, value.unsigned_abs())
            }
            (_, Size::Int) => (false, u64::from(va.next::<u32>())),
            _ => (false, va.next::<u64>()),
        }
    };
    let sign = if negative { "-" } else { "" };
    let filled = if spec.zero && !spec.left { spec.width.unwrap_or(0).saturating_sub(sign.len()) } else { 0 };
    let least = spec.precision.unwrap_or(0).max(filled);
    let digits = match letter {
        b'x' => format!("{value:x}"),
        b'X' => format!("{value:X}"),
        b'o' => format!("{value:o}"),
        _ => value.to_string(),
    };
    // Not by the formatter: it knows widths up to 65535 only.
    format!("{sign}{}{digits}", "0".repeat(least.saturating_sub(digits.len())))
}

unsafe fn character(vm: &VirtualMachine, va: &mut VaList) -> PyResult<CodePoint> {
    // SAFETY: by the caller's contract.
    let point: c_int = unsafe { va.next() };
    u32::try_from(point)
        .ok()
        .and_then(CodePoint::from_u32)
        .ok_or_else(|| vm.new_overflow_error("character argument not in range(0x110000)"))
}

/// An address, as the C library writes it.
unsafe fn pointer(va: &mut VaList) -> String {
    // SAFETY: by the caller's contract.
    match unsafe { va.pointer::<c_void>() } as usize {
        0 => "0x(nil)".to_owned(),
        address => format!("{address:#x}"),
    }
}

/// The text of an object, as the letter says.
fn object_text(vm: &VirtualMachine, spec: &Spec, letter: u8, object: PyObjectRef, out: &mut Wtf8Buf) -> PyResult<()> {
    let text = match letter {
        b'U' => string(vm, &object)?,
        b'S' => thread::leave(vm, || object.str(vm))?.as_wtf8().to_owned(),
        b'R' => thread::leave(vm, || object.repr(vm))?.as_wtf8().to_owned(),
        b'A' => thread::leave(vm, || object.ascii(vm))?.as_wtf8().to_owned(),
        _ => {
            let class = if letter == b'N' {
                object.downcast::<PyType>().map_err(|_| vm.new_type_error("%N argument must be a type"))?
            } else {
                object.class().to_owned()
            };
            Wtf8Buf::from(type_name(vm, &class, if spec.alternate { ':' } else { '.' }))
        }
    };
    limit(spec, text, out);
    Ok(())
}

/// A type's name with its module in front, unless that is a usual one: what `%T` and `%N` give.
pub(crate) fn type_name(vm: &VirtualMachine, class: &PyTypeRef, separator: char) -> String {
    let name = heap_type::text_attribute(vm, class, "__qualname__").unwrap_or_else(|| class.name().to_string());
    match heap_type::text_attribute(vm, class, "__module__") {
        Some(module) if module != "builtins" && module != "__main__" => format!("{module}{separator}{name}"),
        _ => name,
    }
}

fn string(vm: &VirtualMachine, object: &PyObjectRef) -> PyResult<Wtf8Buf> {
    match object.downcast_ref::<PyStr>() {
        Some(text) => Ok(text.as_wtf8().to_owned()),
        None => Err(vm.new_system_error(format!("a format's %U is given a '{}' object", object.class().name()))),
    }
}

/// Writes C text in UTF-8, of which the precision is the greatest number of bytes. What is not UTF-8 is replaced; a
/// character that the precision cuts is left out.
unsafe fn bounded_text(spec: &Spec, text: *const c_char, out: &mut Wtf8Buf) {
    // SAFETY: by the caller's contract.
    unsafe {
        let Some(limit) = spec.precision else {
            return pad(spec, text::of_c(text).as_str().as_ref(), out);
        };
        let length = libc::strnlen(text, limit);
        let mut bytes = std::slice::from_raw_parts(text.cast::<u8>(), length);
        if length == limit
            && let Some(cut) = bytes.utf8_chunks().last().map(|last| last.invalid().len())
            && std::str::from_utf8(&bytes[length - cut..]).is_err_and(|error| error.error_len().is_none())
        {
            bytes = &bytes[..length - cut];
        }
        pad(spec, (*String::from_utf8_lossy(bytes)).as_ref(), out);
    }
}

/// Text of `wchar_t`, at most `limit` characters.
unsafe fn wide_text(text: *const u32, limit: Option<usize>) -> Wtf8Buf {
    // SAFETY: by the caller's contract: it ends with a 0, or the limit comes first.
    (0..limit.unwrap_or(usize::MAX))
        .map(|index| unsafe { *text.add(index) })
        .take_while(|value| *value != 0)
        .map(|value| CodePoint::from_u32(value).unwrap_or(CodePoint::from_char(char::REPLACEMENT_CHARACTER)))
        .collect()
}

/// Writes text of at most as many characters as the precision says.
fn limit(spec: &Spec, text: Wtf8Buf, out: &mut Wtf8Buf) {
    match spec.precision {
        Some(most) => pad(spec, &text.code_points().take(most).collect::<Wtf8Buf>(), out),
        None => pad(spec, &text, out),
    }
}

/// Writes text with spaces in front or, for a flag, behind.
fn pad(spec: &Spec, text: &Wtf8, out: &mut Wtf8Buf) {
    let Some(width) = spec.width else { return out.push_wtf8(text) };
    let missing = " ".repeat(width.saturating_sub(text.code_points().count()));
    if spec.left {
        out.push_wtf8(text);
        out.push_str(&missing);
    } else {
        out.push_str(&missing);
        out.push_wtf8(text);
    }
}

/// Formats bytes, as `PyBytes_FromFormat` does: fewer conversions, no widths, and what is none stays as it is.
///
/// # Errors
/// `OverflowError` for a `%c` that is no byte.
///
/// # Safety
/// As for [`format()`].
pub unsafe fn format_bytes(vm: &VirtualMachine, format: *const c_char, va: &mut VaList) -> PyResult<Vec<u8>> {
    // SAFETY: by contract.
    let mut rest = unsafe { CStr::from_ptr(format) }.to_bytes();
    let mut out = Vec::with_capacity(rest.len() + 32);
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        out.extend_from_slice(&rest[..at]);
        let mut scanner = Scanner { rest: &rest[at + 1..] };
        // SAFETY: by contract.
        if !unsafe { byte_conversion(vm, &mut scanner, va, &mut out)? } {
            out.extend_from_slice(&rest[at..]);
            return Ok(out);
        }
        rest = scanner.rest;
    }
    out.extend_from_slice(rest);
    Ok(out)
}

/// Formats one conversion of bytes. False if there is none such.
unsafe fn byte_conversion(
    vm: &VirtualMachine,
    scanner: &mut Scanner,
    va: &mut VaList,
    out: &mut Vec<u8>,
) -> PyResult<bool> {
    let _ = scanner.number();
    let dot = scanner.next_if(|byte| byte == b'.').is_some();
    let limit = if dot { scanner.number().ok().flatten().filter(|limit| *limit > 0) } else { None };
    while scanner.next_if(|byte| byte != b'%' && !byte.is_ascii_alphabetic()).is_some() {}
    let word = matches!(scanner.rest, [b'l' | b'z', b'd' | b'u', ..]) && scanner.next_if(|_| true).is_some();
    let spec = Spec { size: if word { Size::Word } else { Size::Int }, ..Spec::default() };
    let Some(letter) = scanner.next_if(|_| true) else { return Ok(false) };
    // SAFETY: by the caller's contract.
    unsafe {
        match letter {
            b'd' | b'i' | b'u' | b'x' => out.extend_from_slice(number(&spec, letter, va).as_bytes()),
            b'c' => out.push(u8::try_from(va.next::<c_int>()).map_err(|_| {
                vm.new_overflow_error("PyBytes_FromFormatV(): %c format expects an integer in range [0; 255]")
            })?),
            b'p' => out.extend_from_slice(pointer(va).as_bytes()),
            b's' => {
                let text: *mut c_char = va.pointer();
                let length = limit.map_or_else(|| libc::strlen(text), |limit| libc::strnlen(text, limit));
                out.extend_from_slice(std::slice::from_raw_parts(text.cast(), length));
            }
            b'%' => out.push(b'%'),
            _ => return Ok(false),
        }
    }
    Ok(true)
}
