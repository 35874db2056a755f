//! Objects that C sees for the time of a call. The caller keeps the managed object that long, so the block need not:
//! it gets a count, and owns its twin only if C counts it still when the call is over.

use rustpython_vm::{PyObject, VirtualMachine};

use crate::abi::statics::statics;
use crate::heap::block::{Block, flag, header};
use crate::heap::kind::Kind;
use crate::lifetime::check;
use crate::lifetime::numbers;
use crate::lifetime::{dealloc, handle};
use crate::twins::store;

/// The block of an object for the time of a call, or null. Needs the C lock.
pub struct Passed(Block);

impl Passed {
    /// No object.
    pub const NULL: Self = Self(std::ptr::null_mut());

    /// Passes a managed object, which the caller keeps.
    #[inline]
    pub fn new(vm: &VirtualMachine, object: &PyObject) -> Self {
        Self(pass(vm, object))
    }

    /// Passes a managed object if there is one.
    #[inline]
    pub fn opt(vm: &VirtualMachine, object: Option<&PyObject>) -> Self {
        object.map_or(Self::NULL, |object| Self::new(vm, object))
    }

    /// Passes a block, which the caller keeps. It may be null.
    ///
    /// # Safety
    /// `block` is null or points to an object.
    #[inline]
    pub unsafe fn again(block: Block) -> Self {
        if !block.is_null() {
            // SAFETY: by contract.
            unsafe { handle::incref(block) };
        }
        Self(block)
    }

    /// Passes a reference of the caller's, which is given up when the call is over. It may be null.
    #[inline]
    pub fn owned(block: Block) -> Self {
        Self(block)
    }

    /// What C gets.
    #[inline]
    pub fn block(&self) -> Block {
        self.0
    }

    /// The reference itself, for C to own.
    #[inline]
    pub fn into_block(self) -> Block {
        let block = self.0;
        std::mem::forget(self);
        block
    }
}

impl Drop for Passed {
    #[inline]
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: made by one of the functions above.
            unsafe { take_back(self.0) };
        }
    }
}

/// The block of a managed object, with a count. [`take_back`] has to follow while the caller still keeps the object.
#[inline]
pub fn pass(vm: &VirtualMachine, object: &PyObject) -> Block {
    if let Some(block) = store::store_number(vm, object) {
        return block;
    }
    match handle::block_of(object) {
        Some(block) => {
            // SAFETY: tied blocks are live and stand for the object.
            unsafe {
                handle::incref(block);
                store::refresh(vm, block, object);
            }
            block
        }
        None => store::store(vm, object),
    }
}

/// Takes back the count that [`pass`] gave.
///
/// # Safety
/// `block` has that count, and the managed object lives.
#[inline]
pub unsafe fn take_back(block: Block) {
    // SAFETY: by contract.
    unsafe {
        let count = (*block).ob_refcnt as i32;
        if count < 0 {
            return; // immortal
        }
        let Some(header) = header(block) else { return dealloc::decref(block) };
        let owns = header.has(flag::OWNS_TWIN);
        if count > 1 {
            (*block).ob_refcnt -= 1;
            if header.has(flag::SHOWN_EXCEPTION) {
                dealloc::last_look(block);
            }
            if !owns && let Some(twin) = header.twin().as_ref() {
                handle::adopt(block, twin);
            }
            if owns && Kind::of(block).is_number() && !header.has(flag::KNOWN_NUMBER) {
                keep_number(block);
            }
        } else if count == 1 && owns {
            (*block).ob_refcnt = 0;
            dealloc::end_of_call(block);
        } else if count == 1 && header.twin().is_null() {
            (*block).ob_refcnt = 0;
            dealloc::dealloc(block);
        } else if count == 1 {
            (*block).ob_refcnt = 0;
        } else {
            check::underflow(block);
        }
    }
}

/// C goes on counting a number that was passed to it.
#[cold]
unsafe fn keep_number(block: Block) {
    // SAFETY: the caller's block of a number, which owns its twin.
    unsafe {
        let class = (*block).ob_type;
        if class == statics().long || class == statics().float {
            numbers::keep(block);
        }
    }
}
