//! Lists. As long as Python has not seen a list, its block is the list: C fills `ob_item` as it likes. From then on the
//! managed list is the truth and `ob_item` a mirror that owns its items, brought up to date at each crossing. Macros let
//! C code write into a mirror, too, or go on filling a list that it has shown half-built: a stamp on the mirror tells,
//! and what was written is handed on when C next gives the list or returns to Python.

use rustpython_vm::builtins::{PyInt, PyList};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::heap::block::{Block, flag, header, is_possible};
use crate::heap::form::{Form, Half, Visit, given};
use crate::lifetime::due::remember_list;
use crate::lifetime::{dealloc, handle, managed};
use crate::twins::forms::payload::{bound, item as item_of};
use crate::twins::{retrieve, store};

/// Lists.
pub(super) static FORM: Form = Form {
    sizes: (size_of::<c::PyListObject>(), 0),
    subclass_flag: c::tpflags::LIST_SUBCLASS,
    fill: Some(mirror),
    refresh: Some(lend),
    touched: Some(touched),
    value: Some(value),
    wrap,
    wrapped: Some(show),
    written: Some(hand_on),
    free: Some(clear),
    each: Some(each),
    clear: Some(clear),
    ..Form::EMPTY
};

unsafe fn touched(vm: &VirtualMachine, block: Block, _: &PyObject) {
    // SAFETY: a list's block.
    unsafe { refresh(vm, block) };
}

unsafe fn value(vm: &VirtualMachine, block: Block) -> PyResult {
    // SAFETY: a list holds live objects or NULL.
    let items: Vec<_> = unsafe { items(block).iter().map(|&it| item_of(vm, it)).collect::<PyResult<_>>()? };
    given(vm.ctx.new_list(items))
}

unsafe fn wrap(_: &VirtualMachine, block: Block, half: Half) -> PyResult {
    Ok(bound(PyList::from(vec![]), block, half))
}

unsafe fn each(block: Block, visit: &mut Visit<'_>) {
    // SAFETY: a live list.
    unsafe { items(block) }.iter().copied().for_each(visit);
}

/// The bit of `allocated` that says that Python has seen the list; the others are the stamp. It is more than any list has
/// room for, which keeps code generators from appending and removing without the API.
const STAMPED: isize = 1 << 62;

/// What an item adds to its list's stamp.
fn mark(index: usize, item: Block) -> isize {
    let mixed = (item as usize).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 32)).wrapping_mul(2 * index + 1).cast_signed()
}

/// `allocated` of a mirror with these items.
fn stamp(items: &[Block]) -> isize {
    let sum = items.iter().enumerate().fold(0_isize, |sum, (index, &item)| sum.wrapping_add(mark(index, item)));
    sum & (STAMPED - 1) | STAMPED
}

/// Says that Python has seen a list, whose items are those of its twin.
///
/// # Safety
/// `block` is a list's.
unsafe fn seal(block: Block) {
    // SAFETY: by contract.
    unsafe {
        (*block.cast::<c::PyListObject>()).allocated = stamp(items(block));
        if let Some(header) = header(block) {
            header.set(flag::SHOWN_LIST);
        }
    }
}

/// Changes the stamp for an item that is replaced, added or removed: NULL is no item.
unsafe fn restamp(block: Block, index: usize, old: Block, new: Block) {
    // SAFETY: the callers' list, which has a stamp.
    unsafe {
        let stamp = &mut (*block.cast::<c::PyListObject>()).allocated;
        let sum = stamp.wrapping_sub(mark(index, old)).wrapping_add(mark(index, new));
        *stamp = sum & (STAMPED - 1) | STAMPED;
    }
}

