//! `object.h` and `cpython/object.h`: types.

use super::prelude::*;
use crate::abi::layout::ModuleBlock;
use crate::abi::layout::tpflags;
use crate::twins::heap_type;
use crate::twins::heap_type::text_attribute;
use crate::twins::{type_dict, type_writes};
use rustpython_vm::builtins::PyType;

/// Makes a type from a spec with the given metaclass, module and bases, each of which may be NULL.
pub unsafe extern "C" fn PyType_FromMetaclass(
    metaclass: *mut c::PyTypeObject,
    module: Borrowed,
    spec: *const c::PyType_Spec,
    bases: Borrowed,
) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe { heap_type::from_spec(vm, metaclass, module.0, spec, bases.0) }.map(New))
}

/// [`PyType_FromMetaclass`] with the bases' metaclass.
pub unsafe extern "C" fn PyType_FromModuleAndSpec(
    module: Borrowed,
    spec: *const c::PyType_Spec,
    bases: Borrowed,
) -> New {
    // SAFETY: C's arguments.
    unsafe { PyType_FromMetaclass(std::ptr::null_mut(), module, spec, bases) }
}

/// [`PyType_FromMetaclass`] with nothing but bases.
pub unsafe extern "C" fn PyType_FromSpecWithBases(spec: *const c::PyType_Spec, bases: Borrowed) -> New {
    // SAFETY: C's arguments.
    unsafe { PyType_FromMetaclass(std::ptr::null_mut(), Borrowed(std::ptr::null_mut()), spec, bases) }
}

/// [`PyType_FromMetaclass`] with nothing but a spec.
pub unsafe extern "C" fn PyType_FromSpec(spec: *const c::PyType_Spec) -> New {
    // SAFETY: C's arguments.
    unsafe { PyType_FromSpecWithBases(spec, Borrowed(std::ptr::null_mut())) }
}

/// Finishes a static type. 0, or -1 with an exception.
pub unsafe extern "C" fn PyType_Ready(t: *mut c::PyTypeObject) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe { heap_type::ready(vm, t) }.map(|()| 0))
}

/// The function in a slot, NULL if the type has none, or if it is static and the slot newer than 3.5's API.
pub unsafe extern "C" fn PyType_GetSlot(t: *mut c::PyTypeObject, slot: c_int) -> *mut c_void {
    /// `Py_tp_token`, which only heap types have.
    const TOKEN: c_int = 83;
    api(|vm| {
        if slot == TOKEN {
            // SAFETY: C's argument; the flag says what it is.
            unsafe {
                let is_heap_type = (*t).tp_flags & tpflags::HEAPTYPE != 0;
                return Ok(if is_heap_type {
                    (*t.cast::<c::PyHeapTypeObject>()).ht_token
                } else {
                    std::ptr::null_mut()
                });
            }
        }
        let offset = crate::abi::slot_table::offset(slot).ok_or_else(|| bad_internal_call(vm))?;
        // SAFETY: C's arguments; the offset lies in the type, or in a suite that is NULL or valid.
        unsafe { Ok(crate::abi::slot_table::read(t, offset)) }
    })
}

/// The module a type was made for, borrowed; `TypeError` if there is none.
pub unsafe extern "C" fn PyType_GetModule(t: *mut c::PyTypeObject) -> Lent {
    // SAFETY: C's arguments.
    api(|vm| unsafe { module_of(vm, t) }.map(Lent))
}

unsafe fn module_of(vm: &VirtualMachine, t: *mut c::PyTypeObject) -> PyResult<Block> {
    // SAFETY: by the caller's contract.
    unsafe {
        let name = text::of_c((*t).tp_name);
        if (*t).tp_flags & tpflags::HEAPTYPE == 0 {
            return Err(vm.new_type_error(format!("PyType_GetModule: Type '{name}' is not a heap type")));
        }
        let module = (*t.cast::<c::PyHeapTypeObject>()).ht_module;
        if module.is_null() {
            return Err(vm.new_type_error(format!("PyType_GetModule: Type '{name}' has no associated module")));
        }
        Ok(module)
    }
}

/// The state of the module a type was made for; NULL with `TypeError` if there is none.
pub unsafe extern "C" fn PyType_GetModuleState(t: *mut c::PyTypeObject) -> *mut c_void {
    // SAFETY: C's arguments; a type's module is one.
    api(|vm| unsafe { Ok((*module_of(vm, t)?.cast::<ModuleBlock>()).md_state) })
}

/// The module of the first class in the MRO that was made for a module of definition `def`, borrowed.
pub unsafe extern "C" fn PyType_GetModuleByDef(t: *mut c::PyTypeObject, def: *mut c::PyModuleDef) -> Lent {
    api(|vm| {
        // SAFETY: C's arguments; an MRO has types.
        unsafe {
            for &class in tuple::slice((*t).tp_mro) {
                let class = class.cast::<c::PyTypeObject>();
                if (*class).tp_flags & tpflags::HEAPTYPE == 0 {
                    continue;
                }
                let module = (*class.cast::<c::PyHeapTypeObject>()).ht_module;
                if !module.is_null() && crate::twins::forms::module::definition(module) == def {
                    return Ok(Lent(module));
                }
            }
            let name = text::of_c((*t).tp_name);
            Err(vm.new_type_error(format!("PyType_GetModuleByDef: No superclass of '{name}' has the given module")))
        }
    })
}

