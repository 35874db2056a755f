//! Collection of cycles through blocks. The VM's collector sees managed objects and their references only, so each
//! collection is prepared: C's references between blocks are read through `tp_traverse` (see `graph`) and lent to the VM as
//! edges.
//!
//! The VM subtracts each edge from a count, so a twin with n C references gets n strong counts for that time: the one
//! that its block owns, and n - 1 more. The garbage is found with the C lock held; finalizers run without it (see
//! `turnstile`).

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustpython_vm::builtins::PyType;
use rustpython_vm::gc_state::CollectResult;
use rustpython_vm::object::TraverseFn;
use rustpython_vm::{PyObjectRef, VirtualMachine};

use crate::abi::platform;
use crate::heap::block::{self, Block, flag, header_of};
use crate::heap::kind::Kind;
use crate::lifetime::graph::{self, SHADOW_KEY, graph};
use crate::lifetime::{dealloc, due, finalizer, handle, kept, loans, managed, pinned, raised, thread, turnstile};

/// Whether the graph may be read.
static COLLECTING: AtomicBool = AtomicBool::new(false);
/// How many objects of C's came more than went, since the last collection.
static BORN: AtomicUsize = AtomicUsize::new(0);
/// How many of them make a collection due.
static DUE_AT: AtomicUsize = AtomicUsize::new(FIRST_DUE);
const FIRST_DUE: usize = 20_000;

/// Collects with C's references taken into account.
pub(crate) fn collect(vm: &VirtualMachine, generation: usize) -> CollectResult {
    let _section = thread::section(vm);
    if COLLECTING.load(Ordering::Relaxed) {
        return CollectResult::default();
    }
    // What is kept ends first, with what it lends.
    loop {
        kept::flush();
        if thread::context().depth.get() <= 1 {
            kept::returned(); // no C code waits for us
        }
        if !loans::revalidate() {
            break;
        }
    }
    if COLLECTING.swap(true, Ordering::AcqRel) {
        return CollectResult::default(); // what ended just now has begun one
    }
    graph::read(vm);
    let lent = lend_counts();
    let passed = turnstile::pass(vm, || vm.state.gc.collect_force(generation));
    let mut result = CollectResult::default();
    if let Ok((found, counted)) = passed {
        result = found;
        result.collected = result.collected.saturating_sub(graph().counted_twice + usize::from(counted));
    }
    finish(vm, lent);
    BORN.store(0, Ordering::Relaxed);
    result
}

/// What a class adds to the count of births, which is always part of a cycle and takes as much memory as many objects.
pub(crate) const CLASS: usize = 64;

/// Notes that an object was made which the collector looks at: it counts as so many.
#[inline]
pub(crate) fn born(weight: usize) {
    let count = BORN.load(Ordering::Relaxed) + weight;
    BORN.store(count, Ordering::Relaxed);
    if is_due() {
        due::press();
    }
}

