//! Ints: blocks of 30-bit digits (`cpython/longintrepr.h`), and back. -5 to 256 have one immortal block each.

use std::sync::OnceLock;

use malachite_bigint::{BigInt, Sign};
use num_traits::ToPrimitive as _;
use rustpython_vm::builtins::PyInt;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::abi::statics::statics;
use crate::heap::block::{self, Block, flag, header_of};
use crate::heap::form::{Form, Half};
use crate::lifetime::handle;
use crate::twins::forms::object::allocate_derived;
use crate::twins::forms::payload::bound;

/// Bits of a digit.
pub const SHIFT: u32 = 30;
/// The bits of a digit that count.
pub const MASK: u32 = (1 << SHIFT) - 1;
const SMALLEST: i64 = -5;
const LARGEST: i64 = 256;
const DIGITS: usize =
    std::mem::offset_of!(c::PyLongObject, long_value) + std::mem::offset_of!(c::_PyLongValue, ob_digit);

/// Ints.
pub(super) static FORM: Form =
    Form { sizes: (24, 4), subclass_flag: c::tpflags::LONG_SUBCLASS, make, value: Some(value), wrap, ..Form::EMPTY };

/// The bit of `lv_tag` that says of a small int that it never ends.
const IMMORTAL: usize = 1 << 2;

static SMALL: OnceLock<Vec<usize>> = OnceLock::new();

/// Makes the immortal blocks.
pub(crate) fn prepare(vm: &VirtualMachine) {
    SMALL.get_or_init(|| {
        (SMALLEST..=LARGEST)
            .map(|value| {
                let made = new_i64_block(value);
                let twin: PyObjectRef = vm.ctx.new_int(value).into();
                // SAFETY: a fresh block; the twin's reference is never given back.
                unsafe {
                    handle::immortalize(made);
                    (*made.cast::<c::PyLongObject>()).long_value.lv_tag |= IMMORTAL;
                    let header = header_of(made);
                    header.set_twin(twin.as_object());
                    header.set(flag::OWNS_TWIN | flag::PINNED);
                }
                std::mem::forget(twin);
                made as usize
            })
            .collect()
    });
}

#[inline]
fn small(value: i64) -> Option<Block> {
    if !(SMALLEST..=LARGEST).contains(&value) {
        return None;
    }
    SMALL.get().map(|blocks| blocks[(value - SMALLEST) as usize] as Block)
}

/// A block for a value: an immortal one, or a new one with a count of 1 and no twin.
#[inline]
pub fn from_i64(value: i64) -> Block {
    small(value).unwrap_or_else(|| new_i64_block(value))
}

/// A block for an unsigned value.
pub fn from_u64(value: u64) -> Block {
    match i64::try_from(value) {
        Ok(value) => from_i64(value),
        Err(_) => {
            let digits = [value as u32 & MASK, (value >> SHIFT) as u32 & MASK, (value >> (2 * SHIFT)) as u32];
            new_digits_block(false, &digits, statics().long)
        }
    }
}

#[inline]
fn new_i64_block(value: i64) -> Block {
    let size = value.unsigned_abs();
    let digits = [size as u32 & MASK, (size >> SHIFT) as u32 & MASK, (size >> (2 * SHIFT)) as u32];
    let count = if digits[2] != 0 {
        3
    } else if digits[1] != 0 {
        2
    } else {
        1
    };
    new_digits_block(value < 0, &digits[..count], statics().long)
}

/// A new block from digits, least significant first, the last one not 0 unless it is the only one. None if
/// memory is out.
#[inline]
fn try_digits_block(negative: bool, digits: &[u32], kind: *mut c::PyTypeObject) -> Option<Block> {
    let size = DIGITS + 4 * digits.len().max(2);
    let made = if kind == statics().long {
        block::allocate_uninit(size, 0)
    } else {
        // SAFETY: the callers give ready types.
        unsafe { allocate_derived(kind, size, digits.len()) }
    };
    if made.is_null() {
        return None;
    }
    // SAFETY: fresh memory for the head and the digits.
    unsafe {
        let object = made.cast::<c::PyLongObject>();
        (*object).ob_base = c::PyObject { ob_refcnt: 1, ob_overflow: 0, ob_flags: 0, ob_type: kind };
        let zero = digits == [0];
        let sign = if zero { 1 } else { usize::from(negative) * 2 };
        (*object).long_value.lv_tag = (if zero { 0 } else { digits.len() }) << 3 | sign;
        made.cast::<u8>().add(DIGITS).cast::<u32>().copy_from_nonoverlapping(digits.as_ptr(), digits.len());
    }
    Some(made)
}

/// [`try_digits_block`] for a number that is in memory already.
#[inline]
fn new_digits_block(negative: bool, digits: &[u32], kind: *mut c::PyTypeObject) -> Block {
    try_digits_block(negative, digits, kind).expect("memory for an int")
}

/// A block from digits, least significant first, of which the last ones may be 0. None if memory is out.
pub fn from_digits(negative: bool, digits: &[u32]) -> Option<Block> {
    let used = digits.iter().rposition(|digit| *digit != 0).map_or(0, |last| last + 1);
    if used <= 1 {
        let value = i64::from(digits.first().copied().unwrap_or(0));
        return Some(from_i64(if negative { -value } else { value }));
    }
    try_digits_block(negative, &digits[..used], statics().long)
}

