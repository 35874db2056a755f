//! The characters' classes of `cpython/unicodeobject.h`.

use super::prelude::*;
use rustpython_unicode::{Ucd, case, classify};
use rustpython_vm::common::wtf8::CodePoint;

/// Whether a character has a property; surrogates and what lies outside of Unicode have none.
fn has(point: u32, property: fn(char) -> bool) -> c_int {
    c_int::from(char::from_u32(point).is_some_and(property))
}

/// A character's value in Unicode's database.
fn value<T>(point: u32, read: fn(&Ucd, CodePoint) -> Option<T>) -> Option<T> {
    CodePoint::from_u32(point).and_then(|point| read(&Ucd::new(true), point))
}

/// A character's other form, or itself.
fn mapped(point: u32, map: fn(char) -> char) -> u32 {
    char::from_u32(point).map_or(point, |character| u32::from(map(character)))
}

/// Whether it is a lower case letter.
pub unsafe extern "C" fn _PyUnicode_IsLowercase(point: u32) -> c_int {
    has(point, case::is_lowercase)
}

/// Whether it is an upper case letter.
pub unsafe extern "C" fn _PyUnicode_IsUppercase(point: u32) -> c_int {
    has(point, case::is_uppercase)
}

/// Whether it is a title case letter.
pub unsafe extern "C" fn _PyUnicode_IsTitlecase(point: u32) -> c_int {
    has(point, case::is_titlecase)
}

/// Whether it is white space.
pub unsafe extern "C" fn _PyUnicode_IsWhitespace(point: u32) -> c_int {
    has(point, classify::is_space)
}

/// Whether it ends a line.
pub unsafe extern "C" fn _PyUnicode_IsLinebreak(point: u32) -> c_int {
    c_int::from(matches!(point, 0x0a..=0x0d | 0x1c..=0x1e | 0x85 | 0x2028 | 0x2029))
}

/// The lower case character, or the same.
pub unsafe extern "C" fn _PyUnicode_ToLowercase(point: u32) -> u32 {
    mapped(point, case::simple_lowercase)
}

/// The upper case character, the first one if they are several, or the same.
pub unsafe extern "C" fn _PyUnicode_ToUppercase(point: u32) -> u32 {
    mapped(point, first_upper)
}

fn first_upper(character: char) -> char {
    character.to_uppercase().next().unwrap_or(character)
}

/// The title case character, the first one if they are several, or the same.
pub unsafe extern "C" fn _PyUnicode_ToTitlecase(point: u32) -> u32 {
    mapped(point, |character| match case::simple_titlecase(character) {
        // Only such as become several characters have a title case that the simple mapping does not know.
        same if same == character && character.to_uppercase().len() > 1 && !case::is_titlecase(character) => {
            first_upper(character)
        }
        title => title,
    })
}

/// The value of a decimal digit, or -1.
pub unsafe extern "C" fn _PyUnicode_ToDecimalDigit(point: u32) -> c_int {
    value(point, Ucd::decimal).map_or(-1, |digit| digit as c_int)
}

/// The value of a digit, or -1.
pub unsafe extern "C" fn _PyUnicode_ToDigit(point: u32) -> c_int {
    value(point, Ucd::digit).map_or(-1, |digit| digit as c_int)
}

/// The value of a numeric character, or -1.
pub unsafe extern "C" fn _PyUnicode_ToNumeric(point: u32) -> f64 {
    value(point, Ucd::numeric).unwrap_or(-1.0)
}

/// Whether it is a decimal digit.
pub unsafe extern "C" fn _PyUnicode_IsDecimalDigit(point: u32) -> c_int {
    has(point, classify::is_decimal)
}

/// Whether it is a digit.
pub unsafe extern "C" fn _PyUnicode_IsDigit(point: u32) -> c_int {
    has(point, classify::is_digit)
}

/// Whether it is numeric.
pub unsafe extern "C" fn _PyUnicode_IsNumeric(point: u32) -> c_int {
    has(point, classify::is_numeric)
}

/// Whether `repr` shows it as it is.
pub unsafe extern "C" fn _PyUnicode_IsPrintable(point: u32) -> c_int {
    has(point, classify::is_printable)
}

/// Whether it is a letter.
pub unsafe extern "C" fn _PyUnicode_IsAlpha(point: u32) -> c_int {
    has(point, classify::is_alpha)
}
