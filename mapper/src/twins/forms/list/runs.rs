//! The memory of a list's block: its items and, once Python has seen it, what is remembered of them (see
//! [`super`]). What is here changes the block alone.

use std::ops::Range;

use rustpython_vm::{AsObject, PyObject, PyObjectRef};
use smallvec::SmallVec;

use crate::abi::layout as c;
use crate::abi::statics::statics;
use crate::heap::block::{Block, flag, header, is_possible};
use crate::heap::spare;
use crate::lifetime::{dealloc, handle};

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

/// Whether Python has seen the list.
pub(super) unsafe fn is_shown(block: Block) -> bool {
    // SAFETY: the callers' list.
    unsafe { spare::is_list_shown(block) }
}

/// For how many items there is room.
pub(super) unsafe fn room(block: Block) -> usize {
    // SAFETY: the callers' list.
    unsafe { spare::list_room(block) }
}

/// What a mirror remembers of an item.
pub(super) struct Memory {
    /// The managed objects' addresses, 0 where the item's block does not keep the object at that address alive.
    pub objects: *mut usize,
    /// The items' blocks.
    pub blocks: *mut Block,
}

/// Where a shown list remembers: two runs behind its items.
pub(super) unsafe fn memory(block: Block) -> Memory {
    // SAFETY: the callers' list, which Python has seen: its memory has room for three runs.
    unsafe {
        let start = (*block.cast::<c::PyListObject>()).ob_item;
        let objects = start.add(room(block)).cast::<usize>();
        Memory { objects, blocks: objects.add(room(block)).cast() }
    }
}

/// Items as addresses: the compiler compares a run of integers at once, pointers one by one.
#[inline]
pub(super) fn addresses_of(items: &[Block]) -> &[usize] {
    // SAFETY: addresses are as large, and have no validity of their own.
    unsafe { std::slice::from_raw_parts(items.as_ptr().cast(), items.len()) }
}

/// What a shown list remembers of its items: the addresses of the managed objects and of the blocks (see [`Memory`]).
pub(super) unsafe fn remembered<'a>(block: Block) -> (&'a [usize], &'a [usize]) {
    // SAFETY: the callers' list, which they do not change while they use the slices.
    unsafe {
        let held = items(block).len();
        if held == 0 {
            return (&[], &[]);
        }
        let memory = memory(block);
        (std::slice::from_raw_parts(memory.objects, held), std::slice::from_raw_parts(memory.blocks.cast(), held))
    }
}

/// Makes room for `capacity` items. False if memory is out.
///
/// # Safety
/// `block` is a list's.
#[must_use]
pub unsafe fn reserve(block: Block, capacity: usize) -> bool {
    // SAFETY: by contract; `ob_item` comes from malloc.
    unsafe {
        let list = block.cast::<c::PyListObject>();
        if room(block) >= capacity && !(*list).ob_item.is_null() {
            return true;
        }
        if is_shown(block) {
            return make_runs(block, capacity);
        }
        let Some(bytes) = capacity.max(1).checked_mul(size_of::<Block>()) else { return false };
        let items = is_possible(bytes).then(|| libc::realloc((*list).ob_item.cast(), bytes).cast::<Block>());
        let Some(items) = items.filter(|items| !items.is_null()) else { return false };
        (*list).ob_item = items;
        spare::set_list_room(block, capacity);
        true
    }
}

/// Makes room for `length` items and more that may follow. False if memory is out.
#[must_use]
pub(super) unsafe fn grow(block: Block, length: usize) -> bool {
    // SAFETY: the callers' list.
    unsafe {
        let fits = length <= room(block) && !(*block.cast::<c::PyListObject>()).ob_item.is_null();
        fits || reserve(block, length + length / 8 + 6)
    }
}

/// Gives a list memory for `capacity` items and what is remembered of them. False if there is none.
pub(super) unsafe fn make_runs(block: Block, capacity: usize) -> bool {
    // SAFETY: the callers' list; the new memory has room for all that the old one has.
    unsafe {
        let list = block.cast::<c::PyListObject>();
        let capacity = capacity.max(1);
        let Some(bytes) = capacity.checked_mul(3 * size_of::<Block>()) else { return false };
        let new = if is_possible(bytes) { libc::malloc(bytes).cast::<Block>() } else { std::ptr::null_mut() };
        if new.is_null() {
            return false;
        }
        let (old, held) = ((*list).ob_item, (*list).ob_base.ob_size as usize);
        let remembered = (is_shown(block) && !old.is_null()).then(|| memory(block));
        if !old.is_null() {
            new.copy_from_nonoverlapping(old, held);
        }
        (*list).ob_item = new;
        spare::set_list_room(block, capacity);
        spare::set_list_shown(block);
        if let Some(remembered) = remembered {
            let memory = memory(block);
            memory.objects.copy_from_nonoverlapping(remembered.objects, held);
            memory.blocks.copy_from_nonoverlapping(remembered.blocks, held);
        }
        libc::free(old.cast());
        true
    }
}

impl Memory {
    /// Remembers an item that both sides have in a place.
    #[inline]
    unsafe fn agree_on(&self, index: usize, item: Block, object: &PyObject) {
        // SAFETY: the callers' runs, with room for the item.
        unsafe {
            let same = handle::twin_of(item).is_some_and(|twin| twin.is(object));
            self.objects.add(index).write(if same { std::ptr::from_ref(object) as usize } else { 0 });
            self.blocks.add(index).write(item);
        }
    }
}

