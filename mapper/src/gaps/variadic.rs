//! Calls of variadic C functions by `ctypes`: more arguments than `argtypes` has types are passed as if there were none, which
//! RustPython refuses.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyBytes, PyInt, PyList, PyStr, PyTuple, PyType};
use rustpython_vm::function::FuncArgs;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyRef, PyResult, VirtualMachine};

use super::wrappers::{make_wrappers, put_in_front};

/// The VM's slot that calls.
type Call = fn(&PyObject, FuncArgs, &VirtualMachine) -> PyResult;

/// What a pointer to a function does itself.
static ORIGINAL: OnceLock<Call> = OnceLock::new();

/// Has pointers to functions take more arguments. Once a process.
pub(crate) fn install(vm: &VirtualMachine, class: &Py<PyType>) {
    if put_in_front!(class, call: ORIGINAL, call) {
        // One of the VM's static types. Those of libraries derive from it later.
        let class: &'static Py<PyType> = PyRef::leak(class.to_owned());
        make_wrappers(vm, class, &["__call__"]);
    }
}

fn call(function: &PyObject, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let own = ORIGINAL.get().expect("set before the slot");
    if args.args.len() < 2 {
        return own(function, args, vm);
    }
    let types: PyObjectRef = function.get_attr("argtypes", vm)?;
    let list = types.downcast_ref::<PyList>().map(|types| types.borrow_vec().to_vec());
    let types =
        list.or_else(|| types.downcast_ref::<PyTuple>().map(|types| types.as_slice().to_vec())).unwrap_or_default();
    if types.is_empty() || types.len() >= args.args.len() {
        return own(function, args, vm);
    }
    let ctypes = vm.import("ctypes", 0)?;
    let given = types.len();
    let mut all = types;
    for (index, argument) in args.args.iter().enumerate().skip(given) {
        all.push(type_of(vm, &ctypes, index + 1, argument)?);
    }
    // Another pointer to the function, whose types nobody else sees.
    let address = function.number().int(vm).transpose()?;
    let address: PyObjectRef = address.ok_or_else(|| vm.new_type_error("no pointer to a function"))?.into();
    let pointer = function.class().as_object().call((address,), vm)?;
    pointer.set_attr("argtypes", vm.ctx.new_tuple(all), vm)?;
    for name in ["restype", "errcheck"] {
        if let Some(value) =
            vm.get_attribute_opt(function, name)?.filter(|value| name == "restype" || !vm.is_none(value))
        {
            pointer.set_attr(name, value, vm)?;
        }
    }
    own(&pointer, args, vm)
}

/// The type that an argument without one is passed as. Not an object's: the VM would pass its own address, which is no block.
fn type_of(vm: &VirtualMachine, ctypes: &PyObject, number: usize, argument: &PyObject) -> PyResult {
    if &*argument.class().slot_name() == "py_object" {
        return Err(vm.new_type_error("argument amount mismatch"));
    }
    let name = if argument.downcastable::<PyInt>() {
        "c_int"
    } else if argument.downcastable::<PyBytes>() {
        "c_char_p"
    } else if argument.downcastable::<PyStr>() {
        "c_wchar_p"
    } else if vm.is_none(argument) || &*argument.class().name() == "CArgObject" {
        "c_void_p"
    } else if vm.get_attribute_opt(argument.class().as_object(), "from_param")?.is_some() {
        return Ok(argument.class().to_owned().into());
    } else if let Some(parameter) = vm.get_attribute_opt(argument, "_as_parameter_")? {
        return type_of(vm, ctypes, number, &parameter);
    } else {
        let message = format!("argument {number}: TypeError: Don't know how to convert parameter {number}");
        let error = ctypes.get_attr("ArgumentError", vm)?.call((message,), vm)?;
        return Err(error.downcast().unwrap_or_else(|_| vm.new_type_error("no exception")));
    };
    ctypes.get_attr(name, vm)
}
