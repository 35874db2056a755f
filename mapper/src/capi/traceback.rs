//! `traceback.h`: tracebacks.

use super::prelude::*;

/// Prints a traceback to a file object, as it is printed for an exception nobody handles. 0, or -1 with an exception.
pub unsafe extern "C" fn PyTraceBack_Print(traceback: Borrowed, file: Borrowed) -> c_int {
    api(|vm| {
        let (traceback, file) = (traceback.get(vm)?, file.get(vm)?);
        if vm.is_none(&traceback) {
            return Ok(0);
        }
        leave(vm, || {
            vm.call_method(&file, "write", ("Traceback (most recent call last):\n",))?;
            let print = vm.import("traceback", 0)?.get_attr("print_tb", vm)?;
            print.call((traceback, vm.ctx.none(), file), vm).map(|_| 0)
        })
    })
}
