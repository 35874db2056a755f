//! What is due when C returns to Python, calls back or gives the lock up: what was kept for it is looked at, loans are
//! revalidated, lists that it may have written into are read, garbage is collected.

use std::sync::atomic::{AtomicBool, Ordering};

use rustpython_vm::vm::thread::try_with_current_vm;
use rustpython_vm::{PyObject, PyObjectRef, VirtualMachine};

use crate::heap::block::{Block, Header, flag, header};
use crate::heap::kind::Kind;
use crate::lifetime::thread::{self, Context, context};
use crate::lifetime::{collect, dealloc, handle, kept, loans, managed};

/// Whether something waits.
static DUE: AtomicBool = AtomicBool::new(false);

/// Has all that may be due asked at the next return or callback whether it has something to do.
#[inline]
pub(crate) fn make_due() {
    DUE.store(true, Ordering::Relaxed);
}

/// Whether [`make_due`] was called since.
#[inline]
pub(crate) fn is_due() -> bool {
    DUE.load(Ordering::Relaxed)
}

/// Whether there is so much that C's next callback is not to wait for.
static PRESSING: AtomicBool = AtomicBool::new(false);

/// Has [`in_between`] run at the next callback or return.
#[inline]
pub(crate) fn press() {
    PRESSING.store(true, Ordering::Relaxed);
    make_due();
}

/// Whether [`press`] was called since.
#[inline]
pub(crate) fn is_pressing() -> bool {
    PRESSING.load(Ordering::Relaxed)
}

/// At the outermost return from C.
#[cold]
pub(crate) fn at_return() {
    DUE.store(false, Ordering::Relaxed);
    PRESSING.store(false, Ordering::Relaxed);
    kept::returned();
    look();
}

/// When C calls back or gives the lock up, and at returns inside of a callback: C may go on for ever.
#[cold]
pub(crate) fn in_between() {
    PRESSING.store(false, Ordering::Relaxed);
    kept::settle();
    look();
}

fn look() {
    thread::drop_left();
    if loans::is_due() {
        loans::revalidate();
    }
    if collect::is_due() {
        try_with_current_vm(collect::collect_due);
    }
}

/// A list that C code may write into until it returns.
pub(crate) struct LentList {
    /// The depth of the call that got it.
    depth: u32,
    block: Block,
    twin: PyObjectRef,
}

/// Has a list that is in step looked at when managed code has run, and when the call into C that is under way returns.
#[inline]
pub(crate) fn remember_list(block: Block, twin: &PyObject) {
    let Some(header) = header(block) else { return };
    if header.has(flag::IN_STEP) {
        return; // it stands there already
    }
    header.set(flag::IN_STEP);
    let context = context();
    let depth = context.depth.get();
    context.lent_lists.borrow_mut().push(LentList { depth, block, twin: twin.to_owned() });
    context.lists_lent.set(depth + 1);
}

/// Hands on what C code has written into the lists that it got in the call which returns.
#[cold]
pub(crate) fn settle_lists(context: &Context) {
    let depth = context.depth.get();
    while let Some(list) = take_last(context, depth) {
        if let Some(header) = still_tied(&list) {
            header.unset(flag::IN_STEP);
            // SAFETY: a tied block is live.
            unsafe {
                if handle::count(list.block) > 0 {
                    kept::keeps_list(list.block, header);
                }
                dealloc::hand_on(list.block);
            }
        }
        managed::drop_managed(list.twin);
    }
}

fn take_last(context: &Context, depth: u32) -> Option<LentList> {
    let mut lent = context.lent_lists.borrow_mut();
    let list = lent.pop_if(|list| list.depth >= depth)?;
    context.lists_lent.set(lent.last().map_or(0, |list| list.depth + 1));
    Some(list)
}

/// The header of a lent list's block, unless that was given up in the meantime.
fn still_tied(list: &LentList) -> Option<&'static Header> {
    header(list.block).filter(|header| std::ptr::eq(header.twin(), &raw const *list.twin))
}

/// Managed code is about to run: it gets what C code has written into the lists that it was lent, and may change them. What C
/// has given up is forgotten.
#[cold]
pub(crate) fn lists_out(context: &Context) {
    let depth = context.depth.get();
    let mut index = 0;
    loop {
        let lent = context.lent_lists.borrow();
        let Some((at, block)) = lent.get(index).map(|list| (list.depth, list.block)) else { break };
        let header = still_tied(&lent[index]);
        drop(lent);
        // SAFETY: a tied block is live.
        let given_up = header.is_none_or(|_| at == depth && unsafe { handle::count(block) } == 0);
        if let Some(header) = header {
            header.unset(flag::IN_STEP);
            // SAFETY: as above.
            unsafe { dealloc::hand_on(block) };
        }
        if given_up {
            let list = context.lent_lists.borrow_mut().remove(index);
            managed::drop_managed(list.twin);
        } else {
            index += 1;
        }
    }
    let left = context.lent_lists.borrow().last().map_or(0, |list| list.depth + 1);
    context.lists_lent.set(left);
}

/// Managed code has run: C goes on with the lists that it was lent in this call.
#[cold]
pub(crate) fn lists_back(vm: &VirtualMachine, context: &Context) {
    let depth = context.depth.get();
    let count = context.lent_lists.borrow().len();
    for index in (0..count).rev() {
        let lent = context.lent_lists.borrow();
        let Some(list) = lent.get(index).filter(|list| list.depth == depth) else { return };
        let (block, twin, header) = (list.block, list.twin.clone(), still_tied(list));
        drop(lent);
        if let Some(header) = header {
            // SAFETY: a tied block is live.
            let in_step =
                unsafe { Kind::of(block).form().caught_up.is_some_and(|catch_up| catch_up(vm, block, &twin)) };
            if in_step {
                header.set(flag::IN_STEP);
            }
        }
        managed::drop_managed(twin);
    }
}
