//! `dictobject.h` and `cpython/dictobject.h`: dicts. The managed dict is the truth. All functions work on the dict itself: what a
//! subclass overrides is not asked.

use super::abstract_::new_name;
use super::prelude::*;
use crate::lifetime::{kept, managed};
use crate::twins::forms::dict;
use crate::twins::type_dict;
use rustpython_vm::PyObject;
use rustpython_vm::builtins::{PyDict, PyDictRef, PyType};
use rustpython_vm::{Py, PyPayload as _};
use std::cell::Cell;

/// A new dict.
pub unsafe extern "C" fn PyDict_New() -> New {
    api(|vm| Ok(New::of(vm, vm.ctx.new_dict())))
}

/// The managed dict of a block, which may be about to change.
#[inline]
fn dict(vm: &VirtualMachine, object: Borrowed) -> PyResult<PyDictRef> {
    let dict = object.of::<PyDict>(vm)?;
    type_dict::used(object.0);
    Ok(dict)
}

/// Brings the block's count of items up to date.
#[inline]
fn changed(vm: &VirtualMachine, object: Borrowed, dict: &PyDictRef) {
    // SAFETY: a dict's block and its twin.
    unsafe { dict::refresh(vm, object.0, dict.as_object()) };
}

fn find(vm: &VirtualMachine, object: Borrowed, key: Borrowed) -> PyResult<Option<PyObjectRef>> {
    find_object(vm, object, &*key.get(vm)?)
}

fn find_object(vm: &VirtualMachine, object: Borrowed, key: &PyObject) -> PyResult<Option<PyObjectRef>> {
    find_in(vm, &*object.of::<PyDict>(vm)?, key)
}

fn find_in(vm: &VirtualMachine, dict: &Py<PyDict>, key: &PyObject) -> PyResult<Option<PyObjectRef>> {
    leave(vm, || dict.inner_getitem_opt(key, vm))
}

/// Removes a key from the dict itself; `KeyError` if there is none. Without the C lock.
fn remove(vm: &VirtualMachine, dict: &Py<PyDict>, key: &PyObject) -> PyResult<()> {
    match vm.ctx.types.dict_type.slots.as_mapping.ass_subscript.load() {
        Some(delete) => delete(dict.as_object().mapping_unchecked(), key, None, vm),
        None => dict.del_item(key, vm),
    }
}

/// A value, borrowed; NULL if there is none or the object is no dict. What looking it up raised is reported as unraisable.
pub unsafe extern "C" fn PyDict_GetItem(object: Borrowed, key: Borrowed) -> Lent {
    let raised = error::take_block();
    let found = infallible(Lent::NULL, |vm| {
        let Ok(dict) = dict(vm, object) else { return Ok(Lent::NULL) };
        lent(vm, object, find_in(vm, &dict, &*key.get(vm)?)?)
    });
    error::set_block(raised);
    found
}

/// A value as the dict lends it.
fn lent(vm: &VirtualMachine, object: Borrowed, found: Option<PyObjectRef>) -> PyResult<Lent> {
    Ok(found.map_or(Lent::NULL, |value| Lent(lend::lend(vm, object.0, &value))))
}

/// A value, borrowed; NULL without an exception if there is none.
pub unsafe extern "C" fn PyDict_GetItemWithError(object: Borrowed, key: Borrowed) -> Lent {
    api(|vm| lent(vm, object, find(vm, object, key)?))
}

/// [`PyDict_GetItem`] with a key in UTF-8.
pub unsafe extern "C" fn PyDict_GetItemString(object: Borrowed, name: *const c_char) -> Lent {
    let raised = error::take_block();
    let found = infallible(Lent::NULL, |vm| {
        // SAFETY: C's arguments.
        let name = unsafe { new_name(vm, name) }?;
        let Ok(dict) = dict(vm, object) else { return Ok(Lent::NULL) };
        lent(vm, object, find_in(vm, &dict, name.as_object())?)
    });
    error::set_block(raised);
    found
}

