//! `longobject.h` and `cpython/longobject.h`: ints. Their bytes and digits are in `longbytes` and `longdigits`.

use super::prelude::*;
use crate::capi::support::literal;
use crate::lifetime::pointed;
use crate::twins::forms::long;
use malachite_bigint::Sign;
use num_traits::ToPrimitive as _;
use rustpython_vm::builtins::PyInt;

/// A new int.
pub unsafe extern "C" fn PyLong_FromLong(value: c_long) -> New {
    New(long::from_i64(value))
}

/// A new int.
pub unsafe extern "C" fn PyLong_FromUnsignedLong(value: u64) -> New {
    New(long::from_u64(value))
}

/// A new int.
pub unsafe extern "C" fn PyLong_FromSize_t(value: usize) -> New {
    New(long::from_u64(value as u64))
}

/// A new int.
pub unsafe extern "C" fn PyLong_FromSsize_t(value: isize) -> New {
    New(long::from_i64(value as i64))
}

/// A new int, the fraction cut off.
pub unsafe extern "C" fn PyLong_FromDouble(value: f64) -> New {
    api(|vm| Ok(New(long::from_bigint(&rustpython_vm::builtins::try_f64_to_bigint(value, vm)?))))
}

/// A number as an int's block: the argument itself if it is one, else what its `__index__` gives; owned.
pub(super) fn index(vm: &VirtualMachine, number: Borrowed) -> PyResult<New> {
    if number.is_null() {
        return Err(bad_internal_call(vm));
    }
    // SAFETY: C's argument.
    if unsafe { Kind::of(number.0) } == Kind::Long {
        return Ok(number.again());
    }
    let number = number.get(vm)?;
    let int = leave(vm, || number.try_index(vm))?;
    Ok(New(long::from_bigint(int.as_bigint())))
}

/// Reads an int with `read`; None becomes `OverflowError` with the message.
#[inline]
fn read<T>(
    vm: &VirtualMachine,
    number: Borrowed,
    read: unsafe fn(Block) -> Option<T>,
    message: &'static str,
) -> PyResult<T> {
    let int = index(vm, number)?;
    // SAFETY: an int's block.
    unsafe {
        let value = read(int.0);
        dealloc::decref(int.0);
        value.ok_or_else(|| vm.new_overflow_error(message))
    }
}

/// The value of an exact or derived int that fits, without the VM.
#[inline]
fn quick(number: Borrowed) -> Option<i64> {
    // SAFETY: C's argument.
    unsafe {
        if number.is_null() || Kind::of(number.0) != Kind::Long {
            return None;
        }
        long::to_i64(number.0)
    }
}

/// A number as a long; -1 with an exception.
pub unsafe extern "C" fn PyLong_AsLong(number: Borrowed) -> c_long {
    if let Some(value) = quick(number) {
        return value;
    }
    api(|vm| read(vm, number, long::to_i64, "Python int too large to convert to C long"))
}

/// [`PyLong_AsLong`], with -1 or 1 in `overflow` and no exception if the number is too small or large.
pub unsafe extern "C" fn PyLong_AsLongAndOverflow(number: Borrowed, overflow: *mut c_int) -> c_long {
    // SAFETY: C's arguments.
    unsafe { *overflow = 0 };
    if let Some(value) = quick(number) {
        return value;
    }
    api(|vm| {
        let int = index(vm, number)?;
        // SAFETY: an int's block; C's arguments.
        unsafe {
            let value = long::to_i64(int.0);
            if value.is_none() {
                *overflow = long::parts(int.0).0;
            }
            dealloc::decref(int.0);
            Ok(value.unwrap_or(-1))
        }
    })
}

/// A number as a size; -1 with an exception.
pub unsafe extern "C" fn PyLong_AsSsize_t(number: Borrowed) -> isize {
    // SAFETY: C's argument.
    unsafe {
        if number.is_null() || Kind::of(number.0) != Kind::Long {
            return api(|vm| {
                if number.is_null() {
                    Err(bad_internal_call(vm))
                } else {
                    Err(vm.new_type_error("an integer is required"))
                }
            });
        }
        match long::to_i64(number.0) {
            Some(value) => value as isize,
            None => api(|vm| Err(vm.new_overflow_error("Python int too large to convert to C ssize_t"))),
        }
    }
}

