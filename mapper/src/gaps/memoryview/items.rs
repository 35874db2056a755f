//! Single items of native formats: what they are read as, what may be written.

use num_traits::ToPrimitive;
use rustpython_vm::buffer::FormatSpec;
use rustpython_vm::builtins::{PyBytes, PyFloat, PyInt};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};

/// The size of an item.
pub(super) fn size(code: u8) -> usize {
    match code {
        b'c' | b'b' | b'B' | b'?' => 1,
        b'h' | b'H' | b'e' => 2,
        b'i' | b'I' | b'f' => 4,
        _ => 8,
    }
}

/// Whether equal items have equal bytes.
pub(super) fn has_one_form(code: u8) -> bool {
    !b"fde?".contains(&code)
}

/// Reads a value of a type that C has.
macro_rules! read {
    ($at:expr, $type:ty) => {
        // SAFETY: by the contract of the function around it.
        unsafe { $at.cast::<$type>().read_unaligned() }
    };
}

/// An item as an object.
///
/// # Safety
/// `at` is an item of the format whose code is `code`.
pub(super) unsafe fn unpack(vm: &VirtualMachine, code: u8, at: *const u8) -> PyResult {
    let ctx = &vm.ctx;
    Ok(match code {
        b'B' => ctx.new_int(read!(at, u8)).into(),
        b'b' => ctx.new_int(read!(at, i8)).into(),
        b'h' => ctx.new_int(read!(at, i16)).into(),
        b'H' => ctx.new_int(read!(at, u16)).into(),
        b'i' => ctx.new_int(read!(at, i32)).into(),
        b'I' => ctx.new_int(read!(at, u32)).into(),
        b'l' | b'q' | b'n' => ctx.new_int(read!(at, i64)).into(),
        b'L' | b'Q' | b'N' | b'P' => ctx.new_int(read!(at, u64)).into(),
        b'f' => ctx.new_float(f64::from(read!(at, f32))).into(),
        b'd' => ctx.new_float(read!(at, f64)).into(),
        b'?' => ctx.new_bool(read!(at, u8) != 0).into(),
        b'c' => ctx.new_bytes(vec![read!(at, u8)]).into(),
        _ => half(vm, read!(at, [u8; 2]))?,
    })
}

/// A float of 16 bits.
fn half(vm: &VirtualMachine, bytes: [u8; 2]) -> PyResult {
    Ok(FormatSpec::parse(b"e", vm)?.unpack(&bytes, vm)?.as_slice()[0].clone())
}

/// Whether two items of the same format are equal.
///
/// # Safety
/// Both are items of the format whose code is `code`.
pub(super) unsafe fn are_equal(vm: &VirtualMachine, code: u8, a: *const u8, b: *const u8) -> PyResult<bool> {
    Ok(match code {
        b'f' => read!(a, f32) == read!(b, f32),
        b'd' => read!(a, f64) == read!(b, f64),
        b'?' => (read!(a, u8) != 0) == (read!(b, u8) != 0),
        b'e' => {
            let (a, b) = (half(vm, read!(a, [u8; 2]))?, half(vm, read!(b, [u8; 2]))?);
            let value = |object: &PyObjectRef| object.downcast_ref::<PyFloat>().map(|it| it.to_f64());
            value(&a) == value(&b)
        }
        _ => {
            let size = size(code);
            // SAFETY: by contract.
            unsafe { std::slice::from_raw_parts(a, size) == std::slice::from_raw_parts(b, size) }
        }
    })
}

/// Whether making an item of an object runs no Python code.
pub(super) fn is_plain(vm: &VirtualMachine, value: &PyObject) -> bool {
    let class = value.class();
    let types = &vm.ctx.types;
    [types.int_type, types.float_type, types.bytes_type, types.bool_type].iter().any(|it| class.is(*it))
}

/// An object as an item; the first [`size`] bytes count. May run Python code.
pub(super) fn pack(vm: &VirtualMachine, format: &str, code: u8, value: &PyObject) -> PyResult<[u8; 8]> {
    let number = |low: i128, high: i128| -> PyResult<[u8; 8]> {
        let number = value.try_index(vm).map_err(|error| refusal(vm, format, error))?;
        integer(&number, low, high).ok_or_else(|| bad_value(vm, format))
    };
    let float = || value.try_float(vm).map(|it| it.to_f64()).map_err(|error| refusal(vm, format, error));
    let mut bytes = [0; 8];
    match code {
        b'B' => return number(0, u8::MAX.into()),
        b'b' => return number(i8::MIN.into(), i8::MAX.into()),
        b'h' => return number(i16::MIN.into(), i16::MAX.into()),
        b'H' => return number(0, u16::MAX.into()),
        b'i' => return number(i32::MIN.into(), i32::MAX.into()),
        b'I' => return number(0, u32::MAX.into()),
        b'l' | b'q' | b'n' => return number(i64::MIN.into(), i64::MAX.into()),
        b'L' | b'Q' | b'N' => return number(0, u64::MAX.into()),
        b'P' if !value.downcastable::<PyInt>() => return Err(bad_type(vm, format)),
        b'P' => return number(i64::MIN.into(), u64::MAX.into()),
        b'f' => bytes[..4].copy_from_slice(&(float()? as f32).to_ne_bytes()),
        b'd' => bytes.copy_from_slice(&float()?.to_ne_bytes()),
        b'?' => bytes[0] = u8::from(value.to_owned().try_to_bool(vm)?),
        b'c' => {
            let Some(text) = value.downcast_ref::<PyBytes>() else { return Err(bad_type(vm, format)) };
            let [byte] = *text.as_bytes() else { return Err(bad_value(vm, format)) };
            bytes[0] = byte;
        }
        _ => {
            let value: PyObjectRef = vm.ctx.new_float(float()?).into();
            let packed = FormatSpec::parse(b"e", vm)?.pack(vec![value], vm).map_err(|_| bad_value(vm, format))?;
            bytes[..2].copy_from_slice(&packed);
        }
    }
    Ok(bytes)
}

/// An int's bytes, if it is within limits.
fn integer(number: &PyInt, low: i128, high: i128) -> Option<[u8; 8]> {
    let number = number.as_bigint().to_i128().filter(|number| (low..=high).contains(number))?;
    Some((number as u64).to_ne_bytes())
}

type Error = rustpython_vm::builtins::PyBaseExceptionRef;

fn bad_type(vm: &VirtualMachine, format: &str) -> Error {
    vm.new_type_error(format!("memoryview: invalid type for format '{format}'"))
}

fn bad_value(vm: &VirtualMachine, format: &str) -> Error {
    vm.new_value_error(format!("memoryview: invalid value for format '{format}'"))
}

/// What is raised for an object that cannot be made a number.
fn refusal(vm: &VirtualMachine, format: &str, error: Error) -> Error {
    let is = |class| error.fast_isinstance(class);
    if is(vm.ctx.exceptions.type_error) {
        bad_type(vm, format)
    } else if is(vm.ctx.exceptions.overflow_error) || is(vm.ctx.exceptions.value_error) {
        bad_value(vm, format)
    } else {
        error
    }
}
