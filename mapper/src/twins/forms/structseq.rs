//! Struct sequences: tuples with items that are not part of the tuple.

use rustpython_vm::{PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::heap::block::Block;
use crate::twins::forms::payload::item;
use crate::twins::forms::tuple;
use crate::twins::reference::bad_internal_call;

/// Where an instance keeps the items that are not part of the tuple.
pub(crate) const HIDDEN: &str = "__rustclad_hidden__";

/// Gives the managed half of a struct sequence the items that are not part of the tuple.
///
/// # Errors
/// What retrieving them raises.
///
/// # Safety
/// `block` is a tuple's, `twin` its new managed half.
pub(crate) unsafe fn keep_hidden(vm: &VirtualMachine, block: Block, twin: &PyObject) -> PyResult<()> {
    // SAFETY: by contract.
    let hidden = unsafe { tuple::hidden(block) };
    if hidden.is_empty() {
        return Ok(());
    }
    // SAFETY: a tuple's items are objects or NULL, which fields show as None.
    let field = |it: &Block| if it.is_null() { Ok(vm.ctx.none()) } else { unsafe { item(vm, *it) } };
    let hidden: Vec<PyObjectRef> = hidden.iter().map(field).collect::<PyResult<_>>()?;
    let dict = twin.dict().ok_or_else(|| bad_internal_call(vm))?;
    dict.set_item(HIDDEN, vm.ctx.new_tuple(hidden).into(), vm)
}
