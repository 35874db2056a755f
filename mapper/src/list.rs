//! Lists. As long as Python has not seen a list, its block is the list: C fills `ob_item` as it likes. While Python has
//! it too, both sides may change it, C by macro: `ob_item` owns items of its own, and what both sides had when they were
//! last compared tells at the next crossing which one is new. When Python lets go, the block is the list again.
//!
//! A shared list says that half of its room is free: with that, Cython's short ways, which append and pop by macro, call
//! the functions instead.

use std::cell::UnsafeCell;

use rustc_hash::FxHashMap;
use rustpython_vm::builtins::PyList;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, VirtualMachine};

use crate::block::{Block, flag, header};
use crate::layout as c;
use crate::types::statics;
use crate::{lifetime, retrieve, store, table};

/// The managed items that both sides of a list had.
type Agreed = Vec<*const PyObject>;

struct Shared(UnsafeCell<Option<FxHashMap<usize, Agreed>>>);
// SAFETY: only touched with the C lock held.
unsafe impl Sync for Shared {}
static SHARED: Shared = Shared(UnsafeCell::new(None));

#[allow(clippy::mut_from_ref)]
fn shared() -> &'static mut FxHashMap<usize, Agreed> {
    // SAFETY: the C lock makes this the only user; no reference outlives the statement it is used in.
    unsafe { (*SHARED.0.get()).get_or_insert_default() }
}

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

/// How many items there is memory for: `allocated` is for C to read.
fn room(list: &c::PyListObject) -> usize {
    // SAFETY: `ob_item` is NULL or from malloc.
    unsafe { libc::malloc_usable_size(list.ob_item.cast()) / size_of::<Block>() }
}

/// Makes room for `capacity` items.
///
/// # Safety
/// `block` is a list's.
pub unsafe fn reserve(block: Block, capacity: usize) {
    // SAFETY: by contract; `ob_item` comes from malloc.
    unsafe {
        let list = &mut *block.cast::<c::PyListObject>();
        if !list.ob_item.is_null() && room(list) >= capacity {
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
        if length >= (*list).allocated as usize {
            if length >= room(&*list) {
                reserve(block, length + length / 8 + 6);
            }
            (*list).allocated = room(&*list) as isize;
        }
        (*list).ob_item.add(length).write(item);
        (*list).ob_base.ob_size += 1;
    }
}

/// Adds the given objects to a block's items.
///
/// # Safety
/// `block` is a list's.
pub unsafe fn fill(vm: &VirtualMachine, block: Block, objects: &[PyObjectRef]) {
    // SAFETY: by contract; `reserve` makes room.
    unsafe {
        let before = items(block).len();
        reserve(block, before + objects.len());
        let list = block.cast::<c::PyListObject>();
        // Whole before an item is stored, for an item may lead back here: a NULL is an item that is on its way.
        (*list).ob_item.add(before).write_bytes(0, objects.len());
        (*list).ob_base.ob_size += objects.len() as isize;
        for (index, object) in (before..).zip(objects) {
            let item = store::store(vm, object);
            (*list).ob_item.add(index).write(item);
        }
    }
}

/// Notes that both sides of a list have the same items now.
///
/// # Safety
/// `block` is a list's with a twin.
pub(crate) unsafe fn agree(block: Block) {
    // SAFETY: by contract.
    unsafe {
        let Some(twin) = table::twin_of(block) else { return };
        let objects = twin.downcast_unchecked_ref::<PyList>().borrow_vec();
        let agreed: Agreed = objects.iter().map(|object| std::ptr::from_ref(object.as_object())).collect();
        reserve(block, 2 * agreed.len());
        (*block.cast::<c::PyListObject>()).allocated = 2 * agreed.len() as isize;
        shared().insert(block as usize, agreed);
    }
}

/// Whether C has not replaced an item: NULL is one that is on its way.
fn stands_for(item: Block, object: *const PyObject) -> bool {
    item.is_null() || table::twin_of(item).is_some_and(|twin| std::ptr::eq(twin, object))
}

/// Gives each side of a list what the other one changed, if the block has a twin. What both changed is as Python has it,
/// unless the length is the same: then each side's new items count.
///
/// # Safety
/// `block` is a list's.
pub unsafe fn refresh(vm: &VirtualMachine, block: Block) {
    // SAFETY: by contract; items are live blocks.
    unsafe {
        let Some(twin) = table::twin_of(block) else { return };
        let list = twin.downcast_unchecked_ref::<PyList>();
        let Some(agreed) = shared().get(&(block as usize)) else { return };
        let mirror = items(block);
        let objects = list.borrow_vec();
        let new_here = mirror.len() != agreed.len() || !mirror.iter().zip(agreed).all(|(&i, &o)| stands_for(i, o));
        let new_there =
            objects.len() != agreed.len() || !objects.iter().zip(agreed).all(|(object, &o)| std::ptr::eq(&**object, o));
        if !new_here && !new_there {
            return;
        }
        let objects = objects.to_vec(); // the lock on the managed list must not be held while blocks are made
        // Not shared for the time being, for an item may be the list itself.
        let agreed = shared().remove(&(block as usize)).unwrap_or_default();
        let mirror = mirror.to_vec();
        if new_here && (!new_there || mirror.len() == objects.len()) {
            publish(vm, list, &mirror, &objects, &agreed);
        }
        if new_there {
            let objects = list.borrow_vec().to_vec();
            let same = mirror.iter().zip(&objects).take_while(|(item, object)| stands_for(**item, &***object)).count();
            (*block.cast::<c::PyListObject>()).ob_base.ob_size = same as isize;
            fill(vm, block, &objects[same..]);
            for &item in &mirror[same..] {
                lifetime::xdecref(item);
            }
        }
        agree(block);
    }
}

/// Puts into the managed list what C changed.
unsafe fn publish(
    vm: &VirtualMachine,
    list: &Py<PyList>,
    mirror: &[Block],
    objects: &[PyObjectRef],
    agreed: &[*const PyObject],
) {
    let merged = mirror.iter().enumerate().map(|(index, &item)| match (objects.get(index), agreed.get(index)) {
        (Some(object), Some(&known)) if stands_for(item, known) => object.clone(),
        // SAFETY: a list's items are live.
        _ => unsafe { retrieve::retrieve(vm, item) }.unwrap_or_else(|_| vm.ctx.none()),
    });
    let merged = merged.collect();
    let old = std::mem::replace(&mut *list.borrow_vec_mut(), merged);
    crate::thread::leave(vm, || drop(old));
}

/// The managed list of a block that Python has too. One that only C holds becomes C's alone.
///
/// # Safety
/// `block` is a list's.
pub(crate) unsafe fn shared_twin(vm: &VirtualMachine, block: Block) -> Option<&'static Py<PyList>> {
    // SAFETY: by contract; the block's own reference is the last one, so nobody can take another.
    unsafe {
        let twin = table::twin_of(block)?;
        if let Some(header) = header(block)
            && twin.strong_count() == 1
            && (*block).ob_type == statics().list
            && header.flags & (flag::OWNS_TWIN | flag::BOUND | flag::PINNED) == flag::OWNS_TWIN
        {
            refresh(vm, block);
            shared().remove(&(block as usize));
            (*block.cast::<c::PyListObject>()).allocated = room(&*block.cast()) as isize;
            table::untie(twin);
            header.twin = std::ptr::null();
            header.flags &= !flag::OWNS_TWIN;
            lifetime::drop_twin(twin);
            return None;
        }
        Some(twin.downcast_unchecked_ref())
    }
}

