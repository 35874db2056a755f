//! What happens to the slots of types when a class changes: `type.__setattr__` and `type.__delattr__` set those of the
//! class and of all that derive from it anew.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyStr, PyType};
use rustpython_vm::function::PySetterValue;
use rustpython_vm::{AsObject, Py, PyObject, PyResult, VirtualMachine};

use super::rows;
use crate::abi::layout::tpflags;
use crate::gaps::wrappers::{inherit_item, make_wrappers, put_in_front, with_subclasses};
use crate::heap::block::header;
use crate::lifetime::handle;
use crate::lifetime::thread;
use crate::twins::type_writes;
use crate::twins::types::refill_mro;

/// The VM's slot for setting attributes.
type SetAttribute = fn(&PyObject, &Py<PyStr>, PySetterValue, &VirtualMachine) -> PyResult<()>;

/// What `type` does itself.
static ORIGINAL: OnceLock<SetAttribute> = OnceLock::new();

/// Puts our function in front of that of `type`, also in metaclasses that have it already. Once.
pub(crate) fn install(vm: &VirtualMachine) {
    let class = vm.ctx.types.type_type;
    if !put_in_front!(class, setattro: ORIGINAL, set_attribute) {
        return;
    }
    // `super().__setattr__` finds these.
    make_wrappers(vm, class, &["__setattr__", "__delattr__"]);
    class.modified();
}

/// `type.__setattr__` and `type.__delattr__`.
fn set_attribute(class: &PyObject, name: &Py<PyStr>, value: PySetterValue, vm: &VirtualMachine) -> PyResult<()> {
    let original = ORIGINAL.get().expect("set before this function");
    original(class, name, value, vm)?;
    if name.as_bytes().starts_with(b"__")
        && let Some(class) = class.downcast_ref::<PyType>()
    {
        changed(vm, class, name);
    }
    Ok(())
}

/// A class's attribute was set or deleted, or its bases were.
#[cold]
fn changed(vm: &VirtualMachine, class: &Py<PyType>, name: &Py<PyStr>) {
    let name = vm.ctx.intern_str(name.as_wtf8());
    let bases = name.as_str() == "__bases__";
    if !bases && !rows::is_special(name.as_str()) {
        return;
    }
    // Ended without the C lock.
    let all = with_subclasses(class);
    if bases || name.as_str() == "__getitem__" {
        all.iter().for_each(|class| inherit_item(vm, class));
    }
    let _section = thread::section(vm);
    for class in &all {
        let Some(block) = handle::block_of(class.as_object()).filter(|block| header(*block).is_some()) else {
            continue;
        };
        let t = block.cast();
        // SAFETY: a type's block in our range is a heap type's; it lives as long as the class.
        unsafe {
            if bases {
                refill_mro(vm, t, class);
            }
            if (*t).tp_flags & tpflags::HEAPTYPE != 0 {
                type_writes::compare(vm, t, class);
                rows::refresh(vm, t, class, (!bases).then_some(name));
                type_writes::begin_again(t);
            }
        }
    }
}
