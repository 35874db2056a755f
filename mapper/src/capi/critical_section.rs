//! `cpython/critical_section.h`: locks of single objects. As in every CPython with a GIL they do nothing: the C lock is
//! held already.

use super::prelude::*;

/// Locks an object: nothing to do.
pub unsafe extern "C" fn PyCriticalSection_Begin(_section: *mut c_void, _object: Borrowed) {}

/// Locks a mutex for the time of a section: nothing to do.
pub unsafe extern "C" fn PyCriticalSection_BeginMutex(_section: *mut c_void, _mutex: *mut u8) {}

/// Unlocks what a section locked: nothing to do.
pub unsafe extern "C" fn PyCriticalSection_End(_section: *mut c_void) {}

/// Locks two objects: nothing to do.
pub unsafe extern "C" fn PyCriticalSection2_Begin(_section: *mut c_void, _first: Borrowed, _second: Borrowed) {}

/// Locks two mutexes for the time of a section: nothing to do.
pub unsafe extern "C" fn PyCriticalSection2_BeginMutex(_section: *mut c_void, _first: *mut u8, _second: *mut u8) {}

/// Unlocks what a section locked: nothing to do.
pub unsafe extern "C" fn PyCriticalSection2_End(_section: *mut c_void) {}