/// Notes that such an object went.
#[inline]
pub(crate) fn gone() {
    BORN.store(BORN.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
}

/// Whether [`collect`] should run at the next return or callback.
#[inline]
pub(crate) fn is_due() -> bool {
    BORN.load(Ordering::Relaxed) >= DUE_AT.load(Ordering::Relaxed)
}

/// The collection that [`is_due`] announced, unless it is switched off.
#[cold]
pub(crate) fn collect_due(vm: &VirtualMachine) {
    BORN.store(0, Ordering::Relaxed);
    if vm.state.gc.is_enabled() {
        collect(vm, 2);
        let mut live = 0;
        block::for_each_live(|_, _| live += 1);
        // As CPython: the more there is, the less often all of it is looked at.
        DUE_AT.store(FIRST_DUE.max(live / 4), Ordering::Relaxed);
    }
}

/// Gives twins that are held by blocks of the graph alone a strong count for each such reference but the first.
fn lend_counts() -> Vec<PyObjectRef> {
    let mut lent = Vec::new();
    for node in graph().nodes.iter().filter(|node| node.shadow.is_none() && !node.is_root && node.internal > 0) {
        // SAFETY: bound nodes have twins.
        unsafe {
            let Some(twin) = header_of(node.block).twin().as_ref() else { continue };
            handle::adopt(node.block, twin);
            let owned = u32::from(header_of(node.block).has(flag::OWNS_TWIN));
            for _ in owned..node.internal {
                lent.push(twin.to_owned());
            }
        }
    }
    lent
}

/// Takes everything back that the collection was lent. The graph is gone before anything is dropped: what ends then may
/// collect, too.
fn finish(vm: &VirtualMachine, lent: Vec<PyObjectRef>) {
    let graph::Graph { nodes, saved, .. } = std::mem::take(graph());
    COLLECTING.store(false, Ordering::Release);
    let mut dropped = Vec::new();
    for node in nodes.iter().filter(|node| node.shadow.is_some()) {
        // SAFETY: the graph counts a reference to these.
        unsafe {
            if Kind::of(node.block) == Kind::Type
                && let Some(class) =
                    header_of(node.block).twin().as_ref().and_then(|twin| twin.downcast_ref::<PyType>())
            {
                dropped.extend(class.attributes.remove(vm.ctx.intern_str(SHADOW_KEY)));
            }
        }
    }
    // Blocks that went, and such as came, in the meantime: only those that live are looked at.
    block::for_each_live(|_, header| header.unset(flag::IN_GRAPH));
    dropped.into_iter().chain(lent).chain(saved).for_each(managed::drop_managed);
    for node in nodes {
        if let Some(shadow) = node.shadow {
            managed::drop_managed(shadow.into());
            // SAFETY: `read` took the reference.
            unsafe { dealloc::decref(node.block) };
        }
    }
}

/// Whether this thread collects. Others that look at an object meanwhile see its managed references only.
pub(super) fn is_running() -> bool {
    COLLECTING.load(Ordering::Acquire) && graph().thread == platform::thread_id()
}

/// Whether this thread collects, and the graph stands.
pub(crate) fn is_collecting() -> bool {
    is_running()
}

/// Runs `body` with the C lock if this thread collects: the graph may be used.
pub(super) fn while_collecting(body: impl FnOnce()) {
    if is_running() {
        thread::in_section(body);
    }
}

/// The references of a bound block, for its twin's payload to report. Nothing outside of a collection.
#[inline]
pub(crate) fn traverse_bound(block: Block, tracer: &mut TraverseFn<'_>) {
    while_collecting(|| {
        // SAFETY: the payload's block lives as long as the payload.
        if let Some(index) = unsafe { graph::node_of(block) } {
            graph::report_edges(index, tracer);
        }
    });
}

/// Breaks the cycles of a bound block, if the collection found its twin to be garbage.
pub(crate) fn clear_bound(block: Block) {
    while_collecting(|| {
        // SAFETY: the payload's block lives as long as the payload; a twin that is deallocated has a count of 0.
        unsafe {
            let twin = header_of(block).twin();
            if graph::node_of(block).is_some() && twin.as_ref().is_some_and(|twin| twin.strong_count() > 0) {
                clear(block);
            }
        }
    });
}

/// Runs an object's finalizer. Whether somebody took hold of the object.
///
/// # Safety
/// `block` is a live object that the caller holds.
pub(crate) unsafe fn finalize(block: Block) -> bool {
    // SAFETY: by contract.
    unsafe {
        let before = (*block).ob_refcnt;
        finalizer::call(block);
        (*block).ob_refcnt > before
    }
}

/// Keeps an object that its finalizer saved until the collection is over: the VM cannot see it where C counts alone.
pub(crate) fn save(object: PyObjectRef) {
    if is_running() {
        graph().saved.push(object);
    }
}

/// The thread that clears garbage at the moment.
static CLEARING: AtomicUsize = AtomicUsize::new(0);

/// Whether this thread has an object cleared that the collection found to be garbage: the VM clears its own part itself.
pub(crate) fn is_clearing() -> bool {
    CLEARING.load(Ordering::Relaxed) == platform::thread_id()
}

/// Breaks the cycles of a block that is garbage.
///
/// # Safety
/// `block` is a live object.
pub(super) unsafe fn clear(block: Block) {
    // SAFETY: by contract; the reference keeps it while it is cleared.
    unsafe {
        handle::incref(block);
        let class = (*block).ob_type;
        let kind = if pinned::is_pinning(class) { Kind::Instance } else { Kind::of(block) };
        if let Some(clear) = graph::of_metaclass(block, |metaclass| (*metaclass).tp_clear) {
            CLEARING.store(platform::thread_id(), Ordering::Relaxed);
            clear(block);
            CLEARING.store(0, Ordering::Relaxed);
        } else if let Some(clear) = kind.form().clear {
            CLEARING.store(platform::thread_id(), Ordering::Relaxed);
            clear(block);
            CLEARING.store(0, Ordering::Relaxed);
        }
        // What `tp_clear` raised has nowhere to go.
        raised::set_block(std::ptr::null_mut());
        dealloc::decref(block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::testing::{class, object};
    use crate::lifetime::testing::{items, with_vm};

    /// Pairs of which each refers to those at two indices.
    fn pairs<const N: usize>(edges: [[usize; 2]; N]) -> [Block; N] {
        let class = class(Kind::Tuple);
        let pairs = std::array::from_fn(|_| object(class));
        for (pair, targets) in pairs.iter().zip(edges) {
            let targets = targets.map(|target| pairs[target]);
            // SAFETY: fresh pairs.
            unsafe {
                targets.into_iter().for_each(|target| handle::incref(target));
                items(*pair).write(targets);
            }
        }
        pairs
    }

    fn live(pairs: &[Block]) -> Vec<bool> {
        // SAFETY: the tests' pairs; slots stay when their blocks go.
        pairs.iter().map(|pair| unsafe { header_of(*pair) }.has(flag::LIVE)).collect()
    }

    #[test]
    fn cycles_that_nobody_holds_are_ended() {
        with_vm(|vm| {
            let _section = thread::enter(vm);
            // Two that hold each other, one that holds itself, and one of a cycle that C counts.
            let pairs = pairs([[1, 1], [0, 0], [2, 2], [4, 4], [3, 3]]);
            // SAFETY: a live pair.
            unsafe { handle::incref(pairs[3]) };
            collect(vm, 2);
            assert_eq!(live(&pairs), [false, false, false, true, true]);
            // SAFETY: the test's reference.
            unsafe {
                assert_eq!((handle::count(pairs[3]), handle::count(pairs[4])), (3, 2));
                dealloc::decref(pairs[3]);
            }
            collect(vm, 2);
            assert_eq!(live(&pairs), [false; 5]);
            assert!(!is_running() && graph().nodes.is_empty());
        });
    }

    #[test]
    fn what_a_held_object_reaches_lives() {
        with_vm(|vm| {
            let _section = thread::enter(vm);
            // The held one leads to a cycle by way of another.
            let pairs = pairs([[1, 1], [2, 3], [3, 3], [2, 2]]);
            // SAFETY: live pairs.
            unsafe { handle::incref(pairs[0]) };
            collect(vm, 2);
            assert_eq!(live(&pairs), [true; 4]);
            // SAFETY: the test's reference.
            unsafe { dealloc::decref(pairs[0]) };
            assert_eq!(live(&pairs), [false, false, true, true], "the cycle holds itself");
            collect(vm, 2);
            assert_eq!(live(&pairs), [false; 4]);
        });
    }
}
