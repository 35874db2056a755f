//! The suite of numbers.

use rustclad_mapper::abi::layout as c;
use rustclad_mapper::twins::types::{derives_from_c, is_of_c};
use rustpython_vm::builtins::PyTypeRef;
use rustpython_vm::function::{Callee, FuncArgs};
use rustpython_vm::protocol::PyNumber;
use rustpython_vm::{AsObject, PyObject, PyResult, VirtualMachine};

use super::invoke::{binary, inquiry, ternary, unary};
use super::special::{class_slot, missing, special, unary_method};
use crate::definitions::method;

/// A binary number slot: the VM's two slots (both get the operands in C's order), `__x__` and `__rx__`.
macro_rules! binary_slots {
    ($vm:ident, $class:ident, $suite:ident: $($c:ident $left:ident $right:ident $name:literal $reflected:literal)*) => {$(
        if let Some(f) = $suite.$c {
            $class.slots.as_number.$left.store(Some(|a, b, vm| match number_slot(vm, a, |suite| suite.$c) {
                Some(f) => binary(vm, f, a, b, $name),
                None => Ok(vm.ctx.not_implemented()),
            }));
            $class.slots.as_number.$right.store(Some(|a, b, vm| match number_slot(vm, b, |suite| suite.$c) {
                Some(f) => binary(vm, f, a, b, $reflected),
                None => Ok(vm.ctx.not_implemented()),
            }));
            special!($vm, $class, $name, |vm, this, [other]| binary(vm, f, this, other, $name));
            special!($vm, $class, $reflected, |vm, this, [other]| binary(vm, f, other, this, $reflected));
        }
    )*};
}

/// An in-place number slot.
macro_rules! inplace_slots {
    ($vm:ident, $class:ident, $suite:ident: $($c:ident $slot:ident $name:literal)*) => {$(
        if let Some(f) = $suite.$c {
            $class.slots.as_number.$slot.store(Some(|a, b, vm| match number_slot(vm, a, |suite| suite.$c) {
                Some(f) => binary(vm, f, a, b, $name),
                None => Ok(vm.ctx.not_implemented()),
            }));
            special!($vm, $class, $name, |vm, this, [other]| binary(vm, f, this, other, $name));
        }
    )*};
}

/// A unary number slot.
macro_rules! unary_slots {
    ($vm:ident, $class:ident, $suite:ident: $($c:ident $slot:ident $name:literal)*) => {$(
        if let Some(f) = $suite.$c {
            $class.slots.as_number.$slot.store(Some(|number: PyNumber<'_>, vm| {
                match number_slot(vm, number.obj, |suite| suite.$c) {
                    Some(f) => unary(vm, f, number.obj, $name),
                    None => Err(missing(vm, $name)),
                }
            }));
            unary_method($vm, $class, $name, f);
        }
    )*};
}

fn number_slot<F>(
    vm: &VirtualMachine,
    this: &PyObject,
    slot: impl FnOnce(&c::PyNumberMethods) -> Option<F>,
) -> Option<F> {
    // SAFETY: a type's suite is null or valid.
    class_slot(vm, this, |t| unsafe { t.tp_as_number.as_ref() }.and_then(slot))
}

pub(super) fn install(vm: &VirtualMachine, class: &PyTypeRef, suite: &c::PyNumberMethods) {
    install_binary(vm, class, suite);
    install_inplace(vm, class, suite);
    install_unary(vm, class, suite);
    install_power(vm, class, suite);
}

fn install_binary(vm: &VirtualMachine, class: &PyTypeRef, suite: &c::PyNumberMethods) {
    binary_slots!(vm, class, suite:
        nb_add add right_add "__add__" "__radd__"
        nb_subtract subtract right_subtract "__sub__" "__rsub__"
        nb_multiply multiply right_multiply "__mul__" "__rmul__"
        nb_remainder remainder right_remainder "__mod__" "__rmod__"
        nb_divmod divmod right_divmod "__divmod__" "__rdivmod__"
        nb_lshift lshift right_lshift "__lshift__" "__rlshift__"
        nb_rshift rshift right_rshift "__rshift__" "__rrshift__"
        nb_and and right_and "__and__" "__rand__"
        nb_xor xor right_xor "__xor__" "__rxor__"
        nb_or or right_or "__or__" "__ror__"
        nb_floor_divide floor_divide right_floor_divide "__floordiv__" "__rfloordiv__"
        nb_true_divide true_divide right_true_divide "__truediv__" "__rtruediv__"
        nb_matrix_multiply matrix_multiply right_matrix_multiply "__matmul__" "__rmatmul__");
}

fn install_inplace(vm: &VirtualMachine, class: &PyTypeRef, suite: &c::PyNumberMethods) {
    inplace_slots!(vm, class, suite:
        nb_inplace_add inplace_add "__iadd__"
        nb_inplace_subtract inplace_subtract "__isub__"
        nb_inplace_multiply inplace_multiply "__imul__"
        nb_inplace_remainder inplace_remainder "__imod__"
        nb_inplace_lshift inplace_lshift "__ilshift__"
        nb_inplace_rshift inplace_rshift "__irshift__"
        nb_inplace_and inplace_and "__iand__"
        nb_inplace_xor inplace_xor "__ixor__"
        nb_inplace_or inplace_or "__ior__"
        nb_inplace_floor_divide inplace_floor_divide "__ifloordiv__"
        nb_inplace_true_divide inplace_true_divide "__itruediv__"
        nb_inplace_matrix_multiply inplace_matrix_multiply "__imatmul__");
}

