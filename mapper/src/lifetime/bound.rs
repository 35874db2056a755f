//! The managed half of an object that C code made: a payload with a pointer back to the block.

use std::fmt;

use rustpython_vm::builtins::PyType;
use rustpython_vm::object::{MaybeTraverse, TraverseFn};
use rustpython_vm::{Context, Py, PyObjectRef, PyPayload};

use crate::heap::block::{Block, flag, header};
use crate::heap::spare;

/// Ties a payload to its block: when the payload is dropped, the block hears of it.
pub struct Link {
    block: usize,
    generation: u16,
}

impl Link {
    /// Makes the link to a block that is marked [`crate::heap::block::flag::BOUND`].
    pub fn new(block: Block) -> Self {
        let generation = header(block).map_or(0, |header| header.generation());
        Self { block: block as usize, generation }
    }

    /// The block.
    #[inline]
    pub fn block(&self) -> Block {
        self.block as Block
    }

    /// Takes the dict out of a dying object of a Python class that derives from a C type: it goes before the C type's
    /// deallocator is called, as in CPython. A dict in the struct is that one's.
    fn take_dict(&self, out: &mut Vec<PyObjectRef>) {
        let of_block = header(self.block()).filter(|header| header.generation() == self.generation);
        let Some(of_block) = of_block else { return };
        // SAFETY: the payload's block lives as long as the payload, its type as long as the block; the payload is its twin's.
        unsafe {
            let Some(twin) = of_block.twin().as_ref().filter(|twin| twin.strong_count() == 0) else { return };
            let class = (*self.block()).ob_type;
            let made_in_python = header(class.cast()).is_some_and(|header| header.has(flag::PINNED));
            // What is pinned has its keeper's payload here.
            if made_in_python
                && !spare::pins(class)
                && !spare::links(class)
                && let Some(dict) = twin.dict()
                && twin.set_dict(None).is_ok()
            {
                out.push(dict.into());
            }
        }
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
        self.link.take_dict(out);
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

#[cfg(test)]
mod tests {
    use rustpython_vm::PyObjectRef;

    use super::*;
    use crate::heap::block::Header;
    use crate::heap::kind::Kind;
    use crate::heap::testing::{class, object};
    use crate::lifetime::testing::with_vm;
    use crate::lifetime::{handle, thread};

    /// The header of a fresh block that is bound to a twin, and the link that the twin's payload has.
    fn bind(twin: &PyObjectRef) -> (&'static Header, Link) {
        let block = object(class(Kind::Instance));
        handle::tie(block, twin);
        let header = header(block).expect("a block of ours");
        header.set(flag::BOUND);
        (header, Link::new(block))
    }

    #[test]
    fn a_block_ends_with_its_twin_unless_c_counts_it() {
        with_vm(|vm| {
            let _section = thread::enter(vm);
            let twin = vm.ctx.new_list(vec![]).into();
            let (free, link) = bind(&twin);
            drop(link);
            assert!(!free.has(flag::LIVE) && handle::block_of(&twin).is_none());
            let (counted, link) = bind(&twin);
            // SAFETY: a block of ours.
            unsafe { handle::incref(link.block()) };
            drop(link);
            assert!(counted.has(flag::LIVE) && counted.twin().is_null());
            let (resting, link) = bind(&twin);
            resting.set(flag::RESTING);
            // SAFETY: as above.
            unsafe { handle::incref(link.block()) };
            drop(link);
            assert!(!resting.has(flag::LIVE), "nobody counts a resting block");
        });
    }

    #[test]
    fn the_end_of_a_twin_that_was_outrun_says_nothing() {
        with_vm(|vm| {
            let _section = thread::enter(vm);
            let twin = vm.ctx.new_list(vec![]).into();
            let (header, link) = bind(&twin);
            header.outrun_twin();
            let next = Link::new(link.block());
            drop(link);
            assert!(header.has(flag::LIVE));
            drop(next);
            assert!(!header.has(flag::LIVE));
            handle::untie(&raw const *twin);
        });
    }
}
