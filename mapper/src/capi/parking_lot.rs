//! `internal/pycore_parking_lot.h`: threads that wait at an address until another one wakes them.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::prelude::*;
use rustc_hash::FxHashMap;

const OK: c_int = 0;
const AGAIN: c_int = -1;
const TIMEOUT: c_int = -2;
const INTERRUPTED: c_int = -3;

/// A thread that waits.
struct Waiter {
    argument: usize,
    woken: Mutex<bool>,
    wake: Condvar,
}

/// Who waits where, first come first.
static WAITING: Mutex<Option<FxHashMap<usize, VecDeque<Arc<Waiter>>>>> = Mutex::new(None);

fn waiting() -> std::sync::MutexGuard<'static, Option<FxHashMap<usize, VecDeque<Arc<Waiter>>>>> {
    WAITING.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Waits at `address`, if it holds what is expected, for at most `timeout` ns (for ever if negative); without the C lock
/// if `detach` says so.
pub unsafe extern "C" fn _PyParkingLot_Park(
    address: *const c_void,
    expected: *const c_void,
    size: usize,
    timeout: i64,
    argument: *mut c_void,
    detach: c_int,
) -> c_int {
    let waiter = {
        let mut waiting = waiting();
        // SAFETY: C's arguments: as many bytes as it says.
        if unsafe { libc::memcmp(address, expected, size) } != 0 {
            return AGAIN;
        }
        let waiter = Arc::new(Waiter { argument: argument as usize, woken: Mutex::new(false), wake: Condvar::new() });
        waiting.get_or_insert_default().entry(address as usize).or_default().push_back(waiter.clone());
        waiter
    };
    let wait = |step: Duration| {
        let end = (timeout >= 0).then(|| Instant::now() + Duration::from_nanos(timeout as u64));
        let left = end.map_or(step, |end| end.saturating_duration_since(Instant::now()).min(step));
        let woken = waiter.woken.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let waited = waiter.wake.wait_timeout_while(woken, left, |woken| !*woken);
        match *waited.unwrap_or_else(std::sync::PoisonError::into_inner).0 {
            true => OK,
            false if end.is_some_and(|end| Instant::now() >= end) => TIMEOUT,
            false => INTERRUPTED,
        }
    };
    let result = if detach != 0 && crate::lifetime::thread::holds_lock() {
        // A short wait, as if a signal had come: the caller looks whether one did and waits again.
        let wait = || wait(Duration::from_millis(50));
        rustpython_vm::vm::thread::with_current_vm(|vm| {
            leave(vm, || rustpython_vm::vm::thread::allow_threads(vm, wait))
        })
    } else {
        wait(Duration::from_secs(u32::MAX.into()))
    };
    if result != OK {
        let mut waiting = waiting();
        if let Some(queue) = waiting.as_mut().and_then(|waiting| waiting.get_mut(&(address as usize))) {
            queue.retain(|other| !Arc::ptr_eq(other, &waiter));
        }
        // Woken between the end of the wait and here: that counts.
        if *waiter.woken.lock().unwrap_or_else(std::sync::PoisonError::into_inner) {
            return OK;
        }
    }
    result
}

/// Wakes the first thread that waits at `address`, and calls `each` with what it waits with, or NULL.
pub unsafe extern "C" fn _PyParkingLot_Unpark(
    address: *const c_void,
    each: unsafe extern "C" fn(*mut c_void, *mut c_void, c_int),
    argument: *mut c_void,
) {
    let mut waiting = waiting();
    let queue = waiting.get_or_insert_default().entry(address as usize).or_default();
    let first = queue.pop_front();
    let more = !queue.is_empty();
    let parked = first.as_ref().map_or(std::ptr::null_mut(), |first| first.argument as *mut c_void);
    // SAFETY: C's function; nobody parks or wakes meanwhile, as it expects.
    unsafe { each(argument, parked, more.into()) };
    if !more {
        waiting.get_or_insert_default().remove(&(address as usize));
    }
    drop(waiting);
    first.iter().for_each(|waiter| wake(waiter));
}

/// Wakes all threads that wait at `address`.
pub unsafe extern "C" fn _PyParkingLot_UnparkAll(address: *const c_void) {
    let queue = waiting().get_or_insert_default().remove(&(address as usize)).unwrap_or_default();
    queue.iter().for_each(|waiter| wake(waiter));
}

fn wake(waiter: &Waiter) {
    *waiter.woken.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = true;
    waiter.wake.notify_all();
}
