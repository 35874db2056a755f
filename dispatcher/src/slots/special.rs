//! What both ways into a slot are made of: reading it from an object's type, and a special method that calls it.

use rustclad_mapper::abi::layout as c;
use rustclad_mapper::lifetime::thread;
use rustclad_mapper::twins::types::type_block;
use rustpython_vm::builtins::{PyBaseExceptionRef, PyTypeRef};
use rustpython_vm::function::{Callee, FuncArgs};
use rustpython_vm::{PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::invoke::unary;
use crate::definitions::method;

/// A slot of an object's class, read from its block.
#[inline]
pub(super) fn class_slot<F>(
    vm: &VirtualMachine,
    this: &PyObject,
    slot: impl FnOnce(&c::PyTypeObject) -> Option<F>,
) -> Option<F> {
    let _section = thread::enter(vm);
    // SAFETY: a type's block is ready.
    slot(unsafe { &*type_block(vm, this.class()) })
}

#[cold]
pub(super) fn missing(vm: &VirtualMachine, name: &'static str) -> PyBaseExceptionRef {
    vm.new_type_error(format!("the type has no {name} slot"))
}

/// `self` and the arguments of a special method, checked for their number.
pub(super) fn split<'a, const N: usize>(
    vm: &VirtualMachine,
    args: &'a FuncArgs,
    name: &str,
) -> PyResult<(&'a PyObject, &'a [PyObjectRef; N])> {
    let Some((this, rest)) = args.args.split_first() else {
        return Err(vm.new_type_error(format!("descriptor '{name}' of an object needs an argument")));
    };
    let given = rest.len();
    let rest: &[PyObjectRef; N] = rest.try_into().map_err(|_| {
        let plural = if N == 1 { "" } else { "s" };
        vm.new_type_error(format!("expected {N} argument{plural}, got {given}"))
    })?;
    if !args.kwargs.is_empty() {
        return Err(vm.new_type_error(format!("wrapper {name}() takes no keyword arguments")));
    }
    Ok((this, rest))
}

/// A special method from a closure over `vm, args`.
macro_rules! special {
    ($vm:expr, $class:expr, $name:literal, |$cvm:ident, $this:ident, [$($arg:ident),*]| $body:expr) => {
        $crate::definitions::method($vm, $class, $name, Box::new(
            move |$cvm: &rustpython_vm::VirtualMachine,
                  args: rustpython_vm::function::FuncArgs,
                  _: rustpython_vm::function::Callee|
                  -> rustpython_vm::PyResult {
                let ($this, [$($arg),*]) = $crate::slots::special::split($cvm, &args, $name)?;
                $body
            },
        ))
    };
}
pub(super) use special;

/// A special method without arguments, from a C function of one object.
pub(super) fn unary_method(vm: &VirtualMachine, class: &PyTypeRef, name: &'static str, f: c::UnaryFunc) {
    let code = move |vm: &VirtualMachine, args: FuncArgs, _: Callee| -> PyResult {
        let (this, []) = split(vm, &args, name)?;
        unary(vm, f, this, name)
    };
    method(vm, class, name, Box::new(code));
}
