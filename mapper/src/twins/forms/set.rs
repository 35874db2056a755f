//! Sets and frozensets, of which C code reads the number of items.

use rustpython_vm::builtins::{PyFrozenSet, PySet};
use rustpython_vm::{PyObject, PyPayload as _, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::heap::block::Block;
use crate::heap::form::{Form, Half, given};
use crate::twins::forms::object::new_block;
use crate::twins::forms::payload::bound;

/// Sets.
pub(super) static FORM: Form = Form {
    sizes: (size_of::<c::PySetObject>(), 0),
    make,
    refresh: Some(refresh),
    touched: Some(refresh),
    value: Some(value),
    wrap,
    ..Form::EMPTY
};

/// The number of items, whatever a subclass's `__len__` says.
pub(crate) fn length(vm: &VirtualMachine, object: &PyObject) -> isize {
    let builtin = match object.downcast_ref::<PySet>() {
        Some(_) => vm.ctx.types.set_type,
        None => vm.ctx.types.frozenset_type,
    };
    debug_assert!(object.downcastable::<PySet>() || object.downcastable::<PyFrozenSet>());
    let count = builtin.slots.as_sequence.length.load();
    count.and_then(|count| count(object.sequence_unchecked(), vm).ok()).unwrap_or(0) as isize
}

unsafe fn make(vm: &VirtualMachine, object: &PyObject, class: *mut c::PyTypeObject) -> Block {
    // SAFETY: a fresh block of its class's size.
    unsafe {
        let made = new_block(class);
        refresh(vm, made, object);
        made
    }
}

unsafe fn refresh(vm: &VirtualMachine, block: Block, object: &PyObject) {
    // SAFETY: a set's block.
    unsafe {
        let set = block.cast::<c::PySetObject>();
        (*set).used = length(vm, object);
        (*set).fill = (*set).used;
    }
}

unsafe fn value(vm: &VirtualMachine, _: Block, _: bool) -> PyResult {
    given(PySet::default().into_pyobject(vm))
}

unsafe fn wrap(_: &VirtualMachine, block: Block, half: Half) -> PyResult {
    Ok(bound(PySet::default(), block, half))
}
