//! Lists. As long as Python has not seen a list, its block is the list: C fills `ob_item` as it likes. From then on both
//! sides hold it: the managed list is the truth and `ob_item` a mirror that owns its items. Behind the items the mirror
//! remembers what they were when both last agreed: the managed objects, to see what Python changed, and the blocks, to see
//! what C code wrote by macros. Both are runs of pointers, compared and not built again; what differs is carried over.
//!
//! A mirror is compared at each crossing of the list, and while C code goes on with a list that it was given: when managed
//! code has run in between, and when C returns. In between it is in step ([`flag::IN_STEP`]), and C reads it without asking.

use std::ops::Range;

use rustpython_vm::builtins::{PyInt, PyList};
use rustpython_vm::vm::thread::try_with_current_vm;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};
use smallvec::SmallVec;

use crate::abi::layout as c;
use crate::heap::block::{Block, flag, header, header_of};
use crate::heap::form::{Form, Half, Look, Reusable, Visit, given};
use crate::lifetime::due::remember_list;
use crate::lifetime::{dealloc, handle, kept, managed};
use crate::twins::absent::store_item;
use crate::twins::forms::payload::{bound, item as item_of};
use crate::twins::forms::{PLAIN_ITEM, addresses, is_plain_item};
use crate::twins::reference::{Borrowed, Stolen};
use crate::twins::retrieve;

mod runs;

use runs::{addresses_of, agree_on, grow, is_shown, make_runs, memory, remembered};
pub use runs::{clear, items, push, reserve};

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
    lose: Some(runs::lose),
    free: Some(free),
    each: Some(each),
    clear: Some(clear),
    ..Form::EMPTY
};

unsafe fn touched(vm: &VirtualMachine, block: Block, _: &PyObject) {
    // SAFETY: a list's block.
    unsafe { refresh(vm, block) };
}

/// How many places of a list are compared at a callback: all of a list that has no more. C code may call back for each item.
const PART: usize = 1 << 10;

/// The places of a list that are compared.
fn places(look: Look, length: usize) -> Range<usize> {
    match look {
        Look::Part(turn) if length > PART => {
            let start = turn % length.div_ceil(PART) * PART;
            start..length.min(start + PART)
        }
        _ => 0..length,
    }
}

