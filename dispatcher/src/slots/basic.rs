//! What every object has: its texts, its hash and its comparison.

use std::ffi::c_int;

use rustclad_mapper::abi::layout as c;
use rustclad_mapper::heap::kind::Kind;
use rustpython_vm::builtins::{PyStr, PyTypeRef};
use rustpython_vm::function::{Callee, Either, FuncArgs, PyComparisonValue};
use rustpython_vm::types::PyComparisonOp;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyRef, PyResult, VirtualMachine};

use super::invoke::{compare, hash, unary};
use super::special::{class_slot, missing, special, split, unary_method};
use crate::definitions::{method, set};

/// `tp_repr`, `tp_str`, `tp_hash` and `tp_richcompare`.
pub(super) fn install(vm: &VirtualMachine, class: &PyTypeRef, t: &c::PyTypeObject) {
    install_text(vm, class, t);
    install_hash(vm, class, t);
    install_comparison(vm, class, t);
}

fn install_text(vm: &VirtualMachine, class: &PyTypeRef, t: &c::PyTypeObject) {
    if let Some(f) = t.tp_repr {
        class.slots.repr.store(Some(|this, vm| text_slot(vm, this, class_slot(vm, this, |t| t.tp_repr), "__repr__")));
        unary_method(vm, class, "__repr__", f);
    // SAFETY: a type whose kind is known.
    } else if matches!(unsafe { Kind::of_type(t) }, Kind::Exception | Kind::ByteArray) {
        crate::names::install_repr(class);
    }
    if let Some(f) = t.tp_str {
        class.slots.str.store(Some(|this, vm| text_slot(vm, this, class_slot(vm, this, |t| t.tp_str), "__str__")));
        unary_method(vm, class, "__str__", f);
    }
}

fn text_slot(
    vm: &VirtualMachine,
    this: &PyObject,
    f: Option<c::UnaryFunc>,
    name: &'static str,
) -> PyResult<PyRef<PyStr>> {
    let f = f.ok_or_else(|| missing(vm, name))?;
    unary(vm, f, this, name)?
        .downcast::<PyStr>()
        .map_err(|other| vm.new_type_error(format!("{name} returned non-string (type {})", other.class().name())))
}

fn install_hash(vm: &VirtualMachine, class: &PyTypeRef, t: &c::PyTypeObject) {
    if let Some(f) = t.tp_hash {
        if rustclad_mapper::is_exported(f as *const _, "PyObject_HashNotImplemented") {
            class
                .slots
                .hash
                .store(Some(|this, vm| Err(vm.new_type_error(format!("unhashable type: '{}'", this.class().name())))));
            set(vm, class, "__hash__", vm.ctx.none());
        } else {
            class.slots.hash.store(Some(|this, vm| match class_slot(vm, this, |t| t.tp_hash) {
                Some(f) => hash(vm, f, this),
                None => Err(missing(vm, "tp_hash")),
            }));
            special!(vm, class, "__hash__", |vm, this, []| Ok(vm.ctx.new_int(hash(vm, f, this)?).into()));
        }
    }
}

/// The VM's slot that compares.
type Compare =
    fn(&PyObject, &PyObject, PyComparisonOp, &VirtualMachine) -> PyResult<Either<PyObjectRef, PyComparisonValue>>;

fn install_comparison(vm: &VirtualMachine, class: &PyTypeRef, t: &c::PyTypeObject) {
    if let Some(f) = t.tp_richcompare {
        class.slots.richcompare.store(Some(compared));
        for (op, name) in ["__lt__", "__le__", "__eq__", "__ne__", "__gt__", "__ge__"].into_iter().enumerate() {
            let code = move |vm: &VirtualMachine, args: FuncArgs, _: Callee| -> PyResult {
                let (this, [other]) = split(vm, &args, name)?;
                compare(vm, f, this, other, op as c_int)
            };
            method(vm, class, name, Box::new(code));
        }
        if t.tp_hash.is_none() {
            set(vm, class, "__hash__", vm.ctx.none());
            class
                .slots
                .hash
                .store(Some(|this, vm| Err(vm.new_type_error(format!("unhashable type: '{}'", this.class().name())))));
        }
    } else if t.tp_hash.is_some() {
        // Hash and comparison are inherited together or not at all: the block has none then.
        class.slots.richcompare.store(Some(compared));
    } else if let Some(base) = class.base.deref()
        && base.slots.richcompare.load().is_some_and(|of_base| std::ptr::fn_addr_eq(of_base, compared as Compare))
    {
        // So has one that derives from such a type.
        class.slots.richcompare.store(Some(compared));
    }
}

/// The VM's slot for comparisons: what the class's block has.
fn compared(
    this: &PyObject,
    other: &PyObject,
    op: PyComparisonOp,
    vm: &VirtualMachine,
) -> PyResult<Either<PyObjectRef, PyComparisonValue>> {
    match class_slot(vm, this, |t| t.tp_richcompare) {
        Some(f) => compare(vm, f, this, other, operator(op)).map(Either::A),
        None => Ok(Either::B(PyComparisonValue::NotImplemented)),
    }
}

/// `Py_LT` and its like.
fn operator(op: PyComparisonOp) -> c_int {
    match op {
        PyComparisonOp::Lt => 0,
        PyComparisonOp::Le => 1,
        PyComparisonOp::Eq => 2,
        PyComparisonOp::Ne => 3,
        PyComparisonOp::Gt => 4,
        PyComparisonOp::Ge => 5,
    }
}
