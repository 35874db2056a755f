//! `object.h` and `cpython/object.h`: attributes and the dicts they are in.

use super::abstract_::{name_error, new_name};
use super::prelude::*;
use crate::twins::{fields, type_dict};
use rustpython_vm::builtins::{PyDict, PyStr, object_generic_set_dict, object_get_dict};
use rustpython_vm::function::PySetterValue;
use rustpython_vm::{Py, PyObject};

/// A name that C gave as an object: a string.
fn name_of<'a>(vm: &VirtualMachine, name: &'a PyObject) -> PyResult<&'a Py<PyStr>> {
    name.downcast_ref().ok_or_else(|| name_error(vm, name))
}

/// Does something with an object and a name that C gave as an object.
#[inline]
fn by_object<R>(
    vm: &VirtualMachine,
    object: Borrowed,
    name: Borrowed,
    f: impl FnOnce(&PyObject, &Py<PyStr>) -> PyResult<R>,
) -> PyResult<R> {
    let (object, name) = (object.held(vm)?, name.held(vm)?);
    let name = name_of(vm, &name)?;
    leave_for(vm, [&*object, name.as_object()], || f(&object, name))
}

/// Does something with an object and a name in UTF-8.
unsafe fn by_text<R>(
    vm: &VirtualMachine,
    object: Borrowed,
    name: *const c_char,
    f: impl FnOnce(&PyObject, &Py<PyStr>) -> PyResult<R>,
) -> PyResult<R> {
    // SAFETY: C's arguments.
    let (object, name) = (object.held(vm)?, unsafe { new_name(vm, name)? });
    leave_for(vm, [&*object, name.as_object()], || f(&object, &name))
}

/// An attribute.
pub unsafe extern "C" fn PyObject_GetAttr(object: Borrowed, name: Borrowed) -> New {
    api(|vm| {
        let found = by_object(vm, object, name, |object, name| object.get_attr(name, vm))?;
        Ok(New::of(vm, found))
    })
}

/// An attribute by a name in UTF-8.
pub unsafe extern "C" fn PyObject_GetAttrString(object: Borrowed, name: *const c_char) -> New {
    api(|vm| {
        // SAFETY: C's arguments.
        let found = unsafe { by_text(vm, object, name, |object, name| object.get_attr(name, vm))? };
        Ok(New::of(vm, found))
    })
}

/// Gives an attribute that may be missing: 1 and the value, or 0 and NULL.
unsafe fn put(vm: &VirtualMachine, found: Option<PyObjectRef>, result: *mut Block) -> c_int {
    match found {
        // SAFETY: C's argument.
        Some(found) => unsafe {
            *result = New::of(vm, found).0;
            1
        },
        None => 0,
    }
}

/// Puts an attribute into `result`: 1, 0 and NULL if there is none, -1 with an exception.
pub unsafe extern "C" fn PyObject_GetOptionalAttr(object: Borrowed, name: Borrowed, result: *mut Block) -> c_int {
    // SAFETY: C's arguments.
    unsafe { *result = std::ptr::null_mut() };
    api(|vm| {
        let found = by_object(vm, object, name, |object, name| vm.get_attribute_opt(object, name))?;
        // SAFETY: C's arguments.
        Ok(unsafe { put(vm, found, result) })
    })
}

/// [`PyObject_GetOptionalAttr`] by a name in UTF-8.
pub unsafe extern "C" fn PyObject_GetOptionalAttrString(
    object: Borrowed,
    name: *const c_char,
    result: *mut Block,
) -> c_int {
    // SAFETY: C's arguments.
    unsafe { *result = std::ptr::null_mut() };
    api(|vm| {
        // SAFETY: C's arguments.
        unsafe {
            let found = by_text(vm, object, name, |object, name| vm.get_attribute_opt(object, name))?;
            Ok(put(vm, found, result))
        }
    })
}

/// Whether an attribute is there: 1, 0, or -1 with an exception.
pub unsafe extern "C" fn PyObject_HasAttrWithError(object: Borrowed, name: Borrowed) -> c_int {
    api(|vm| by_object(vm, object, name, |object, name| object.has_attr(name, vm)).map(c_int::from))
}

/// [`PyObject_HasAttrWithError`] by a name in UTF-8.
pub unsafe extern "C" fn PyObject_HasAttrStringWithError(object: Borrowed, name: *const c_char) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe { by_text(vm, object, name, |object, name| object.has_attr(name, vm)) }.map(c_int::from))
}

