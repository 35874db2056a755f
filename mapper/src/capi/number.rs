//! `abstract.h`: numbers.

use super::prelude::*;
use rustpython_vm::builtins::{PyIntRef, PyType};
use rustpython_vm::convert::ToPyObject;
use rustpython_vm::protocol::PyNumber;
use rustpython_vm::{Py, PyObject};

/// Applies an operator to one operand.
fn unary(operand: Borrowed, operator: impl FnOnce(&VirtualMachine, &PyObject) -> PyResult) -> New {
    api(|vm| {
        let operand = operand.held(vm)?;
        let result = leave_for(vm, [&*operand], || operator(vm, &operand))?;
        Ok(New::of(vm, result))
    })
}

pub(super) type Binary = fn(&VirtualMachine, &PyObject, &PyObject) -> PyResult;
type Ternary = fn(&VirtualMachine, &PyObject, &PyObject, &PyObject) -> PyResult;

/// Applies an operator to two operands.
fn binary(a: Borrowed, b: Borrowed, operator: Binary) -> New {
    api(|vm| {
        let (a, b) = (a.held(vm)?, b.held(vm)?);
        let result = leave_for(vm, [&*a, &*b], || operator(vm, &a, &b))?;
        Ok(New::of(vm, result))
    })
}

/// Applies an operator that may change its left operand.
pub(super) fn in_place(left: Borrowed, right: Borrowed, operator: Binary) -> New {
    api(|vm| {
        let (a, b) = (left.held(vm)?, right.held(vm)?);
        let result = leave_for(vm, [&*a, &*b], || operator(vm, &a, &b))?;
        // SAFETY: C's arguments.
        unsafe { store::touched(vm, left.0) };
        Ok(New::of(vm, result))
    })
}

/// Applies an operator to three operands.
fn ternary(a: Borrowed, b: Borrowed, c: Borrowed, operator: Ternary) -> New {
    api(|vm| {
        let (a, b, c) = (a.held(vm)?, b.held(vm)?, c.held(vm)?);
        let result = leave(vm, || operator(vm, &a, &b, &c))?;
        Ok(New::of(vm, result))
    })
}

/// Whether an object is a number: whether its type has `__index__`, `__int__` or `__float__`, or it is complex.
pub unsafe extern "C" fn PyNumber_Check(object: Borrowed) -> c_int {
    if object.is_null() {
        return 0;
    }
    infallible(0, |vm| Ok(PyNumber::check(&*object.held(vm)?).into()))
}

/// `a + b`.
pub unsafe extern "C" fn PyNumber_Add(a: Borrowed, b: Borrowed) -> New {
    binary(a, b, VirtualMachine::_add)
}

/// `a - b`.
pub unsafe extern "C" fn PyNumber_Subtract(a: Borrowed, b: Borrowed) -> New {
    binary(a, b, VirtualMachine::_sub)
}

/// `a * b`.
pub unsafe extern "C" fn PyNumber_Multiply(a: Borrowed, b: Borrowed) -> New {
    binary(a, b, VirtualMachine::_mul)
}

/// `a @ b`.
pub unsafe extern "C" fn PyNumber_MatrixMultiply(a: Borrowed, b: Borrowed) -> New {
    binary(a, b, VirtualMachine::_matmul)
}

/// `a // b`.
pub unsafe extern "C" fn PyNumber_FloorDivide(a: Borrowed, b: Borrowed) -> New {
    binary(a, b, VirtualMachine::_floordiv)
}

/// `a / b`.
pub unsafe extern "C" fn PyNumber_TrueDivide(a: Borrowed, b: Borrowed) -> New {
    binary(a, b, VirtualMachine::_truediv)
}

/// `a % b`.
pub unsafe extern "C" fn PyNumber_Remainder(a: Borrowed, b: Borrowed) -> New {
    binary(a, b, VirtualMachine::_mod)
}

/// `a << b`.
pub unsafe extern "C" fn PyNumber_Lshift(a: Borrowed, b: Borrowed) -> New {
    binary(a, b, VirtualMachine::_lshift)
}

/// `a >> b`.
pub unsafe extern "C" fn PyNumber_Rshift(a: Borrowed, b: Borrowed) -> New {
    binary(a, b, VirtualMachine::_rshift)
}

/// `a & b`.
pub unsafe extern "C" fn PyNumber_And(a: Borrowed, b: Borrowed) -> New {
    binary(a, b, VirtualMachine::_and)
}

/// `a ^ b`.
pub unsafe extern "C" fn PyNumber_Xor(a: Borrowed, b: Borrowed) -> New {
    binary(a, b, VirtualMachine::_xor)
}

/// `a | b`.
pub unsafe extern "C" fn PyNumber_Or(a: Borrowed, b: Borrowed) -> New {
    binary(a, b, VirtualMachine::_or)
}

