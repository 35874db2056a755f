//! `floatobject.h` and `cpython/floatobject.h`: floats.

use super::prelude::*;
use rustpython_vm::builtins::PyFloat;

/// A new float.
pub unsafe extern "C" fn PyFloat_FromDouble(value: f64) -> New {
    crate::twins::forms::float::from_f64(value).map_or_else(no_memory, New)
}

/// A new float from text.
pub unsafe extern "C" fn PyFloat_FromString(text: Borrowed) -> New {
    api(|vm| {
        let text = text.get(vm)?;
        let value = rustpython_vm::builtins::parse_float_from_string(&text, vm)?;
        // SAFETY: no arguments that matter.
        Ok(unsafe { PyFloat_FromDouble(value) })
    })
}

/// A number as a double; -1 with an exception.
pub unsafe extern "C" fn PyFloat_AsDouble(number: Borrowed) -> f64 {
    // SAFETY: C's argument.
    unsafe {
        if !number.is_null() && Kind::of(number.0) == Kind::Float {
            return (*number.0.cast::<c::PyFloatObject>()).ob_fval;
        }
    }
    api(|vm| {
        if number.is_null() {
            return Err(vm.new_type_error("bad argument type for built-in operation"));
        }
        let number = number.get(vm)?;
        let float = leave(vm, || number.try_float(vm)).map_err(|error| {
            if error.fast_isinstance(vm.ctx.exceptions.type_error) && number.downcast_ref::<PyFloat>().is_none() {
                let has = ["__float__", "__index__"]
                    .iter()
                    .any(|name| number.class().get_attr(vm.ctx.intern_str(*name)).is_some());
                if !has {
                    return vm.new_type_error(format!("must be real number, not {}", number.class().name()));
                }
            }
            error
        })?;
        Ok(float.to_f64())
    })
}

/// The largest double.
pub unsafe extern "C" fn PyFloat_GetMax() -> f64 {
    f64::MAX
}

/// The smallest positive normal double.
pub unsafe extern "C" fn PyFloat_GetMin() -> f64 {
    f64::MIN_POSITIVE
}

/// `sys.float_info`.
pub unsafe extern "C" fn PyFloat_GetInfo() -> New {
    api(|vm| Ok(New::of(vm, leave(vm, || vm.sys_module.get_attr("float_info", vm))?)))
}

/// Writes bytes in the order asked for.
unsafe fn put<const N: usize>(mut bytes: [u8; N], to: *mut u8, little: c_int) {
    if little == 0 {
        bytes.reverse();
    }
    // SAFETY: room for `N` bytes, by the caller's contract.
    unsafe { to.copy_from_nonoverlapping(bytes.as_ptr(), N) };
}

/// Reads bytes that are in the given order.
unsafe fn take<const N: usize>(from: *const u8, little: c_int) -> [u8; N] {
    // SAFETY: `N` bytes, by the caller's contract.
    let mut bytes: [u8; N] = unsafe { from.cast::<[u8; N]>().read() };
    if little == 0 {
        bytes.reverse();
    }
    bytes
}

/// A NaN of `bits` with its payload's upper bits in fewer: the sign and the quiet bit stay what they are, which the machine's
/// own conversion does not promise.
fn narrowed(bits: u64, mantissa: u32, exponent: u64) -> u64 {
    let payload = (bits & ((1 << 52) - 1)) >> (52 - mantissa);
    // What would be an infinity becomes a quiet NaN.
    let payload = if payload == 0 { 1 << (mantissa - 1) } else { payload };
    (bits >> 63) << (mantissa + exponent.count_ones()) | exponent << mantissa | payload
}

/// The double for a NaN of fewer bits.
fn widened(bits: u64, mantissa: u32, exponent: u64) -> f64 {
    let payload = (bits & ((1 << mantissa) - 1)) << (52 - mantissa);
    f64::from_bits((bits >> (mantissa + exponent.count_ones())) << 63 | 0x7FF << 52 | payload)
}

/// Bits of the mantissa, and the largest exponent, of half and single precision.
const HALF: (u32, u64) = (10, 0x1F);
const SINGLE: (u32, u64) = (23, 0xFF);

/// Writes a double in 2 bytes (IEEE 754 half precision). 0, or -1 with an exception if it is too large.
pub unsafe extern "C" fn PyFloat_Pack2(value: f64, to: *mut c_char, little: c_int) -> c_int {
    if value.is_nan() {
        // SAFETY: C's arguments.
        unsafe { put((narrowed(value.to_bits(), HALF.0, HALF.1) as u16).to_le_bytes(), to.cast(), little) };
        return 0;
    }
    api(|vm| {
        let half = half::f16::from_f64(value);
        if half.is_infinite() && value.is_finite() {
            return Err(vm.new_overflow_error("float too large to pack with e format"));
        }
        // SAFETY: C's arguments.
        unsafe { put(half.to_le_bytes(), to.cast(), little) };
        Ok(0)
    })
}

/// Writes a double in 4 bytes. 0, or -1 with an exception if it is too large.
pub unsafe extern "C" fn PyFloat_Pack4(value: f64, to: *mut c_char, little: c_int) -> c_int {
    if value.is_nan() {
        // SAFETY: C's arguments.
        unsafe { put((narrowed(value.to_bits(), SINGLE.0, SINGLE.1) as u32).to_le_bytes(), to.cast(), little) };
        return 0;
    }
    api(|vm| {
        let single = value as f32;
        if single.is_infinite() && value.is_finite() {
            return Err(vm.new_overflow_error("float too large to pack with f format"));
        }
        // SAFETY: C's arguments.
        unsafe { put(single.to_le_bytes(), to.cast(), little) };
        Ok(0)
    })
}

/// Writes a double in 8 bytes. 0.
pub unsafe extern "C" fn PyFloat_Pack8(value: f64, to: *mut c_char, little: c_int) -> c_int {
    // SAFETY: C's arguments.
    unsafe { put(value.to_le_bytes(), to.cast(), little) };
    0
}

/// Reads a double from 2 bytes.
pub unsafe extern "C" fn PyFloat_Unpack2(from: *const c_char, little: c_int) -> f64 {
    // SAFETY: C's arguments.
    let half = half::f16::from_le_bytes(unsafe { take(from.cast(), little) });
    if half.is_nan() { widened(half.to_bits().into(), HALF.0, HALF.1) } else { half.to_f64() }
}

/// Reads a double from 4 bytes.
pub unsafe extern "C" fn PyFloat_Unpack4(from: *const c_char, little: c_int) -> f64 {
    // SAFETY: C's arguments.
    let single = f32::from_le_bytes(unsafe { take(from.cast(), little) });
    if single.is_nan() { widened(single.to_bits().into(), SINGLE.0, SINGLE.1) } else { single.into() }
}

/// Reads a double from 8 bytes.
pub unsafe extern "C" fn PyFloat_Unpack8(from: *const c_char, little: c_int) -> f64 {
    // SAFETY: C's arguments.
    f64::from_le_bytes(unsafe { take(from.cast(), little) })
}
