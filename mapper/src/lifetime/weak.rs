//! Callbacks of weak references to objects whose deallocator clears those itself: C code says when they are called
//! (`PyObject_ClearWeakRefs`), or that they are not. The VM would call them before the deallocator runs, so they are taken
//! out of the references, which are dead then, and kept here as long as it runs. Needs the C lock.

use std::cell::UnsafeCell;

use rustc_hash::FxHashMap;
use rustpython_vm::builtins::PyWeak;
use rustpython_vm::{PyObject, PyObjectRef, PyRef};

use crate::heap::block::{Block, flag, header};

/// The dead references of an object, each with its callback.
pub(crate) type Callbacks = Vec<(PyRef<PyWeak>, PyObjectRef)>;

struct Shared(UnsafeCell<Option<FxHashMap<usize, Callbacks>>>);
// SAFETY: only touched with the C lock held.
unsafe impl Sync for Shared {}
static KEPT: Shared = Shared(UnsafeCell::new(None));

fn kept() -> &'static mut FxHashMap<usize, Callbacks> {
    // SAFETY: the C lock makes this the only user; no function here calls out while it holds the reference.
    unsafe { (*KEPT.0.get()).get_or_insert_default() }
}

/// Ends the weak references of an object that is about to end; the callbacks wait for its deallocator. Whether there are
/// any.
pub(crate) fn take_out(block: Block, twin: &PyObject) -> bool {
    let callbacks = twin.gc_clear_weakrefs_collect_callbacks();
    let Some(header) = header(block).filter(|_| !callbacks.is_empty()) else { return false };
    header.set(flag::CALLBACKS);
    kept().insert(block as usize, callbacks);
    true
}

/// The callbacks that wait for an object's deallocator, for who calls or drops them.
pub(crate) fn waiting(block: Block) -> Callbacks {
    match header(block).filter(|header| header.has(flag::CALLBACKS)) {
        Some(header) => {
            header.unset(flag::CALLBACKS);
            kept().remove(&(block as usize)).unwrap_or_default()
        }
        None => Callbacks::new(),
    }
}
