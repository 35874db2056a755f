//! What `sysconfig` says to those who compile extension modules: RustPython was built by no C compiler and has a suffix of
//! its own, but what is compiled here is for CPython's ABI. `Py_GIL_DISABLED` stays, for it decides on folders' names.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyDict, PyModule, PyModuleDef, PyModuleSlots};
use rustpython_vm::common::rc::PyRc;
use rustpython_vm::{AsObject, Py, PyResult, VirtualMachine};

use crate::platform::EXTENSION_SUFFIXES;

const MODULE: &str = "_sysconfigdata";
const TEXTS: [(&str, &str); 5] = [
    ("EXT_SUFFIX", EXTENSION_SUFFIXES[0]),
    ("CFLAGS", "-O2"),
    ("CCSHARED", "-fPIC"),
    ("LDSHARED", "cc -shared"),
    ("LDCXXSHARED", "c++ -shared"),
];

type Exec = fn(&VirtualMachine, &Py<PyModule>) -> PyResult<()>;
static ORIGINAL: OnceLock<Exec> = OnceLock::new();

/// Has the VM's module of settings give ours. To be called from an init hook.
pub(crate) fn install(vm: &mut VirtualMachine) {
    let Some(state) = PyRc::get_mut(&mut vm.state) else { return };
    let Some(&original) = state.module_defs.get(MODULE) else { return };
    let Some(exec) = original.slots.exec else { return };
    let _ = ORIGINAL.set(exec);
    let slots = PyModuleSlots { create: original.slots.create, exec: Some(self::exec) };
    let (name, doc, methods) = (original.name, original.doc, original.methods);
    // It lives as long as the process: there is one of each interpreter.
    let ours: &'static PyModuleDef = Box::leak(Box::new(PyModuleDef { name, doc, methods, slots }));
    // It is registered under the platform's name, too.
    for definition in state.module_defs.values_mut().filter(|it| std::ptr::eq(**it, original)) {
        *definition = ours;
    }
}

fn exec(vm: &VirtualMachine, module: &Py<PyModule>) -> PyResult<()> {
    if let Some(original) = ORIGINAL.get() {
        original(vm, module)?;
    }
    let settings = module.as_object().get_attr("build_time_vars", vm)?;
    let settings = settings.downcast_ref::<PyDict>().ok_or_else(|| vm.new_type_error("build_time_vars is no dict"))?;
    for (name, value) in TEXTS {
        settings.set_item(name, vm.ctx.new_str(value).into(), vm)?;
    }
    Ok(())
}