/// An int as a size without sign; -1 with an exception.
pub unsafe extern "C" fn PyLong_AsSize_t(number: Borrowed) -> usize {
    api(|vm| unsigned(vm, number, "size_t", "Python int too large to convert to C size_t").map(|value| value as usize))
}

/// What the functions for long long say.
const TOO_BIG: &str = "int too big to convert";

/// An int (nothing else) without sign.
fn unsigned(vm: &VirtualMachine, number: Borrowed, kind: &str, message: &'static str) -> PyResult<u64> {
    if number.is_null() {
        return Err(bad_internal_call(vm));
    }
    // SAFETY: C's argument.
    unsafe {
        if Kind::of(number.0) != Kind::Long {
            return Err(vm.new_type_error("an integer is required"));
        }
        if long::parts(number.0).0 < 0 {
            // Two functions in CPython, each with its own words.
            return Err(vm.new_overflow_error(if message == TOO_BIG {
                "can't convert negative int to unsigned".to_owned()
            } else {
                format!("can't convert negative value to {kind}")
            }));
        }
        long::to_u64(number.0).ok_or_else(|| vm.new_overflow_error(message))
    }
}

/// An int as an unsigned long; -1 with an exception.
pub unsafe extern "C" fn PyLong_AsUnsignedLong(number: Borrowed) -> u64 {
    api(|vm| unsigned(vm, number, "unsigned int", "Python int too large to convert to C unsigned long"))
}

/// The low 64 bits of a number; -1 with an exception.
pub unsafe extern "C" fn PyLong_AsUnsignedLongMask(number: Borrowed) -> u64 {
    api(|vm| {
        let int = index(vm, number)?;
        // SAFETY: an int's block.
        unsafe {
            let (sign, digits) = long::parts(int.0);
            let low = digits.iter().take(3).rev().fold(0u64, |value, digit| value << long::SHIFT | u64::from(*digit));
            dealloc::decref(int.0);
            Ok(if sign < 0 { low.wrapping_neg() } else { low })
        }
    })
}

/// A number as an int; -1 with an exception.
pub unsafe extern "C" fn PyLong_AsInt(number: Borrowed) -> c_int {
    if let Some(value) = quick(number).and_then(|value| c_int::try_from(value).ok()) {
        return value;
    }
    const MESSAGE: &str = "Python int too large to convert to C int";
    api(|vm| {
        let value = read(vm, number, long::to_i64, MESSAGE)?;
        c_int::try_from(value).map_err(|_| vm.new_overflow_error(MESSAGE))
    })
}

/// An int as a double; -1 with an exception.
pub unsafe extern "C" fn PyLong_AsDouble(number: Borrowed) -> f64 {
    api(|vm| {
        let int = number
            .of::<PyInt>(vm)
            .map_err(|error| if number.is_null() { error } else { vm.new_type_error("an integer is required") })?;
        rustpython_vm::builtins::try_bigint_to_f64(int.as_bigint(), vm)
    })
}

/// A pointer as an int.
pub unsafe extern "C" fn PyLong_FromVoidPtr(pointer: *mut c_void) -> New {
    pointed::keep(pointer);
    New(long::from_u64(pointer as u64))
}

/// An int as a pointer; NULL with an exception.
pub unsafe extern "C" fn PyLong_AsVoidPtr(number: Borrowed) -> *mut c_void {
    api(|vm| {
        // SAFETY: C's argument.
        let value = if quick(number).is_some_and(|value| value < 0) {
            quick(number).unwrap_or(0) as u64
        } else {
            unsigned(vm, number, "unsigned int", "Python int too large to convert to C unsigned long")?
        };
        Ok(value as *mut c_void)
    })
}

/// A new int.
pub unsafe extern "C" fn PyLong_FromLongLong(value: i64) -> New {
    New(long::from_i64(value))
}

/// A new int.
pub unsafe extern "C" fn PyLong_FromUnsignedLongLong(value: u64) -> New {
    New(long::from_u64(value))
}

/// A number as a long long; -1 with an exception.
pub unsafe extern "C" fn PyLong_AsLongLong(number: Borrowed) -> i64 {
    if let Some(value) = quick(number) {
        return value;
    }
    api(|vm| read(vm, number, long::to_i64, "int too big to convert"))
}

/// An int as an unsigned long long; -1 with an exception.
pub unsafe extern "C" fn PyLong_AsUnsignedLongLong(number: Borrowed) -> u64 {
    api(|vm| unsigned(vm, number, "", TOO_BIG))
}

