//! The end of a thread that Python made, while its VM is still there: what its thread state holds ends then, as in CPython,
//! and not with the thread, when nothing of Python's can run any more. The VM drops a thread's part of `_thread._local`
//! objects at that moment.

use std::sync::OnceLock;

use rustpython_vm::builtins::PyType;
use rustpython_vm::object::{MaybeTraverse, TraverseFn};
use rustpython_vm::{Context, Py, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine};

use crate::lifetime::thread;

/// An object's payload that drops what this thread's state holds.
#[derive(Debug)]
struct Ends;

impl Drop for Ends {
    fn drop(&mut self) {
        thread::in_section(|| thread::drop_held(thread::context()));
    }
}

impl MaybeTraverse for Ends {
    fn try_traverse(&self, _: &mut TraverseFn<'_>) {}
}

impl PyPayload for Ends {
    fn class(context: &Context) -> &'static Py<PyType> {
        context.types.object_type
    }
}

/// Has what this thread's state holds dropped at the thread's end; once for each thread is enough.
///
/// # Errors
/// What making the thread's part of an object raises.
pub(crate) fn watch(vm: &VirtualMachine, new_local: impl FnOnce() -> PyResult) -> PyResult<()> {
    static LOCAL: OnceLock<PyObjectRef> = OnceLock::new();
    let local = match LOCAL.get() {
        Some(local) => local,
        None => LOCAL.get_or_init({
            let made = new_local()?;
            || made
        }),
    };
    let ends: PyObjectRef = PyRef::new_ref(Ends, vm.ctx.types.object_type.to_owned(), None).into();
    thread::leave(vm, || local.set_attr("state", ends, vm))
}
