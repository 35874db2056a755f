//! The handles: which block stands for which managed object. Owns the map from managed objects to blocks and the list
//! of blocks without a header. Knows nothing of what blocks contain. Everything here needs the C lock.

use std::cell::UnsafeCell;

use rustc_hash::FxHashMap;
use rustpython_vm::{AsObject, PyObject, PyObjectRef};

use crate::abi::layout as c;
use crate::heap::block::{Block, flag, header};
use crate::lifetime::mirrored;

/// The value of `ob_refcnt` that CPython gives immortal objects.
pub const IMMORTAL: u32 = 3 << 30;

#[derive(Default)]
struct Tables {
    /// Managed object to block. An entry stays as long as both halves live.
    blocks: FxHashMap<usize, Block>,
    /// Twins of blocks that have no header.
    foreign: FxHashMap<usize, PyObjectRef>,
}

struct Shared(UnsafeCell<Option<Tables>>);
// SAFETY: only touched with the C lock held.
unsafe impl Sync for Shared {}
static TABLES: Shared = Shared(UnsafeCell::new(None));

#[inline]
fn tables() -> &'static mut Tables {
    // SAFETY: the C lock makes this the only user; no function here calls out while it holds the reference.
    unsafe { (*TABLES.0.get()).get_or_insert_default() }
}

#[inline]
fn key(object: &PyObject) -> usize {
    std::ptr::from_ref(object) as usize
}

/// The block that stands for `object`, if it has one. Borrowed.
#[inline]
pub fn block_of(object: &PyObject) -> Option<Block> {
    tables().blocks.get(&key(object)).copied()
}

/// Ties `block` to `object`, in both directions. The block must have a header; it takes no reference yet.
#[inline]
pub fn tie(block: Block, object: &PyObject) {
    tables().blocks.insert(key(object), block);
    if let Some(header) = header(block) {
        header.set_twin(object);
    }
}

/// Ties a block that has no header (static data) to an object, for ever.
pub fn tie_foreign(block: Block, object: PyObjectRef) {
    let tables = tables();
    tables.blocks.insert(key(&object), block);
    tables.foreign.insert(block as usize, object);
}

/// Removes the entry of `object`, which is about to die or to lose its block.
#[inline]
pub fn untie(object: *const PyObject) {
    tables().blocks.remove(&(object as usize));
}

/// The twin of a block that has no header.
pub fn foreign_twin(block: Block) -> Option<&'static PyObject> {
    // SAFETY: foreign entries are never removed, and the object's address does not change when the map grows.
    tables().foreign.get(&(block as usize)).map(|twin| unsafe { &*std::ptr::from_ref(twin.as_object()) })
}

/// The managed twin of a block, if it has been made. Borrowed from the block.
#[inline]
pub fn twin_of(block: Block) -> Option<&'static PyObject> {
    match header(block) {
        // SAFETY: a twin's pointer is cleared before the twin's memory goes.
        Some(header) => unsafe { header.twin().as_ref() },
        None => foreign_twin(block),
    }
}

/// Whether C's count of the block never changes.
///
/// # Safety
/// `block` points to an object.
#[inline]
pub unsafe fn is_immortal(block: Block) -> bool {
    // SAFETY: by contract.
    unsafe { ((*block).ob_refcnt as i32) < 0 }
}

/// Adds one to C's count.
///
/// # Safety
/// `block` points to an object.
#[inline]
pub unsafe fn incref(block: Block) {
    // SAFETY: by contract.
    unsafe {
        let count = (*block).ob_refcnt;
        if count < IMMORTAL {
            (*block).ob_refcnt = count + 1;
        }
    }
}

/// Makes a block immortal.
///
/// # Safety
/// `block` points to an object.
pub unsafe fn immortalize(block: Block) {
    // SAFETY: by contract.
    unsafe { (*block).ob_refcnt = IMMORTAL };
}

/// Takes one new reference to a block that stands for `twin`: the first one makes the block own the twin.
///
/// # Safety
/// `block` is tied to `twin`.
#[inline]
pub unsafe fn hold(block: Block, twin: &PyObject) {
    // SAFETY: by contract.
    unsafe {
        incref(block);
        adopt(block, twin);
    }
}

/// Makes a block that C counts own its twin, if it does not yet.
///
/// # Safety
/// `block` is tied to `twin` and C counts references.
#[inline]
pub unsafe fn adopt(block: Block, twin: &PyObject) {
    if let Some(header) = header(block)
        && !header.has(flag::OWNS_TWIN)
    {
        if header.has(flag::RESTING) {
            // SAFETY: by contract.
            unsafe {
                if (*block).ob_refcnt == 1 {
                    return;
                }
                wake(block);
            }
        }
        // SAFETY: by contract.
        if header.has(flag::MIRRORED) && unsafe { mirrored::is_lists_alone(block, header) } {
            return;
        }
        header.set(flag::OWNS_TWIN);
        std::mem::forget(twin.to_owned());
    }
}

