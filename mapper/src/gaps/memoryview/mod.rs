//! Memory views as CPython has them. RustPython's own show the memory as one piece of bytes, read items of any format that
//! the `struct` module knows, and are equal where CPython's are not. Here are the parts of it that differ: items by index,
//! writing, comparing and copying, for any format and shape that PEP 3118 allows. Slices are the VM's own.

mod compare;
pub(crate) mod formats;
mod index;
pub(crate) mod indirect;
mod items;
mod view;
mod whole;

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyMemoryView, PyType, PyTypeRef};
use rustpython_vm::function::{Either, FuncArgs, PyComparisonValue};
use rustpython_vm::protocol::{PyMapping, PySequence};
use rustpython_vm::types::PyComparisonOp;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::wrappers::make_wrappers;
use view::View;

/// As many dimensions as a memory view may have.
pub(crate) const MOST_DIMENSIONS: usize = 64;

type Compare =
    fn(&PyObject, &PyObject, PyComparisonOp, &VirtualMachine) -> PyResult<Either<PyObjectRef, PyComparisonValue>>;

/// The VM's own slots.
struct Own {
    new: fn(PyTypeRef, FuncArgs, &VirtualMachine) -> PyResult,
    get: fn(PyMapping<'_>, &PyObject, &VirtualMachine) -> PyResult,
    set: fn(PyMapping<'_>, &PyObject, Option<PyObjectRef>, &VirtualMachine) -> PyResult<()>,
    compare: Compare,
    iterate: fn(PyObjectRef, &VirtualMachine) -> PyResult,
}

static OWN: OnceLock<Own> = OnceLock::new();

fn own() -> &'static Own {
    OWN.get().expect("set before the slots")
}

/// Mends memory views. Once a process.
pub(crate) fn install(vm: &VirtualMachine) {
    let class = vm.ctx.types.memoryview_type;
    let slots = &class.slots;
    let found = || {
        Some(Own {
            new: slots.new.load()?,
            get: slots.as_mapping.subscript.load()?,
            set: slots.as_mapping.ass_subscript.load()?,
            compare: slots.richcompare.load()?,
            iterate: slots.iter.load()?,
        })
    };
    let Some(found) = found() else { return };
    if OWN.set(found).is_err() {
        return;
    }
    slots.new.store(Some(new));
    slots.as_mapping.subscript.store(Some(get));
    slots.as_mapping.ass_subscript.store(Some(set));
    slots.as_sequence.item.store(Some(item));
    slots.richcompare.store(Some(compare));
    slots.iter.store(Some(iterate));
    make_wrappers(vm, class, &["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__iter__"]);
    make_wrappers(vm, class, &["__getitem__", "__setitem__", "__delitem__"]);
    whole::install(vm, class);
}

/// `memoryview(object)`.
fn new(class: PyTypeRef, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let made = (own().new)(class, args, vm)?;
    if let Ok(view) = View::open(vm, &made) {
        check_dimensions(vm, view.dimensions())?;
    }
    Ok(made)
}

/// Refuses memory with too many dimensions.
///
/// # Errors
/// `ValueError`.
pub(crate) fn check_dimensions(vm: &VirtualMachine, dimensions: usize) -> PyResult<()> {
    if dimensions <= MOST_DIMENSIONS {
        return Ok(());
    }
    Err(vm.new_value_error(format!("memoryview: number of dimensions must not exceed {MOST_DIMENSIONS}")))
}

/// Whether a memory view can be opened; if not, the VM's own way says why, or does what can be done with it yet.
fn can_open(vm: &VirtualMachine, view: &PyObject) -> bool {
    View::open(vm, view).is_ok()
}

fn get(mapping: PyMapping<'_>, key: &PyObject, vm: &VirtualMachine) -> PyResult {
    match index::get(vm, mapping.obj, key) {
        Ok(Some(item)) => Ok(item),
        Ok(None) => (own().get)(mapping, key, vm),
        Err(_) if !can_open(vm, mapping.obj) => (own().get)(mapping, key, vm),
        Err(error) => Err(error),
    }
}

fn set(mapping: PyMapping<'_>, key: &PyObject, value: Option<PyObjectRef>, vm: &VirtualMachine) -> PyResult<()> {
    if !can_open(vm, mapping.obj) {
        return (own().set)(mapping, key, value, vm);
    }
    index::set(vm, mapping.obj, key, value)
}

fn item(sequence: PySequence<'_>, index: isize, vm: &VirtualMachine) -> PyResult {
    let index = vm.ctx.new_int(index);
    sequence.obj.get_item(index.as_object(), vm)
}

fn iterate(view: PyObjectRef, vm: &VirtualMachine) -> PyResult {
    check_line(vm, &view)?;
    (own().iterate)(view, vm)
}

/// Refuses what has not one dimension of items that can be read.
fn check_line(vm: &VirtualMachine, view: &PyObject) -> PyResult<()> {
    let opened = View::open(vm, view)?;
    match opened.dimensions() {
        0 => Err(vm.new_type_error("invalid indexing of 0-dim memory")),
        1 => formats::code(vm, opened.format()).map(drop),
        _ => Err(vm.new_not_implemented_error("multi-dimensional sub-views are not implemented")),
    }
}

fn compare(
    a: &PyObject,
    b: &PyObject,
    op: PyComparisonOp,
    vm: &VirtualMachine,
) -> PyResult<Either<PyObjectRef, PyComparisonValue>> {
    let is_wanted = match op {
        PyComparisonOp::Eq => true,
        PyComparisonOp::Ne => false,
        _ => return Ok(Either::B(PyComparisonValue::NotImplemented)),
    };
    let Ok(of_a) = View::open(vm, a) else { return (own().compare)(a, b, op, vm) };
    let of_b = match View::open(vm, b) {
        Ok(view) => view,
        // One that was released, or is shown to its exporter for the last time.
        Err(_) if b.downcastable::<PyMemoryView>() => return (own().compare)(a, b, op, vm),
        Err(_) => return Ok(Either::B(PyComparisonValue::NotImplemented)),
    };
    let equal = compare::are_equal(vm, &of_a, &of_b)?;
    Ok(Either::B(PyComparisonValue::Implemented(equal == is_wanted)))
}

/// The class of memory views.
type Class = &'static Py<PyType>;
