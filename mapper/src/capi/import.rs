//! `import.h`: the import system.

use super::abstract_::new_name;
use super::prelude::*;
use crate::capi::support::names::file_name;
use rustpython_vm::builtins::{PyDict, PyModule, PyStr, PyStrRef};

/// Imports a module by its full name.
pub unsafe extern "C" fn PyImport_ImportModule(name: *const c_char) -> New {
    // SAFETY: C's argument.
    api(|vm| import(vm, unsafe { new_name(vm, name)? }.into()))
}

/// [`PyImport_ImportModule`].
pub unsafe extern "C" fn PyImport_ImportModuleNoBlock(name: *const c_char) -> New {
    // SAFETY: C's argument.
    unsafe { PyImport_ImportModule(name) }
}

/// Imports a module by its full name, a str.
pub unsafe extern "C" fn PyImport_Import(name: Borrowed) -> New {
    api(|vm| import(vm, name.get(vm)?))
}

fn import(vm: &VirtualMachine, name: PyObjectRef) -> PyResult<New> {
    // What is there already needs no Python code.
    let modules = leave(vm, || vm.sys_module.get_attr("modules", vm))?;
    if let Some(modules) = modules.downcast_ref_if_exact::<PyDict>(vm)
        && let Some(module) = leave(vm, || modules.get_item_opt(&*name, vm))?
        && !is_initializing(vm, &module)
    {
        return Ok(New::of(vm, module));
    }
    // With a from-list, a dotted name gives the last module and not the first.
    let import = leave(vm, || vm.builtins.get_attr("__import__", vm))?;
    let from_list = vm.ctx.new_list(vec![vm.ctx.new_str("*").into()]);
    let globals = vm.ctx.new_dict();
    leave(vm, || import.call((name.clone(), globals.clone(), globals, from_list, 0), vm).map(drop))?;
    let modules = leave(vm, || vm.sys_module.get_attr("modules", vm))?;
    Ok(New::of(vm, leave(vm, || modules.get_item(&*name, vm))?))
}

/// Whether the import of a module is under way, or cannot be told: then the import system has to look at it.
fn is_initializing(vm: &VirtualMachine, module: &PyObjectRef) -> bool {
    let Some(dict) = module.downcast_ref::<PyModule>().map(|_| module.dict()) else { return true };
    let spec = dict.and_then(|dict| leave(vm, || dict.get_item_opt("__spec__", vm)).ok().flatten());
    let Some(spec) = spec.filter(|spec| !vm.is_none(spec)) else { return false };
    let initializing = spec.dict().and_then(|dict| leave(vm, || dict.get_item_opt("_initializing", vm)).ok().flatten());
    initializing.is_some_and(|flag| !flag.is(&vm.ctx.false_value))
}

/// `__import__` with all its arguments.
pub unsafe extern "C" fn PyImport_ImportModuleLevelObject(
    name: Borrowed,
    globals: Borrowed,
    locals: Borrowed,
    from_list: Borrowed,
    level: c_int,
) -> New {
    api(|vm| {
        let import = leave(vm, || vm.builtins.get_attr("__import__", vm))?;
        let part = |part: Borrowed| part.opt(vm).map(|part| part.unwrap_or_else(|| vm.ctx.none()));
        let args = (name.get(vm)?, part(globals)?, part(locals)?, part(from_list)?, level);
        Ok(New::of(vm, leave(vm, || import.call(args, vm))?))
    })
}

/// [`PyImport_ImportModuleLevelObject`] with a name in UTF-8.
pub unsafe extern "C" fn PyImport_ImportModuleLevel(
    name: *const c_char,
    globals: Borrowed,
    locals: Borrowed,
    from_list: Borrowed,
    level: c_int,
) -> New {
    api(|vm| {
        // SAFETY: C's arguments.
        unsafe {
            let name = New::of(vm, new_name(vm, name)?);
            let result = PyImport_ImportModuleLevelObject(Borrowed(name.0), globals, locals, from_list, level);
            dealloc::decref(name.0);
            if result.0.is_null() { Err(error::fetch(vm, "__import__")) } else { Ok(result) }
        }
    })
}

/// `sys.modules`, borrowed.
pub unsafe extern "C" fn PyImport_GetModuleDict() -> Lent {
    api(|vm| {
        let modules = leave(vm, || vm.sys_module.get_attr("modules", vm))?;
        let owner = crate::twins::types::type_block(vm, vm.ctx.types.module_type).cast();
        Ok(Lent(lend::lend(vm, owner, &modules)))
    })
}

/// A module from `sys.modules` as a new reference; NULL without an exception if there is none.
pub unsafe extern "C" fn PyImport_GetModule(name: Borrowed) -> New {
    api(|vm| {
        let modules = leave(vm, || vm.sys_module.get_attr("modules", vm))?;
        let name = name.get(vm)?;
        Ok(leave(vm, || modules.get_item(&*name, vm)).map_or(New::NULL, |module| New::of(vm, module)))
    })
}

