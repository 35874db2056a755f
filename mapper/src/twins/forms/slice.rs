//! Slices: the block owns its three parts.

use rustpython_vm::builtins::PySlice;
use rustpython_vm::{PyObject, PyObjectRef, PyPayload as _, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::heap::block::Block;
use crate::heap::form::{Form, Visit, given};
use crate::lifetime::dealloc::xdecref;
use crate::twins::forms::object::new_block;
use crate::twins::forms::payload::item;
use crate::twins::store::store;

/// Slices.
pub(super) static FORM: Form = Form {
    sizes: (size_of::<c::PySliceObject>(), 0),
    make,
    value: Some(value),
    free: Some(free),
    each: Some(each),
    ..Form::EMPTY
};

unsafe fn make(vm: &VirtualMachine, object: &PyObject, class: *mut c::PyTypeObject) -> Block {
    let stored =
        |part: &Option<PyObjectRef>| part.as_ref().map_or_else(|| store(vm, &vm.ctx.none()), |it| store(vm, it));
    // SAFETY: the kind says what the payload is; the block is fresh and of its class's size.
    unsafe {
        let slice = object.downcast_unchecked_ref::<PySlice>();
        let made = new_block(class).cast::<c::PySliceObject>();
        (*made).start = stored(&slice.start);
        (*made).stop = store(vm, &slice.stop);
        (*made).step = stored(&slice.step);
        made.cast()
    }
}

unsafe fn parts(block: Block) -> [Block; 3] {
    // SAFETY: a slice's block.
    let slice = unsafe { &*block.cast::<c::PySliceObject>() };
    [slice.start, slice.stop, slice.step]
}

unsafe fn value(vm: &VirtualMachine, block: Block, _: bool) -> PyResult {
    // SAFETY: a slice holds live objects.
    unsafe {
        let [start, stop, step] = parts(block);
        let (start, stop, step) = (item(vm, start)?, item(vm, stop)?, item(vm, step)?);
        given(PySlice { start: Some(start), stop, step: Some(step) }.into_pyobject(vm))
    }
}

unsafe fn free(block: Block) {
    // SAFETY: a dying slice's block.
    for part in unsafe { parts(block) } {
        // SAFETY: the dying slice owns its parts.
        unsafe { xdecref(part) };
    }
}

unsafe fn each(block: Block, visit: &mut Visit<'_>) {
    // SAFETY: a live slice.
    unsafe { parts(block) }.into_iter().for_each(visit);
}