/// The first type with a token in a type's order, or, while that is being made, among its bases.
unsafe fn with_token(t: *mut c::PyTypeObject, token: *mut c_void) -> Option<*mut c::PyTypeObject> {
    // SAFETY: by the caller's contract; an MRO and bases have types.
    unsafe {
        let has = |class: *mut c::PyTypeObject| {
            (*class).tp_flags & tpflags::HEAPTYPE != 0 && (*class.cast::<c::PyHeapTypeObject>()).ht_token == token
        };
        let types = |tuple: Block| tuple::slice(tuple).iter().map(|class| class.cast::<c::PyTypeObject>());
        if !(*t).tp_mro.is_null() {
            return types((*t).tp_mro).find(|class| has(*class));
        }
        if has(t) {
            return Some(t);
        }
        let bases = (*t).tp_bases;
        if bases.is_null() { None } else { types(bases).find_map(|base| with_token(base, token)) }
    }
}

/// The token a type was made with, if `t` or a base has it: 1 and the base as a new reference, 0 if not, -1.
pub unsafe extern "C" fn PyType_GetBaseByToken(
    t: *mut c::PyTypeObject,
    token: *mut c_void,
    result: *mut *mut c::PyTypeObject,
) -> c_int {
    if !result.is_null() {
        // SAFETY: C's argument.
        unsafe { *result = std::ptr::null_mut() };
    }
    api(|vm| {
        if token.is_null() {
            return Err(vm.new_system_error("PyType_GetBaseByToken called with token=NULL"));
        }
        let object = Borrowed(t.cast()).get(vm)?;
        if !object.downcastable::<PyType>() {
            let class = object.class().to_owned();
            let name = crate::capi::support::format::type_name(vm, &class, '.');
            return Err(vm.new_type_error(format!("expected a type, got a '{name}' object")));
        }
        // SAFETY: C's arguments; an MRO has types.
        unsafe {
            let found = with_token(t, token);
            if let Some(result) = result.as_mut() {
                *result = found.unwrap_or(std::ptr::null_mut());
                if let Some(class) = found {
                    handle::incref(class.cast());
                }
            }
            Ok(c_int::from(found.is_some()))
        }
    })
}

/// A type's name without its module, as a new str.
pub unsafe extern "C" fn PyType_GetName(t: Borrowed) -> New {
    api(|vm| Ok(New::of(vm, leave_with(vm, t.class(vm)?, |it| it.as_object().get_attr("__name__", vm))?)))
}

/// A type's qualified name, as a new str.
pub unsafe extern "C" fn PyType_GetQualName(t: Borrowed) -> New {
    api(|vm| Ok(New::of(vm, leave_with(vm, t.class(vm)?, |it| it.as_object().get_attr("__qualname__", vm))?)))
}

/// A type's name with its module, `builtins` and `__main__` left out, as a new str.
pub unsafe extern "C" fn PyType_GetFullyQualifiedName(t: Borrowed) -> New {
    api(|vm| {
        let class = t.class(vm)?;
        let name = text_attribute(vm, &class, "__qualname__").unwrap_or_else(|| class.name().to_string());
        Ok(New::of(
            vm,
            match text_attribute(vm, &class, "__module__") {
                Some(module) if module != "builtins" && module != "__main__" => {
                    vm.ctx.new_str(format!("{module}.{name}"))
                }
                _ => vm.ctx.new_str(name),
            },
        ))
    })
}

/// A type's `__module__`.
pub unsafe extern "C" fn PyType_GetModuleName(t: Borrowed) -> New {
    api(|vm| Ok(New::of(vm, leave_with(vm, t.class(vm)?, |it| it.as_object().get_attr("__module__", vm))?)))
}

/// The data that a type added behind its base's (PEP 697).
pub unsafe extern "C" fn PyObject_GetTypeData(object: Borrowed, t: *mut c::PyTypeObject) -> *mut c_void {
    // SAFETY: C's arguments.
    unsafe { object.0.cast::<u8>().offset(((*(*t).tp_base).tp_basicsize + 15) / 16 * 16).cast() }
}

/// The size in bytes of what [`PyObject_GetTypeData`] points to; -1 with an exception.
pub unsafe extern "C" fn PyType_GetTypeDataSize(t: *mut c::PyTypeObject) -> isize {
    // SAFETY: C's arguments.
    unsafe { ((*t).tp_basicsize - ((*(*t).tp_base).tp_basicsize + 15) / 16 * 16).max(0) }
}

/// Whether `t` is `base` or derived from it.
pub unsafe extern "C" fn PyType_IsSubtype(t: *mut c::PyTypeObject, base: *mut c::PyTypeObject) -> c_int {
    // SAFETY: C's arguments; an MRO has types, and a type that is not ready yet has bases.
    unsafe {
        let mro = (*t).tp_mro;
        if !mro.is_null() {
            return c_int::from(tuple::slice(mro).contains(&base.cast()));
        }
        let mut class = t;
        while !class.is_null() {
            if class == base {
                return 1;
            }
            class = (*class).tp_base;
        }
        c_int::from(base == statics().object)
    }
}

