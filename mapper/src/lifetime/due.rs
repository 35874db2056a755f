//! What is due when C returns to Python, calls back or gives the lock up: what was kept for it is looked at, loans are
//! revalidated, lists that it may have written into are read, garbage is collected.

use std::sync::atomic::{AtomicBool, Ordering};

use rustpython_vm::vm::thread::try_with_current_vm;
use rustpython_vm::{PyObject, PyObjectRef, VirtualMachine};

use crate::heap::block::{Block, Header, flag, header};
use crate::heap::form::Look;
use crate::heap::kind::Kind;
use crate::lifetime::thread::{self, Context, context};
use crate::lifetime::{collect, dealloc, handle, kept, loans, managed, mirrored, watched};

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
    watched::returned();
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
    mirrored::look_again();
    thread::drop_left();
    if loans::is_due() {
        loans::revalidate();
    }
    if collect::is_due() {
        try_with_current_vm(collect::collect_due);
    }
}

/// A list, or an object with fields that both sides have, that C code may write into until it returns.
pub(crate) struct LentList {
    /// The depth of the call that got it.
    depth: u32,
    block: Block,
    twin: PyObjectRef,
    /// How often managed code has run since.
    turn: usize,
}

impl LentList {
    /// One more than the depth of its call.
    pub(crate) fn next_depth(&self) -> u32 {
        self.depth + 1
    }

    /// Nobody looks at it any more.
    pub(crate) fn drop(self) {
        managed::drop_managed(self.twin);
    }
}

/// Has a list that is in step, or an object with fields that both sides have, looked at when managed code has run, and when the call into C that is under way returns.
#[inline]
pub(crate) fn remember_list(block: Block, twin: &PyObject) {
    let Some(header) = header(block) else { return };
    let stands_there = header.has(flag::LENT);
    header.set(flag::LENT | flag::IN_STEP);
    if stands_there {
        return;
    }
    let context = context();
    let depth = context.depth.get();
    context.lent_lists.borrow_mut().push(LentList { depth, block, twin: twin.to_owned(), turn: 0 });
    context.lists_lent.set(depth + 1);
}

/// Whether lists are to be looked at when C calls back.
#[inline]
pub(crate) fn has_lists(context: &Context) -> bool {
    context.lists_lent.get() != 0 || watched::any()
}

/// Hands on what C code has written into the lists that it got in the call which returns.
#[cold]
pub(crate) fn settle_lists(context: &Context) {
    let depth = context.depth.get();
    while let Some(list) = take_last(context, depth) {
        if let Some(header) = still_tied(&list) {
            header.unset(flag::LENT | flag::IN_STEP);
            // SAFETY: a tied block is live.
            unsafe {
                if Kind::of(list.block) == Kind::List && handle::count(list.block) > 0 {
                    kept::keeps_list(list.block, header);
                    watched::watch(list.block, header);
                }
                dealloc::hand_on(list.block, Look::Whole);
            }
        }
        managed::drop_managed(list.twin);
    }
}

fn take_last(context: &Context, depth: u32) -> Option<LentList> {
    let mut lent = context.lent_lists.borrow_mut();
    let list = lent.pop_if(|list| list.depth >= depth)?;
    context.lists_lent.set(lent.last().map_or(0, LentList::next_depth));
    Some(list)
}

/// The header of a lent list's block, unless that was given up in the meantime.
fn still_tied(list: &LentList) -> Option<&'static Header> {
    header(list.block).filter(|header| std::ptr::eq(header.twin(), &raw const *list.twin))
}

/// C code has given up a list that nothing else holds: it ends now, and not when the call returns that got it.
#[cold]
pub(crate) fn forget_list(block: Block, header: &Header) {
    /// How many of the latest are looked at: what C gives up is mostly among them.
    const LATEST: usize = 16;
    let context = context();
    let depth = context.depth.get();
    let mut lent = context.lent_lists.borrow_mut();
    let found = lent.iter().rev().take(LATEST).position(|list| list.block == block && list.depth == depth);
    let Some(index) = found.map(|back| lent.len() - 1 - back) else { return };
    let list = lent.remove(index);
    context.lists_lent.set(lent.last().map_or(0, |list| list.depth + 1));
    drop(lent);
    header.unset(flag::LENT | flag::IN_STEP);
    // SAFETY: a tied block is live.
    unsafe { dealloc::hand_on(block, Look::Whole) };
    managed::drop_managed(list.twin);
}

