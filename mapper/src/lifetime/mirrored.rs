//! Objects that their finalizers have saved in a list that Python has, too, and that C code counts nowhere else. What the
//! list's mirror counts must not keep them: as long as nobody else counts one of them, its block gives up its twin, which
//! the managed list holds. When Python takes it out of the list, it ends. Needs the C lock.

use std::cell::RefCell;

use crate::heap::block::{self, Block, Header, flag, header};
use crate::heap::kind::Kind;
use crate::lifetime::{dealloc, due, handle};

struct Shared(RefCell<Vec<(Block, Block)>>);
// SAFETY: only touched with the C lock held.
unsafe impl Sync for Shared {}
/// The objects, each with the list that has it. They are few: most finalizers save nothing.
static SAVED: Shared = Shared(RefCell::new(Vec::new()));

/// An object was saved by its finalizer: looks for a list that alone counts it.
///
/// # Safety
/// `block` is a live object with a twin.
pub(crate) unsafe fn saved(block: Block) {
    // SAFETY: by contract; live blocks of lists have items.
    unsafe {
        let Some(header) = header(block).filter(|header| header.has(flag::OWNS_TWIN)) else { return };
        if handle::count(block) != 1 || !header.has(flag::BOUND | flag::PINNED) {
            return;
        }
        let mut list = None;
        block::for_each_live(|other, header| {
            if header.has(flag::SHOWN_LIST)
                && let Some(each) = Kind::of(other).form().each
            {
                each(other, &mut |item| list = if item == block { Some(other) } else { list });
            }
        });
        if let Some(list) = list {
            header.set(flag::MIRRORED);
            header.unset(flag::OWNS_TWIN);
            SAVED.0.borrow_mut().push((block, list));
            due::press();
            dealloc::drop_twin(header.twin());
        }
    }
}

/// Takes an object out of the table. The list that has it.
fn forget(block: Block, header: &Header) -> Option<Block> {
    header.unset(flag::MIRRORED);
    let mut saved = SAVED.0.borrow_mut();
    let at = saved.iter().position(|(object, _)| *object == block)?;
    Some(saved.swap_remove(at).1)
}

/// Whether nobody but the list counts an object; if C code does, too, it is an object like others from now on.
///
/// # Safety
/// `block` is one that is marked.
#[cold]
pub(crate) unsafe fn is_lists_alone(block: Block, header: &Header) -> bool {
    // SAFETY: by contract.
    let alone = unsafe { (*block).ob_refcnt } == 1;
    if !alone {
        forget(block, header);
    }
    alone
}

/// The list has let an object go: managed code alone has it.
///
/// # Safety
/// `block` is one that is marked, with a count of 0.
#[cold]
pub(crate) unsafe fn let_go(block: Block, header: &Header) {
    forget(block, header);
    if header.has(flag::BOUND) {
        header.set(flag::RESTING);
        // SAFETY: by contract.
        unsafe { (*block).ob_refcnt = 1 };
    }
}

/// The twin of an object has ended: the list's mirror must not show it any more.
///
/// # Safety
/// `block` is one that is marked, without a twin.
#[cold]
pub(crate) unsafe fn twin_died(block: Block, header: &Header) {
    let Some(list) = forget(block, header) else { return };
    // SAFETY: a list that counts something is alive.
    unsafe {
        if let Some(lose) = Kind::of(list).form().lose {
            lose(list, block);
        }
    }
}

/// Looks whether C code has taken hold of one: by a macro, which says nothing. Whether there are any left.
#[cold]
fn look() -> bool {
    let saved: Vec<Block> = SAVED.0.borrow().iter().map(|(object, _)| *object).collect();
    for block in saved {
        // SAFETY: marked objects are alive.
        unsafe {
            if let Some(header) = header(block)
                && let Some(twin) = header.twin().as_ref()
            {
                handle::adopt(block, twin);
            }
        }
    }
    !SAVED.0.borrow().is_empty()
}

/// [`look`] at each return and callback, as long as there are any.
#[inline]
pub(crate) fn look_again() {
    if !SAVED.0.borrow().is_empty() && look() {
        due::press();
    }
}