/// The module of a name, made empty if `sys.modules` has none; borrowed.
pub unsafe extern "C" fn PyImport_AddModuleObject(name: Borrowed) -> Lent {
    api(|vm| {
        let name = name.of::<PyStr>(vm)?;
        let module = add(vm, &name.to_string_lossy())?;
        let owner = crate::twins::types::type_block(vm, vm.ctx.types.module_type).cast();
        Ok(Lent(lend::lend(vm, owner, &module)))
    })
}

/// [`PyImport_AddModuleObject`] with a name in UTF-8.
pub unsafe extern "C" fn PyImport_AddModule(name: *const c_char) -> Lent {
    api(|vm| {
        // SAFETY: C's argument.
        let module = add(vm, &unsafe { new_name(vm, name)? }.to_string_lossy())?;
        let owner = crate::twins::types::type_block(vm, vm.ctx.types.module_type).cast();
        Ok(Lent(lend::lend(vm, owner, &module)))
    })
}

/// [`PyImport_AddModule`] as a new reference.
pub unsafe extern "C" fn PyImport_AddModuleRef(name: *const c_char) -> New {
    // SAFETY: C's argument.
    api(|vm| Ok(New::of(vm, add(vm, &unsafe { new_name(vm, name)? }.to_string_lossy())?)))
}

fn add(vm: &VirtualMachine, name: &str) -> PyResult {
    let modules = leave(vm, || vm.sys_module.get_attr("modules", vm))?;
    if let Ok(module) = leave(vm, || modules.get_item(name, vm))
        && module.downcast_ref::<PyModule>().is_some()
    {
        return Ok(module);
    }
    let module: PyObjectRef = vm.new_module(name, vm.ctx.new_dict(), None).into();
    leave(vm, || modules.set_item(name, module.clone(), vm))?;
    Ok(module)
}

/// Imports a module again.
pub unsafe extern "C" fn PyImport_ReloadModule(module: Borrowed) -> New {
    api(|vm| {
        let importlib = leave(vm, || vm.import("importlib", 0))?;
        let module = module.get(vm)?;
        Ok(New::of(vm, leave(vm, || vm.call_method(&importlib, "reload", (module,)))?))
    })
}

/// An attribute of a module, which is imported first.
pub unsafe extern "C" fn PyImport_ImportModuleAttr(module: Borrowed, name: Borrowed) -> New {
    api(|vm| module_attribute(vm, module.get(vm)?, name.of::<PyStr>(vm)?))
}

/// [`PyImport_ImportModuleAttr`] with C's texts.
pub unsafe extern "C" fn PyImport_ImportModuleAttrString(module: *const c_char, name: *const c_char) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe { module_attribute(vm, new_name(vm, module)?.into(), new_name(vm, name)?) })
}

fn module_attribute(vm: &VirtualMachine, module: PyObjectRef, name: rustpython_vm::PyRef<PyStr>) -> PyResult<New> {
    let module = import(vm, module)?;
    // SAFETY: the reference is ours.
    let module = unsafe { retrieve::take(vm, module.0)? };
    Ok(New::of(vm, leave(vm, || module.get_attr(&name, vm))?))
}

/// The number that compiled files begin with.
pub unsafe extern "C" fn PyImport_GetMagicNumber() -> c_long {
    api(|vm| {
        let number = leave(vm, || vm.import("_imp", 0)?.get_attr("pyc_magic_number_token", vm))?;
        leave(vm, || number.try_index(vm))?.try_to_primitive::<c_long>(vm)
    })
}

/// `sys.implementation.cache_tag`.
pub unsafe extern "C" fn PyImport_GetMagicTag() -> *const c_char {
    c"cpython-314".as_ptr()
}

/// Runs a code object as the module of a name; the module that `sys.modules` has then, a new reference.
pub unsafe extern "C" fn PyImport_ExecCodeModule(name: *const c_char, code: Borrowed) -> New {
    // SAFETY: C's arguments.
    unsafe { PyImport_ExecCodeModuleEx(name, code, std::ptr::null()) }
}

/// [`PyImport_ExecCodeModule`] with the path of the source, or NULL for the code object's.
pub unsafe extern "C" fn PyImport_ExecCodeModuleEx(name: *const c_char, code: Borrowed, path: *const c_char) -> New {
    // SAFETY: C's arguments.
    unsafe { PyImport_ExecCodeModuleWithPathnames(name, code, path, std::ptr::null()) }
}

/// [`PyImport_ExecCodeModuleEx`] with the path of the compiled file, too, or NULL.
pub unsafe extern "C" fn PyImport_ExecCodeModuleWithPathnames(
    name: *const c_char,
    code: Borrowed,
    path: *const c_char,
    cached: *const c_char,
) -> New {
    api(|vm| {
        let text = |text: *const c_char| -> Option<PyObjectRef> {
            // SAFETY: C's arguments.
            (!text.is_null()).then(|| unsafe { file_name(vm, text) }.into())
        };
        let (mut path, cached) = (text(path), text(cached));
        if let (None, Some(cached)) = (&path, &cached) {
            let external = leave(vm, || vm.import("_frozen_importlib_external", 0))?;
            path = leave(vm, || vm.call_method(&external, "_get_sourcefile", (cached.clone(),))).ok();
        }
        // SAFETY: C's argument.
        exec(vm, unsafe { new_name(vm, name)? }, code.get(vm)?, path, cached)
    })
}

