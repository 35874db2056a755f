//! Addresses of what the stub exports: data symbols, which an executable may have copied, and functions, which C code
//! compares slots with.

use std::collections::HashMap;
use std::ffi::{CString, c_void};
use std::sync::Mutex;

use rustc_hash::FxHashMap;

use crate::abi::layout::PyObject;
use crate::abi::statics::statics;

/// Addresses of the stub's data symbols, by name.
static DATA: Mutex<Option<HashMap<&'static str, usize>>> = Mutex::new(None);

/// Addresses of exported functions, by name; 0 for what is not exported.
static FUNCTIONS: Mutex<Option<FxHashMap<&'static str, usize>>> = Mutex::new(None);

/// The address of a data symbol; null for an unknown name or before the stub is loaded.
pub(crate) fn data_address(name: &str) -> *mut c_void {
    let data = DATA.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    data.as_ref().and_then(|data| data.get(name)).map_or(std::ptr::null_mut(), |address| *address as *mut c_void)
}

/// Finds the address of a data symbol of the loaded stub. An executable's own copy of a datum comes first, as for C code.
pub(crate) fn note_data(name: &'static str) {
    let address = lookup(name).unwrap_or(std::ptr::null_mut());
    let mut data = DATA.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    data.get_or_insert_default().insert(name, address as usize);
}

fn lookup(name: &str) -> Option<*mut c_void> {
    let name = CString::new(name).ok()?;
    // SAFETY: only the address is used.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then_some(address)
}

/// The address under which the stub exports a function; null if it does not. C code compares slots with these.
pub(crate) fn exported(name: &'static str) -> *const c_void {
    let mut known = FUNCTIONS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    *known.get_or_insert_default().entry(name).or_insert_with(|| lookup(name).map_or(0, |address| address as usize))
        as *const c_void
}

/// Static objects by name, for functions that return them.
pub(crate) fn static_block(name: &'static str) -> *mut PyObject {
    match name {
        "_Py_NoneStruct" => statics().none,
        "_Py_TrueStruct" => statics().true_,
        "_Py_FalseStruct" => statics().false_,
        _ => data_address(name).cast(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_library_has_is_null() {
        assert!(data_address("_rustclad_no_such_datum").is_null());
        note_data("_rustclad_no_such_datum_either");
        assert!(data_address("_rustclad_no_such_datum_either").is_null());
        assert!(exported("_rustclad_no_such_function").is_null());
    }

    #[test]
    fn addresses_are_those_that_c_code_gets() {
        note_data("environ");
        unsafe extern "C" {
            static environ: *const c_void;
        }
        assert_eq!(data_address("environ").cast_const(), (&raw const environ).cast());
        assert_eq!(exported("abort"), libc::abort as *const c_void);
        assert_eq!(exported("abort"), libc::abort as *const c_void);
    }
}
