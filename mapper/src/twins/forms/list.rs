//! Lists. As long as Python has not seen a list, its block is the list: C fills `ob_item` as it likes. From then on both
//! sides hold it: the managed list is the truth and `ob_item` a mirror that owns its items. Behind the items the mirror
//! remembers what they were when both last agreed: the managed objects, to see what Python changed, and the blocks, to see
//! what C code wrote by macros. Both are runs of pointers, compared and not built again; what differs is carried over.
//!
//! A mirror is compared at each crossing of the list, and while C code goes on with a list that it was given: when managed
//! code has run in between, and when C returns. In between it is in step ([`flag::IN_STEP`]), and C reads it without asking.

use std::sync::atomic::{AtomicUsize, Ordering};

use rustpython_vm::builtins::{PyInt, PyList};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::heap::block::{Block, flag, header, header_of, is_possible};
use crate::heap::form::{Form, Half, Reusable, Visit, given};
use crate::heap::spare;
use crate::lifetime::due::remember_list;
use crate::lifetime::{dealloc, handle, managed};
use crate::twins::forms::payload::{bound, item as item_of};
use crate::twins::forms::{PLAIN_ITEM, addresses, is_plain_item};
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
    caught_up: Some(caught_up),
    written: Some(hand_on),
    reusable: Some(reusable),
    free: Some(free),
    each: Some(each),
    clear: Some(clear),
    ..Form::EMPTY
};

unsafe fn touched(vm: &VirtualMachine, block: Block, _: &PyObject) {
    // SAFETY: a list's block.
    unsafe { refresh(vm, block) };
}

/// A list longer than this is not compared as a whole at each callback, for C code may call back for each item.
const LONG: usize = 1 << 14;

/// Brings the mirror up to date after a callback. Of a long list of the same length only some places are compared, others
/// each time: C code reads the API's way what is right, but macros may see an item that a callback has replaced.
unsafe fn caught_up(vm: &VirtualMachine, block: Block, object: &PyObject) -> bool {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    // SAFETY: a list's block and its twin.
    unsafe {
        let changed = {
            let objects = object.downcast_unchecked_ref::<PyList>().borrow_vec();
            if objects.len() <= LONG || objects.len() != items(block).len() {
                true
            } else {
                let start = NEXT.fetch_add(LONG, Ordering::Relaxed) % (objects.len() - LONG);
                let remembered = std::slice::from_raw_parts(memory(block).objects.add(start), LONG);
                remembered != &addresses(&objects)[start..start + LONG]
            }
        };
        if changed {
            refresh(vm, block);
        }
        changed
    }
}

unsafe fn value(vm: &VirtualMachine, block: Block, sole: bool) -> PyResult {
    let read = if sole { retrieve::last_item } else { item_of };
    // SAFETY: a list holds live objects or NULL.
    let items: Vec<_> = unsafe { items(block).iter().map(|&it| read(vm, it)).collect::<PyResult<_>>()? };
    given(vm.ctx.new_list(items))
}

unsafe fn wrap(_: &VirtualMachine, block: Block, half: Half) -> PyResult {
    Ok(bound(PyList::from(vec![]), block, half))
}

