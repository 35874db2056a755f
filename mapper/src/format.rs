//! The formats of `PyUnicode_FromFormat`, `PyErr_Format` and `PyBytes_FromFormat`: C's conversions for numbers and
//! text, and CPython's own for objects.

use std::ffi::{c_char, c_int, c_long, c_void};
use std::fmt::Write as _;

use rustpython_vm::common::wtf8::{CodePoint, Wtf8Buf};
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use crate::block::Block;
use crate::reference::Borrowed;
use crate::va_list::VaList;
use crate::{error, heap_type, thread};

/// One conversion: what stands between `%` and its letter.
#[derive(Default)]
struct Spec {
    left: bool,
    zero: bool,
    alternate: bool,
    width: Option<usize>,
    precision: Option<usize>,
    /// `l`, `ll`, `z`, `j`, `t` or nothing.
    size: Size,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Size {
    #[default]
    Int,
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
    let format = unsafe { std::ffi::CStr::from_ptr(format) }.to_bytes();
    let mut out = Wtf8Buf::new();
    let mut at = 0;
    while at < format.len() {
        if format[at] != b'%' {
            let end = format[at..].iter().position(|byte| *byte == b'%').map_or(format.len(), |found| at + found);
            out.push_str(&String::from_utf8_lossy(&format[at..end]));
            at = end;
            continue;
        }
        at += 1;
        // SAFETY: by contract.
        at = unsafe { conversion(vm, format, at, va, &mut out)? };
    }
    Ok(out)
}

/// Formats one conversion whose `%` lies before `at`; returns where the text goes on.
unsafe fn conversion(
    vm: &VirtualMachine,
    format: &[u8],
    mut at: usize,
    va: &mut VaList,
    out: &mut Wtf8Buf,
) -> PyResult<usize> {
    let mut spec = Spec::default();
    while let Some(flag) = format.get(at) {
        match flag {
            b'-' => spec.left = true,
            b'0' => spec.zero = true,
            b'#' => spec.alternate = true,
            _ => break,
        }
        at += 1;
    }
    // SAFETY: by the caller's contract.
    unsafe {
        spec.width = number(format, &mut at, va);
        if format.get(at) == Some(&b'.') {
            at += 1;
            spec.precision = Some(number(format, &mut at, va).unwrap_or(0));
        }
    }
    while let Some(size) = format.get(at) {
        match size {
            b'l' | b'z' | b'j' | b't' => spec.size = Size::Word,
            _ => break,
        }
        at += 1;
    }
    let Some(letter) = format.get(at) else {
        return Err(vm.new_system_error("invalid format string: %"));
    };
    // SAFETY: by the caller's contract.
    let text = unsafe { argument(vm, &spec, *letter, va)? };
    let Some(text) = text else {
        let rest = String::from_utf8_lossy(&format[at..]).into_owned();
        return Err(vm.new_system_error(format!("invalid format string: %{rest}")));
    };
    pad(&spec, &text, out);
    Ok(at + 1)
}

/// A width or precision: digits, or `*` for an argument.
unsafe fn number(format: &[u8], at: &mut usize, va: &mut VaList) -> Option<usize> {
    if format.get(*at) == Some(&b'*') {
        *at += 1;
        // SAFETY: by the caller's contract.
        return usize::try_from(unsafe { va.next::<c_int>() }).ok();
    }
    let start = *at;
    while format.get(*at).is_some_and(u8::is_ascii_digit) {
        *at += 1;
    }
    std::str::from_utf8(&format[start..*at]).ok().and_then(|digits| digits.parse().ok())
}

/// The text of one argument, cut to the precision; None for a letter that means nothing.
unsafe fn argument(vm: &VirtualMachine, spec: &Spec, letter: u8, va: &mut VaList) -> PyResult<Option<Wtf8Buf>> {
    // SAFETY: by the caller's contract.
    unsafe {
        Ok(Some(match letter {
            b'%' => Wtf8Buf::from("%"),
            b'c' => {
                let point = va.next::<c_int>();
                let point = u32::try_from(point).ok().and_then(CodePoint::from_u32);
                let point = point.ok_or_else(|| vm.new_overflow_error("character argument not in range(0x110000)"))?;
                let mut text = Wtf8Buf::new();
                text.push(point);
                text
            }
            b'd' | b'i' => {
                let value = if spec.size == Size::Word { va.next::<i64>() } else { i64::from(va.next::<c_int>()) };
                integer(spec, value < 0, &value.unsigned_abs().to_string())
            }
            b'u' | b'x' | b'X' | b'o' => {
                let value = if spec.size == Size::Word { va.next::<u64>() } else { u64::from(va.next::<u32>()) };
                integer(
                    spec,
                    false,
                    &match letter {
                        b'x' => format!("{value:x}"),
                        b'X' => format!("{value:X}"),
                        b'o' => format!("{value:o}"),
                        _ => value.to_string(),
                    },
                )
            }
            b'p' => {
                let mut text = String::new();
                let _ = write!(text, "{:#x}", va.pointer::<c_void>() as usize);
                Wtf8Buf::from(text)
            }
            b's' if spec.size == Size::Word => wide_text(va.pointer::<u32>(), spec.precision),
            b's' => bounded_text(va.pointer::<c_char>(), spec.precision),
            b'U' => cut(spec, string(vm, &object(vm, va)?)?),
            b'V' => {
                let first = va.pointer::<crate::layout::PyObject>();
                let second = va.pointer::<c_char>();
                if first.is_null() {
                    bounded_text(second, spec.precision)
                } else {
                    cut(spec, string(vm, &Borrowed(first).get(vm)?)?)
                }
            }
            b'S' => {
                let object = object(vm, va)?;
                cut(spec, thread::leave(vm, || object.str(vm))?.as_wtf8().to_owned())
            }
            b'R' => {
                let object = object(vm, va)?;
                cut(spec, thread::leave(vm, || object.repr(vm))?.as_wtf8().to_owned())
            }
            b'A' => {
                let object = object(vm, va)?;
                let text = thread::leave(vm, || object.ascii(vm))?;
                cut(spec, text.as_wtf8().to_owned())
            }
            b'T' | b'N' => {
                let object = object(vm, va)?;
                let class = if letter == b'N' {
                    object.downcast::<rustpython_vm::builtins::PyType>().map_err(|_| vm.new_type_error("%N argument must be a type"))?
                } else {
                    object.class().to_owned()
                };
                let name = heap_type::text_attribute(vm, &class, "__qualname__").unwrap_or_else(|| class.name().to_string());
                let separator = if spec.alternate { ':' } else { '.' };
                cut(
                    spec,
                    Wtf8Buf::from(match heap_type::text_attribute(vm, &class, "__module__") {
                        Some(module) if module != "builtins" && module != "__main__" => format!("{module}{separator}{name}"),
                        _ => name,
                    }),
                )
            }
            _ => return Ok(None),
        }))
    }
}

unsafe fn object(vm: &VirtualMachine, va: &mut VaList) -> PyResult<PyObjectRef> {
    // SAFETY: by the caller's contract.
    Borrowed(unsafe { va.pointer::<crate::layout::PyObject>() } as Block).get(vm)
}

fn string(vm: &VirtualMachine, object: &PyObjectRef) -> PyResult<Wtf8Buf> {
    match object.downcast_ref::<rustpython_vm::builtins::PyStr>() {
        Some(text) => Ok(text.as_wtf8().to_owned()),
        None => Err(vm.new_system_error(format!("%U argument is not a str but {}", object.as_object().class().name()))),
    }
}

/// C text of at most `limit` bytes; bytes that are no UTF-8 are replaced.
unsafe fn bounded_text(text: *const c_char, limit: Option<usize>) -> Wtf8Buf {
    // SAFETY: by the caller's contract.
    unsafe {
        let Some(limit) = limit else { return Wtf8Buf::from(error::text(text)) };
        let length = libc::strnlen(text, limit);
        let bytes = std::slice::from_raw_parts(text.cast::<u8>(), length);
        // What the limit cut in the middle of a character is left out.
        match std::str::from_utf8(bytes) {
            Ok(text) => Wtf8Buf::from(text),
            Err(error) if error.error_len().is_none() => {
                Wtf8Buf::from(String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned())
            }
            Err(_) => Wtf8Buf::from(String::from_utf8_lossy(bytes).into_owned()),
        }
    }
}

/// Text of `wchar_t`, at most `limit` characters.
unsafe fn wide_text(text: *const u32, limit: Option<usize>) -> Wtf8Buf {
    // SAFETY: by the caller's contract: it ends with a 0, or the limit comes first.
    (0..limit.unwrap_or(usize::MAX))
        .map(|index| unsafe { *text.add(index) })
        .take_while(|value| *value != 0)
        .filter_map(CodePoint::from_u32)
        .collect()
}

/// Text of at most as many characters as the precision says.
fn cut(spec: &Spec, text: Wtf8Buf) -> Wtf8Buf {
    match spec.precision {
        Some(limit) => text.code_points().take(limit).collect(),
        None => text,
    }
}

/// A number with leading zeros up to the precision, or to the width if a flag says so.
fn integer(spec: &Spec, negative: bool, digits: &str) -> Wtf8Buf {
    let sign = if negative { "-" } else { "" };
    let mut least = spec.precision.unwrap_or(0);
    if spec.zero && !spec.left && spec.precision.is_none() {
        least = spec.width.unwrap_or(0).saturating_sub(sign.len());
    }
    Wtf8Buf::from(format!("{sign}{digits:0>least$}"))
}

fn pad(spec: &Spec, text: &Wtf8Buf, out: &mut Wtf8Buf) {
    let length = text.code_points().count();
    let missing = " ".repeat(spec.width.unwrap_or(0).saturating_sub(length));
    if spec.left {
        out.push_wtf8(text);
        out.push_str(&missing);
    } else {
        out.push_str(&missing);
        out.push_wtf8(text);
    }
}

/// A C long, for tests of sizes: the conversions above read words for all of `l`, `ll`, `z`, `j` and `t`.
const _: () = assert!(size_of::<c_long>() == 8);