/// Whether an attribute is there; exceptions but `AttributeError` are reported as unraisable and count as no.
pub unsafe extern "C" fn PyObject_HasAttr(object: Borrowed, name: Borrowed) -> c_int {
    infallible(0, |vm| by_object(vm, object, name, |object, name| object.has_attr(name, vm)).map(c_int::from))
}

/// [`PyObject_HasAttr`] by a name in UTF-8.
pub unsafe extern "C" fn PyObject_HasAttrString(object: Borrowed, name: *const c_char) -> c_int {
    // SAFETY: C's arguments.
    infallible(0, |vm| unsafe { by_text(vm, object, name, |object, name| object.has_attr(name, vm)) }.map(c_int::from))
}

/// What is to be done to an attribute: NULL deletes it.
fn setting(vm: &VirtualMachine, value: Borrowed) -> PyResult<PySetterValue> {
    Ok(value.opt(vm)?.map_or(PySetterValue::Delete, PySetterValue::Assign))
}

/// Sets an attribute, or deletes it if the value is NULL. 0, or -1 with an exception.
pub unsafe extern "C" fn PyObject_SetAttr(object: Borrowed, name: Borrowed, value: Borrowed) -> c_int {
    api(|vm| {
        // SAFETY: C's arguments.
        if let Some(result) = unsafe { type_dict::set_early(vm, object.0, name, value) } {
            return result.map(|()| 0);
        }
        let value = setting(vm, value)?;
        by_object(vm, object, name, |object, name| object.call_set_attr(vm, name, value))?;
        Ok(0)
    })
}

/// [`PyObject_SetAttr`] by a name in UTF-8.
pub unsafe extern "C" fn PyObject_SetAttrString(object: Borrowed, name: *const c_char, value: Borrowed) -> c_int {
    api(|vm| {
        // SAFETY: C's arguments.
        unsafe {
            let text = New::of(vm, new_name(vm, name)?);
            let early = type_dict::set_early(vm, object.0, Borrowed(text.0), value);
            dealloc::decref(text.0);
            if let Some(result) = early {
                return result.map(|()| 0);
            }
        }
        let value = setting(vm, value)?;
        // SAFETY: C's arguments.
        unsafe { by_text(vm, object, name, |object, name| object.call_set_attr(vm, name, value))? };
        Ok(0)
    })
}

/// Deletes an attribute. 0, or -1 with an exception.
pub unsafe extern "C" fn PyObject_DelAttr(object: Borrowed, name: Borrowed) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PyObject_SetAttr(object, name, Borrowed(std::ptr::null_mut())) }
}

/// [`PyObject_DelAttr`] by a name in UTF-8.
pub unsafe extern "C" fn PyObject_DelAttrString(object: Borrowed, name: *const c_char) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PyObject_SetAttrString(object, name, Borrowed(std::ptr::null_mut())) }
}

/// The attribute look-up that most types have: `tp_getattro`.
pub unsafe extern "C" fn PyObject_GenericGetAttr(object: Borrowed, name: Borrowed) -> New {
    api(|vm| {
        let found = by_object(vm, object, name, |object, name| object.generic_getattr(name, vm))?;
        Ok(New::of(vm, found))
    })
}

/// [`PyObject_GenericGetAttr`] with a dict other than the object's, or NULL; NULL without an exception for a missing
/// attribute if `suppress` is set.
pub unsafe extern "C" fn _PyObject_GenericGetAttrWithDict(
    object: Borrowed,
    name: Borrowed,
    dict: Borrowed,
    suppress: c_int,
) -> New {
    api(|vm| {
        let dict = if dict.is_null() { None } else { Some(dict.of::<PyDict>(vm)?) };
        let found = by_object(vm, object, name, |object, name| match object.generic_getattr_opt(name, dict, vm) {
            Ok(None) if suppress == 0 => Err(vm.new_no_attribute_error(object.to_owned(), name.to_owned())),
            Err(error) if suppress != 0 && error.fast_isinstance(vm.ctx.exceptions.attribute_error) => Ok(None),
            found => found,
        })?;
        Ok(found.map_or(New::NULL, |found| New::of(vm, found)))
    })
}

/// The attribute setting that most types have: `tp_setattro`. NULL deletes. 0, or -1 with an exception.
pub unsafe extern "C" fn PyObject_GenericSetAttr(object: Borrowed, name: Borrowed, value: Borrowed) -> c_int {
    api(|vm| {
        let value = setting(vm, value)?;
        by_object(vm, object, name, |object, name| object.generic_setattr(name, value, vm))?;
        Ok(0)
    })
}

