//! The raised exception's place: the thread state, because compiled code reads it there.

use crate::heap::block::Block;
use crate::lifetime::{dealloc, thread};

/// The raised exception. Borrowed from the thread state; null if there is none.
#[inline]
pub fn occurred() -> Block {
    // SAFETY: this thread's state.
    unsafe { (*thread::state()).current_exception }
}

/// Raises the exception of a block, whose reference is taken over; null clears.
pub fn set_block(block: Block) {
    // SAFETY: this thread's state owns the exception in it.
    unsafe {
        let old = std::mem::replace(&mut (*thread::state()).current_exception, block);
        dealloc::xdecref(old);
    }
}

/// Takes the raised exception's reference out of the thread state; null if there is none.
#[inline]
pub fn take_block() -> Block {
    // SAFETY: this thread's state.
    unsafe { std::mem::replace(&mut (*thread::state()).current_exception, std::ptr::null_mut()) }
}
