//! The slots of managed types, as C code calls them: plain functions that go on to the VM's slot of the object's class.

use std::ffi::c_int;
use std::mem::transmute;

use rustpython_vm::builtins::PyType;
use rustpython_vm::function::{Either, PyComparisonValue, PySetterValue};
use rustpython_vm::protocol::PyIterReturn;
use rustpython_vm::types::PyTypeSlots;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::abi::address::exported;
use crate::abi::layout as c;
use crate::calls::api::{api, infallible};
use crate::capi::sequence::{sq_ass_item, sq_item};
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
        leave(vm, || object.try_call_finalizer());
        Ok(())
    });
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

/// The VM's slots of a class, and those of a base that it has some in common with.
#[derive(Clone, Copy)]
struct Slots<'a> {
    own: &'a PyTypeSlots,
    base: Option<&'a PyTypeSlots>,
}

/// Whether the VM's slot is there and is not just the base's.
macro_rules! has {
    ($slots:expr, $($slot:ident).+) => {
        $slots.own.$($slot).+.load().is_some_and(|f| {
            $slots.base.and_then(|base| base.$($slot).+.load()).is_none_or(|other| f as usize != other as usize)
        })
    };
}

/// Fills in the exported functions of the slots that are there.
macro_rules! set_exported {
    ($slots:expr, $to:expr; $($($slot:ident).+ => $field:ident, $name:literal;)*) => {
        $(if has!($slots, $($slot).+) { $to.$field = transmute(exported($name)); })*
    };
}

/// Fills in functions of ours for the slots that are there.
macro_rules! set_own {
    ($slots:expr, $to:expr; $($($slot:ident).+ => $field:ident, $f:expr;)*) => {
        $(if has!($slots, $($slot).+) { $to.$field = Some($f); })*
    };
}

/// Fills in the slots that a managed type has and that `base`, if it is given, does not have in common with it. Suites
/// are the block's own.
///
/// # Safety
/// `t` is a type's block with suites of its own, `class` its twin.
pub(crate) unsafe fn fill(t: &mut c::PyTypeObject, class: &Py<PyType>, base: Option<&Py<PyType>>, kind: Kind) {
    let slots = Slots { own: &class.slots, base: base.map(|base| &base.slots) };
    let heap = class.heaptype_ext.is_some();
    // SAFETY: by contract; suites are there.
    unsafe {
        fill_type(t, slots);
        if heap && base.is_none() && slots.own.iternext.load().is_none() {
            t.tp_iternext = Some(next_not_implemented);
        }
        fill_number(&mut *t.tp_as_number, slots);
        if heap {
            fill_operators::<true>(&mut *t.tp_as_number, slots);
        } else {
            fill_operators::<false>(&mut *t.tp_as_number, slots);
        }
        fill_containers(&mut *t.tp_as_sequence, &mut *t.tp_as_mapping, slots);
        if kind != Kind::Instance && slots.own.as_buffer.load().is_some() {
            (*t.tp_as_buffer).bf_getbuffer = Some(crate::capi::pybuffer::managed_buffer);
        }
    }
}

/// The slots of the type itself.
unsafe fn fill_type(t: &mut c::PyTypeObject, slots: Slots<'_>) {
    // SAFETY: each exported function has the slot's type.
    unsafe {
        set_exported! { slots, t;
            repr => tp_repr, "PyObject_Repr";
            str => tp_str, "PyObject_Str";
            hash => tp_hash, "PyObject_Hash";
            getattro => tp_getattro, "PyObject_GetAttr";
            call => tp_call, "PyObject_Call";
            iter => tp_iter, "PyObject_GetIter";
        }
    }
    set_own! { slots, t;
        richcompare => tp_richcompare, tp_richcompare;
        iternext => tp_iternext, tp_iternext;
        setattro => tp_setattro, tp_setattro;
        descr_get => tp_descr_get, tp_descr_get;
        descr_set => tp_descr_set, tp_descr_set;
        del => tp_finalize, tp_finalize;
        new => tp_new, crate::slots::fill::managed_new;
        init => tp_init, crate::slots::fill::managed_init;
    }
}