/// The immortal block of a managed int, if it has one.
#[inline]
pub fn small_block(value: &BigInt) -> Option<Block> {
    value.to_i64().and_then(small)
}

/// A block for a managed int that has no [small one](small_block), with a count of 1 and no twin yet.
#[inline]
pub fn new_block(value: &BigInt) -> Block {
    match value.to_i64() {
        Some(value) => new_i64_block(value),
        None => new_big_block(value, statics().long),
    }
}

/// A block for a big int of any size.
pub fn from_bigint(value: &BigInt) -> Block {
    small_block(value).unwrap_or_else(|| new_block(value))
}

fn new_big_block(value: &BigInt, kind: *mut c::PyTypeObject) -> Block {
    let mut digits = Vec::new();
    let (mut carry, mut bits) = (0u128, 0);
    for word in value.magnitude().iter_u64_digits() {
        carry |= u128::from(word) << bits;
        bits += 64;
        while bits >= SHIFT {
            digits.push(carry as u32 & MASK);
            carry >>= SHIFT;
            bits -= SHIFT;
        }
    }
    if carry != 0 {
        digits.push(carry as u32);
    }
    while digits.len() > 1 && digits.last() == Some(&0) {
        digits.pop();
    }
    if digits.is_empty() {
        digits.push(0);
    }
    new_digits_block(value.sign() == Sign::Minus, &digits, kind)
}

/// A block for an instance of a subclass of int: exact ones have a way of their own, and bool's two values are static.
unsafe fn make(_: &VirtualMachine, object: &PyObject, class: *mut c::PyTypeObject) -> Block {
    // SAFETY: the kind says what the payload is.
    let int = unsafe { object.downcast_unchecked_ref::<PyInt>() };
    new_big_block(int.as_bigint(), class)
}

unsafe fn wrap(_: &VirtualMachine, block: Block, half: Half) -> PyResult {
    // SAFETY: an int's block.
    Ok(bound(PyInt::from(unsafe { to_bigint(block) }), block, half))
}

unsafe fn value(vm: &VirtualMachine, block: Block, _: bool) -> PyResult {
    // SAFETY: as above.
    Ok(unsafe { to_managed(vm, block) })
}

/// An int block's sign (-1, 0, 1) and digits, least significant first.
///
/// # Safety
/// `block` is an int's, or a subclass's, and stays alive.
#[inline]
pub unsafe fn parts<'a>(block: Block) -> (i32, &'a [u32]) {
    // SAFETY: by contract.
    unsafe {
        let tag = (*block.cast::<c::PyLongObject>()).long_value.lv_tag;
        let digits = std::slice::from_raw_parts(block.cast::<u8>().add(DIGITS).cast::<u32>(), tag >> 3);
        (1 - (tag & 3) as i32, digits)
    }
}

/// The value of an int block if it fits.
///
/// # Safety
/// As for [`parts`].
#[inline]
pub unsafe fn to_i64(block: Block) -> Option<i64> {
    // SAFETY: by contract.
    let (sign, digits) = unsafe { parts(block) };
    match *digits {
        [] => Some(0),
        [low] => Some(i64::from(sign) * i64::from(low)),
        [low, high] => Some(i64::from(sign) * (i64::from(high) << SHIFT | i64::from(low))),
        _ => to_i128(sign, digits).and_then(|value| i64::try_from(value).ok()),
    }
}

/// The value of an int block if it fits.
///
/// # Safety
/// As for [`parts`].
pub unsafe fn to_u64(block: Block) -> Option<u64> {
    // SAFETY: by contract.
    let (sign, digits) = unsafe { parts(block) };
    to_i128(sign, digits).and_then(|value| u64::try_from(value).ok())
}

fn to_i128(sign: i32, digits: &[u32]) -> Option<i128> {
    if digits.len() > 4 {
        return None;
    }
    let size = digits.iter().rev().fold(0i128, |value, digit| value << SHIFT | i128::from(*digit));
    Some(size * i128::from(sign))
}

/// The value of an int block.
///
/// # Safety
/// As for [`parts`].
pub unsafe fn to_bigint(block: Block) -> BigInt {
    // SAFETY: by contract.
    let (sign, digits) = unsafe { parts(block) };
    if let Some(value) = to_i128(sign, digits) {
        return BigInt::from(value);
    }
    let mut words = Vec::with_capacity(digits.len());
    let (mut carry, mut bits) = (0u64, 0);
    for digit in digits {
        carry |= u64::from(*digit) << bits;
        bits += SHIFT;
        if bits >= 32 {
            words.push(carry as u32);
            carry >>= 32;
            bits -= 32;
        }
    }
    words.push(carry as u32);
    BigInt::from_slice(if sign < 0 { Sign::Minus } else { Sign::Plus }, &words)
}

/// A managed int with the value of a block.
///
/// # Safety
/// As for [`parts`].
pub unsafe fn to_managed(vm: &VirtualMachine, block: Block) -> PyObjectRef {
    // SAFETY: by contract.
    unsafe {
        match to_i64(block) {
            Some(value) => vm.ctx.new_int(value).into(),
            None => vm.ctx.new_bigint(&to_bigint(block)).into(),
        }
    }
}