/// `divmod(a, b)`.
pub unsafe extern "C" fn PyNumber_Divmod(a: Borrowed, b: Borrowed) -> New {
    binary(a, b, VirtualMachine::_divmod)
}

/// `pow(a, b, c)`; `c` is None for two arguments.
pub unsafe extern "C" fn PyNumber_Power(a: Borrowed, b: Borrowed, c: Borrowed) -> New {
    ternary(a, b, c, VirtualMachine::_pow)
}

/// `-operand`.
pub unsafe extern "C" fn PyNumber_Negative(operand: Borrowed) -> New {
    unary(operand, VirtualMachine::_neg)
}

/// `+operand`.
pub unsafe extern "C" fn PyNumber_Positive(operand: Borrowed) -> New {
    unary(operand, VirtualMachine::_pos)
}

/// `abs(operand)`.
pub unsafe extern "C" fn PyNumber_Absolute(operand: Borrowed) -> New {
    unary(operand, VirtualMachine::_abs)
}

/// `~operand`.
pub unsafe extern "C" fn PyNumber_Invert(operand: Borrowed) -> New {
    unary(operand, VirtualMachine::_invert)
}

/// The managed int that an object stands for by `__index__`.
fn index(vm: &VirtualMachine, object: Borrowed) -> PyResult<PyIntRef> {
    let object = object.held(vm)?;
    leave(vm, || object.try_index(vm))
}

/// The object itself if it is an exact int.
unsafe fn exact_int(object: Borrowed) -> Option<New> {
    // SAFETY: C's arguments.
    (!object.is_null() && unsafe { (*object.0).ob_type } == statics().long).then(|| object.again())
}

/// `operator.index(object)`: an exact int.
pub unsafe extern "C" fn PyNumber_Index(object: Borrowed) -> New {
    // SAFETY: C's arguments.
    if let Some(same) = unsafe { exact_int(object) } {
        return same;
    }
    api(|vm| {
        let value = index(vm, object)?;
        // What `__index__` returned may still be of a subclass.
        if value.class().is(vm.ctx.types.int_type) {
            return Ok(New::of(vm, value));
        }
        Ok(New(crate::twins::forms::long::from_bigint(value.as_bigint())))
    })
}

/// Like [`PyNumber_Index`], but an instance of a subclass of int is returned as it is.
pub unsafe extern "C" fn _PyNumber_Index(object: Borrowed) -> New {
    // SAFETY: C's arguments.
    if !object.is_null() && unsafe { Kind::of(object.0) } == Kind::Long {
        return object.again();
    }
    api(|vm| Ok(New::of(vm, index(vm, object)?)))
}

/// An object's value by `__index__` as a `Py_ssize_t`. Out of range, it is clipped if `exception` is NULL, else that
/// is raised.
pub unsafe extern "C" fn PyNumber_AsSsize_t(object: Borrowed, exception: Borrowed) -> isize {
    // SAFETY: C's arguments.
    unsafe {
        if !object.is_null()
            && Kind::of(object.0) == Kind::Long
            && let Some(value) = crate::twins::forms::long::to_i64(object.0)
        {
            return value as isize;
        }
    }
    api(|vm| as_isize(vm, object, exception))
}

/// The part of [`PyNumber_AsSsize_t`] for what is no small int.
pub(crate) fn as_isize(vm: &VirtualMachine, object: Borrowed, exception: Borrowed) -> PyResult<isize> {
    let value = index(vm, object)?;
    let value = value.as_bigint();
    if let Ok(value) = isize::try_from(value) {
        return Ok(value);
    }
    if exception.is_null() {
        return Ok(if value.sign() == malachite_bigint::Sign::Minus { isize::MIN } else { isize::MAX });
    }
    let name = object.held(vm)?.class().slot_name().to_string();
    let message = format!("cannot fit '{name}' into an index-sized integer");
    Err(vm.new_exception_msg(exception.class(vm)?, message.into()))
}

/// `int(object)`.
pub unsafe extern "C" fn PyNumber_Long(object: Borrowed) -> New {
    // SAFETY: C's arguments.
    if let Some(same) = unsafe { exact_int(object) } {
        return same;
    }
    unary(object, |vm, object| {
        let value = object.try_int(vm)?;
        if value.class().is(vm.ctx.types.int_type) {
            return Ok(value.into());
        }
        Ok(vm.ctx.new_bigint(value.as_bigint()).into())
    })
}

/// `float(object)`.
pub unsafe extern "C" fn PyNumber_Float(object: Borrowed) -> New {
    // SAFETY: C's arguments.
    if !object.is_null() && unsafe { (*object.0).ob_type } == statics().float {
        return object.again();
    }
    unary(object, |vm, object| leave(vm, || vm.ctx.types.float_type.as_object().call((object.to_owned(),), vm)))
}

/// `a += b`: what `a` becomes.
pub unsafe extern "C" fn PyNumber_InPlaceAdd(a: Borrowed, b: Borrowed) -> New {
    in_place(a, b, VirtualMachine::_iadd)
}

