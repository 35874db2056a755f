//! Weak references: the blocks of theirs that point to an object, and callbacks that wait.
//!
//! The callbacks are of weak references to objects whose deallocator clears those itself: C code says when they are called
//! (`PyObject_ClearWeakRefs`), or that they are not. The VM would call them before the deallocator runs, so they are taken
//! out of the references, which are dead then, and kept here as long as it runs. Needs the C lock.

use std::cell::UnsafeCell;

use rustc_hash::FxHashMap;
use rustpython_vm::builtins::PyWeak;
use rustpython_vm::{PyObject, PyObjectRef, PyRef};

use crate::abi::address::data_address;
use crate::abi::layout as c;
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

/// The blocks of weak references, by the block that they point to.
struct Pointing(UnsafeCell<Option<FxHashMap<usize, Vec<usize>>>>);
// SAFETY: only touched with the C lock held.
unsafe impl Sync for Pointing {}
static POINTING: Pointing = Pointing(UnsafeCell::new(None));

fn pointing() -> &'static mut FxHashMap<usize, Vec<usize>> {
    // SAFETY: as for `kept`.
    unsafe { (*POINTING.0.get()).get_or_insert_default() }
}

/// Notes that a weak reference's block points to an object's that lives as long as the object.
pub(crate) fn show(target: Block, reference: Block) {
    if let Some(header) = header(target).filter(|header| header.has(flag::BOUND | flag::PINNED)) {
        header.set(flag::SHOWN_WEAKLY);
        pointing().entry(target as usize).or_default().push(reference as usize);
    }
}

/// Notes that it does so no more. NULL points to nothing.
pub(crate) fn show_no_more(target: Block, reference: Block) {
    if header(target).is_some_and(|header| header.has(flag::SHOWN_WEAKLY))
        && let Some(references) = pointing().get_mut(&(target as usize))
    {
        references.retain(|other| *other != reference as usize);
    }
}

/// An object ends: what pointed to it points to None.
///
/// # Safety
/// `block` has a header.
#[cold]
pub(crate) unsafe fn ended(block: Block) {
    for reference in pointing().remove(&(block as usize)).unwrap_or_default() {
        // SAFETY: references are taken out before they end.
        unsafe { (*(reference as *mut c::PyWeakReference)).wr_object = data_address("_Py_NoneStruct").cast() };
    }
}
