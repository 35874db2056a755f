//! `methodobject.h`: C functions as objects.

use super::prelude::*;
use crate::twins::forms::function;

/// Makes a function from a definition; `this` and `module` (the module's name) may be NULL.
pub unsafe extern "C" fn PyCFunction_NewEx(method: *mut c::PyMethodDef, this: Borrowed, module: Borrowed) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe { function::new(vm, method, this.0, module.0, std::ptr::null_mut()) }.map(New))
}

/// [`PyCFunction_NewEx`] without a module.
pub unsafe extern "C" fn PyCFunction_New(method: *mut c::PyMethodDef, this: Borrowed) -> New {
    // SAFETY: C's arguments.
    unsafe { PyCFunction_NewEx(method, this, Borrowed(std::ptr::null_mut())) }
}

/// [`PyCFunction_NewEx`] with the class that defines it, for `METH_METHOD`.
pub unsafe extern "C" fn PyCMethod_New(
    method: *mut c::PyMethodDef,
    this: Borrowed,
    module: Borrowed,
    class: *mut c::PyTypeObject,
) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe { function::new(vm, method, this.0, module.0, class) }.map(New))
}

/// The C function behind a function object.
pub unsafe extern "C" fn PyCFunction_GetFunction(function: Borrowed) -> Option<c::PyCFunction> {
    // SAFETY: a function object, by contract; its method is a function, or NULL.
    unsafe { std::mem::transmute((*(*function.0.cast::<c::PyCFunctionObject>()).m_ml).ml_meth) }
}

/// A function's `self`; NULL, without an exception, if it is static.
pub unsafe extern "C" fn PyCFunction_GetSelf(function: Borrowed) -> Lent {
    // SAFETY: a function object, by contract.
    unsafe {
        let function = function.0.cast::<c::PyCFunctionObject>();
        if (*(*function).m_ml).ml_flags & c::meth::STATIC != 0 { Lent::NULL } else { Lent((*function).m_self) }
    }
}

/// A function's `METH_*` flags.
pub unsafe extern "C" fn PyCFunction_GetFlags(function: Borrowed) -> c_int {
    // SAFETY: a function object, by contract.
    unsafe { (*(*function.0.cast::<c::PyCFunctionObject>()).m_ml).ml_flags }
}

/// Calls any callable with a tuple and a dict, or NULL: an old name of `PyObject_Call`.
pub unsafe extern "C" fn PyCFunction_Call(callable: Borrowed, args: Borrowed, keywords: Borrowed) -> New {
    // SAFETY: C's arguments.
    unsafe { super::abstract_::PyObject_Call(callable, args, keywords) }
}

/// The vectorcall entry of function objects: C code that calls a C function does not go through the VM.
pub(crate) unsafe extern "C" fn vectorcall(callable: Block, args: *const Block, nargsf: usize, names: Block) -> Block {
    // SAFETY: C's arguments.
    api(|vm| unsafe { crate::calls::calling::call_managed(vm, Borrowed(callable), args, nargsf, names) }).0
}

/// What C code gets that calls the C function of a builtin function of the VM's, which has none.
unsafe extern "C" fn no_function(_: Block, _: Block) -> Block {
    api(|vm| -> PyResult<New> {
        Err(vm.new_system_error("Rustclad: a builtin function of RustPython has no C function to call"))
    })
    .0
}

/// What stands in every function's block.
pub(crate) const ENTRIES: function::Entries = function::Entries { vectorcall, no_function };