fn install_unary(vm: &VirtualMachine, class: &PyTypeRef, suite: &c::PyNumberMethods) {
    unary_slots!(vm, class, suite:
        nb_negative negative "__neg__"
        nb_positive positive "__pos__"
        nb_absolute absolute "__abs__"
        nb_invert invert "__invert__"
        nb_int int "__int__"
        nb_float float "__float__"
        nb_index index "__index__");
    if let Some(f) = suite.nb_bool {
        class.slots.as_number.boolean.store(Some(|number: PyNumber<'_>, vm| {
            match number_slot(vm, number.obj, |suite| suite.nb_bool) {
                Some(f) => inquiry(vm, f, number.obj, "__bool__"),
                None => Ok(true),
            }
        }));
        special!(vm, class, "__bool__", |vm, this, []| Ok(vm.ctx.new_bool(inquiry(vm, f, this, "__bool__")?).into()));
    }
}

/// The `nb_power` of an operand whose class is C's or derives from one.
fn power_of(vm: &VirtualMachine, this: &PyObject) -> Option<c::TernaryFunc> {
    if !is_of_c(this.class()) && !derives_from_c(this.class()) {
        return None;
    }
    number_slot(vm, this, |suite| suite.nb_power)
}

fn is_same(f: c::TernaryFunc, other: Option<c::TernaryFunc>) -> bool {
    other.is_some_and(|other| std::ptr::fn_addr_eq(f, other))
}

/// The left operand's `nb_power`. The VM asks the modulus's class by the same function, if the left operand has another; for
/// two classes of C it takes the functions for one, so the modulus gets its turn here, unless the right operand comes first.
fn power(a: &PyObject, b: &PyObject, modulus: &PyObject, vm: &VirtualMachine) -> PyResult {
    let own = power_of(vm, a);
    if let Some(f) = own {
        let result = ternary(vm, f, a, Some(b), Some(modulus), "__pow__")?;
        // No builtin type's slot knows a class of C's.
        let others = !b.class().is(a.class())
            && b.class().heaptype_ext.is_some()
            && b.class().slots.as_number.right_power.load().is_some();
        if !result.is(&vm.ctx.not_implemented) || others {
            return Ok(result);
        }
    }
    match power_of(vm, modulus).filter(|f| !is_same(*f, own)) {
        Some(f) => ternary(vm, f, a, Some(b), Some(modulus), "__pow__"),
        None => Ok(vm.ctx.not_implemented()),
    }
}

/// The right operand's `nb_power`, and the modulus's if the VM would not ask that.
fn right_power(a: &PyObject, b: &PyObject, modulus: &PyObject, vm: &VirtualMachine) -> PyResult {
    let (left, own) = (power_of(vm, a), power_of(vm, b));
    if let Some(f) = own.filter(|f| !is_same(*f, left)) {
        let result = ternary(vm, f, a, Some(b), Some(modulus), "__rpow__")?;
        if !result.is(&vm.ctx.not_implemented) {
            return Ok(result);
        }
    }
    let last = power_of(vm, modulus).filter(|f| left.is_some() && !is_same(*f, left) && !is_same(*f, own));
    match last {
        Some(f) => ternary(vm, f, a, Some(b), Some(modulus), "__pow__"),
        None => Ok(vm.ctx.not_implemented()),
    }
}

fn install_power(vm: &VirtualMachine, class: &PyTypeRef, suite: &c::PyNumberMethods) {
    let slots = &class.slots.as_number;
    if let Some(f) = suite.nb_power {
        slots.power.store(Some(power));
        slots.right_power.store(Some(right_power));
        ternary_method(vm, class, "__pow__", move |vm, this, other, modulus| {
            ternary(vm, f, this, Some(other), Some(modulus), "__pow__")
        });
        ternary_method(vm, class, "__rpow__", move |vm, this, other, modulus| {
            ternary(vm, f, other, Some(this), Some(modulus), "__rpow__")
        });
    }
    if let Some(f) = suite.nb_inplace_power {
        slots.inplace_power.store(Some(|a, b, modulus, vm| match number_slot(vm, a, |suite| suite.nb_inplace_power) {
            Some(f) => ternary(vm, f, a, Some(b), Some(modulus), "__ipow__"),
            None => Ok(vm.ctx.not_implemented()),
        }));
        ternary_method(vm, class, "__ipow__", move |vm, this, other, modulus| {
            ternary(vm, f, this, Some(other), Some(modulus), "__ipow__")
        });
    }
}

/// A special method of one argument and a modulus that may be left out.
fn ternary_method(
    vm: &VirtualMachine,
    class: &PyTypeRef,
    name: &'static str,
    f: impl Fn(&VirtualMachine, &PyObject, &PyObject, &PyObject) -> PyResult + Send + Sync + 'static,
) {
    let code = move |vm: &VirtualMachine, args: FuncArgs, _: Callee| -> PyResult {
        let given = args.args.len().saturating_sub(1);
        if !args.kwargs.is_empty() {
            return Err(vm.new_type_error(format!("wrapper {name}() takes no keyword arguments")));
        }
        match &args.args[..] {
            [this, other] => f(vm, this, other, &vm.ctx.none()),
            [this, other, modulus] => f(vm, this, other, modulus),
            [] => Err(vm.new_type_error(format!("descriptor '{name}' of an object needs an argument"))),
            _ => Err(vm.new_type_error(format!("expected 1 or 2 arguments, got {given}"))),
        }
    };
    method(vm, class, name, Box::new(code));
}
