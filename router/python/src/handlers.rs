//! Finding the functions that channels and options name.

use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

/// The function that `module.rest` names, split at the first dot; the module must have been imported. A name without a
/// dot is looked for in `__main__`, then in `modules`.
///
/// # Errors
/// `ImportError`, `AttributeError` or `TypeError`, whose messages say what to do.
pub(crate) fn find(vm: &VirtualMachine, name: &str, modules: &[String]) -> PyResult {
    let found = match name.split_once('.') {
        Some((module, rest)) => attribute(vm, imported(vm, module)?, rest)?,
        None => toplevel(vm, name, modules)?,
    };
    if found.is_callable() {
        return Ok(found);
    }
    Err(vm.new_type_error(format!("{name} is no function: '{}' objects cannot be called", found.class().name())))
}

fn imported(vm: &VirtualMachine, module: &str) -> PyResult {
    let modules = vm.sys_module.get_attr("modules", vm)?;
    modules.get_item(module, vm).map_err(|_| {
        vm.new_import_error(
            format!("module {module} is not loaded: the instance needs the option `module = {module}`"),
            vm.ctx.new_utf8_str(module),
        )
    })
}

fn attribute(vm: &VirtualMachine, object: PyObjectRef, path: &str) -> PyResult {
    path.split('.').try_fold(object, |object, name| object.get_attr(&*vm.ctx.new_str(name), vm))
}

fn toplevel(vm: &VirtualMachine, name: &str, modules: &[String]) -> PyResult {
    let key = vm.ctx.new_str(name);
    for module in std::iter::once("__main__").chain(modules.iter().map(String::as_str)) {
        if let Ok(module) = imported(vm, module)
            && let Some(found) = vm.get_attribute_opt(&module, &*key)?
        {
            return Ok(found);
        }
    }
    Err(vm.new_name_error(format!("there is no function {name} in the instance's modules"), vm.ctx.new_str(name)))
}
