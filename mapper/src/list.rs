//! Lists. As long as Python has not seen a list, its block is the list: C fills `ob_item` as it likes. From then on the
//! managed list is the truth and `ob_item` a mirror that owns its items, brought up to date at each crossing.

use rustpython_vm::builtins::PyList;
use rustpython_vm::{AsObject, PyObjectRef, VirtualMachine};

use crate::block::Block;
use crate::layout as c;
use crate::{lifetime, store, table};

/// The mirror's items.
///
/// # Safety
/// `block` is a list's; the slice is used before the list changes.
#[inline]
pub unsafe fn items<'a>(block: Block) -> &'a [Block] {
    // SAFETY: by contract.
    unsafe {
        let list = block.cast::<c::PyListObject>();
        if (*list).ob_item.is_null() {
            return &[];
        }
        std::slice::from_raw_parts((*list).ob_item, (*list).ob_base.ob_size as usize)
    }
}

/// Makes room for `capacity` items.
///
/// # Safety
/// `block` is a list's.
pub unsafe fn reserve(block: Block, capacity: usize) {
    // SAFETY: by contract; `ob_item` comes from malloc.
    unsafe {
        let list = &mut *block.cast::<c::PyListObject>();
        if list.allocated as usize >= capacity && !list.ob_item.is_null() {
            return;
        }
        let bytes = capacity.max(1) * size_of::<Block>();
        let items = libc::realloc(list.ob_item.cast(), bytes).cast::<Block>();
        assert!(!items.is_null(), "out of memory for a list of {capacity} items");
        list.ob_item = items;
        list.allocated = capacity as isize;
    }
}

/// Appends an item, whose reference the list takes over, to the block alone.
///
/// # Safety
/// `block` is a list's.
pub unsafe fn push(block: Block, item: Block) {
    // SAFETY: by contract; `reserve` makes room.
    unsafe {
        let list = block.cast::<c::PyListObject>();
        let length = (*list).ob_base.ob_size as usize;
        if length == (*list).allocated as usize {
            reserve(block, length + length / 8 + 6);
        }
        (*list).ob_item.add(length).write(item);
        (*list).ob_base.ob_size += 1;
    }
}

/// Fills a fresh block with the given objects.
///
/// # Safety
/// `block` is a list's, without items.
pub unsafe fn fill(vm: &VirtualMachine, block: Block, objects: &[PyObjectRef]) {
    // SAFETY: by contract; `reserve` makes room.
    unsafe {
        reserve(block, objects.len());
        let list = block.cast::<c::PyListObject>();
        // Whole before an item is stored, for an item may lead back here: a NULL is an item that is on its way.
        (*list).ob_item.write_bytes(0, objects.len());
        (*list).ob_base.ob_size = objects.len() as isize;
        for (index, object) in objects.iter().enumerate() {
            let item = store::store(vm, object);
            (*list).ob_item.add(index).write(item);
        }
    }
}

/// Brings the mirror up to date with the managed list, if the block has a twin.
///
/// # Safety
/// `block` is a list's.
pub unsafe fn refresh(vm: &VirtualMachine, block: Block) {
    // SAFETY: by contract; items are live blocks.
    unsafe {
        let Some(twin) = table::twin_of(block) else { return };
        let objects = twin.downcast_unchecked_ref::<PyList>().borrow_vec();
        let mirror = items(block);
        let same = mirror.len() == objects.len()
            && mirror.iter().zip(objects.iter()).all(|(&item, object)| {
                item.is_null() || table::twin_of(item).is_some_and(|twin| twin.is(object.as_object()))
            });
        if same {
            return;
        }
        let objects = objects.to_vec(); // the lock on the managed list must not be held while blocks are made
        let old = mirror.to_vec();
        (*block.cast::<c::PyListObject>()).ob_base.ob_size = 0;
        fill(vm, block, &objects);
        for item in old {
            lifetime::xdecref(item);
        }
    }
}

/// Drops the items and their memory.
///
/// # Safety
/// `block` is a list's.
pub unsafe fn clear(block: Block) {
    // SAFETY: by contract; the list is empty before any item's end runs code.
    unsafe {
        let list = &mut *block.cast::<c::PyListObject>();
        let (start, length) = (list.ob_item, list.ob_base.ob_size as usize);
        list.ob_item = std::ptr::null_mut();
        list.ob_base.ob_size = 0;
        list.allocated = 0;
        if !start.is_null() {
            for index in 0..length {
                lifetime::xdecref(*start.add(index));
            }
            libc::free(start.cast());
        }
    }
}
