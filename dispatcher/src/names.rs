//! Names of C types in the VM's own words. CPython's messages have a C type's name with its module (`tp_name`), so the
//! VM's name for such a class is that too; `__name__` and `__qualname__` are then read by our getters, which leave the
//! module away.

use std::iter::successors;

use rustclad_mapper::twins::types::is_of_c;
use rustpython_vm::builtins::{PyGetSet, PyModule, PyStaticMethod, PyStr, PyType, PyTypeRef};
use rustpython_vm::function::PySetterValue;
use rustpython_vm::{AsObject, Py, PyObjectRef, PyPayload, PyResult, VirtualMachine};

/// Replaces the VM's getters. Once, before any C type is made.
pub(crate) fn install(vm: &VirtualMachine) {
    let types = &vm.ctx.types;
    let setter = types.type_type.get_attr(vm.ctx.intern_str("__name__"));
    let name = PyGetSet::new("__name__", types.type_type, &vm.ctx)
        .with_get(|class: PyTypeRef, vm: &VirtualMachine| name(vm, &class))
        .with_set(move |class: PyObjectRef, value: PySetterValue, vm: &VirtualMachine| {
            let setter = setter.clone().ok_or_else(|| vm.new_attribute_error("readonly attribute"))?;
            match value {
                PySetterValue::Assign(value) => vm.call_method(&setter, "__set__", (class, value)),
                PySetterValue::Delete => vm.call_method(&setter, "__delete__", (class,)),
            }
            .map(drop)
        });
    put(vm, types.type_type, "__name__", name);
    for class in [
        types.method_descriptor_type,
        types.classmethod_descriptor_type,
        types.wrapper_descriptor_type,
        types.getset_type,
    ] {
        let qualname = PyGetSet::new("__qualname__", class, &vm.ctx)
            .with_get(|this: PyObjectRef, vm: &VirtualMachine| within(vm, &this.get_attr("__objclass__", vm)?, &this));
        put(vm, class, "__qualname__", qualname);
    }
    let class = types.builtin_function_or_method_type;
    let bound = class.get_attr(vm.ctx.intern_str("__self__"));
    let of = bound.clone();
    let qualname = PyGetSet::new("__qualname__", class, &vm.ctx)
        .with_get(move |this: PyObjectRef, vm: &VirtualMachine| of_function(vm, &of, this));
    put(vm, class, "__qualname__", qualname);
    let this = PyGetSet::new("__self__", class, &vm.ctx)
        .with_get(move |this: PyObjectRef, vm: &VirtualMachine| bound_to(vm, &bound, &this));
    put(vm, class, "__self__", this);
}

fn put(vm: &VirtualMachine, class: &'static Py<PyType>, name: &'static str, getset: PyGetSet) {
    class.set_attr(vm.ctx.intern_str(name), getset.into_pyobject(vm));
}

/// `type.__name__`.
fn name(vm: &VirtualMachine, class: &Py<PyType>) -> PyObjectRef {
    let full = class.__name__(vm);
    match full.to_str().and_then(|full| full.rsplit_once('.')) {
        Some((_, short)) if is_of_c(class) => vm.ctx.new_str(short).into(),
        _ => full.into(),
    }
}

/// `CLASS.NAME`, as descriptors have it.
fn within(vm: &VirtualMachine, class: &PyObjectRef, this: &PyObjectRef) -> PyResult<String> {
    let (class, name) = (class.get_attr("__qualname__", vm)?, this.get_attr("__name__", vm)?);
    Ok(format!("{}.{}", class.str(vm)?.to_string_lossy(), name.str(vm)?.to_string_lossy()))
}

/// What the VM's own getter says that a function is bound to.
fn bound_by(vm: &VirtualMachine, getter: &Option<PyObjectRef>, this: &PyObjectRef) -> PyResult {
    match getter {
        Some(getter) => vm.call_method(getter, "__get__", (this.clone(),)),
        None => Ok(vm.ctx.none()),
    }
}

/// A builtin function's `__self__`: a static method keeps its class, for its name, but is not bound to it.
fn bound_to(vm: &VirtualMachine, getter: &Option<PyObjectRef>, this: &PyObjectRef) -> PyResult {
    let bound = bound_by(vm, getter, this)?;
    let Some(class) = bound.downcast_ref::<PyType>() else { return Ok(bound) };
    let name = this.get_attr("__name__", vm)?.str(vm)?;
    let is_static =
        class.get_attr(vm.ctx.intern_str(name.as_wtf8())).is_some_and(|found| found.downcastable::<PyStaticMethod>());
    Ok(if is_static { vm.ctx.none() } else { bound })
}

/// A builtin function's `__qualname__`: with the class of what it is bound to, unless that is a module.
fn of_function(vm: &VirtualMachine, getter: &Option<PyObjectRef>, this: PyObjectRef) -> PyResult {
    let bound = bound_by(vm, getter, &this)?;
    if vm.is_none(&bound) || bound.downcastable::<PyModule>() {
        return this.get_attr("__name__", vm);
    }
    let class = if bound.downcastable::<PyType>() { bound } else { bound.class().to_owned().into() };
    Ok(vm.ctx.new_str(within(vm, &class, &this)?).into())
}

/// Gives a class whose objects the VM shows with their class's name a `repr` that leaves the module away.
pub(crate) fn install_repr(class: &Py<PyType>) {
    class.slots.repr.store(Some(|this, vm| {
        let vms = successors(Some(this.class()), |class| class.base.deref()).find(|class| class.heaptype_ext.is_none());
        let Some(repr) = vms.and_then(|class| class.slots.repr.load()) else {
            return Err(vm.new_type_error("object has no repr"));
        };
        let shown = repr(this, vm)?;
        if !is_of_c(this.class()) {
            return Ok(shown);
        }
        let full = this.class().slot_name().to_string();
        let short = full.rsplit_once('.').map_or(&*full, |(_, short)| short);
        Ok(match shown.to_str().and_then(|text| text.strip_prefix(&*full)) {
            Some(rest) => vm.ctx.new_str(format!("{short}{rest}")),
            None => shown,
        })
    }));
}

/// A class's name without its module, as messages about its methods have it.
pub(crate) fn qualified(vm: &VirtualMachine, class: &Py<PyType>) -> String {
    let name = class.__qualname__(vm);
    name.downcast_ref::<PyStr>().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
