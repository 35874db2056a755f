//! What stands in managed tuples and lists where C has not put an item yet. C sees NULL there, as before; Python sees an
//! object that says so.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustpython_vm::builtins::PyType;
use rustpython_vm::types::{PyTypeFlags, PyTypeSlots};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, VirtualMachine};

use crate::heap::block::Block;
use crate::twins::store::store;

/// The address of the one object; 0 as long as there is none.
static ADDRESS: AtomicUsize = AtomicUsize::new(0);

/// The object for an item that is not there.
#[cold]
pub(crate) fn object(vm: &VirtualMachine) -> PyObjectRef {
    static OBJECT: OnceLock<PyObjectRef> = OnceLock::new();
    let object = OBJECT.get_or_init(|| {
        let (base, metaclass) = (vm.ctx.types.object_type.to_owned(), vm.ctx.types.type_type.to_owned());
        let slots = PyTypeSlots::new("", PyTypeFlags::from_slice(&[PyTypeFlags::IMMUTABLETYPE]));
        let class = PyType::new_heap("NULL", vec![base], Default::default(), slots, metaclass, &vm.ctx)
            .expect("object can be subclassed");
        class.slots.repr.store(Some(|_, vm| Ok(vm.ctx.new_str("<NULL>"))));
        vm.ctx.new_base_object(class, None)
    });
    ADDRESS.store(object.get_id(), Ordering::Relaxed);
    object.clone()
}

/// Whether an object stands for an item that is not there.
#[inline]
pub(crate) fn is(object: &PyObject) -> bool {
    std::ptr::from_ref(object) as usize == ADDRESS.load(Ordering::Relaxed)
}

/// The block of an item, a new reference; NULL for one that is not there.
#[inline]
pub(crate) fn store_item(vm: &VirtualMachine, object: &PyObject) -> Block {
    if is(object) { std::ptr::null_mut() } else { store(vm, object) }
}
