//! `pythread.h` and `cpython/lock.h`: locks and threads.

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
    crate::platform::thread_id() as std::ffi::c_ulong
}

/// The system's number for this thread.
pub unsafe extern "C" fn PyThread_get_thread_native_id() -> std::ffi::c_ulong {
    crate::platform::native_thread_id() as std::ffi::c_ulong
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