/// Puts a value, as a new reference, into `result`: 1, 0 and NULL if there is none, -1 with an exception.
pub unsafe extern "C" fn PyDict_GetItemRef(object: Borrowed, key: Borrowed, result: *mut Block) -> c_int {
    // SAFETY: C's arguments.
    unsafe { *result = std::ptr::null_mut() };
    api(|vm| {
        let Some(value) = find(vm, object, key)? else { return Ok(0) };
        // SAFETY: C's arguments.
        unsafe { *result = New::of(vm, value).0 };
        Ok(1)
    })
}

/// [`PyDict_GetItemRef`] with a key in UTF-8.
pub unsafe extern "C" fn PyDict_GetItemStringRef(object: Borrowed, name: *const c_char, result: *mut Block) -> c_int {
    // SAFETY: C's arguments.
    unsafe { *result = std::ptr::null_mut() };
    api(|vm| {
        // SAFETY: C's arguments.
        let name = unsafe { new_name(vm, name) }?;
        let Some(value) = find_object(vm, object, name.as_object())? else { return Ok(0) };
        // SAFETY: C's arguments.
        unsafe { *result = New::of(vm, value).0 };
        Ok(1)
    })
}

/// Sets a value. 0, or -1 with an exception.
pub unsafe extern "C" fn PyDict_SetItem(object: Borrowed, key: Borrowed, value: Borrowed) -> c_int {
    api(|vm| {
        let (dict, key, new) = (dict(vm, object)?, key.get(vm)?, value.get(vm)?);
        leave(vm, || dict.inner_setitem(&*key, new, vm).map(drop))?;
        type_dict::named(vm, object.0, &key);
        changed(vm, object, &dict);
        kept::put(object.0, value.0);
        Ok(0)
    })
}

/// [`PyDict_SetItem`] with a key in UTF-8.
pub unsafe extern "C" fn PyDict_SetItemString(object: Borrowed, name: *const c_char, value: Borrowed) -> c_int {
    api(|vm| {
        let dict = dict(vm, object)?;
        // SAFETY: C's arguments.
        let name = unsafe { new_name(vm, name) }?;
        let new = value.get(vm)?;
        leave(vm, || dict.inner_setitem(name.as_object(), new, vm).map(drop))?;
        type_dict::named(vm, object.0, name.as_object());
        changed(vm, object, &dict);
        kept::put(object.0, value.0);
        Ok(0)
    })
}

/// Removes a key.
fn delete(vm: &VirtualMachine, object: Borrowed, key: &PyObject) -> PyResult<c_int> {
    let dict = dict(vm, object)?;
    leave(vm, || remove(vm, &dict, key))?;
    changed(vm, object, &dict);
    Ok(0)
}

/// Removes a key; `KeyError` if there is none. 0, or -1 with an exception.
pub unsafe extern "C" fn PyDict_DelItem(object: Borrowed, key: Borrowed) -> c_int {
    api(|vm| delete(vm, object, &*key.get(vm)?))
}

/// [`PyDict_DelItem`] with a key in UTF-8.
pub unsafe extern "C" fn PyDict_DelItemString(object: Borrowed, name: *const c_char) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| delete(vm, object, unsafe { new_name(vm, name) }?.as_object()))
}

/// Empties a dict; nothing is done to what is none.
pub unsafe extern "C" fn PyDict_Clear(object: Borrowed) {
    infallible((), |vm| {
        let Ok(dict) = dict(vm, object) else { return Ok(()) };
        leave(vm, || dict.clear());
        changed(vm, object, &dict);
        Ok(())
    });
}

