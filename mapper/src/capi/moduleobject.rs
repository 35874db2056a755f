//! `moduleobject.h`: modules, and their creation (`modsupport.h`).

use std::cell::Cell;

use super::abstract_::new_name;
use super::prelude::*;
use crate::abi::layout::ModuleBlock;
use crate::twins::forms::module;
use crate::twins::{phases, state};
use rustpython_vm::builtins::{PyModule, PyStr, PyStrRef};

/// The ABI that an extension module was compiled for, as `PyModule_Create2` gets it.
const API_VERSION: c_int = 1013;
const ABI3_VERSION: c_int = 3;

thread_local! {
    /// The full name of the module whose init function runs: a single-phase module in a package knows only the last
    /// part of its name.
    static CONTEXT: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Runs an init function as part of the module `name`.
pub(crate) fn with_package_context<R>(name: &str, body: impl FnOnce() -> R) -> R {
    // SAFETY: the name outlives the call, and the context is reset before it returns.
    let name: &'static str = unsafe { &*std::ptr::from_ref(name) };
    let outer = CONTEXT.replace(Some(name));
    let result = body();
    CONTEXT.set(outer);
    result
}

/// Makes a module from a definition, for single-phase initialisation.
pub unsafe extern "C" fn PyModule_Create2(def: *mut c::PyModuleDef, version: c_int) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        let given = text::of_c((*def).m_name);
        if version != API_VERSION && version != ABI3_VERSION {
            return Err(vm.new_runtime_error(format!(
                "Python C API version mismatch for module {given}: This Python has API version {API_VERSION}, module \
                 {given} has version {version}."
            )));
        }
        if !(*def).m_slots.is_null() {
            return Err(vm.new_system_error(format!("module {given}: PyModule_Create is incompatible with m_slots")));
        }
        PyModuleDef_Init(def);
        let name = match CONTEXT.get() {
            Some(full) if full.rsplit('.').next() == given.rsplit('.').next() => full.to_owned(),
            _ => given,
        };
        let name = vm.ctx.new_str(name);
        let (block, twin) = module::new(vm, name.clone())?;
        module::set_definition(vm, block, def)?;
        module::add_functions(vm, block, &name, (*def).m_methods)?;
        if !(*def).m_doc.is_null() {
            leave(vm, || twin.as_object().set_attr("__doc__", vm.ctx.new_str(text::of_c((*def).m_doc)), vm))?;
        }
        Ok(New(block))
    })
}

/// Makes a module from a definition and a spec, without running its execution slots.
pub unsafe extern "C" fn PyModule_FromDefAndSpec2(def: *mut c::PyModuleDef, spec: Borrowed, _version: c_int) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe { phases::from_definition(vm, def, spec) }.map(New))
}

/// Runs a module's execution slots. 0, or -1 with an exception.
pub unsafe extern "C" fn PyModule_ExecDef(module: Borrowed, def: *mut c::PyModuleDef) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe { phases::execute(vm, module.0, def) }.map(|()| 0))
}

