//! Iterators, and what can be waited for.

use rustclad_mapper::abi::layout as c;
use rustpython_vm::builtins::PyTypeRef;
use rustpython_vm::protocol::PyIterReturn;
use rustpython_vm::{PyObject, PyResult, VirtualMachine};

use super::invoke::{next, unary};
use super::special::{class_slot, missing, special, unary_method};

/// `tp_iter` and `tp_iternext`.
pub(super) fn install(vm: &VirtualMachine, class: &PyTypeRef, t: &c::PyTypeObject) {
    if let Some(f) = t.tp_iter {
        if rustclad_mapper::is_exported(f as *const _, "PyObject_SelfIter") {
            class.slots.iter.store(Some(|this, _| Ok(this)));
        } else {
            class.slots.iter.store(Some(|this, vm| match class_slot(vm, &this, |t| t.tp_iter) {
                Some(f) => unary(vm, f, &this, "__iter__"),
                None => Err(missing(vm, "tp_iter")),
            }));
        }
        unary_method(vm, class, "__iter__", f);
    }
    if let Some(f) = t.tp_iternext {
        class.slots.iternext.store(Some(step));
        special!(vm, class, "__next__", |vm, this, []| {
            next(vm, f, this)?.ok_or_else(|| vm.new_stop_iteration(None))
        });
    }
}

/// The VM's slot for `tp_iternext`.
fn step(this: &PyObject, vm: &VirtualMachine) -> PyResult<PyIterReturn> {
    match class_slot(vm, this, |t| t.tp_iternext) {
        // The end may also be a StopIteration that is raised.
        Some(f) => match next(vm, f, this) {
            Ok(None) => Ok(PyIterReturn::StopIteration(None)),
            Ok(Some(item)) => Ok(PyIterReturn::Return(item)),
            Err(error) => PyIterReturn::from_pyresult(Err(error), vm),
        },
        None => Err(missing(vm, "tp_iternext")),
    }
}

pub(super) fn install_async(vm: &VirtualMachine, class: &PyTypeRef, suite: &c::PyAsyncMethods) {
    for (f, name) in [(suite.am_await, "__await__"), (suite.am_aiter, "__aiter__"), (suite.am_anext, "__anext__")] {
        if let Some(f) = f {
            unary_method(vm, class, name, f);
        }
    }
}
