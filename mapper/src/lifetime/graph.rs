//! What a collection reads before it begins: the blocks that take part, and C's references between them.
//!
//! A block whose twin has a payload of ours (`Bound`) shows its edges through that. Any other block that has edges (a
//! list's, a type's) or no twin gets a [`Shadow`], a managed object that stands for it while the collection lasts. A block that
//! is counted from outside of what was read is a root; nothing is reported that leads to it.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering};

use rustc_hash::FxHashSet;
use rustpython_vm::builtins::PyType;
use rustpython_vm::object::TraverseFn;
use rustpython_vm::{AsObject, PyObjectRef, PyRef, VirtualMachine};

use crate::abi::layout::{self as c, tpflags};
use crate::abi::platform;
use crate::abi::statics::statics;
use crate::heap::block::{self, Block, flag, header, header_of};
use crate::heap::form::{Visit, through};
use crate::heap::kind::Kind;
use crate::heap::spare;
use crate::lifetime::shadow::Shadow;
use crate::lifetime::{handle, loans, pinned};

/// A block in the graph.
pub(super) struct Node {
    pub(super) block: Block,
    /// Where its edges begin in [`Graph::edges`]; they end where the next node's begin.
    pub(super) first_edge: usize,
    /// How many of C's references come from other nodes.
    pub(super) internal: u32,
    /// Whether C counts more references than those.
    pub(super) is_root: bool,
    /// What the VM sees instead of the block, unless its twin does.
    pub(super) shadow: Option<PyRef<Shadow>>,
}

/// What a collection reads before it begins.
#[derive(Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<u32>,
    /// Clearing began on this thread: from then on the graph is history.
    pub(super) thread: usize,
    /// Shadows of objects that the VM counts, too.
    pub(super) counted_twice: usize,
    /// What finalizers saved, which the VM cannot see where C counts alone.
    pub(super) saved: Vec<PyObjectRef>,
}

struct Shared(UnsafeCell<Graph>);
// SAFETY: written by the thread that holds the C lock while no other one collects; read while the world is stopped.
unsafe impl Sync for Shared {}
static GRAPH: Shared = Shared(UnsafeCell::new(Graph {
    nodes: Vec::new(),
    edges: Vec::new(),
    thread: 0,
    counted_twice: 0,
    saved: Vec::new(),
}));
/// The graph of the collection that runs.
pub(super) fn graph() -> &'static mut Graph {
    // SAFETY: see `Shared`; no reference outlives the statement it is used in.
    unsafe { &mut *GRAPH.0.get() }
}

/// Whether a block can hold references, or be held by what does.
pub(super) unsafe fn is_candidate(block: Block, header: &block::Header) -> bool {
    if header.has(flag::RAW | flag::DYING) {
        return false;
    }
    // SAFETY: a live block that is an object.
    unsafe {
        // What nobody counts and stands for nothing is kept for the next time, or ends at this moment on a thread that has
        // given the lock up on the way: its memory goes whatever the graph counts.
        let is_nobodys = header.twin().is_null() && handle::count(block) == 0;
        if (*block).ob_type.is_null() || handle::is_immortal(block) || is_nobodys {
            return false;
        }
        // Those of Python's own subclasses have a dict.
        !Kind::of(block).is_plain() || (*(*block).ob_type).tp_flags & tpflags::HAVE_GC != 0
    }
}

/// The node that stands for a block.
pub(super) unsafe fn node_of(block: Block) -> Option<usize> {
    if block.is_null() {
        return None;
    }
    header(block)
        .filter(|header| header.has(flag::IN_GRAPH))
        // SAFETY: the flag says so.
        .map(|_| unsafe { spare::graph_index(block) })
}

/// Reads all blocks and the references between them.
pub(super) fn read(vm: &VirtualMachine) {
    let graph = graph();
    *graph = Graph { thread: platform::thread_id(), ..Graph::default() };
    find_nodes(&mut graph.nodes);
    find_edges(graph);
    find_roots(vm, graph);
    lead_to_shadows(vm, &graph.nodes);
}

/// Finds the blocks that take part, and numbers them.
fn find_nodes(nodes: &mut Vec<Node>) {
    let mut resolution_orders = FxHashSet::default();
    block::for_each_live(|block, header| {
        // SAFETY: a live object.
        unsafe {
            if is_candidate(block, header) {
                if Kind::of(block) == Kind::Type {
                    resolution_orders.insert((*block.cast::<c::PyTypeObject>()).tp_mro as usize);
                }
                nodes.push(Node { block, first_edge: 0, internal: 0, is_root: false, shadow: None });
            }
        }
    });
    // A type's `tp_mro` is read with the type, for its entry for the type itself is not counted.
    nodes.retain(|node| !resolution_orders.contains(&(node.block as usize)));
    for (index, node) in nodes.iter().enumerate() {
        // SAFETY: live blocks of ours.
        unsafe {
            header_of(node.block).set(flag::IN_GRAPH);
            spare::set_graph_index(node.block, index);
        }
    }
}

