//! What the forms share to make the managed half of an object that C code made.

use rustpython_vm::object::MaybeTraverse;
use rustpython_vm::{PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::heap::block::Block;
use crate::heap::form::Half;
use crate::lifetime::bound::{Bound, Leaf, Link};
use crate::twins::absent;
use crate::twins::retrieve::retrieve;

/// An object whose payload is RustPython's own, extended by the link to its block.
pub(super) fn bound<B: PyPayload + MaybeTraverse + std::fmt::Debug>(base: B, block: Block, half: Half) -> PyObjectRef {
    let link = Link::new(block);
    // SAFETY: an object's type is ready.
    let collected = unsafe { (*(*block).ob_type).tp_flags & c::tpflags::HAVE_GC != 0 };
    if collected || half.dict.is_some() {
        PyRef::new_ref(Bound { base, link }, half.class, half.dict).into()
    } else {
        PyRef::new_ref(Leaf::new(base, link), half.class, None).into()
    }
}

/// An item of a container, or what stands for one that C has not filled in yet.
///
/// # Safety
/// `block` is NULL or a live object.
pub(super) unsafe fn item(vm: &VirtualMachine, block: Block) -> PyResult {
    if block.is_null() {
        return Ok(absent::object(vm));
    }
    // SAFETY: by contract.
    unsafe { retrieve(vm, block) }
}
