//! The hash of C's and the VM's functions: equal bound methods hash equally, as in CPython. The VM compares them, but hashes
//! their addresses.

use rustpython_vm::common::hash::{PyHash, fix_sentinel};
use rustpython_vm::function::HeapMethodDef;
use rustpython_vm::{AsObject, Py, PyObject, PyPayload, PyRef, PyResult, VirtualMachine};

use crate::gaps::wrappers::make_wrappers;

/// Gives the VM's type its hash. Once.
pub(crate) fn install(vm: &VirtualMachine) {
    let class = vm.ctx.types.builtin_function_or_method_type;
    class.slots.hash.store(Some(hash));
    make_wrappers(vm, class, &["__hash__"]);
    class.modified();
}

/// The receiver's address and the function's, for the VM compares these.
fn hash(object: &PyObject, _: &VirtualMachine) -> PyResult<PyHash> {
    let Some(function) = as_made_by(|definition, vm| definition.build_function(vm, None), object) else {
        return Ok(object.get_id() as PyHash);
    };
    let receiver = function.get_self().map_or(0, AsObject::get_id);
    let code = std::ptr::from_ref(function.as_func());
    // SAFETY: a pointer to a trait object is two words. The one to the functions tells those apart that have no data.
    let [data, functions]: [usize; 2] = unsafe { std::mem::transmute(code) };
    Ok(fix_sentinel((receiver.rotate_right(4) ^ data.rotate_right(4) ^ functions.rotate_right(8)) as PyHash))
}

/// An object as one of the type that a function makes: the VM gives that of its functions no name.
fn as_made_by<T: PyPayload>(
    _: fn(&PyRef<HeapMethodDef>, &VirtualMachine) -> PyRef<T>,
    object: &PyObject,
) -> Option<&Py<T>> {
    object.downcast_ref()
}
