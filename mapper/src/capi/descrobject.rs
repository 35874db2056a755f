//! `descrobject.h`: descriptors and the read-only view of a mapping.

use super::prelude::*;
use crate::lifetime::dispatch::{Definition, dispatcher};
use rustpython_vm::function::PySetterValue;

/// Makes a descriptor for a class.
fn new(class: *mut c::PyTypeObject, definition: Definition) -> New {
    api(|vm| {
        let managed = Borrowed(class.cast()).class(vm)?;
        // SAFETY: C's arguments: definitions outlive what is made from them.
        let made = unsafe { dispatcher().descriptor(vm, &managed, class, definition)? };
        // The descriptor refers to the class without counting it, and may outlive it outside its dict.
        std::mem::forget(managed);
        Ok(New::of(vm, made))
    })
}

/// A new descriptor of a method of a class's instances.
pub unsafe extern "C" fn PyDescr_NewMethod(class: *mut c::PyTypeObject, method: *mut c::PyMethodDef) -> New {
    new(class, Definition::Method(method))
}

/// A new descriptor of a method of a class itself.
pub unsafe extern "C" fn PyDescr_NewClassMethod(class: *mut c::PyTypeObject, method: *mut c::PyMethodDef) -> New {
    new(class, Definition::ClassMethod(method))
}

/// A new descriptor of a field of the struct of a class's instances.
pub unsafe extern "C" fn PyDescr_NewMember(class: *mut c::PyTypeObject, member: *mut c::PyMemberDef) -> New {
    // SAFETY: C's argument.
    if unsafe { (*member).flags } & RELATIVE_OFFSET != 0 {
        return relative("PyDescr_NewMember");
    }
    new(class, Definition::Member(member))
}

/// A new descriptor of a getter and a setter.
pub unsafe extern "C" fn PyDescr_NewGetSet(class: *mut c::PyTypeObject, property: *mut c::PyGetSetDef) -> New {
    new(class, Definition::GetSet(property))
}

/// `Py_RELATIVE_OFFSET`: the offset counts from the end of the base's struct, which only a type's own table can know.
const RELATIVE_OFFSET: c_int = 8;

fn relative<R: crate::calls::api::CResult>(function: &str) -> R {
    api(|vm| Err(vm.new_system_error(format!("{function} used with Py_RELATIVE_OFFSET"))))
}

/// A new read-only view of a mapping.
pub unsafe extern "C" fn PyDictProxy_New(mapping: Borrowed) -> New {
    api(|vm| {
        let class: PyObjectRef = vm.ctx.types.mappingproxy_type.to_owned().into();
        let mapping = mapping.get(vm)?;
        Ok(New::of(vm, leave(vm, || class.call((mapping,), vm))?))
    })
}

/// A special method of the VM's bound to an object.
pub unsafe extern "C" fn PyWrapper_New(descriptor: Borrowed, object: Borrowed) -> New {
    api(|vm| {
        let (descriptor, object) = (descriptor.get(vm)?, object.get(vm)?);
        let class = object.class().as_object();
        let bound = leave(vm, || vm.call_get_descriptor_specific(&descriptor, Some(&object), Some(class)));
        Ok(New::of(vm, bound.unwrap_or_else(|| Err(bad_internal_call(vm)))?))
    })
}

/// The value of a field of the struct at `at`, an object; a new reference.
pub unsafe extern "C" fn PyMember_GetOne(at: *const c_char, member: *mut c::PyMemberDef) -> New {
    // SAFETY: C's arguments.
    unsafe {
        if (*member).flags & RELATIVE_OFFSET != 0 {
            return relative("PyMember_GetOne");
        }
        api(|vm| Ok(New::of(vm, dispatcher().member(vm, at.cast_mut().cast(), &*member)?)))
    }
}

/// Sets a field of the struct at `at`, an object; NULL deletes. 0, or -1 with an exception.
pub unsafe extern "C" fn PyMember_SetOne(at: *mut c_char, member: *mut c::PyMemberDef, value: Borrowed) -> c_int {
    // SAFETY: C's arguments.
    unsafe {
        if (*member).flags & RELATIVE_OFFSET != 0 {
            return relative("PyMember_SetOne");
        }
        api(|vm| {
            let value = value.opt(vm)?.map_or(PySetterValue::Delete, PySetterValue::Assign);
            dispatcher().set_member(vm, at.cast(), &*member, value).map(|()| 0)
        })
    }
}

/// Whether a descriptor can be assigned to.
pub unsafe extern "C" fn PyDescr_IsData(descriptor: Borrowed) -> c_int {
    infallible(0, |vm| Ok(c_int::from(descriptor.get(vm)?.class().slots.descr_set.load().is_some())))
}

/// A new namespace with the items of a dict, which may be NULL.
pub unsafe extern "C" fn _PyNamespace_New(items: Borrowed) -> New {
    api(|vm| {
        let class = leave(vm, || vm.import("types", 0)?.get_attr("SimpleNamespace", vm))?;
        let args: Vec<PyObjectRef> = items.opt(vm)?.into_iter().collect();
        Ok(New::of(vm, leave(vm, || class.call(args, vm))?))
    })
}