/// Brings the mirror up to date after a callback. Of a long list of the same length only some places are compared, others
/// each time: C code reads the API's way what is right, but macros may see an item that a callback has replaced.
unsafe fn caught_up(vm: &VirtualMachine, block: Block, object: &PyObject, look: Look) -> bool {
    // SAFETY: a list's block and its twin.
    unsafe {
        let length = items(block).len();
        let places = places(look, length);
        let unchanged = {
            let objects = object.downcast_unchecked_ref::<PyList>().borrow_vec();
            objects.len() == length && remembered(block).0[places.clone()] == addresses(&objects)[places.clone()]
        };
        if !unchanged {
            refresh(vm, block);
        }
        !unchanged || places.len() == length
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

/// Makes a fresh block the mirror of a managed list that C code gets.
unsafe fn mirror(vm: &VirtualMachine, block: Block, twin: &PyObject) {
    // SAFETY: the kind says what the payload is; a fresh block has nothing.
    unsafe {
        let objects = twin.downcast_unchecked_ref::<PyList>().borrow_vec();
        assert!(make_runs(block, objects.len()), "memory for the mirror of a list that is in memory already");
        let header = header_of(block);
        header.set(flag::SHOWN_LIST | flag::CHANGING);
        // Storing an item asks no list for its items but those that get their blocks now, and they are others.
        runs::fill(block, objects.iter().map(|object| (store_item(vm, object), &**object)));
        header.unset(flag::CHANGING);
    }
    remember_list(block, twin);
}

/// Gives a fresh managed list the items that C code has put into its block so far: not before the two are tied, for an
/// item may lead back here.
unsafe fn show(vm: &VirtualMachine, block: Block, twin: &PyObject) -> PyResult<()> {
    // SAFETY: by contract; a list holds live objects or NULL.
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

/// Whether the mirror is as long as the managed list.
///
/// # Safety
/// `block` is a list's.
pub(crate) unsafe fn has_its_length(block: Block) -> bool {
    // SAFETY: by contract.
    is_in_step(block) || twin(block).is_none_or(|twin| twin.borrow_vec().len() == unsafe { items(block) }.len())
}

/// The length of a list.
///
/// # Safety
/// `block` is a list's.
pub unsafe fn len(vm: &VirtualMachine, block: Block) -> usize {
    // SAFETY: by contract.
    unsafe {
        if !has_its_length(block) {
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

/// Where mirror and managed list differ, if they do: the mirror's places, and the objects that belong there.
unsafe fn difference(block: Block, objects: &[PyObjectRef]) -> Option<(Range<usize>, SmallVec<[PyObjectRef; 4]>)> {
    // SAFETY: the callers' shown list.
    unsafe {
        let (mirror, now, then) = (items(block), addresses(objects), memory(block).objects);
        let (held, length) = (mirror.len(), now.len());
        if remembered(block).0 == now {
            return None;
        }
        let is_same = |index: usize| {
            if then.add(index).read() == now[index] {
                return true;
            }
            let agreed = then.add(index).read() == 0 && agree(mirror[index], &objects[index]);
            if agreed {
                agree_on(block, index, mirror[index], &objects[index]);
            }
            agreed
        };
        let common = held.min(length);
        let start = (0..common).find(|&index| !is_same(index)).unwrap_or(common);
        let most = common - start;
        let end = (0..most).find(|back| then.add(held - 1 - back).read() != now[length - 1 - back]).unwrap_or(most);
        let differs = start < held - end || start < length - end;
        differs.then(|| (start..held - end, objects[start..length - end].iter().cloned().collect()))
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
        hand_on(block, Look::Whole);
        let differs = difference(block, &twin.borrow_vec());
        if let Some((range, objects)) = differs {
            update(vm, block, range, &objects);
            // What the mirror held alive was the managed list's, too, or is dropped without the lock.
            objects.into_iter().for_each(managed::drop_managed);
        }
    }
}

/// Makes a shown list's mirror show these objects in the places of `range`: items that it has already stay.
unsafe fn update(vm: &VirtualMachine, block: Block, range: Range<usize>, objects: &[PyObjectRef]) {
    // SAFETY: the callers' list; nothing else changes the mirror meanwhile (see `CHANGING`).
    unsafe {
        let header = header_of(block);
        header.set(flag::CHANGING);
        let held = &items(block)[range.clone()];
        let block_of = |(index, object): (usize, &PyObjectRef)| match held.get(index) {
            Some(&item) if !item.is_null() && agree(item, object) => {
                handle::incref(item);
                item
            }
            _ => store_item(vm, object),
        };
        let new: SmallVec<[Block; 8]> = objects.iter().enumerate().map(block_of).collect();
        let length = items(block).len() - range.len() + new.len();
        assert!(grow(block, length), "memory for the mirror of a list that is in memory already");
        let old = runs::splice(block, range, &new, objects);
        header.unset(flag::CHANGING);
        for item in old {
            dealloc::xdecref(item);
        }
    }
}

/// Puts an item into a place on both sides. What ends may run code: nothing of the list is looked at afterwards.
///
/// # Errors
/// The item is NULL or ending, and Python has seen the list; nothing is changed then.
///
/// # Safety
/// `block` is a list's of more than `index` items ([`len`] was asked).
pub unsafe fn set(vm: &VirtualMachine, block: Block, index: usize, item: Stolen) -> PyResult<()> {
    // SAFETY: by contract.
    unsafe {
        let Some(twin) = twin(block) else {
            dealloc::xdecref(runs::replace(block, index, item.into_block(), None));
            return Ok(());
        };
        let object = Borrowed(item.block()).get(vm)?;
        let replaced = runs::replace(block, index, item.into_block(), Some(&object));
        let old = twin.borrow_vec_mut().get_mut(index).map(|place| std::mem::replace(place, object));
        dealloc::xdecref(replaced);
        old.into_iter().for_each(managed::drop_managed);
        Ok(())
    }
}

/// Appends an item on both sides.
///
/// # Errors
/// Memory is out, or the item is ending; nothing is changed then.
///
/// # Safety
/// `block` is a list's, `item` an object.
pub unsafe fn append(vm: &VirtualMachine, block: Block, item: Borrowed) -> PyResult<()> {
    // SAFETY: by contract; the list takes over the new reference.
    unsafe {
        let twin = twin(block);
        let object = twin.map(|_| item.get(vm)).transpose()?;
        let held = items(block).len();
        if !grow(block, held + 1) {
            return Err(vm.no_memory_error());
        }
        if let (Some(twin), Some(object)) = (twin, &object) {
            let mut objects = twin.borrow_vec_mut();
            objects.push(object.clone());
            if objects.len() != held + 1 {
                drop(objects);
                refresh(vm, block);
                return Ok(());
            }
        }
        let pushed = push(block, item.again().0, object.as_deref());
        debug_assert!(pushed, "there is room");
        object.into_iter().for_each(managed::drop_managed);
        Ok(())
    }
}

/// Replaces the items in `range` on both sides by `new`, whose references the list takes over. What ends may run code:
/// nothing of the list is looked at afterwards.
///
/// # Errors
/// Memory is out, or an item is ending; nothing is changed then, and the references are given back.
///
/// # Safety
/// `block` is a list's that has the range ([`len`] was asked); `new` are live objects.
pub unsafe fn splice(vm: &VirtualMachine, block: Block, range: Range<usize>, new: &[Block]) -> PyResult<()> {
    // SAFETY: by contract.
    unsafe {
        let give_back = || new.iter().for_each(|&item| dealloc::decref(item));
        let retrieved = || new.iter().map(|&item| retrieve::retrieve(vm, item)).collect::<PyResult<Vec<_>>>();
        let twin = twin(block);
        let objects = twin.map(|_| retrieved()).transpose().inspect_err(|_| give_back())?.unwrap_or_default();
        let held = items(block).len();
        if !grow(block, held - range.len() + new.len()) {
            give_back();
            return Err(vm.no_memory_error());
        }
        let mut agreed = true;
        let mut dropped = vec![];
        if let Some(twin) = twin {
            let mut managed = twin.borrow_vec_mut();
            let length = managed.len();
            agreed = length == held;
            let range = range.start.min(length)..range.end.min(length);
            dropped.extend(managed.splice(range, objects.iter().cloned()));
        }
        if agreed {
            for item in runs::splice(block, range, new, &objects) {
                dealloc::xdecref(item);
            }
        } else {
            refresh(vm, block);
            give_back();
        }
        objects.into_iter().chain(dropped).for_each(managed::drop_managed);
        Ok(())
    }
}

/// [`refresh`], for a list that C code gets: it may write into it until it returns.
unsafe fn lend(vm: &VirtualMachine, block: Block, twin: &PyObject) {
    // SAFETY: by contract.
    unsafe { refresh(vm, block) };
    remember_list(block, twin);
}

/// Hands on to the managed list what C code has written into its mirror.
unsafe fn hand_on(block: Block, look: Look) {
    // SAFETY: by contract.
    unsafe {
        let changing = header(block).is_some_and(|header| header.has(flag::CHANGING));
        if is_shown(block) && !changing {
            let mirror = addresses_of(items(block));
            let places = places(look, mirror.len());
            if mirror[places.clone()] != remembered(block).1[places.clone()] {
                try_with_current_vm(|vm| hand_on_changes(vm, block, places.clone()));
            }
        }
    }
}

#[cold]
unsafe fn hand_on_changes(vm: &VirtualMachine, block: Block, places: Range<usize>) {
    let Some(twin) = twin(block) else { return };
    // SAFETY: the caller's list; its items are live objects or NULL.
    unsafe {
        let changed: Vec<usize> =
            places.filter(|&index| memory(block).blocks.add(index).read() != items(block)[index]).collect();
        let mut dropped = vec![];
        for index in changed {
            let item = items(block)[index];
            runs::forget(block, index, item);
            // What cannot be retrieved is being deallocated: the managed list keeps what it has.
            let Some(object) = (!item.is_null()).then(|| retrieve::retrieve(vm, item).ok()).flatten() else { continue };
            agree_on(block, index, item, &object);
            dropped.extend(twin.borrow_vec_mut().get_mut(index).map(|place| std::mem::replace(place, object)));
        }
        // What ends may run code that changes the list.
        dropped.into_iter().for_each(managed::drop_managed);
    }
}

/// How many bytes a list holds that may be kept for the next time: all its items are values that hold nothing. What it shows
/// is known by the addresses that it remembers.
unsafe fn reusable(block: Block, twin: &PyObject) -> Option<Reusable> {
    // SAFETY: the callers' list, which C gave up.
    unsafe {
        let (mirror, header) = (items(block), header_of(block));
        let again = is_shown(block) && kept::comes_again(twin, remembered(block).0);
        if !again || addresses_of(mirror) != remembered(block).1 {
            return None;
        }
        if !header.has(flag::PLAIN_ITEMS) {
            let known = remembered(block).0.iter().all(|address| *address != 0);
            if !known || !mirror.iter().all(|&item| is_plain_item(item)) {
                return None;
            }
            header.set(flag::PLAIN_ITEMS);
        }
        let bytes = mirror.len() * (3 * size_of::<Block>() + PLAIN_ITEM);
        Some(Reusable { run: Box::default(), bytes })
    }
}

/// Whether a list that is kept for reuse shows these objects.
pub(super) fn shows(block: Block, objects: &[PyObjectRef]) -> bool {
    // SAFETY: such a list remembers its items, and they are what it remembers.
    unsafe { remembered(block).0 == addresses(objects) }
}

/// Drops the items and their memory.
unsafe fn free(block: Block) {
    // SAFETY: a dying list's block.
    unsafe { clear(block) };
}
