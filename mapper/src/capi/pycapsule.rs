//! `pycapsule.h`: capsules.

use super::prelude::*;
use crate::twins::forms::capsule;
use crate::twins::forms::capsule::{CapsuleBlock, CapsuleDestructor};
use std::sync::OnceLock;

/// A new capsule around a pointer that is not NULL. The name, which may be NULL, must outlive it.
pub unsafe extern "C" fn PyCapsule_New(
    pointer: *mut c_void,
    name: *const c_char,
    destructor: Option<CapsuleDestructor>,
) -> New {
    api(|vm| {
        if pointer.is_null() {
            return Err(vm.new_value_error("PyCapsule_New called with null pointer"));
        }
        Ok(New(capsule::new(vm, pointer, name, destructor)))
    })
}

/// The fields of a valid capsule.
unsafe fn valid<'a>(object: Borrowed) -> Option<&'a mut CapsuleBlock> {
    static TYPE: OnceLock<usize> = OnceLock::new();
    let class = *TYPE.get_or_init(|| data_address("PyCapsule_Type") as usize);
    // SAFETY: C's argument.
    unsafe {
        let is_one = !object.is_null() && (*object.0).ob_type as usize == class;
        is_one.then(|| &mut *object.0.cast::<CapsuleBlock>()).filter(|fields| !fields.pointer.is_null())
    }
}

/// The fields of a valid capsule; `ValueError` in the words of the function that asked.
unsafe fn fields<'a>(vm: &VirtualMachine, object: Borrowed, function: &str) -> PyResult<&'a mut CapsuleBlock> {
    // SAFETY: C's argument.
    unsafe { valid(object) }
        .ok_or_else(|| vm.new_value_error(format!("{function} called with invalid PyCapsule object")))
}

unsafe fn same(a: *const c_char, b: *const c_char) -> bool {
    // SAFETY: C's arguments.
    unsafe { if a.is_null() || b.is_null() { a == b } else { libc::strcmp(a, b) == 0 } }
}

/// A capsule's pointer, if the name is right; NULL with an exception.
/// C code calls it without the lock, too, as numpy's allocators do: as long as nothing is wrong, it needs no thread state.
pub unsafe extern "C" fn PyCapsule_GetPointer(object: Borrowed, name: *const c_char) -> *mut c_void {
    // SAFETY: C's arguments.
    if let Some(fields) = unsafe { valid(object) }
        // SAFETY: as above.
        && unsafe { same(fields.name, name) }
    {
        return fields.pointer;
    }
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        let fields = fields(vm, object, "PyCapsule_GetPointer")?;
        if same(fields.name, name) {
            Ok(fields.pointer)
        } else {
            Err(vm.new_value_error("PyCapsule_GetPointer called with incorrect name"))
        }
    })
}

/// A capsule's destructor, or NULL.
pub unsafe extern "C" fn PyCapsule_GetDestructor(object: Borrowed) -> Option<CapsuleDestructor> {
    // SAFETY: C's arguments.
    api(|vm| unsafe { Ok(fields(vm, object, "PyCapsule_GetDestructor")?.destructor) })
}

/// A capsule's name, or NULL.
pub unsafe extern "C" fn PyCapsule_GetName(object: Borrowed) -> *const c_char {
    // SAFETY: C's arguments.
    api(|vm| unsafe { Ok(fields(vm, object, "PyCapsule_GetName")?.name) })
}

/// A capsule's second pointer, or NULL.
pub unsafe extern "C" fn PyCapsule_GetContext(object: Borrowed) -> *mut c_void {
    // SAFETY: C's arguments.
    api(|vm| unsafe { Ok(fields(vm, object, "PyCapsule_GetContext")?.context) })
}

/// Whether an object is a capsule with a pointer and this name.
pub unsafe extern "C" fn PyCapsule_IsValid(object: Borrowed, name: *const c_char) -> c_int {
    // SAFETY: C's arguments.
    infallible(0, |vm| unsafe { Ok(c_int::from(fields(vm, object, "").is_ok_and(|fields| same(fields.name, name)))) })
}

/// Sets a capsule's pointer, not to NULL. 0, or -1 with an exception.
pub unsafe extern "C" fn PyCapsule_SetPointer(object: Borrowed, pointer: *mut c_void) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        if pointer.is_null() {
            return Err(vm.new_value_error("PyCapsule_SetPointer called with null pointer"));
        }
        fields(vm, object, "PyCapsule_SetPointer")?.pointer = pointer;
        Ok(0)
    })
}

/// Sets a capsule's destructor. 0, or -1 with an exception.
pub unsafe extern "C" fn PyCapsule_SetDestructor(object: Borrowed, destructor: Option<CapsuleDestructor>) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        fields(vm, object, "PyCapsule_SetDestructor")?.destructor = destructor;
        Ok(0)
    })
}

/// Sets a capsule's name. 0, or -1 with an exception.
pub unsafe extern "C" fn PyCapsule_SetName(object: Borrowed, name: *const c_char) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        fields(vm, object, "PyCapsule_SetName")?.name = name;
        Ok(0)
    })
}

/// Sets a capsule's second pointer. 0, or -1 with an exception.
pub unsafe extern "C" fn PyCapsule_SetContext(object: Borrowed, context: *mut c_void) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        fields(vm, object, "PyCapsule_SetContext")?.context = context;
        Ok(0)
    })
}

/// The pointer of the capsule `module.attribute`, whose name is the whole text; NULL with an exception.
pub unsafe extern "C" fn PyCapsule_Import(name: *const c_char, _no_block: c_int) -> *mut c_void {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        let module = if name.is_null() { &b""[..] } else { CStr::from_ptr(name).to_bytes() };
        let module = module.split(|byte| *byte == b'.').next().unwrap_or_default();
        if std::str::from_utf8(module).is_err() {
            let module = String::from_utf8_lossy(module);
            let message = format!("PyCapsule_Import could not import module \"{module}\"");
            return Err(vm.new_import_error(message, vm.ctx.new_str(&*module)));
        }
        let path = super::abstract_::new_name(vm, name)?.to_string();
        let invalid = || vm.new_attribute_error(format!("PyCapsule_Import \"{path}\" is not valid"));
        let mut parts = path.split('.');
        let module = parts.next().unwrap_or("");
        let imported = vm.ctx.intern_str(module);
        let mut object = leave(vm, || vm.import(imported, 0)).map_err(|_| {
            let message = format!("PyCapsule_Import could not import module \"{module}\"");
            vm.new_import_error(message, vm.ctx.new_str(module))
        })?;
        super::datetime::provide(vm, &path, &object)?;
        for part in parts {
            let key = vm.ctx.new_str(part);
            object = leave(vm, || object.get_attr(&key, vm))?;
        }
        let block = store::store(vm, &object);
        let pointer =
            fields(vm, Borrowed(block), "").ok().filter(|fields| same(fields.name, name)).map(|it| it.pointer);
        dealloc::decref(block);
        pointer.ok_or_else(invalid)
    })
}
