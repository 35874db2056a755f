//! Attributes: those that an object has, and what it does as an attribute of another one's class.

use rustclad_mapper::abi::layout as c;
use rustpython_vm::builtins::PyTypeRef;
use rustpython_vm::function::PySetterValue;
use rustpython_vm::{AsObject, PyObjectRef, VirtualMachine};

use super::invoke::{binary, get_by_text, set_attribute, set_by_text, set_item, ternary};
use super::special::{class_slot, missing, special};

/// `tp_getattro`, `tp_setattro`, `tp_getattr`, `tp_setattr`, `tp_descr_get` and `tp_descr_set`.
pub(super) fn install(vm: &VirtualMachine, class: &PyTypeRef, t: &c::PyTypeObject) {
    install_by_object(vm, class, t);
    install_by_text(vm, class, t);
    install_descriptor(vm, class, t);
}

/// The slots that take a name as an object.
fn install_by_object(vm: &VirtualMachine, class: &PyTypeRef, t: &c::PyTypeObject) {
    if let Some(f) = t.tp_getattro
        && !rustclad_mapper::is_exported(f as *const _, "PyObject_GenericGetAttr")
    {
        class.slots.getattro.store(Some(|this, name, vm| match class_slot(vm, this, |t| t.tp_getattro) {
            Some(f) => binary(vm, f, this, name.as_object(), "__getattribute__"),
            None => Err(missing(vm, "tp_getattro")),
        }));
        special!(vm, class, "__getattribute__", |vm, this, [name]| binary(vm, f, this, name, "__getattribute__"));
    }
    if let Some(f) = t.tp_setattro
        && !rustclad_mapper::is_exported(f as *const _, "PyObject_GenericSetAttr")
    {
        class.slots.setattro.store(Some(|this, name, value, vm| {
            let f = class_slot(vm, this, |t| t.tp_setattro).ok_or_else(|| missing(vm, "tp_setattro"))?;
            match &value {
                PySetterValue::Assign(value) => set_attribute(vm, f, this, name.as_object(), Some(value)),
                PySetterValue::Delete => set_attribute(vm, f, this, name.as_object(), None),
            }
        }));
        special!(vm, class, "__setattr__", |vm, this, [name, value]| {
            set_attribute(vm, f, this, name, Some(value)).map(|()| vm.ctx.none())
        });
        special!(vm, class, "__delattr__", |vm, this, [name]| {
            set_attribute(vm, f, this, name, None).map(|()| vm.ctx.none())
        });
    }
}

/// The slots of old, which take a name as a text.
fn install_by_text(vm: &VirtualMachine, class: &PyTypeRef, t: &c::PyTypeObject) {
    if t.tp_getattro.is_none()
        && let Some(f) = t.tp_getattr
    {
        class.slots.getattro.store(Some(|this, name, vm| match class_slot(vm, this, |t| t.tp_getattr) {
            Some(f) => get_by_text(vm, f, this, name.as_object()),
            None => Err(missing(vm, "tp_getattr")),
        }));
        special!(vm, class, "__getattribute__", |vm, this, [name]| get_by_text(vm, f, this, name));
    }
    if t.tp_setattro.is_none()
        && let Some(f) = t.tp_setattr
    {
        class.slots.setattro.store(Some(|this, name, value, vm| {
            let f = class_slot(vm, this, |t| t.tp_setattr).ok_or_else(|| missing(vm, "tp_setattr"))?;
            match &value {
                PySetterValue::Assign(value) => set_by_text(vm, f, this, name.as_object(), Some(value)),
                PySetterValue::Delete => set_by_text(vm, f, this, name.as_object(), None),
            }
        }));
        special!(vm, class, "__setattr__", |vm, this, [name, value]| {
            set_by_text(vm, f, this, name, Some(value)).map(|()| vm.ctx.none())
        });
        special!(vm, class, "__delattr__", |vm, this, [name]| {
            set_by_text(vm, f, this, name, None).map(|()| vm.ctx.none())
        });
    }
}

/// The slots that make an object an attribute of others.
fn install_descriptor(vm: &VirtualMachine, class: &PyTypeRef, t: &c::PyTypeObject) {
    if let Some(f) = t.tp_descr_get {
        class.slots.descr_get.store(Some(|this, object, owner, vm| {
            let f = class_slot(vm, this, |t| t.tp_descr_get).ok_or_else(|| missing(vm, "tp_descr_get"))?;
            ternary(vm, f, this, object, owner, "__get__")
        }));
        special!(vm, class, "__get__", |vm, this, [object, owner]| {
            let some = |it: &PyObjectRef| (!vm.is_none(it)).then(|| it.clone());
            ternary(vm, f, this, some(object).as_deref(), some(owner).as_deref(), "__get__")
        });
    }
    if let Some(f) = t.tp_descr_set {
        class.slots.descr_set.store(Some(|this, object, value, vm| {
            let f = class_slot(vm, this, |t| t.tp_descr_set).ok_or_else(|| missing(vm, "tp_descr_set"))?;
            match &value {
                PySetterValue::Assign(value) => set_item(vm, f, this, &object, Some(value), "__set__"),
                PySetterValue::Delete => set_item(vm, f, this, &object, None, "__delete__"),
            }
        }));
        special!(vm, class, "__set__", |vm, this, [object, value]| {
            set_item(vm, f, this, object, Some(value), "__set__").map(|()| vm.ctx.none())
        });
        special!(vm, class, "__delete__", |vm, this, [object]| {
            set_item(vm, f, this, object, None, "__delete__").map(|()| vm.ctx.none())
        });
    }
}
