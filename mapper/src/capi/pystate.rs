//! `pystate.h` and `cpython/pystate.h`: thread and interpreter states.

use super::prelude::*;

/// This thread's state.
pub unsafe extern "C" fn PyThreadState_Get() -> *mut c::PyThreadState {
    crate::thread::state()
}

/// This thread's state, or NULL if it has no interpreter.
pub unsafe extern "C" fn PyThreadState_GetUnchecked() -> *mut c::PyThreadState {
    if rustpython_vm::vm::thread::current_vm_is_set() { crate::thread::state() } else { std::ptr::null_mut() }
}

/// [`PyThreadState_GetUnchecked`].
pub unsafe extern "C" fn _PyThreadState_UncheckedGet() -> *mut c::PyThreadState {
    // SAFETY: no arguments.
    unsafe { PyThreadState_GetUnchecked() }
}

/// [`PyThreadState_Get`].
pub unsafe extern "C" fn _PyThreadState_GetCurrent() -> *mut c::PyThreadState {
    // SAFETY: no arguments.
    unsafe { PyThreadState_GetUnchecked() }
}

/// A dict for this thread's use, borrowed.
pub unsafe extern "C" fn PyThreadState_GetDict() -> Lent {
    api(|vm| {
        // SAFETY: this thread's state owns the dict.
        unsafe {
            let state = crate::thread::state();
            if (*state).dict.is_null() {
                (*state).dict = New::of(vm, vm.ctx.new_dict()).0;
            }
            Ok(Lent((*state).dict))
        }
    })
}

/// A thread state's interpreter.
pub unsafe extern "C" fn PyThreadState_GetInterpreter(state: *mut c::PyThreadState) -> *mut c_void {
    // SAFETY: C's argument.
    unsafe { (*state).interp }
}

/// A thread state's number.
pub unsafe extern "C" fn PyThreadState_GetID(state: *mut c::PyThreadState) -> u64 {
    // SAFETY: C's argument.
    unsafe { (*state).id as u64 }
}

/// This thread's interpreter.
pub unsafe extern "C" fn PyInterpreterState_Get() -> *mut c_void {
    // SAFETY: this thread's state.
    unsafe { (*crate::thread::state()).interp }
}

/// The first interpreter.
pub unsafe extern "C" fn PyInterpreterState_Main() -> *mut c_void {
    // SAFETY: this thread's state.
    unsafe { (*crate::thread::state()).interp }
}

/// An interpreter's number.
pub unsafe extern "C" fn PyInterpreterState_GetID(_interpreter: *mut c_void) -> i64 {
    infallible(-1, |vm| Ok(vm.state.interpreter_id))
}

/// Makes this thread able to use the API. 0 if it was already (`PyGILState_LOCKED`), 1 if not.
pub unsafe extern "C" fn PyGILState_Ensure() -> c_int {
    c_int::from(!crate::thread::ensure())
}

/// Undoes [`PyGILState_Ensure`].
pub unsafe extern "C" fn PyGILState_Release(state: c_int) {
    crate::thread::release(state == 0);
}

/// This thread's state, or NULL.
pub unsafe extern "C" fn PyGILState_GetThisThreadState() -> *mut c::PyThreadState {
    // SAFETY: no arguments.
    unsafe { PyThreadState_GetUnchecked() }
}

/// Whether this thread may use the API.
pub unsafe extern "C" fn PyGILState_Check() -> c_int {
    c_int::from(crate::thread::holds_lock())
}