/// Goes to the next item: 1 with key and value borrowed, 0 at the end, and for what is no dict. `position` starts at 0.
pub unsafe extern "C" fn PyDict_Next(
    object: Borrowed,
    position: *mut isize,
    key: *mut Block,
    value: *mut Block,
) -> c_int {
    infallible(0, |vm| {
        let Ok(dict) = dict(vm, object) else { return Ok(0) };
        // SAFETY: C's arguments.
        unsafe {
            let Some((next, found_key, found_value)) = dict.next_entry(*position as usize) else { return Ok(0) };
            *position = next as isize;
            if !key.is_null() {
                *key = lend::lend(vm, object.0, &found_key);
            }
            if !value.is_null() {
                *value = lend::lend(vm, object.0, &found_value);
            }
        }
        Ok(1)
    })
}

/// A new list of the keys.
pub unsafe extern "C" fn PyDict_Keys(object: Borrowed) -> New {
    api(|vm| Ok(New::of(vm, vm.ctx.new_list(dict(vm, object)?.keys_vec()))))
}

/// A new list of the values.
pub unsafe extern "C" fn PyDict_Values(object: Borrowed) -> New {
    api(|vm| Ok(New::of(vm, vm.ctx.new_list(dict(vm, object)?.values_vec()))))
}

/// A new list of the items, as tuples.
pub unsafe extern "C" fn PyDict_Items(object: Borrowed) -> New {
    api(|vm| {
        let items = dict(vm, object)?.items_vec();
        let items = items.into_iter().map(|(key, value)| vm.ctx.new_tuple(vec![key, value]).into()).collect();
        Ok(New::of(vm, vm.ctx.new_list(items)))
    })
}

/// The number of items; -1 with an exception.
pub unsafe extern "C" fn PyDict_Size(object: Borrowed) -> isize {
    api(|vm| Ok(dict(vm, object)?.__len__() as isize))
}

/// A new dict with the same items. A class that says itself how to iterate is asked for them.
pub unsafe extern "C" fn PyDict_Copy(object: Borrowed) -> New {
    api(|vm| {
        let dict = dict(vm, object)?;
        if dict.__len__() == 0 || iterates_as_dict(vm, dict.as_object()) {
            return Ok(New::of(vm, dict.copy().into_ref(&vm.ctx)));
        }
        let copy = vm.ctx.new_dict();
        leave(vm, || copy.merge_object(dict.into(), vm))?;
        Ok(New::of(vm, copy))
    })
}

/// Whether a key is there: 1, 0, or -1 with an exception.
pub unsafe extern "C" fn PyDict_Contains(object: Borrowed, key: Borrowed) -> c_int {
    api(|vm| Ok(c_int::from(find(vm, object, key)?.is_some())))
}

/// [`PyDict_Contains`] with a key in UTF-8.
pub unsafe extern "C" fn PyDict_ContainsString(object: Borrowed, name: *const c_char) -> c_int {
    api(|vm| {
        // SAFETY: C's arguments.
        let name = unsafe { new_name(vm, name) }?;
        Ok(c_int::from(find_object(vm, object, name.as_object())?.is_some()))
    })
}

/// Adds the items of a mapping, replacing what is there if `replace` says so. 0, or -1 with an exception.
pub unsafe extern "C" fn PyDict_Merge(object: Borrowed, other: Borrowed, replace: c_int) -> c_int {
    api(|vm| {
        if other.is_null() {
            return Err(bad_internal_call(vm));
        }
        let (dict, other) = (dict(vm, object)?, plain(vm, other.get(vm)?));
        leave(vm, || {
            // What has no `keys` is no mapping: the error says so, where `dict.update` would take pairs.
            if !other.downcastable::<PyDict>() {
                leave(vm, || other.get_attr("keys", vm).map(drop))?;
            }
            if replace != 0 {
                leave(vm, || dict.merge_object(other, vm))
            } else {
                dict.merge_object_if_missing(other, vm)
            }
        })?;
        type_dict::all_named(vm, object.0, &dict);
        changed(vm, object, &dict);
        Ok(0)
    })
}

/// What a dict is merged with, for the VM, which asks any subclass for its keys: an exact dict if nothing else says how to
/// iterate.
fn plain(vm: &VirtualMachine, other: PyObjectRef) -> PyObjectRef {
    match other.downcast_ref::<PyDict>() {
        Some(dict) if iterates_as_dict(vm, &other) && !other.class().is(vm.ctx.types.dict_type) => {
            dict.copy().into_ref(&vm.ctx).into()
        }
        _ => other,
    }
}

