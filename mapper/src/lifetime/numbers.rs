//! The identity of numbers. Equal ints are as good as the same, and an entry in the table of handles costs more than a block,
//! so the block of an exact int or float has none as long as it is C's for a call. One that C still counts when the call is
//! over gets one: C code may compare pointers with an object that it keeps. Needs the C lock.

use std::cell::{Cell, UnsafeCell};

use rustpython_vm::PyObject;

use crate::heap::block::{Block, flag, header, header_of};
use crate::heap::spare;
use crate::lifetime::handle;

/// How many places the filter has.
const PLACES: usize = 1024;
/// How many numbers may wait for the end of a call.
const MOST_YOUNG: usize = 256;

struct Numbers {
    /// How many ints with an entry have an address that belongs to a place: most questions are answered by a zero.
    filter: [Cell<u32>; PLACES],
    /// Numbers that C counted when Python first saw them, 0 for those that went. Each knows its [index](spare::young_index).
    young: UnsafeCell<Vec<usize>>,
}

// SAFETY: only touched with the C lock held.
unsafe impl Sync for Numbers {}
static NUMBERS: Numbers = Numbers { filter: [const { Cell::new(0) }; PLACES], young: UnsafeCell::new(Vec::new()) };

#[allow(clippy::mut_from_ref)]
fn young() -> &'static mut Vec<usize> {
    // SAFETY: the C lock makes this the only user, and no reference outlives the statement it is used in.
    unsafe { &mut *NUMBERS.young.get() }
}

#[inline]
fn filter(object: *const PyObject) -> &'static Cell<u32> {
    let address = object as usize;
    &NUMBERS.filter[(address >> 4 ^ address >> 14) % PLACES]
}

/// The block of an exact int that C keeps.
#[inline]
pub(crate) fn find(int: &PyObject) -> Option<Block> {
    if filter(int).get() == 0 { None } else { handle::block_of(int) }
}

/// Gives a number that C goes on counting an entry.
///
/// # Safety
/// `block` is an exact number's with a twin that it owns.
pub(crate) unsafe fn keep(block: Block) {
    // SAFETY: by contract.
    unsafe {
        let header = header_of(block);
        if header.has(flag::KNOWN_NUMBER) || handle::block_of(&*header.twin()).is_some() {
            return;
        }
        header.set(flag::KNOWN_NUMBER);
        filter(header.twin()).set(filter(header.twin()).get() + 1);
        handle::tie(block, &*header.twin());
    }
}

/// Looks at a number, whose twin was just made for it, when the call is over.
///
/// # Safety
/// `block` is an exact number's.
pub(crate) unsafe fn look_at_return(block: Block) {
    if young().len() >= MOST_YOUNG {
        settle();
    }
    // SAFETY: by contract.
    unsafe {
        header_of(block).set(flag::YOUNG_NUMBER);
        spare::set_young_index(block, young().len());
    }
    young().push(block as usize);
}

/// Whether [`settle`] has something to do.
#[inline]
pub(crate) fn are_waiting() -> bool {
    !young().is_empty()
}

/// A call is over: numbers that C still counts get an entry.
#[cold]
pub(crate) fn settle() {
    for block in std::mem::take(young()) {
        let Some(header) = (block != 0).then(|| header(block as Block)).flatten() else { continue };
        header.unset(flag::YOUNG_NUMBER);
        // SAFETY: what waits is alive; it is taken out when it goes.
        unsafe {
            if (*(block as Block)).ob_refcnt > 0 && header.has(flag::OWNS_TWIN) {
                keep(block as Block);
            }
        }
    }
}

/// A number's block loses its twin.
///
/// # Safety
/// `block` is a number's that has one of the two flags, with its twin still set.
#[cold]
pub(crate) unsafe fn forget(block: Block) {
    // SAFETY: by contract.
    unsafe {
        let header = header_of(block);
        if header.has(flag::YOUNG_NUMBER) {
            young()[spare::young_index(block)] = 0;
            while young().last() == Some(&0) {
                young().pop();
            }
        }
        if header.has(flag::KNOWN_NUMBER) {
            filter(header.twin()).set(filter(header.twin()).get() - 1);
        }
        header.unset(flag::KNOWN_NUMBER | flag::YOUNG_NUMBER);
    }
}
