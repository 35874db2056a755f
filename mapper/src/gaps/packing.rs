//! `struct.pack` and `pack_into`. RustPython leaves what lies between items as it was, and raises `TypeError` where CPython
//! raises `struct.error`.

use std::sync::Once;

use num_traits::ToPrimitive;
use rustpython_vm::buffer::{FormatSpec, new_struct_error};
use rustpython_vm::builtins::descriptor::PyMethodDescriptor;
use rustpython_vm::builtins::{PyBaseExceptionRef, PyBytes, PyInt, PyModule, PyStr, PyType, PyTypeRef};
use rustpython_vm::function::{ArgMemoryBuffer, FuncArgs, ItemDoc, PyMethodFlags};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyRef, PyResult, TryFromObject, VirtualMachine};

use crate::gaps::builtin_module::{fill_originally, fill_with};

const MODULE: &str = "_struct";

/// Mends the module. To be called from an init hook.
pub(crate) fn install(vm: &mut VirtualMachine) {
    fill_with(vm, MODULE, fill);
}

fn fill(vm: &VirtualMachine, module: &Py<PyModule>) -> PyResult<()> {
    fill_originally(MODULE, vm, module)?;
    for name in ["pack", "pack_into"] {
        let own = module.as_object().get_attr(name, vm)?;
        let doc = own.get_attr("__doc__", vm)?.downcast_ref::<PyStr>().map(|doc| doc.to_string());
        let doc = ItemDoc { text: doc.map(|doc| &*doc.leak()), ..ItemDoc::NONE };
        let ours = move |args: FuncArgs, vm: &VirtualMachine| pack(vm, name, &own, args);
        let ours = vm.ctx.new_method_def(name, ours, PyMethodFlags::EMPTY, doc).build_function(vm, None);
        ours.as_object().set_attr("__module__", vm.ctx.new_str(MODULE), vm)?;
        module.as_object().set_attr(name, ours, vm)?;
    }
    let class: PyTypeRef = module.as_object().get_attr("Struct", vm)?.try_into_value(vm)?;
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // One of the VM's static types.
        let class: &'static Py<PyType> = PyRef::leak(class);
        for name in ["pack", "pack_into"] {
            let Some(own) = class.get_attr(vm.ctx.intern_str(name)) else { continue };
            let doc = own.downcast_ref::<PyMethodDescriptor>().map_or(ItemDoc::NONE, |own| own.method.item_doc());
            let ours = move |args: FuncArgs, vm: &VirtualMachine| pack(vm, name, &own, args);
            let ours = vm.ctx.new_method_def(name, ours, PyMethodFlags::METHOD, doc).build_method(class, vm);
            class.set_attr(vm.ctx.intern_str(name), ours.into());
        }
    });
    Ok(())
}

/// The format of a call's first argument: a text, or a `Struct`.
fn format(vm: &VirtualMachine, first: &PyObject) -> Option<String> {
    if let Some(text) = first.downcast_ref::<PyStr>() {
        return text.to_str().map(ToOwned::to_owned);
    }
    if let Some(bytes) = first.downcast_ref::<PyBytes>() {
        return String::from_utf8(bytes.as_bytes().to_vec()).ok();
    }
    let format = first.get_attr("format", vm).ok()?;
    format.downcast_ref::<PyStr>()?.to_str().map(ToOwned::to_owned)
}

/// Calls the VM's own function, with the memory that it is to write into cleared.
fn pack(vm: &VirtualMachine, name: &str, own: &PyObject, args: FuncArgs) -> PyResult {
    let first = args.args.first().cloned();
    if let (Some(first), [_, target, offset, values @ ..]) = (&first, args.args.as_slice())
        && target.check_buffer()
        && let Some(offset) = offset.downcast_ref::<PyInt>()
    {
        clear(vm, first, target, offset, values.len());
    }
    own.call(args, vm).map_err(|error| refusal(vm, name, first.as_deref(), error))
}

/// Clears the memory that as many values will fill, if they do.
fn clear(vm: &VirtualMachine, first: &PyObject, target: &PyObjectRef, offset: &PyInt, values: usize) {
    let spec = format(vm, first).and_then(|format| FormatSpec::parse(format.as_bytes(), vm).ok());
    let Some(spec) = spec.filter(|spec| spec.arg_count == values) else { return };
    let Ok(memory) = ArgMemoryBuffer::try_from_object(vm, target.clone()) else { return };
    let Some(offset) = offset.as_bigint().to_isize() else { return };
    let start = if offset < 0 { memory.len().checked_sub(offset.unsigned_abs()) } else { Some(offset as usize) };
    memory.with_ref(|bytes| {
        if let Some(range) = start.and_then(|start| bytes.get_mut(start..start.checked_add(spec.size)?)) {
            range.fill(0);
        }
    });
}

/// An error as CPython raises it.
fn refusal(vm: &VirtualMachine, name: &str, first: Option<&PyObject>, error: PyBaseExceptionRef) -> PyBaseExceptionRef {
    let text = error.as_object().str(vm).map(|text| text.to_string()).unwrap_or_default();
    if let Some(rest) = text.strip_prefix("pack expected") {
        return new_struct_error(vm, format!("{name} expected{rest}"));
    }
    if !error.class().is(vm.ctx.exceptions.type_error) {
        return error;
    }
    if text.starts_with("Expected type 'bytes' but") {
        return new_struct_error(vm, "char format requires a bytes object of length 1");
    }
    if text.starts_with("must be real number") {
        return new_struct_error(vm, "required argument is not a float");
    }
    let codes = first.and_then(|first| format(vm, first)).unwrap_or_default();
    match codes.chars().find(|code| matches!(code, 's' | 'p')) {
        Some(code) if text.starts_with("a bytes-like object is required") => {
            new_struct_error(vm, format!("argument for '{code}' must be a bytes object"))
        }
        _ => error,
    }
}
