//! `pythread.h` and `cpython/lock.h`: locks and threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use super::prelude::*;

/// A lock that any thread may release.
struct Lock {
    held: Mutex<bool>,
    released: Condvar,
}

/// A new lock, or NULL.
pub unsafe extern "C" fn PyThread_allocate_lock() -> *mut c_void {
    Box::into_raw(Box::new(Lock { held: Mutex::new(false), released: Condvar::new() })).cast()
}

/// Frees a lock.
pub unsafe extern "C" fn PyThread_free_lock(lock: *mut c_void) {
    // SAFETY: C's argument: a lock of ours that nobody uses any more.
    drop(unsafe { Box::from_raw(lock.cast::<Lock>()) });
}

/// Takes a lock: waits for it if asked to. 1, or 0 if it was not free. Callers that wait released the C lock before.
pub unsafe extern "C" fn PyThread_acquire_lock(lock: *mut c_void, wait: c_int) -> c_int {
    // SAFETY: C's argument.
    unsafe { PyThread_acquire_lock_timed(lock, if wait != 0 { -1 } else { 0 }, 0) }
}

/// Takes a lock, waiting at most `microseconds` (for ever if negative). 1, or 0 if it was not free in time.
pub unsafe extern "C" fn PyThread_acquire_lock_timed(
    lock: *mut c_void,
    microseconds: i64,
    _interruptible: c_int,
) -> c_int {
    // SAFETY: C's argument.
    let lock = unsafe { &*lock.cast::<Lock>() };
    let held = lock.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut held = if microseconds < 0 {
        lock.released.wait_while(held, |held| *held).unwrap_or_else(std::sync::PoisonError::into_inner)
    } else {
        let time = Duration::from_micros(microseconds as u64);
        let waited = lock.released.wait_timeout_while(held, time, |held| *held);
        let (held, result) = waited.unwrap_or_else(std::sync::PoisonError::into_inner);
        if result.timed_out() && *held {
            return 0;
        }
        held
    };
    *held = true;
    1
}

/// Releases a lock.
pub unsafe extern "C" fn PyThread_release_lock(lock: *mut c_void) {
    // SAFETY: C's argument.
    let lock = unsafe { &*lock.cast::<Lock>() };
    *lock.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = false;
    lock.released.notify_one();
}

/// This thread's identity.
pub unsafe extern "C" fn PyThread_get_thread_ident() -> std::ffi::c_ulong {
    crate::abi::platform::thread_id() as std::ffi::c_ulong
}

/// The system's number for this thread.
pub unsafe extern "C" fn PyThread_get_thread_native_id() -> std::ffi::c_ulong {
    crate::abi::platform::native_thread_id() as std::ffi::c_ulong
}

/// Nothing is left to prepare.
pub unsafe extern "C" fn PyThread_init_thread() {}

/// `Py_tss_t`.
#[repr(C)]
struct Tss {
    initialized: c_int,
    key: libc::pthread_key_t,
}

/// Makes a key for thread-specific storage, unless it is made. 0, or -1.
pub unsafe extern "C" fn PyThread_tss_create(key: *mut c_void) -> c_int {
    // SAFETY: C's argument.
    unsafe {
        let key = &mut *key.cast::<Tss>();
        if key.initialized == 0 {
            if libc::pthread_key_create(&mut key.key, None) != 0 {
                return -1;
            }
            key.initialized = 1;
        }
    }
    0
}

/// Gives a key up.
pub unsafe extern "C" fn PyThread_tss_delete(key: *mut c_void) {
    // SAFETY: C's argument.
    unsafe {
        let key = &mut *key.cast::<Tss>();
        if key.initialized != 0 {
            libc::pthread_key_delete(key.key);
            key.initialized = 0;
        }
    }
}

/// Whether a key is made.
pub unsafe extern "C" fn PyThread_tss_is_created(key: *mut c_void) -> c_int {
    // SAFETY: C's argument.
    unsafe { (*key.cast::<Tss>()).initialized }
}

/// This thread's value of a key, or NULL.
pub unsafe extern "C" fn PyThread_tss_get(key: *mut c_void) -> *mut c_void {
    // SAFETY: C's argument.
    unsafe { libc::pthread_getspecific((*key.cast::<Tss>()).key) }
}

/// Sets this thread's value of a key. 0, or -1.
pub unsafe extern "C" fn PyThread_tss_set(key: *mut c_void, value: *mut c_void) -> c_int {
    // SAFETY: C's argument.
    unsafe { if libc::pthread_setspecific((*key.cast::<Tss>()).key, value) == 0 { 0 } else { -1 } }
}

/// A key's memory, or NULL.
pub unsafe extern "C" fn PyThread_tss_alloc() -> *mut c_void {
    // SAFETY: plain allocation.
    unsafe { libc::calloc(1, size_of::<Tss>()) }
}

/// Frees a key's memory, and gives the key up.
pub unsafe extern "C" fn PyThread_tss_free(key: *mut c_void) {
    if !key.is_null() {
        // SAFETY: C's argument.
        unsafe {
            PyThread_tss_delete(key);
            libc::free(key);
        }
    }
}

