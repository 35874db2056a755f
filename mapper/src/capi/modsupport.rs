//! `modsupport.h`: building values, and adding to modules.

use super::abstract_::new_name;
use super::prelude::*;
use super::support::building::build_value;
use super::unicodeobject;
use crate::lifetime::{kept, pinned};
use crate::twins::type_writes;
use rustpython_vm::builtins::PyType;

/// Builds a value from a format.
pub unsafe extern "C" fn Py_BuildValue(format: *const c_char, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe { build_value(vm, format, &mut *va) })
}

/// [`Py_BuildValue`].
pub unsafe extern "C" fn _Py_BuildValue_SizeT(format: *const c_char, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    unsafe { Py_BuildValue(format, va) }
}

/// [`Py_BuildValue`] with a `va_list`.
pub unsafe extern "C" fn Py_VaBuildValue(format: *const c_char, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    unsafe { Py_BuildValue(format, va) }
}

/// [`Py_VaBuildValue`].
pub unsafe extern "C" fn _Py_VaBuildValue_SizeT(format: *const c_char, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    unsafe { Py_BuildValue(format, va) }
}

/// Adds an object to a module. 0, or -1 with an exception.
pub unsafe extern "C" fn PyModule_AddObjectRef(owner: Borrowed, name: *const c_char, value: Borrowed) -> c_int {
    api(|vm| {
        if value.is_null() {
            return Err(error::take(vm).unwrap_or_else(|| {
                vm.new_system_error("PyModule_AddObjectRef() must be called with an exception raised if value is NULL")
            }));
        }
        let Ok(module) = owner.get(vm)?.downcast::<rustpython_vm::builtins::PyModule>() else {
            return Err(vm.new_type_error("PyModule_AddObjectRef() first argument must be a module"));
        };
        // SAFETY: C's argument.
        let name = unsafe { new_name(vm, name)? };
        let added = value.get(vm)?;
        let added_type = added.clone().downcast::<PyType>().ok();
        leave(vm, || module.dict().set_item(&*name, added, vm))?;
        if let Some(class) = added_type {
            // SAFETY: C's argument, which is this class.
            unsafe { type_writes::compare(vm, value.0.cast(), &class) };
        }
        // C code that gives its reference to the module goes on using the pointer.
        if !pinned::outlast(vm, value.0) {
            kept::put(owner.0, value.0);
        }
        Ok(0)
    })
}

/// [`PyModule_AddObjectRef`] that takes over the reference if it succeeds.
pub unsafe extern "C" fn PyModule_AddObject(module: Borrowed, name: *const c_char, value: Borrowed) -> c_int {
    // SAFETY: C's arguments.
    unsafe {
        let result = PyModule_AddObjectRef(module, name, value);
        if result == 0 {
            dealloc::decref(value.0);
        }
        result
    }
}

/// [`PyModule_AddObjectRef`] that takes over the reference in any case.
pub unsafe extern "C" fn PyModule_Add(module: Borrowed, name: *const c_char, value: Stolen) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PyModule_AddObjectRef(module, name, Borrowed(value.block())) }
}

/// Adds an int to a module. 0, or -1 with an exception.
pub unsafe extern "C" fn PyModule_AddIntConstant(module: Borrowed, name: *const c_char, value: c_long) -> c_int {
    let value = New(crate::twins::forms::long::from_i64(value));
    // SAFETY: C's arguments; the reference is ours.
    unsafe {
        let result = PyModule_AddObjectRef(module, name, Borrowed(value.0));
        dealloc::decref(value.0);
        result
    }
}

/// Adds a str to a module. 0, or -1 with an exception.
pub unsafe extern "C" fn PyModule_AddStringConstant(
    module: Borrowed,
    name: *const c_char,
    value: *const c_char,
) -> c_int {
    // SAFETY: C's arguments; the reference is ours.
    unsafe {
        let value = unicodeobject::PyUnicode_FromString(value);
        let result = PyModule_AddObjectRef(module, name, Borrowed(value.0));
        dealloc::xdecref(value.0);
        result
    }
}

/// Finishes a type and adds it to a module under its own name. 0, or -1 with an exception.
pub unsafe extern "C" fn PyModule_AddType(module: Borrowed, class: *mut c::PyTypeObject) -> c_int {
    // SAFETY: C's arguments.
    unsafe {
        if super::typeobject::PyType_Ready(class) < 0 {
            return -1;
        }
        let name = text::short_name((*class).tp_name);
        let Some(name) = text::c_string(&name) else { return -1 };
        PyModule_AddObjectRef(module, name.as_ptr(), Borrowed(class.cast()))
    }
}

/// Adds a table's functions to a module. 0, or -1 with an exception.
pub unsafe extern "C" fn PyModule_AddFunctions(module: Borrowed, methods: *mut c::PyMethodDef) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        let name = leave_with(vm, module.get(vm)?, |it| it.get_attr("__name__", vm)?.try_into_value(vm))?;
        crate::twins::forms::module::add_functions(vm, module.0, &name, methods)?;
        Ok(0)
    })
}

/// Sets a module's documentation. 0, or -1 with an exception.
pub unsafe extern "C" fn PyModule_SetDocString(module: Borrowed, doc: *const c_char) -> c_int {
    api(|vm| {
        // SAFETY: C's arguments.
        let doc = unsafe { new_name(vm, doc)? };
        leave_with(vm, module.get(vm)?, |it| it.set_attr("__doc__", doc, vm)).map(|()| 0)
    })
}
