//! C strings in and out.

use std::ffi::{CStr, CString, c_char};

/// Text that C gave, for messages: what is not UTF-8 is replaced. Empty for NULL.
///
/// # Safety
/// `text` is NULL or NUL-terminated.
pub unsafe fn of_c(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: by contract.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// A type's name without its module.
///
/// # Safety
/// `name` is a type's `tp_name`.
pub(crate) unsafe fn short_name(name: *const c_char) -> String {
    // SAFETY: by contract.
    let name = unsafe { of_c(name) };
    name.rsplit_once('.').map_or(name.clone(), |(_, short)| short.to_owned())
}

/// A documentation text without the signature in front, which ends with a line of two dashes.
pub fn body_of_doc<'a>(name: &str, text: &'a str) -> &'a str {
    const END: &str = ")\n--\n\n";
    match text.strip_prefix(name) {
        Some(rest) if rest.starts_with('(') => text.find(END).map_or(text, |at| &text[at + END.len()..]),
        _ => text,
    }
}

/// A NUL-terminated copy of a managed string, if it has no NUL inside.
pub fn c_string(text: &str) -> Option<CString> {
    CString::new(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_text_is_read_whatever_it_is() {
        // SAFETY: NULL or literals.
        unsafe {
            assert_eq!(of_c(std::ptr::null()), "");
            assert_eq!(of_c(c"na\u{ef}ve".as_ptr()), "na\u{ef}ve");
            assert_eq!(of_c(c"a\xffb".as_ptr()), "a\u{fffd}b");
        }
    }

    #[test]
    fn short_names_are_behind_the_last_dot() {
        // SAFETY: literals.
        let short = |name: &CStr| unsafe { short_name(name.as_ptr()) };
        assert_eq!(short(c"package.module.Class"), "Class");
        assert_eq!(short(c"Class"), "Class");
        assert_eq!(short(c"module."), "");
    }

    #[test]
    fn text_with_a_nul_is_no_c_string() {
        assert_eq!(c_string("text").as_deref(), Some(c"text"));
        assert_eq!(c_string(""), Some(CString::default()));
        assert_eq!(c_string("te\0xt"), None);
    }
}
