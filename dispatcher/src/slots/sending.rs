//! `am_send`: how Python's `await` and `yield from` go on with an object of a C type. The VM has no such slot: it takes the next
//! item for None, and else calls a method `send`. Which of its instructions asks tells what is meant.

use std::sync::OnceLock;

use rustclad_mapper::abi::layout as c;
use rustclad_mapper::lifetime::thread;
use rustclad_mapper::twins::error;
use rustclad_mapper::twins::passing::Passed;
use rustpython_vm::builtins::{PyBoundMethod, PyStr, PyTypeRef};
use rustpython_vm::bytecode::Opcode;
use rustpython_vm::protocol::PyIterReturn;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyPayload, PyResult, VirtualMachine};

use super::invoke::{binary, object_result};
use super::iteration::step;
use super::special::{class_slot, missing};

/// Whether the VM is at an instruction that sends a value.
fn is_sending(vm: &VirtualMachine) -> bool {
    vm.current_frame().is_some_and(|frame| {
        let at = frame.lasti().wrapping_sub(1) as usize;
        let unit = frame.iframe().code().code.instructions.get(at).copied();
        unit.is_some_and(|unit| matches!(Opcode::from(unit.op), Opcode::Send | Opcode::SendGen))
    })
}

fn slot(t: &c::PyTypeObject) -> Option<c::SendFunc> {
    // SAFETY: a type's suite.
    unsafe { t.tp_as_async.as_ref() }.and_then(|suite| suite.am_send)
}

/// Sends a value by the slot.
fn send(vm: &VirtualMachine, this: &PyObject, value: &PyObject) -> PyResult<PyIterReturn> {
    let f = class_slot(vm, this, slot).ok_or_else(|| missing(vm, "am_send"))?;
    let _section = thread::enter(vm);
    let (this, value) = (Passed::new(vm, this), Passed::new(vm, value));
    let mut result = std::ptr::null_mut();
    // SAFETY: a slot of the object's type, with the C lock.
    match unsafe { f(this.block(), value.block(), &raw mut result) } {
        1 => object_result(vm, result, "send").map(PyIterReturn::Return),
        0 => object_result(vm, result, "send").map(|value| PyIterReturn::StopIteration(Some(value))),
        _ => Err(error::fetch(vm, "<slot 'am_send'>")),
    }
}

fn next_or_send(this: &PyObject, vm: &VirtualMachine) -> PyResult<PyIterReturn> {
    if is_sending(vm) { send(vm, this, &vm.ctx.none()) } else { step(this, vm) }
}

/// An attribute; `send` is there for the VM's instruction alone.
fn getattro(this: &PyObject, name: &Py<PyStr>, vm: &VirtualMachine) -> PyResult {
    let own = class_slot(vm, this, |t| t.tp_getattro);
    let found = match own.filter(|f| !rustclad_mapper::is_exported(*f as *const _, "PyObject_GenericGetAttr")) {
        Some(f) => binary(vm, f, this, name.as_object(), "__getattribute__"),
        None => this.generic_getattr(name, vm),
    };
    match found {
        Err(error)
            if name.as_bytes() == b"send"
                && error.fast_isinstance(vm.ctx.exceptions.attribute_error)
                && is_sending(vm) =>
        {
            static SEND: OnceLock<PyObjectRef> = OnceLock::new();
            let by_hand = |this: PyObjectRef, value: PyObjectRef, vm: &VirtualMachine| -> PyResult {
                match send(vm, &this, &value)? {
                    PyIterReturn::Return(item) => Ok(item),
                    PyIterReturn::StopIteration(value) => Err(vm.new_stop_iteration(value)),
                }
            };
            let function = SEND.get_or_init(|| vm.new_function("send", by_hand).into());
            Ok(PyBoundMethod::new(this.to_owned(), function.clone()).into_pyobject(vm))
        }
        found => found,
    }
}

/// Has a class's `am_send` used, its own or a base's, if its objects are iterators.
pub(super) fn install(vm: &VirtualMachine, class: &PyTypeRef, t: &c::PyTypeObject) {
    let bases = std::iter::successors(Some(t), |t| {
        // SAFETY: a type's base.
        unsafe { t.tp_base.as_ref() }
    });
    if !bases.into_iter().any(|t| slot(t).is_some()) || class.slots.iternext.load().is_none() {
        return;
    }
    class.slots.iternext.store(Some(next_or_send));
    if !class.has_attr(vm.ctx.intern_str("send")) {
        class.slots.getattro.store(Some(getattro));
    }
}
