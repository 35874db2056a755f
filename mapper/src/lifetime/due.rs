//! What is due when C returns to Python, calls back or gives the lock up: what was kept for it is looked at, loans are
//! revalidated, lists that it may have written into are read, garbage is collected.

use std::sync::atomic::{AtomicBool, Ordering};

use rustpython_vm::vm::thread::try_with_current_vm;
use rustpython_vm::{AsObject as _, PyObject, PyObjectRef};

use crate::heap::block::{flag, header};
use crate::lifetime::thread::{Context, context};
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

/// At the outermost return from C.
#[cold]
pub(crate) fn at_return() {
    DUE.store(false, Ordering::Relaxed);
    kept::returned();
    look();
}

/// When C calls back or gives the lock up, and at returns inside of a callback: C may go on for ever.
#[cold]
pub(crate) fn in_between() {
    kept::settle();
    look();
}

fn look() {
    if loans::is_due() {
        loans::revalidate();
    }
    if collect::is_due() {
        try_with_current_vm(collect::collect_due);
    }
}

/// Has a list looked at when the call into C that is under way returns: C code may write into it until then.
pub(crate) fn remember_list(twin: &PyObject) {
    let context = context();
    let depth = context.depth.get();
    let mut lent = context.lent_lists.borrow_mut();
    if depth > 0 && !lent.last().is_some_and(|(at, last)| *at == depth && last.is(twin)) {
        lent.push((depth, twin.to_owned()));
        context.lists_lent_at.set(depth);
    }
}

/// Hands on what C code has written into the lists that it got in the call which returns.
#[cold]
pub(crate) fn settle_lists(context: &Context) {
    let depth = context.depth.get();
    while let Some(list) = take_last(context, depth) {
        if let Some(block) = handle::block_of(&list)
            && let Some(header) = header(block)
            && header.has(flag::SHOWN_LIST)
        {
            // SAFETY: tied blocks are live.
            unsafe {
                if handle::count(block) > 0 {
                    header.set(flag::KEPT);
                }
                dealloc::hand_on(block);
            }
        }
        managed::drop_managed(list);
    }
}

fn take_last(context: &Context, depth: u32) -> Option<PyObjectRef> {
    let mut lent = context.lent_lists.borrow_mut();
    let (_, list) = lent.pop_if(|(at, _)| *at >= depth)?;
    context.lists_lent_at.set(lent.last().map_or(0, |(at, _)| *at));
    Some(list)
}
