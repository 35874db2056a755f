//! The raised exception, which lives in the thread state because compiled code reads it there, and its way to and from
//! the VM's `Err`. Needs the C lock.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyBaseException, PyBaseExceptionRef, PyType, PyTypeRef};
use rustpython_vm::types::PyTypeSlots;
use rustpython_vm::vm::thread::try_with_current_vm;
use rustpython_vm::{AsObject, PyObject, PyResult, VirtualMachine};

use crate::heap::block::Block;
use crate::lifetime::{check, dealloc, thread};
use crate::twins::forms::exception;
use crate::twins::{chaining, retrieve, store};

pub use crate::lifetime::raised::{occurred, set_block, take_block};

/// Raises `error`: it replaces what was raised before.
pub fn set(vm: &VirtualMachine, error: PyBaseExceptionRef) {
    chaining::raise(vm, &error);
    set_as_it_is(vm, error);
}

/// [`set`] for an exception that has its context.
pub(crate) fn set_as_it_is(vm: &VirtualMachine, error: PyBaseExceptionRef) {
    let block = exception::bare(vm, error.as_object());
    set_block(block.unwrap_or_else(|| store::store_owned(vm, error.into())));
}

/// Takes the raised exception out of the thread state for C code, which gets the reference; NULL if there is none.
pub(crate) fn take_for_c() -> Block {
    let raised = take_block();
    if !raised.is_null() {
        try_with_current_vm(|vm| exception::complete(vm, raised));
    }
    raised
}

/// Takes the raised exception out of the thread state.
pub fn take(vm: &VirtualMachine) -> Option<PyBaseExceptionRef> {
    let block = take_block();
    if block.is_null() {
        return None;
    }
    // SAFETY: the thread state owned the reference.
    match unsafe { retrieve::take(vm, block) } {
        Ok(object) => Some(object.downcast::<PyBaseException>().unwrap_or_else(|object| {
            vm.new_system_error(format!("a C function raised a '{}' object", object.class().name()))
        })),
        Err(error) => Some(error),
    }
}

/// The raised exception as the VM's error; `SystemError` if a C function failed without raising.
#[cold]
pub fn fetch(vm: &VirtualMachine, what: &str) -> PyBaseExceptionRef {
    let raised = take(vm).unwrap_or_else(|| {
        let wrong = format!("{what} returned NULL without setting an exception");
        check::broken_result(&wrong);
        vm.new_system_error(wrong)
    });
    chaining::keep(vm, &raised);
    raised
}

/// What a C function returned, as the VM's result: CPython's `_Py_CheckFunctionResult`. `what` names the function as
/// the message of a `SystemError` does.
///
/// # Safety
/// `result` is NULL or a reference that the caller owns.
#[inline]
pub unsafe fn result(vm: &VirtualMachine, result: Block, what: impl FnOnce() -> String) -> PyResult {
    let raised = occurred();
    if !result.is_null() && raised.is_null() {
        // SAFETY: by contract.
        return unsafe { retrieve::take(vm, result) };
    }
    // SAFETY: by contract.
    Err(unsafe { failed(vm, result, &what()) })
}

/// What C code returned for an attribute. CPython checks what functions return, not this: NULL without an exception is no
/// attribute for who asks whether there is one (`getattr` with a default, `hasattr`), and an error for all others.
///
/// # Safety
/// As for [`result`].
#[inline]
pub unsafe fn attribute(vm: &VirtualMachine, result: Block, what: impl FnOnce() -> String) -> PyResult {
    if result.is_null() && occurred().is_null() {
        return Err(unfound(vm));
    }
    // SAFETY: by contract.
    unsafe { self::result(vm, result, what) }
}

/// A `SystemError` that is an `AttributeError`, too.
#[cold]
fn unfound(vm: &VirtualMachine) -> PyBaseExceptionRef {
    static CLASS: OnceLock<PyTypeRef> = OnceLock::new();
    let types = &vm.ctx.exceptions;
    let class = CLASS.get_or_init(|| {
        let bases = vec![types.attribute_error.to_owned(), types.system_error.to_owned()];
        let slots = PyTypeSlots::heap_default();
        let metaclass = vm.ctx.types.type_type.to_owned();
        PyType::new_heap("SystemError", bases, Default::default(), slots, metaclass, &vm.ctx)
            .unwrap_or_else(|_| types.attribute_error.to_owned())
    });
    let text = vm.ctx.new_str("error return without exception set");
    thread::leave(vm, || vm.invoke_exception(class, vec![text.into()])).unwrap_or_else(|error| error)
}

#[cold]
unsafe fn failed(vm: &VirtualMachine, result: Block, what: &str) -> PyBaseExceptionRef {
    if result.is_null() {
        return fetch(vm, what);
    }
    let cause = take(vm);
    // SAFETY: the caller owns the result.
    unsafe { dealloc::xdecref(result) };
    let wrong = format!("{what} returned a result with an exception set");
    check::broken_result(&wrong);
    let error = vm.new_system_error(wrong);
    if let Some(cause) = cause {
        chain(&error, cause);
        chaining::keep(vm, &error);
    }
    error
}

/// Makes `cause` the cause and the context of `error`, as CPython does when it replaces one exception by another.
pub(crate) fn chain(error: &PyBaseExceptionRef, cause: PyBaseExceptionRef) {
    error.set_context(Some(cause.clone()));
    error.set_cause(Some(cause));
}

/// What a C function that returns a status left: an error if one is raised.
///
/// # Errors
/// The raised exception; `SystemError` if `failed` and nothing was raised.
#[inline]
pub fn status(vm: &VirtualMachine, failed: bool, what: impl FnOnce() -> String) -> PyResult<()> {
    if failed || !occurred().is_null() { Err(fetch(vm, &what())) } else { Ok(()) }
}

/// A managed object's text for messages.
pub(crate) fn describe(vm: &VirtualMachine, object: &PyObject) -> String {
    thread::leave(vm, || object.repr(vm))
        .map_or_else(|_| "<object>".to_owned(), |text| text.to_string_lossy().into_owned())
}

/// How [`crate::lifetime::handled`] reads an exception.
///
/// # Safety
/// `block` is a live object.
pub(crate) unsafe fn read(vm: &VirtualMachine, block: Block) -> Option<PyBaseExceptionRef> {
    // SAFETY: by contract.
    unsafe { retrieve::retrieve(vm, block) }.ok().and_then(|found| found.downcast().ok())
}
