//! `setobject.h`: sets. The managed set is the truth. All functions work on the set itself: what a subclass overrides is not
//! asked.

use super::prelude::*;
use crate::twins::forms::set;
use rustpython_vm::builtins::{PyFrozenSet, PySet};
use rustpython_vm::{PyObject, PyPayload as _};

/// Works on a managed set and brings the block's counts up to date. `SystemError` if it is none.
fn change<R>(vm: &VirtualMachine, set: Borrowed, work: impl FnOnce(&PySet) -> PyResult<R>) -> PyResult<R> {
    let twin = set.of::<PySet>(vm)?;
    let result = leave(vm, || work(&twin))?;
    // SAFETY: a set's block.
    unsafe { store::touched(vm, set.0) };
    Ok(result)
}

/// A new set of the items of an iterable, which may be NULL.
pub unsafe extern "C" fn PySet_New(iterable: Borrowed) -> New {
    api(|vm| {
        let args: Vec<PyObjectRef> = iterable.opt(vm)?.into_iter().collect();
        Ok(New::of(vm, leave(vm, || vm.ctx.types.set_type.as_object().call(args, vm))?))
    })
}

/// A new frozenset of the items of an iterable, which may be NULL. Nobody else has it: it can be filled.
pub unsafe extern "C" fn PyFrozenSet_New(iterable: Borrowed) -> New {
    api(|vm| {
        let Some(iterable) = iterable.opt(vm)? else {
            return Ok(New::of(vm, PyFrozenSet::default().into_ref(&vm.ctx)));
        };
        let made = leave(vm, || {
            if let Some(frozen) = iterable.downcast_ref::<PyFrozenSet>() {
                return PyFrozenSet::from_iter(vm, frozen.elements());
            }
            let items = vm.ctx.types.set_type.as_object().call((iterable,), vm)?;
            PyFrozenSet::from_iter(vm, items.downcast_ref::<PySet>().map(|set| set.elements()).unwrap_or_default())
        })?;
        Ok(New::of(vm, made.into_ref(&vm.ctx)))
    })
}

/// Adds an item, also to a frozenset that only the caller has. 0, or -1 with an exception.
pub unsafe extern "C" fn PySet_Add(set: Borrowed, item: Borrowed) -> c_int {
    api(|vm| {
        let (twin, item) = (any_set(vm, set)?, item.get(vm)?);
        if let Some(frozen) = twin.downcast_ref::<PyFrozenSet>() {
            // SAFETY: C's argument. The block has a reference, and so have we.
            let alone = unsafe { (*set.0).ob_refcnt } == 1 && twin.strong_count() == 2;
            let open = alone.then(|| set::open(frozen)).flatten().ok_or_else(|| bad_internal_call(vm))?;
            leave(vm, || open.add(item, vm))?;
            // SAFETY: a set's block.
            unsafe { store::touched(vm, set.0) };
            return Ok(0);
        }
        change(vm, set, |set| set.add(item, vm)).map(|()| 0)
    })
}

/// Empties a set. 0, or -1 with an exception.
pub unsafe extern "C" fn PySet_Clear(set: Borrowed) -> c_int {
    api(|vm| {
        let twin = set.of::<PySet>(vm)?;
        leave(vm, || twin.clear());
        // SAFETY: a set's block.
        unsafe { store::touched(vm, set.0) };
        Ok(0)
    })
}

/// The managed set or frozenset. `SystemError` if it is neither.
fn any_set(vm: &VirtualMachine, set: Borrowed) -> PyResult {
    // SAFETY: C's argument.
    if set.is_null() || unsafe { Kind::of(set.0) } != Kind::Set { Err(bad_internal_call(vm)) } else { set.get(vm) }
}

/// The items of a managed set.
fn elements(set: &PyObject) -> Vec<PyObjectRef> {
    match (set.downcast_ref::<PySet>(), set.downcast_ref::<PyFrozenSet>()) {
        (Some(set), _) => set.elements(),
        (_, frozen) => frozen.map(|frozen| frozen.elements()).unwrap_or_default(),
    }
}

/// Whether an item is there.
fn contains(vm: &VirtualMachine, set: &PyObject, item: &PyObject) -> PyResult<bool> {
    match (set.downcast_ref::<PySet>(), set.downcast_ref::<PyFrozenSet>()) {
        (Some(set), _) => set.contains(item, vm),
        (_, Some(set)) => set.contains(item, vm),
        _ => Err(bad_internal_call(vm)),
    }
}

/// Whether an item is there: 1, 0, or -1 with an exception.
pub unsafe extern "C" fn PySet_Contains(set: Borrowed, item: Borrowed) -> c_int {
    api(|vm| {
        let (set, item) = (any_set(vm, set)?, item.get(vm)?);
        leave(vm, || contains(vm, &set, &item)).map(c_int::from)
    })
}

/// Removes an item: 1, 0 if there is none, -1 with an exception.
pub unsafe extern "C" fn PySet_Discard(set: Borrowed, item: Borrowed) -> c_int {
    api(|vm| {
        let twin = set.of::<PySet>(vm)?;
        let item = item.get(vm)?;
        let before = set::length(vm, twin.as_object());
        leave(vm, || twin.discard(item, vm))?;
        // SAFETY: a set's block.
        unsafe { store::touched(vm, set.0) };
        Ok(c_int::from(set::length(vm, twin.as_object()) != before))
    })
}

/// Removes and returns some item; `KeyError` if there is none.
pub unsafe extern "C" fn PySet_Pop(set: Borrowed) -> New {
    api(|vm| {
        let twin = set.of::<PySet>(vm)?;
        let item = leave(vm, || twin.pop(vm))?;
        // SAFETY: a set's block.
        unsafe { store::touched(vm, set.0) };
        Ok(New::of(vm, item))
    })
}

/// The number of items; -1 with an exception.
pub unsafe extern "C" fn PySet_Size(set: Borrowed) -> isize {
    api(|vm| Ok(set::length(vm, &*any_set(vm, set)?)))
}

/// Adds the items of an iterable. 0, or -1 with an exception.
pub unsafe extern "C" fn _PySet_Update(set: Borrowed, iterable: Borrowed) -> c_int {
    api(|vm| {
        let (twin, iterable) = (set.of::<PySet>(vm)?, iterable.get(vm)?);
        let args: Vec<PyObjectRef> = vec![twin.into(), iterable];
        leave(vm, || vm.ctx.types.set_type.as_object().get_attr("update", vm)?.call(args, vm).map(drop))?;
        // SAFETY: a set's block.
        unsafe { store::touched(vm, set.0) };
        Ok(0)
    })
}

/// The item at a position, a new reference, with its hash; the position goes on. 1, 0 behind the last, or -1 with an exception.
pub unsafe extern "C" fn _PySet_NextEntryRef(
    set: Borrowed,
    position: *mut isize,
    item: *mut Block,
    hash: *mut isize,
) -> c_int {
    api(|vm| {
        let twin = any_set(vm, set)?;
        // SAFETY: C's arguments.
        unsafe {
            let Some(found) = usize::try_from(*position).ok().and_then(|at| elements(&twin).into_iter().nth(at)) else {
                return Ok(0);
            };
            *hash = leave(vm, || found.hash(vm))? as isize;
            *position += 1;
            *item = New::of(vm, found).0;
        }
        Ok(1)
    })
}
