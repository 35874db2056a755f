//! `pystrtod.h`, `pystrcmp.h` and the text functions of `pyerrors.h`: numbers as text and back, as C has them in its
//! own locale.

use super::prelude::*;
use crate::heap::block::is_possible;
use rustpython_vm::builtins::PyType;

/// How many bytes at the start of a text are a number; 0 if none are.
fn number_length(text: &[u8]) -> usize {
    let digits = |at: usize| text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sign = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    for word in [&b"infinity"[..], b"inf", b"nan"] {
        if text[sign..].get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word)) {
            return sign + word.len();
        }
    }
    let mut end = sign + digits(sign);
    let mut count = end - sign;
    if text.get(end) == Some(&b'.') {
        let fraction = digits(end + 1);
        count += fraction;
        end += 1 + fraction;
    }
    if count == 0 {
        return 0;
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    end
}

/// The number that a text begins with, or with `end` NULL, is. If it is too large, `too_large` is raised unless NULL.
/// -1.0 with an exception.
pub unsafe extern "C" fn PyOS_string_to_double(text: *const c_char, end: *mut *mut c_char, too_large: Borrowed) -> f64 {
    api(|vm| {
        // SAFETY: C's arguments.
        let bytes = unsafe { CStr::from_ptr(text) }.to_bytes();
        let shown = || String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
        let length = number_length(bytes);
        let number = std::str::from_utf8(&bytes[..length]).ok().and_then(|text| text.parse::<f64>().ok());
        // SAFETY: C's arguments.
        unsafe {
            if let Some(end) = end.as_mut() {
                *end = text.add(length).cast_mut();
            } else if length != bytes.len() {
                return Err(vm.new_value_error(format!("could not convert string to float: '{}'", shown())));
            }
        }
        let Some(number) = number else {
            return Err(vm.new_value_error(format!("could not convert string to float: '{}'", shown())));
        };
        if number.is_infinite() && bytes[..length].iter().any(u8::is_ascii_digit) && !too_large.is_null() {
            let class = too_large.of::<PyType>(vm)?;
            let message = format!("value too large to convert to float: '{}'", shown());
            return Err(vm.new_exception_msg(class, message.into()));
        }
        Ok(number)
    })
}

/// Always a sign.
const SIGN: c_int = 1;
/// `.0` behind what would be an integer.
const ADD_DOT_0: c_int = 2;
/// The point and the zeros behind it stay.
const ALTERNATE: c_int = 4;
/// No sign for what is shown as zero.
const NO_NEGATIVE_ZERO: c_int = 8;
/// A double has no more decimals than these.
const DECIMALS: usize = 1100;

/// Significant digits without leading zeros, and how many of them stand in front of the point.
struct Digits {
    digits: String,
    point: isize,
}

impl Digits {
    /// Those of a text like `1.5e-7`.
    fn of_exponential(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        Self { digits: mantissa.replace('.', ""), point: exponent.parse::<isize>().unwrap_or(0) + 1 }
    }

    /// `count` significant digits of a number, or as many as tell it from all others.
    fn significant(value: f64, count: Option<usize>) -> Self {
        let Some(count) = count else { return Self::of_exponential(&format!("{value:e}")) };
        let mut digits = Self::of_exponential(&format!("{value:.*e}", count.clamp(1, DECIMALS) - 1));
        digits.digits.push_str(&"0".repeat(count.saturating_sub(DECIMALS)));
        digits
    }

    /// A number with `decimals` behind the point.
    fn fixed(value: f64, decimals: usize) -> Self {
        let text = format!("{value:.*}", decimals.min(DECIMALS));
        let point = text.find('.').unwrap_or(text.len()) as isize;
        Self { digits: text.replace('.', "") + &"0".repeat(decimals.saturating_sub(DECIMALS)), point }
    }

    fn without_zeros(mut self) -> Self {
        self.digits.truncate(self.digits.trim_end_matches('0').len().max(1));
        self
    }

    /// Written with or without an exponent, which is a power of ten.
    fn write(&self, exponent: Option<isize>, flags: c_int) -> String {
        let point = if exponent.is_some() { 1 } else { self.point };
        let mut whole = "0".to_owned();
        let mut decimals = String::new();
        let zeros = "0".repeat(point.unsigned_abs());
        match usize::try_from(point) {
            Ok(point) if point > 0 => {
                let missing = "0".repeat(point.saturating_sub(self.digits.len()));
                whole = format!("{}{missing}", &self.digits[..point.min(self.digits.len())]);
                decimals.push_str(&self.digits[point.min(self.digits.len())..]);
            }
            _ => decimals = zeros + &self.digits,
        }
        if decimals.is_empty() && exponent.is_none() && flags & ADD_DOT_0 != 0 {
            decimals.push('0');
        }
        let dot = if decimals.is_empty() && flags & ALTERNATE == 0 { "" } else { "." };
        let exponent = exponent.map_or_else(String::new, |power| {
            format!("e{}{:02}", if power < 0 { '-' } else { '+' }, power.unsigned_abs())
        });
        format!("{whole}{dot}{decimals}{exponent}")
    }
}

