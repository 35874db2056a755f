//! What surrounds the body of every C API function: the VM, the exception on failure, the wall that no panic passes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rustpython_vm::builtins::PyBaseExceptionRef;
use rustpython_vm::vm::thread::with_current_vm;
use rustpython_vm::{PyResult, VirtualMachine};

use crate::lifetime::thread::leave;
use crate::twins::reference::{Lent, New};

/// A type that a C API function returns, with the value that says "an exception is set".
pub trait CResult {
    /// The error value.
    const ERROR: Self;
}

impl CResult for New {
    const ERROR: Self = Self::NULL;
}
impl CResult for Lent {
    const ERROR: Self = Self::NULL;
}
impl CResult for () {
    const ERROR: Self = ();
}
impl CResult for f64 {
    const ERROR: Self = -1.0;
}
macro_rules! minus_one {
    ($($kind:ty)*) => { $(impl CResult for $kind { const ERROR: Self = !0; })* };
}
minus_one!(i32 i64 isize u32 u64 usize u8);
impl<T> CResult for Option<T> {
    const ERROR: Self = None;
}
impl<T> CResult for *const T {
    const ERROR: Self = std::ptr::null();
}
impl<T> CResult for *mut T {
    const ERROR: Self = std::ptr::null_mut();
}

/// Runs a function's body. An `Err` becomes the raised exception and the error value; a panic becomes a `SystemError`.
/// The C lock is held throughout; whatever may run Python code goes through [`crate::lifetime::thread::leave`].
#[inline]
pub fn api<R: CResult>(body: impl FnOnce(&VirtualMachine) -> PyResult<R>) -> R {
    match catch_unwind(AssertUnwindSafe(|| with_current_vm(body_then_raise(body)))) {
        Ok(result) => result,
        Err(panic) => caught(panic.as_ref()),
    }
}

#[inline]
fn body_then_raise<R: CResult>(body: impl FnOnce(&VirtualMachine) -> PyResult<R>) -> impl FnOnce(&VirtualMachine) -> R {
    move |vm| match body(vm) {
        Ok(result) => result,
        Err(error) => raise(vm, error),
    }
}

/// Raises `MemoryError`, and gives the error value.
#[cold]
pub fn no_memory<R: CResult>() -> R {
    api(|vm| Err(vm.no_memory_error()))
}

/// Runs the body of a function that cannot report an error: what it raises is printed as unraisable.
pub fn infallible<R>(default: R, body: impl FnOnce(&VirtualMachine) -> PyResult<R>) -> R {
    let report = |vm: &VirtualMachine, error| leave(vm, || vm.run_unraisable(error, None, vm.ctx.none()));
    let result =
        catch_unwind(AssertUnwindSafe(|| with_current_vm(|vm| body(vm).map_err(|error| report(vm, error)).ok())));
    result.ok().flatten().unwrap_or(default)
}

#[cold]
fn raise<R: CResult>(vm: &VirtualMachine, error: PyBaseExceptionRef) -> R {
    crate::twins::error::set(vm, error);
    R::ERROR
}

#[cold]
fn caught<R: CResult>(panic: &(dyn std::any::Any + Send)) -> R {
    let what = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "unknown panic".to_owned());
    with_current_vm(|vm| {
        crate::twins::error::set(vm, vm.new_system_error(format!("Rustclad panicked in a C API function: {what}")));
    });
    R::ERROR
}
