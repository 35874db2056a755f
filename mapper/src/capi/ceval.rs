//! `ceval.h` and `cpython/ceval.h`: the evaluation loop, as far as extension modules touch it.

use super::prelude::*;

/// Gives the lock up, for work that touches no objects; returns this thread's state.
pub unsafe extern "C" fn PyEval_SaveThread() -> *mut c::PyThreadState {
    crate::thread::save()
}

/// Takes the lock again.
pub unsafe extern "C" fn PyEval_RestoreThread(_state: *mut c::PyThreadState) {
    crate::thread::restore();
}

/// Counts a nested call; `RecursionError` if there are too many. 0, or -1 with an exception.
pub unsafe extern "C" fn Py_EnterRecursiveCall(place: *const c_char) -> c_int {
    api(|vm| {
        // SAFETY: this thread's state; C's argument.
        unsafe {
            let state = &mut *crate::thread::state();
            state.py_recursion_remaining -= 1;
            if state.py_recursion_remaining < 0 {
                state.py_recursion_remaining += 1;
                return Err(vm.new_recursion_error(format!("maximum recursion depth exceeded{}", error::text(place))));
            }
        }
        Ok(0)
    })
}

/// Ends a nested call.
pub unsafe extern "C" fn Py_LeaveRecursiveCall() {
    // SAFETY: this thread's state.
    unsafe { (*crate::thread::state()).py_recursion_remaining += 1 };
}

/// The builtins, borrowed.
pub unsafe extern "C" fn PyEval_GetBuiltins() -> Lent {
    api(|vm| {
        let owner = crate::types::type_block(vm, vm.ctx.types.module_type).cast();
        Ok(Lent(lend::lend(vm, owner, vm.builtins.dict().as_object())))
    })
}

/// Threads are always ready.
pub unsafe extern "C" fn PyEval_InitThreads() {}

/// Whether threads are ready: yes.
pub unsafe extern "C" fn PyEval_ThreadsInitialized() -> c_int {
    1
}
