//! `setobject.h`: sets. The managed set is the truth.

use super::prelude::*;
use crate::twins::forms::set;

/// Calls a method of a set and brings the block's counts up to date.
fn method(vm: &VirtualMachine, set: Borrowed, name: &'static str, args: Vec<PyObjectRef>) -> PyResult {
    let twin = set.get(vm)?;
    let result = leave(vm, || vm.call_method(&twin, name, args))?;
    // SAFETY: a set's block.
    unsafe { store::touched(vm, set.0) };
    Ok(result)
}

fn new(vm: &VirtualMachine, class: PyObjectRef, iterable: Borrowed) -> PyResult<New> {
    let args: Vec<PyObjectRef> = iterable.opt(vm)?.into_iter().collect();
    Ok(New::of(vm, leave(vm, || class.call(args, vm))?))
}

/// A new set of the items of an iterable, which may be NULL.
pub unsafe extern "C" fn PySet_New(iterable: Borrowed) -> New {
    api(|vm| new(vm, vm.ctx.types.set_type.to_owned().into(), iterable))
}

/// A new frozenset of the items of an iterable, which may be NULL.
pub unsafe extern "C" fn PyFrozenSet_New(iterable: Borrowed) -> New {
    api(|vm| new(vm, vm.ctx.types.frozenset_type.to_owned().into(), iterable))
}

/// Adds an item. 0, or -1 with an exception.
pub unsafe extern "C" fn PySet_Add(set: Borrowed, item: Borrowed) -> c_int {
    api(|vm| method(vm, set, "add", vec![item.get(vm)?]).map(|_| 0))
}

/// Empties a set. 0, or -1 with an exception.
pub unsafe extern "C" fn PySet_Clear(set: Borrowed) -> c_int {
    api(|vm| method(vm, set, "clear", vec![]).map(|_| 0))
}

/// Whether an item is there: 1, 0, or -1 with an exception.
pub unsafe extern "C" fn PySet_Contains(set: Borrowed, item: Borrowed) -> c_int {
    api(|vm| {
        let found = method(vm, set, "__contains__", vec![item.get(vm)?])?;
        Ok(c_int::from(leave(vm, || found.try_to_bool(vm))?))
    })
}

/// Removes an item: 1, 0 if there is none, -1 with an exception.
pub unsafe extern "C" fn PySet_Discard(set: Borrowed, item: Borrowed) -> c_int {
    api(|vm| {
        let twin = set.get(vm)?;
        let before = set::length(vm, &twin);
        method(vm, set, "discard", vec![item.get(vm)?])?;
        Ok(c_int::from(set::length(vm, &twin) != before))
    })
}

/// Removes and returns some item; `KeyError` if there is none.
pub unsafe extern "C" fn PySet_Pop(set: Borrowed) -> New {
    api(|vm| Ok(New::of(vm, method(vm, set, "pop", vec![])?)))
}

/// The number of items; -1 with an exception.
pub unsafe extern "C" fn PySet_Size(set: Borrowed) -> isize {
    api(|vm| {
        // SAFETY: C's argument.
        if unsafe { Kind::of(set.0) } != Kind::Set {
            return Err(bad_internal_call(vm));
        }
        let twin = set.get(vm)?;
        Ok(set::length(vm, &twin))
    })
}

/// Adds the items of an iterable. 0, or -1 with an exception.
pub unsafe extern "C" fn _PySet_Update(set: Borrowed, iterable: Borrowed) -> c_int {
    api(|vm| method(vm, set, "update", vec![iterable.get(vm)?]).map(|_| 0))
}