/// Whether an object's class has `dict`'s own way to iterate.
fn iterates_as_dict(vm: &VirtualMachine, object: &PyObject) -> bool {
    let of = |class: &Py<PyType>| class.slots.iter.load().map(|f| f as usize);
    of(object.class()) == of(vm.ctx.types.dict_type)
}

/// [`PyDict_Merge`], replacing what is there.
pub unsafe extern "C" fn PyDict_Update(object: Borrowed, other: Borrowed) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PyDict_Merge(object, other, 1) }
}

/// Adds the pairs of an iterable, replacing what is there if `replace` says so. 0, or -1 with an exception.
pub unsafe extern "C" fn PyDict_MergeFromSeq2(object: Borrowed, pairs: Borrowed, replace: c_int) -> c_int {
    api(|vm| {
        let (dict, pairs) = (dict(vm, object)?, pairs.get(vm)?);
        leave(vm, || {
            let found = vm.ctx.new_dict();
            leave(vm, || vm.call_method(found.as_object(), "update", (pairs,)).map(drop))?;
            if replace != 0 {
                leave(vm, || dict.merge_object(found.into(), vm))
            } else {
                dict.merge_object_if_missing(found.into(), vm)
            }
        })?;
        type_dict::all_named(vm, object.0, &dict);
        changed(vm, object, &dict);
        Ok(0)
    })
}

/// A value, set to `default` first if there is none; borrowed.
pub unsafe extern "C" fn PyDict_SetDefault(object: Borrowed, key: Borrowed, default: Borrowed) -> Lent {
    api(|vm| Ok(Lent(lend::lend(vm, object.0, &set_default(vm, object, key, default)?.0))))
}

/// A value, set to `default` first if there is none, and whether it was there.
fn set_default(
    vm: &VirtualMachine,
    object: Borrowed,
    key: Borrowed,
    default: Borrowed,
) -> PyResult<(PyObjectRef, bool)> {
    let (dict, key, value) = (dict(vm, object)?, key.get(vm)?, default.get(vm)?);
    let missing = Cell::new(false);
    let insert = || {
        missing.set(true);
        value.clone()
    };
    let value = leave(vm, || dict.get_or_insert(vm, &key, insert))?;
    type_dict::named(vm, object.0, &key);
    changed(vm, object, &dict);
    kept::put(object.0, default.0);
    Ok((value, !missing.get()))
}

/// A value, set to `default` first if there is none, as a new reference in `result`: 1 if it was there, 0 if not.
pub unsafe extern "C" fn PyDict_SetDefaultRef(
    object: Borrowed,
    key: Borrowed,
    default: Borrowed,
    result: *mut Block,
) -> c_int {
    // SAFETY: C's arguments.
    if let Some(result) = unsafe { result.as_mut() } {
        *result = std::ptr::null_mut();
    }
    api(|vm| {
        let (value, found) = set_default(vm, object, key, default)?;
        if !result.is_null() {
            // SAFETY: C's arguments.
            unsafe { *result = New::of(vm, value).0 };
        }
        Ok(c_int::from(found))
    })
}

/// Removes a key and puts its value into `result` if that is not NULL: 1, 0 if there is none, -1 with an exception.
pub unsafe extern "C" fn PyDict_Pop(object: Borrowed, key: Borrowed, result: *mut Block) -> c_int {
    if !result.is_null() {
        // SAFETY: C's arguments.
        unsafe { *result = std::ptr::null_mut() };
    }
    api(|vm| {
        let dict = dict(vm, object)?;
        // Where there is nothing the key is not looked at.
        if dict.is_empty() {
            return Ok(0);
        }
        let key = key.get(vm)?;
        let popped = leave(vm, || {
            if dict.class().is(vm.ctx.types.dict_type) {
                return dict.pop_item(&*key, vm);
            }
            let found = dict.inner_getitem_opt(&*key, vm)?;
            if found.is_some() {
                remove(vm, &dict, &key)?;
            }
            Ok(found)
        });
        let Some(value) = popped? else { return Ok(0) };
        changed(vm, object, &dict);
        if result.is_null() {
            managed::drop_managed(value);
        } else {
            // SAFETY: C's arguments.
            unsafe { *result = New::of(vm, value).0 };
        }
        Ok(1)
    })
}

