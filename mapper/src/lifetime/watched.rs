//! Blocks whose memory C code goes on using while Python has the objects, too, though nobody passes them: lists that C code
//! keeps beyond the call that it got them in, and bytes that it may still be writing. What stands here is looked at whenever C
//! code is entered and left. There are few, mostly none, and what only C has goes at the next look. Needs the C lock.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering};

use rustpython_vm::VirtualMachine;

use crate::heap::block::{Block, Header, flag, header};
use crate::heap::form::Look;
use crate::heap::kind::Kind;
use crate::lifetime::{dealloc, due, managed};

/// How many blocks are looked at most.
const MOST: usize = 32;
/// How many bytes of one block are compared at most, all looks together.
const MOST_COMPARED: usize = 16 << 20;
/// What a look costs besides, in bytes.
const LOOK: usize = 64;

/// A block that both sides have.
#[derive(Clone, Copy)]
struct Watched {
    block: Block,
    /// How often it was looked at.
    turn: usize,
    /// How many bytes may still be compared.
    left: usize,
}

struct State {
    watched: Vec<Watched>,
    /// Which one goes when there is no room.
    next: usize,
}

struct Shared(UnsafeCell<State>);
// SAFETY: only touched with the C lock held.
unsafe impl Sync for Shared {}
static STATE: Shared = Shared(UnsafeCell::new(State { watched: Vec::new(), next: 0 }));
static ANY: AtomicBool = AtomicBool::new(false);

fn state() -> &'static mut State {
    // SAFETY: the C lock makes this the only user, and no reference outlives the statement it is used in.
    unsafe { &mut *STATE.0.get() }
}

/// Whether any block is watched.
#[inline]
pub(crate) fn any() -> bool {
    ANY.load(Ordering::Relaxed)
}

/// Has a block looked at from now on.
pub(crate) fn watch(block: Block, header: &Header) {
    if header.has(flag::WATCHED) {
        return;
    }
    header.set(flag::WATCHED);
    let new = Watched { block, turn: 0, left: MOST_COMPARED };
    if state().watched.len() < MOST {
        state().watched.push(new);
    } else {
        let place = state().next;
        state().next = (place + 1) % MOST;
        let earlier = std::mem::replace(&mut state().watched[place], new);
        unmark(earlier.block);
    }
    ANY.store(true, Ordering::Relaxed);
    due::make_due();
}

fn unmark(block: Block) {
    if let Some(header) = header(block) {
        header.unset(flag::WATCHED);
    }
}

/// Looks at a block no more; it may be about to go.
#[cold]
pub(crate) fn forget(block: Block) {
    unmark(block);
    state().watched.retain(|watched| watched.block != block);
    if state().watched.is_empty() {
        ANY.store(false, Ordering::Relaxed);
    }
}

/// Managed code goes on: it gets what C code has written.
#[cold]
pub(crate) fn out() {
    let mut index = 0;
    // What ends on the way may run code that changes the table.
    while let Some(watched) = state().watched.get(index).copied() {
        index += 1;
        let Some(header) = header(watched.block) else { continue };
        // SAFETY: what is watched is alive, and a twin's pointer is cleared before its memory goes.
        unsafe {
            let Some(twin) = header.twin().as_ref() else {
                forget(watched.block);
                index -= 1;
                continue;
            };
            // What is lent is handed on with all that is.
            if twin.strong_count() > 1 && !header.has(flag::LENT) {
                dealloc::hand_on(watched.block, Look::Part(watched.turn));
                count_look(index - 1, watched.block);
            }
        }
    }
}

/// Bytes are compared wholly, but not for ever.
unsafe fn count_look(index: usize, block: Block) {
    // SAFETY: the caller's block.
    if unsafe { Kind::of(block) } != Kind::Bytes {
        return;
    }
    let Some(watched) = state().watched.get_mut(index).filter(|watched| watched.block == block) else { return };
    // SAFETY: bytes have a length.
    let length = unsafe { (*block.cast::<crate::abi::layout::PyVarObject>()).ob_size } as usize;
    match watched.left.checked_sub(length + LOOK) {
        Some(left) => watched.left = left,
        None => forget(block),
    }
}

/// C code goes on: it gets what managed code has done.
#[cold]
pub(crate) fn back(vm: &VirtualMachine) {
    let mut index = 0;
    while let Some(watched) = state().watched.get_mut(index) {
        watched.turn += 1;
        let (block, turn) = (watched.block, watched.turn);
        index += 1;
        // SAFETY: what is watched is alive, and a twin's pointer is cleared before its memory goes.
        unsafe {
            let Some(catch_up) = Kind::of(block).form().caught_up else { continue };
            let twin = header(block).and_then(|header| header.twin().as_ref()?.try_to_owned());
            let Some(twin) = twin else {
                forget(block);
                index -= 1;
                continue;
            };
            // Stands among the lists that were lent: they are caught up there.
            let lent = header(block).is_some_and(|header| header.has(flag::LENT));
            if !lent {
                catch_up(vm, block, &twin, Look::Part(turn));
                let stands_there = state().watched.get(index - 1).is_some_and(|watched| watched.block == block);
                // The block's reference and ours.
                if stands_there && twin.strong_count() <= 2 {
                    forget(block);
                    index -= 1;
                }
            }
            managed::drop_managed(twin);
        }
    }
}

/// The outermost call is over: bytes that Python has are finished.
pub(crate) fn returned() {
    let mut index = 0;
    while let Some(watched) = state().watched.get(index).copied() {
        // SAFETY: what is watched is alive.
        if unsafe { Kind::of(watched.block) } == Kind::Bytes {
            forget(watched.block);
        } else {
            index += 1;
        }
    }
}
