//! `cpython/longobject.h`: ints as digits.

use super::prelude::*;
use super::support::memory::zeros;
use crate::twins::forms::long;

/// `PyLongExport`.
#[repr(C)]
pub struct LongExport {
    value: i64,
    negative: u8,
    count: isize,
    digits: *const u32,
    kept: usize,
}

/// `PyLongLayout`: bits of a digit, bytes of a digit, order of digits and of their bytes (-1: least first).
#[repr(C)]
pub struct LongLayout([i8; 4]);

/// How digits are laid out.
pub unsafe extern "C" fn PyLong_GetNativeLayout() -> *const LongLayout {
    static LAYOUT: LongLayout = LongLayout([long::SHIFT as i8, 4, -1, -1]);
    &LAYOUT
}

/// An int's value, or its digits, which stay until [`PyLong_FreeExport`]. 0, or -1 with an exception.
pub unsafe extern "C" fn PyLong_Export(number: Borrowed, export: *mut LongExport) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        if Kind::of(number.0) != Kind::Long {
            let name = text::of_c((*(*number.0).ob_type).tp_name);
            return Err(vm.new_type_error(format!("expect int, got {name}")));
        }
        let null = std::ptr::null();
        *export = match long::to_i64(number.0) {
            Some(value) => LongExport { value, negative: 0, count: 0, digits: null, kept: 0 },
            None => {
                let (sign, digits) = long::parts(number.0);
                let kept = number.again().0 as usize;
                let (negative, count) = (u8::from(sign < 0), digits.len() as isize);
                LongExport { value: 0, negative, count, digits: digits.as_ptr(), kept }
            }
        };
        Ok(0)
    })
}

/// Ends what [`PyLong_Export`] began.
pub unsafe extern "C" fn PyLong_FreeExport(export: *mut LongExport) {
    // SAFETY: C's argument; the reference is the export's.
    unsafe {
        let kept = std::mem::replace(&mut (*export).kept, 0);
        dealloc::xdecref(kept as Block);
    }
}

/// The most digits that an int can have: so many that the number of its bits is one of 64.
const LARGEST: isize = (i64::MAX as isize - 1) / long::SHIFT as isize;

/// An int in the making: room for digits.
pub struct LongWriter {
    negative: bool,
    digits: Vec<u32>,
}

/// Begins an int of `count` digits, which the caller writes to `*digits`; NULL with an exception.
pub unsafe extern "C" fn PyLongWriter_Create(
    negative: c_int,
    count: isize,
    digits: *mut *mut c_void,
) -> *mut LongWriter {
    api(|vm| {
        if count <= 0 {
            return Err(vm.new_value_error("ndigits must be positive"));
        }
        if count > LARGEST {
            return Err(vm.new_overflow_error("too many digits in integer"));
        }
        let mut writer = Box::new(LongWriter { negative: negative != 0, digits: zeros(vm, count as usize)? });
        // SAFETY: C's argument.
        unsafe { *digits = writer.digits.as_mut_ptr().cast() };
        Ok(Box::into_raw(writer))
    })
}

/// Ends an int in the making; gives it as a new reference.
pub unsafe extern "C" fn PyLongWriter_Finish(writer: *mut LongWriter) -> New {
    // SAFETY: C's argument, made by `PyLongWriter_Create`.
    let writer = unsafe { Box::from_raw(writer) };
    long::from_digits(writer.negative, &writer.digits).map_or_else(no_memory, New)
}

/// Gives an int in the making up; NULL is left alone.
pub unsafe extern "C" fn PyLongWriter_Discard(writer: *mut LongWriter) {
    if !writer.is_null() {
        // SAFETY: as for `PyLongWriter_Finish`.
        drop(unsafe { Box::from_raw(writer) });
    }
}

/// A new int from digits.
pub unsafe extern "C" fn _PyLong_FromDigits(negative: c_int, count: isize, digits: *const u32) -> New {
    // SAFETY: C's arguments.
    let digits = if count > 0 { unsafe { std::slice::from_raw_parts(digits, count as usize) } } else { &[] };
    long::from_digits(negative != 0, digits).map_or_else(no_memory, New)
}
