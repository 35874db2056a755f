//! Borrowed references that C got from a container: a dict's value, a module's dict. The container's block owns them,
//! for as long as the container holds them. Once there are many, those that nobody else holds any more are dropped when C
//! returns, calls back or gives the lock up (see [`due`]), so that nothing only grows. Needs the C lock.

use std::cell::UnsafeCell;

use rustc_hash::FxHashMap;

use crate::heap::block::{Block, flag, header};
use crate::heap::kind::Kind;
use crate::lifetime::{dealloc, due, handle};

#[derive(Default)]
struct Loans {
    /// By the container's block: what was lent, by the managed object, each with one reference of ours.
    of: FxHashMap<usize, FxHashMap<usize, usize>>,
    count: usize,
    due_at: usize,
}

struct Shared(UnsafeCell<Option<Loans>>);
// SAFETY: only touched with the C lock held.
unsafe impl Sync for Shared {}
static LOANS: Shared = Shared(UnsafeCell::new(None));
const FIRST_DUE: usize = 64;

fn loans() -> &'static mut Loans {
    // SAFETY: the C lock makes this the only user; references are dropped before anything is called.
    unsafe { (*LOANS.0.get()).get_or_insert_default() }
}

/// What `owner` has lent of the managed object at an address.
#[inline]
pub(crate) fn find(owner: Block, object: usize) -> Option<Block> {
    loans().of.get(&(owner as usize)).and_then(|lent| lent.get(&object)).map(|block| *block as Block)
}

/// Notes that `owner` lends `block`, whose reference is taken over, for the managed object at an address.
pub(crate) fn note(owner: Block, object: usize, block: Block) {
    if let Some(header) = header(owner) {
        header.set(flag::LENDS);
    }
    let loans = loans();
    loans.of.entry(owner as usize).or_default().insert(object, block as usize);
    loans.count += 1;
    if is_due() {
        due::press();
    }
}

/// Whether [`revalidate`] should run when C next returns or calls back.
pub(crate) fn is_due() -> bool {
    loans().count >= loans().due_at.max(FIRST_DUE)
}

/// Drops every loan that nothing but the loan itself keeps alive. Whether there was one.
#[cold]
pub(crate) fn revalidate() -> bool {
    let mut stale = Vec::new();
    for (owner, lent) in &mut loans().of {
        // The fields of a record's block point to what it lent.
        // SAFETY: what lends is alive.
        if unsafe { Kind::of(*owner as Block) }.is_record() {
            continue;
        }
        lent.retain(|_, block| {
            let keep = is_held_elsewhere(*block as Block);
            if !keep {
                stale.push((*owner, *block));
            }
            keep
        });
    }
    let loans = loans();
    loans.of.retain(|_, lent| !lent.is_empty());
    loans.count = loans.of.values().map(FxHashMap::len).sum();
    loans.due_at = loans.count * 2;
    let any = !stale.is_empty();
    for (_, block) in stale {
        // SAFETY: the loan's reference, which is out of the table now.
        unsafe { dealloc::decref(block as Block) };
    }
    any
}

/// Whether somebody besides the loan holds the object: C by its count, or managed code by the twin's.
fn is_held_elsewhere(block: Block) -> bool {
    // SAFETY: a lent block is alive.
    unsafe { handle::count(block) > 1 || handle::twin_of(block).is_some_and(|twin| twin.strong_count() > 1) }
}

/// Ends all loans of a container that goes away.
pub(crate) fn end(owner: Block) {
    let Some(lent) = loans().of.remove(&(owner as usize)) else { return };
    loans().count -= lent.len();
    for block in lent.into_values() {
        // SAFETY: the loan's reference.
        unsafe { dealloc::decref(block as Block) };
    }
}

/// Calls `visit` for each block that is lent in the name of `owner`.
pub(crate) fn each(owner: Block, visit: &mut dyn FnMut(Block)) {
    for block in loans().of.get(&(owner as usize)).into_iter().flat_map(FxHashMap::values) {
        visit(*block as Block);
    }
}

/// Every block that is lent.
pub(crate) fn all() -> impl Iterator<Item = usize> {
    loans().of.values().flat_map(FxHashMap::values).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::block::header_of;
    use crate::heap::testing::{class, object};
    use crate::lifetime::testing::with_vm;
    use crate::lifetime::thread;

    /// Lends a fresh object in the name of a container.
    fn lend(owner: Block, address: usize) -> Block {
        let lent = object(class(Kind::Opaque));
        // SAFETY: a fresh block.
        unsafe { handle::incref(lent) };
        note(owner, address, lent);
        lent
    }

    fn is_live(block: Block) -> bool {
        // SAFETY: the tests' blocks; slots stay when their blocks go.
        unsafe { header_of(block) }.has(flag::LIVE)
    }

    #[test]
    fn a_loan_ends_when_nobody_else_holds_what_was_lent() {
        with_vm(|vm| {
            let _section = thread::enter(vm);
            let owner = object(class(Kind::Dict));
            let [alone, counted] = [16, 32].map(|address| lend(owner, address));
            assert!(header(owner).is_some_and(|header| header.has(flag::LENDS)));
            // SAFETY: a live block.
            unsafe { handle::incref(counted) };
            revalidate();
            assert!(!is_live(alone) && find(owner, 16).is_none());
            assert_eq!(find(owner, 32), Some(counted));
            let mut seen = Vec::new();
            each(owner, &mut |block| seen.push(block));
            assert_eq!((seen, all().count()), (vec![counted], 1));
            end(owner);
            // SAFETY: the test's reference.
            unsafe {
                assert_eq!(handle::count(counted), 1);
                dealloc::decref(counted);
                dealloc::destroy(owner);
            }
            assert!(!is_live(counted) && all().count() == 0);
        });
    }

    #[test]
    fn a_container_takes_its_loans_along() {
        with_vm(|vm| {
            let _section = thread::enter(vm);
            let owner = object(class(Kind::Dict));
            let lent: Vec<_> = (0..2 * FIRST_DUE).map(|index| lend(owner, 16 * index)).collect();
            assert!(is_due(), "there are many");
            // SAFETY: the test's block.
            unsafe { dealloc::destroy(owner) };
            assert!(!is_due() && !lent.into_iter().any(is_live));
        });
    }
}
