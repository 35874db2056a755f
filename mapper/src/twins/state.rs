//! `PyState_FindModule` and its kin: which module of this interpreter was made from a definition (PEP 3121).

use std::cell::UnsafeCell;

use rustc_hash::FxHashMap;
use rustpython_vm::VirtualMachine;

use crate::abi::layout as c;
use crate::heap::block::Block;
use crate::lifetime::dealloc;
use crate::lifetime::handle;
use crate::twins::reference::Stolen;

type Modules = FxHashMap<(i64, usize), usize>;

struct Shared(UnsafeCell<Option<Modules>>);
// SAFETY: only touched with the C lock held.
unsafe impl Sync for Shared {}
static MODULES: Shared = Shared(UnsafeCell::new(None));

fn modules() -> &'static mut Modules {
    // SAFETY: the C lock makes this the only user.
    unsafe { (*MODULES.0.get()).get_or_insert_default() }
}

fn key(vm: &VirtualMachine, def: *mut c::PyModuleDef) -> (i64, usize) {
    (vm.state.interpreter_id, def as usize)
}

/// Remembers `module` as this interpreter's module of `def`; it is kept alive until it is removed.
///
/// # Safety
/// `module` is a live object.
pub(crate) unsafe fn add(vm: &VirtualMachine, module: Block, def: *mut c::PyModuleDef) {
    // SAFETY: by contract.
    unsafe { handle::incref(module) };
    let old = modules().insert(key(vm, def), module as usize);
    if let Some(old) = old {
        // SAFETY: the reference of the entry that was replaced.
        unsafe { dealloc::decref(old as Block) };
    }
}

/// This interpreter's module of `def`, borrowed; null if there is none.
pub(crate) fn find(vm: &VirtualMachine, def: *mut c::PyModuleDef) -> Block {
    modules().get(&key(vm, def)).map_or(std::ptr::null_mut(), |block| *block as Block)
}

/// Forgets all modules of this interpreter; dropping the result gives them up.
pub(crate) fn forget(vm: &VirtualMachine) -> Vec<Stolen> {
    let ours = modules().extract_if(|(interpreter, _), _| *interpreter == vm.state.interpreter_id);
    // SAFETY: the entries' references.
    ours.map(|(_, module)| unsafe { Stolen::new(module as Block) }).collect()
}

/// Forgets this interpreter's module of `def`. False if there was none.
pub(crate) fn remove(vm: &VirtualMachine, def: *mut c::PyModuleDef) -> bool {
    let Some(old) = modules().remove(&key(vm, def)) else { return false };
    // SAFETY: the entry's reference.
    unsafe { dealloc::decref(old as Block) };
    true
}
