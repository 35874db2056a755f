//! The managed half of an object that C code made: a payload with a pointer back to the block.

use std::fmt;

use rustpython_vm::builtins::PyType;
use rustpython_vm::object::{MaybeTraverse, TraverseFn};
use rustpython_vm::{Context, Py, PyObjectRef, PyPayload};

use crate::heap::block::Block;

/// Ties a payload to its block: when the payload is dropped, the block hears of it.
pub struct Link {
    block: usize,
    generation: u16,
}

impl Link {
    /// Makes the link to a block that is marked [`crate::heap::block::flag::BOUND`].
    pub fn new(block: Block) -> Self {
        let generation = crate::heap::block::header(block).map_or(0, |header| header.generation());
        Self { block: block as usize, generation }
    }

    /// The block.
    #[inline]
    pub fn block(&self) -> Block {
        self.block as Block
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        crate::lifetime::dealloc::bound_twin_died(self.block(), self.generation);
    }
}

/// A payload of RustPython's, extended by the link to a block. The VM sees `B`, for the type ids are the same and `B`
/// stands first.
#[repr(C)]
pub struct Bound<B> {
    /// What the VM sees.
    pub base: B,
    /// The way back to the block.
    pub link: Link,
}

impl<B: fmt::Debug> fmt::Debug for Bound<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:#x}", self.base, self.link.block)
    }
}

impl<B: MaybeTraverse> MaybeTraverse for Bound<B> {
    const HAS_TRAVERSE: bool = true;
    const HAS_CLEAR: bool = true;
    fn try_traverse(&self, traverse: &mut TraverseFn<'_>) {
        self.base.try_traverse(traverse);
        crate::lifetime::collect::traverse_bound(self.link.block(), traverse);
    }
    fn try_clear(&mut self, out: &mut Vec<PyObjectRef>) {
        crate::lifetime::collect::clear_bound(self.link.block());
        self.base.try_clear(out);
    }
}

/// A payload as [`Bound`] for objects that hold no others: the collector need not know of them, which makes them cheaper.
#[repr(C)]
pub struct Leaf<B> {
    base: B,
    link: Link,
}

impl<B> Leaf<B> {
    /// Makes the payload.
    pub fn new(base: B, link: Link) -> Self {
        Self { base, link }
    }
}

impl<B: fmt::Debug> fmt::Debug for Leaf<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:#x}", self.base, self.link.block)
    }
}

impl<B> MaybeTraverse for Leaf<B> {
    fn try_traverse(&self, _: &mut TraverseFn<'_>) {}
}

impl<B: PyPayload + fmt::Debug> PyPayload for Leaf<B> {
    const PAYLOAD_TYPE_ID: std::any::TypeId = B::PAYLOAD_TYPE_ID;
    const NEW_REF_UNTRACKED: bool = true;
    fn class(context: &Context) -> &'static Py<PyType> {
        B::class(context)
    }
}

impl<B: PyPayload + fmt::Debug> PyPayload for Bound<B> {
    const PAYLOAD_TYPE_ID: std::any::TypeId = B::PAYLOAD_TYPE_ID;
    fn class(context: &Context) -> &'static Py<PyType> {
        B::class(context)
    }
}