/// `a -= b`: what `a` becomes.
pub unsafe extern "C" fn PyNumber_InPlaceSubtract(a: Borrowed, b: Borrowed) -> New {
    in_place(a, b, VirtualMachine::_isub)
}

/// `a *= b`: what `a` becomes.
pub unsafe extern "C" fn PyNumber_InPlaceMultiply(a: Borrowed, b: Borrowed) -> New {
    in_place(a, b, VirtualMachine::_imul)
}

/// `a @= b`: what `a` becomes.
pub unsafe extern "C" fn PyNumber_InPlaceMatrixMultiply(a: Borrowed, b: Borrowed) -> New {
    in_place(a, b, VirtualMachine::_imatmul)
}

/// `a //= b`: what `a` becomes.
pub unsafe extern "C" fn PyNumber_InPlaceFloorDivide(a: Borrowed, b: Borrowed) -> New {
    in_place(a, b, VirtualMachine::_ifloordiv)
}

/// `a /= b`: what `a` becomes.
pub unsafe extern "C" fn PyNumber_InPlaceTrueDivide(a: Borrowed, b: Borrowed) -> New {
    in_place(a, b, VirtualMachine::_itruediv)
}

/// `a %= b`: what `a` becomes.
pub unsafe extern "C" fn PyNumber_InPlaceRemainder(a: Borrowed, b: Borrowed) -> New {
    in_place(a, b, VirtualMachine::_imod)
}

/// `a <<= b`: what `a` becomes.
pub unsafe extern "C" fn PyNumber_InPlaceLshift(a: Borrowed, b: Borrowed) -> New {
    in_place(a, b, VirtualMachine::_ilshift)
}

/// `a >>= b`: what `a` becomes.
pub unsafe extern "C" fn PyNumber_InPlaceRshift(a: Borrowed, b: Borrowed) -> New {
    in_place(a, b, VirtualMachine::_irshift)
}

/// `a &= b`: what `a` becomes.
pub unsafe extern "C" fn PyNumber_InPlaceAnd(a: Borrowed, b: Borrowed) -> New {
    in_place(a, b, VirtualMachine::_iand)
}

/// `a ^= b`: what `a` becomes.
pub unsafe extern "C" fn PyNumber_InPlaceXor(a: Borrowed, b: Borrowed) -> New {
    in_place(a, b, VirtualMachine::_ixor)
}

/// `a |= b`: what `a` becomes.
pub unsafe extern "C" fn PyNumber_InPlaceOr(a: Borrowed, b: Borrowed) -> New {
    in_place(a, b, VirtualMachine::_ior)
}

/// Whether a class's `__ipow__` is a Python function: the class is made in Python, and has not the slot of a base that is not.
fn is_of_python(class: &Py<PyType>) -> bool {
    let slot = |class: &Py<PyType>| class.slots.as_number.inplace_power.load().map(|f| f as usize);
    let made_in_python = |class: &Py<PyType>| class.heaptype_ext.is_some() && !types::is_of_c(class);
    let mut bases = std::iter::successors(Some(class), |class| class.base.deref());
    made_in_python(class) && bases.find(|class| !made_in_python(class)).is_none_or(|base| slot(base) != slot(class))
}

/// `a **= b`, or with `c` other than None `pow(a, b, c)`.
pub unsafe extern "C" fn PyNumber_InPlacePower(a: Borrowed, b: Borrowed, c: Borrowed) -> New {
    ternary(a, b, c, |vm, a, b, c| match a.class().slots.as_number.inplace_power.load() {
        // `__ipow__` of Python gets no modulus.
        Some(f) if is_of_python(a.class()) => {
            let result = f(a, b, &vm.ctx.none(), vm)?;
            if result.is(&vm.ctx.not_implemented) { vm._pow(a, b, c) } else { Ok(result) }
        }
        _ => vm._ipow(a, b, c),
    })
}

/// An int as text in base 2, 8, 10 or 16, with its prefix.
pub unsafe extern "C" fn PyNumber_ToBase(object: Borrowed, base: c_int) -> New {
    api(|vm| {
        if !matches!(base, 2 | 8 | 10 | 16) {
            return Err(vm.new_system_error("PyNumber_ToBase: base must be 2, 8, 10 or 16"));
        }
        let value = index(vm, object)?;
        let value = value.as_bigint();
        let text = match base {
            2 => format!("{value:#b}"),
            8 => format!("{value:#o}"),
            16 => format!("{value:#x}"),
            _ => {
                let exact = vm.ctx.new_bigint(value).to_pyobject(vm);
                return Ok(New::of(vm, leave(vm, || exact.str(vm))?));
            }
        };
        crate::twins::forms::unicode::from_ascii(text.as_bytes()).map(New).ok_or_else(|| vm.no_memory_error())
    })
}
