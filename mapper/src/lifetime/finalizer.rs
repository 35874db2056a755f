//! `tp_finalize`: run once in an object's life.

use crate::abi::layout::tpflags;
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

/// Runs an object's `tp_finalize`, unless it ran before (`PyObject_CallFinalizer`) and the object has not been saved since.
///
/// # Safety
/// `object` is one that the caller holds.
pub(crate) unsafe fn call(object: Block) {
    // SAFETY: by contract.
    unsafe {
        let Some(finalize) = (*(*object).ob_type).tp_finalize else { return };
        if let Some(header) = header(object) {
            if header.has(flag::FINALIZED) {
                return;
            }
            header.set(flag::FINALIZED);
        }
        finalize(object);
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