/// The low 64 bits of a number; -1 with an exception.
pub unsafe extern "C" fn PyLong_AsUnsignedLongLongMask(number: Borrowed) -> u64 {
    // SAFETY: C's argument.
    unsafe { PyLong_AsUnsignedLongMask(number) }
}

/// [`PyLong_AsLongAndOverflow`] for long long.
pub unsafe extern "C" fn PyLong_AsLongLongAndOverflow(number: Borrowed, overflow: *mut c_int) -> i64 {
    // SAFETY: C's arguments.
    unsafe { PyLong_AsLongAndOverflow(number, overflow) }
}

/// How much of a text an error shows at most.
const LONGEST_QUOTED: usize = 200;

/// A new int from text in a base (0: by its prefix); `end` gets where reading stopped, if it is not NULL.
pub unsafe extern "C" fn PyLong_FromString(text: *const c_char, end: *mut *mut c_char, base: c_int) -> New {
    api(|vm| {
        if base != 0 && !(2..=36).contains(&base) {
            return Err(vm.new_value_error("int() arg 2 must be >= 2 and <= 36"));
        }
        // SAFETY: C's arguments.
        let bytes = unsafe { CStr::from_ptr(text) }.to_bytes();
        let literal = literal::int(bytes, base);
        // SAFETY: C's arguments.
        if let Some(end) = unsafe { end.as_mut() } {
            *end = text.cast_mut().wrapping_add(literal.end);
        }
        if !literal.is_int {
            let quoted = vm.ctx.new_bytes(bytes[..bytes.len().min(LONGEST_QUOTED)].to_vec()).into();
            let quoted =
                leave(vm, || vm.state.codec_registry.decode_text(quoted, "utf-8", None, vm)?.as_object().repr(vm))?;
            let base = literal.base;
            return Err(vm.new_value_error(format!("invalid literal for int() with base {base}: {quoted}")));
        }
        // A literal is ASCII.
        let string = String::from_utf8_lossy(bytes).into_owned();
        from_text(vm, vm.ctx.new_str(string).into(), base)
    })
}

fn from_text(vm: &VirtualMachine, text: PyObjectRef, base: c_int) -> PyResult<New> {
    let int: PyObjectRef = vm.ctx.types.int_type.to_owned().into();
    Ok(New::of(vm, leave(vm, || int.call((text, base), vm))?))
}

/// A new int from a str in a base (0: by its prefix).
pub unsafe extern "C" fn PyLong_FromUnicodeObject(text: Borrowed, base: c_int) -> New {
    api(|vm| from_text(vm, text.get(vm)?, base))
}

/// The sign of an int: -1, 0 or 1.
pub unsafe extern "C" fn _PyLong_Sign(int: Borrowed) -> c_int {
    // SAFETY: an int, by contract.
    unsafe { long::parts(int.0).0 }
}

/// Puts an int's sign into `sign`. 0, or -1 with an exception.
pub unsafe extern "C" fn PyLong_GetSign(int: Borrowed, sign: *mut c_int) -> c_int {
    api(|vm| {
        // SAFETY: C's arguments.
        unsafe {
            if Kind::of(int.0) != Kind::Long {
                return Err(vm.new_type_error(format!("expect int, got {}", text::of_c((*(*int.0).ob_type).tp_name))));
            }
            *sign = long::parts(int.0).0;
        }
        Ok(0)
    })
}

/// Converts for `O&`: an int from 0 that fits into `T`.
unsafe fn convert<T: TryFrom<u64>>(number: Borrowed, to: *mut c_void, name: &'static str) -> c_int {
    // The converters of fixed width came later, with words of their own.
    let negative =
        if name.ends_with("_t") && name != "size_t" { "Cannot convert negative int" } else { "value must be positive" };
    let converted = api(|vm| {
        let int = index(vm, number)?;
        // SAFETY: an int's block; C's arguments.
        unsafe {
            let (sign, _) = long::parts(int.0);
            let value = long::to_bigint(int.0).to_u64();
            dealloc::decref(int.0);
            if sign < 0 {
                return Err(vm.new_value_error(negative));
            }
            let value = value.and_then(|value| T::try_from(value).ok());
            let value = value.ok_or_else(|| vm.new_overflow_error(format!("Python int too large for C {name}")))?;
            to.cast::<T>().write(value);
        }
        Ok(1)
    });
    c_int::from(converted == 1)
}

