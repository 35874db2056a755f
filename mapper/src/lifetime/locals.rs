//! `threading.local` objects on threads from outside. The VM ends a thread's part of them with the threads that Python made; on
//! others it does so when the thread has gone, where an object's end aborts the process. So their parts end here, with the
//! thread's state, as in CPython: what is in them. The parts themselves, dicts, stay until the VM has let them go.

use std::sync::{Mutex, OnceLock};

use rustpython_vm::builtins::{PyStr, PyType};
use rustpython_vm::function::PySetterValue;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::gaps::wrappers::{make_wrappers, put_in_front};
use crate::lifetime::{interpreter, thread};

type GetAttr = fn(&PyObject, &Py<PyStr>, &VirtualMachine) -> PyResult;
type SetAttr = fn(&PyObject, &Py<PyStr>, PySetterValue<PyObjectRef>, &VirtualMachine) -> PyResult<()>;

/// The VM's own slots of `_thread._local`, in front of which ours stand.
static GET: OnceLock<GetAttr> = OnceLock::new();
static SET: OnceLock<SetAttr> = OnceLock::new();

/// The dicts of such threads' parts.
static PARTS: Mutex<Vec<PyObjectRef>> = Mutex::new(Vec::new());

fn parts() -> std::sync::MutexGuard<'static, Vec<PyObjectRef>> {
    PARTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Puts our functions in front of the slots of `_thread._local` and the classes derived from it. Once, before C code runs.
///
/// # Errors
/// What the import raises.
pub(crate) fn prepare(vm: &VirtualMachine) -> PyResult<()> {
    let class = vm.import("_thread", 0)?.get_attr("_local", vm)?;
    let Some(class) = class.downcast_ref::<PyType>() else { return Ok(()) };
    if put_in_front!(class, getattro: GET, get_attribute) && put_in_front!(class, setattro: SET, set_attribute) {
        // SAFETY: RustPython's own static types never die.
        let lasting: &'static Py<PyType> = unsafe { &*std::ptr::from_ref(class) };
        // What derives from it later takes its slots from these.
        make_wrappers(vm, lasting, &["__getattribute__", "__setattr__", "__delattr__"]);
        class.modified();
    }
    Ok(())
}

fn get_attribute(local: &PyObject, name: &Py<PyStr>, vm: &VirtualMachine) -> PyResult {
    let result = GET.get().expect("set before this function")(local, name, vm);
    if interpreter::is_attached_here() {
        note(vm, local);
    }
    result
}

fn set_attribute(
    local: &PyObject,
    name: &Py<PyStr>,
    value: PySetterValue<PyObjectRef>,
    vm: &VirtualMachine,
) -> PyResult<()> {
    let result = set_or_delete(local, name, value, vm);
    if interpreter::is_attached_here() {
        note(vm, local);
    }
    result
}

/// What `_local` does itself, and what it leaves out: attributes of the class go before the thread's own dict, if they can be
/// set, and what is not there is no attribute.
fn set_or_delete(
    local: &PyObject,
    name: &Py<PyStr>,
    value: PySetterValue<PyObjectRef>,
    vm: &VirtualMachine,
) -> PyResult<()> {
    let of_class = local.class().get_attr(vm.ctx.intern_str(name.as_wtf8())).filter(|_| name.as_bytes() != b"__dict__");
    if let Some(descriptor) = of_class
        && let Some(set) = descriptor.class().slots.descr_set.load()
    {
        return set(&descriptor, local.to_owned(), value, vm);
    }
    let deletes = matches!(value, PySetterValue::Delete);
    let result = SET.get().expect("set before this function")(local, name, value, vm);
    result.map_err(|error| {
        if deletes && error.fast_isinstance(vm.ctx.exceptions.key_error) {
            let class = local.class().slot_name().to_string();
            return vm.new_attribute_error(format!("'{class}' object has no attribute '{name}'"));
        }
        error
    })
}

/// Remembers that this thread, one from outside, has a part of an object.
fn note(vm: &VirtualMachine, local: &PyObject) {
    let known = &thread::context().locals;
    if known.borrow().iter().any(|other| other.is(local)) {
        return;
    }
    known.borrow_mut().push(local.to_owned());
    let get = GET.get().expect("set before the slots");
    if let Ok(part) = get(local, vm.ctx.intern_str("__dict__"), vm) {
        let mut parts = parts();
        if !parts.iter().any(|other| other.is(&part)) {
            parts.push(part);
        }
    }
}

/// Ends what is in this thread's parts of such objects. The thread is attached, and has not the C lock.
pub(crate) fn end(vm: &VirtualMachine) {
    let locals = std::mem::take(&mut *thread::context().locals.borrow_mut());
    if locals.is_empty() {
        return;
    }
    let get = GET.get().expect("set before anything is noted");
    for local in &locals {
        if let Ok(part) = get(local, vm.ctx.intern_str("__dict__"), vm) {
            let _ = vm.call_method(&part, "clear", ());
        }
    }
    // Those of threads that are gone.
    let gone: Vec<PyObjectRef> = {
        let mut parts = parts();
        let (gone, kept) = std::mem::take(&mut *parts).into_iter().partition(|part| part.strong_count() == 1);
        *parts = kept;
        gone
    };
    drop(gone);
}
