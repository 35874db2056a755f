//! The suite of numbers of builtin types.

use std::ffi::c_int;
use std::mem::transmute;

use rustpython_vm::builtins::PyType;
use rustpython_vm::{AsObject, Py, PyObject, PyResult, VirtualMachine};

use super::{binary, entry, gone, is_owned, own, owner, set_owned, unary};
use crate::abi::layout as c;
use crate::calls::api::api;
use crate::heap::block::Block;
use crate::lifetime::thread::leave;
use crate::twins::reference::{Borrowed, New};
use crate::twins::store::touched;

/// A binary operator of the VM.
type Operator = Option<fn(&PyObject, &PyObject, &VirtualMachine) -> PyResult>;

/// The type's function for its objects on the left, else that for those on the right; `NotImplemented` if there is none.
fn either(vm: &VirtualMachine, a: &PyObject, b: &PyObject, number: u32, left: Operator, right: Operator) -> PyResult {
    if let Some(f) = left.filter(|_| is_owned(a, number)) {
        let result = f(a, b, vm)?;
        if !result.is(&vm.ctx.not_implemented) {
            return Ok(result);
        }
    }
    match right.filter(|_| is_owned(b, number)) {
        Some(f) if !a.class().is(b.class()) => f(a, b, vm),
        _ => Ok(vm.ctx.not_implemented()),
    }
}

macro_rules! operators {
    ($($name:ident $left:ident $right:ident;)*) => {
        $(
            unsafe extern "C" fn $name(a: Block, b: Block, _: usize, number: u32) -> Block {
                let slots = &owner(number).slots.as_number;
                binary(a, b, |a, b, vm| either(vm, a, b, number, slots.$left.load(), slots.$right.load()))
            }
        )*

        /// The binary operators.
        unsafe fn fill_operators(t: &mut c::PyNumberMethods, class: &'static Py<PyType>, base: Option<&c::PyNumberMethods>) {
            $(if own!(class, as_number.$left) || own!(class, as_number.$right) {
                // SAFETY: the function has the slot's type, but for the number that its entry adds.
                t.$name = unsafe { transmute(entry(class, $name as *const _)) };
            } else if let Some(base) = base {
                t.$name = base.$name;
            })*
        }
    };
}

operators! {
    nb_add add right_add;
    nb_subtract subtract right_subtract;
    nb_multiply multiply right_multiply;
    nb_remainder remainder right_remainder;
    nb_divmod divmod right_divmod;
    nb_lshift lshift right_lshift;
    nb_rshift rshift right_rshift;
    nb_and and right_and;
    nb_xor xor right_xor;
    nb_or or right_or;
    nb_floor_divide floor_divide right_floor_divide;
    nb_true_divide true_divide right_true_divide;
    nb_matrix_multiply matrix_multiply right_matrix_multiply;
}

/// With None for no modulus.
unsafe extern "C" fn nb_power(a: Block, b: Block, modulus: Block, number: u32) -> Block {
    let slots = &owner(number).slots.as_number;
    let result = api(|vm| {
        let (a, b) = (Borrowed(a).held(vm)?, Borrowed(b).held(vm)?);
        let modulus = Borrowed(modulus).opt(vm)?.unwrap_or_else(|| vm.ctx.none());
        let result = leave(vm, || {
            if let Some(f) = slots.power.load().filter(|_| is_owned(&a, number)) {
                let result = f(&a, &b, &modulus, vm)?;
                if !result.is(&vm.ctx.not_implemented) {
                    return Ok(result);
                }
            }
            match slots.right_power.load().filter(|_| is_owned(&b, number)) {
                Some(f) if !a.class().is(b.class()) => f(&a, &b, &modulus, vm),
                _ => Ok(vm.ctx.not_implemented()),
            }
        })?;
        Ok(New::of(vm, result))
    });
    result.0
}

unsafe extern "C" fn nb_inplace_power(a: Block, b: Block, modulus: Block, number: u32) -> Block {
    let result = api(|vm| {
        let (a, b) = (Borrowed(a).held(vm)?, Borrowed(b).held(vm)?);
        let modulus = Borrowed(modulus).opt(vm)?.unwrap_or_else(|| vm.ctx.none());
        let Some(f) = owner(number).slots.as_number.inplace_power.load() else { return gone(vm, number) };
        Ok(New::of(vm, leave(vm, || f(&a, &b, &modulus, vm))?))
    });
    result.0
}

