//! `cpython/code.h`: code objects.

use super::abstract_::new_name;
use super::prelude::*;
use crate::twins::frames::{Signature, new_code};
use rustpython_vm::builtins::{PyCode, PyStr, PyTuple};

/// Text of a str argument.
fn text(vm: &VirtualMachine, object: Borrowed) -> PyResult<String> {
    Ok(object.of::<PyStr>(vm)?.to_string_lossy().into_owned())
}

/// A new code object with a file, a name and a line, for tracebacks.
pub unsafe extern "C" fn PyCode_NewEmpty(file: *const c_char, name: *const c_char, line: c_int) -> New {
    api(|vm| {
        // SAFETY: C's arguments.
        let (file, name) = unsafe { (new_name(vm, file)?, new_name(vm, name)?) };
        let (file, name) = (file.to_string_lossy(), name.to_string_lossy());
        Ok(New::of(vm, new_code(vm, &file, (&name, &name), line, Signature::default())?))
    })
}

/// A new code object with a signature, for functions of code generators: it can be looked at, not run.
pub unsafe extern "C" fn PyUnstable_Code_NewWithPosOnlyArgs(
    positional: c_int,
    positional_only: c_int,
    keyword_only: c_int,
    _locals: c_int,
    _stack: c_int,
    flags: c_int,
    _code: Borrowed,
    _constants: Borrowed,
    _names: Borrowed,
    variables: Borrowed,
    _free: Borrowed,
    _cells: Borrowed,
    file: Borrowed,
    name: Borrowed,
    qualified: Borrowed,
    line: c_int,
    _lines: Borrowed,
    _exceptions: Borrowed,
) -> New {
    api(|vm| {
        let variables = variables.of::<PyTuple>(vm)?;
        let names =
            variables.as_slice().iter().map(|name| Ok(leave(vm, || name.str(vm))?.to_string_lossy().into_owned()));
        let signature = Signature {
            positional: positional as u32,
            positional_only: positional_only as u32,
            keyword_only: keyword_only as u32,
            flags: flags as u32,
            names: names.collect::<PyResult<_>>()?,
        };
        let names = (text(vm, name)?, text(vm, qualified)?);
        Ok(New::of(vm, new_code(vm, &text(vm, file)?, (&names.0, &names.1), line, signature)?))
    })
}

/// [`PyUnstable_Code_NewWithPosOnlyArgs`] without positional-only arguments.
pub unsafe extern "C" fn PyUnstable_Code_New(
    positional: c_int,
    keyword_only: c_int,
    locals: c_int,
    stack: c_int,
    flags: c_int,
    code: Borrowed,
    constants: Borrowed,
    names: Borrowed,
    variables: Borrowed,
    free: Borrowed,
    cells: Borrowed,
    file: Borrowed,
    name: Borrowed,
    qualified: Borrowed,
    line: c_int,
    lines: Borrowed,
    exceptions: Borrowed,
) -> New {
    // SAFETY: C's arguments.
    unsafe {
        PyUnstable_Code_NewWithPosOnlyArgs(
            positional,
            0,
            keyword_only,
            locals,
            stack,
            flags,
            code,
            constants,
            names,
            variables,
            free,
            cells,
            file,
            name,
            qualified,
            line,
            lines,
            exceptions,
        )
    }
}

/// An attribute of a code object.
fn attribute(code: Borrowed, name: &'static str) -> New {
    api(|vm| Ok(New::of(vm, leave_with(vm, code.of::<PyCode>(vm)?, |it| it.as_object().get_attr(name, vm))?)))
}

/// The bytecode.
pub unsafe extern "C" fn PyCode_GetCode(code: Borrowed) -> New {
    attribute(code, "co_code")
}

/// The names of local variables.
pub unsafe extern "C" fn PyCode_GetVarnames(code: Borrowed) -> New {
    attribute(code, "co_varnames")
}

/// The names of cell variables.
pub unsafe extern "C" fn PyCode_GetCellvars(code: Borrowed) -> New {
    attribute(code, "co_cellvars")
}

/// The names of free variables.
pub unsafe extern "C" fn PyCode_GetFreevars(code: Borrowed) -> New {
    attribute(code, "co_freevars")
}

/// The line of an instruction, given as an offset in bytes; the first line below 0, -1 if there is none.
pub unsafe extern "C" fn PyCode_Addr2Line(code: Borrowed, offset: c_int) -> c_int {
    api(|vm| {
        let code = code.of::<PyCode>(vm)?;
        if offset < 0 {
            return Ok(code.code.first_line_number.map_or(-1, |line| line.get() as c_int));
        }
        Ok(code.addr2line(offset))
    })
}

/// The lines and columns of an instruction. 1, or 0 if they are not known.
pub unsafe extern "C" fn PyCode_Addr2Location(
    code: Borrowed,
    offset: c_int,
    start_line: *mut c_int,
    start_column: *mut c_int,
    end_line: *mut c_int,
    end_column: *mut c_int,
) -> c_int {
    api(|vm| {
        let code = code.of::<PyCode>(vm)?;
        let place = usize::try_from(offset / 2).ok().and_then(|index| code.code.locations.get(index));
        let Some((start, end)) = place else { return Ok(0) };
        // SAFETY: C's arguments.
        unsafe {
            *start_line = start.line.get() as c_int;
            *start_column = start.character_offset.to_zero_indexed() as c_int;
            *end_line = end.line.get() as c_int;
            *end_column = end.character_offset.to_zero_indexed() as c_int;
        }
        Ok(1)
    })
}

/// The code object itself, a new reference: the compiler has improved what there was.
pub unsafe extern "C" fn PyCode_Optimize(
    code: Borrowed,
    _constants: Borrowed,
    _names: Borrowed,
    _lines: Borrowed,
) -> New {
    code.again()
}
