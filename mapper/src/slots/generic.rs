//! The slots of classes made in Python that go on to a special method, which is looked up on the object's class. They do
//! not ask the VM's slots: those of a class that has a C function among its bases read the block's, and lead back here.

use std::ffi::{c_int, c_void};

use malachite_bigint::Sign;
use rustpython_vm::builtins::{PyInt, PyStrInterned};
use rustpython_vm::function::{IntoFuncArgs, PySetterValue};
use rustpython_vm::types::PyComparisonOp;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::owned::object::{name_of, setting};
use super::owned::{arguments, binary, unary};
use crate::abi::layout as c;
use crate::abi::statics::statics;
use crate::calls::api::api;
use crate::heap::block::Block;
use crate::lifetime::thread::leave;
use crate::twins::reference::{Borrowed, New};

pub(super) use self::sq_length as mp_length;
pub(super) use super::special::finalize as tp_finalize;

/// The result of a special method, None if the class has none.
fn maybe(
    vm: &VirtualMachine,
    object: &PyObject,
    name: &'static PyStrInterned,
    args: impl IntoFuncArgs,
) -> PyResult<Option<PyObjectRef>> {
    if object.class().get_attr(name).is_none() {
        return Ok(None);
    }
    vm.call_special_method(object, name, args).map(Some)
}

macro_rules! unary_slots {
    ($($f:ident $name:literal;)*) => {$(
        pub(super) unsafe extern "C" fn $f(this: Block) -> Block {
            unary(this, |object, vm| vm.call_special_method(object, vm.ctx.intern_str($name), ()))
        }
    )*};
}

unary_slots! {
    tp_repr "__repr__";
    tp_str "__str__";
    tp_iternext "__next__";
    am_await "__await__";
    am_aiter "__aiter__";
    am_anext "__anext__";
    nb_negative "__neg__";
    nb_positive "__pos__";
    nb_absolute "__abs__";
    nb_invert "__invert__";
    nb_int "__int__";
    nb_float "__float__";
    nb_index "__index__";
}

macro_rules! binary_slots {
    ($($f:ident $name:literal;)*) => {$(
        pub(super) unsafe extern "C" fn $f(this: Block, other: Block) -> Block {
            binary(this, other, |object, other, vm| {
                vm.call_special_method(object, vm.ctx.intern_str($name), (other.to_owned(),))
            })
        }
    )*};
}

binary_slots! {
    nb_inplace_add "__iadd__";
    nb_inplace_subtract "__isub__";
    nb_inplace_multiply "__imul__";
    nb_inplace_remainder "__imod__";
    nb_inplace_lshift "__ilshift__";
    nb_inplace_rshift "__irshift__";
    nb_inplace_and "__iand__";
    nb_inplace_xor "__ixor__";
    nb_inplace_or "__ior__";
    nb_inplace_floor_divide "__ifloordiv__";
    nb_inplace_true_divide "__itruediv__";
    nb_inplace_matrix_multiply "__imatmul__";
    mp_subscript "__getitem__";
}

/// `__ipow__` takes no modulus.
pub(super) unsafe extern "C" fn nb_inplace_power(this: Block, other: Block, _: Block) -> Block {
    binary(this, other, |object, other, vm| {
        vm.call_special_method(object, vm.ctx.intern_str("__ipow__"), (other.to_owned(),))
    })
}

/// What a binary operator is made of: its slot, its methods' names, and the modulus that `pow` may have.
struct Operator {
    slot: *const c_void,
    of: fn(&c::PyNumberMethods) -> *const c_void,
    left: &'static str,
    right: &'static str,
    modulus: Block,
}

/// Whether an object's class has this very function in the slot.
unsafe fn has(object: Block, operator: &Operator) -> bool {
    // SAFETY: a live object's type and its suite.
    let suite = unsafe { (*(*object).ob_type).tp_as_number.as_ref() };
    suite.is_some_and(|suite| (operator.of)(suite) == operator.slot)
}