/// Remembers an item that both sides have in a place.
pub(super) unsafe fn agree_on(block: Block, index: usize, item: Block, object: &PyObject) {
    // SAFETY: the callers' shown list with room for the item.
    unsafe { memory(block).agree_on(index, item, object) };
}

/// Fills a shown list that is empty with items, whose references it takes over, and their managed objects. There is room
/// for all. It has at any time what it was given so far.
pub(super) unsafe fn fill<'a>(block: Block, given: impl Iterator<Item = (Block, &'a PyObject)>) {
    // SAFETY: the callers' list, which nothing else changes meanwhile.
    unsafe {
        let list = block.cast::<c::PyListObject>();
        let (start, memory) = ((*list).ob_item, memory(block));
        for (index, (item, object)) in given.enumerate() {
            start.add(index).write(item);
            memory.agree_on(index, item, object);
            (*list).ob_base.ob_size = index as isize + 1;
        }
    }
}

/// Remembers an item that comes into a place, if the list remembers at all; one without an object is looked at anew.
unsafe fn note(block: Block, index: usize, item: Block, object: Option<&PyObject>) {
    // SAFETY: the callers' list with room for the item.
    unsafe {
        if !is_shown(block) {
            return;
        }
        forget(block, index, item);
        if let Some(object) = object {
            agree_on(block, index, item, object);
        }
    }
}

/// Remembers that another item is in a place, which is to be looked at anew.
pub(super) unsafe fn forget(block: Block, index: usize, item: Block) {
    // SAFETY: the callers' shown list with room for the item.
    unsafe {
        if let Some(header) = header(block) {
            header.unset(flag::PLAIN_ITEMS);
        }
        memory(block).objects.add(index).write(0);
        memory(block).blocks.add(index).write(item);
    }
}

/// Appends an item, whose reference the list takes over, to the block alone; the managed list, if there is one, gets
/// `object`. False if memory is out: then the reference stays the caller's.
///
/// # Safety
/// `block` is a list's.
#[must_use]
pub unsafe fn push(block: Block, item: Block, object: Option<&PyObject>) -> bool {
    // SAFETY: by contract; `reserve` makes room.
    unsafe {
        let list = block.cast::<c::PyListObject>();
        let length = (*list).ob_base.ob_size as usize;
        if !grow(block, length + 1) {
            return false;
        }
        (*list).ob_item.add(length).write(item);
        (*list).ob_base.ob_size += 1;
        note(block, length, item, object);
        true
    }
}

/// Replaces an item in the block alone, which takes over the new one's reference and gives back the old one's; the managed
/// list, if there is one, gets `object`.
///
/// # Safety
/// `block` is a list's of more than `index` items.
pub(super) unsafe fn replace(block: Block, index: usize, item: Block, object: Option<&PyObject>) -> Block {
    // SAFETY: by contract.
    unsafe {
        let slot = (*block.cast::<c::PyListObject>()).ob_item.add(index);
        let old = std::mem::replace(&mut *slot, item);
        note(block, index, item, object);
        old
    }
}

/// Replaces the items in `range` by `new`, whose references the list takes over; `objects` are the same for a list that
/// Python has seen. There is room for all. Returns the old ones with their references.
pub(super) unsafe fn splice(
    block: Block,
    range: Range<usize>,
    new: &[Block],
    objects: &[PyObjectRef],
) -> SmallVec<[Block; 4]> {
    // SAFETY: the callers' list, which has the range; there is room for what is moved.
    unsafe {
        let list = block.cast::<c::PyListObject>();
        let old = SmallVec::from_slice(&items(block)[range.clone()]);
        let (held, to) = ((*list).ob_base.ob_size as usize, range.start + new.len());
        let shift = |run: *mut usize| run.add(to).copy_from(run.add(range.end), held - range.end);
        shift((*list).ob_item.cast());
        if is_shown(block) {
            let memory = memory(block);
            shift(memory.objects);
            shift(memory.blocks.cast());
        }
        for (index, &item) in new.iter().enumerate() {
            (*list).ob_item.add(range.start + index).write(item);
            note(block, range.start + index, item, objects.get(index).map(|object| &**object));
        }
        (*list).ob_base.ob_size = (held - range.len() + new.len()) as isize;
        old
    }
}

/// Shows None for an item that the managed list has no more, until the list is looked at; gives its reference back.
///
/// # Safety
/// `block` is a list's that Python has seen.
pub(super) unsafe fn lose(block: Block, item: Block) {
    // SAFETY: by contract.
    unsafe {
        let Some(index) = items(block).iter().position(|it| *it == item) else { return };
        if let Some(header) = header(block) {
            header.unset(flag::IN_STEP);
        }
        let lost = replace(block, index, statics().none, None);
        dealloc::xdecref(lost);
    }
}

/// Drops the items and their memory.
///
/// # Safety
/// `block` is a list's.
pub unsafe fn clear(block: Block) {
    // SAFETY: by contract; the list is empty before any item's end runs code.
    unsafe {
        let list = block.cast::<c::PyListObject>();
        let (start, length) = ((*list).ob_item, (*list).ob_base.ob_size as usize);
        (*list).ob_item = std::ptr::null_mut();
        (*list).ob_base.ob_size = 0;
        spare::set_list_room(block, 0);
        if !start.is_null() {
            for index in 0..length {
                dealloc::xdecref(*start.add(index));
            }
            libc::free(start.cast());
        }
    }
}
