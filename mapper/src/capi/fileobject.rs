//! `fileobject.h` and `cpython/fileobject.h`: files.

use super::abstract_::new_name;
use super::prelude::*;
use rustpython_vm::PyPayload as _;
use rustpython_vm::builtins::{PyBytes, PySlice, PyStr};

/// The descriptor behind an int or an object with `fileno()`; -1 with an exception.
pub unsafe extern "C" fn PyObject_AsFileDescriptor(object: Borrowed) -> c_int {
    api(|vm| {
        let object = object.get(vm)?;
        let number = match object.downcast_ref::<rustpython_vm::builtins::PyInt>() {
            Some(_) => object.clone(),
            None => {
                let Ok(fileno) = leave(vm, || object.get_attr("fileno", vm)) else {
                    return Err(vm.new_type_error("argument must be an int, or have a fileno() method."));
                };
                let number = leave(vm, || fileno.call((), vm))?;
                if number.downcast_ref::<rustpython_vm::builtins::PyInt>().is_none() {
                    return Err(vm.new_type_error("fileno() returned a non-integer"));
                }
                number
            }
        };
        let Ok(descriptor) = leave(vm, || number.try_index(vm))?.try_to_primitive::<c_int>(vm) else {
            return Err(vm.new_overflow_error("Python int too large to convert to C int"));
        };
        if descriptor < 0 {
            return Err(vm.new_value_error(format!("file descriptor cannot be a negative integer ({descriptor})")));
        }
        Ok(descriptor)
    })
}

/// Writes an object's `repr`, or `str` if a flag says so, to a file. 0, or -1 with an exception.
pub unsafe extern "C" fn PyFile_WriteObject(object: Borrowed, file: Borrowed, flags: c_int) -> c_int {
    api(|vm| {
        let (object, file) = (object.get(vm)?, file.get(vm)?);
        leave(vm, || {
            let text = if flags & 1 != 0 { object.str(vm)? } else { object.repr(vm)? };
            leave(vm, || vm.call_method(&file, "write", (text,)))
        })?;
        Ok(0)
    })
}

/// Writes text to a file. 0, or -1 with an exception.
pub unsafe extern "C" fn PyFile_WriteString(text: *const c_char, file: Borrowed) -> c_int {
    api(|vm| {
        let file = file.get(vm)?;
        // SAFETY: C's argument.
        let text = unsafe { new_name(vm, text)? };
        leave(vm, || vm.call_method(&file, "write", (text,)).map(drop))?;
        Ok(0)
    })
}

/// A new file object for a descriptor, as `open` makes it; texts may be NULL.
pub unsafe extern "C" fn PyFile_FromFd(
    descriptor: c_int,
    _name: *const c_char,
    mode: *const c_char,
    buffering: c_int,
    encoding: *const c_char,
    errors: *const c_char,
    newline: *const c_char,
    close: c_int,
) -> New {
    api(|vm| {
        let text = |text: *const c_char| -> PyObjectRef {
            // SAFETY: C's arguments.
            if text.is_null() { vm.ctx.none() } else { vm.ctx.new_str(unsafe { text::of_c(text) }).into() }
        };
        let open = leave(vm, || vm.import("_io", 0)?.get_attr("open", vm))?;
        let args: Vec<PyObjectRef> = vec![
            vm.ctx.new_int(descriptor).into(),
            text(mode),
            vm.ctx.new_int(buffering).into(),
            text(encoding),
            text(errors),
            text(newline),
            vm.ctx.new_bool(close != 0).into(),
        ];
        Ok(New::of(vm, leave(vm, || open.call(args, vm))?))
    })
}

/// The next line of a file, a str or bytes: at most `size` characters if that is positive; without its end, and with
/// `EOFError` if there is none, if it is negative. A new reference.
pub unsafe extern "C" fn PyFile_GetLine(file: Borrowed, size: c_int) -> New {
    api(|vm| {
        let file = file.get(vm)?;
        let args = if size > 0 { vec![vm.ctx.new_int(size).into()] } else { vec![] };
        let line = leave(vm, || vm.call_method(&file, "readline", args))?;
        let (length, ended) = match (line.downcast_ref::<PyStr>(), line.downcast_ref::<PyBytes>()) {
            (Some(text), _) => (text.byte_len(), text.as_bytes().ends_with(b"\n")),
            (_, Some(bytes)) => (bytes.as_bytes().len(), bytes.as_bytes().ends_with(b"\n")),
            _ => return Err(vm.new_type_error("object.readline() returned non-string")),
        };
        if size < 0 && length == 0 {
            return Err(vm.new_eof_error("EOF when reading a line"));
        }
        if size < 0 && ended {
            let but_last = PySlice { start: None, stop: vm.ctx.new_int(-1).into(), step: None }.into_pyobject(vm);
            return Ok(New::of(vm, leave(vm, || line.get_item(&*but_last, vm))?));
        }
        Ok(New::of(vm, line))
    })
}

/// Reads a line into a buffer of `size` bytes, whichever way it ends: there is a `\n` and a NUL in the buffer then. NULL
/// at the end of the file.
pub unsafe extern "C" fn Py_UniversalNewlineFgets(
    buffer: *mut c_char,
    size: c_int,
    file: *mut libc::FILE,
    object: Borrowed,
) -> *mut c_char {
    // SAFETY: C's arguments.
    unsafe {
        if !object.is_null() {
            *libc::__errno_location() = libc::ENXIO;
            return std::ptr::null_mut();
        }
        let mut length = 0;
        while length + 1 < size as usize {
            let mut byte = libc::fgetc(file);
            if byte == libc::EOF {
                break;
            }
            if byte == c_int::from(b'\r') {
                let next = libc::fgetc(file);
                if next != c_int::from(b'\n') && next != libc::EOF {
                    libc::ungetc(next, file);
                }
                byte = c_int::from(b'\n');
            }
            buffer.add(length).write(byte as c_char);
            length += 1;
            if byte == c_int::from(b'\n') {
                break;
            }
        }
        buffer.add(length).write(0);
        if length == 0 { std::ptr::null_mut() } else { buffer }
    }
}

/// [`PyFile_OpenCodeObject`] with a path in UTF-8.
pub unsafe extern "C" fn PyFile_OpenCode(path: *const c_char) -> New {
    // SAFETY: C's argument.
    api(|vm| open_code(vm, unsafe { new_name(vm, path)? }.into()))
}

/// A file with code, opened for reading bytes; a new reference.
pub unsafe extern "C" fn PyFile_OpenCodeObject(path: Borrowed) -> New {
    api(|vm| {
        let path = path.get(vm)?;
        if !path.downcastable::<PyStr>() {
            let name = path.class().name().to_string();
            return Err(vm.new_type_error(format!("'path' must be 'str', not '{name}'")));
        }
        open_code(vm, path)
    })
}

fn open_code(vm: &VirtualMachine, path: PyObjectRef) -> PyResult<New> {
    let io = leave(vm, || vm.import("_io", 0))?;
    Ok(New::of(vm, leave(vm, || vm.call_method(&io, "open_code", (path,)))?))
}
