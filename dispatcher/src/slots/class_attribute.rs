//! `object.__class__`: the VM's own, after which C code finds the new class in the object's struct, too.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use rustclad_mapper::twins::type_sizes::refused_change;
use rustclad_mapper::twins::types::class_changed;
use rustpython_vm::builtins::{PyGetSet, PyType};
use rustpython_vm::function::PySetterValue;
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject as _, Py, PyObject, PyObjectRef, PyPayload as _, PyResult, VirtualMachine};

/// Whether there may be C code that has objects.
static ANY_C_CODE: AtomicBool = AtomicBool::new(false);

/// C code is about to be loaded.
pub(super) fn prepare() {
    ANY_C_CODE.store(true, Ordering::Relaxed);
}

/// Puts ours into the place of the VM's. Once in a process, before any Python code runs.
pub(super) fn install(vm: &VirtualMachine) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let object = vm.ctx.types.object_type;
        let name = vm.ctx.intern_str("__class__");
        let Some(vms) = object.attributes.get(name) else { return };
        let set = move |this: PyObjectRef, value: PySetterValue, vm: &VirtualMachine| -> PyResult<()> {
            let Some(write) = vms.class().slots.descr_set.load() else { return Ok(()) };
            check_layout(vm, &this, &value)?;
            write(&vms, this.clone(), value, vm)?;
            if ANY_C_CODE.load(Ordering::Relaxed) {
                class_changed(vm, &this);
            }
            Ok(())
        };
        let class = PyGetSet::new("__class__", object, &vm.ctx)
            .with_get(|this: PyObjectRef, _: &VirtualMachine| -> PyObjectRef { this.class().to_owned().into() })
            .with_set(set);
        object.set_attr(name, class.into_pyobject(vm));
    });
}

/// Refuses a class whose objects have another struct.
fn check_layout(vm: &VirtualMachine, this: &PyObject, value: &PySetterValue) -> PyResult<()> {
    let PySetterValue::Assign(value) = value else { return Ok(()) };
    let (Some(new), old) = (value.downcast_ref::<PyType>(), this.class()) else { return Ok(()) };
    let fixed = |class: &Py<PyType>| class.slots.flags.has_feature(PyTypeFlags::IMMUTABLETYPE);
    if !ANY_C_CODE.load(Ordering::Relaxed) || old.is(new) || fixed(old) || fixed(new) {
        return Ok(());
    }
    let Some(differs) = refused_change(vm, old, new) else { return Ok(()) };
    let (new, old) = (new.slot_name(), old.slot_name());
    Err(vm.new_type_error(format!("__class__ assignment: '{new}' {differs} differs from '{old}'")))
}