/// Managed code is about to run: it gets what C code has written into the lists that it was lent, and may change them. What C
/// has given up is forgotten.
#[cold]
pub(crate) fn lists_out(context: &Context) {
    if watched::any() {
        watched::out();
    }
    let depth = context.depth.get();
    let mut index = 0;
    loop {
        let mut lent = context.lent_lists.borrow_mut();
        let Some(list) = lent.get_mut(index) else { break };
        list.turn += 1;
        let (at, block, header, turn) = (list.depth, list.block, still_tied(list), list.turn);
        drop(lent);
        // SAFETY: a tied block is live.
        let given_up = header.is_none_or(|_| at == depth && unsafe { handle::count(block) } == 0);
        // What stands there without the mark was handed on when its call was left.
        if let Some(header) = header.filter(|header| header.has(flag::LENT)) {
            header.unset(flag::LENT | flag::IN_STEP);
            // SAFETY: as above.
            unsafe { dealloc::hand_on(block, if given_up { Look::Whole } else { Look::Part(turn) }) };
        }
        if given_up {
            let list = context.lent_lists.borrow_mut().remove(index);
            managed::drop_managed(list.twin);
        } else {
            index += 1;
        }
    }
    let left = context.lent_lists.borrow().last().map_or(0, LentList::next_depth);
    context.lists_lent.set(left);
}

/// Managed code has run: C goes on with the lists that it was lent in this call.
#[cold]
pub(crate) fn lists_back(vm: &VirtualMachine, context: &Context) {
    if watched::any() {
        watched::back(vm);
    }
    let depth = context.depth.get();
    let count = context.lent_lists.borrow().len();
    for index in (0..count).rev() {
        let lent = context.lent_lists.borrow();
        // What ended in between may have taken lists out.
        let Some(list) = lent.get(index) else { continue };
        if list.depth != depth {
            return;
        }
        let (block, twin, header, look) = (list.block, list.twin.clone(), still_tied(list), Look::Part(list.turn));
        drop(lent);
        if let Some(header) = header {
            header.set(flag::LENT);
            // SAFETY: a tied block is live.
            let in_step =
                unsafe { Kind::of(block).form().caught_up.is_some_and(|catch_up| catch_up(vm, block, &twin, look)) };
            if in_step {
                header.set(flag::IN_STEP);
            }
        }
        managed::drop_managed(twin);
    }
}

/// C code is called that was lent nothing yet: it may know the lists of the calls around it, and what it keeps.
#[cold]
pub(crate) fn lists_entered(vm: &VirtualMachine, context: &Context) {
    if watched::any() {
        watched::back(vm);
    }
    each_outer(context, |block, twin, look| {
        // SAFETY: a tied block is live.
        if let Some(catch_up) = unsafe { Kind::of(block) }.form().caught_up {
            // SAFETY: as above.
            unsafe { catch_up(vm, block, twin, look) };
        }
    });
}

/// C code returns that may have written into such lists.
#[cold]
pub(crate) fn lists_left(context: &Context) {
    if watched::any() {
        watched::out();
    }
    // SAFETY: a tied block is live.
    each_outer(context, |block, _, look| unsafe { dealloc::hand_on(block, look) });
}