/// Takes back the count of a block that C does not count.
///
/// # Safety
/// `block` has a header.
#[inline]
pub(crate) unsafe fn wake(block: Block) {
    if let Some(header) = header(block)
        && header.has(flag::RESTING)
    {
        header.unset(flag::RESTING);
        // SAFETY: by contract.
        unsafe { (*block).ob_refcnt -= 1 };
    }
}

/// How often C counts a block.
///
/// # Safety
/// `block` has a header.
#[inline]
pub(crate) unsafe fn count(block: Block) -> u32 {
    // SAFETY: by contract.
    unsafe { (*block).ob_refcnt - u32::from(header(block).is_some_and(|header| header.has(flag::RESTING))) }
}

/// The type of an object, as C reads it.
///
/// # Safety
/// `block` points to an object.
#[inline]
pub unsafe fn type_of(block: Block) -> *mut c::PyTypeObject {
    // SAFETY: by contract.
    unsafe { (*block).ob_type }
}

#[cfg(test)]
mod tests {
    use rustpython_vm::VirtualMachine;

    use super::*;
    use crate::heap::block::{free_now, header_of};
    use crate::heap::kind::Kind;
    use crate::heap::testing::{class, object};
    use crate::lifetime::testing::with_vm;
    use crate::lifetime::{dealloc, thread};

    /// A fresh block and a list that it is tied to.
    fn tied(vm: &VirtualMachine) -> (Block, PyObjectRef) {
        let twin: PyObjectRef = vm.ctx.new_list(vec![]).into();
        let block = object(class(Kind::Opaque));
        tie(block, &twin);
        (block, twin)
    }

    #[test]
    fn ties_lead_both_ways() {
        with_vm(|vm| {
            let _section = thread::enter(vm);
            let twin: PyObjectRef = vm.ctx.new_list(vec![]).into();
            let block = object(class(Kind::Opaque));
            assert!(block_of(&twin).is_none() && twin_of(block).is_none());
            tie(block, &twin);
            assert_eq!(block_of(&twin), Some(block));
            assert!(twin_of(block).is_some_and(|it| it.is(&twin)));
            assert_eq!(twin.strong_count(), 1, "a tie takes no reference");
            untie(&raw const *twin);
            assert_eq!(block_of(&twin), None);
            // SAFETY: nobody has the block any more.
            unsafe { free_now(block) };
        });
    }

    #[test]
    fn while_c_counts_the_block_owns_its_twin_once() {
        with_vm(|vm| {
            let _section = thread::enter(vm);
            let (block, twin) = tied(vm);
            // SAFETY: the block is tied to the twin; its slot stays when it goes.
            unsafe {
                hold(block, &twin);
                hold(block, &twin);
                assert_eq!((count(block), twin.strong_count()), (2, 2));
                adopt(block, &twin);
                assert_eq!((count(block), twin.strong_count()), (2, 2));
                dealloc::decref(block);
                assert_eq!((count(block), twin.strong_count()), (1, 2));
                dealloc::decref(block);
                assert!(!header_of(block).has(flag::LIVE));
            }
            assert_eq!((block_of(&twin), twin.strong_count()), (None, 1));
        });
    }

    #[test]
    fn a_resting_block_wakes_when_c_counts_it() {
        with_vm(|vm| {
            let _section = thread::enter(vm);
            let (block, twin) = tied(vm);
            // SAFETY: the block is tied to the twin.
            unsafe {
                (*block).ob_refcnt = 1;
                header_of(block).set(flag::RESTING);
                assert_eq!(count(block), 0);
                adopt(block, &twin);
                assert!(header_of(block).has(flag::RESTING), "only managed code has it");
                hold(block, &twin);
                assert!(!header_of(block).has(flag::RESTING) && header_of(block).has(flag::OWNS_TWIN));
                assert_eq!((count(block), (*block).ob_refcnt, twin.strong_count()), (1, 1, 2));
                wake(block);
                assert_eq!(count(block), 1, "it is awake");
                dealloc::decref(block);
            }
            assert_eq!(twin.strong_count(), 1);
        });
    }

    #[test]
    fn static_objects_live_for_ever() {
        with_vm(|vm| {
            let _section = thread::enter(vm);
            let twin: PyObjectRef = vm.ctx.new_list(vec![]).into();
            let data = c::PyObject { ob_refcnt: 1, ob_overflow: 0, ob_flags: 0, ob_type: class(Kind::Opaque) };
            let block: Block = Box::leak(Box::new(data));
            tie_foreign(block, twin.clone());
            assert!(block_of(&twin) == Some(block) && twin_of(block).is_some_and(|it| it.is(&twin)));
            // SAFETY: an object.
            unsafe {
                // C code that knows nothing of immortal objects takes the count away.
                dealloc::decref(block);
                assert!(is_immortal(block));
                incref(block);
                dealloc::decref(block);
                assert_eq!((*block).ob_refcnt, IMMORTAL);
            }
            assert!(foreign_twin(block).is_some());
        });
    }
}
