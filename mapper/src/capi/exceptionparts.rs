//! `pyerrors.h`: the parts of exceptions.

use super::prelude::*;
use rustpython_vm::builtins::PyBaseException;

/// An exception's traceback, a new reference, or NULL.
pub unsafe extern "C" fn PyException_GetTraceback(raised: Borrowed) -> New {
    infallible(New::NULL, |vm| {
        let traceback = raised.of::<PyBaseException>(vm)?.__traceback__();
        Ok(traceback.map_or(New::NULL, |traceback| New::of(vm, traceback)))
    })
}

/// Sets an exception's traceback; None clears it.
pub unsafe extern "C" fn PyException_SetTraceback(raised: Borrowed, traceback: Borrowed) -> c_int {
    api(|vm| {
        let traceback = traceback.get(vm)?;
        leave_with(vm, raised.get(vm)?, |raised| raised.set_attr("__traceback__", traceback, vm)).map(|()| 0)
    })
}

/// An exception's cause, a new reference, or NULL.
pub unsafe extern "C" fn PyException_GetCause(raised: Borrowed) -> New {
    infallible(New::NULL, |vm| {
        let cause = leave_with(vm, raised.get(vm)?, |it| it.get_attr("__cause__", vm))?;
        Ok(if vm.is_none(&cause) { New::NULL } else { New::of(vm, cause) })
    })
}

/// Sets an exception's cause, whose reference is taken over; NULL clears it.
pub unsafe extern "C" fn PyException_SetCause(raised: Borrowed, cause: Stolen) {
    infallible((), |vm| {
        let cause = if cause.block().is_null() { vm.ctx.none() } else { cause.take(vm)? };
        leave_with(vm, raised.get(vm)?, |it| it.set_attr("__cause__", cause, vm))
    });
}

/// An exception's context, a new reference, or NULL.
pub unsafe extern "C" fn PyException_GetContext(raised: Borrowed) -> New {
    infallible(New::NULL, |vm| {
        let context = raised.of::<PyBaseException>(vm)?.__context__();
        Ok(context.map_or(New::NULL, |context| New::of(vm, context)))
    })
}

/// Sets an exception's context, whose reference is taken over; NULL clears it.
pub unsafe extern "C" fn PyException_SetContext(raised: Borrowed, context: Stolen) {
    infallible((), |vm| {
        let context = if context.block().is_null() { vm.ctx.none() } else { context.take(vm)? };
        leave_with(vm, raised.get(vm)?, |it| it.set_attr("__context__", context, vm))
    });
}

/// An exception's arguments, a new reference.
pub unsafe extern "C" fn PyException_GetArgs(raised: Borrowed) -> New {
    api(|vm| Ok(New::of(vm, leave_with(vm, raised.get(vm)?, |it| it.get_attr("args", vm))?)))
}

/// Sets an exception's arguments.
pub unsafe extern "C" fn PyException_SetArgs(raised: Borrowed, args: Borrowed) {
    infallible((), |vm| {
        let args = args.get(vm)?;
        leave_with(vm, raised.get(vm)?, |raised| raised.set_attr("args", args, vm))
    });
}

/// The name of an exception class.
pub unsafe extern "C" fn PyExceptionClass_Name(class: Borrowed) -> *const c_char {
    // SAFETY: a class, by contract.
    unsafe { (*class.0.cast::<c::PyTypeObject>()).tp_name }
}
