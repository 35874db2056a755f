//! Objects whose address C code has made an int of: it may make the int a pointer again later, while Python has the object.
//! Most have a block as long as that; of a plain `object`, whose end nobody can notice, the latest blocks are kept.

use std::ffi::c_void;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::abi::statics::statics;
use crate::heap::block::{Block, header_of, is_ours};
use crate::lifetime::{dealloc, handle};

/// The blocks that are kept, 0 for none, and whose place is the next one's.
struct Latest {
    blocks: [usize; 8],
    next: usize,
}

static LATEST: Mutex<Latest> = Mutex::new(Latest { blocks: [0; 8], next: 0 });

fn latest() -> MutexGuard<'static, Latest> {
    LATEST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends what was kept at a place. Needs the C lock.
fn end(block: usize) {
    if block != 0 {
        // SAFETY: a block that was held.
        unsafe { dealloc::decref(block as Block) };
    }
}

/// Lets all go, so that what is live can be counted. Needs the C lock.
pub(crate) fn flush() {
    let blocks = std::mem::take(&mut latest().blocks);
    blocks.into_iter().for_each(end);
}

/// Keeps an object's block, if `pointer` is one of an object that ends unnoticed. Needs the C lock.
pub(crate) fn keep(pointer: *mut c_void) {
    let block: Block = pointer.cast();
    if !(block as usize).is_multiple_of(16) || !is_ours(block) {
        return;
    }
    // SAFETY: memory of ours has a header's room in front; whether it is a block, the table says.
    let Some(twin) = (unsafe { header_of(block).twin().as_ref() }) else { return };
    // SAFETY: a block that the table knows is alive, and so is its twin.
    let is_plain = || unsafe { (*block).ob_type } == statics().object;
    if handle::block_of(twin) != Some(block) || !is_plain() {
        return;
    }
    let mut latest = latest();
    if latest.blocks.contains(&(block as usize)) {
        return;
    }
    // SAFETY: tied to each other.
    unsafe { handle::hold(block, twin) };
    let place = latest.next;
    latest.next = (place + 1) % latest.blocks.len();
    let oldest = std::mem::replace(&mut latest.blocks[place], block as usize);
    drop(latest);
    end(oldest);
}
