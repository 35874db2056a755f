//! How dicts are compared. RustPython asks a subclass's own `__getitem__` for the values; CPython reads the table.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyDict, PyDictRef};
use rustpython_vm::function::{Either, PyComparisonValue};
use rustpython_vm::types::PyComparisonOp;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::wrappers::{make_wrappers, put_in_front};

/// The VM's slot that compares.
type Compare =
    fn(&PyObject, &PyObject, PyComparisonOp, &VirtualMachine) -> PyResult<Either<PyObjectRef, PyComparisonValue>>;

/// What `dict` does itself.
static ORIGINAL: OnceLock<Compare> = OnceLock::new();

/// Has dicts compared by their tables. Once a process.
pub(crate) fn install(vm: &VirtualMachine) {
    let class = vm.ctx.types.dict_type;
    if !put_in_front!(class, richcompare: ORIGINAL, compare) {
        return;
    }
    make_wrappers(vm, class, &["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"]);
}

fn compare(
    a: &PyObject,
    b: &PyObject,
    op: PyComparisonOp,
    vm: &VirtualMachine,
) -> PyResult<Either<PyObjectRef, PyComparisonValue>> {
    let original = ORIGINAL.get().expect("set before this function");
    let (of_a, of_b) = (plain(vm, a)?, plain(vm, b)?);
    original(of_a.as_ref().map_or(a, AsObject::as_object), of_b.as_ref().map_or(b, AsObject::as_object), op, vm)
}

/// A dict with the same contents, of one whose class has another `__getitem__`.
fn plain(vm: &VirtualMachine, object: &PyObject) -> PyResult<Option<PyDictRef>> {
    let Some(dict) = object.downcast_ref::<PyDict>() else { return Ok(None) };
    let (class, exact) = (object.class(), vm.ctx.types.dict_type);
    if class.is(exact) {
        return Ok(None);
    }
    let name = vm.ctx.intern_str("__getitem__");
    if class.get_attr(name).zip(exact.get_attr(name)).is_some_and(|(own, of_dict)| own.is(&of_dict)) {
        return Ok(None);
    }
    let copy = vm.ctx.new_dict();
    for (key, value) in dict {
        copy.set_item(&*key, value, vm)?;
    }
    Ok(Some(copy))
}
