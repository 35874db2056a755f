//! Blocks that C code gave up and may have a bare pointer to, beyond the outermost return: lists that it kept once, for who
//! knows who else holds a list uses it on, and frames that run (greenlet points to those that it switched away from). Each
//! ends at a return after Python has dropped it. Needs the C lock.

use std::cell::UnsafeCell;

use crate::abi::statics::statics;
use crate::heap::block::{Block, flag, header_of};
use crate::lifetime::due;
use crate::lifetime::kept::{Ring, sweep};

/// How many lists linger at most.
const LISTS: usize = 8;
/// How many frames may linger before all are looked at.
const FIRST_DUE: usize = 64;
/// How many frames are looked at otherwise, the latest ones.
const LATEST: usize = 2;

struct State {
    lists: Ring<LISTS>,
    frames: Vec<usize>,
    /// How many frames have all looked at.
    due_at: usize,
}

struct Shared(UnsafeCell<State>);
// SAFETY: only touched with the C lock held.
unsafe impl Sync for Shared {}
static STATE: Shared = Shared(UnsafeCell::new(State { lists: Ring::new(), frames: Vec::new(), due_at: FIRST_DUE }));

fn state() -> &'static mut State {
    // SAFETY: the C lock makes this the only user, and no reference outlives the statement it is used in.
    unsafe { &mut *STATE.0.get() }
}

/// Whether only Python holds an object.
unsafe fn is_only_pythons(block: Block) -> bool {
    // SAFETY: queued blocks are alive and have a twin.
    unsafe { (*block).ob_refcnt == 0 && (*header_of(block).twin()).strong_count() > 1 }
}

/// Keeps the block of a frame that C code asked for and Python holds, or of a list that C code kept once; false if it is
/// neither.
///
/// # Safety
/// `block` is queued, and in no queue any more.
pub(super) unsafe fn begin(block: Block) -> bool {
    // SAFETY: by contract.
    unsafe {
        if !is_only_pythons(block) {
            return false;
        }
        if !header_of(block).has(flag::KEPT) {
            return false;
        }
        if (*block).ob_type == statics().frame {
            state().frames.push(block as usize);
            return true;
        }
        if let Some(earlier) = state().lists.push(block) {
            sweep(earlier);
        }
        true
    }
}

/// Looks at one of the lists and at some of the frames: they end once Python drops them.
pub(super) fn look() {
    end_frames();
    let place = state().lists.advance();
    let block = *place as Block;
    // SAFETY: queued blocks are alive.
    if !block.is_null() && unsafe { !is_only_pythons(block) } {
        *place = 0;
        // SAFETY: as above.
        unsafe { sweep(block) };
    }
    if !state().lists.is_empty() || !state().frames.is_empty() {
        due::make_due();
    }
}

/// Ends frames that run no more: of the latest, or of all if they are many.
fn end_frames() {
    let count = state().frames.len();
    if count < state().due_at {
        return end_frames_from(count.saturating_sub(LATEST));
    }
    end_frames_from(0);
    state().due_at = FIRST_DUE.max(2 * state().frames.len());
}

fn end_frames_from(first: usize) {
    for block in state().frames.split_off(first) {
        // SAFETY: queued blocks are alive.
        unsafe {
            if is_only_pythons(block as Block) {
                state().frames.push(block);
            } else {
                sweep(block as Block);
            }
        }
    }
}

/// Ends all but frames that run.
pub(super) fn flush() {
    end_frames_from(0);
    for block in state().lists.take() {
        // SAFETY: queued blocks are alive.
        unsafe { sweep(block as Block) };
    }
}
