//! Tuples: the block owns its items, which lie behind its head. C code fills a tuple of its own making as long as it counts
//! the only reference.

use rustpython_vm::builtins::PyTuple;
use rustpython_vm::{AsObject as _, PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::abi::statics::statics;
use crate::heap::block::{self, Block};
use crate::heap::form::{Form, Half, Reusable, Visit, given};
use crate::heap::spare;
use crate::lifetime::dealloc::xdecref;
use crate::lifetime::{handle, kept};
use crate::twins::absent::store_item;
use crate::twins::forms::object::allocate_derived;
use crate::twins::forms::payload::{bound, item};
use crate::twins::forms::{PLAIN_ITEM, addresses, is_plain_item};
use crate::twins::retrieve::last_item;

/// Tuples.
pub(super) static FORM: Form = Form {
    sizes: (32, 8),
    subclass_flag: c::tpflags::TUPLE_SUBCLASS,
    make,
    fill: Some(fill),
    value: Some(value),
    wrap,
    wrapped: Some(super::structseq::keep_hidden),
    reusable: Some(reusable),
    free: Some(free),
    each: Some(each),
    ..Form::EMPTY
};

const ITEMS: usize = std::mem::offset_of!(c::PyTupleObject, ob_item);

/// A tuple's block with a count of 1, no twin and NULL for items. None if memory is out.
#[inline]
pub fn try_new_block(length: usize) -> Option<Block> {
    let made = block::allocate_uninit(length.checked_mul(size_of::<Block>())?.checked_add(ITEMS)?, 0);
    if made.is_null() {
        return None;
    }
    // SAFETY: fresh memory of that size.
    unsafe {
        let object = made.cast::<c::PyTupleObject>();
        (*object).ob_base.ob_base = c::PyObject { ob_refcnt: 1, ob_overflow: 0, ob_flags: 0, ob_type: statics().tuple };
        (*object).ob_base.ob_size = length as isize;
        spare::set_hidden_items(made, 0);
        items(made).write_bytes(0, length);
    }
    Some(made)
}

/// [`try_new_block`] for as many items as are in memory already.
#[inline]
pub fn new_block(length: usize) -> Block {
    try_new_block(length).expect("memory for a tuple of what is in memory already")
}

/// A tuple's block with a count of 1 and no twin, which takes over a reference to each item.
pub fn with_items(given: &[Block]) -> Block {
    let made = new_block(given.len());
    // SAFETY: room for the items.
    unsafe { items(made).copy_from_nonoverlapping(given.as_ptr(), given.len()) };
    made
}

/// A tuple's items.
///
/// # Safety
/// `tuple` is a tuple's block.
#[inline]
pub unsafe fn items(tuple: Block) -> *mut Block {
    // SAFETY: by contract.
    unsafe { tuple.cast::<u8>().add(ITEMS).cast() }
}

/// A tuple's items as a slice.
///
/// # Safety
/// `tuple` is a tuple's block and stays alive.
#[inline]
pub unsafe fn slice<'a>(tuple: Block) -> &'a [Block] {
    // SAFETY: by contract.
    unsafe { std::slice::from_raw_parts(items(tuple), (*tuple.cast::<c::PyVarObject>()).ob_size as usize) }
}

/// Makes the last `count` items of a tuple ones that are not part of it, as struct sequences have them. How many they are
/// stands in a [spare field](spare::hidden_items).
///
/// # Safety
/// `tuple` is a tuple's block with so many items.
pub(crate) unsafe fn hide(tuple: Block, count: usize) {
    if count > 0 {
        // SAFETY: by contract.
        unsafe {
            (*tuple.cast::<c::PyVarObject>()).ob_size -= count as isize;
            spare::set_hidden_items(tuple, count);
        }
    }
}

/// The items that [`hide`] hid.
///
/// # Safety
/// `tuple` is a tuple's block and stays alive.
pub(crate) unsafe fn hidden<'a>(tuple: Block) -> &'a [Block] {
    // SAFETY: by contract.
    unsafe {
        let count = spare::hidden_items(tuple);
        let size = (*tuple.cast::<c::PyVarObject>()).ob_size as usize;
        std::slice::from_raw_parts(items(tuple).add(size), count)
    }
}

unsafe fn make(_: &VirtualMachine, object: &PyObject, class: *mut c::PyTypeObject) -> Block {
    // SAFETY: the kind says what the payload is; the block is fresh.
    unsafe {
        let length = object.downcast_unchecked_ref::<PyTuple>().as_slice().len();
        if class == statics().tuple {
            return new_block(length);
        }
        let made = allocate_derived(class, ITEMS + length * size_of::<Block>(), length);
        assert!(!made.is_null(), "memory for a tuple of what is in memory already");
        (*made).ob_refcnt = 1;
        (*made).ob_type = class;
        (*made.cast::<c::PyVarObject>()).ob_size = length as isize;
        spare::set_hidden_items(made, 0);
        made
    }
}

unsafe fn fill(vm: &VirtualMachine, block: Block, object: &PyObject) {
    // SAFETY: made by `make` for as many items.
    unsafe {
        for (index, item) in object.downcast_unchecked_ref::<PyTuple>().as_slice().iter().enumerate() {
            items(block).add(index).write(store_item(vm, item));
        }
        if object.class().heaptype_ext.is_none() && !object.class().is(vm.ctx.types.tuple_type) {
            hide(block, hidden_in(vm, object));
        }
    }
}

/// How many items of a struct sequence of the VM's are fields that are not part of the tuple.
fn hidden_in(vm: &VirtualMachine, object: &PyObject) -> usize {
    let visible = object.class().get_attr(vm.ctx.intern_str("n_sequence_fields"));
    let visible = visible.and_then(|visible| visible.try_to_value::<usize>(vm).ok());
    // SAFETY: the kind says what the payload is.
    let all = unsafe { object.downcast_unchecked_ref::<PyTuple>() }.as_slice().len();
    visible.map_or(0, |visible| all.saturating_sub(visible))
}

unsafe fn objects(vm: &VirtualMachine, block: Block, sole: bool) -> PyResult<Vec<PyObjectRef>> {
    let read = if sole { last_item } else { item };
    // SAFETY: a tuple holds live objects or NULL.
    unsafe { slice(block).iter().map(|&it| read(vm, it)).collect() }
}

unsafe fn value(vm: &VirtualMachine, block: Block, sole: bool) -> PyResult {
    // SAFETY: as above.
    given(vm.ctx.new_tuple(unsafe { objects(vm, block, sole)? }))
}

unsafe fn wrap(vm: &VirtualMachine, block: Block, half: Half) -> PyResult {
    // SAFETY: as above.
    let items = unsafe { objects(vm, block, false)? };
    Ok(bound(PyTuple::new_unchecked(items.into_boxed_slice()), block, half))
}

/// See [`Form::reusable`]: all items are values that hold nothing, and the tuple has not been changed by C code.
unsafe fn reusable(block: Block, object: &PyObject) -> Option<Reusable> {
    // SAFETY: a tuple's block and its twin.
    unsafe {
        let (mirror, objects) = (slice(block), object.downcast_unchecked_ref::<PyTuple>().as_slice());
        let same = |(item, object): (&Block, &PyObjectRef)| {
            is_plain_item(*item) && handle::twin_of(*item).is_some_and(|twin| twin.is(object))
        };
        let again = (*block).ob_type == statics().tuple && kept::comes_again(object, addresses(objects));
        if !again || mirror.is_empty() || mirror.len() != objects.len() || !mirror.iter().zip(objects).all(same) {
            return None;
        }
        Some(Reusable { run: addresses(objects).into(), bytes: mirror.len() * (2 * size_of::<Block>() + PLAIN_ITEM) })
    }
}

unsafe fn free(block: Block) {
    // SAFETY: the dying tuple owns its items.
    unsafe {
        for &item in slice(block).iter().chain(hidden(block)) {
            xdecref(item);
        }
    }
}

unsafe fn each(block: Block, visit: &mut Visit<'_>) {
    // SAFETY: a live tuple.
    unsafe { slice(block).iter().chain(hidden(block)).copied().for_each(visit) };
}
