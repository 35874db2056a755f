//! What RustPython's own modules lack and published packages use. With it comes that no limit is -1, as in CPython up to
//! 3.14, which C code compiled for it relies on.

use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use rustpython_vm::builtins::{PyModule, PyStr, PyType, PyTypeRef};
use rustpython_vm::function::{ItemDoc, OptionalArg, PyMethodFlags};
use rustpython_vm::protocol::{PyBuffer, PyNumber};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyRef, PyResult, TryFromBorrowedObject, VirtualMachine};

use crate::abi::platform::DLOPEN_FLAGS;
use crate::gaps::builtin_module::{fill_originally, fill_with, function, replace};
use crate::gaps::variadic;
use crate::gaps::wrappers::put_in_front;

/// Adds it. To be called from an init hook.
pub(crate) fn install(vm: &mut VirtualMachine) {
    replace(vm, "posix", [function("major", major), function("minor", minor), function("makedev", makedev)]);
    let limits = [function("getrlimit", getrlimit), function("setrlimit", setrlimit), function("prlimit", prlimit)];
    replace(vm, "resource", limits);
    fill_with(vm, "resource", fill_resource);
    fill_with(vm, "_ctypes", fill_ctypes);
    fill_with(vm, "array", fill_array);
    fill_with(vm, "_socket", fill_socket);
    for (name, function) in [
        ("getdlopenflags", vm.new_function("getdlopenflags", getdlopenflags)),
        ("setdlopenflags", vm.new_function("setdlopenflags", setdlopenflags)),
    ] {
        vm.sys_module.dict().set_item(name, function.into(), vm).expect("a dict with strings for keys takes another");
    }
}

/// The flags that extension modules are loaded with.
fn getdlopenflags() -> i32 {
    DLOPEN_FLAGS.load(Ordering::Relaxed)
}

/// Sets them.
fn setdlopenflags(flags: i32) {
    DLOPEN_FLAGS.store(flags, Ordering::Relaxed);
}

fn fill_resource(vm: &VirtualMachine, module: &Py<PyModule>) -> PyResult<()> {
    fill_originally("resource", vm, module)?;
    module.as_object().set_attr("RLIM_INFINITY", vm.ctx.new_int(-1), vm)
}

/// Makes pointers to functions pointers in the eyes of `ctypes.cast` and `argtypes`, which ask for a type's `_type_` and
/// take an object's number for its address.
fn fill_ctypes(vm: &VirtualMachine, module: &Py<PyModule>) -> PyResult<()> {
    fill_originally("_ctypes", vm, module)?;
    let pointer = module.as_object().get_attr("CFuncPtr", vm)?;
    if let Some(pointer) = pointer.downcast_ref::<PyType>() {
        pointer.attributes.insert(vm.ctx.intern_str("_type_"), vm.ctx.new_str("P").into());
        pointer.slots.as_number.int.store(Some(function_address));
        variadic::install(vm, pointer);
        // The metaclass is one of the VM's static types.
        let metaclass: &'static Py<PyType> = PyRef::leak(pointer.class().to_owned());
        let from_param = vm.ctx.new_method_def("from_param", function_parameter, PyMethodFlags::METHOD, ItemDoc::NONE);
        metaclass.set_attr(vm.ctx.intern_str("from_param"), from_param.build_method(metaclass, vm).into());
    }
    Ok(())
}

/// What `array.array` says of itself without us.
static ARRAY: OnceLock<Represent> = OnceLock::new();
/// The VM's slot for `repr`.
type Represent = fn(&PyObject, &VirtualMachine) -> PyResult<PyRef<PyStr>>;

/// Has arrays show floats as floats: RustPython writes `1` for `1.0`.
fn fill_array(vm: &VirtualMachine, module: &Py<PyModule>) -> PyResult<()> {
    fill_originally("array", vm, module)?;
    let array = module.as_object().get_attr("array", vm)?;
    if let Some(array) = array.downcast_ref::<PyType>() {
        put_in_front!(array, repr: ARRAY, represent_array);
    }
    Ok(())
}

fn represent_array(array: &PyObject, vm: &VirtualMachine) -> PyResult<PyRef<PyStr>> {
    let original = ARRAY.get().expect("set before this function");
    let code: PyRef<PyStr> = array.get_attr("typecode", vm)?.try_into_value(vm)?;
    if !matches!(code.as_bytes(), b"f" | b"d") || array.length(vm)? == 0 {
        return original(array, vm);
    }
    let items = vm.call_method(array, "tolist", ())?.repr(vm)?;
    Ok(vm.ctx.new_str(format!("{}('{code}', {items})", array.class().name())))
}

/// Gives sockets the attribute `timeout`.
fn fill_socket(vm: &VirtualMachine, module: &Py<PyModule>) -> PyResult<()> {
    fill_originally("_socket", vm, module)?;
    if let Ok(class) = module.as_object().get_attr("socket", vm)?.downcast::<PyType>() {
        // One of the VM's static types.
        let class: &'static Py<PyType> = PyRef::leak(class);
        let timeout = |socket: PyObjectRef, vm: &VirtualMachine| vm.call_method(&socket, "gettimeout", ());
        class.set_attr(vm.ctx.intern_str("timeout"), vm.ctx.new_readonly_getset("timeout", class, timeout).into());
    }
    Ok(())
}

/// What is passed for an argument that is declared as a pointer to a function: one of the class, or what stands for it.
fn function_parameter(class: PyTypeRef, value: PyObjectRef, vm: &VirtualMachine) -> PyResult {
    if value.is_instance(class.as_object(), vm)? {
        return Ok(value);
    }
    let Some(parameter) = vm.get_attribute_opt(&value, "_as_parameter_")? else {
        let message = format!("expected {} instance instead of {}", class.name(), value.class().name());
        return Err(vm.new_type_error(message));
    };
    function_parameter(class, parameter, vm)
}

/// The address that a `ctypes` function pointer holds.
fn function_address(pointer: PyNumber<'_>, vm: &VirtualMachine) -> PyResult {
    let memory = PyBuffer::try_from_borrowed_object(vm, &pointer)?;
    let address = memory.contiguous_or_collect(|bytes| bytes.try_into().map(usize::from_ne_bytes));
    let address = address.map_err(|_| vm.new_value_error("no pointer to a function"))?;
    Ok(vm.ctx.new_int(address).into())
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