/// Asks the operands whose classes have this very function in the slot.
fn operate(a: Block, b: Block, operator: &Operator) -> Block {
    // SAFETY: C's arguments.
    let (mine, others) = unsafe { (has(a, operator), (*a).ob_type != (*b).ob_type && has(b, operator)) };
    let result = api(|vm| {
        let (a, b) = (Borrowed(a).held(vm)?, Borrowed(b).held(vm)?);
        let modulus = Borrowed(operator.modulus).opt(vm)?;
        let names = (vm.ctx.intern_str(operator.left), vm.ctx.intern_str(operator.right));
        let ask = |this: &PyObject, other: &PyObject, name| {
            let asked = match &modulus {
                Some(modulus) => maybe(vm, this, name, (other.to_owned(), modulus.clone())),
                None => maybe(vm, this, name, (other.to_owned(),)),
            };
            asked.map(|result| result.unwrap_or_else(|| vm.ctx.not_implemented()))
        };
        Ok(New::of(vm, leave(vm, || in_order(vm, (&a, mine), (&b, others), names, ask))?))
    });
    result.0
}

/// The order in which two operands are asked, each of which may have no method: the right one goes first if its class
/// derives from the left one's and has a method of its own.
fn in_order(
    vm: &VirtualMachine,
    (a, mine): (&PyObject, bool),
    (b, mut others): (&PyObject, bool),
    (left, right): (&'static PyStrInterned, &'static PyStrInterned),
    ask: impl Fn(&PyObject, &PyObject, &'static PyStrInterned) -> PyResult,
) -> PyResult {
    if mine {
        if others && b.class().fast_issubclass(a.class()) && overrides(a, b, right) {
            let result = ask(b, a, right)?;
            if !result.is(&vm.ctx.not_implemented) {
                return Ok(result);
            }
            others = false;
        }
        let result = ask(a, b, left)?;
        if !result.is(&vm.ctx.not_implemented) || a.class().is(b.class()) {
            return Ok(result);
        }
    }
    if others { ask(b, a, right) } else { Ok(vm.ctx.not_implemented()) }
}

/// Whether the right operand's class has another method of this name than the left one's.
fn overrides(a: &PyObject, b: &PyObject, name: &'static PyStrInterned) -> bool {
    match (a.class().get_attr(name), b.class().get_attr(name)) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(of_a), Some(of_b)) => !of_a.is(&of_b),
    }
}

macro_rules! operators {
    ($($f:ident $left:literal $right:literal;)*) => {$(
        pub(super) unsafe extern "C" fn $f(a: Block, b: Block) -> Block {
            operate(a, b, &Operator {
                slot: $f as *const c_void,
                of: |suite| suite.$f.map_or(std::ptr::null(), |f| f as *const c_void),
                left: $left,
                right: $right,
                modulus: std::ptr::null_mut(),
            })
        }
    )*};
}

operators! {
    nb_add "__add__" "__radd__";
    nb_subtract "__sub__" "__rsub__";
    nb_multiply "__mul__" "__rmul__";
    nb_remainder "__mod__" "__rmod__";
    nb_divmod "__divmod__" "__rdivmod__";
    nb_lshift "__lshift__" "__rlshift__";
    nb_rshift "__rshift__" "__rrshift__";
    nb_and "__and__" "__rand__";
    nb_xor "__xor__" "__rxor__";
    nb_or "__or__" "__ror__";
    nb_floor_divide "__floordiv__" "__rfloordiv__";
    nb_true_divide "__truediv__" "__rtruediv__";
    nb_matrix_multiply "__matmul__" "__rmatmul__";
}

/// With None for no modulus.
pub(super) unsafe extern "C" fn nb_power(a: Block, b: Block, modulus: Block) -> Block {
    let operator = Operator {
        slot: nb_power as *const c_void,
        of: |suite| suite.nb_power.map_or(std::ptr::null(), |f| f as *const c_void),
        left: "__pow__",
        right: "__rpow__",
        modulus: if modulus == statics().none { std::ptr::null_mut() } else { modulus },
    };
    operate(a, b, &operator)
}

/// A truth value as C has it.
fn truth(this: Block, f: impl FnOnce(&PyObject, &VirtualMachine) -> PyResult<bool>) -> c_int {
    api(|vm| {
        let object = Borrowed(this).held(vm)?;
        leave(vm, || f(&object, vm)).map(c_int::from)
    })
}