/// A finite number, which is not negative, by a format code in lower case.
fn format_finite(value: f64, code: u8, precision: usize, flags: c_int) -> String {
    match code {
        b'f' => Digits::fixed(value, precision).write(None, flags),
        b'e' => {
            let digits = Digits::significant(value, Some(precision + 1));
            digits.write(Some(digits.point - 1), flags)
        }
        _ => {
            let count = (code == b'g').then_some(precision.max(1));
            let mut digits = Digits::significant(value, count);
            if flags & ALTERNATE == 0 || code == b'r' {
                digits = digits.without_zeros();
            }
            let largest = count.map_or(16, |count| count as isize);
            let exponent = (digits.point <= -4 || digits.point > largest).then_some(digits.point - 1);
            digits.write(exponent, flags)
        }
    }
}

/// A number as text by a format code of `eEfFgGr`, for the caller to free with `PyMem_Free`. `kind` says, if it is not
/// NULL, whether it is finite (0), infinite (1) or no number (2). NULL with an exception.
pub unsafe extern "C" fn PyOS_double_to_string(
    value: f64,
    code: c_char,
    precision: c_int,
    flags: c_int,
    kind: *mut c_int,
) -> *mut c_char {
    api(|vm| {
        let lower = (code as u8).to_ascii_lowercase();
        let known = if lower == b'r' { code as u8 == b'r' && precision == 0 } else { b"efg".contains(&lower) };
        if !known {
            return Err(bad_internal_call(vm));
        }
        let (found, mut text) = match value {
            _ if value.is_nan() => (2, "nan".to_owned()),
            _ if value.is_infinite() => (1, "inf".to_owned()),
            _ => (0, format_finite(value.abs(), lower, precision.max(0) as usize, flags)),
        };
        let zero = found == 0 && !text.bytes().take_while(|byte| *byte != b'e').any(|byte| matches!(byte, b'1'..=b'9'));
        let negative = value.is_sign_negative() && found != 2 && !(zero && flags & NO_NEGATIVE_ZERO != 0);
        if negative || flags & SIGN != 0 {
            text.insert(0, if negative { '-' } else { '+' });
        }
        if (code as u8).is_ascii_uppercase() {
            text.make_ascii_uppercase();
        }
        text.push('\0');
        // SAFETY: C's argument; the memory has room for the text.
        unsafe {
            if let Some(kind) = kind.as_mut() {
                *kind = found;
            }
            let copy = libc::malloc(text.len()).cast::<u8>();
            if copy.is_null() {
                return Err(vm.no_memory_error());
            }
            copy.copy_from_nonoverlapping(text.as_ptr(), text.len());
            Ok(copy.cast())
        }
    })
}

/// Compares C strings without regard to case: less than, equal to or greater than 0.
pub unsafe extern "C" fn PyOS_mystricmp(left: *const c_char, right: *const c_char) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PyOS_mystrnicmp(left, right, isize::MAX) }
}

/// The same for the first `count` bytes at most.
pub unsafe extern "C" fn PyOS_mystrnicmp(left: *const c_char, right: *const c_char, count: isize) -> c_int {
    for index in 0..count.max(0) as usize {
        // SAFETY: C's arguments; nothing is read behind a NUL.
        let [a, b] = unsafe { [*left.add(index), *right.add(index)] }.map(|byte| (byte as u8).to_ascii_lowercase());
        if a != b || a == 0 {
            return c_int::from(a) - c_int::from(b);
        }
    }
    0
}

unsafe extern "C" {
    fn vsnprintf(to: *mut c_char, size: usize, format: *const c_char, va: *mut VaList) -> c_int;
}

/// C's `snprintf`, which always ends the text with a NUL.
pub unsafe extern "C" fn PyOS_snprintf(to: *mut c_char, size: usize, format: *const c_char, va: *mut VaList) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PyOS_vsnprintf(to, size, format, va) }
}

/// C's `vsnprintf`, which always ends the text with a NUL; -666 for a size that is no `int`.
pub unsafe extern "C" fn PyOS_vsnprintf(to: *mut c_char, size: usize, format: *const c_char, va: *mut VaList) -> c_int {
    // SAFETY: C's arguments; a `va_list` is passed as a pointer to its struct.
    unsafe {
        let length = if size > c_int::MAX as usize - 512 { -666 } else { vsnprintf(to, size, format, va) };
        if size > 0 {
            *to.add(size - 1) = 0;
        }
        length
    }
}

/// Bytes as a str of hexadecimal digits.
pub unsafe extern "C" fn _Py_strhex(bytes: *const c_char, length: isize) -> New {
    // SAFETY: C's arguments.
    let bytes = unsafe { super::unicodeobject::bytes(bytes, length) };
    api(|vm| {
        use std::fmt::Write as _;
        if !is_possible(bytes.len().saturating_mul(2)) {
            return Err(vm.no_memory_error());
        }
        let mut text = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            let _ = write!(text, "{byte:02x}");
        }
        Ok(New::of(vm, vm.ctx.new_str(text)))
    })
}
