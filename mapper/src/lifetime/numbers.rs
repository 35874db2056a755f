//! The identity of numbers. Equal ints are as good as the same, and an entry in the table of handles costs more than a block,
//! so the block of an exact int or float has none as long as it is C's for a call. One that C still counts when the call is
//! over gets one: C code may compare pointers with an object that it keeps. Until then, one that C has made and shown to
//! Python is found among the young: what a callback hands back is what it was given. Needs the C lock.

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
    /// How many young numbers, and how many with an entry, have an address that belongs to a place: most questions are
    /// answered by a zero.
    filter: [Cell<u32>; PLACES],
    /// Numbers that C counted when Python first saw them. Each knows its [index](spare::young_index).
    young: UnsafeCell<Vec<Young>>,
}

/// A block and its twin's address; both 0 for one that went.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Young {
    block: usize,
    twin: usize,
}

impl Young {
    const GONE: Self = Self { block: 0, twin: 0 };
}

// SAFETY: only touched with the C lock held.
unsafe impl Sync for Numbers {}
static NUMBERS: Numbers = Numbers { filter: [const { Cell::new(0) }; PLACES], young: UnsafeCell::new(Vec::new()) };

fn young() -> &'static mut Vec<Young> {
    // SAFETY: the C lock makes this the only user, and no reference outlives the statement it is used in.
    unsafe { &mut *NUMBERS.young.get() }
}

#[inline]
fn filter(object: *const PyObject) -> &'static Cell<u32> {
    let address = object as usize;
    &NUMBERS.filter[(address >> 4 ^ address >> 14) % PLACES]
}

/// Counts one more or less in a number's place.
#[inline]
fn count(object: *const PyObject, change: i32) {
    filter(object).set(filter(object).get().wrapping_add_signed(change));
}

/// The block of an exact int or float that C keeps, or has made in the call that is under way.
#[inline]
pub(crate) fn find(number: &PyObject) -> Option<Block> {
    if filter(number).get() == 0 { None } else { find_young(number).or_else(|| handle::block_of(number)) }
}

/// The block of an exact number that C has made in the call that is under way: the latest first.
fn find_young(number: &PyObject) -> Option<Block> {
    let address = std::ptr::from_ref(number) as usize;
    young().iter().rev().find(|young| young.twin == address).map(|young| young.block as Block)
}

/// Gives a number that C goes on counting an entry.
///
/// # Safety
/// `block` is an exact number's with a twin that it owns.
pub(crate) unsafe fn keep(block: Block) {
    // SAFETY: by contract.
    unsafe {
        let header = header_of(block);
        if header.has(flag::KNOWN_NUMBER | flag::YOUNG_NUMBER) || handle::block_of(&*header.twin()).is_some() {
            return; // the end of the call looks at a young one
        }
        header.unset(flag::UNLISTED_NUMBER);
        header.set(flag::KNOWN_NUMBER);
        count(header.twin(), 1);
        handle::tie(block, &*header.twin());
    }
}

/// Looks at a number when the call is over; until then its twin leads to it.
///
/// # Safety
/// `block` is an exact number's with a twin.
pub(crate) unsafe fn look_at_return(block: Block) {
    if young().len() >= MOST_YOUNG {
        settle();
    }
    // SAFETY: by contract.
    let twin = unsafe {
        header_of(block).unset(flag::UNLISTED_NUMBER);
        header_of(block).set(flag::YOUNG_NUMBER);
        spare::set_young_index(block, young().len());
        header_of(block).twin()
    };
    count(twin, 1);
    young().push(Young { block: block as usize, twin: twin as usize });
}

/// Whether [`settle`] has something to do.
#[inline]
pub(crate) fn are_waiting() -> bool {
    !young().is_empty()
}

/// A call is over: numbers that C still counts get an entry.
#[cold]
pub(crate) fn settle() {
    while let Some(Young { block, twin }) = young().pop() {
        let Some(header) = (block != 0).then(|| header(block as Block)).flatten() else { continue };
        header.unset(flag::YOUNG_NUMBER);
        count(twin as *const PyObject, -1);
        // SAFETY: what waits is alive; it is taken out when it goes.
        unsafe {
            if (*(block as Block)).ob_refcnt > 0 && header.has(flag::OWNS_TWIN) {
                keep(block as Block);
            }
        }
    }
}