pub(super) unsafe extern "C" fn nb_bool(this: Block) -> c_int {
    truth(this, |object, vm| {
        if let Some(result) = maybe(vm, object, vm.ctx.intern_str("__bool__"), ())? {
            if !result.class().is(vm.ctx.types.bool_type) {
                let name = result.class().slot_name().to_string();
                return Err(vm.new_type_error(format!("__bool__ should return bool, returned {name}")));
            }
            return Ok(result.is(&vm.ctx.true_value));
        }
        match maybe(vm, object, vm.ctx.intern_str("__len__"), ())? {
            Some(length) => length.try_to_bool(vm),
            None => Ok(true),
        }
    })
}

pub(super) unsafe extern "C" fn tp_hash(this: Block) -> isize {
    api(|vm| {
        let object = Borrowed(this).held(vm)?;
        leave(vm, || {
            let name = vm.ctx.intern_str("__hash__");
            match object.class().get_attr(name) {
                Some(method) if !vm.is_none(&method) => {}
                _ => return Err(vm.new_type_error(format!("unhashable type: '{}'", object.class().slot_name()))),
            }
            let hash = vm.call_special_method(&object, name, ())?;
            let Some(number) = hash.downcast_ref::<PyInt>() else {
                return Err(vm.new_type_error("__hash__ method should return an integer"));
            };
            Ok(match number.try_to_primitive::<isize>(vm) {
                Ok(-1) => -2,
                Ok(number) => number,
                Err(_) => hash.hash(vm)? as isize,
            })
        })
    })
}

pub(super) unsafe extern "C" fn tp_call(this: Block, args: Block, kwargs: Block) -> Block {
    let result = api(|vm| {
        let object = Borrowed(this).held(vm)?;
        // SAFETY: C's arguments: a tuple, and a dict or NULL.
        let args = unsafe { arguments(vm, args, kwargs)? };
        let result = leave(vm, || vm.call_special_method(&object, vm.ctx.intern_str("__call__"), args))?;
        Ok(New::of(vm, result))
    });
    result.0
}

/// `__getattribute__`, and `__getattr__` for what that does not find.
pub(super) unsafe extern "C" fn tp_getattro(this: Block, name: Block) -> Block {
    let result = api(|vm| {
        let (object, name) = (Borrowed(this).held(vm)?, name_of(vm, name)?);
        let result = leave(vm, || {
            let found = vm.call_special_method(&object, vm.ctx.intern_str("__getattribute__"), (name.clone(),));
            match found {
                Err(error) if error.fast_isinstance(vm.ctx.exceptions.attribute_error) => {
                    let asked = maybe(vm, &object, vm.ctx.intern_str("__getattr__"), (name.clone(),))?;
                    asked.ok_or(error)
                }
                found => found,
            }
        })?;
        Ok(New::of(vm, result))
    });
    result.0
}

