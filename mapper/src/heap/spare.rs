//! Fields that C code does not use and we do. CPython keeps something of its own in each, through functions that the
//! bridge has its own of; no macro of its public headers reads them, and what a module's static objects have in them is
//! zero. All that is so used stands here, so that a new CPython is asked about one file only.

use std::ffi::c_void;

use crate::abi::layout as c;
use crate::heap::block::Block;

/// The kind of a type's instances, as a number; 0 where nothing was set. CPython counts in `tp_versions_used` how many
/// version tags the type has used up, for its inline caches, of which there are none here.
///
/// # Safety
/// `class` points to a type.
#[inline]
pub(crate) unsafe fn kind_of_instances(class: *const c::PyTypeObject) -> u16 {
    // SAFETY: by contract.
    unsafe { (*class).tp_versions_used }
}

/// Sets [`kind_of_instances`].
///
/// # Safety
/// `class` points to a type.
#[inline]
pub(crate) unsafe fn set_kind_of_instances(class: *mut c::PyTypeObject, kind: u16) {
    // SAFETY: by contract.
    unsafe { (*class).tp_versions_used = kind };
}

/// Whether blocks of a type's instances live as long as their twins. CPython has in `tp_watched` a bit for each of the
/// type's watchers, which nobody can add here: `PyType_Watch` is not implemented.
///
/// # Safety
/// `class` points to a type.
#[inline]
pub(crate) unsafe fn pins(class: *const c::PyTypeObject) -> bool {
    // SAFETY: by contract.
    unsafe { (*class).tp_watched & PINS != 0 }
}

const PINS: u8 = 1;
const LINKS: u8 = 2;

/// Sets [`pins`].
///
/// # Safety
/// `class` points to a type.
#[inline]
pub(crate) unsafe fn set_pins(class: *mut c::PyTypeObject, pins: bool) {
    // SAFETY: by contract.
    unsafe { mark(class, PINS, pins) };
}

/// Whether the struct of a type's instances has fields that the managed half fills. The mark stands beside [`pins`].
///
/// # Safety
/// `class` points to a type.
#[inline]
pub(crate) unsafe fn links(class: *const c::PyTypeObject) -> bool {
    // SAFETY: by contract.
    unsafe { (*class).tp_watched & LINKS != 0 }
}

/// Sets [`links`].
///
/// # Safety
/// `class` points to a type.
#[inline]
pub(crate) unsafe fn set_links(class: *mut c::PyTypeObject, links: bool) {
    // SAFETY: by contract.
    unsafe { mark(class, LINKS, links) };
}

unsafe fn mark(class: *mut c::PyTypeObject, bit: u8, on: bool) {
    // SAFETY: by the caller's contract.
    let watched = unsafe { &mut (*class).tp_watched };
    *watched = if on { *watched | bit } else { *watched & !bit };
}

/// How many items of a tuple lie behind those that it shows. CPython caches the hash in `ob_hash`, -1 if it has none yet;
/// hashes are the managed tuple's here.
///
/// # Safety
/// `tuple` is a tuple's block.
#[inline]
pub(crate) unsafe fn hidden_items(tuple: Block) -> usize {
    // SAFETY: by contract.
    unsafe { (*tuple.cast::<c::PyTupleObject>()).ob_hash.max(0) as usize }
}

/// Sets [`hidden_items`].
///
/// # Safety
/// `tuple` is a tuple's block.
#[inline]
pub(crate) unsafe fn set_hidden_items(tuple: Block, count: usize) {
    let hash = if count == 0 { -1 } else { count as isize };
    // SAFETY: by contract.
    unsafe { (*tuple.cast::<c::PyTupleObject>()).ob_hash = hash };
}

/// The keyword arguments that a dict's block stands for, or null. CPython has its table of keys in `ma_keys`, whose
/// layout is none of its public headers'.
///
/// # Safety
/// `dict` is a dict's block.
#[inline]
pub(crate) unsafe fn arguments(dict: Block) -> *mut c_void {
    // SAFETY: by contract.
    unsafe { (*dict.cast::<c::PyDictObject>()).ma_keys }
}

/// Sets [`arguments`].
///
/// # Safety
/// `dict` is a dict's block.
#[inline]
pub(crate) unsafe fn set_arguments(dict: Block, arguments: *mut c_void) {
    // SAFETY: by contract.
    unsafe { (*dict.cast::<c::PyDictObject>()).ma_keys = arguments };
}

/// The type whose `tp_dict` a dict is, or null. CPython has the values of a dict with shared keys in `ma_values`, whose
/// layout is none of its public headers'.
///
/// # Safety
/// `dict` is a dict's block.
#[inline]
pub(crate) unsafe fn type_of_dict(dict: Block) -> *mut c::PyTypeObject {
    // SAFETY: by contract.
    unsafe { (*dict.cast::<c::PyDictObject>()).ma_values.cast() }
}

/// Sets [`type_of_dict`].
///
/// # Safety
/// `dict` is a dict's block.
#[inline]
pub(crate) unsafe fn set_type_of_dict(dict: Block, class: *mut c::PyTypeObject) {
    // SAFETY: by contract.
    unsafe { (*dict.cast::<c::PyDictObject>()).ma_values = class.cast() };
}

/// The bit of a list's `allocated` that says that Python has seen the list; the others are its room. It is more than any
/// list has room for.
const SHOWN: isize = 1 << 62;

