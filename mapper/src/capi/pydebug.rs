//! `cpython/pydebug.h`: the interpreter's environment.

use super::prelude::*;

/// A variable of the environment; NULL if there is none, or if the interpreter was told to ignore them.
pub unsafe extern "C" fn Py_GETENV(name: *const c_char) -> *mut c_char {
    let ignored = infallible(0, |vm| {
        let flags = leave(vm, || vm.sys_module.get_attr("flags", vm))?;
        leave(vm, || flags.get_attr("ignore_environment", vm)?.try_into_value::<c_int>(vm))
    });
    // SAFETY: C's argument.
    if ignored != 0 { std::ptr::null_mut() } else { unsafe { libc::getenv(name) } }
}