/// `O&` converter to an unsigned short.
pub unsafe extern "C" fn _PyLong_UnsignedShort_Converter(number: Borrowed, to: *mut c_void) -> c_int {
    // SAFETY: C's arguments.
    unsafe { convert::<u16>(number, to, "unsigned short") }
}

/// `O&` converter to an unsigned int.
pub unsafe extern "C" fn _PyLong_UnsignedInt_Converter(number: Borrowed, to: *mut c_void) -> c_int {
    // SAFETY: C's arguments.
    unsafe { convert::<u32>(number, to, "unsigned int") }
}

/// `O&` converter to an unsigned long.
pub unsafe extern "C" fn _PyLong_UnsignedLong_Converter(number: Borrowed, to: *mut c_void) -> c_int {
    // SAFETY: C's arguments.
    unsafe { convert::<u64>(number, to, "unsigned long") }
}

/// `O&` converter to an unsigned long long.
pub unsafe extern "C" fn _PyLong_UnsignedLongLong_Converter(number: Borrowed, to: *mut c_void) -> c_int {
    // SAFETY: C's arguments.
    unsafe { convert::<u64>(number, to, "unsigned long long") }
}

/// `O&` converter to a size.
pub unsafe extern "C" fn _PyLong_Size_t_Converter(number: Borrowed, to: *mut c_void) -> c_int {
    // SAFETY: C's arguments.
    unsafe { convert::<u64>(number, to, "size_t") }
}

/// `O&` converter to 32 bits without sign.
pub unsafe extern "C" fn _PyLong_UInt32_Converter(number: Borrowed, to: *mut c_void) -> c_int {
    // SAFETY: C's arguments.
    unsafe { convert::<u32>(number, to, "uint32_t") }
}

/// `O&` converter to 64 bits without sign.
pub unsafe extern "C" fn _PyLong_UInt64_Converter(number: Borrowed, to: *mut c_void) -> c_int {
    // SAFETY: C's arguments.
    unsafe { convert::<u64>(number, to, "uint64_t") }
}

/// Whether an int has at most one digit.
pub unsafe extern "C" fn PyUnstable_Long_IsCompact(number: Borrowed) -> c_int {
    // SAFETY: an int, by contract.
    c_int::from(unsafe { long::parts(number.0).1.len() } <= 1)
}

/// The value of an int of at most one digit.
pub unsafe extern "C" fn PyUnstable_Long_CompactValue(number: Borrowed) -> isize {
    // SAFETY: an int, by contract.
    unsafe { long::to_i64(number.0) }.unwrap_or(0) as isize
}

/// Whether an int is positive: 1, 0, or -1 with an exception.
pub unsafe extern "C" fn PyLong_IsPositive(number: Borrowed) -> c_int {
    // SAFETY: C's argument.
    unsafe { sign_is(number, 1) }
}

/// Whether an int is negative: 1, 0, or -1 with an exception.
pub unsafe extern "C" fn PyLong_IsNegative(number: Borrowed) -> c_int {
    // SAFETY: C's argument.
    unsafe { sign_is(number, -1) }
}

/// Whether an int is 0: 1, 0, or -1 with an exception.
pub unsafe extern "C" fn PyLong_IsZero(number: Borrowed) -> c_int {
    // SAFETY: C's argument.
    unsafe { sign_is(number, 0) }
}

unsafe fn sign_is(number: Borrowed, sign: c_int) -> c_int {
    let mut found = 0;
    // SAFETY: C's argument.
    if unsafe { PyLong_GetSign(number, &mut found) } < 0 { -1 } else { c_int::from(found == sign) }
}

/// A new int.
pub unsafe extern "C" fn PyLong_FromInt32(value: i32) -> New {
    New(long::from_i64(value.into()))
}

/// A new int.
pub unsafe extern "C" fn PyLong_FromUInt32(value: u32) -> New {
    New(long::from_u64(value.into()))
}

/// A new int.
pub unsafe extern "C" fn PyLong_FromInt64(value: i64) -> New {
    New(long::from_i64(value))
}

/// A new int.
pub unsafe extern "C" fn PyLong_FromUInt64(value: u64) -> New {
    New(long::from_u64(value))
}

