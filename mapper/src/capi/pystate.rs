//! `pystate.h` and `cpython/pystate.h`: thread and interpreter states.

use std::collections::HashMap;
use std::sync::Mutex;

use super::prelude::*;
use crate::lifetime::{interpreter, kept, thread, thread_end};

/// This thread's interpreter.
pub unsafe extern "C" fn PyInterpreterState_Get() -> *mut c_void {
    interpreter::state()
}

/// The first interpreter.
pub unsafe extern "C" fn PyInterpreterState_Main() -> *mut c_void {
    interpreter::main_state()
}

/// The interpreter that a walk over all begins with.
pub unsafe extern "C" fn PyInterpreterState_Head() -> *mut c_void {
    interpreter::main_state()
}

/// The interpreter after the given one, or NULL.
pub unsafe extern "C" fn PyInterpreterState_Next(interpreter: *mut c_void) -> *mut c_void {
    interpreter::next_state(interpreter)
}

/// An interpreter's number.
pub unsafe extern "C" fn PyInterpreterState_GetID(interpreter: *mut c_void) -> i64 {
    if interpreter.is_null() {
        return api(|vm| Err(vm.new_runtime_error("no interpreter provided")));
    }
    // SAFETY: C's argument.
    unsafe { interpreter::id(interpreter) }
}

/// A dict for extensions to keep what belongs to the interpreter, borrowed for ever.
pub unsafe extern "C" fn PyInterpreterState_GetDict(interpreter: *mut c_void) -> Lent {
    static DICTS: Mutex<Option<HashMap<i64, usize>>> = Mutex::new(None);
    api(|vm| {
        // SAFETY: C's argument.
        let id = unsafe { interpreter::id(interpreter) };
        let mut dicts = DICTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let dict = dicts.get_or_insert_default().entry(id);
        Ok(Lent(*dict.or_insert_with(|| New::of(vm, vm.ctx.new_dict()).0 as usize) as Block))
    })
}

/// States made by [`PyThreadState_New`] for threads that will come with them.
static PREPARED: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// A state for a thread of C's own, which attaches with it by `PyEval_AcquireThread`. A thread that has none yet gets
/// its own; made for another thread, it is but a token.
pub unsafe extern "C" fn PyThreadState_New(interpreter: *mut c_void) -> *mut c::PyThreadState {
    if !thread::is_known() {
        return thread::state();
    }
    // SAFETY: every field is an integer, a pointer or an array of them.
    let mut state: Box<c::PyThreadState> = Box::new(unsafe { std::mem::zeroed() });
    state.interp = interpreter;
    let state = Box::into_raw(state);
    PREPARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(state as usize);
    state
}

/// Drops what a thread state holds.
pub unsafe extern "C" fn PyThreadState_Clear(state: *mut c::PyThreadState) {
    // SAFETY: C's argument.
    unsafe {
        let dict = std::mem::replace(&mut (*state).dict, std::ptr::null_mut());
        dealloc::xdecref(dict);
    }
}

/// Ends a thread state that is not in use.
pub unsafe extern "C" fn PyThreadState_Delete(state: *mut c::PyThreadState) {
    let mut prepared = PREPARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(index) = prepared.iter().position(|other| *other == state as usize) {
        prepared.swap_remove(index);
        // SAFETY: made by `PyThreadState_New`, and C does not use it any more.
        drop(unsafe { Box::from_raw(state) });
    }
}

/// Ends this thread's state and detaches the thread.
pub unsafe extern "C" fn PyThreadState_DeleteCurrent() {
    thread::give_up();
}

/// This thread's state.
pub unsafe extern "C" fn PyThreadState_Get() -> *mut c::PyThreadState {
    let state = thread::state();
    if let Some(interpreter) = interpreter::state_if_many() {
        // SAFETY: this thread's state.
        unsafe { (*state).interp = interpreter };
    }
    state
}

/// This thread's state, or NULL if it may not use the API now.
pub unsafe extern "C" fn PyThreadState_GetUnchecked() -> *mut c::PyThreadState {
    // SAFETY: no arguments.
    if thread::holds_lock() { unsafe { PyThreadState_Get() } } else { std::ptr::null_mut() }
}

/// [`PyThreadState_GetUnchecked`] for CPython's own modules.
pub unsafe extern "C" fn _PyThreadState_GetCurrent() -> *mut c::PyThreadState {
    // SAFETY: no arguments.
    unsafe { PyThreadState_GetUnchecked() }
}

