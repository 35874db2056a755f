//! `weakrefobject.h`: weak references. The managed ones are the truth.

use super::prelude::*;
use crate::twins::forms::weak;
use rustpython_vm::builtins::PyWeak;

/// Calls a function of `weakref`.
fn make(vm: &VirtualMachine, function: &'static str, object: Borrowed, callback: Borrowed) -> PyResult<New> {
    let function = leave(vm, || vm.import("_weakref", 0)?.get_attr(function, vm))?;
    let mut args = vec![object.get(vm)?];
    args.extend(callback.opt(vm)?.filter(|callback| !vm.is_none(callback)));
    Ok(New::of(vm, leave(vm, || function.call(args, vm))?))
}

/// A new weak reference; the callback may be NULL or None.
pub unsafe extern "C" fn PyWeakref_NewRef(object: Borrowed, callback: Borrowed) -> New {
    api(|vm| make(vm, "ref", object, callback))
}

/// A new weak proxy; the callback may be NULL or None.
pub unsafe extern "C" fn PyWeakref_NewProxy(object: Borrowed, callback: Borrowed) -> New {
    api(|vm| make(vm, "proxy", object, callback))
}

/// What a weak reference refers to, if it lives.
fn target(vm: &VirtualMachine, reference: Borrowed) -> PyResult<Option<PyObjectRef>> {
    let Some(object) = reference.opt(vm)? else { return Err(bad_internal_call(vm)) };
    if let Some(weak) = object.downcast_ref::<PyWeak>() {
        return Ok(weak.upgrade());
    }
    let types = &vm.ctx.types;
    if object.class().fast_issubclass(types.weakproxy_type)
        || object.class().fast_issubclass(types.weakcallableproxy_type)
    {
        // A proxy's object has no way out but through its methods.
        let bound = leave(vm, || object.get_attr("__init__", vm)).and_then(|method| method.get_attr("__self__", vm));
        return Ok(bound.ok());
    }
    Err(vm.new_type_error("expected a weakref"))
}

/// Puts a new reference to what a weak reference refers to into `result`. 1; 0 with NULL if that is dead; -1 with an
/// exception.
pub unsafe extern "C" fn PyWeakref_GetRef(reference: Borrowed, result: *mut Block) -> c_int {
    // SAFETY: C's argument.
    unsafe { *result = std::ptr::null_mut() };
    api(|vm| {
        let Some(object) = target(vm, reference)? else { return Ok(0) };
        // SAFETY: C's argument.
        unsafe { *result = New::of(vm, object).0 };
        Ok(1)
    })
}

/// What a weak reference refers to, borrowed; None if that is dead.
pub unsafe extern "C" fn PyWeakref_GetObject(reference: Borrowed) -> Lent {
    api(|vm| {
        let object = target(vm, reference)?.unwrap_or_else(|| vm.ctx.none());
        // SAFETY: C's argument; the object is held.
        Ok(Lent(unsafe { weak::borrow(vm, reference.0, &object) }))
    })
}

/// Whether what a weak reference refers to is dead: 1, 0, or -1 with an exception.
pub unsafe extern "C" fn PyWeakref_IsDead(reference: Borrowed) -> c_int {
    api(|vm| Ok(c_int::from(target(vm, reference)?.is_none())))
}

/// [`PyWeakref_IsDead`] without an exception, for CPython's own modules.
pub unsafe extern "C" fn _PyWeakref_IsDead(reference: Borrowed) -> c_int {
    infallible(0, |vm| Ok(c_int::from(target(vm, reference)?.is_none())))
}
