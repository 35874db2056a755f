//! `cpython/pytime.h`: clocks, in nanoseconds.

use super::prelude::*;

unsafe fn clock(id: libc::clockid_t, result: *mut i64) -> c_int {
    // SAFETY: C's argument.
    unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(id, &mut time);
        *result = time.tv_sec * 1_000_000_000 + time.tv_nsec;
    }
    0
}

/// Time since an unknown start that never goes back. 0.
pub unsafe extern "C" fn PyTime_Monotonic(result: *mut i64) -> c_int {
    // SAFETY: C's argument.
    unsafe { clock(libc::CLOCK_MONOTONIC, result) }
}

/// [`PyTime_Monotonic`], for threads that hold no lock.
pub unsafe extern "C" fn PyTime_MonotonicRaw(result: *mut i64) -> c_int {
    // SAFETY: C's argument.
    unsafe { clock(libc::CLOCK_MONOTONIC, result) }
}

/// The clock with the highest resolution. 0.
pub unsafe extern "C" fn PyTime_PerfCounter(result: *mut i64) -> c_int {
    // SAFETY: C's argument.
    unsafe { clock(libc::CLOCK_MONOTONIC, result) }
}

/// [`PyTime_PerfCounter`], for threads that hold no lock.
pub unsafe extern "C" fn PyTime_PerfCounterRaw(result: *mut i64) -> c_int {
    // SAFETY: C's argument.
    unsafe { clock(libc::CLOCK_MONOTONIC, result) }
}

/// Time since 1970. 0.
pub unsafe extern "C" fn PyTime_Time(result: *mut i64) -> c_int {
    // SAFETY: C's argument.
    unsafe { clock(libc::CLOCK_REALTIME, result) }
}

/// [`PyTime_Time`], for threads that hold no lock.
pub unsafe extern "C" fn PyTime_TimeRaw(result: *mut i64) -> c_int {
    // SAFETY: C's argument.
    unsafe { clock(libc::CLOCK_REALTIME, result) }
}

/// A time in seconds.
pub unsafe extern "C" fn PyTime_AsSecondsDouble(time: i64) -> f64 {
    if time % 1_000_000_000 == 0 { (time / 1_000_000_000) as f64 } else { time as f64 / 1e9 }
}