/// For how many items a list has room. CPython has the same in `allocated`. Code generators read it, to append and remove
/// without the API where there is room; the mark of [`set_list_shown`] is what keeps them from it.
///
/// # Safety
/// `list` is a list's block.
#[inline]
pub(crate) unsafe fn list_room(list: Block) -> usize {
    // SAFETY: by contract.
    unsafe { ((*list.cast::<c::PyListObject>()).allocated & !SHOWN) as usize }
}

/// Sets [`list_room`].
///
/// # Safety
/// `list` is a list's block.
#[inline]
pub(crate) unsafe fn set_list_room(list: Block, room: usize) {
    // SAFETY: by contract.
    unsafe {
        let allocated = &mut (*list.cast::<c::PyListObject>()).allocated;
        *allocated = *allocated & SHOWN | room as isize;
    }
}

/// Whether Python has seen a list. The mark stands beside the list's [room](list_room).
///
/// # Safety
/// `list` is a list's block.
#[inline]
pub(crate) unsafe fn is_list_shown(list: Block) -> bool {
    // SAFETY: by contract.
    unsafe { (*list.cast::<c::PyListObject>()).allocated & SHOWN != 0 }
}

/// Sets [`is_list_shown`], for the rest of the list's life.
///
/// # Safety
/// `list` is a list's block.
#[inline]
pub(crate) unsafe fn set_list_shown(list: Block) {
    // SAFETY: by contract.
    unsafe { (*list.cast::<c::PyListObject>()).allocated |= SHOWN };
}

/// An object's index in the graph that a collection reads. CPython's collector has its links to other objects in the two
/// words in front of an object, for objects that it knows; it is not here, and the macros that read them are internal.
///
/// # Safety
/// `block` came from [`crate::heap::block::allocate`].
#[inline]
pub(crate) unsafe fn graph_index(block: Block) -> usize {
    // SAFETY: every such block has the two words in its prefix.
    unsafe { block.cast::<usize>().sub(2).read() }
}

/// Sets [`graph_index`].
///
/// # Safety
/// `block` came from [`crate::heap::block::allocate`].
#[inline]
pub(crate) unsafe fn set_graph_index(block: Block, index: usize) {
    // SAFETY: as above.
    unsafe { block.cast::<usize>().sub(2).write(index) };
}

/// A young number's index: the second of the two words of [`graph_index`], which CPython's collector has no use for in a
/// number.
///
/// # Safety
/// `block` came from [`crate::heap::block::allocate`].
#[inline]
pub(crate) unsafe fn young_index(block: Block) -> usize {
    // SAFETY: as above.
    unsafe { block.cast::<usize>().sub(1).read() }
}

/// Sets [`young_index`].
///
/// # Safety
/// `block` came from [`crate::heap::block::allocate`].
#[inline]
pub(crate) unsafe fn set_young_index(block: Block, index: usize) {
    // SAFETY: as above.
    unsafe { block.cast::<usize>().sub(1).write(index) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::block::{allocate, free_now, header_of};
    use crate::heap::testing::with_memory;

    #[test]
    fn a_lists_room_and_its_mark_do_not_disturb_each_other() {
        // SAFETY: every field is a number or a pointer; the struct is a list's.
        unsafe {
            let mut list: c::PyListObject = std::mem::zeroed();
            let block: Block = (&raw mut list).cast();
            set_list_room(block, 12);
            assert_eq!(
                (list_room(block), is_list_shown(block), (*block.cast::<c::PyListObject>()).allocated),
                (12, false, 12)
            );
            set_list_shown(block);
            assert_eq!((list_room(block), is_list_shown(block)), (12, true));
            set_list_room(block, 0);
            assert_eq!((list_room(block), is_list_shown(block)), (0, true));
            assert!((*block.cast::<c::PyListObject>()).allocated > isize::MAX / 4, "C code must see room for all");
        }
    }

    #[test]
    fn a_tuple_without_hidden_items_has_no_hash_yet() {
        // SAFETY: every field is a number or a pointer; the struct is a tuple's.
        unsafe {
            let mut tuple: c::PyTupleObject = std::mem::zeroed();
            let block: Block = (&raw mut tuple).cast();
            set_hidden_items(block, 3);
            assert_eq!(hidden_items(block), 3);
            set_hidden_items(block, 0);
            assert_eq!((hidden_items(block), (*block.cast::<c::PyTupleObject>()).ob_hash), (0, -1));
        }
    }

    #[test]
    fn the_two_words_in_front_are_neither_the_headers_nor_the_objects() {
        // SAFETY: a fresh block.
        with_memory(|| unsafe {
            let block = allocate(size_of::<c::PyObject>(), 0);
            header_of(block).set_twin(std::ptr::without_provenance(16));
            set_graph_index(block, usize::MAX);
            set_young_index(block, 7);
            assert_eq!((graph_index(block), young_index(block)), (usize::MAX, 7));
            assert_eq!((header_of(block).twin().addr(), (*block).ob_refcnt), (16, 0));
            free_now(block);
        });
    }

    #[test]
    fn the_two_fields_of_a_dict_are_apart() {
        // SAFETY: every field is a number or a pointer; the struct is a dict's.
        unsafe {
            let mut dict: c::PyDictObject = std::mem::zeroed();
            let block: Block = (&raw mut dict).cast();
            set_arguments(block, std::ptr::without_provenance_mut(8));
            set_type_of_dict(block, std::ptr::without_provenance_mut(16));
            assert_eq!((arguments(block).addr(), type_of_dict(block).addr()), (8, 16));
        }
    }
}
