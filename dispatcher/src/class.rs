//! x
use rustclad_mapper::dispatch::ClassParts;
use rustclad_mapper::layout as c;
use rustpython_vm::builtins::PyTypeRef;
use rustpython_vm::{PyResult, VirtualMachine};
pub(crate) fn new(vm: &VirtualMachine, block: *mut c::PyTypeObject, parts: ClassParts) -> PyResult<PyTypeRef> {
    let _ = (block, parts);
    Err(vm.new_system_error("x"))
}
