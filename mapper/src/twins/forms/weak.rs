//! Weak references. `PyWeakref_GET_OBJECT` reads the object from the struct, which does not count it: where the object's
//! block lives as long as the object, it is just pointed to, and forgotten at its end.

use rustpython_vm::builtins::PyWeak;
use rustpython_vm::{PyObject, VirtualMachine};

use crate::abi::layout as c;
use crate::heap::block::Block;
use crate::heap::form::Form;
use crate::lifetime::{dealloc, pinned, weak};
use crate::twins::lend::lend;
use crate::twins::store::store;

/// `weakref.ref`.
pub(super) static FORM: Form = Form {
    sizes: (size_of::<c::PyWeakReference>(), 0),
    fill: Some(fill),
    refresh: Some(fill),
    free: Some(free),
    ..Form::EMPTY
};

unsafe fn fill(vm: &VirtualMachine, block: Block, object: &PyObject) {
    let target = object.downcast_ref::<PyWeak>().and_then(|weak| weak.upgrade()).unwrap_or_else(|| vm.ctx.none());
    // SAFETY: by contract, a weak reference's block.
    unsafe {
        let shown = borrow(vm, block, &target);
        let reference = &mut *block.cast::<c::PyWeakReference>();
        if reference.wr_object != shown {
            free(block);
            reference.wr_object = shown;
            weak::show(shown, block);
        }
        let callback = object.get_attr("__callback__", vm).ok();
        let callback = callback.filter(|callback| !vm.is_none(callback));
        reference.wr_callback = callback.map_or(std::ptr::null_mut(), |callback| lend(vm, block, &callback));
        reference.hash = -1;
    }
}

/// What a weak reference refers to, for C to borrow. It is counted only if the block would go otherwise.
///
/// # Safety
/// `reference` is the block of a weak reference or of a proxy, `target` is held by the caller.
pub(crate) unsafe fn borrow(vm: &VirtualMachine, reference: Block, target: &PyObject) -> Block {
    let block = store(vm, target);
    let borrowed = if pinned::outlast(vm, block) { block } else { lend(vm, reference, target) };
    // SAFETY: the reference is ours; the caller holds the object.
    unsafe { dealloc::decref(block) };
    borrowed
}

/// The reference ends, or shows another object.
unsafe fn free(block: Block) {
    // SAFETY: by the caller's contract.
    unsafe { weak::show_no_more((*block.cast::<c::PyWeakReference>()).wr_object, block) };
}
