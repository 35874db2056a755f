//! Lending: a reference that C borrows from a container (see [`loans`]).

use rustpython_vm::{PyObject, VirtualMachine};

use crate::heap::block::Block;
use crate::lifetime::{handle, loans};
use crate::twins::store::store;

/// Stores `object` and returns a reference that C borrows from `owner`.
pub fn lend(vm: &VirtualMachine, owner: Block, object: &PyObject) -> Block {
    let key = std::ptr::from_ref(object) as usize;
    if let Some(lent) = loans::find(owner, key) {
        return lent;
    }
    let block = store(vm, object);
    // SAFETY: `store` gave a live block with a reference that is now ours.
    if !unsafe { handle::is_immortal(block) } {
        loans::note(owner, key, block);
    }
    block
}
