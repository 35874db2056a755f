//! The thread state (`cpython/pystate.h`).

use super::*;

layout! {
    struct PyThreadState {
        prev: *mut PyThreadState,
        next: *mut PyThreadState,
        interp: *mut c_void,
        eval_breaker: usize,
        _status: c_int,
        holds_gil: c_int,
        _whence: c_int,
        state: u32,
        py_recursion_remaining: c_int,
        py_recursion_limit: c_int,
        recursion_headroom: c_int,
        tracing: c_int,
        what_event: c_int,
        current_frame: *mut c_void,
        c_profilefunc: usize,
        c_tracefunc: usize,
        c_profileobj: *mut PyObject,
        c_traceobj: *mut PyObject,
        current_exception: *mut PyObject,
        exc_info: *mut _PyErr_StackItem,
        dict: *mut PyObject,
        gilstate_counter: c_int,
        async_exc: usize,
        thread_id: usize,
        native_thread_id: usize,
        delete_later: usize,
        critical_section: usize,
        coroutine_origin_tracking_depth: c_int,
        async_gen_firstiter: usize,
        async_gen_finalizer: usize,
        context: *mut PyObject,
        context_ver: usize,
        id: usize,
        datastack_chunk: usize,
        datastack_top: usize,
        datastack_limit: usize,
        exc_state: _PyErr_StackItem,
        current_executor: usize,
        dict_global_version: usize,
        threading_local_key: usize,
        threading_local_sentinel: usize,
        remote_debugger_support: [u8; 516],
        datastack_cached_chunk: usize,
    }
}

layout! {
    struct _PyErr_StackItem {
        exc_value: *mut PyObject,
        previous_item: *mut _PyErr_StackItem,
    }
}
