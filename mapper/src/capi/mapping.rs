//! `abstract.h`: mappings.

use super::abstract_::{new_name, set_item_string};
use super::prelude::*;
use rustpython_vm::PyObject;
use rustpython_vm::builtins::{PyBaseExceptionRef, PyDict, PyStr};

/// Whether an object's type has `__getitem__` that takes keys.
pub unsafe extern "C" fn PyMapping_Check(object: Borrowed) -> c_int {
    if object.is_null() {
        return 0;
    }
    infallible(0, |vm| Ok(object.held(vm)?.mapping_unchecked().check().into()))
}

/// `len(object)` of a mapping; -1 on error.
pub unsafe extern "C" fn PyMapping_Size(object: Borrowed) -> isize {
    api(|vm| {
        let object = object.held(vm)?;
        leave(vm, || object.mapping_unchecked().length(vm)).map(|length| length as isize)
    })
}

/// [`PyMapping_Size`] under its old name.
pub unsafe extern "C" fn PyMapping_Length(object: Borrowed) -> isize {
    // SAFETY: C's arguments.
    unsafe { PyMapping_Size(object) }
}

/// `object[key]`, or None if there is none.
fn optional(vm: &VirtualMachine, object: &PyObject, key: &PyObject) -> PyResult<Option<PyObjectRef>> {
    if let Some(dict) = object.downcast_ref_if_exact::<PyDict>(vm) {
        return leave(vm, || dict.get_item_opt(key, vm)).map_err(|error| unhashable(vm, key, error));
    }
    match leave(vm, || object.get_item(key, vm)) {
        Err(error) if error.fast_isinstance(vm.ctx.exceptions.key_error) => Ok(None),
        found => found.map(Some),
    }
}

/// What is said of a key that has no hash.
fn unhashable(vm: &VirtualMachine, key: &PyObject, error: PyBaseExceptionRef) -> PyBaseExceptionRef {
    let name = key.class().slot_name().to_string();
    let plain = format!("unhashable type: '{name}'");
    let args = error.args();
    let said = args.as_slice().first().and_then(|said| said.downcast_ref::<PyStr>());
    if said.is_none_or(|said| said.to_string() != plain) {
        return error;
    }
    vm.new_type_error(format!("cannot use '{name}' as a dict key ({plain})"))
}

/// Puts what was found into `result`: 1, or 0 and NULL.
unsafe fn put(vm: &VirtualMachine, found: Option<PyObjectRef>, result: *mut Block) -> c_int {
    let has = found.is_some();
    // SAFETY: C's arguments.
    unsafe { *result = found.map_or(std::ptr::null_mut(), |found| New::of(vm, found).0) };
    has.into()
}

/// Whether a mapping has a key in UTF-8; errors are reported as unraisable.
pub unsafe extern "C" fn PyMapping_HasKeyString(object: Borrowed, key: *const c_char) -> c_int {
    infallible(0, |vm| {
        // SAFETY: C's arguments.
        let (object, key) = (object.held(vm)?, unsafe { new_name(vm, key)? });
        Ok(optional(vm, &object, key.as_object())?.is_some().into())
    })
}

/// Whether a mapping has a key; errors are reported as unraisable.
pub unsafe extern "C" fn PyMapping_HasKey(object: Borrowed, key: Borrowed) -> c_int {
    infallible(0, |vm| {
        let (object, key) = (object.held(vm)?, key.held(vm)?);
        Ok(optional(vm, &object, &key)?.is_some().into())
    })
}

/// Whether a mapping has a key: 1, 0 or -1.
pub unsafe extern "C" fn PyMapping_HasKeyWithError(object: Borrowed, key: Borrowed) -> c_int {
    api(|vm| {
        let (object, key) = (object.held(vm)?, key.held(vm)?);
        Ok(optional(vm, &object, &key)?.is_some().into())
    })
}

/// Whether a mapping has a key in UTF-8: 1, 0 or -1.
pub unsafe extern "C" fn PyMapping_HasKeyStringWithError(object: Borrowed, key: *const c_char) -> c_int {
    api(|vm| {
        // SAFETY: C's arguments.
        let (object, key) = (object.held(vm)?, unsafe { new_name(vm, key)? });
        Ok(optional(vm, &object, key.as_object())?.is_some().into())
    })
}

/// What a mapping's method of no arguments gives, as a list.
fn listed(object: Borrowed, method: &str) -> New {
    api(|vm| {
        let object = object.held(vm)?;
        let found = leave(vm, || vm.call_method(&object, method, ()))?;
        let items: Vec<PyObjectRef> = leave(vm, || {
            let iterator = found.get_iter(vm).map_err(|error| {
                if !error.fast_isinstance(vm.ctx.exceptions.type_error) {
                    return error;
                }
                let (class, got) = (object.class().slot_name(), found.class().slot_name());
                vm.new_type_error(format!("{class}.{method}() returned a non-iterable (type {got})"))
            })?;
            iterator.iter(vm)?.collect::<PyResult<_>>()
        })?;
        Ok(New::of(vm, vm.ctx.new_list(items)))
    })
}

/// A mapping's keys as a list.
pub unsafe extern "C" fn PyMapping_Keys(object: Borrowed) -> New {
    listed(object, "keys")
}

/// A mapping's values as a list.
pub unsafe extern "C" fn PyMapping_Values(object: Borrowed) -> New {
    listed(object, "values")
}

/// A mapping's pairs as a list of tuples.
pub unsafe extern "C" fn PyMapping_Items(object: Borrowed) -> New {
    listed(object, "items")
}

/// `object[key]` with a key in UTF-8.
pub unsafe extern "C" fn PyMapping_GetItemString(object: Borrowed, key: *const c_char) -> New {
    api(|vm| {
        // SAFETY: C's arguments.
        let (object, key) = (object.held(vm)?, unsafe { new_name(vm, key)? });
        let item = leave(vm, || object.get_item(key.as_object(), vm))?;
        Ok(New::of(vm, item))
    })
}

/// Puts `object[key]` into `result`. Returns 1, 0 with NULL for a missing key, or -1.
pub unsafe extern "C" fn PyMapping_GetOptionalItem(object: Borrowed, key: Borrowed, result: *mut Block) -> c_int {
    // SAFETY: C's arguments.
    unsafe { *result = std::ptr::null_mut() };
    api(|vm| {
        let found = optional(vm, &*object.held(vm)?, &*key.held(vm)?)?;
        // SAFETY: C's arguments.
        Ok(unsafe { put(vm, found, result) })
    })
}

/// [`PyMapping_GetOptionalItem`] with a key in UTF-8.
pub unsafe extern "C" fn PyMapping_GetOptionalItemString(
    object: Borrowed,
    key: *const c_char,
    result: *mut Block,
) -> c_int {
    // SAFETY: C's arguments.
    unsafe { *result = std::ptr::null_mut() };
    api(|vm| {
        // SAFETY: C's arguments.
        unsafe {
            let key = new_name(vm, key)?;
            let found = optional(vm, &*object.held(vm)?, key.as_object())?;
            Ok(put(vm, found, result))
        }
    })
}

/// `object[key] = value` with a key in UTF-8. Returns 0.
pub unsafe extern "C" fn PyMapping_SetItemString(object: Borrowed, key: *const c_char, value: Borrowed) -> c_int {
    // SAFETY: C's arguments.
    unsafe { set_item_string(object, key, value) }
}