/// Looks at the lists that calls around this one were lent.
fn each_outer(context: &Context, mut look_at: impl FnMut(Block, &PyObject, Look)) {
    let depth = context.depth.get();
    let mut index = 0;
    loop {
        let lent = context.lent_lists.borrow();
        let Some(list) = lent.get(index).filter(|list| list.depth < depth) else { return };
        index += 1;
        let (block, twin, header, look) = (list.block, list.twin.clone(), still_tied(list), Look::Part(list.turn));
        drop(lent);
        if header.is_some_and(|header| !header.has(flag::LENT)) {
            look_at(block, &twin, look);
        }
        managed::drop_managed(twin);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::block::header_of;
    use crate::heap::testing::{class, object};
    use crate::lifetime::testing::{HANDED_ON, with_vm};
    use crate::lifetime::thread::{enter, leave, section};

    /// The block of a list that C code was given, and that it counts.
    fn lend(twin: &PyObject) -> Block {
        let block = object(class(Kind::List));
        handle::tie(block, twin);
        // SAFETY: the block is tied to the twin.
        unsafe { handle::hold(block, twin) };
        remember_list(block, twin);
        block
    }

    fn has(block: Block, flags: u64) -> bool {
        // SAFETY: the tests' blocks have headers; slots stay when their blocks go.
        unsafe { header_of(block) }.has(flags)
    }

    fn give_back(block: Block) {
        // SAFETY: the tests' reference.
        unsafe { dealloc::decref(block) };
    }

    #[test]
    fn lists_are_settled_when_the_call_that_got_them_returns() {
        with_vm(|vm| {
            let twins: [PyObjectRef; 2] = [(); 2].map(|()| vm.ctx.new_list(vec![]).into());
            let before = HANDED_ON.load(Ordering::Relaxed);
            let handed_on = || HANDED_ON.load(Ordering::Relaxed) - before;
            let lent = || context().lent_lists.borrow().len();
            let outer = enter(vm);
            let first = lend(&twins[0]);
            remember_list(first, &twins[0]);
            assert_eq!((lent(), context().lists_lent.get()), (1, 2), "it stands there once");
            let inner = section(vm);
            let second = lend(&twins[1]);
            assert_eq!((lent(), context().lists_lent.get()), (2, 3));
            drop(inner);
            assert_eq!((lent(), context().lists_lent.get(), handed_on()), (1, 2, 1));
            assert!(has(first, flag::IN_STEP) && !has(second, flag::IN_STEP));
            assert!(has(second, flag::KEPT), "C code counts it still");
            give_back(first);
            give_back(second);
            drop(outer);
            assert_eq!((lent(), context().lists_lent.get(), handed_on()), (0, 0, 3), "what C keeps is looked at anew");
            assert!(!has(first, flag::LIVE), "nobody has it");
            assert!(has(second, flag::LIVE), "C code may have a bare pointer to it");
            let _section = enter(vm);
            kept::flush();
            assert!(!has(second, flag::LIVE));
            assert_eq!(twins.map(|twin| twin.strong_count()), [1, 1]);
        });
    }

    #[test]
    fn managed_code_gets_the_lists_and_c_gets_them_back() {
        with_vm(|vm| {
            let twins: [PyObjectRef; 2] = [(); 2].map(|()| vm.ctx.new_list(vec![]).into());
            let outer = enter(vm);
            let [used, given_up] = twins.each_ref().map(|twin| lend(twin));
            give_back(given_up);
            leave(vm, || {
                assert!(!has(used, flag::IN_STEP) && !has(given_up, flag::IN_STEP));
                let lent: Vec<_> = context().lent_lists.borrow().iter().map(|list| list.block).collect();
                assert_eq!(lent, [used], "what C has given up is forgotten");
            });
            assert!(has(used, flag::IN_STEP) && !has(given_up, flag::IN_STEP));
            give_back(used);
            drop(outer);
            assert_eq!(context().lists_lent.get(), 0);
            assert_eq!(twins.map(|twin| twin.strong_count()), [1, 1]);
        });
    }

    #[test]
    fn a_list_that_lost_its_block_was_handed_on_then() {
        with_vm(|vm| {
            let twin: PyObjectRef = vm.ctx.new_list(vec![]).into();
            let before = HANDED_ON.load(Ordering::Relaxed);
            let outer = enter(vm);
            let block = lend(&twin);
            // SAFETY: the tests' block, which owns its twin.
            unsafe {
                (*block).ob_refcnt = 0;
                dealloc::release(block);
            }
            assert_eq!(HANDED_ON.load(Ordering::Relaxed), before + 1);
            drop(outer);
            assert_eq!((HANDED_ON.load(Ordering::Relaxed), twin.strong_count()), (before + 1, 1));
        });
    }
}
