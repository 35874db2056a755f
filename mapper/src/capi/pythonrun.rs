//! `pythonrun.h` and `cpython/pythonrun.h`: running code.

use super::prelude::*;
use rustpython_vm::builtins::{PyDict, PyStr};
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
        let (bytes, file) = unsafe { (CStr::from_ptr(source).to_bytes(), text::of_c(file)) };
        let mode = mode(vm, start)?;
        let Ok(source) = std::str::from_utf8(bytes) else {
            // The compiler's own words for bytes that are no text.
            let compile = leave(vm, || vm.builtins.get_attr("compile", vm))?;
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
        let source = unsafe { text::of_c(source) };
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

/// [`Py_CompileStringExFlags`] without an optimization level.
pub unsafe extern "C" fn Py_CompileStringFlags(
    source: *const c_char,
    file: *const c_char,
    start: c_int,
    flags: *mut c_void,
) -> New {
    // SAFETY: C's arguments.
    unsafe { Py_CompileStringExFlags(source, file, start, flags, -1) }
}

/// [`Py_CompileStringExFlags`] with a str for the path.
pub unsafe extern "C" fn Py_CompileStringObject(
    source: *const c_char,
    file: Borrowed,
    start: c_int,
    flags: *mut c_void,
    optimize: c_int,
) -> New {
    api(|vm| {
        let file = std::ffi::CString::new(file.of::<PyStr>(vm)?.to_string_lossy().into_owned()).unwrap_or_default();
        // SAFETY: C's arguments.
        Ok(unsafe { Py_CompileStringExFlags(source, file.as_ptr(), start, flags, optimize) })
    })
}

/// Runs a program in the module `__main__`. 0, or -1 after the exception was printed.
pub unsafe extern "C" fn PyRun_SimpleStringFlags(source: *const c_char, flags: *mut c_void) -> c_int {
    // SAFETY: C's arguments.
    in_main(|main| unsafe { PyRun_StringFlags(source, EXEC, main, main, flags) })
}

/// [`PyRun_SimpleStringFlags`] without flags.
pub unsafe extern "C" fn PyRun_SimpleString(source: *const c_char) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PyRun_SimpleStringFlags(source, std::ptr::null_mut()) }
}

/// `Py_file_input`.
const EXEC: c_int = 257;

/// Runs something with the dict of `__main__`. What it raises is printed: 0, or then -1.
fn in_main(run: impl FnOnce(Borrowed) -> New) -> c_int {
    // SAFETY: a literal; the result is ours.
    unsafe {
        let main = super::import::PyImport_AddModuleRef(c"__main__".as_ptr()).0;
        if main.is_null() {
            super::pyerrors::PyErr_Print();
            return -1;
        }
        let dict = super::moduleobject::PyModule_GetDict(Borrowed(main));
        let result = run(Borrowed(dict.0)).0;
        dealloc::decref(main);
        if result.is_null() {
            super::pyerrors::PyErr_Print();
            return -1;
        }
        dealloc::decref(result);
        0
    }
}

/// Reads a file to its end and, if asked to, closes it.
unsafe fn read(file: *mut libc::FILE, close: c_int) -> Vec<u8> {
    let mut bytes = Vec::new();
    // SAFETY: by the caller's contract.
    unsafe {
        let mut part = [0u8; 4096];
        loop {
            match libc::fread(part.as_mut_ptr().cast(), 1, part.len(), file) {
                0 => break,
                count => bytes.extend_from_slice(&part[..count]),
            }
        }
        if close != 0 {
            libc::fclose(file);
        }
    }
    bytes
}

/// Runs the rest of a file with the given globals and locals; what an expression gives, else None. Closes the file if
/// asked to.
pub unsafe extern "C" fn PyRun_FileExFlags(
    file: *mut libc::FILE,
    name: *const c_char,
    start: c_int,
    globals: Borrowed,
    locals: Borrowed,
    close: c_int,
    flags: *mut c_void,
) -> New {
    api(|vm| {
        // SAFETY: C's arguments; the code object is ours.
        unsafe {
            let Ok(source) = std::ffi::CString::new(read(file, close)) else {
                return Err(vm.new_exception_msg(
                    vm.ctx.exceptions.syntax_error.to_owned(),
                    "source code cannot contain null bytes".into(),
                ));
            };
            let code = Py_CompileStringExFlags(source.as_ptr(), name, start, flags, -1).0;
            if code.is_null() {
                return Ok(New::NULL);
            }
            let result = super::ceval::PyEval_EvalCode(Borrowed(code), globals, locals);
            dealloc::decref(code);
            Ok(result)
        }
    })
}

/// [`PyRun_FileExFlags`] without flags.
pub unsafe extern "C" fn PyRun_FileEx(
    file: *mut libc::FILE,
    name: *const c_char,
    start: c_int,
    globals: Borrowed,
    locals: Borrowed,
    close: c_int,
) -> New {
    // SAFETY: C's arguments.
    unsafe { PyRun_FileExFlags(file, name, start, globals, locals, close, std::ptr::null_mut()) }
}

/// [`PyRun_FileExFlags`] that leaves the file open.
pub unsafe extern "C" fn PyRun_FileFlags(
    file: *mut libc::FILE,
    name: *const c_char,
    start: c_int,
    globals: Borrowed,
    locals: Borrowed,
    flags: *mut c_void,
) -> New {
    // SAFETY: C's arguments.
    unsafe { PyRun_FileExFlags(file, name, start, globals, locals, 0, flags) }
}

/// [`PyRun_FileFlags`] without flags.
pub unsafe extern "C" fn PyRun_File(
    file: *mut libc::FILE,
    name: *const c_char,
    start: c_int,
    globals: Borrowed,
    locals: Borrowed,
) -> New {
    // SAFETY: C's arguments.
    unsafe { PyRun_FileExFlags(file, name, start, globals, locals, 0, std::ptr::null_mut()) }
}

/// Runs the rest of a file in the module `__main__`. 0, or -1 after the exception was printed. Closes the file if asked
/// to.
pub unsafe extern "C" fn PyRun_SimpleFileExFlags(
    file: *mut libc::FILE,
    name: *const c_char,
    close: c_int,
    flags: *mut c_void,
) -> c_int {
    in_main(|main| {
        let set = |value: Option<String>| {
            infallible(false, |vm| {
                let dict = main.of::<PyDict>(vm)?;
                match value {
                    Some(_) if leave(vm, || dict.contains_key("__file__", vm)) => return Ok(false),
                    Some(value) => dict.set_item("__file__", vm.ctx.new_str(value).into(), vm)?,
                    None => leave(vm, || dict.del_item("__file__", vm))?,
                }
                Ok(true)
            })
        };
        // SAFETY: C's arguments.
        unsafe {
            let ours = set(Some(text::of_c(name)));
            let result = PyRun_FileExFlags(file, name, EXEC, main, main, close, flags);
            if ours {
                let raised = error::take_block();
                set(None);
                error::set_block(raised);
            }
            result
        }
    })
}

/// [`PyRun_SimpleFileExFlags`] without flags.
pub unsafe extern "C" fn PyRun_SimpleFileEx(file: *mut libc::FILE, name: *const c_char, close: c_int) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PyRun_SimpleFileExFlags(file, name, close, std::ptr::null_mut()) }
}

/// [`PyRun_SimpleFileEx`] that leaves the file open.
pub unsafe extern "C" fn PyRun_SimpleFile(file: *mut libc::FILE, name: *const c_char) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PyRun_SimpleFileEx(file, name, 0) }
}