/// A type's flags.
pub unsafe extern "C" fn PyType_GetFlags(t: *mut c::PyTypeObject) -> std::ffi::c_ulong {
    // SAFETY: C's arguments.
    unsafe { (*t).tp_flags as std::ffi::c_ulong }
}

/// Zeroed memory for an instance with `items` variable parts; a new reference.
pub unsafe extern "C" fn PyType_GenericAlloc(t: *mut c::PyTypeObject, items: isize) -> New {
    // SAFETY: C's arguments.
    let made = unsafe { heap_type::generic_alloc(t, items) };
    if made.is_null() {
        return no_memory();
    }
    // SAFETY: a ready type, and a fresh block.
    unsafe {
        if (*t).tp_flags & c::tpflags::HAVE_GC != 0 {
            crate::heap::block::header_of(made).set(crate::heap::block::flag::TRACKED);
        }
    }
    New(made)
}

/// `tp_new` that takes memory from the type's allocator and looks at nothing else.
pub unsafe extern "C" fn PyType_GenericNew(t: *mut c::PyTypeObject, _args: Borrowed, _keywords: Borrowed) -> New {
    // SAFETY: C's arguments.
    unsafe {
        match (*t).tp_alloc {
            Some(alloc) => New(alloc(t, 0)),
            None => PyType_GenericAlloc(t, 0),
        }
    }
}

/// Says that a type's dict was changed behind its back.
pub unsafe extern "C" fn PyType_Modified(t: Borrowed) {
    infallible((), |vm| {
        let class = t.class(vm)?;
        // SAFETY: C's argument.
        unsafe {
            type_writes::compare(vm, t.0.cast(), &class);
            type_dict::modified(vm, t.0.cast(), &class)
        }
    });
}

/// Forgets all cached attribute look-ups; returns the highest version in use.
pub unsafe extern "C" fn PyType_ClearCache() -> std::ffi::c_uint {
    0
}

/// The first attribute of this name in the MRO, borrowed; NULL without an exception if there is none.
pub unsafe extern "C" fn _PyType_Lookup(t: Borrowed, name: Borrowed) -> Lent {
    infallible(Lent::NULL, |vm| {
        let name = name.of::<rustpython_vm::builtins::PyStr>(vm)?;
        let found = t.class(vm)?.get_attr(vm.ctx.intern_str(name.as_wtf8()));
        Ok(found.map_or(Lent::NULL, |found| Lent(lend::lend(vm, t.0, &found))))
    })
}

/// [`_PyType_Lookup`] as a new reference.
pub unsafe extern "C" fn _PyType_LookupRef(t: Borrowed, name: Borrowed) -> New {
    infallible(New::NULL, |vm| {
        let name = name.of::<rustpython_vm::builtins::PyStr>(vm)?;
        let found = t.class(vm)?.get_attr(vm.ctx.intern_str(name.as_wtf8()));
        Ok(found.map_or(New::NULL, |found| New::of(vm, found)))
    })
}

/// A type's name without its module, in UTF-8; belongs to the type.
pub unsafe extern "C" fn _PyType_Name(t: *mut c::PyTypeObject) -> *const c_char {
    // SAFETY: C's argument: a type has a name.
    unsafe {
        let name = CStr::from_ptr((*t).tp_name).to_bytes();
        let start = name.iter().rposition(|byte| *byte == b'.').map_or(0, |dot| dot + 1);
        (*t).tp_name.add(start)
    }
}

/// A new reference to a type's dict. Of RustPython's static types, which keep no dict, it is a copy.
pub unsafe extern "C" fn PyType_GetDict(t: Borrowed) -> New {
    // SAFETY: C's argument.
    let dict = unsafe { (*t.0.cast::<c::PyTypeObject>()).tp_dict };
    if !dict.is_null() {
        return Borrowed(dict).again();
    }
    api(|vm| {
        let copy = vm.ctx.new_dict();
        for (name, value) in t.class(vm)?.attributes.entries() {
            leave(vm, || copy.set_item(&*name, value, vm))?;
        }
        Ok(New::of(vm, copy))
    })
}

/// Makes a type unchangeable from Python. 0, or -1 with an exception.
pub unsafe extern "C" fn PyType_Freeze(t: *mut c::PyTypeObject) -> c_int {
    api(|vm| {
        let class = Borrowed(t.cast()).class(vm)?;
        for base in &class.mro_collect()[1..] {
            // SAFETY: a type's block.
            if unsafe { (*crate::twins::types::type_block(vm, base)).tp_flags } & tpflags::IMMUTABLETYPE == 0 {
                return Err(heap_type::mutable_base(vm, &class.slot_name(), base));
            }
        }
        class.slots.flags.insert(rustpython_vm::types::PyTypeFlags::IMMUTABLETYPE);
        // SAFETY: C's arguments.
        unsafe { (*t).tp_flags |= tpflags::IMMUTABLETYPE };
        Ok(0)
    })
}
