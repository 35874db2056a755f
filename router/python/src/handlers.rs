//! Finding the functions that channels and options name, and calling them.

use rustpython_vm::builtins::{PyCode, PyFunction};
use rustpython_vm::bytecode::CodeFlags;
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

/// What is called with a channel's values.
#[derive(Clone, Debug)]
pub(crate) struct Handler {
    function: PyObjectRef,
    /// The version of a Python function that takes one value and nothing else. The VM changes it with the function's code.
    simple: Option<u32>,
}

impl Handler {
    pub(crate) fn new(vm: &VirtualMachine, function: PyObjectRef) -> Self {
        let simple = simple_version(vm, &function);
        Self { function, simple }
    }

    #[inline]
    pub(crate) fn call(&self, vm: &VirtualMachine, value: f64) -> PyResult {
        let values = vec![vm.ctx.new_float(value).into()];
        match self.function.downcast_ref_if_exact::<PyFunction>(vm) {
            // The VM's own short way: its vectorcall makes a frame object for each call.
            Some(function) if self.simple == Some(function.func_version()) && !vm.use_tracing.get() => {
                function.invoke_exact_args(values, vm)
            }
            _ => self.function.vectorcall(values, 1, None, vm),
        }
    }
}

/// See [`Handler::simple`].
fn simple_version(vm: &VirtualMachine, function: &PyObjectRef) -> Option<u32> {
    let version = function.downcast_ref_if_exact::<PyFunction>(vm)?.get_version_for_current_state();
    let code = function.get_attr("__code__", vm).ok()?.downcast::<PyCode>().ok()?;
    let collects = code.flags.intersects(CodeFlags::VARARGS | CodeFlags::VARKEYWORDS);
    let takes_one = code.arg_count == 1 && code.kwonlyarg_count == 0 && !collects;
    // 0 is no version: there were too many.
    (version != 0 && takes_one && code.flags.contains(CodeFlags::OPTIMIZED)).then_some(version)
}

/// The function that `module.rest` names, split at the first dot; the module must have been imported. A name without a
/// dot is looked for in `__main__`, then in `modules`.
///
/// # Errors
/// `ImportError`, `AttributeError` or `TypeError`, whose messages say what to do.
pub(crate) fn find(vm: &VirtualMachine, name: &str, modules: &[String]) -> PyResult<Handler> {
    let found = match name.split_once('.') {
        Some((module, rest)) => attribute(vm, imported(vm, module)?, rest)?,
        None => toplevel(vm, name, modules)?,
    };
    if found.is_callable() {
        return Ok(Handler::new(vm, found));
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