/// The slots of numbers, but for binary operators.
unsafe fn fill_number(number: &mut c::PyNumberMethods, slots: Slots<'_>) {
    // SAFETY: each exported function has the slot's type.
    unsafe {
        set_exported! { slots, number;
            as_number.negative => nb_negative, "PyNumber_Negative";
            as_number.positive => nb_positive, "PyNumber_Positive";
            as_number.absolute => nb_absolute, "PyNumber_Absolute";
            as_number.invert => nb_invert, "PyNumber_Invert";
            as_number.boolean => nb_bool, "PyObject_IsTrue";
            as_number.int => nb_int, "PyNumber_Long";
            as_number.float => nb_float, "PyNumber_Float";
            as_number.index => nb_index, "PyNumber_Index";
            as_number.inplace_add => nb_inplace_add, "PyNumber_InPlaceAdd";
            as_number.inplace_subtract => nb_inplace_subtract, "PyNumber_InPlaceSubtract";
            as_number.inplace_multiply => nb_inplace_multiply, "PyNumber_InPlaceMultiply";
            as_number.inplace_remainder => nb_inplace_remainder, "PyNumber_InPlaceRemainder";
            as_number.inplace_power => nb_inplace_power, "PyNumber_InPlacePower";
            as_number.inplace_lshift => nb_inplace_lshift, "PyNumber_InPlaceLshift";
            as_number.inplace_rshift => nb_inplace_rshift, "PyNumber_InPlaceRshift";
            as_number.inplace_and => nb_inplace_and, "PyNumber_InPlaceAnd";
            as_number.inplace_xor => nb_inplace_xor, "PyNumber_InPlaceXor";
            as_number.inplace_or => nb_inplace_or, "PyNumber_InPlaceOr";
            as_number.inplace_floor_divide => nb_inplace_floor_divide, "PyNumber_InPlaceFloorDivide";
            as_number.inplace_true_divide => nb_inplace_true_divide, "PyNumber_InPlaceTrueDivide";
            as_number.inplace_matrix_multiply => nb_inplace_matrix_multiply, "PyNumber_InPlaceMatrixMultiply";
        }
    }
}

/// The binary operators, of which there are two sorts.
fn fill_operators<const HEAP: bool>(number: &mut c::PyNumberMethods, slots: Slots<'_>) {
    set_own! { slots, number;
        as_number.add => nb_add, nb_add::<HEAP>;
        as_number.subtract => nb_subtract, nb_subtract::<HEAP>;
        as_number.multiply => nb_multiply, nb_multiply::<HEAP>;
        as_number.remainder => nb_remainder, nb_remainder::<HEAP>;
        as_number.divmod => nb_divmod, nb_divmod::<HEAP>;
        as_number.lshift => nb_lshift, nb_lshift::<HEAP>;
        as_number.rshift => nb_rshift, nb_rshift::<HEAP>;
        as_number.and => nb_and, nb_and::<HEAP>;
        as_number.xor => nb_xor, nb_xor::<HEAP>;
        as_number.or => nb_or, nb_or::<HEAP>;
        as_number.floor_divide => nb_floor_divide, nb_floor_divide::<HEAP>;
        as_number.true_divide => nb_true_divide, nb_true_divide::<HEAP>;
        as_number.matrix_multiply => nb_matrix_multiply, nb_matrix_multiply::<HEAP>;
        as_number.power => nb_power, nb_power::<HEAP>;
    }
}

/// The slots of sequences and of mappings.
unsafe fn fill_containers(sequence: &mut c::PySequenceMethods, mapping: &mut c::PyMappingMethods, slots: Slots<'_>) {
    // SAFETY: each exported function has the slot's type.
    unsafe {
        set_exported! { slots, sequence;
            as_sequence.length => sq_length, "PyObject_Size";
            as_sequence.concat => sq_concat, "PySequence_Concat";
            as_sequence.repeat => sq_repeat, "PySequence_Repeat";
            as_sequence.contains => sq_contains, "PySequence_Contains";
            as_sequence.inplace_concat => sq_inplace_concat, "PySequence_InPlaceConcat";
            as_sequence.inplace_repeat => sq_inplace_repeat, "PySequence_InPlaceRepeat";
        }
        set_exported! { slots, mapping;
            as_mapping.length => mp_length, "PyObject_Size";
            as_mapping.subscript => mp_subscript, "PyObject_GetItem";
        }
    }
    set_own! { slots, sequence;
        as_sequence.item => sq_item, sq_item;
        as_sequence.ass_item => sq_ass_item, sq_ass_item;
    }
    set_own! { slots, mapping; as_mapping.ass_subscript => mp_ass_subscript, mp_ass_subscript; }
}