/// Makes `new` this thread's state: attaches the thread, or detaches it for NULL. The state that it had, or NULL.
pub unsafe extern "C" fn PyThreadState_Swap(new: *mut c::PyThreadState) -> *mut c::PyThreadState {
    // SAFETY: no arguments.
    let old = unsafe { PyThreadState_GetUnchecked() };
    match (old.is_null(), new.is_null()) {
        (true, false) => {
            thread::ensure();
        }
        (false, true) => {
            thread::save();
        }
        _ => {}
    }
    old
}

/// A dict for this thread's use, borrowed; NULL, without an exception, if it may not use the API.
pub unsafe extern "C" fn PyThreadState_GetDict() -> Lent {
    if !thread::holds_lock() {
        return Lent::NULL;
    }
    // SAFETY: this thread's state.
    unsafe { _PyThreadState_GetDict(thread::state()) }
}

/// A dict for a thread's use, borrowed.
pub unsafe extern "C" fn _PyThreadState_GetDict(state: *mut c::PyThreadState) -> Lent {
    infallible(Lent::NULL, |vm| {
        // SAFETY: C's argument; the state owns the dict.
        unsafe {
            if (*state).dict.is_null() {
                (*state).dict = New::of(vm, vm.ctx.new_dict()).0;
                // The main thread does not end before the interpreter, and one of C's own gives its state back itself.
                if state == thread::state() && !thread::is_main() && !interpreter::is_attached_here() {
                    thread_end::watch(vm, || {
                        let class: PyObjectRef = types::of_builtin_module(vm, "_thread", "_local")?.into();
                        leave(vm, || class.call((), vm))
                    })?;
                }
            }
            Ok(Lent((*state).dict))
        }
    })
}

/// A thread state's interpreter.
pub unsafe extern "C" fn PyThreadState_GetInterpreter(state: *mut c::PyThreadState) -> *mut c_void {
    if state == thread::state() {
        return interpreter::state();
    }
    // SAFETY: C's argument.
    unsafe { (*state).interp }
}

/// A thread state's number.
pub unsafe extern "C" fn PyThreadState_GetID(state: *mut c::PyThreadState) -> u64 {
    // SAFETY: C's argument.
    unsafe { (*state).id as u64 }
}

/// The frame of the Python code that this thread runs, as a new reference; NULL, without an exception, if there is none,
/// and for other threads.
pub unsafe extern "C" fn PyThreadState_GetFrame(state: *mut c::PyThreadState) -> New {
    if state != thread::state() {
        return New::NULL;
    }
    api(|vm| {
        let Some(frame) = super::ceval::frame(vm) else { return Ok(New::NULL) };
        let frame = New::of(vm, frame);
        kept::has_frame(frame.0);
        Ok(frame)
    })
}

/// Says that a trace function runs, whose own calls are not to be traced.
pub unsafe extern "C" fn PyThreadState_EnterTracing(state: *mut c::PyThreadState) {
    // SAFETY: C's argument.
    unsafe { (*state).tracing += 1 };
}

/// Undoes [`PyThreadState_EnterTracing`].
pub unsafe extern "C" fn PyThreadState_LeaveTracing(state: *mut c::PyThreadState) {
    // SAFETY: C's argument.
    unsafe { (*state).tracing -= 1 };
}

/// Makes this thread able to use the API. 0 if it was already (`PyGILState_LOCKED`), 1 if not.
pub unsafe extern "C" fn PyGILState_Ensure() -> c_int {
    c_int::from(!thread::ensure())
}

/// Undoes [`PyGILState_Ensure`].
pub unsafe extern "C" fn PyGILState_Release(state: c_int) {
    thread::release(state == 0);
}

/// This thread's state, whether it may use the API now or not; NULL if it has none.
pub unsafe extern "C" fn PyGILState_GetThisThreadState() -> *mut c::PyThreadState {
    if thread::is_known() { thread::state() } else { std::ptr::null_mut() }
}

/// Whether this thread may use the API.
pub unsafe extern "C" fn PyGILState_Check() -> c_int {
    c_int::from(thread::holds_lock())
}

/// The current frames of all threads, by thread identity.
pub unsafe extern "C" fn _PyThread_CurrentFrames() -> New {
    api(|vm| {
        let frames = leave(vm, || vm.sys_module.get_attr("_current_frames", vm)?.call((), vm))?;
        Ok(New::of(vm, frames))
    })
}
