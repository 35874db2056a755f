//! The suite of mappings.

use rustclad_mapper::abi::layout as c;
use rustpython_vm::builtins::PyTypeRef;
use rustpython_vm::protocol::PyMapping;
use rustpython_vm::{PyObject, PyObjectRef, VirtualMachine};

use super::invoke::{binary, length, set_item};
use super::special::{class_slot, missing, special};

fn mapping_slot<F>(
    vm: &VirtualMachine,
    this: &PyObject,
    slot: impl FnOnce(&c::PyMappingMethods) -> Option<F>,
) -> Option<F> {
    // SAFETY: a type's suite is null or valid.
    class_slot(vm, this, |t| unsafe { t.tp_as_mapping.as_ref() }.and_then(slot))
}

pub(super) fn install(vm: &VirtualMachine, class: &PyTypeRef, suite: &c::PyMappingMethods) {
    let slots = &class.slots.as_mapping;
    if let Some(f) = suite.mp_length {
        slots.length.store(Some(|mapping: PyMapping<'_>, vm| {
            let f = mapping_slot(vm, mapping.obj, |suite| suite.mp_length).ok_or_else(|| missing(vm, "mp_length"))?;
            length(vm, f, mapping.obj, "__len__")
        }));
        special!(vm, class, "__len__", |vm, this, []| Ok(vm.ctx.new_int(length(vm, f, this, "__len__")?).into()));
    }
    if let Some(f) = suite.mp_subscript {
        slots.subscript.store(Some(|mapping: PyMapping<'_>, key, vm| {
            let f =
                mapping_slot(vm, mapping.obj, |suite| suite.mp_subscript).ok_or_else(|| missing(vm, "mp_subscript"))?;
            binary(vm, f, mapping.obj, key, "__getitem__")
        }));
        special!(vm, class, "__getitem__", |vm, this, [key]| binary(vm, f, this, key, "__getitem__"));
    }
    if let Some(f) = suite.mp_ass_subscript {
        slots.ass_subscript.store(Some(|mapping: PyMapping<'_>, key, value: Option<PyObjectRef>, vm| {
            let f = mapping_slot(vm, mapping.obj, |suite| suite.mp_ass_subscript)
                .ok_or_else(|| missing(vm, "mp_ass_subscript"))?;
            set_item(vm, f, mapping.obj, key, value.as_deref(), "__setitem__")
        }));
        special!(vm, class, "__setitem__", |vm, this, [key, value]| {
            set_item(vm, f, this, key, Some(value), "__setitem__").map(|()| vm.ctx.none())
        });
        special!(vm, class, "__delitem__", |vm, this, [key]| {
            set_item(vm, f, this, key, None, "__delitem__").map(|()| vm.ctx.none())
        });
    }
}
