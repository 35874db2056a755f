//! Functions of CPython's `os` and `resource` that RustPython does not have and published packages call.

use rustpython_vm::builtins::PyTupleRef;
use rustpython_vm::function::{ItemDoc, OptionalArg, PyMethodDef, PyMethodFlags};
use rustpython_vm::{PyResult, VirtualMachine};

const NO_DOC: ItemDoc = ItemDoc::NONE;

/// Adds them. To be called from an init hook.
pub(crate) fn install(vm: &mut VirtualMachine) {
    let flags = PyMethodFlags::EMPTY;
    let devices = [
        PyMethodDef::new_const("major", major, flags, NO_DOC),
        PyMethodDef::new_const("minor", minor, flags, NO_DOC),
        PyMethodDef::new_const("makedev", makedev, flags, NO_DOC),
    ];
    crate::import::replace(vm, "posix", devices);
    crate::import::replace(vm, "resource", [PyMethodDef::new_const("prlimit", prlimit, flags, NO_DOC)]);
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

/// A process's soft and hard limit of a resource, -1 for none; sets them if there are new ones.
fn prlimit(
    process: libc::pid_t,
    resource: i32,
    limits: OptionalArg<PyTupleRef>,
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

fn new_limits(limits: &PyTupleRef, vm: &VirtualMachine) -> PyResult<libc::rlimit> {
    let [soft, hard] = limits.as_slice() else { return Err(vm.new_value_error("expected a tuple of 2 integers")) };
    // RustPython's own RLIM_INFINITY is the unsigned one.
    let number = |limit: &rustpython_vm::PyObjectRef| -> PyResult<libc::rlim_t> {
        let limit: i128 = limit.try_index(vm)?.try_to_primitive(vm)?;
        Ok(limit as libc::rlim_t)
    };
    Ok(libc::rlimit { rlim_cur: number(soft)?, rlim_max: number(hard)? })
}
