//! `pyframe.h`, `cpython/pyframe.h` and `cpython/frameobject.h`: frames.

use super::prelude::*;
use crate::twins::frames::new_frame;
use rustpython_vm::builtins::{PyCode, PyDict};
use rustpython_vm::frame::FrameObject;

/// A new frame of a code object that is not running, for tracebacks.
pub unsafe extern "C" fn PyFrame_New(
    _state: *mut c::PyThreadState,
    code: Borrowed,
    globals: Borrowed,
    _locals: Borrowed,
) -> New {
    api(|vm| {
        let (code, globals) = (code.of::<PyCode>(vm)?, globals.of::<PyDict>(vm)?);
        let frame = leave(vm, || new_frame(vm, code, globals))?;
        Ok(New::of(vm, frame))
    })
}

/// An attribute of a frame; NULL, without an exception, for None.
fn attribute(frame: Borrowed, name: &'static str) -> New {
    api(|vm| {
        let frame = frame.of::<FrameObject>(vm)?;
        let found = leave(vm, || frame.as_object().get_attr(name, vm))?;
        Ok(if vm.is_none(&found) { New::NULL } else { New::of(vm, found) })
    })
}

/// The line that a frame is at, or that C code has written into it.
pub unsafe extern "C" fn PyFrame_GetLineNumber(frame: Borrowed) -> c_int {
    // SAFETY: C's argument, whose block has a frame's fields.
    let written = unsafe { (*frame.0.cast::<crate::twins::forms::record::PyFrameObject>()).f_lineno };
    if written > 0 {
        return written;
    }
    infallible(0, |vm| Ok(frame.of::<FrameObject>(vm)?.current_location().line.get() as c_int))
}

/// The code of a frame.
pub unsafe extern "C" fn PyFrame_GetCode(frame: Borrowed) -> New {
    attribute(frame, "f_code")
}

/// The frame that called this one; NULL, without an exception, if there is none.
pub unsafe extern "C" fn PyFrame_GetBack(frame: Borrowed) -> New {
    attribute(frame, "f_back")
}

/// The local variables of a frame.
pub unsafe extern "C" fn PyFrame_GetLocals(frame: Borrowed) -> New {
    attribute(frame, "f_locals")
}

/// The global variables of a frame.
pub unsafe extern "C" fn PyFrame_GetGlobals(frame: Borrowed) -> New {
    attribute(frame, "f_globals")
}

/// The builtins that a frame sees.
pub unsafe extern "C" fn PyFrame_GetBuiltins(frame: Borrowed) -> New {
    attribute(frame, "f_builtins")
}

/// The generator that a frame is of; NULL, without an exception, if it is of none.
pub unsafe extern "C" fn PyFrame_GetGenerator(frame: Borrowed) -> New {
    api(|vm| {
        let frame = frame.of::<FrameObject>(vm)?;
        match leave(vm, || frame.as_object().get_attr("f_generator", vm)) {
            Ok(found) if !vm.is_none(&found) => Ok(New::of(vm, found)),
            _ => Ok(New::NULL),
        }
    })
}

/// The instruction that a frame is at, as an offset in bytes; -1 before the first.
pub unsafe extern "C" fn PyFrame_GetLasti(frame: Borrowed) -> c_int {
    api(|vm| {
        let last = leave_with(vm, frame.of::<FrameObject>(vm)?, |it| it.as_object().get_attr("f_lasti", vm))?;
        leave(vm, || last.try_to_value::<c_int>(vm))
    })
}

/// A local variable of a frame by its name, a str; `NameError` if there is none.
pub unsafe extern "C" fn PyFrame_GetVar(frame: Borrowed, name: Borrowed) -> New {
    api(|vm| {
        let (frame, name) = (frame.of::<FrameObject>(vm)?, name.get(vm)?);
        let found = leave(vm, || frame.as_object().get_attr("f_locals", vm)?.get_item(&*name, vm));
        let found = found.map_err(|error| {
            let missing = error.fast_isinstance(vm.ctx.exceptions.key_error);
            match leave(vm, || name.repr(vm)) {
                Ok(shown) if missing => vm.new_name_error(
                    format!("variable {shown} does not exist"),
                    vm.ctx.new_str(
                        leave(vm, || name.str(vm)).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
                    ),
                ),
                _ => error,
            }
        })?;
        Ok(New::of(vm, found))
    })
}

/// [`PyFrame_GetVar`] with a name in UTF-8.
pub unsafe extern "C" fn PyFrame_GetVarString(frame: Borrowed, name: *const c_char) -> New {
    api(|vm| {
        // SAFETY: C's arguments; the str is dropped here.
        unsafe {
            let name = New::of(vm, vm.ctx.new_str(text::of_c(name))).0;
            let found = PyFrame_GetVar(frame, Borrowed(name));
            dealloc::decref(name);
            Ok(found)
        }
    })
}

/// Does nothing: a frame's locals are always up to date. 0.
pub unsafe extern "C" fn PyFrame_FastToLocalsWithError(_frame: Borrowed) -> c_int {
    0
}

/// Does nothing, as [`PyFrame_FastToLocalsWithError`].
pub unsafe extern "C" fn PyFrame_FastToLocals(_frame: Borrowed) {}

/// Does nothing, as in CPython since 3.13.
pub unsafe extern "C" fn PyFrame_LocalsToFast(_frame: Borrowed, _clear: c_int) {}
