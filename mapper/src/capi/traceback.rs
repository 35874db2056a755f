//! `traceback.h`: tracebacks.

use super::prelude::*;
use rustpython_vm::PyPayload as _;
use rustpython_vm::builtins::PyTraceback;
use rustpython_vm::frame::FrameObject;

/// Prints a traceback to a file object, as it is printed for an exception nobody handles. 0, or -1 with an exception.
pub unsafe extern "C" fn PyTraceBack_Print(traceback: Borrowed, file: Borrowed) -> c_int {
    api(|vm| {
        let (traceback, file) = (traceback.get(vm)?, file.get(vm)?);
        if vm.is_none(&traceback) {
            return Ok(0);
        }
        leave(vm, || {
            vm.call_method(&file, "write", ("Traceback (most recent call last):\n",))?;
            let print = leave(vm, || vm.import("traceback", 0)?.get_attr("print_tb", vm))?;
            leave(vm, || print.call((traceback, vm.ctx.none(), file), vm)).map(|_| 0)
        })
    })
}

/// Adds a frame to the traceback of the raised exception, at the frame's line. 0, or -1 with an exception.
pub unsafe extern "C" fn PyTraceBack_Here(frame: Borrowed) -> c_int {
    api(|vm| {
        let Some(raised) = error::take(vm) else { return Err(bad_internal_call(vm)) };
        let frame = frame.of::<FrameObject>(vm)?;
        // Not the line that C code may have written into the frame: CPython does not look at that either.
        let line = frame.current_location().line;
        // The VM counts the instructions that it has begun.
        let last = (frame.lasti().saturating_sub(1) * 2) as i32;
        let entry = PyTraceback::new(raised.__traceback__(), frame, last, line).into_ref(&vm.ctx);
        raised.set_traceback(Some(entry));
        error::set_as_it_is(vm, raised);
        Ok(0)
    })
}