/// [`PyObject_GenericSetAttr`] with a dict (or NULL) that stands for the object's own.
pub unsafe extern "C" fn _PyObject_GenericSetAttrWithDict(
    object: Borrowed,
    name: Borrowed,
    value: Borrowed,
    dict: Borrowed,
) -> c_int {
    api(|vm| {
        let value = setting(vm, value)?;
        let dict = if dict.is_null() { None } else { Some(dict.of::<PyDict>(vm)?) };
        by_object(vm, object, name, |object, name| {
            let of_class = object.class().get_attr(vm.ctx.intern_str(name.as_wtf8()));
            let is_data = of_class.is_some_and(|found| found.class().slots.descr_set.load().is_some());
            match (dict, value) {
                (Some(dict), PySetterValue::Assign(value)) if !is_data => leave(vm, || dict.set_item(name, value, vm)),
                (Some(dict), PySetterValue::Delete) if !is_data => match dict.pop_item(name, vm)? {
                    Some(_) => Ok(()),
                    None => Err(vm.new_no_attribute_error(object.to_owned(), name.to_owned())),
                },
                (_, value) => object.generic_setattr(name, value, vm),
            }
        })?;
        Ok(0)
    })
}

/// An object's dict: the getter of `__dict__`.
pub unsafe extern "C" fn PyObject_GenericGetDict(object: Borrowed, _context: *mut c_void) -> New {
    // SAFETY: C's argument.
    unsafe {
        if Kind::of(object.0) == Kind::Type {
            return super::typeobject::PyType_GetDict(object);
        }
    }
    api(|vm| {
        let dict = object_get_dict(object.get(vm)?, vm)?;
        // SAFETY: C's argument. Who asks for the dict finds it in the struct from now on, also an empty one.
        unsafe {
            if fields::dict_field(object.0).is_some_and(|field| (*field).is_null()) {
                _PyObject_GetDictPtr(object);
            }
        }
        Ok(New::of(vm, dict))
    })
}

/// Replaces an object's dict: the setter of `__dict__`. 0, or -1 with an exception.
pub unsafe extern "C" fn PyObject_GenericSetDict(object: Borrowed, value: Borrowed, _context: *mut c_void) -> c_int {
    api(|vm| {
        object_generic_set_dict(object.get(vm)?, setting(vm, value)?, vm)?;
        // SAFETY: C's argument.
        unsafe { store::touched(vm, object.0) };
        Ok(0)
    })
}

/// Where C finds a pointer to an object's dict; NULL, without an exception, if the object has none.
///
/// A type's own field is filled if it is empty; for other objects the pointer stands in front of the block, and what it
/// points to is borrowed from the object.
pub unsafe extern "C" fn _PyObject_GetDictPtr(object: Borrowed) -> *mut Block {
    infallible(std::ptr::null_mut(), |vm| {
        // SAFETY: C's argument; every block has a field in front.
        unsafe {
            if let Some(field) = fields::dict_field(object.0) {
                if (*object.0).ob_refcnt > 0 {
                    fields::in_step(vm, object.0, &*object.held(vm)?);
                }
                return Ok(field);
            }
            // A dying object's half took its dict along.
            if (*object.0).ob_refcnt == 0 {
                return Ok(std::ptr::null_mut());
            }
            let Ok(dict) = object_get_dict(object.get(vm)?, vm) else { return Ok(std::ptr::null_mut()) };
            if crate::heap::block::header(object.0).is_none() {
                return Ok(std::ptr::null_mut());
            }
            let field = object.0.cast::<Block>().sub(MANAGED_DICT);
            *field = lend::lend(vm, object.0, dict.as_object());
            Ok(field)
        }
    })
}

/// How many words in front of an object CPython keeps the pointer to a managed dict.
const MANAGED_DICT: usize = 3;

/// Visits what a managed dict refers to. The dict is the managed half's, whom the collector asks itself: 0.
pub unsafe extern "C" fn PyObject_VisitManagedDict(
    _object: Block,
    _visit: c::VisitProc,
    _argument: *mut c_void,
) -> c_int {
    0
}

/// Empties an object's dict. A dying object's twin took it along.
pub unsafe extern "C" fn PyObject_ClearManagedDict(object: Block) {
    if let Some(dict) = handle::twin_of(object).and_then(PyObject::dict) {
        infallible((), |vm| leave(vm, || vm.call_method(dict.as_object(), "clear", ())).map(drop));
    }
}

/// [`PyObject_GetAttrString`] with a name in a struct, whose first field it is.
pub unsafe extern "C" fn _PyObject_GetAttrId(object: Borrowed, name: *const *const c_char) -> New {
    // SAFETY: C's arguments.
    unsafe { PyObject_GetAttrString(object, *name) }
}
