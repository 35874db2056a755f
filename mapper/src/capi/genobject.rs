//! `cpython/genobject.h`: generators.

use super::prelude::*;
use rustpython_vm::builtins::PyGenerator;

/// The code object of a generator; a new reference.
pub unsafe extern "C" fn PyGen_GetCode(generator: Borrowed) -> New {
    api(|vm| Ok(New::of(vm, generator.of::<PyGenerator>(vm)?.as_coro().code())))
}

/// Takes the value out of a raised `StopIteration`, a new reference: None if nothing is raised. 0, or -1 if something
/// else is raised.
pub unsafe extern "C" fn _PyGen_FetchStopIterationValue(result: *mut Block) -> c_int {
    // SAFETY: C's argument.
    unsafe { *result = std::ptr::null_mut() };
    api(|vm| {
        let value = match error::take(vm) {
            None => vm.ctx.none(),
            Some(raised) if raised.fast_isinstance(vm.ctx.exceptions.stop_iteration) => {
                leave(vm, || raised.as_object().get_attr("value", vm))?
            }
            Some(raised) => return Err(raised),
        };
        // SAFETY: C's argument.
        unsafe { *result = New::of(vm, value).0 };
        Ok(0)
    })
}

/// Raises `StopIteration` with a value, also one that exceptions take for their arguments. 0, or -1 with another
/// exception.
pub unsafe extern "C" fn _PyGen_SetStopIterationValue(value: Borrowed) -> c_int {
    api(|vm| {
        let value = value.get(vm)?;
        let class = vm.ctx.exceptions.stop_iteration;
        error::set(vm, vm.new_exception(class.to_owned(), vec![value]));
        Ok(0)
    })
}