/// Takes a value out by name. 1 with the value in `result` (which may be NULL), 0 if there was none, -1 with an exception.
pub unsafe extern "C" fn PyDict_PopString(object: Borrowed, name: *const c_char, result: *mut Block) -> c_int {
    // SAFETY: C's argument.
    if let Some(result) = unsafe { result.as_mut() } {
        *result = std::ptr::null_mut();
    }
    with_name(name, |key| {
        // SAFETY: C's arguments.
        unsafe { PyDict_Pop(object, key, result) }
    })
}

/// Calls a function with a str made of C's text.
fn with_name<R: crate::calls::api::CResult>(name: *const c_char, f: impl FnOnce(Borrowed) -> R) -> R {
    api(|vm| {
        // SAFETY: C's argument; the str is ours until the function returns.
        unsafe {
            let key = store::store_owned(vm, new_name(vm, name)?.into());
            let result = f(Borrowed(key));
            dealloc::decref(key);
            Ok(result)
        }
    })
}

/// A value by name, borrowed; NULL without an exception if there is none.
pub unsafe extern "C" fn _PyDict_GetItemStringWithError(object: Borrowed, name: *const c_char) -> Lent {
    with_name(name, |key| {
        // SAFETY: C's arguments.
        unsafe { PyDict_GetItemWithError(object, key) }
    })
}

/// [`PyDict_GetItemWithError`] for a key whose hash is known: the VM keeps a str's with it.
pub unsafe extern "C" fn _PyDict_GetItem_KnownHash(object: Borrowed, key: Borrowed, _hash: isize) -> Lent {
    // SAFETY: C's arguments.
    unsafe { PyDict_GetItemWithError(object, key) }
}

/// [`PyDict_SetItem`] for a key whose hash is known.
pub unsafe extern "C" fn _PyDict_SetItem_KnownHash(
    object: Borrowed,
    key: Borrowed,
    value: Borrowed,
    _hash: isize,
) -> c_int {
    // SAFETY: C's arguments.
    let done = unsafe { PyDict_SetItem(object, key, value) };
    // Code that goes this deep takes its references back by hand.
    kept::may_be_left(key.0);
    kept::may_be_left(value.0);
    done
}

/// [`_PyDict_SetItem_KnownHash`] for a dict that is locked: the C lock is held anyway.
pub unsafe extern "C" fn _PyDict_SetItem_KnownHash_LockHeld(
    object: Borrowed,
    key: Borrowed,
    value: Borrowed,
    hash: isize,
) -> c_int {
    // SAFETY: C's arguments.
    unsafe { _PyDict_SetItem_KnownHash(object, key, value, hash) }
}

/// A new dict that will get so many items.
pub unsafe extern "C" fn _PyDict_NewPresized(_count: isize) -> New {
    // SAFETY: no arguments.
    unsafe { PyDict_New() }
}

/// Takes a value out; `default` (a new reference to it) if there is none; `KeyError` if that is NULL.
pub unsafe extern "C" fn _PyDict_Pop(object: Borrowed, key: Borrowed, default: Borrowed) -> New {
    let mut found = std::ptr::null_mut();
    // SAFETY: C's arguments.
    match unsafe { PyDict_Pop(object, key, &mut found) } {
        1 => New(found),
        0 if default.is_null() => api(|vm| Err(vm.new_key_error(key.get(vm)?))),
        0 => default.again(),
        _ => New::NULL,
    }
}