unsafe fn each(block: Block, visit: &mut Visit<'_>) {
    // SAFETY: a live list.
    unsafe { items(block) }.iter().copied().for_each(visit);
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

/// Whether Python has seen the list.
unsafe fn is_shown(block: Block) -> bool {
    // SAFETY: the callers' list.
    unsafe { spare::is_list_shown(block) }
}

/// For how many items there is room.
unsafe fn room(block: Block) -> usize {
    // SAFETY: the callers' list.
    unsafe { spare::list_room(block) }
}

/// What a mirror remembers of an item.
struct Memory {
    /// The managed objects' addresses, 0 where the item's block does not keep the object at that address alive.
    objects: *mut usize,
    /// The items' blocks.
    blocks: *mut Block,
}

/// Where a shown list remembers: two runs behind its items.
unsafe fn memory(block: Block) -> Memory {
    // SAFETY: the callers' list, which Python has seen: its memory has room for three runs.
    unsafe {
        let start = (*block.cast::<c::PyListObject>()).ob_item;
        let objects = start.add(room(block)).cast::<usize>();
        Memory { objects, blocks: objects.add(room(block)).cast() }
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

/// Gives a list memory for `capacity` items and what is remembered of them. False if there is none.
unsafe fn make_runs(block: Block, capacity: usize) -> bool {
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

/// Remembers an item that both sides have in a place.
unsafe fn agree_on(block: Block, index: usize, item: Block, object: &PyObject) {
    // SAFETY: the callers' shown list with room for the item.
    unsafe {
        let memory = memory(block);
        let same = handle::twin_of(item).is_some_and(|twin| twin.is(object));
        memory.objects.add(index).write(if same { std::ptr::from_ref(object) as usize } else { 0 });
        memory.blocks.add(index).write(item);
    }
}

/// Remembers an item that comes into a place, if the list remembers at all; one without an object is looked at anew.
unsafe fn note(block: Block, index: usize, item: Block, object: Option<&PyObject>) {
    // SAFETY: the callers' list with room for the item.
    unsafe {
        if !is_shown(block) {
            return;
        }
        match object {
            Some(object) => agree_on(block, index, item, object),
            None => {
                memory(block).objects.add(index).write(0);
                memory(block).blocks.add(index).write(item);
            }
        }
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
        if (length == room(block) || (*list).ob_item.is_null()) && !reserve(block, length + length / 8 + 6) {
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
pub unsafe fn replace(block: Block, index: usize, item: Block, object: Option<&PyObject>) -> Block {
    // SAFETY: by contract.
    unsafe {
        let slot = (*block.cast::<c::PyListObject>()).ob_item.add(index);
        let old = std::mem::replace(&mut *slot, item);
        note(block, index, item, object);
        old
    }
}

/// Makes a fresh block the mirror of a managed list that C code gets.
unsafe fn mirror(vm: &VirtualMachine, block: Block, twin: &PyObject) {
    // SAFETY: the kind says what the payload is; a fresh block has nothing.
    unsafe {
        let objects = twin.downcast_unchecked_ref::<PyList>().borrow_vec().to_vec();
        assert!(make_runs(block, objects.len()), "memory for the mirror of a list that is in memory already");
        header_of(block).set(flag::SHOWN_LIST);
        update(vm, block, &objects);
    }
    remember_list(block, twin);
}

/// Gives a fresh managed list the items that C code has put into its block so far: not before the two are tied, for an
/// item may lead back here.
unsafe fn show(vm: &VirtualMachine, block: Block, twin: &PyObject) -> PyResult<()> {
    // SAFETY: by contract; a list holds live objects or NULL, which Python sees as None where nothing is yet.
    unsafe {
        let objects: Vec<_> = items(block).iter().map(|&it| item_of(vm, it)).collect::<PyResult<_>>()?;
        if !make_runs(block, objects.len()) {
            return Err(vm.new_memory_error(""));
        }
        for (index, object) in objects.iter().enumerate() {
            agree_on(block, index, items(block)[index], object);
        }
        *twin.downcast_unchecked_ref::<PyList>().borrow_vec_mut() = objects;
        if let Some(header) = header(block) {
            header.set(flag::SHOWN_LIST);
        }
    }
    remember_list(block, twin);
    Ok(())
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

/// Whether C may read the mirror without asking the managed list.
#[inline]
pub(crate) fn is_in_step(block: Block) -> bool {
    // A list without a twin is C's own.
    header(block).is_some_and(|header| header.has(flag::IN_STEP) || header.twin().is_null())
}

/// The length of a list.
///
/// # Safety
/// `block` is a list's.
pub unsafe fn len(vm: &VirtualMachine, block: Block) -> usize {
    // SAFETY: by contract.
    unsafe {
        if !is_in_step(block) && twin(block).is_some_and(|twin| twin.borrow_vec().len() != items(block).len()) {
            refresh(vm, block);
        }
        items(block).len()
    }
}

/// An item of a list, borrowed; None for an index behind the last.
///
/// # Safety
/// `block` is a list's.
pub unsafe fn get(vm: &VirtualMachine, block: Block, index: usize) -> Option<Block> {
    // SAFETY: by contract.
    unsafe {
        item(block, index).or_else(|| item_checked(block, index)).or_else(|| {
            refresh(vm, block);
            items(block).get(index).copied()
        })
    }
}

/// The item at an index, borrowed, if the managed list has the same there: looks at no other.
unsafe fn item_checked(block: Block, index: usize) -> Option<Block> {
    // SAFETY: the callers' list.
    let mirror = unsafe { items(block) };
    let item = mirror.get(index).copied().filter(|item| !item.is_null())?;
    let objects = twin(block)?.borrow_vec();
    (objects.len() == mirror.len() && agree(item, &objects[index])).then_some(item)
}

/// The item at an index, borrowed, if the mirror is known to have the right one.
///
/// # Safety
/// `block` is a list's.
#[inline]
pub(crate) unsafe fn item(block: Block, index: usize) -> Option<Block> {
    // SAFETY: by contract.
    let item = unsafe { items(block) }.get(index).copied()?;
    (is_in_step(block) && !item.is_null()).then_some(item)
}

/// Whether the managed list still has what the mirror shows.
unsafe fn is_unchanged(block: Block, objects: &[PyObjectRef]) -> bool {
    // SAFETY: the callers' shown list.
    unsafe {
        let mirror = items(block);
        if mirror.len() != objects.len() {
            return false;
        }
        let (remembered, now) = (memory(block).objects, addresses(objects));
        if std::slice::from_raw_parts(remembered, mirror.len()) == now {
            return true;
        }
        for (index, object) in objects.iter().enumerate() {
            let then = remembered.add(index).read();
            if then != now[index] {
                if then != 0 || !agree(mirror[index], object) {
                    return false;
                }
                agree_on(block, index, mirror[index], object);
            }
        }
        true
    }
}

/// Brings mirror and managed list together, if the block has a twin: first what C code has written, then the rest.
///
/// # Safety
/// `block` is a list's.
pub unsafe fn refresh(vm: &VirtualMachine, block: Block) {
    // SAFETY: by contract; items are live blocks.
    unsafe {
        let (Some(twin), Some(header)) = (twin(block), header(block)) else { return };
        if header.has(flag::CHANGING) {
            return; // an item leads back here
        }
        hand_on(vm, block);
        let changed = {
            let objects = twin.borrow_vec();
            (!is_unchanged(block, &objects)).then(|| objects.to_vec())
        };
        if let Some(objects) = changed {
            update(vm, block, &objects);
            // What the mirror held alive was the managed list's, too, or is dropped without the lock.
            objects.into_iter().for_each(managed::drop_managed);
        }
    }
}

/// Makes a shown list's mirror show these objects: items that it has already stay.
unsafe fn update(vm: &VirtualMachine, block: Block, objects: &[PyObjectRef]) {
    // SAFETY: the callers' list; nothing else changes the mirror meanwhile (see `CHANGING`).
    unsafe {
        let header = header_of(block);
        header.set(flag::CHANGING);
        let list = block.cast::<c::PyListObject>();
        let held = (*list).ob_base.ob_size as usize;
        let mut old = Vec::new();
        assert!(reserve(block, objects.len()), "memory for the mirror of a list that is in memory already");
        // Whole before an item is stored, for an item may lead back here: a NULL is an item that is on its way.
        if objects.len() > held {
            (*list).ob_item.add(held).write_bytes(0, objects.len() - held);
        } else {
            old.extend_from_slice(&items(block)[objects.len()..]);
        }
        (*list).ob_base.ob_size = objects.len() as isize;
        for (index, object) in objects.iter().enumerate() {
            let place = (*list).ob_item.add(index);
            let item = place.read();
            let remembered =
                index < held && memory(block).objects.add(index).read() == std::ptr::from_ref(&**object) as usize;
            if remembered || (!item.is_null() && agree(item, object)) {
                continue;
            }
            let new = store::store(vm, object);
            // Storing may have moved the memory.
            let replaced = std::mem::replace(&mut *(*list).ob_item.add(index), new);
            agree_on(block, index, new, object);
            if !replaced.is_null() {
                old.push(replaced);
            }
        }
        for index in 0..objects.len() {
            memory(block).blocks.add(index).write((*list).ob_item.add(index).read());
        }
        header.unset(flag::CHANGING);
        for item in old {
            dealloc::xdecref(item);
        }
    }
}

/// [`refresh`], for a list that C code gets: it may write into it until it returns.
unsafe fn lend(vm: &VirtualMachine, block: Block, twin: &PyObject) {
    // SAFETY: by contract.
    unsafe { refresh(vm, block) };
    remember_list(block, twin);
}

/// Hands on to the managed list what C code has written into its mirror.
unsafe fn hand_on(vm: &VirtualMachine, block: Block) {
    // SAFETY: by contract.
    unsafe {
        let changing = header(block).is_some_and(|header| header.has(flag::CHANGING));
        if is_shown(block) && !changing && !items(block).is_empty() {
            let mirror = items(block);
            if mirror != std::slice::from_raw_parts(memory(block).blocks, mirror.len()) {
                hand_on_changes(vm, block);
            }
        }
    }
}

#[cold]
unsafe fn hand_on_changes(vm: &VirtualMachine, block: Block) {
    let Some(twin) = twin(block) else { return };
    // SAFETY: the caller's list; its items are live objects or NULL.
    unsafe {
        let length = items(block).len();
        let changed: Vec<usize> =
            (0..length).filter(|&index| memory(block).blocks.add(index).read() != items(block)[index]).collect();
        for index in changed {
            let item = items(block)[index];
            memory(block).blocks.add(index).write(item);
            memory(block).objects.add(index).write(0);
            // What cannot be retrieved is being deallocated: the managed list keeps what it has.
            let Some(object) = (!item.is_null()).then(|| retrieve::retrieve(vm, item).ok()).flatten() else { continue };
            agree_on(block, index, item, &object);
            let old = twin.borrow_vec_mut().get_mut(index).map(|slot| std::mem::replace(slot, object));
            old.into_iter().for_each(managed::drop_managed);
        }
    }
}

/// How many bytes a list holds that may be kept for the next time: all its items are values that hold nothing. What it shows
/// is known by the addresses that it remembers.
unsafe fn reusable(block: Block, object: &PyObject) -> Option<Reusable> {
    // SAFETY: the callers' list, which C gave up.
    unsafe {
        let mirror = items(block);
        if !is_shown(block) || mirror.is_empty() {
            return None;
        }
        let run = std::slice::from_raw_parts(memory(block).objects, mirror.len());
        let known = run.iter().all(|address| *address != 0) && mirror.iter().all(|&item| is_plain_item(item));
        let current = object.downcast_unchecked_ref::<PyList>().borrow_vec();
        (known && addresses(&current) == run)
            .then(|| Reusable { run: run.into(), bytes: mirror.len() * (3 * size_of::<Block>() + PLAIN_ITEM) })
    }
}

/// Drops the items and their memory.
unsafe fn free(block: Block) {
    // SAFETY: a dying list's block.
    unsafe { clear(block) };
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