/// [`PyImport_ExecCodeModuleWithPathnames`] with objects.
pub unsafe extern "C" fn PyImport_ExecCodeModuleObject(
    name: Borrowed,
    code: Borrowed,
    path: Borrowed,
    cached: Borrowed,
) -> New {
    api(|vm| exec(vm, name.of(vm)?, code.get(vm)?, path.opt(vm)?, cached.opt(vm)?))
}

fn exec(
    vm: &VirtualMachine,
    name: PyStrRef,
    code: PyObjectRef,
    path: Option<PyObjectRef>,
    cached: Option<PyObjectRef>,
) -> PyResult<New> {
    let module = add(vm, &name.to_string_lossy())?;
    let dict = leave(vm, || module.get_attr("__dict__", vm))?;
    let path = match path {
        Some(path) => path,
        None => leave(vm, || code.get_attr("co_filename", vm))?,
    };
    let external = leave(vm, || vm.import("_frozen_importlib_external", 0))?;
    let args = (dict.clone(), name.clone(), path, vm.unwrap_or_none(cached));
    leave(vm, || vm.call_method(&external, "_fix_up_module", args).map(drop))?;
    run(vm, &name, code, dict)?;
    let modules = leave(vm, || vm.sys_module.get_attr("modules", vm))?;
    let Ok(module) = leave(vm, || modules.get_item(&*name, vm)) else {
        let message = format!("Loaded module {} not found in sys.modules", error::describe(vm, name.as_object()));
        return Err(vm.new_import_error(message, name));
    };
    Ok(New::of(vm, module))
}

/// Runs a module's code. If that fails, `sys.modules` does not have the module any more.
fn run(vm: &VirtualMachine, name: &PyStrRef, code: PyObjectRef, dict: PyObjectRef) -> PyResult<()> {
    if leave(vm, || dict.get_item("__builtins__", vm)).is_err() {
        leave(vm, || dict.set_item("__builtins__", vm.builtins.clone().into(), vm))?;
    }
    let exec = leave(vm, || vm.builtins.get_attr("exec", vm))?;
    leave(vm, || exec.call((code, dict), vm)).map(drop).inspect_err(|_| {
        let modules = vm.sys_module.get_attr("modules", vm);
        let _ = modules.and_then(|modules| leave(vm, || modules.del_item(&**name, vm)));
    })
}

/// The finder for a folder or file, from `sys.path_importer_cache` or else `sys.path_hooks`: a new reference, None if
/// there is none.
pub unsafe extern "C" fn PyImport_GetImporter(path: Borrowed) -> New {
    api(|vm| {
        let path = path.get(vm)?;
        let cache = leave(vm, || vm.sys_module.get_attr("path_importer_cache", vm))?;
        if let Ok(found) = leave(vm, || cache.get_item(&*path, vm)) {
            return Ok(New::of(vm, found));
        }
        let external = leave(vm, || vm.import("_frozen_importlib_external", 0))?;
        let finders = leave(vm, || external.get_attr("PathFinder", vm))?;
        let found = leave(vm, || vm.call_method(&finders, "_path_hooks", (path.clone(),)))?;
        leave(vm, || cache.set_item(&*path, found.clone(), vm))?;
        Ok(New::of(vm, found))
    })
}

/// Imports a module that is part of the program. 1, 0 if there is none of this name, -1 with an exception.
pub unsafe extern "C" fn PyImport_ImportFrozenModule(name: *const c_char) -> c_int {
    // SAFETY: C's argument.
    api(|vm| import_frozen(vm, unsafe { new_name(vm, name)? }))
}

/// [`PyImport_ImportFrozenModule`] with a str.
pub unsafe extern "C" fn PyImport_ImportFrozenModuleObject(name: Borrowed) -> c_int {
    api(|vm| import_frozen(vm, name.of(vm)?))
}

fn import_frozen(vm: &VirtualMachine, name: PyStrRef) -> PyResult<c_int> {
    let imp = leave(vm, || vm.import("_imp", 0))?;
    if !leave(vm, || vm.call_method(&imp, "is_frozen", (name.clone(),))?.try_to_bool(vm))? {
        return Ok(0);
    }
    let code = leave(vm, || vm.call_method(&imp, "get_frozen_object", (name.clone(),)))?;
    let dict = leave(vm, || add(vm, &name.to_string_lossy())?.get_attr("__dict__", vm))?;
    if leave(vm, || vm.call_method(&imp, "is_frozen_package", (name.clone(),))?.try_to_bool(vm))? {
        leave(vm, || dict.set_item("__path__", vm.ctx.new_list(vec![]).into(), vm))?;
    }
    run(vm, &name, code, dict)?;
    Ok(1)
}
