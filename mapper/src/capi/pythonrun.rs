//! `pythonrun.h` and `cpython/pythonrun.h`: running code.

use super::prelude::*;
use rustpython_vm::builtins::PyDict;
use rustpython_vm::compiler::Mode;
use rustpython_vm::scope::Scope;

/// `Py_single_input` and its like.
fn mode(vm: &VirtualMachine, start: c_int) -> PyResult<Mode> {
    match start {
        256 => Ok(Mode::Single),
        257 => Ok(Mode::Exec),
        258 => Ok(Mode::Eval),
        _ => Err(vm.new_value_error("invalid start token")),
    }
}

/// Compiles a program; a new code object.
pub unsafe extern "C" fn Py_CompileStringExFlags(
    source: *const c_char,
    file: *const c_char,
    start: c_int,
    _flags: *mut c_void,
    _optimize: c_int,
) -> New {
    api(|vm| {
        // SAFETY: C's arguments.
        let (bytes, file) = unsafe { (CStr::from_ptr(source).to_bytes(), error::text(file)) };
        let mode = mode(vm, start)?;
        let Ok(source) = std::str::from_utf8(bytes) else {
            // The compiler's own words for bytes that are no text.
            let compile = vm.builtins.get_attr("compile", vm)?;
            let name = match mode {
                Mode::Eval => "eval",
                Mode::Single => "single",
                _ => "exec",
            };
            let args = (vm.ctx.new_bytes(bytes.to_vec()), file, name);
            return Ok(New::of(vm, leave(vm, || compile.call(args, vm))?));
        };
        let code =
            leave(vm, || vm.compile(source, mode, &file)).map_err(|error| error.into_pyexception(vm, Some(source)))?;
        Ok(New::of(vm, code))
    })
}

/// [`Py_CompileStringExFlags`] with less.
pub unsafe extern "C" fn Py_CompileString(source: *const c_char, file: *const c_char, start: c_int) -> New {
    // SAFETY: C's arguments.
    unsafe { Py_CompileStringExFlags(source, file, start, std::ptr::null_mut(), -1) }
}

/// Runs a program with the given globals and locals; what an expression gives, else None.
pub unsafe extern "C" fn PyRun_StringFlags(
    source: *const c_char,
    start: c_int,
    globals: Borrowed,
    locals: Borrowed,
    _flags: *mut c_void,
) -> New {
    api(|vm| {
        // SAFETY: C's argument.
        let source = unsafe { error::text(source) };
        let code = vm
            .compile(&source, mode(vm, start)?, "<string>")
            .map_err(|error| error.into_pyexception(vm, Some(&source)))?;
        let globals = globals.of::<PyDict>(vm)?;
        let locals = rustpython_vm::function::ArgMapping::from_dict_exact(locals.of::<PyDict>(vm)?);
        let scope = Scope::with_builtins(Some(locals), globals, vm);
        Ok(New::of(vm, leave(vm, || vm.run_code_obj(code, scope))?))
    })
}

/// [`PyRun_StringFlags`] without flags.
pub unsafe extern "C" fn PyRun_String(source: *const c_char, start: c_int, globals: Borrowed, locals: Borrowed) -> New {
    // SAFETY: C's arguments.
    unsafe { PyRun_StringFlags(source, start, globals, locals, std::ptr::null_mut()) }
}
