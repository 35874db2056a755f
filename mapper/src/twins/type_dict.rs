//! `tp_dict`: the dict that the managed class itself keeps its attributes in. C code writes into it, even after
//! `PyType_Ready`; the VM's caches of what classes have must hear of that.

use rustpython_vm::builtins::PyType;
use rustpython_vm::{AsObject, Py, VirtualMachine};

use crate::abi::layout as c;
use crate::heap::block::{Block, flag, header, header_of};
use crate::heap::spare;
use crate::lifetime::handle;
use crate::twins::store;

/// Gives a type its dict. RustPython's own static types have none.
///
/// # Safety
/// `t` is a ready type without one, the block of `class`.
pub(crate) unsafe fn make(vm: &VirtualMachine, t: *mut c::PyTypeObject, class: &Py<PyType>) {
    let Some(dict) = class.attributes.as_dict() else { return };
    let dict = store::store(vm, dict.as_object());
    // SAFETY: a dict's block; the type lives as long as C code may use its dict.
    unsafe {
        header_of(dict).set(flag::TYPE_DICT);
        spare::set_type_of_dict(dict, t);
        (*t).tp_dict = dict;
    }
}

/// Makes a dying type's dict a dict like others. NULL is none.
///
/// # Safety
/// `dict` is a type's `tp_dict`.
pub(crate) unsafe fn end(dict: Block) {
    if let Some(header) = header(dict) {
        header.unset(flag::TYPE_DICT);
        // SAFETY: by contract.
        unsafe { spare::set_type_of_dict(dict, std::ptr::null_mut()) };
    }
}

/// Has the VM forget what it knows of a class's attributes, if the dict is a class's: it may be about to change.
#[inline]
pub(crate) fn used(dict: Block) {
    if header(dict).is_some_and(|header| header.has(flag::TYPE_DICT)) {
        forget(dict);
    }
}

#[cold]
fn forget(dict: Block) {
    // SAFETY: `make` set it.
    let t: Block = unsafe { spare::type_of_dict(dict).cast() };
    if let Some(class) = handle::twin_of(t).and_then(|twin| twin.downcast_ref::<PyType>()) {
        class.modified();
    }
}