macro_rules! in_place {
    ($($name:ident $slot:ident;)*) => {$(
        unsafe extern "C" fn $name(a: Block, b: Block, _: usize, number: u32) -> Block {
            let result = binary(a, b, |a, b, vm| match owner(number).slots.as_number.$slot.load() {
                Some(f) => f(a, b, vm),
                None => gone(vm, number),
            });
            crate::calls::api::infallible((), |vm| {
                // SAFETY: C's argument.
                unsafe { touched(vm, a) };
                Ok(())
            });
            result
        }
    )*};
}

in_place! {
    nb_inplace_add inplace_add;
    nb_inplace_subtract inplace_subtract;
    nb_inplace_multiply inplace_multiply;
    nb_inplace_remainder inplace_remainder;
    nb_inplace_lshift inplace_lshift;
    nb_inplace_rshift inplace_rshift;
    nb_inplace_and inplace_and;
    nb_inplace_xor inplace_xor;
    nb_inplace_or inplace_or;
    nb_inplace_floor_divide inplace_floor_divide;
    nb_inplace_true_divide inplace_true_divide;
    nb_inplace_matrix_multiply inplace_matrix_multiply;
}

macro_rules! unary_operators {
    ($($name:ident $slot:ident;)*) => {$(
        unsafe extern "C" fn $name(this: Block, _: usize, _: usize, number: u32) -> Block {
            unary(this, |object, vm| match owner(number).slots.as_number.$slot.load() {
                Some(f) => f(object.number(), vm),
                None => gone(vm, number),
            })
        }
    )*};
}

unary_operators! {
    nb_negative negative;
    nb_positive positive;
    nb_absolute absolute;
    nb_invert invert;
    nb_int int;
    nb_float float;
    nb_index index;
}

unsafe extern "C" fn nb_bool(this: Block, _: usize, _: usize, number: u32) -> c_int {
    api(|vm| {
        let object = Borrowed(this).held(vm)?;
        match owner(number).slots.as_number.boolean.load() {
            Some(f) => leave(vm, || f(object.number(), vm)).map(c_int::from),
            None => gone(vm, number),
        }
    })
}

/// # Safety
/// As for [`fill`](super::fill).
pub(super) unsafe fn fill(t: &mut c::PyTypeObject, class: &'static Py<PyType>) {
    // SAFETY: by contract; each function has the slot's type, but for the number that its entry adds.
    unsafe {
        let base = t.tp_base.as_ref().and_then(|base| base.tp_as_number.as_ref());
        let suite = &mut *t.tp_as_number;
        fill_operators(suite, class, base);
        set_owned! { class, suite, base;
            as_number.power => nb_power nb_power;
            as_number.negative => nb_negative nb_negative;
            as_number.positive => nb_positive nb_positive;
            as_number.absolute => nb_absolute nb_absolute;
            as_number.invert => nb_invert nb_invert;
            as_number.boolean => nb_bool nb_bool;
            as_number.int => nb_int nb_int;
            as_number.float => nb_float nb_float;
            as_number.index => nb_index nb_index;
            as_number.inplace_add => nb_inplace_add nb_inplace_add;
            as_number.inplace_subtract => nb_inplace_subtract nb_inplace_subtract;
            as_number.inplace_multiply => nb_inplace_multiply nb_inplace_multiply;
            as_number.inplace_remainder => nb_inplace_remainder nb_inplace_remainder;
            as_number.inplace_power => nb_inplace_power nb_inplace_power;
            as_number.inplace_lshift => nb_inplace_lshift nb_inplace_lshift;
            as_number.inplace_rshift => nb_inplace_rshift nb_inplace_rshift;
            as_number.inplace_and => nb_inplace_and nb_inplace_and;
            as_number.inplace_xor => nb_inplace_xor nb_inplace_xor;
            as_number.inplace_or => nb_inplace_or nb_inplace_or;
            as_number.inplace_floor_divide => nb_inplace_floor_divide nb_inplace_floor_divide;
            as_number.inplace_true_divide => nb_inplace_true_divide nb_inplace_true_divide;
            as_number.inplace_matrix_multiply => nb_inplace_matrix_multiply nb_inplace_matrix_multiply;
        }
    }
}
