//! Functions of CPython's `os` and `resource` that RustPython does not have and published packages call. With them comes
//! that no limit is -1, as in CPython up to 3.14, which C code compiled for it relies on.

use std::sync::OnceLock;

use rustpython_vm::builtins::PyModule;
use rustpython_vm::function::{ItemDoc, OptionalArg, PyMethodDef, PyMethodFlags};
use rustpython_vm::{AsObject, Py, PyObjectRef, PyResult, VirtualMachine};

use crate::import::{Exec, replace, replace_exec};

const NO_DOC: ItemDoc = ItemDoc::NONE;

/// Adds them. To be called from an init hook.
pub(crate) fn install(vm: &mut VirtualMachine) {
    let flags = PyMethodFlags::EMPTY;
    let devices = [
        PyMethodDef::new_const("major", major, flags, NO_DOC),
        PyMethodDef::new_const("minor", minor, flags, NO_DOC),
        PyMethodDef::new_const("makedev", makedev, flags, NO_DOC),
    ];
    let limits = [
        PyMethodDef::new_const("getrlimit", getrlimit, flags, NO_DOC),
        PyMethodDef::new_const("setrlimit", setrlimit, flags, NO_DOC),
        PyMethodDef::new_const("prlimit", prlimit, flags, NO_DOC),
    ];
    replace(vm, "posix", devices);
    replace(vm, "resource", limits);
    if let Some(original) = replace_exec(vm, "resource", fill_resource) {
        let _ = RESOURCE.set(original);
    }
}

static RESOURCE: OnceLock<Exec> = OnceLock::new();

fn fill_resource(vm: &VirtualMachine, module: &Py<PyModule>) -> PyResult<()> {
    if let Some(original) = RESOURCE.get() {
        original(vm, module)?;
    }
    module.as_object().set_attr("RLIM_INFINITY", vm.ctx.new_int(-1), vm)
}

/// The major number of a raw device number.
fn major(device: u64) -> u32 {
    libc::major(device)
}

/// The minor number of a raw device number.
fn minor(device: u64) -> u32 {
    libc::minor(device)
}

/// The raw device number of two.
fn makedev(major: u32, minor: u32) -> u64 {
    libc::makedev(major, minor)
}

/// This process's soft and hard limit of a resource.
fn getrlimit(resource: i32, vm: &VirtualMachine) -> PyResult<(i64, i64)> {
    prlimit(0, resource, OptionalArg::Missing, vm)
}

/// Sets this process's soft and hard limit of a resource.
fn setrlimit(resource: i32, limits: PyObjectRef, vm: &VirtualMachine) -> PyResult<()> {
    prlimit(0, resource, OptionalArg::Present(limits), vm).map(drop)
}

/// A process's soft and hard limit of a resource, -1 for none; sets them if there are new ones.
fn prlimit(
    process: libc::pid_t,
    resource: i32,
    limits: OptionalArg<PyObjectRef>,
    vm: &VirtualMachine,
) -> PyResult<(i64, i64)> {
    let limits = limits.into_option().map(|limits| new_limits(&limits, vm)).transpose()?;
    let new = limits.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let mut old = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both structs live through the call.
    let done = unsafe { libc::prlimit(process, resource as libc::__rlimit_resource_t, new, &mut old) };
    if done == 0 {
        return Ok((old.rlim_cur.cast_signed(), old.rlim_max.cast_signed()));
    }
    let error = std::io::Error::last_os_error();
    if error.raw_os_error() == Some(libc::EINVAL) {
        return Err(vm.new_value_error("invalid resource specified"));
    }
    Err(vm.new_last_errno_error())
}

fn new_limits(limits: &PyObjectRef, vm: &VirtualMachine) -> PyResult<libc::rlimit> {
    let limits: Vec<PyObjectRef> = limits.try_to_value(vm)?;
    let [soft, hard] = limits.as_slice() else { return Err(vm.new_value_error("expected a tuple of 2 integers")) };
    let number = |limit: &PyObjectRef| -> PyResult<libc::rlim_t> {
        let limit: i128 = limit.try_index(vm)?.try_to_primitive(vm)?;
        Ok(limit as libc::rlim_t)
    };
    Ok(libc::rlimit { rlim_cur: number(soft)?, rlim_max: number(hard)? })
}
