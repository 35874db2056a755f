//! What `sysconfig` says to those who compile extension modules: RustPython was built by no C compiler and has a suffix of
//! its own, but what is compiled here is for CPython's ABI. `Py_GIL_DISABLED` stays, for it decides on folders' names.

use rustpython_vm::builtins::{PyDict, PyModule};
use rustpython_vm::{AsObject, Py, PyResult, VirtualMachine};

use crate::abi::platform::EXTENSION_SUFFIXES;
use crate::gaps::builtin_module::{fill_originally, fill_with};

const MODULE: &str = "_sysconfigdata";
const TEXTS: [(&str, &str); 5] = [
    ("EXT_SUFFIX", EXTENSION_SUFFIXES[0]),
    ("CFLAGS", "-O2"),
    ("CCSHARED", "-fPIC"),
    ("LDSHARED", "cc -shared"),
    ("LDCXXSHARED", "c++ -shared"),
];

/// Has the VM's module of settings give ours. To be called from an init hook.
pub(crate) fn install(vm: &mut VirtualMachine) {
    fill_with(vm, MODULE, exec);
}

fn exec(vm: &VirtualMachine, module: &Py<PyModule>) -> PyResult<()> {
    fill_originally(MODULE, vm, module)?;
    let settings = module.as_object().get_attr("build_time_vars", vm)?;
    let settings = settings.downcast_ref::<PyDict>().ok_or_else(|| vm.new_type_error("build_time_vars is no dict"))?;
    for (name, value) in TEXTS {
        settings.set_item(name, vm.ctx.new_str(value).into(), vm)?;
    }
    Ok(())
}
