//! `fileobject.h`: files.

use super::prelude::*;

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
        let Ok(descriptor) = number.try_index(vm)?.try_to_primitive::<c_int>(vm) else {
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
            vm.call_method(&file, "write", (text,))
        })?;
        Ok(0)
    })
}

/// Writes text to a file. 0, or -1 with an exception.
pub unsafe extern "C" fn PyFile_WriteString(text: *const c_char, file: Borrowed) -> c_int {
    api(|vm| {
        let file = file.get(vm)?;
        // SAFETY: C's argument.
        let text = unsafe { error::text(text) };
        leave(vm, || vm.call_method(&file, "write", (text,)))?;
        Ok(0)
    })
}