/// Whether Python has seen the list.
unsafe fn is_stamped(block: Block) -> bool {
    // SAFETY: the callers' list.
    unsafe { (*block.cast::<c::PyListObject>()).allocated & STAMPED != 0 }
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

/// Makes room for `capacity` items. False if memory is out, and the list is as it was.
///
/// # Safety
/// `block` is a list's.
#[must_use = "there may be no room"]
pub unsafe fn reserve(block: Block, capacity: usize) -> bool {
    // SAFETY: by contract; `ob_item` comes from malloc.
    unsafe {
        let list = &mut *block.cast::<c::PyListObject>();
        if room(list) >= capacity && !list.ob_item.is_null() {
            return true;
        }
        let bytes = capacity.max(1).checked_mul(size_of::<Block>()).filter(|bytes| is_possible(*bytes));
        let Some(bytes) = bytes else { return false };
        let items = libc::realloc(list.ob_item.cast(), bytes).cast::<Block>();
        if items.is_null() {
            return false;
        }
        list.ob_item = items;
        if list.allocated & STAMPED == 0 {
            list.allocated = capacity as isize;
        }
        true
    }
}

/// For how many items there is room.
unsafe fn room(list: &c::PyListObject) -> usize {
    if list.allocated & STAMPED == 0 {
        return list.allocated as usize;
    }
    // SAFETY: `ob_item` is NULL or comes from malloc.
    unsafe { libc::malloc_usable_size(list.ob_item.cast()) / size_of::<Block>() }
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
        if length == room(&*list) {
            assert!(reserve(block, length + length / 8 + 6), "memory for one item more");
        }
        (*list).ob_item.add(length).write(item);
        (*list).ob_base.ob_size += 1;
        if is_stamped(block) {
            restamp(block, length, std::ptr::null_mut(), item);
        }
    }
}

/// Replaces an item in the block alone, which takes over the new one's reference and gives back the old one's.
///
/// # Safety
/// `block` is a list's of more than `index` items.
pub unsafe fn replace(block: Block, index: usize, item: Block) -> Block {
    // SAFETY: by contract.
    unsafe {
        let slot = (*block.cast::<c::PyListObject>()).ob_item.add(index);
        let old = std::mem::replace(&mut *slot, item);
        if is_stamped(block) {
            restamp(block, index, old, item);
        }
        old
    }
}

/// Makes a fresh block the mirror of a managed list that C code gets.
///
/// # Safety
/// `block` is a list's, without items; `twin` is its twin.
unsafe fn mirror(vm: &VirtualMachine, block: Block, twin: &PyObject) {
    // SAFETY: the kind says what the payload is.
    let objects = unsafe { twin.downcast_unchecked_ref::<PyList>() }.borrow_vec().to_vec();
    // SAFETY: by contract.
    unsafe {
        fill(vm, block, &objects);
        seal(block);
    }
    remember_list(twin);
}