/// Calls one method to set something and another one to delete it.
fn set(
    vm: &VirtualMachine,
    this: &PyObject,
    key: PyObjectRef,
    value: PySetterValue,
    names: [&'static str; 2],
) -> PyResult<c_int> {
    leave(vm, || {
        match value {
            PySetterValue::Assign(value) => vm.call_special_method(this, vm.ctx.intern_str(names[0]), (key, value)),
            PySetterValue::Delete => vm.call_special_method(this, vm.ctx.intern_str(names[1]), (key,)),
        }
        .map(|_| 0)
    })
}

pub(super) unsafe extern "C" fn tp_setattro(this: Block, name: Block, value: Block) -> c_int {
    api(|vm| {
        let (object, name, value) = (Borrowed(this).held(vm)?, name_of(vm, name)?, setting(vm, value)?);
        set(vm, &object, name.into(), value, ["__setattr__", "__delattr__"])
    })
}

pub(super) unsafe extern "C" fn tp_descr_set(this: Block, object: Block, value: Block) -> c_int {
    api(|vm| {
        let (this, object, value) = (Borrowed(this).held(vm)?, Borrowed(object).get(vm)?, setting(vm, value)?);
        set(vm, &this, object, value, ["__set__", "__delete__"])
    })
}

pub(super) unsafe extern "C" fn mp_ass_subscript(this: Block, key: Block, value: Block) -> c_int {
    api(|vm| {
        let (object, key, value) = (Borrowed(this).held(vm)?, Borrowed(key).get(vm)?, setting(vm, value)?);
        set(vm, &object, key, value, ["__setitem__", "__delitem__"])
    })
}

pub(super) unsafe extern "C" fn sq_ass_item(this: Block, index: isize, value: Block) -> c_int {
    api(|vm| {
        let (object, value) = (Borrowed(this).held(vm)?, setting(vm, value)?);
        set(vm, &object, vm.ctx.new_int(index).into(), value, ["__setitem__", "__delitem__"])
    })
}

pub(super) unsafe extern "C" fn sq_item(this: Block, index: isize) -> Block {
    unary(this, |object, vm| {
        let index = vm.ctx.new_int(index);
        vm.call_special_method(object, vm.ctx.intern_str("__getitem__"), (index,))
    })
}

/// NULL for no object, or no class.
pub(super) unsafe extern "C" fn tp_descr_get(this: Block, object: Block, owner: Block) -> Block {
    let result = api(|vm| {
        let this = Borrowed(this).held(vm)?;
        let (object, owner) = (Borrowed(object).opt(vm)?, Borrowed(owner).opt(vm)?);
        let args = (object.unwrap_or_else(|| vm.ctx.none()), owner.unwrap_or_else(|| vm.ctx.none()));
        let found = leave(vm, || maybe(vm, &this, vm.ctx.intern_str("__get__"), args))?;
        Ok(New::of(vm, found.unwrap_or_else(|| this.to_owned())))
    });
    result.0
}

/// `NotImplemented` for what the class does not know.
pub(super) unsafe extern "C" fn tp_richcompare(a: Block, b: Block, op: c_int) -> Block {
    let result = api(|vm| {
        let (a, b) = (Borrowed(a).held(vm)?, Borrowed(b).held(vm)?);
        let op: PyComparisonOp = crate::capi::object::operator(vm, op)?;
        let found = leave(vm, || maybe(vm, &a, op.method_name(&vm.ctx), (b.to_owned(),)))?;
        Ok(New::of(vm, found.unwrap_or_else(|| vm.ctx.not_implemented())))
    });
    result.0
}

pub(super) unsafe extern "C" fn tp_iter(this: Block) -> Block {
    unary(this, |object, vm| {
        let name = vm.ctx.intern_str("__iter__");
        match object.class().get_attr(name) {
            Some(method) if !vm.is_none(&method) => vm.call_special_method(object, name, ()),
            // What has items and no `__iter__` is walked through by index.
            None => object.get_iter(vm).map(Into::into),
            Some(_) => Err(vm.new_type_error(format!("'{}' object is not iterable", object.class().slot_name()))),
        }
    })
}

pub(super) unsafe extern "C" fn sq_length(this: Block) -> isize {
    api(|vm| {
        let object = Borrowed(this).held(vm)?;
        leave(vm, || {
            let length = vm.call_special_method(&object, vm.ctx.intern_str("__len__"), ())?.try_index(vm)?;
            if length.as_bigint().sign() == Sign::Minus {
                return Err(vm.new_value_error("__len__() should return >= 0"));
            }
            length.try_to_primitive::<isize>(vm)
        })
    })
}

pub(super) unsafe extern "C" fn sq_contains(this: Block, item: Block) -> c_int {
    api(|vm| {
        let (object, item) = (Borrowed(this).held(vm)?, Borrowed(item).held(vm)?);
        leave(vm, || {
            let name = vm.ctx.intern_str("__contains__");
            match object.class().get_attr(name) {
                Some(method) if vm.is_none(&method) => {
                    Err(vm.new_type_error(format!("'{}' object is not a container", object.class().slot_name())))
                }
                Some(_) => vm.call_special_method(&object, name, (item.to_owned(),))?.try_to_bool(vm),
                None => object.sequence_unchecked().contains(&item, vm),
            }
        })
        .map(c_int::from)
    })
}