/// Appends to both sides of a list. False if they were not the same in length: then only the managed list has the item.
///
/// # Safety
/// `block` is a list's with the twin `twin`, `item` an object that C lends and `object` its twin.
pub(crate) unsafe fn push_shared(block: Block, twin: &Py<PyList>, item: Block, object: PyObjectRef) -> bool {
    // SAFETY: by contract; `reserve` makes room.
    unsafe {
        let pointer: *const PyObject = object.as_object();
        let before = {
            let mut objects = twin.borrow_vec_mut();
            objects.push(object);
            objects.len() - 1
        };
        let Some(agreed) = shared().get_mut(&(block as usize)) else { return false };
        if items(block).len() != before || agreed.len() != before {
            return false;
        }
        agreed.push(pointer);
        let list = block.cast::<c::PyListObject>();
        if room(&*list) < 2 * (before + 1) {
            reserve(block, 2 * (before + 1) + before / 2 + 6);
        }
        table::incref(item);
        (*list).ob_item.add(before).write(item);
        (*list).ob_base.ob_size += 1;
        (*list).allocated = 2 * (*list).ob_base.ob_size;
        true
    }
}

/// The item at an index, if both sides have the same there.
///
/// # Safety
/// `block` is a list's.
pub(crate) unsafe fn item(block: Block, index: usize) -> Option<Block> {
    // SAFETY: by contract.
    unsafe {
        let item = items(block).get(index).copied().filter(|item| !item.is_null())?;
        let Some(twin) = table::twin_of(block) else { return Some(item) };
        let objects = twin.downcast_unchecked_ref::<PyList>().borrow_vec();
        let same = objects.len() == items(block).len() && stands_for(item, &*objects[index]);
        same.then_some(item)
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
        shared().remove(&(block as usize));
        if !start.is_null() {
            for index in 0..length {
                lifetime::xdecref(*start.add(index));
            }
            libc::free(start.cast());
        }
    }
}
