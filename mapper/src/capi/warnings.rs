//! `warnings.h`: warnings.

use super::prelude::*;

fn warn(vm: &VirtualMachine, category: Borrowed, text: PyObjectRef, level: isize, source: Option<PyObjectRef>) -> PyResult<c_int> {
    let category = category.opt(vm)?.unwrap_or_else(|| vm.ctx.exceptions.runtime_warning.to_owned().into());
    let warnings = vm.import("warnings", 0)?;
    let source = source.unwrap_or_else(|| vm.ctx.none());
    leave(vm, || vm.call_method(&warnings, "warn", (text, category, level, source)))?;
    Ok(0)
}

/// Issues a warning (`RuntimeWarning` if the category is NULL). 0, or -1 with an exception if warnings raise.
pub unsafe extern "C" fn PyErr_WarnEx(category: Borrowed, text: *const c_char, level: isize) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| warn(vm, category, vm.ctx.new_str(unsafe { error::text(text) }).into(), level, None))
}

/// [`PyErr_WarnEx`] with a formatted text.
pub unsafe extern "C" fn PyErr_WarnFormat(category: Borrowed, level: isize, format: *const c_char, va: *mut VaList) -> c_int {
    api(|vm| {
        // SAFETY: C's arguments.
        let text = unsafe { crate::format::format(vm, format, &mut *va)? };
        warn(vm, category, vm.ctx.new_str(text).into(), level, None)
    })
}

/// Issues a `ResourceWarning` about an object.
pub unsafe extern "C" fn PyErr_ResourceWarning(source: Borrowed, level: isize, format: *const c_char, va: *mut VaList) -> c_int {
    api(|vm| {
        // SAFETY: C's arguments.
        let text = unsafe { crate::format::format(vm, format, &mut *va)? };
        let category = types::type_block(vm, vm.ctx.exceptions.resource_warning);
        warn(vm, Borrowed(category.cast()), vm.ctx.new_str(text).into(), level, source.opt(vm)?)
    })
}