/// Reads the references between the nodes.
fn find_edges(graph: &mut Graph) {
    for index in 0..graph.nodes.len() {
        graph.nodes[index].first_edge = graph.edges.len();
        // SAFETY: live objects.
        unsafe {
            each_reference(graph.nodes[index].block, &mut |target| {
                if let Some(target) = node_of(target) {
                    graph.nodes[target].internal += 1;
                    graph.edges.push(target as u32);
                }
            });
        }
    }
}

/// Finds which nodes are counted from outside, and gives those a shadow that need one.
fn find_roots(vm: &VirtualMachine, graph: &mut Graph) {
    for index in 0..graph.nodes.len() {
        let end = graph.nodes.get(index + 1).map_or(graph.edges.len(), |next| next.first_edge);
        let node = &mut graph.nodes[index];
        // SAFETY: live blocks of ours.
        unsafe {
            let header = header_of(node.block);
            node.is_root = handle::count(node.block) > node.internal;
            // C may have counted an object since it last crossed.
            if node.is_root
                && let Some(twin) = header.twin().as_ref()
            {
                handle::adopt(node.block, twin);
            }
            let has_payload = header.has(flag::BOUND) || pinned::is_pinning((*node.block).ob_type);
            let shows_edges = has_payload && Kind::of(node.block) != Kind::Type;
            if header.twin().is_null() || (end > node.first_edge && !shows_edges) || Kind::of(node.block) == Kind::Type
            {
                handle::incref(node.block);
                node.shadow = Some(Shadow::new(vm, index as u32));
            }
        }
    }
}

/// A type's payload is the VM's: while the graph stands, its dict leads to the shadow.
fn lead_to_shadows(vm: &VirtualMachine, nodes: &[Node]) {
    for node in nodes {
        // SAFETY: live blocks of ours.
        unsafe {
            if let (Kind::Type, Some(shadow)) = (Kind::of(node.block), &node.shadow)
                && let Some(class) =
                    header_of(node.block).twin().as_ref().and_then(|twin| twin.downcast_ref::<PyType>())
            {
                class.attributes.set(vm.ctx.intern_str(SHADOW_KEY), shadow.clone().into());
            }
        }
    }
}

/// Under which a class's dict leads to its block's shadow while the graph stands.
pub(super) const SHADOW_KEY: &str = " block";

/// Calls `visit` for each reference that a block counts.
///
/// # Safety
/// `block` is alive.
pub(crate) unsafe fn each_reference(block: Block, visit: &mut Visit<'_>) {
    // SAFETY: by contract.
    unsafe {
        if header(block).is_some_and(|header| header.has(flag::LENDS)) {
            loans::each(block, visit);
        }
        if let Some(traverse) = of_metaclass(block, |metaclass| (*metaclass).tp_traverse) {
            READING.store(true, Ordering::Relaxed);
            through(visit, |function, argument| traverse(block, function, argument));
            READING.store(false, Ordering::Relaxed);
            return;
        }
        // C code knows what its own fields refer to.
        let kind = if pinned::is_pinning((*block).ob_type) { Kind::Instance } else { Kind::of(block) };
        if let Some(each) = kind.form().each {
            READING.store(true, Ordering::Relaxed);
            each(block, visit);
            READING.store(false, Ordering::Relaxed);
        }
    }
}

/// A slot that a C metaclass defines for its types, with what it adds to their structs, and goes on to the one of `type`.
///
/// # Safety
/// `block` is an object.
pub(super) unsafe fn of_metaclass<F: Copy>(block: Block, slot: fn(*const c::PyTypeObject) -> Option<F>) -> Option<F> {
    // SAFETY: by contract; the stub's data.
    unsafe {
        if Kind::of(block) != Kind::Type {
            return None;
        }
        let (metaclass, type_type) = ((*block).ob_type, statics().type_);
        if metaclass == type_type {
            return None;
        }
        let bits = |f: Option<F>| f.map(|f| std::mem::transmute_copy::<F, usize>(&f));
        slot(metaclass).filter(|f| bits(Some(*f)) != bits(slot(type_type)))
    }
}

/// Whether a `tp_traverse` is called to read what C's part of an object refers to.
static READING: AtomicBool = AtomicBool::new(false);

/// Whether the VM's part of an object is not asked for: [`each_reference`] knows it already.
pub(crate) fn is_reading() -> bool {
    READING.load(Ordering::Relaxed)
}

/// What the VM sees of a node: the object that stands for it. Needs the C lock: what was read may have ended since.
pub(super) fn report(index: usize, tracer: &mut TraverseFn<'_>) {
    let node = &graph().nodes[index];
    if node.is_root {
        return;
    }
    if let Some(shadow) = &node.shadow {
        return tracer(shadow.as_object());
    }
    // SAFETY: a node whose block still says that it is one is alive; a twin's pointer is cleared before the twin's end.
    unsafe {
        if node_of(node.block) == Some(index)
            && let Some(twin) = header_of(node.block).twin().as_ref()
        {
            tracer(twin);
        }
    }
}

/// What the VM sees of a node's references.
pub(super) fn report_edges(index: usize, tracer: &mut TraverseFn<'_>) {
    let end = graph().nodes.get(index + 1).map_or(graph().edges.len(), |next| next.first_edge);
    for edge in graph().nodes[index].first_edge..end {
        report(graph().edges[edge] as usize, tracer);
    }
}
