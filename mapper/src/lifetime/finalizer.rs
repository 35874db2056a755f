//! `tp_finalize`: run once in an object's life.

use std::sync::OnceLock;

use crate::abi::layout::{self as c, tpflags};
use crate::heap::block::{Block, flag, header};
use crate::lifetime::dealloc;

/// Whether the collector may look at objects of this one's type.
///
/// # Safety
/// `object` is one.
pub(crate) unsafe fn is_collected(object: Block) -> bool {
    // SAFETY: by contract; an object's type is one.
    unsafe { (*(*object).ob_type).tp_flags & tpflags::HAVE_GC != 0 }
}

/// The `tp_finalize` of classes with a `__del__`, which the VM calls itself for objects that it knows, and a function that has
/// it do so.
#[derive(Clone, Copy)]
pub(crate) struct OfPython {
    /// What stands in the slot.
    pub(crate) slot: c::Destructor,
    /// Has the VM finalize the object, once.
    pub(crate) once: c::Destructor,
}

static OF_PYTHON: OnceLock<OfPython> = OnceLock::new();

/// Sets it, which is known further up. Once, at start-up.
pub(crate) fn set_of_python(functions: OfPython) {
    let _ = OF_PYTHON.set(functions);
}

/// How the VM finalizes an object whose class's `tp_finalize` is this; None if that is C's.
fn by_the_vm(finalize: c::Destructor) -> Option<c::Destructor> {
    let functions = OF_PYTHON.get()?;
    std::ptr::fn_addr_eq(functions.slot, finalize).then_some(functions.once)
}

/// Runs an object's `tp_finalize`, unless it ran before and the object has not been saved since. That of a class made in
/// Python is left to the VM, if it knows the object.
///
/// # Safety
/// `object` is one that the caller holds.
pub(crate) unsafe fn call(object: Block) {
    // SAFETY: by contract.
    unsafe { finalize(object, true) }
}

/// Runs an object's `tp_finalize` for C code (`PyObject_CallFinalizer`).
///
/// # Safety
/// `object` is one that the caller holds.
pub(crate) unsafe fn call_for_c(object: Block) {
    // SAFETY: by contract.
    unsafe { finalize(object, false) }
}

unsafe fn finalize(object: Block, leave_to_the_vm: bool) {
    // SAFETY: by the callers' contract.
    unsafe {
        let Some(finalize) = (*(*object).ob_type).tp_finalize else { return };
        let header = header(object);
        if let Some(header) = header {
            if header.has(flag::FINALIZED) {
                return;
            }
            header.set(flag::FINALIZED);
        }
        match by_the_vm(finalize) {
            Some(_) if leave_to_the_vm && header.is_some_and(|header| header.has(flag::BOUND)) => {}
            Some(once) => {
                // The VM asks whether it is to.
                header.into_iter().for_each(|header| header.unset(flag::FINALIZED));
                once(object);
                header.into_iter().for_each(|header| header.set(flag::FINALIZED));
            }
            None => finalize(object),
        }
    }
}

/// Runs the `tp_finalize` of an object whose `tp_dealloc` was called (`PyObject_CallFinalizerFromDealloc`). False if somebody
/// holds it again: then it lives on, and the deallocator has to return at once.
///
/// # Safety
/// `object` is one with a count of 0.
pub(crate) unsafe fn call_from_dealloc(object: Block) -> bool {
    // SAFETY: by contract.
    unsafe {
        if (*(*object).ob_type).tp_finalize.is_none() {
            return true;
        }
        dealloc::revive(object);
        call(object);
        let ends = dealloc::end_again(object);
        if !ends {
            saved(object);
        }
        ends
    }
}

/// A finalizer's object lives on: that of one which the collector does not look at runs again the next time.
///
/// # Safety
/// `object` is one.
pub(crate) unsafe fn saved(object: Block) {
    // SAFETY: by contract.
    if unsafe { !is_collected(object) }
        && let Some(header) = header(object)
    {
        header.unset(flag::FINALIZED);
    }
}
