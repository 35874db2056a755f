//! How the values of options are written.

use crate::backend::OptionError;

/// A number as C writes it: `18`, `0x12` or `022`.
pub(crate) fn number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    // `from_str_radix` takes a sign, which no number here has.
    let plain = digits.bytes().all(|it| it.is_ascii_alphanumeric());
    plain.then(|| u64::from_str_radix(digits, radix).ok()).flatten()
}

/// A number in a range, both ends included.
pub(crate) fn number_in(text: &str, least: u64, most: u64) -> Result<u64, OptionError> {
    number(text)
        .filter(|it| (least..=most).contains(it))
        .ok_or_else(|| OptionError::Invalid(format!("{text:?} is not a number from {least} to {most}")))
}

/// A switch: 0 is off, any other number is on.
pub(crate) fn flag(text: &str) -> Result<bool, OptionError> {
    let number = number(text).ok_or_else(|| OptionError::Invalid(format!("{text:?} is not a switch: write 1 or 0")))?;
    Ok(number != 0)
}

/// Refuses words that are left of an option's value; `expected` says how it is written.
pub(crate) fn no_more(rest: &[&str], expected: &str) -> Result<(), OptionError> {
    match rest.first() {
        Some(word) => Err(OptionError::Invalid(format!("{word:?} is not known here: write {expected}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_in_c() {
        for (text, expected) in [("18", 18), ("0x12", 18), ("0X1f", 31), ("022", 18), ("0", 0), ("00", 0)] {
            assert_eq!(number(text), Some(expected), "{text}");
        }
        for text in ["", "+1", "-1", "0x", "0x+1", "08", "1a", "1 2", "99999999999999999999", "é"] {
            assert_eq!(number(text), None, "{text}");
        }
        assert!(number_in("513", 1, 512).is_err());
        assert!(flag("yes").is_err());
        assert!(flag("2").unwrap());
    }
}
