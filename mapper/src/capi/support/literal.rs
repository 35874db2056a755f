//! Ints as C's text has them: where a literal ends, and the numbers of `PyOS_strtoul`.

use std::ffi::c_int;

/// A digit's value; more than any base for what is none.
fn digit(byte: Option<&u8>) -> u32 {
    byte.and_then(|byte| char::from(*byte).to_digit(36)).unwrap_or(u32::MAX)
}

/// Whether C's `isspace` says so.
fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn skip(text: &[u8], at: usize, skipped: impl Fn(&u8) -> bool) -> usize {
    at + text[at..].iter().take_while(|byte| skipped(byte)).count()
}

/// The base that a prefix at a place stands for.
fn prefix(text: &[u8], at: usize) -> Option<u32> {
    match (text.get(at)?, text.get(at + 1)?) {
        (b'0', b'x' | b'X') => Some(16),
        (b'0', b'o' | b'O') => Some(8),
        (b'0', b'b' | b'B') => Some(2),
        _ => None,
    }
}

/// How an int's literal was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Literal {
    /// Where reading stopped.
    pub end: usize,
    /// Whether it is one.
    pub is_int: bool,
    /// The base that an error names.
    pub base: u32,
}

/// Reads an int's literal by Python's rules.
pub(crate) fn int(text: &[u8], base: c_int) -> Literal {
    let mut at = skip(text, 0, is_space);
    at += usize::from(matches!(text.get(at), Some(b'+' | b'-')));
    let found = prefix(text, at);
    let (mut real, mut zero_only) = (base as u32, false);
    if base == 0 {
        zero_only = found.is_none() && text.get(at) == Some(&b'0');
        real = found.unwrap_or(10);
    }
    if found == Some(real) {
        at += 2;
        at += usize::from(text.get(at) == Some(&b'_'));
    }
    let start = at;
    let shown = if zero_only { 0 } else { real };
    let stopped = |end: usize, is_int: bool| Literal { end, is_int, base: shown };
    if text.get(at) == Some(&b'_') {
        return stopped(at, false);
    }
    let mut is_zero = true;
    while digit(text.get(at)) < real || text.get(at) == Some(&b'_') {
        if text[at] == b'_' && digit(text.get(at + 1)) >= real {
            return stopped(at, false);
        }
        is_zero &= matches!(text[at], b'0' | b'_');
        at += 1;
    }
    if at == start || (zero_only && !is_zero) {
        return stopped(at, false);
    }
    let end = skip(text, at, is_space);
    stopped(end, end == text.len())
}

/// What `PyOS_strtoul` reads: the number, where it stops, and whether it fitted.
pub(crate) fn unsigned(text: &[u8], base: c_int) -> (u64, usize, bool) {
    let mut at = skip(text, 0, is_space);
    let found = prefix(text, at);
    let real = match base {
        0 => found.unwrap_or(10),
        2..=36 => base as u32,
        _ => return (0, at, true),
    };
    if found == Some(real) {
        if digit(text.get(at + 2)) >= real {
            return (0, at + 1, true);
        }
        at += 2;
    } else if base == 0 && text.get(at) == Some(&b'0') {
        // Octal numbers of old are none: only zeroes are read.
        at = skip(text, at, |byte| *byte == b'0');
        return (0, skip(text, at, is_space), true);
    }
    let mut value = Some(0u64);
    while digit(text.get(at)) < real {
        let next = u64::from(digit(text.get(at)));
        value = value.and_then(|value| value.checked_mul(real.into())?.checked_add(next));
        at += 1;
    }
    (value.unwrap_or(u64::MAX), at, value.is_some())
}

/// What `PyOS_strtol` reads.
pub(crate) fn signed(text: &[u8], base: c_int) -> (i64, usize, bool) {
    let at = skip(text, 0, is_space);
    let sign = text.get(at).filter(|sign| matches!(sign, b'+' | b'-'));
    let start = at + usize::from(sign.is_some());
    let (value, end, fits) = unsigned(&text[start..], base);
    let negative = sign == Some(&b'-');
    let number = match i64::try_from(value) {
        Ok(value) if fits => Some(if negative { -value } else { value }),
        _ if fits && negative && value == 1 << 63 => Some(i64::MIN),
        _ => None,
    };
    (number.unwrap_or(i64::MAX), start + end, number.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_end_where_cpython_says() {
        let check = |text: &str, base, end, is_int, shown| {
            assert_eq!(int(text.as_bytes(), base), Literal { end, is_int, base: shown }, "{text}");
        };
        check(" 0x1f ", 0, 6, true, 16);
        check("12z", 10, 2, false, 10);
        check("1__2", 10, 1, false, 10);
        check("12_", 10, 2, false, 10);
        check("_1", 10, 0, false, 10);
        check("010", 0, 3, false, 0);
        check("00", 0, 2, true, 0);
        check("0b101", 36, 5, true, 36);
        check("0b__1", 0, 3, false, 2);
        check("", 0, 0, false, 10);
    }

    #[test]
    fn numbers_of_c_are_read() {
        assert_eq!(unsigned(b"0x1f", 0), (31, 4, true));
        assert_eq!(unsigned(b"077", 0), (0, 1, true));
        assert_eq!(unsigned(b"077", 8), (63, 3, true));
        assert_eq!(unsigned(b"0xg", 16), (0, 1, true));
        assert_eq!(unsigned(b"99999999999999999999", 10), (u64::MAX, 20, false));
        assert_eq!(signed(b" -9223372036854775808", 10), (i64::MIN, 21, true));
        assert_eq!(signed(b"-x", 10), (0, 1, true));
    }
}
