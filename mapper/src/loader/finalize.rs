//! The end of an interpreter. The VM takes its modules apart as CPython does, but without C's references in view: at the
//! two points where CPython collects, ours looks. Each point is known by an object that the VM drops there.

use std::sync::Mutex;

use rustpython_vm::builtins::PyType;
use rustpython_vm::object::{MaybeTraverse, TraverseFn};
use rustpython_vm::vm::thread::try_with_current_vm;
use rustpython_vm::{Context, Py, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine};

use crate::lifetime::{collect, thread};
use crate::loader::load;
use crate::twins::state;

/// Not an identifier, so that no program meets it by chance.
const NAME: &str = "<rustclad's end>";

/// An object's payload that calls a function when it is dropped.
#[derive(Debug)]
struct Sentinel(fn(&VirtualMachine));

impl Drop for Sentinel {
    fn drop(&mut self) {
        try_with_current_vm(|vm| (self.0)(vm));
    }
}

impl MaybeTraverse for Sentinel {
    fn try_traverse(&self, _: &mut TraverseFn<'_>) {}
}

impl PyPayload for Sentinel {
    fn class(context: &Context) -> &'static Py<PyType> {
        context.types.object_type
    }
}

/// Has this interpreter's C objects taken apart at its end. Once for each interpreter.
///
/// # Errors
/// What `atexit` raises.
pub(crate) fn install(vm: &VirtualMachine) -> PyResult<()> {
    static KNOWN: Mutex<Vec<i64>> = Mutex::new(Vec::new());
    {
        let mut known = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if known.contains(&vm.state.interpreter_id) {
            return Ok(());
        }
        known.push(vm.state.interpreter_id);
    }
    let place = vm.new_function("place_sentinels", place);
    vm.import("atexit", 0)?.get_attr("register", vm)?.call((place,), vm)?;
    Ok(())
}

/// Puts the sentinels where the VM drops them: the last of the modules, and the last of `sys`.
fn place(vm: &VirtualMachine) -> PyResult<()> {
    let modules = vm.sys_module.get_attr("modules", vm)?;
    modules.set_item(NAME, sentinel(vm, modules_are_gone), vm)?;
    vm.sys_module.dict().set_item(NAME, sentinel(vm, sys_is_gone), vm)
}

fn sentinel(vm: &VirtualMachine, end: fn(&VirtualMachine)) -> PyObjectRef {
    PyRef::new_ref(Sentinel(end), vm.ctx.types.object_type.to_owned(), None).into()
}

/// No module is in `sys.modules` any more; their dicts are whole.
fn modules_are_gone(vm: &VirtualMachine) {
    collect::collect(vm, 2);
}

/// All dicts of modules are empty: what C keeps for itself goes last.
fn sys_is_gone(vm: &VirtualMachine) {
    let section = thread::enter(vm);
    drop(state::forget(vm));
    collect::collect(vm, 2);
    drop(load::forget(vm));
    collect::collect(vm, 2);
    drop(section);
}
