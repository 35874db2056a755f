//! `cpython/pytime.h` and `internal/pycore_time.h`: clocks and times, in nanoseconds.

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

const SECOND: i64 = 1_000_000_000;

/// `_PyTime_round_t`: towards minus infinity, towards infinity, to the nearest even, away from zero.
unsafe fn round(value: f64, mode: c_int) -> f64 {
    match mode {
        0 => value.floor(),
        1 => value.ceil(),
        2 => value.round_ties_even(),
        _ if value < 0.0 => value.floor(),
        _ => value.ceil(),
    }
}

/// A number of units of `unit` nanoseconds, a float or an int, as a time. 0, or -1 with an exception.
unsafe fn from_object(to: *mut i64, object: Borrowed, mode: c_int, unit: i64) -> c_int {
    api(|vm| {
        let too_large = || vm.new_overflow_error("timestamp too large to convert to C PyTime_t");
        let number = object.get(vm)?;
        let time = match number.downcast_ref::<rustpython_vm::builtins::PyFloat>() {
            Some(float) if float.to_f64().is_nan() => {
                return Err(vm.new_value_error("Invalid value NaN (not a number)"));
            }
            Some(float) => {
                // SAFETY: a plain value.
                let time = unsafe { round(float.to_f64() * unit as f64, mode) };
                if !(-(2f64.powi(63))..2f64.powi(63)).contains(&time) {
                    return Err(too_large());
                }
                time as i64
            }
            None => {
                let int = leave(vm, || number.try_index(vm))?;
                int.try_to_primitive::<i64>(vm).ok().and_then(|int| int.checked_mul(unit)).ok_or_else(too_large)?
            }
        };
        // SAFETY: C's argument.
        unsafe { *to = time };
        Ok(0)
    })
}

/// Seconds as a time.
pub unsafe extern "C" fn _PyTime_FromSeconds(seconds: c_int) -> i64 {
    i64::from(seconds) * SECOND
}

/// An int of nanoseconds as a time. 0, or -1 with an exception.
pub unsafe extern "C" fn _PyTime_FromLong(to: *mut i64, object: Borrowed) -> c_int {
    api(|vm| {
        let number = object.get(vm)?;
        let Some(int) = number.downcast_ref::<rustpython_vm::builtins::PyInt>() else {
            return Err(vm.new_type_error(format!("expect int, got {}", number.class().name())));
        };
        let time = int.try_to_primitive::<i64>(vm);
        // SAFETY: C's argument.
        unsafe { *to = time.map_err(|_| vm.new_overflow_error("timestamp too large to convert to C PyTime_t"))? };
        Ok(0)
    })
}

/// A float or int of seconds as a time. 0, or -1 with an exception.
pub unsafe extern "C" fn _PyTime_FromSecondsObject(to: *mut i64, object: Borrowed, mode: c_int) -> c_int {
    // SAFETY: C's arguments.
    unsafe { from_object(to, object, mode, SECOND) }
}

/// A float or int of milliseconds as a time. 0, or -1 with an exception.
pub unsafe extern "C" fn _PyTime_FromMillisecondsObject(to: *mut i64, object: Borrowed, mode: c_int) -> c_int {
    // SAFETY: C's arguments.
    unsafe { from_object(to, object, mode, SECOND / 1000) }
}

/// A time in units of `unit` nanoseconds.
fn in_units(time: i64, unit: i64, mode: c_int) -> i64 {
    let (whole, rest) = (time.div_euclid(unit), time.rem_euclid(unit));
    let up = match mode {
        0 => false,
        1 => rest > 0,
        2 => rest * 2 > unit || (rest * 2 == unit && whole % 2 != 0),
        _ => rest > 0 && time > 0,
    };
    whole + i64::from(up)
}

/// A time in milliseconds.
pub unsafe extern "C" fn _PyTime_AsMilliseconds(time: i64, mode: c_int) -> i64 {
    in_units(time, SECOND / 1000, mode)
}

/// A time in microseconds.
pub unsafe extern "C" fn _PyTime_AsMicroseconds(time: i64, mode: c_int) -> i64 {
    in_units(time, SECOND / 1_000_000, mode)
}

/// A time as an int of nanoseconds.
pub unsafe extern "C" fn _PyTime_AsLong(time: i64) -> New {
    New(crate::twins::forms::long::from_i64(time))
}

fn monotonic() -> i64 {
    let mut now = 0;
    // SAFETY: a place for the result.
    unsafe { clock(libc::CLOCK_MONOTONIC, &mut now) };
    now
}

/// When a time-out that begins now will be over.
pub unsafe extern "C" fn _PyDeadline_Init(timeout: i64) -> i64 {
    monotonic().saturating_add(timeout)
}

/// How long it is until a deadline.
pub unsafe extern "C" fn _PyDeadline_Get(deadline: i64) -> i64 {
    deadline.saturating_sub(monotonic())
}
