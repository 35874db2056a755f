//! `refcount.h`: reference counts.

use super::prelude::*;

/// An object's count.
pub unsafe extern "C" fn Py_REFCNT(object: Borrowed) -> isize {
    // SAFETY: C's argument.
    unsafe { (*object.0).ob_refcnt as isize }
}

/// Adds a reference; NULL is left alone.
pub unsafe extern "C" fn Py_IncRef(object: Borrowed) {
    if !object.is_null() {
        // SAFETY: C's argument.
        unsafe { handle::incref(object.0) };
    }
}

/// Drops a reference; NULL is left alone.
pub unsafe extern "C" fn Py_DecRef(object: Stolen) {
    drop(object);
}

/// [`Py_IncRef`] for an object.
pub unsafe extern "C" fn _Py_IncRef(object: Borrowed) {
    // SAFETY: C's argument.
    unsafe { handle::incref(object.0) };
}

/// [`Py_DecRef`] for an object.
pub unsafe extern "C" fn _Py_DecRef(object: Stolen) {
    drop(object);
}

/// What the inlined `Py_DECREF` calls when the count reaches 0.
pub unsafe extern "C" fn _Py_Dealloc(object: Block) {
    // SAFETY: C's argument.
    unsafe { dealloc::dealloc(object) };
}

/// A new reference to the same object.
pub unsafe extern "C" fn Py_NewRef(object: Borrowed) -> New {
    object.again()
}

/// A new reference to the same object, or NULL.
pub unsafe extern "C" fn Py_XNewRef(object: Borrowed) -> New {
    if object.is_null() { New::NULL } else { object.again() }
}

/// Sets an object's count, unless it is immortal.
pub unsafe extern "C" fn _Py_SetRefcnt(object: Borrowed, count: isize) {
    // SAFETY: C's argument.
    unsafe {
        if !handle::is_immortal(object.0) {
            (*object.0).ob_refcnt = count as u32;
        }
    }
}

/// Makes an object immortal, so that its count does not change any more.
pub unsafe extern "C" fn _Py_SetImmortal(object: Borrowed) {
    // SAFETY: C's argument.
    unsafe {
        // A block without a count may go with its twin: from now on it keeps that.
        if let Some(twin) = handle::twin_of(object.0) {
            handle::adopt(object.0, twin);
        }
        handle::immortalize(object.0);
    }
}

/// [`_Py_SetImmortal`].
pub unsafe extern "C" fn _Py_SetImmortalUntracked(object: Borrowed) {
    // SAFETY: C's argument.
    unsafe { _Py_SetImmortal(object) };
}
