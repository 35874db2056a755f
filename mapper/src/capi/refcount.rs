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
        unsafe { table::incref(object.0) };
    }
}

/// Drops a reference; NULL is left alone.
pub unsafe extern "C" fn Py_DecRef(object: Stolen) {
    drop(object);
}

/// [`Py_IncRef`] for an object.
pub unsafe extern "C" fn _Py_IncRef(object: Borrowed) {
    // SAFETY: C's argument.
    unsafe { table::incref(object.0) };
}

/// [`Py_DecRef`] for an object.
pub unsafe extern "C" fn _Py_DecRef(object: Stolen) {
    drop(object);
}

/// What the inlined `Py_DECREF` calls when the count reaches 0.
pub unsafe extern "C" fn _Py_Dealloc(object: Block) {
    // SAFETY: C's argument.
    unsafe { lifetime::dealloc(object) };
}

/// A new reference to the same object.
pub unsafe extern "C" fn Py_NewRef(object: Borrowed) -> New {
    object.again()
}

/// A new reference to the same object, or NULL.
pub unsafe extern "C" fn Py_XNewRef(object: Borrowed) -> New {
    if object.is_null() { New::NULL } else { object.again() }
}
