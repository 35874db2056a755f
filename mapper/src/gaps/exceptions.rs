//! `BaseException.__init__` takes no keyword arguments; RustPython's drops them, so that a class with a `__new__` of its own
//! could be called with any.

use std::sync::OnceLock;

use rustpython_vm::function::FuncArgs;
use rustpython_vm::{PyObject, PyResult, VirtualMachine};

use super::wrappers::{make_wrappers, put_in_front};

/// The VM's slot that initializes objects.
type Init = fn(&PyObject, FuncArgs, &VirtualMachine) -> PyResult<()>;

/// What `BaseException` does itself.
static ORIGINAL: OnceLock<Init> = OnceLock::new();

/// Puts our function in front of it. Once a process.
pub(crate) fn install(vm: &VirtualMachine) {
    let class = vm.ctx.exceptions.base_exception_type;
    if put_in_front!(class, init: ORIGINAL, init) {
        make_wrappers(vm, class, &["__init__"]);
        class.modified();
    }
}

fn init(this: &PyObject, args: FuncArgs, vm: &VirtualMachine) -> PyResult<()> {
    if !args.kwargs.is_empty() {
        let name = this.class().slot_name().to_string();
        return Err(vm.new_type_error(format!("{name}() takes no keyword arguments")));
    }
    ORIGINAL.get().expect("set before this function")(this, args, vm)
}
