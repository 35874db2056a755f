//! `floatobject.h` and `cpython/floatobject.h`: floats.

use super::prelude::*;
use rustpython_vm::builtins::PyFloat;

/// A new float.
pub unsafe extern "C" fn PyFloat_FromDouble(value: f64) -> New {
    // SAFETY: a fresh block of a float's size, filled at once.
    unsafe {
        let made = crate::block::allocate_uninit(size_of::<c::PyFloatObject>(), 0);
        if made.is_null() {
            return api(|vm| Err(vm.new_memory_error("")));
        }
        made.cast::<c::PyFloatObject>().write(c::PyFloatObject {
            ob_base: c::PyObject { ob_refcnt: 1, ob_overflow: 0, ob_flags: 0, ob_type: statics().float },
            ob_fval: value,
        });
        New(made)
    }
}

/// A new float from text.
pub unsafe extern "C" fn PyFloat_FromString(text: Borrowed) -> New {
    api(|vm| {
        let text = text.get(vm)?;
        let value = rustpython_vm::builtins::parse_float_from_string(&text, vm)?;
        // SAFETY: no arguments that matter.
        Ok(unsafe { PyFloat_FromDouble(value) })
    })
}

/// A number as a double; -1 with an exception.
pub unsafe extern "C" fn PyFloat_AsDouble(number: Borrowed) -> f64 {
    // SAFETY: C's argument.
    unsafe {
        if !number.is_null() && Kind::of(number.0) == Kind::Float {
            return (*number.0.cast::<c::PyFloatObject>()).ob_fval;
        }
    }
    api(|vm| {
        if number.is_null() {
            return Err(vm.new_type_error("bad argument type for built-in operation"));
        }
        let number = number.get(vm)?;
        let float = leave(vm, || number.try_float(vm)).map_err(|error| {
            if error.fast_isinstance(vm.ctx.exceptions.type_error) && number.downcast_ref::<PyFloat>().is_none() {
                let has = ["__float__", "__index__"].iter().any(|name| {
                    number.class().get_attr(vm.ctx.intern_str(*name)).is_some()
                });
                if !has {
                    return vm.new_type_error(format!("must be real number, not {}", number.class().name()));
                }
            }
            error
        })?;
        Ok(float.to_f64())
    })
}

/// The largest double.
pub unsafe extern "C" fn PyFloat_GetMax() -> f64 {
    f64::MAX
}

/// The smallest positive normal double.
pub unsafe extern "C" fn PyFloat_GetMin() -> f64 {
    f64::MIN_POSITIVE
}
