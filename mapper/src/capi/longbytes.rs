//! `longobject.h` and `cpython/longobject.h`: ints as bytes.

use super::longobject::index;
use super::prelude::*;
use crate::capi::support::memory;
use crate::twins::forms::long;
use malachite_bigint::{BigInt, Sign};

const LITTLE_ENDIAN: c_int = 1;
const NATIVE_ENDIAN: c_int = 3;
const UNSIGNED_BUFFER: c_int = 4;
const REJECT_NEGATIVE: c_int = 8;
const ALLOW_INDEX: c_int = 16;

/// Writes a number's two's complement into `size` bytes. Returns how many bytes it needs, which may be more; -1 with
/// an exception.
pub unsafe extern "C" fn PyLong_AsNativeBytes(
    number: Borrowed,
    buffer: *mut c_void,
    size: isize,
    flags: c_int,
) -> isize {
    api(|vm| {
        let default = flags == -1;
        if number.is_null() || size < 0 || (buffer.is_null() && size > 0) {
            return Err(bad_internal_call(vm));
        }
        // SAFETY: C's argument.
        let is_int = unsafe { Kind::of(number.0) } == Kind::Long;
        if !is_int && (default || flags & ALLOW_INDEX == 0) {
            // SAFETY: C's argument.
            let name = unsafe { text::of_c((*(*number.0).ob_type).tp_name) };
            return Err(vm.new_type_error(format!("expect int, got {name}")));
        }
        let int = index(vm, number)?;
        // SAFETY: an int's block; C's arguments.
        unsafe {
            let value = long::to_bigint(int.0);
            let compact = long::parts(int.0).1.len() <= 1;
            dealloc::decref(int.0);
            let negative = value.sign() == Sign::Minus;
            if negative && !default && flags & REJECT_NEGATIVE != 0 {
                return Err(vm.new_value_error("Cannot convert negative int"));
            }
            let unsigned = !negative && (default || flags & UNSIGNED_BUFFER != 0);
            let needed = needed_bytes(&value, compact, size.max(0) as usize, unsigned);
            let mut bytes = value.to_signed_bytes_le();
            let fill = if negative { 0xFF } else { 0 };
            bytes.resize(size.max(0) as usize, fill);
            if !default && flags & NATIVE_ENDIAN == 0 {
                bytes.reverse();
            }
            if size > 0 {
                buffer.cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), size as usize);
            }
            Ok(needed as isize)
        }
    })
}

/// How many bytes CPython asks for when `size` are offered: it counts a bit for the sign, and looks closer only if that asks for
/// one byte too many; for small values it asks for a whole word.
fn needed_bytes(value: &BigInt, compact: bool, size: usize, unsigned: bool) -> usize {
    let fits_signed = value.to_signed_bytes_le().len() <= size;
    let fits_bare = value.sign() != Sign::Minus && value.bits() as usize <= 8 * size;
    if compact {
        return match size {
            1..8 if fits_signed => size,
            1..8 if fits_bare => size + usize::from(!unsigned),
            _ => size_of::<usize>(),
        };
    }
    let asked = value.bits() as usize / 8 + 1;
    let is_enough = size > 0 && asked == size + 1 && (fits_signed || (unsigned && fits_bare));
    if is_enough { size } else { asked }
}

/// A new int from `size` bytes of two's complement.
pub unsafe extern "C" fn PyLong_FromNativeBytes(buffer: *const c_void, size: usize, flags: c_int) -> New {
    // SAFETY: C's arguments.
    unsafe { from_bytes(buffer, size, flags, flags != -1 && flags & UNSIGNED_BUFFER != 0) }
}

/// A new int from `size` bytes without sign.
pub unsafe extern "C" fn PyLong_FromUnsignedNativeBytes(buffer: *const c_void, size: usize, flags: c_int) -> New {
    // SAFETY: C's arguments.
    unsafe { from_bytes(buffer, size, flags, true) }
}

unsafe fn from_bytes(buffer: *const c_void, size: usize, flags: c_int, unsigned: bool) -> New {
    api(|vm| {
        let size = isize::try_from(size).map_err(|_| vm.new_overflow_error("byte array too long to convert to int"))?;
        // SAFETY: by the caller's contract.
        let mut bytes = memory::copied(vm, unsafe { super::unicodeobject::bytes(buffer.cast(), size) })?;
        if flags != -1 && flags & LITTLE_ENDIAN == 0 {
            bytes.reverse();
        }
        Ok(New(long::from_bigint(&if unsigned {
            BigInt::from_bytes_le(Sign::Plus, &bytes)
        } else {
            BigInt::from_signed_bytes_le(&bytes)
        })))
    })
}

/// A new int from `size` bytes.
pub unsafe extern "C" fn _PyLong_FromByteArray(bytes: *const u8, size: usize, little: c_int, signed: c_int) -> New {
    // SAFETY: C's arguments.
    unsafe { from_bytes(bytes.cast(), size, if little != 0 { LITTLE_ENDIAN } else { 0 }, signed == 0) }
}

/// Writes an int into `size` bytes. 0; -1 if it does not fit, with an exception if that is wanted.
pub unsafe extern "C" fn _PyLong_AsByteArray(
    number: Borrowed,
    to: *mut u8,
    size: usize,
    little: c_int,
    signed: c_int,
    raises: c_int,
) -> c_int {
    api(|vm| {
        let refuse = |message: &'static str| {
            if raises != 0 { Err(vm.new_overflow_error(message)) } else { Ok(-1) }
        };
        // SAFETY: an int, by contract; C's arguments.
        unsafe {
            let value = long::to_bigint(number.0);
            let negative = value.sign() == Sign::Minus;
            if negative && signed == 0 {
                return refuse("can't convert negative int to unsigned");
            }
            let mut bytes = value.to_signed_bytes_le();
            if signed == 0 && bytes.len() == size + 1 && bytes[size] == 0 {
                bytes.pop();
            }
            let fits = bytes.len() <= size || value.sign() == Sign::NoSign;
            bytes.resize(size, if negative { 0xFF } else { 0 });
            if little == 0 {
                bytes.reverse();
            }
            to.copy_from_nonoverlapping(bytes.as_ptr(), size);
            if fits { Ok(0) } else { refuse("int too big to convert") }
        }
    })
}