/// Fills a fresh block with the given objects.
///
/// # Safety
/// `block` is a list's, without items.
unsafe fn fill(vm: &VirtualMachine, block: Block, objects: &[PyObjectRef]) {
    // SAFETY: by contract; `reserve` makes room.
    unsafe {
        assert!(reserve(block, objects.len()), "memory for a list of what is in memory already");
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

/// Gives a fresh managed list the items that C code has put into its block so far: not before the two are tied, for an
/// item may lead back here.
///
/// # Errors
/// What retrieving an item raises.
///
/// # Safety
/// `block` is a list's, `twin` its twin.
unsafe fn show(vm: &VirtualMachine, block: Block, twin: &PyObject) -> PyResult<()> {
    // SAFETY: by contract; a list holds live objects or NULL.
    unsafe {
        let mut half_built = false;
        let mut objects = Vec::with_capacity(items(block).len());
        for &item in items(block) {
            half_built |= item.is_null();
            // Python sees None where nothing is yet.
            objects.push(if item.is_null() { vm.ctx.none() } else { retrieve::retrieve(vm, item)? });
        }
        *twin.downcast_unchecked_ref::<PyList>().borrow_vec_mut() = objects;
        seal(block);
        if half_built {
            remember_list(twin);
        }
        Ok(())
    }
}

/// Whether a block and its twin have the same item in a place.
pub(crate) fn agree(item: Block, object: &PyObject) -> bool {
    // Equal ints are as good as the same: small ones have one block for all.
    let same_int = |twin: &PyObject| {
        let of_one_class = twin.class().is(object.class());
        let ints = twin.downcast_ref::<PyInt>().zip(object.downcast_ref::<PyInt>());
        of_one_class && ints.is_some_and(|(twin, object)| twin.as_bigint() == object.as_bigint())
    };
    item.is_null() || handle::twin_of(item).is_some_and(|twin| twin.is(object) || same_int(twin))
}

/// The managed list of a block, if Python has seen it.
#[inline]
pub fn twin(block: Block) -> Option<&'static Py<PyList>> {
    handle::twin_of(block).and_then(|twin| twin.downcast_ref())
}

/// The length of a list. Unlike [`refresh`] it looks at no item.
///
/// # Safety
/// `block` is a list's.
pub unsafe fn len(vm: &VirtualMachine, block: Block) -> usize {
    // SAFETY: by contract.
    unsafe {
        if twin(block).is_some_and(|twin| twin.borrow_vec().len() != items(block).len()) {
            refresh(vm, block);
        }
        items(block).len()
    }
}

/// An item of a list, borrowed. Unlike [`refresh`] it looks at no other, if both sides have it.
///
/// # Safety
/// `block` is a list's.
pub unsafe fn get(vm: &VirtualMachine, block: Block, index: usize) -> Option<Block> {
    // SAFETY: by contract.
    unsafe {
        item(block, index).or_else(|| {
            refresh(vm, block);
            items(block).get(index).copied()
        })
    }
}

/// The item at an index, borrowed, if both sides have the same there.
///
/// # Safety
/// `block` is a list's.
pub(crate) unsafe fn item(block: Block, index: usize) -> Option<Block> {
    // SAFETY: by contract.
    let mirror = unsafe { items(block) };
    let item = mirror.get(index).copied().filter(|item| !item.is_null())?;
    let same = twin(block).is_none_or(|twin| {
        let objects = twin.borrow_vec();
        objects.len() == mirror.len() && agree(item, &objects[index])
    });
    same.then_some(item)
}

/// Brings mirror and managed list together, if the block has a twin: first what C code has written, then the rest.
///
/// # Safety
/// `block` is a list's.
pub unsafe fn refresh(vm: &VirtualMachine, block: Block) {
    // SAFETY: by contract; items are live blocks.
    unsafe {
        let Some(twin) = twin(block) else { return };
        hand_on(vm, block);
        let objects = twin.borrow_vec();
        let mirror = items(block);
        let same = mirror.len() == objects.len()
            && mirror.iter().zip(objects.iter()).all(|(&item, object)| agree(item, object));
        if same {
            return;
        }
        let objects = objects.to_vec(); // the lock on the managed list must not be held while blocks are made
        let old = mirror.to_vec();
        (*block.cast::<c::PyListObject>()).ob_base.ob_size = 0;
        fill(vm, block, &objects);
        seal(block);
        for item in old {
            dealloc::xdecref(item);
        }
    }
}

/// [`refresh`], for a list that C code gets: it may write into it until it returns.
///
/// # Safety
/// `block` is a list's, `twin` its twin.
unsafe fn lend(vm: &VirtualMachine, block: Block, twin: &PyObject) {
    // SAFETY: by contract.
    unsafe { refresh(vm, block) };
    remember_list(twin);
}

/// Hands on to the managed list what C code has written into its mirror.
///
/// # Safety
/// `block` is a list's.
pub(crate) unsafe fn hand_on(vm: &VirtualMachine, block: Block) {
    // SAFETY: by contract.
    unsafe {
        if is_stamped(block) && stamp(items(block)) != (*block.cast::<c::PyListObject>()).allocated {
            hand_on_changes(vm, block);
        }
    }
}

#[cold]
unsafe fn hand_on_changes(vm: &VirtualMachine, block: Block) {
    let Some(twin) = twin(block) else { return };
    let objects = twin.borrow_vec().to_vec();
    // SAFETY: the caller's list; its items are live objects or NULL.
    let written: Vec<(usize, PyObjectRef)> = unsafe {
        let changed =
            items(block).iter().zip(&objects).enumerate().filter(|(_, (item, object))| !agree(**item, object));
        // What cannot be retrieved is being deallocated: the managed list keeps what it has.
        changed.filter_map(|(index, (&item, _))| Some((index, retrieve::retrieve(vm, item).ok()?))).collect()
    };
    let mut old = Vec::new();
    {
        let mut objects = twin.borrow_vec_mut();
        for (index, object) in written {
            if let Some(slot) = objects.get_mut(index) {
                old.push(std::mem::replace(slot, object));
            }
        }
    }
    // SAFETY: the caller's list.
    unsafe { seal(block) };
    old.into_iter().for_each(managed::drop_managed);
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
                dealloc::xdecref(*start.add(index));
            }
            libc::free(start.cast());
        }
    }
}