/// `PyMutex` of one byte: the lowest bit is the lock. Waiting sleeps for short times, without the C lock.
pub unsafe extern "C" fn PyMutex_Lock(mutex: *mut u8) {
    // SAFETY: C's argument: only these functions and the inlined compare-and-swap touch it.
    let bits = unsafe { std::sync::atomic::AtomicU8::from_ptr(mutex) };
    use std::sync::atomic::Ordering;
    while bits.fetch_or(1, Ordering::Acquire) & 1 != 0 {
        match rustpython_vm::vm::thread::current_vm_is_set() {
            true => rustpython_vm::vm::thread::with_current_vm(|vm| {
                leave(vm, || {
                    rustpython_vm::vm::thread::allow_threads(vm, || std::thread::sleep(Duration::from_micros(50)))
                });
            }),
            false => std::thread::sleep(Duration::from_micros(50)),
        }
    }
}

/// Releases a `PyMutex`.
pub unsafe extern "C" fn PyMutex_Unlock(mutex: *mut u8) {
    // SAFETY: as for `PyMutex_Lock`.
    unsafe { std::sync::atomic::AtomicU8::from_ptr(mutex) }.fetch_and(!1, std::sync::atomic::Ordering::Release);
}

/// Whether a `PyMutex` is held.
pub unsafe extern "C" fn PyMutex_IsLocked(mutex: *mut u8) -> c_int {
    // SAFETY: as for `PyMutex_Lock`.
    c_int::from(unsafe { std::sync::atomic::AtomicU8::from_ptr(mutex) }.load(std::sync::atomic::Ordering::Acquire) & 1)
}

/// Starts a thread that runs a function of C's. Its identity, or -1 (as `unsigned long`) if it cannot start.
pub unsafe extern "C" fn PyThread_start_new_thread(
    function: unsafe extern "C" fn(*mut c_void),
    argument: *mut c_void,
) -> std::ffi::c_ulong {
    // SAFETY: C's arguments. Nobody reads what the function leaves where a result would be: the thread is detached.
    unsafe {
        let mut attributes: libc::pthread_attr_t = std::mem::zeroed();
        libc::pthread_attr_init(&mut attributes);
        libc::pthread_attr_setdetachstate(&mut attributes, libc::PTHREAD_CREATE_DETACHED);
        let size = STACK_SIZE.load(Ordering::Relaxed);
        if size != 0 {
            libc::pthread_attr_setstacksize(&mut attributes, size);
        }
        let run = std::mem::transmute::<unsafe extern "C" fn(*mut c_void), extern "C" fn(*mut c_void) -> *mut c_void>(
            function,
        );
        let mut thread: libc::pthread_t = 0;
        let status = libc::pthread_create(&mut thread, &attributes, run, argument);
        libc::pthread_attr_destroy(&mut attributes);
        if status == 0 { thread as std::ffi::c_ulong } else { std::ffi::c_ulong::MAX }
    }
}

/// The stack size of new threads in bytes, 0 for the system's.
static STACK_SIZE: AtomicUsize = AtomicUsize::new(0);

/// The stack size of new threads in bytes, 0 for the system's.
pub unsafe extern "C" fn PyThread_get_stacksize() -> usize {
    STACK_SIZE.load(Ordering::Relaxed)
}

/// Sets the stack size of threads that [`PyThread_start_new_thread`] starts. 0, or -1 for one that is too small.
pub unsafe extern "C" fn PyThread_set_stacksize(size: usize) -> c_int {
    // What CPython takes for the least on any system.
    const LEAST: usize = 0x8000;
    if size != 0 && size < LEAST {
        return -1;
    }
    STACK_SIZE.store(size, Ordering::Relaxed);
    0
}

/// `sys.thread_info`; a new reference.
pub unsafe extern "C" fn PyThread_GetInfo() -> New {
    api(|vm| Ok(New::of(vm, leave(vm, || vm.sys_module.get_attr("thread_info", vm))?)))
}

/// A new key for a value of each thread, -1 if there are too many.
pub unsafe extern "C" fn PyThread_create_key() -> c_int {
    let mut key: libc::pthread_key_t = 0;
    // SAFETY: a place for a key.
    if unsafe { libc::pthread_key_create(&mut key, None) } == 0 { key as c_int } else { -1 }
}

/// Ends a key.
pub unsafe extern "C" fn PyThread_delete_key(key: c_int) {
    // SAFETY: C's argument.
    unsafe { libc::pthread_key_delete(key as libc::pthread_key_t) };
}

/// Sets this thread's value of a key. 0, or -1.
pub unsafe extern "C" fn PyThread_set_key_value(key: c_int, value: *mut c_void) -> c_int {
    // SAFETY: C's arguments.
    if unsafe { libc::pthread_setspecific(key as libc::pthread_key_t, value) } == 0 { 0 } else { -1 }
}

/// This thread's value of a key, or NULL.
pub unsafe extern "C" fn PyThread_get_key_value(key: c_int) -> *mut c_void {
    // SAFETY: C's argument.
    unsafe { libc::pthread_getspecific(key as libc::pthread_key_t) }
}

/// Forgets this thread's value of a key.
pub unsafe extern "C" fn PyThread_delete_key_value(key: c_int) {
    // SAFETY: C's argument.
    unsafe { PyThread_set_key_value(key, std::ptr::null_mut()) };
}

/// Nothing is left to do after a fork.
pub unsafe extern "C" fn PyThread_ReInitTLS() {}

/// Ends this thread.
pub unsafe extern "C" fn PyThread_exit_thread() -> ! {
    // SAFETY: C's own frames are left as CPython leaves them.
    unsafe { libc::pthread_exit(std::ptr::null_mut()) }
}
