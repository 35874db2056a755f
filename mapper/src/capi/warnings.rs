//! `warnings.h`: warnings.

use super::abstract_::new_name;
use super::prelude::*;
use crate::capi::support::names::file_name;
use rustpython_vm::builtins::PyStrRef;

fn warn(
    vm: &VirtualMachine,
    category: Borrowed,
    text: PyObjectRef,
    level: isize,
    source: Option<PyObjectRef>,
) -> PyResult<c_int> {
    let category = category.opt(vm)?.unwrap_or_else(|| vm.ctx.exceptions.runtime_warning.to_owned().into());
    let warnings = leave(vm, || vm.import("warnings", 0))?;
    let source = source.unwrap_or_else(|| vm.ctx.none());
    leave(vm, || vm.call_method(&warnings, "warn", (text, category, level, source)).map(drop))?;
    Ok(0)
}

/// Issues a warning (`RuntimeWarning` if the category is NULL). 0, or -1 with an exception if warnings raise.
pub unsafe extern "C" fn PyErr_WarnEx(category: Borrowed, text: *const c_char, level: isize) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| warn(vm, category, unsafe { new_name(vm, text)? }.into(), level, None))
}

/// [`PyErr_WarnEx`] with a formatted text.
pub unsafe extern "C" fn PyErr_WarnFormat(
    category: Borrowed,
    level: isize,
    format: *const c_char,
    va: *mut VaList,
) -> c_int {
    api(|vm| {
        // SAFETY: C's arguments.
        let text = unsafe { crate::capi::support::format::format(vm, format, &mut *va)? };
        warn(vm, category, vm.ctx.new_str(text).into(), level, None)
    })
}

/// Issues a `ResourceWarning` about an object.
pub unsafe extern "C" fn PyErr_ResourceWarning(
    source: Borrowed,
    level: isize,
    format: *const c_char,
    va: *mut VaList,
) -> c_int {
    api(|vm| {
        // SAFETY: C's arguments.
        let text = unsafe { crate::capi::support::format::format(vm, format, &mut *va)? };
        let category = types::type_block(vm, vm.ctx.exceptions.resource_warning);
        warn(vm, Borrowed(category.cast()), vm.ctx.new_str(text).into(), level, source.opt(vm)?)
    })
}

/// Issues a warning as if it came from a place in a source file; module and registry may be NULL. 0, or -1 with an
/// exception.
pub unsafe extern "C" fn PyErr_WarnExplicitObject(
    category: Borrowed,
    message: Borrowed,
    file: Borrowed,
    line: c_int,
    module: Borrowed,
    registry: Borrowed,
) -> c_int {
    api(|vm| {
        let category = category.opt(vm)?.unwrap_or_else(|| vm.ctx.exceptions.runtime_warning.to_owned().into());
        let or_none = |object: Borrowed| object.opt(vm).map(|object| object.unwrap_or_else(|| vm.ctx.none()));
        explicit(vm, message.get(vm)?, category, file.get(vm)?, line, or_none(module)?, or_none(registry)?)
    })
}

fn explicit(
    vm: &VirtualMachine,
    message: PyObjectRef,
    category: PyObjectRef,
    file: PyObjectRef,
    line: c_int,
    module: PyObjectRef,
    registry: PyObjectRef,
) -> PyResult<c_int> {
    let function = leave(vm, || vm.import("warnings", 0)?.get_attr("warn_explicit", vm))?;
    leave(vm, || function.call((message, category, file, line, module, registry), vm)).map(|_| 0)
}

/// [`PyErr_WarnExplicitObject`] with C's texts.
pub unsafe extern "C" fn PyErr_WarnExplicit(
    category: Borrowed,
    message: *const c_char,
    file: *const c_char,
    line: c_int,
    module: *const c_char,
    registry: Borrowed,
) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe { explicit_texts(vm, category, new_name(vm, message)?, file, line, module, registry) })
}

/// [`PyErr_WarnExplicit`] with a formatted message.
pub unsafe extern "C" fn PyErr_WarnExplicitFormat(
    category: Borrowed,
    file: *const c_char,
    line: c_int,
    module: *const c_char,
    registry: Borrowed,
    format: *const c_char,
    va: *mut VaList,
) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        let text = crate::capi::support::format::format(vm, format, &mut *va)?;
        explicit_texts(vm, category, vm.ctx.new_str(text), file, line, module, registry)
    })
}

unsafe fn explicit_texts(
    vm: &VirtualMachine,
    category: Borrowed,
    message: PyStrRef,
    file: *const c_char,
    line: c_int,
    module: *const c_char,
    registry: Borrowed,
) -> PyResult<c_int> {
    let category = category.opt(vm)?.unwrap_or_else(|| vm.ctx.exceptions.runtime_warning.to_owned().into());
    // SAFETY: C's arguments.
    let (file, module): (PyObjectRef, PyObjectRef) = unsafe {
        (file_name(vm, file).into(), if module.is_null() { vm.ctx.none() } else { new_name(vm, module)?.into() })
    };
    let registry = registry.opt(vm)?.unwrap_or_else(|| vm.ctx.none());
    explicit(vm, message.into(), category, file, line, module, registry)
}
