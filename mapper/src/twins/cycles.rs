//! What the VM asks of an object's references and its finalizer, where C has a part in it.

use rustpython_vm::{PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::heap::block::{flag, header};
use crate::lifetime::{collect, dealloc, graph, handle, thread};
use crate::twins::retrieve::retrieve;
use crate::twins::store::store;

/// The objects that an object refers to, those of C's references included.
pub(crate) fn referents(vm: &VirtualMachine, object: &PyObject) -> Vec<PyObjectRef> {
    let mut found = object.gc_get_referents();
    let _section = thread::section(vm);
    let Some(block) = handle::block_of(object).filter(|block| header(*block).is_some()) else { return found };
    // SAFETY: a tied block is live; what it refers to is, too. A managed container's own block refers to nothing new.
    unsafe {
        if header(block).is_some_and(|header| header.has(flag::BOUND)) {
            let mut blocks = Vec::new();
            graph::each_reference(block, &mut |target| blocks.push(target));
            let known = blocks.into_iter().filter(|target| !target.is_null());
            found.extend(known.filter_map(|target| retrieve(vm, target).ok()));
        }
    }
    found
}

/// The VM's `del` slot for types with a `tp_finalize`: runs it, once in the object's life.
///
/// # Errors
/// None: what a finalizer raises is printed.
pub fn finalize(object: &PyObject, vm: &VirtualMachine) -> PyResult<()> {
    let _section = thread::enter(vm);
    let block = store(vm, object);
    // SAFETY: the reference is ours.
    unsafe {
        if collect::finalize(block) {
            collect::save(object.to_owned());
        }
        dealloc::decref(block);
    }
    Ok(())
}
