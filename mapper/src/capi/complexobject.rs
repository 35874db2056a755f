//! `complexobject.h` and `cpython/complexobject.h`: complex numbers, and C's arithmetic with them.

use super::prelude::*;
use c::Py_complex;
use num_complex::Complex64;
use rustpython_vm::builtins::PyComplex;

fn of(value: Py_complex) -> Complex64 {
    Complex64::new(value.real, value.imag)
}

fn back(value: Complex64) -> Py_complex {
    Py_complex { real: value.re, imag: value.im }
}

impl crate::calls::api::CResult for Py_complex {
    const ERROR: Self = Self { real: -1.0, imag: 0.0 };
}

/// A new complex number.
pub unsafe extern "C" fn PyComplex_FromDoubles(real: f64, imag: f64) -> New {
    // SAFETY: plain values.
    unsafe { PyComplex_FromCComplex(Py_complex { real, imag }) }
}

/// The real part of a number; -1 with an exception.
pub unsafe extern "C" fn PyComplex_RealAsDouble(number: Borrowed) -> f64 {
    // SAFETY: C's argument.
    api(|vm| value(vm, number).map(|value| value.re))
}

/// The imaginary part of a number; -1 with an exception.
pub unsafe extern "C" fn PyComplex_ImagAsDouble(number: Borrowed) -> f64 {
    api(|vm| value(vm, number).map(|value| value.im))
}

/// A number as a complex one: by `__complex__`, `__float__` or `__index__` if it is none.
fn value(vm: &VirtualMachine, number: Borrowed) -> PyResult<Complex64> {
    // SAFETY: C's argument.
    if unsafe { !number.is_null() && Kind::of(number.0) == Kind::Complex } {
        // SAFETY: the kind says so.
        return Ok(of(unsafe { (*number.0.cast::<c::PyComplexObject>()).cval }));
    }
    let number = number.get(vm)?;
    match leave(vm, || number.try_complex(vm))? {
        Some((value, _)) => Ok(value),
        None => Err(vm.new_type_error(format!("must be real number, not {}", number.class().name()))),
    }
}

/// A new complex number.
pub unsafe extern "C" fn PyComplex_FromCComplex(value: Py_complex) -> New {
    api(|vm| Ok(New::of(vm, vm.ctx.new_complex(of(value)))))
}

/// A number as a complex one; a real part of -1 with an exception.
pub unsafe extern "C" fn PyComplex_AsCComplex(number: Borrowed) -> Py_complex {
    api(|vm| value(vm, number).map(back))
}

/// The sum.
pub unsafe extern "C" fn _Py_c_sum(a: Py_complex, b: Py_complex) -> Py_complex {
    back(of(a) + of(b))
}

/// The difference.
pub unsafe extern "C" fn _Py_c_diff(a: Py_complex, b: Py_complex) -> Py_complex {
    back(of(a) - of(b))
}

/// The negative.
pub unsafe extern "C" fn _Py_c_neg(value: Py_complex) -> Py_complex {
    back(-of(value))
}

/// The product.
pub unsafe extern "C" fn _Py_c_prod(a: Py_complex, b: Py_complex) -> Py_complex {
    back(of(a) * of(b))
}

/// The quotient; `errno` is `EDOM` for division by 0.
pub unsafe extern "C" fn _Py_c_quot(a: Py_complex, b: Py_complex) -> Py_complex {
    if b.real == 0.0 && b.imag == 0.0 {
        set_errno(libc::EDOM);
        return Py_complex { real: 0.0, imag: 0.0 };
    }
    back(of(a) / of(b))
}

/// The power; `errno` is `EDOM` for 0 to a negative or complex power, `ERANGE` for what is too large.
pub unsafe extern "C" fn _Py_c_pow(a: Py_complex, b: Py_complex) -> Py_complex {
    match (of(a), of(b)) {
        (_, power) if power == Complex64::ZERO => Py_complex { real: 1.0, imag: 0.0 },
        (base, power) if base == Complex64::ZERO => {
            if power.im != 0.0 || power.re < 0.0 {
                set_errno(libc::EDOM);
            }
            Py_complex { real: 0.0, imag: 0.0 }
        }
        (base, power) => {
            let result = base.powc(power);
            if !result.is_finite() && base.is_finite() && power.is_finite() {
                set_errno(libc::ERANGE);
            }
            back(result)
        }
    }
}

/// The sum with a real number.
pub unsafe extern "C" fn _Py_cr_sum(a: Py_complex, b: f64) -> Py_complex {
    Py_complex { real: a.real + b, ..a }
}

/// The difference from a real number.
pub unsafe extern "C" fn _Py_cr_diff(a: Py_complex, b: f64) -> Py_complex {
    Py_complex { real: a.real - b, ..a }
}

/// The difference of a real number from a complex one.
pub unsafe extern "C" fn _Py_rc_diff(a: f64, b: Py_complex) -> Py_complex {
    Py_complex { real: a - b.real, imag: -b.imag }
}

/// The product with a real number.
pub unsafe extern "C" fn _Py_cr_prod(a: Py_complex, b: f64) -> Py_complex {
    Py_complex { real: a.real * b, imag: a.imag * b }
}

/// The quotient by a real number; `errno` is `EDOM` for division by 0.
pub unsafe extern "C" fn _Py_cr_quot(a: Py_complex, b: f64) -> Py_complex {
    if b == 0.0 {
        set_errno(libc::EDOM);
        return Py_complex { real: 0.0, imag: 0.0 };
    }
    Py_complex { real: a.real / b, imag: a.imag / b }
}

/// The quotient of a real number by a complex one; `errno` is `EDOM` for division by 0. A finite number divided by an infinite
/// one is 0, whatever the other part is.
pub unsafe extern "C" fn _Py_rc_quot(a: f64, b: Py_complex) -> Py_complex {
    if b.real == 0.0 && b.imag == 0.0 {
        set_errno(libc::EDOM);
        return Py_complex { real: 0.0, imag: 0.0 };
    }
    // The larger part is divided by first, so that nothing overflows on the way.
    let result = if b.real.abs() >= b.imag.abs() {
        let ratio = b.imag / b.real;
        let divisor = b.real + b.imag * ratio;
        Py_complex { real: a / divisor, imag: -a * ratio / divisor }
    } else if b.imag.abs() >= b.real.abs() {
        let ratio = b.real / b.imag;
        let divisor = b.real * ratio + b.imag;
        Py_complex { real: a * ratio / divisor, imag: -a / divisor }
    } else {
        Py_complex { real: f64::NAN, imag: f64::NAN }
    };
    let is_lost = result.real.is_nan() && result.imag.is_nan();
    if is_lost && a.is_finite() && (b.real.is_infinite() || b.imag.is_infinite()) {
        let sign = |part: f64| f64::from(u8::from(part.is_infinite())).copysign(part);
        return Py_complex { real: 0.0 * (a * sign(b.real)), imag: 0.0 * (-a * sign(b.imag)) };
    }
    result
}

/// The absolute value; `errno` is `ERANGE` if it is too large.
pub unsafe extern "C" fn _Py_c_abs(value: Py_complex) -> f64 {
    let length = value.real.hypot(value.imag);
    set_errno(if length.is_infinite() && value.real.is_finite() && value.imag.is_finite() { libc::ERANGE } else { 0 });
    length
}

fn set_errno(code: c_int) {
    // SAFETY: this thread's own.
    unsafe { *libc::__errno_location() = code };
}

/// Asserts at build time that the VM's complex number is what its block is read as.
const _: fn(&PyComplex) -> Complex64 = |number| number.to_complex64();
