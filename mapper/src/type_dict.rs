//! `tp_dict` of types that C code makes. C code writes into it after `PyType_Ready`; the managed class has the attributes,
//! so what is written is handed on, and what is not there is looked up in the class.

use rustpython_vm::builtins::{PyDict, PyStr, PyType};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, VirtualMachine};

use crate::block::{Block, flag, header, header_of};
use crate::layout as c;
use crate::{store, table};

/// Gives a type its dict.
///
/// # Safety
/// `t` is a ready type without one.
pub(crate) unsafe fn make(vm: &VirtualMachine, t: *mut c::PyTypeObject) {
    let dict = store::store(vm, vm.ctx.new_dict().as_object());
    // SAFETY: a fresh dict's block; the type lives as long as C code may use its dict.
    unsafe {
        header_of(dict).flags |= flag::TYPE_DICT;
        // CPython keeps values here, where C code does not look.
        (*dict.cast::<c::PyDictObject>()).ma_values = t.cast();
        (*t).tp_dict = dict;
    }
}

/// The class that a dict's block is the `tp_dict` of.
#[inline]
pub(crate) fn owner(dict: Block) -> Option<&'static Py<PyType>> {
    let header = header(dict)?;
    if header.flags & flag::TYPE_DICT == 0 {
        return None;
    }
    // SAFETY: `make` set it.
    let t: Block = unsafe { (*dict.cast::<c::PyDictObject>()).ma_values.cast() };
    table::twin_of(t)?.downcast_ref()
}

/// A class's own attribute.
pub(crate) fn get(vm: &VirtualMachine, class: &Py<PyType>, key: &PyObject) -> Option<PyObjectRef> {
    class.attributes.get(vm.ctx.interned_str(key.downcast_ref::<PyStr>()?)?)
}

/// Hands on what C code wrote into a type's dict.
pub(crate) fn publish(vm: &VirtualMachine, class: &Py<PyType>, dict: &Py<PyDict>) {
    for (key, value) in dict {
        let Some(key) = key.downcast_ref::<PyStr>() else { continue };
        let name = vm.ctx.intern_str(key.as_wtf8());
        if class.attributes.get(name).is_none_or(|known| !known.is(&value)) {
            class.set_attr(name, value);
        }
    }
}

/// Removes a class's own attribute. False if it has none of that name.
pub(crate) fn remove(vm: &VirtualMachine, class: &Py<PyType>, key: &PyObject) -> bool {
    let key = key.downcast_ref::<PyStr>().and_then(|key| vm.ctx.interned_str(key));
    key.is_some_and(|key| class.attributes.remove(key).is_some())
}
