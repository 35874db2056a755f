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

/// A NUL-terminated copy of a managed string, if it has no NUL inside.
pub fn c_string(text: &str) -> Option<CString> {
    CString::new(text).ok()
}
