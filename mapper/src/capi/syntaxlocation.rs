//! `pyerrors.h` and `cpython/pyerrors.h`: places in sources, for `SyntaxError` and its like.

use super::prelude::*;
use crate::capi::support::names::file_name;
use rustpython_vm::builtins::PyBaseExceptionRef;

/// [`PyErr_SyntaxLocationEx`] without a column.
pub unsafe extern "C" fn PyErr_SyntaxLocation(file: *const c_char, line: c_int) {
    // SAFETY: C's arguments.
    unsafe { PyErr_SyntaxLocationEx(file, line, -1) }
}

/// Tells the raised exception where in a source it belongs: the path (or NULL), the line, the column if it is not
/// negative.
pub unsafe extern "C" fn PyErr_SyntaxLocationEx(file: *const c_char, line: c_int, column: c_int) {
    infallible((), |vm| {
        // SAFETY: C's argument.
        let file = (!file.is_null()).then(|| unsafe { file_name(vm, file) }.into());
        locate(vm, file, (line, column), (line, -1))
    });
}

/// [`PyErr_SyntaxLocationEx`] with an object for a path, or NULL.
pub unsafe extern "C" fn PyErr_SyntaxLocationObject(file: Borrowed, line: c_int, column: c_int) {
    infallible((), |vm| locate(vm, file.opt(vm)?, (line, column), (line, -1)));
}

/// [`PyErr_SyntaxLocationObject`] with the end of the place.
pub unsafe extern "C" fn PyErr_RangedSyntaxLocationObject(
    file: Borrowed,
    line: c_int,
    column: c_int,
    end_line: c_int,
    end_column: c_int,
) {
    infallible((), |vm| locate(vm, file.opt(vm)?, (line, column), (end_line, end_column)));
}

/// Tells the raised exception its place, as far as it listens: what that raises is forgotten.
fn locate(vm: &VirtualMachine, file: Option<PyObjectRef>, start: (c_int, c_int), end: (c_int, c_int)) -> PyResult<()> {
    if let Some(raised) = error::take(vm) {
        let _ = leave(vm, || place(vm, &raised, file, start, end));
        error::set_as_it_is(vm, raised);
    }
    Ok(())
}

/// Sets the attributes that `SyntaxError` has for its place on any exception.
fn place(
    vm: &VirtualMachine,
    raised: &PyBaseExceptionRef,
    file: Option<PyObjectRef>,
    start: (c_int, c_int),
    end: (c_int, c_int),
) -> PyResult<()> {
    let object = raised.as_object();
    let number = |value: c_int| if value < 0 { vm.ctx.none() } else { vm.ctx.new_int(value).into() };
    for (name, value) in [
        ("lineno", vm.ctx.new_int(start.0).into()),
        ("offset", number(start.1)),
        ("end_lineno", number(end.0)),
        ("end_offset", number(end.1)),
    ] {
        leave(vm, || object.set_attr(name, value, vm))?;
    }
    if let Some(file) = file {
        let line = program_line(vm, &file, start.0)?;
        leave(vm, || object.set_attr("filename", file, vm))?;
        leave(vm, || object.set_attr("text", vm.unwrap_or_none(line), vm))?;
    }
    if !raised.class().is(vm.ctx.exceptions.syntax_error) {
        if !object.has_attr("msg", vm)? {
            leave(vm, || object.set_attr("msg", object.str(vm)?, vm))?;
        }
        if !object.has_attr("print_file_and_line", vm)? {
            leave(vm, || object.set_attr("print_file_and_line", vm.ctx.none(), vm))?;
        }
    }
    Ok(())
}

/// A line of a file as it is, None if there is none.
fn program_line(vm: &VirtualMachine, file: &PyObjectRef, line: c_int) -> PyResult<Option<PyObjectRef>> {
    let path = rustpython_vm::function::FsPath::try_from_path_like(file.clone(), false, vm)?;
    let Ok(bytes) = std::fs::read(path.as_os_str(vm)?) else { return Ok(None) };
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let line = usize::try_from(line - 1).ok().and_then(|index| lines.nth(index));
    Ok(line.map(|line| vm.ctx.new_str(String::from_utf8_lossy(line).replace("\r\n", "\n")).into()))
}

/// A line of a source file, a new reference; NULL without an exception if there is none.
pub unsafe extern "C" fn PyErr_ProgramText(file: *const c_char, line: c_int) -> New {
    infallible(New::NULL, |vm| {
        // SAFETY: C's argument.
        let file = unsafe { file_name(vm, file) }.into();
        Ok(program_line(vm, &file, line)?.map_or(New::NULL, |line| New::of(vm, line)))
    })
}

/// [`PyErr_ProgramText`] with an object for a path.
pub unsafe extern "C" fn PyErr_ProgramTextObject(file: Borrowed, line: c_int) -> New {
    infallible(New::NULL, |vm| {
        let Some(file) = file.opt(vm)? else { return Ok(New::NULL) };
        Ok(program_line(vm, &file, line)?.map_or(New::NULL, |line| New::of(vm, line)))
    })
}