/// Makes a definition an object; returns it.
pub unsafe extern "C" fn PyModuleDef_Init(def: *mut c::PyModuleDef) -> Lent {
    static NEXT: std::sync::atomic::AtomicIsize = std::sync::atomic::AtomicIsize::new(1);
    // SAFETY: C's argument.
    unsafe {
        let base = &mut (*def).m_base;
        if base.m_index == 0 {
            base.ob_base.ob_refcnt = handle::IMMORTAL;
            base.ob_base.ob_type = data_address("PyModuleDef_Type").cast();
            base.m_index = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
    Lent(def.cast())
}

/// A new module without a definition.
pub unsafe extern "C" fn PyModule_NewObject(name: Borrowed) -> New {
    api(|vm| Ok(New(module::new(vm, name.of::<PyStr>(vm)?)?.0)))
}

/// [`PyModule_NewObject`] with a name in UTF-8.
pub unsafe extern "C" fn PyModule_New(name: *const c_char) -> New {
    // SAFETY: C's argument.
    api(|vm| Ok(New(module::new(vm, unsafe { new_name(vm, name)? })?.0)))
}

/// A module's dict, borrowed.
pub unsafe extern "C" fn PyModule_GetDict(module: Borrowed) -> Lent {
    api(|vm| {
        let twin = module.of::<PyModule>(vm)?;
        Ok(Lent(lend::lend(vm, module.0, twin.dict().as_object())))
    })
}

/// A module's name as a new str.
pub unsafe extern "C" fn PyModule_GetNameObject(module: Borrowed) -> New {
    api(|vm| Ok(New::of(vm, name_of(vm, module, "__name__", "nameless module")?)))
}

fn name_of(vm: &VirtualMachine, module: Borrowed, key: &'static str, missing: &'static str) -> PyResult<PyStrRef> {
    let dict = module
        .get(vm)?
        .downcast::<PyModule>()
        .map_err(|_| vm.new_type_error("bad argument type for built-in operation"))?
        .dict();
    leave(vm, || dict.get_item_opt(key, vm))?
        .and_then(|name| name.downcast::<PyStr>().ok())
        .ok_or_else(|| vm.new_system_error(missing))
}

/// A module's name in UTF-8; belongs to the module.
pub unsafe extern "C" fn PyModule_GetName(module: Borrowed) -> *const c_char {
    api(|vm| {
        let name = name_of(vm, module, "__name__", "nameless module")?;
        let block = lend::lend(vm, module.0, name.as_object());
        // SAFETY: a str's block, which the module's block keeps.
        unsafe { crate::twins::forms::unicode::utf8(vm, block) }.map(|(text, _)| text)
    })
}

/// A module's file as a new str.
pub unsafe extern "C" fn PyModule_GetFilenameObject(module: Borrowed) -> New {
    api(|vm| Ok(New::of(vm, name_of(vm, module, "__file__", "module filename missing")?)))
}

/// A module's file in UTF-8; belongs to the module.
pub unsafe extern "C" fn PyModule_GetFilename(module: Borrowed) -> *const c_char {
    api(|vm| {
        let name = name_of(vm, module, "__file__", "module filename missing")?;
        let block = lend::lend(vm, module.0, name.as_object());
        // SAFETY: a str's block, which the module's block keeps.
        unsafe { crate::twins::forms::unicode::utf8(vm, block) }.map(|(text, _)| text)
    })
}

/// A module's definition, or NULL.
pub unsafe extern "C" fn PyModule_GetDef(module: Borrowed) -> *mut c::PyModuleDef {
    // SAFETY: C's argument.
    api(|vm| unsafe { check(vm, module) }.map(|module| module.md_def))
}

/// A module's state, or NULL.
pub unsafe extern "C" fn PyModule_GetState(module: Borrowed) -> *mut c_void {
    // SAFETY: C's argument.
    api(|vm| unsafe { check(vm, module) }.map(|module| module.md_state))
}

unsafe fn check<'a>(vm: &VirtualMachine, module: Borrowed) -> PyResult<&'a ModuleBlock> {
    // SAFETY: an object, by contract.
    unsafe {
        if Kind::of(module.0) != Kind::Module {
            return Err(vm.new_type_error("bad argument type for built-in operation"));
        }
        Ok(&*module.0.cast())
    }
}

/// This interpreter's module of a definition, borrowed; NULL, without an exception, if there is none.
pub unsafe extern "C" fn PyState_FindModule(def: *mut c::PyModuleDef) -> Lent {
    // SAFETY: C's argument.
    if unsafe { !(*def).m_slots.is_null() } {
        return Lent::NULL;
    }
    infallible(Lent::NULL, |vm| Ok(Lent(state::find(vm, def))))
}

/// Makes a module this interpreter's module of a definition. 0, or -1 with an exception.
pub unsafe extern "C" fn PyState_AddModule(module: Borrowed, def: *mut c::PyModuleDef) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        if !(*def).m_slots.is_null() {
            return Err(vm.new_system_error("PyState_AddModule called on module with slots"));
        }
        state::add(vm, module.0, def);
        Ok(0)
    })
}

/// Undoes [`PyState_AddModule`]. 0, or -1 with an exception.
pub unsafe extern "C" fn PyState_RemoveModule(def: *mut c::PyModuleDef) -> c_int {
    // SAFETY: C's argument.
    api(|vm| unsafe {
        if !(*def).m_slots.is_null() {
            return Err(vm.new_system_error("PyState_RemoveModule called on module with slots"));
        }
        state::remove(vm, def);
        Ok(0)
    })
}