/// Puts a number's value into `to`, if it fits. 0, or -1 with an exception.
unsafe fn fixed<T: TryFrom<i128>>(number: Borrowed, to: *mut T, name: &str) -> c_int {
    api(|vm| {
        let int = index(vm, number)?;
        // SAFETY: an int's block; C's argument.
        unsafe {
            let value = long::to_bigint(int.0);
            dealloc::decref(int.0);
            let unsigned = name.starts_with('u');
            if unsigned && value.sign() == Sign::Minus {
                return Err(vm.new_value_error("Cannot convert negative int"));
            }
            let fitting = value.to_i128().and_then(|value| T::try_from(value).ok());
            let too_large = || vm.new_overflow_error(format!("Python int too large to convert to C {name}"));
            to.write(fitting.ok_or_else(too_large)?);
            Ok(0)
        }
    })
}

/// A number as 32 bits. 0, or -1 with an exception.
pub unsafe extern "C" fn PyLong_AsInt32(number: Borrowed, to: *mut i32) -> c_int {
    // SAFETY: C's arguments.
    unsafe { fixed(number, to, "int32_t") }
}

/// A number as 32 bits without sign. 0, or -1 with an exception.
pub unsafe extern "C" fn PyLong_AsUInt32(number: Borrowed, to: *mut u32) -> c_int {
    // SAFETY: C's arguments.
    unsafe { fixed(number, to, "uint32_t") }
}

/// A number as 64 bits. 0, or -1 with an exception.
pub unsafe extern "C" fn PyLong_AsInt64(number: Borrowed, to: *mut i64) -> c_int {
    // SAFETY: C's arguments.
    unsafe { fixed(number, to, "int64_t") }
}

/// A number as 64 bits without sign. 0, or -1 with an exception.
pub unsafe extern "C" fn PyLong_AsUInt64(number: Borrowed, to: *mut u64) -> c_int {
    // SAFETY: C's arguments.
    unsafe { fixed(number, to, "uint64_t") }
}

/// `sys.int_info`.
pub unsafe extern "C" fn PyLong_GetInfo() -> New {
    api(|vm| Ok(New::of(vm, leave(vm, || vm.sys_module.get_attr("int_info", vm))?)))
}

/// The number of bits that an int's absolute value has.
pub unsafe extern "C" fn _PyLong_NumBits(number: Borrowed) -> i64 {
    // SAFETY: an int, by contract.
    let (_, digits) = unsafe { long::parts(number.0) };
    digits.last().map_or(0, |top| {
        (digits.len() as i64 - 1) * i64::from(long::SHIFT) + i64::from(u32::BITS - top.leading_zeros())
    })
}

/// The greatest common divisor of two ints, from 0.
pub unsafe extern "C" fn _PyLong_GCD(a: Borrowed, b: Borrowed) -> New {
    api(|vm| {
        let gcd = leave(vm, || vm.import("math", 0)?.get_attr("gcd", vm))?;
        let (a, b) = (a.get(vm)?, b.get(vm)?);
        Ok(New::of(vm, leave(vm, || gcd.call((a, b), vm))?))
    })
}

/// A new int with the value of one, which may be of a subclass.
pub unsafe extern "C" fn _PyLong_Copy(number: Borrowed) -> New {
    // SAFETY: an int, by contract.
    New(long::from_bigint(&unsafe { long::to_bigint(number.0) }))
}

/// `strtoul` by Python's rules for prefixes, without sign; `end` may be NULL. What is too large sets `errno`.
pub unsafe extern "C" fn PyOS_strtoul(text: *const c_char, end: *mut *mut c_char, base: c_int) -> u64 {
    // SAFETY: C's arguments.
    unsafe { parsed(text, end, base, literal::unsigned) }
}

/// `strtol` by Python's rules for prefixes; `end` may be NULL. What is too large sets `errno`.
pub unsafe extern "C" fn PyOS_strtol(text: *const c_char, end: *mut *mut c_char, base: c_int) -> c_long {
    // SAFETY: C's arguments.
    unsafe { parsed(text, end, base, literal::signed) }
}

unsafe fn parsed<T>(
    text: *const c_char,
    end: *mut *mut c_char,
    base: c_int,
    parse: impl FnOnce(&[u8], c_int) -> (T, usize, bool),
) -> T {
    // SAFETY: by the callers' contract.
    unsafe {
        let (value, stopped, fits) = parse(CStr::from_ptr(text).to_bytes(), base);
        if let Some(end) = end.as_mut() {
            *end = text.cast_mut().add(stopped);
        }
        if !fits {
            *libc::__errno_location() = libc::ERANGE;
        }
        value
    }
}