/// A number's block loses its twin: nothing leads to it any more.
///
/// # Safety
/// `block` is a number's that has one of the two flags, with its twin still set.
pub(crate) unsafe fn forget(block: Block) {
    // SAFETY: by contract.
    unsafe {
        let header = header_of(block);
        if header.has(flag::YOUNG_NUMBER) {
            young()[spare::young_index(block)] = Young::GONE;
            while young().last() == Some(&Young::GONE) {
                young().pop();
            }
        }
        if header.has(flag::KNOWN_NUMBER) {
            handle::untie(header.twin());
        }
        count(header.twin(), -1);
        header.unset(flag::KNOWN_NUMBER | flag::YOUNG_NUMBER);
    }
}

#[cfg(test)]
mod tests {
    use rustpython_vm::{PyObjectRef, VirtualMachine};

    use super::*;
    use crate::heap::kind::Kind;
    use crate::heap::testing::{class, object};
    use crate::lifetime::testing::with_vm;
    use crate::lifetime::{dealloc, thread};

    /// An int and its block, which C counts.
    fn number(vm: &VirtualMachine, value: usize) -> (PyObjectRef, Block) {
        let int: PyObjectRef = vm.ctx.new_int(usize::MAX - value).into();
        let block = object(class(Kind::Long));
        // SAFETY: a fresh block, which has no entry as long as it is C's for a call.
        unsafe {
            header_of(block).set_twin(&raw const *int);
            handle::hold(block, &int);
        }
        (int, block)
    }

    /// C gives its only reference up.
    fn end(block: Block) {
        // SAFETY: the tests' block, which owns its twin.
        unsafe {
            (*block).ob_refcnt = 0;
            dealloc::end_of_call(block);
            assert!(!header_of(block).has(flag::LIVE));
        }
    }

    #[test]
    fn a_number_that_c_keeps_is_found_until_it_ends() {
        with_vm(|vm| {
            let section = thread::enter(vm);
            let (int, block) = number(vm, 0);
            let before = filter(&*int).get();
            // SAFETY: a number's block.
            unsafe {
                look_at_return(block);
                assert!(are_waiting() && header_of(block).has(flag::YOUNG_NUMBER));
                assert_eq!((find(&int), filter(&*int).get()), (Some(block), before + 1), "a callback may hand it back");
                settle();
                assert!(header_of(block).has(flag::KNOWN_NUMBER) && !header_of(block).has(flag::YOUNG_NUMBER));
                assert_eq!((find(&int), filter(&*int).get()), (Some(block), before + 1));
                // Once more is no more.
                keep(block);
            }
            assert_eq!(filter(&*int).get(), before + 1);
            end(block);
            assert_eq!((find(&int), filter(&*int).get(), int.strong_count()), (None, before, 1));
            drop(section);
        });
    }

    #[test]
    fn young_numbers_may_end_in_any_order() {
        with_vm(|vm| {
            let section = thread::enter(vm);
            let numbers: Vec<_> = (0..3).map(|value| number(vm, value)).collect();
            for (_, block) in &numbers {
                // SAFETY: a number's block.
                unsafe { look_at_return(*block) };
            }
            end(numbers[1].1);
            assert_eq!(young().len(), 3, "the last one keeps its index");
            end(numbers[2].1);
            assert_eq!(young().len(), 1, "nothing waits behind the first");
            drop(section);
            let _section = thread::enter(vm);
            assert!(!are_waiting());
            assert_eq!(find(&numbers[0].0), Some(numbers[0].1));
            end(numbers[0].1);
        });
    }

    #[test]
    fn young_numbers_do_not_pile_up() {
        with_vm(|vm| {
            let _section = thread::enter(vm);
            let numbers: Vec<_> = (0..2 * MOST_YOUNG + 1).map(|value| number(vm, value)).collect();
            for (_, block) in &numbers {
                // SAFETY: a number's block.
                unsafe { look_at_return(*block) };
                assert!(young().len() <= MOST_YOUNG);
            }
            settle();
            for (int, block) in numbers {
                assert_eq!(find(&int), Some(block));
                end(block);
            }
            assert!(NUMBERS.filter.iter().all(|place| place.get() == 0), "nobody keeps a number any more");
        });
    }
}
