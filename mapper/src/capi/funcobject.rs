//! `cpython/funcobject.h`: functions of Python code, and the two wrappers that change how a function binds.

use super::prelude::*;
use rustpython_vm::builtins::{PyClassMethod, PyDict, PyFunction, PyStaticMethod, PyTuple};
use rustpython_vm::{PyObject, PyPayload as _, PyRef};

/// A new function of a code object and a dict of globals.
pub unsafe extern "C" fn PyFunction_New(code: Borrowed, globals: Borrowed) -> New {
    // SAFETY: C's arguments.
    unsafe { PyFunction_NewWithQualName(code, globals, Borrowed(std::ptr::null_mut())) }
}

/// [`PyFunction_New`] with a qualified name, which may be NULL for the code object's.
pub unsafe extern "C" fn PyFunction_NewWithQualName(code: Borrowed, globals: Borrowed, name: Borrowed) -> New {
    api(|vm| {
        let class: PyObjectRef = vm.ctx.types.function_type.to_owned().into();
        let (args, name) = ((code.get(vm)?, globals.get(vm)?), name.opt(vm)?);
        let made = leave(vm, || class.call(args, vm))?;
        if let Some(name) = name {
            leave(vm, || made.set_attr("__qualname__", name, vm))?;
        }
        Ok(New::of(vm, made))
    })
}

fn function(vm: &VirtualMachine, object: Borrowed) -> PyResult<PyRef<PyFunction>> {
    object.of(vm)
}

/// An attribute of a function, borrowed from it; NULL without an exception if it is None and `optional`.
fn part(object: Borrowed, name: &'static str, optional: bool) -> Lent {
    api(|vm| {
        let function = function(vm, object)?;
        let found = leave(vm, || function.as_object().get_attr(name, vm))?;
        Ok(if optional && vm.is_none(&found) { Lent::NULL } else { Lent(lend::lend(vm, object.0, &found)) })
    })
}

/// Sets an attribute of a function to what has the right type, or to None. 0, or -1 with `SystemError`.
fn set(
    object: Borrowed,
    name: &'static str,
    value: Borrowed,
    fits: fn(&PyObject) -> bool,
    what: &'static str,
) -> c_int {
    api(|vm| {
        let (function, value) = (function(vm, object)?, value.get(vm)?);
        if !vm.is_none(&value) && !fits(&value) {
            return Err(vm.new_system_error(what));
        }
        leave(vm, || function.as_object().set_attr(name, value, vm))?;
        // SAFETY: a function's block and its twin.
        unsafe { crate::twins::forms::record::fill(vm, object.0, function.as_object()) };
        Ok(0)
    })
}

/// A function's code object, borrowed.
pub unsafe extern "C" fn PyFunction_GetCode(object: Borrowed) -> Lent {
    part(object, "__code__", false)
}

/// A function's globals, borrowed.
pub unsafe extern "C" fn PyFunction_GetGlobals(object: Borrowed) -> Lent {
    part(object, "__globals__", false)
}

/// The name of a function's module, borrowed.
pub unsafe extern "C" fn PyFunction_GetModule(object: Borrowed) -> Lent {
    part(object, "__module__", false)
}

/// The tuple of default values, borrowed; NULL without an exception if there is none.
pub unsafe extern "C" fn PyFunction_GetDefaults(object: Borrowed) -> Lent {
    part(object, "__defaults__", true)
}

/// Sets the default values: a tuple or None. 0, or -1 with an exception.
pub unsafe extern "C" fn PyFunction_SetDefaults(object: Borrowed, value: Borrowed) -> c_int {
    set(object, "__defaults__", value, PyObject::downcastable::<PyTuple>, "non-tuple default args")
}

/// The dict of keyword-only default values, borrowed; NULL without an exception if there is none.
pub unsafe extern "C" fn PyFunction_GetKwDefaults(object: Borrowed) -> Lent {
    part(object, "__kwdefaults__", true)
}

/// Sets the keyword-only default values: a dict or None. 0, or -1 with an exception.
pub unsafe extern "C" fn PyFunction_SetKwDefaults(object: Borrowed, value: Borrowed) -> c_int {
    set(object, "__kwdefaults__", value, PyObject::downcastable::<PyDict>, "non-dict keyword only default args")
}

/// The tuple of cells, borrowed; NULL without an exception if there is none.
pub unsafe extern "C" fn PyFunction_GetClosure(object: Borrowed) -> Lent {
    part(object, "__closure__", true)
}

/// The dict of annotations, borrowed; None if there are none.
pub unsafe extern "C" fn PyFunction_GetAnnotations(object: Borrowed) -> Lent {
    api(|vm| {
        let function = function(vm, object)?;
        let found = leave(vm, || {
            let found: PyObjectRef = function.as_object().get_attr("__annotations__", vm)?;
            let is_empty = found.downcast_ref::<PyDict>().is_some_and(|it| it.is_empty());
            let annotate: PyObjectRef = function.as_object().get_attr("__annotate__", vm)?;
            Ok(if is_empty && vm.is_none(&annotate) { annotate } else { found })
        })?;
        Ok(Lent(lend::lend(vm, object.0, &found)))
    })
}

/// Sets the annotations: a dict or None. 0, or -1 with an exception.
pub unsafe extern "C" fn PyFunction_SetAnnotations(object: Borrowed, value: Borrowed) -> c_int {
    set(object, "__annotations__", value, PyObject::downcastable::<PyDict>, "non-dict annotations")
}

/// A new `classmethod` around a callable.
pub unsafe extern "C" fn PyClassMethod_New(callable: Borrowed) -> New {
    api(|vm| Ok(New::of(vm, PyClassMethod::from(callable.get(vm)?).into_ref(&vm.ctx))))
}

/// A new `staticmethod` around a callable.
pub unsafe extern "C" fn PyStaticMethod_New(callable: Borrowed) -> New {
    api(|vm| Ok(New::of(vm, PyStaticMethod::new(callable.get(vm)?).into_ref(&vm.ctx))))
}
