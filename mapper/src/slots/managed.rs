//! The slots of managed types, as C code calls them: plain functions that go on to the VM's slot of the object's class.

use std::ffi::c_int;
use std::mem::transmute;

use rustpython_vm::builtins::PyType;
use rustpython_vm::function::{Either, PyComparisonValue, PySetterValue};
use rustpython_vm::protocol::PyIterReturn;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::abi::address::exported;
use crate::abi::layout as c;
use crate::calls::api::{api, infallible};
use crate::heap::block::{Block, flag, header};
use crate::heap::kind::Kind;
use crate::lifetime::thread::leave;
use crate::twins::reference::{Borrowed, New};
use crate::twins::store::touched;

/// A binary operator of the VM: what the left operand's class has, and what the right one's has.
type Operator = Option<fn(&PyObject, &PyObject, &VirtualMachine) -> PyResult>;

/// Whether a class is of the sort whose slot was called: a builtin type's slot knows builtin types only, that of a class
/// made in Python asks both operands.
fn is_ours<const HEAP: bool>(class: &PyType) -> bool {
    class.heaptype_ext.is_some() == HEAP
}

/// Tries the left operand's class, then the right one's; `NotImplemented` if neither knows the other.
fn binary<const HEAP: bool>(
    a: Block,
    b: Block,
    left: fn(&PyType) -> Operator,
    right: fn(&PyType) -> Operator,
) -> Block {
    let result = api(|vm| {
        let (a_object, b_object) = (Borrowed(a).held(vm)?, Borrowed(b).held(vm)?);
        let result = leave(vm, || {
            if let Some(f) = left(a_object.class()).filter(|_| is_ours::<HEAP>(a_object.class())) {
                let result = f(&a_object, &b_object, vm)?;
                if !result.is(&vm.ctx.not_implemented) {
                    return Ok(result);
                }
            }
            match right(b_object.class()).filter(|_| is_ours::<HEAP>(b_object.class())) {
                Some(f) if !a_object.class().is(b_object.class()) => f(&a_object, &b_object, vm),
                _ => Ok(vm.ctx.not_implemented()),
            }
        })?;
        Ok(New::of(vm, result))
    });
    result.0
}

macro_rules! operators {
    ($($name:ident $left:ident $right:ident;)*) => {
        $(
            unsafe extern "C" fn $name<const HEAP: bool>(a: Block, b: Block) -> Block {
                let right = |class: &PyType| class.slots.as_number.$right.load();
                binary::<HEAP>(a, b, |class| class.slots.as_number.$left.load(), right)
            }
        )*
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

/// `nb_power`: with None for no modulus.
unsafe extern "C" fn nb_power<const HEAP: bool>(a: Block, b: Block, modulus: Block) -> Block {
    let result = api(|vm| {
        let (a, b) = (Borrowed(a).held(vm)?, Borrowed(b).held(vm)?);
        let modulus = Borrowed(modulus).opt(vm)?.unwrap_or_else(|| vm.ctx.none());
        let result = leave(vm, || {
            if let Some(f) = a.class().slots.as_number.power.load().filter(|_| is_ours::<HEAP>(a.class())) {
                let result = f(&a, &b, &modulus, vm)?;
                if !result.is(&vm.ctx.not_implemented) {
                    return Ok(result);
                }
            }
            match b.class().slots.as_number.right_power.load().filter(|_| is_ours::<HEAP>(b.class())) {
                Some(f) if !a.class().is(b.class()) => f(&a, &b, &modulus, vm),
                _ => Ok(vm.ctx.not_implemented()),
            }
        })?;
        Ok(New::of(vm, result))
    });
    result.0
}

/// `tp_richcompare`: `NotImplemented` for what the class does not know.
unsafe extern "C" fn tp_richcompare(a: Block, b: Block, op: c_int) -> Block {
    let result = api(|vm| {
        let (a, b) = (Borrowed(a).held(vm)?, Borrowed(b).held(vm)?);
        let op = crate::capi::object::operator(vm, op)?;
        let Some(f) = a.class().slots.richcompare.load() else { return Ok(New::of(vm, vm.ctx.not_implemented())) };
        let result = leave(vm, || f(&a, &b, op, vm))?;
        Ok(New::of(
            vm,
            match result {
                Either::A(object) => object,
                Either::B(PyComparisonValue::Implemented(holds)) => vm.ctx.new_bool(holds).into(),
                Either::B(PyComparisonValue::NotImplemented) => vm.ctx.not_implemented(),
            },
        ))
    });
    result.0
}

/// `tp_iternext`: an end with a value, as generators have one, raises it in a `StopIteration`.
unsafe extern "C" fn tp_iternext(iterator: Block) -> Block {
    let result = api(|vm| match crate::capi::abstract_::next(vm, &*Borrowed(iterator).held(vm)?)? {
        PyIterReturn::Return(item) => Ok(New::of(vm, item)),
        PyIterReturn::StopIteration(None) => Ok(New::NULL),
        PyIterReturn::StopIteration(value) => Err(vm.new_stop_iteration(value)),
    });
    result.0
}

/// `tp_iternext` of classes made in Python that are no iterators: CPython's have a function there, too.
unsafe extern "C" fn next_not_implemented(object: Block) -> Block {
    let result = api(|vm| -> PyResult<New> {
        let name = Borrowed(object).held(vm)?.class().name().to_string();
        Err(vm.new_type_error(format!("'{name}' object is not iterable")))
    });
    result.0
}

/// `tp_finalize` of classes with a `__del__`, which the VM calls itself for objects that it knows.
unsafe extern "C" fn tp_finalize(object: Block) {
    infallible((), |vm| {
        let known = header(object).is_some_and(|header| header.has(flag::BOUND));
        if known {
            return Ok(());
        }
        let object = Borrowed(object).get(vm)?;
        match object.class().slots.del.load() {
            Some(f) => leave(vm, || f(&object, vm)),
            None => Ok(()),
        }
    });
}

/// `sq_ass_item`: NULL deletes.
unsafe extern "C" fn sq_ass_item(object: Block, index: isize, value: Block) -> c_int {
    api(|vm| {
        let (managed, value) = (Borrowed(object).held(vm)?, Borrowed(value).opt(vm)?);
        leave(vm, || match value {
            Some(value) => managed.sequence_unchecked().set_item(index, value, vm),
            None => managed.sequence_unchecked().del_item(index, vm),
        })?;
        // SAFETY: C's argument.
        unsafe { touched(vm, object) };
        Ok(0)
    })
}

/// `mp_ass_subscript`: NULL deletes.
unsafe extern "C" fn mp_ass_subscript(object: Block, key: Block, value: Block) -> c_int {
    api(|vm| {
        let (managed, key, value) = (Borrowed(object).held(vm)?, Borrowed(key).get(vm)?, Borrowed(value).opt(vm)?);
        leave(vm, || match value {
            Some(value) => managed.set_item(&*key, value, vm),
            None => managed.del_item(&*key, vm),
        })?;
        // SAFETY: C's argument.
        unsafe { touched(vm, object) };
        Ok(0)
    })
}

/// `tp_setattro`: NULL deletes.
unsafe extern "C" fn tp_setattro(object: Block, name: Block, value: Block) -> c_int {
    // SAFETY: C's arguments.
    unsafe { crate::capi::attribute::PyObject_SetAttr(Borrowed(object), Borrowed(name), Borrowed(value)) }
}

/// `tp_descr_get`: NULL for no object, or no class.
unsafe extern "C" fn tp_descr_get(descriptor: Block, object: Block, owner: Block) -> Block {
    let result = api(|vm| {
        let this = Borrowed(descriptor).get(vm)?;
        let (object, owner) = (Borrowed(object).opt(vm)?, Borrowed(owner).opt(vm)?);
        let Some(f) = this.class().slots.descr_get.load() else { return Ok(New::of(vm, this)) };
        let result = leave(vm, || f(&this, object.as_deref(), owner.as_deref(), vm))?;
        Ok(New::of(vm, result))
    });
    result.0
}

/// `tp_descr_set`: NULL deletes.
unsafe extern "C" fn tp_descr_set(descriptor: Block, object: Block, value: Block) -> c_int {
    api(|vm| {
        let (this, object) = (Borrowed(descriptor).get(vm)?, Borrowed(object).get(vm)?);
        let value: PySetterValue<PyObjectRef> =
            Borrowed(value).opt(vm)?.map_or(PySetterValue::Delete, PySetterValue::Assign);
        let f = this.class().slots.descr_set.load().ok_or_else(|| vm.new_attribute_error("__set__"))?;
        leave(vm, || f(&this, object, value, vm)).map(|()| 0)
    })
}

/// Fills in the slots that a managed type has and that `base`, if it is given, does not have in common with it. Suites
/// are the block's own.
///
/// # Safety
/// `t` is a type's block with suites of its own, `class` its twin.
pub(crate) unsafe fn fill(t: &mut c::PyTypeObject, class: &Py<PyType>, base: Option<&Py<PyType>>, kind: Kind) {
    let (own, base) = (&class.slots, base.map(|base| &base.slots));
    // SAFETY: each exported function has the slot's type; suites are there.
    unsafe {
        let (number, sequence) = (&mut *t.tp_as_number, &mut *t.tp_as_sequence);
        let (mapping, buffer) = (&mut *t.tp_as_mapping, &mut *t.tp_as_buffer);
        // Whether the VM's slot is there and is not just the base's.
        macro_rules! has {
            ($($slot:ident).+) => {
                own.$($slot).+.load().is_some_and(|f| {
                    base.and_then(|base| base.$($slot).+.load()).is_none_or(|other| f as usize != other as usize)
                })
            };
        }
        macro_rules! set {
            ($($($slot:ident).+ => $to:expr, $name:literal;)*) => {
                $(if has!($($slot).+) { $to = transmute(exported($name)); })*
            };
        }
        macro_rules! own {
            ($($($slot:ident).+ => $to:expr, $f:expr;)*) => {
                $(if has!($($slot).+) { $to = Some($f); })*
            };
        }
        set! {
            repr => t.tp_repr, "PyObject_Repr";
            str => t.tp_str, "PyObject_Str";
            hash => t.tp_hash, "PyObject_Hash";
            getattro => t.tp_getattro, "PyObject_GetAttr";
            call => t.tp_call, "PyObject_Call";
            iter => t.tp_iter, "PyObject_GetIter";
            as_number.negative => number.nb_negative, "PyNumber_Negative";
            as_number.positive => number.nb_positive, "PyNumber_Positive";
            as_number.absolute => number.nb_absolute, "PyNumber_Absolute";
            as_number.invert => number.nb_invert, "PyNumber_Invert";
            as_number.boolean => number.nb_bool, "PyObject_IsTrue";
            as_number.int => number.nb_int, "PyNumber_Long";
            as_number.float => number.nb_float, "PyNumber_Float";
            as_number.index => number.nb_index, "PyNumber_Index";
            as_number.inplace_add => number.nb_inplace_add, "PyNumber_InPlaceAdd";
            as_number.inplace_subtract => number.nb_inplace_subtract, "PyNumber_InPlaceSubtract";
            as_number.inplace_multiply => number.nb_inplace_multiply, "PyNumber_InPlaceMultiply";
            as_number.inplace_remainder => number.nb_inplace_remainder, "PyNumber_InPlaceRemainder";
            as_number.inplace_power => number.nb_inplace_power, "PyNumber_InPlacePower";
            as_number.inplace_lshift => number.nb_inplace_lshift, "PyNumber_InPlaceLshift";
            as_number.inplace_rshift => number.nb_inplace_rshift, "PyNumber_InPlaceRshift";
            as_number.inplace_and => number.nb_inplace_and, "PyNumber_InPlaceAnd";
            as_number.inplace_xor => number.nb_inplace_xor, "PyNumber_InPlaceXor";
            as_number.inplace_or => number.nb_inplace_or, "PyNumber_InPlaceOr";
            as_number.inplace_floor_divide => number.nb_inplace_floor_divide, "PyNumber_InPlaceFloorDivide";
            as_number.inplace_true_divide => number.nb_inplace_true_divide, "PyNumber_InPlaceTrueDivide";
            as_number.inplace_matrix_multiply => number.nb_inplace_matrix_multiply, "PyNumber_InPlaceMatrixMultiply";
            as_sequence.length => sequence.sq_length, "PyObject_Size";
            as_sequence.concat => sequence.sq_concat, "PySequence_Concat";
            as_sequence.repeat => sequence.sq_repeat, "PySequence_Repeat";
            as_sequence.item => sequence.sq_item, "PySequence_GetItem";
            as_sequence.contains => sequence.sq_contains, "PySequence_Contains";
            as_sequence.inplace_concat => sequence.sq_inplace_concat, "PySequence_InPlaceConcat";
            as_sequence.inplace_repeat => sequence.sq_inplace_repeat, "PySequence_InPlaceRepeat";
            as_mapping.length => mapping.mp_length, "PyObject_Size";
            as_mapping.subscript => mapping.mp_subscript, "PyObject_GetItem";
        }
        if class.heaptype_ext.is_some() && base.is_none() && own.iternext.load().is_none() {
            t.tp_iternext = Some(next_not_implemented);
        }
        // Both sorts of a binary operator's function.
        macro_rules! operators {
            ($($slot:ident => $to:ident, $f:ident;)*) => {
                $(if has!(as_number.$slot) {
                    number.$to = Some(if class.heaptype_ext.is_some() { $f::<true> } else { $f::<false> });
                })*
            };
        }
        operators! {
            add => nb_add, nb_add;
            subtract => nb_subtract, nb_subtract;
            multiply => nb_multiply, nb_multiply;
            remainder => nb_remainder, nb_remainder;
            divmod => nb_divmod, nb_divmod;
            lshift => nb_lshift, nb_lshift;
            rshift => nb_rshift, nb_rshift;
            and => nb_and, nb_and;
            xor => nb_xor, nb_xor;
            or => nb_or, nb_or;
            floor_divide => nb_floor_divide, nb_floor_divide;
            true_divide => nb_true_divide, nb_true_divide;
            matrix_multiply => nb_matrix_multiply, nb_matrix_multiply;
            power => nb_power, nb_power;
        }
        own! {
            richcompare => t.tp_richcompare, tp_richcompare;
            iternext => t.tp_iternext, tp_iternext;
            as_sequence.ass_item => sequence.sq_ass_item, sq_ass_item;
            as_mapping.ass_subscript => mapping.mp_ass_subscript, mp_ass_subscript;
            setattro => t.tp_setattro, tp_setattro;
            descr_get => t.tp_descr_get, tp_descr_get;
            descr_set => t.tp_descr_set, tp_descr_set;
            del => t.tp_finalize, tp_finalize;
            new => t.tp_new, crate::slots::fill::managed_new;
            init => t.tp_init, crate::slots::fill::managed_init;
        }
        if kind != Kind::Instance && own.as_buffer.load().is_some() {
            buffer.bf_getbuffer = Some(crate::capi::pybuffer::managed_buffer);
        }
    }
}
