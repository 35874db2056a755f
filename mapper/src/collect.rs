//! Collection of cycles through blocks. The VM's collector sees managed objects and their references only, so each
//! collection is prepared: C's references between blocks are read through `tp_traverse` and lent to the VM as edges.
//!
//! A block whose twin has a payload of ours (`Bound`) shows its edges through that. Any other block that has edges (a
//! list's, a type's) or no twin gets a [`Shadow`], a managed object that stands for it while the collection lasts. A block that
//! is counted from outside of what was read is a root; nothing is reported that leads to it.
//!
//! The VM subtracts each edge from a count, so a twin with n C references gets n strong counts for that time: the one
//! that its block owns, and n - 1 more.

use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustc_hash::FxHashSet;
use rustpython_vm::builtins::{PyType, PyTypeRef};
use rustpython_vm::gc_state::CollectResult;
use rustpython_vm::object::{MaybeTraverse, TraverseFn};
use rustpython_vm::{AsObject, Context, Py, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine};

use crate::block::{self, Block, flag, header, header_of};
use crate::kind::Kind;
use crate::layout::{self as c, tpflags};
use crate::{lend, lifetime, table, thread};

/// A block in the graph.
struct Node {
    block: Block,
    /// Where its edges begin in [`Graph::edges`]; they end where the next node's begin.
    first_edge: usize,
    /// How many of C's references come from other nodes.
    internal: u32,
    /// Whether C counts more references than those.
    is_root: bool,
    /// What the VM sees instead of the block, unless its twin does.
    shadow: Option<PyRef<Shadow>>,
}

/// What a collection reads before it begins.
#[derive(Default)]
struct Graph {
    nodes: Vec<Node>,
    edges: Vec<u32>,
    /// Clearing began on this thread: from then on the graph is history.
    thread: usize,
    /// Shadows of objects that the VM counts, too.
    counted_twice: usize,
    /// What finalizers saved, which the VM cannot see where C counts alone.
    saved: Vec<PyObjectRef>,
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
/// Whether the graph may be read.
static COLLECTING: AtomicBool = AtomicBool::new(false);
/// How many objects of C's came more than went, since the last collection.
static BORN: AtomicUsize = AtomicUsize::new(0);
/// How many of them make a collection due.
static DUE_AT: AtomicUsize = AtomicUsize::new(FIRST_DUE);
const FIRST_DUE: usize = 20_000;

fn graph() -> &'static mut Graph {
    // SAFETY: see `Shared`.
    unsafe { &mut *GRAPH.0.get() }
}

/// Collects with C's references taken into account.
pub(crate) fn collect(vm: &VirtualMachine, generation: usize) -> CollectResult {
    let _section = thread::enter(vm);
    if COLLECTING.load(Ordering::Relaxed) {
        return CollectResult::default();
    }
    lifetime::flush_retained();
    lend::revalidate();
    read(vm);
    let lent = lend_counts();
    COLLECTING.store(true, Ordering::Release);
    let mut result = vm.state.gc.collect_force(generation);
    COLLECTING.store(false, Ordering::Release);
    result.collected = result.collected.saturating_sub(graph().counted_twice);
    finish(lent);
    BORN.store(0, Ordering::Relaxed);
    result
}

/// Notes that an object was made which the collector looks at.
#[inline]
pub(crate) fn born() {
    let count = BORN.load(Ordering::Relaxed) + 1;
    BORN.store(count, Ordering::Relaxed);
    if is_due() {
        thread::make_due();
    }
}

/// Notes that such an object went.
#[inline]
pub(crate) fn gone() {
    BORN.store(BORN.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
}

/// Whether [`collect`] should run at the next outermost return.
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

/// Whether a block can hold references, or be held by what does.
unsafe fn is_candidate(block: Block, header: &block::Header) -> bool {
    if header.flags & (flag::RAW | flag::DYING) != 0 {
        return false;
    }
    // SAFETY: a live block that is an object.
    unsafe {
        if (*block).ob_type.is_null() || table::is_immortal(block) {
            return false;
        }
        let plain = matches!(
            Kind::of(block),
            Kind::Long | Kind::Float | Kind::Complex | Kind::Unicode | Kind::Bytes | Kind::ByteArray
        );
        // Those of Python's own subclasses have a dict.
        !plain || (*(*block).ob_type).tp_flags & tpflags::HAVE_GC != 0
    }
}

/// Where a node's index is while the graph stands: CPython's own place for such things, in front of the object.
unsafe fn index_of(block: Block) -> *mut usize {
    // SAFETY: every block has the field.
    unsafe { block.cast::<usize>().sub(2) }
}

/// The node that stands for a block.
unsafe fn node_of(block: Block) -> Option<usize> {
    if block.is_null() {
        return None;
    }
    header(block)
        .filter(|header| header.flags & flag::IN_GRAPH != 0)
        // SAFETY: the flag says so.
        .map(|_| unsafe { *index_of(block) })
}

/// Reads all blocks and the references between them.
fn read(vm: &VirtualMachine) {
    let graph = graph();
    *graph = Graph { thread: crate::platform::thread_id(), ..Graph::default() };
    let mut resolution_orders = FxHashSet::default();
    block::for_each_live(|block, header| {
        // SAFETY: a live object.
        unsafe {
            if is_candidate(block, header) {
                if Kind::of(block) == Kind::Type {
                    resolution_orders.insert((*block.cast::<c::PyTypeObject>()).tp_mro as usize);
                }
                graph.nodes.push(Node { block, first_edge: 0, internal: 0, is_root: false, shadow: None });
            }
        }
    });
    // A type's `tp_mro` is read with the type, for its entry for the type itself is not counted.
    graph.nodes.retain(|node| !resolution_orders.contains(&(node.block as usize)));
    for (index, node) in graph.nodes.iter().enumerate() {
        // SAFETY: live blocks of ours.
        unsafe {
            header_of(node.block).flags |= flag::IN_GRAPH;
            *index_of(node.block) = index;
        }
    }
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
    for index in 0..graph.nodes.len() {
        let end = graph.nodes.get(index + 1).map_or(graph.edges.len(), |next| next.first_edge);
        let node = &mut graph.nodes[index];
        // SAFETY: live blocks of ours.
        unsafe {
            let header = header_of(node.block);
            node.is_root = table::count(node.block) > node.internal;
            // C may have counted an object since it last crossed.
            if node.is_root
                && let Some(twin) = header.twin.as_ref()
            {
                table::adopt(node.block, twin);
            }
            let shows_edges = header.flags & flag::BOUND != 0 && Kind::of(node.block) != Kind::Type;
            if header.twin.is_null() || (end > node.first_edge && !shows_edges) || Kind::of(node.block) == Kind::Type {
                table::incref(node.block);
                node.shadow = Some(Shadow::new(vm, index as u32));
            }
        }
    }
    for node in &graph.nodes {
        // SAFETY: live blocks of ours.
        unsafe {
            // A type's payload is the VM's: while the graph stands, its dict leads to the shadow.
            if let (Kind::Type, Some(shadow)) = (Kind::of(node.block), &node.shadow)
                && let Some(class) = header_of(node.block).twin.as_ref().and_then(|twin| twin.downcast_ref::<PyType>())
            {
                class.attributes.set(vm.ctx.intern_str(SHADOW_KEY), shadow.clone().into());
            }
        }
    }
}

const SHADOW_KEY: &str = " block";

/// Gives twins that are held by blocks of the graph alone a strong count for each such reference but the first.
fn lend_counts() -> Vec<PyObjectRef> {
    let mut lent = Vec::new();
    for node in graph().nodes.iter().filter(|node| node.shadow.is_none() && !node.is_root && node.internal > 0) {
        // SAFETY: bound nodes have twins.
        unsafe {
            let Some(twin) = header_of(node.block).twin.as_ref() else { continue };
            table::adopt(node.block, twin);
            for _ in 1..node.internal {
                lent.push(twin.to_owned());
            }
        }
    }
    lent
}

/// Takes everything back that the collection was lent.
fn finish(lent: Vec<PyObjectRef>) {
    let nodes = std::mem::take(&mut graph().nodes);
    for node in nodes.iter().filter(|node| node.shadow.is_some()) {
        // SAFETY: the graph counts a reference to these.
        unsafe {
            if let (Kind::Type, Some(class)) = (
                Kind::of(node.block),
                header_of(node.block).twin.as_ref().and_then(|twin| twin.downcast_ref::<PyType>()),
            ) {
                rustpython_vm::vm::thread::with_current_vm(|vm| {
                    drop(class.attributes.remove(vm.ctx.intern_str(SHADOW_KEY)));
                });
            }
        }
    }
    // Blocks that went, and such as came, in the meantime: only those that live are looked at.
    block::for_each_live(|block, _| {
        // SAFETY: live blocks of ours.
        unsafe { header_of(block).flags &= !flag::IN_GRAPH };
    });
    drop(lent);
    for node in nodes {
        if let Some(shadow) = node.shadow {
            drop(shadow);
            // SAFETY: `read` took the reference.
            unsafe { table::decref(node.block) };
        }
    }
    graph().edges.clear();
    drop(std::mem::take(&mut graph().saved));
}

type Visit<'a> = dyn FnMut(Block) + 'a;

unsafe extern "C" fn visit(object: Block, argument: *mut c_void) -> c_int {
    // SAFETY: `each_reference` passes its visitor.
    unsafe { (*argument.cast::<&mut Visit<'_>>())(object) };
    0
}

/// Calls `visit` for each reference that a block counts.
unsafe fn each_reference(block: Block, visit: &mut Visit<'_>) {
    // SAFETY: by the caller's contract a live object; each kind is laid out as its struct says.
    unsafe {
        if header(block).is_some_and(|header| header.flags & flag::LENDS != 0) {
            lend::each(block, visit);
        }
        match Kind::of(block) {
            Kind::Instance => each_of_instance(block, visit),
            Kind::Tuple => {
                let items = crate::store::tuple_slice(block).iter().chain(crate::store::hidden_items(block));
                items.copied().for_each(visit);
            }
            Kind::List => crate::list::items(block).iter().copied().for_each(visit),
            Kind::Dict => crate::keywords::record(block).into_iter().flatten().for_each(|(_, value)| visit(*value)),
            Kind::Slice => {
                let slice = &*block.cast::<c::PySliceObject>();
                [slice.start, slice.stop, slice.step].into_iter().for_each(visit);
            }
            Kind::Function => crate::function::each_part(block, visit),
            Kind::Module => crate::module::traverse(block, self::visit, std::ptr::from_mut(&mut { visit }).cast()),
            Kind::Type => crate::types::each_part(block.cast(), visit),
            _ => {}
        }
    }
}

unsafe fn each_of_instance(block: Block, visit: &mut Visit<'_>) {
    // SAFETY: by the caller's contract; types are ready.
    unsafe {
        let class = (*block).ob_type;
        // A class derived in Python does not visit itself, if the C type that it is derived from is static.
        let mut owner = class;
        while header(owner.cast()).is_some_and(|header| header.flags & flag::PINNED != 0) && !(*owner).tp_base.is_null()
        {
            owner = (*owner).tp_base;
        }
        let traverse = (*class).tp_traverse.filter(|_| (*class).tp_flags & tpflags::HAVE_GC != 0);
        if owner != class && ((*owner).tp_flags & tpflags::HEAPTYPE == 0 || traverse.is_none()) {
            visit(class.cast());
        }
        if let Some(traverse) = traverse
            && header(block).is_some_and(|header| header.flags & flag::TRACKED != 0)
        {
            traverse(block, self::visit, std::ptr::from_mut(&mut { visit }).cast());
        }
    }
}

/// The objects that an object refers to, those of C's references included.
pub(crate) fn referents(vm: &VirtualMachine, object: &PyObject) -> Vec<PyObjectRef> {
    let mut found = object.gc_get_referents();
    let _section = thread::enter(vm);
    let Some(block) = table::block_of(object).filter(|block| header(*block).is_some()) else { return found };
    // SAFETY: a tied block is live; what it refers to is, too. A managed container's own block refers to nothing new.
    unsafe {
        if header(block).is_some_and(|header| header.flags & flag::BOUND != 0) {
            let mut blocks = Vec::new();
            each_reference(block, &mut |target| blocks.push(target));
            let known = blocks.into_iter().filter(|target| !target.is_null());
            found.extend(known.filter_map(|target| crate::retrieve::retrieve(vm, target).ok()));
        }
    }
    found
}

/// What the VM sees of a node: the object that stands for it.
fn reported(index: u32, tracer: &mut TraverseFn<'_>) {
    let node = &graph().nodes[index as usize];
    if node.is_root {
        return;
    }
    match &node.shadow {
        Some(shadow) => tracer(shadow.as_object()),
        // SAFETY: a bound node's block has a twin, which lives while it is reported.
        None => {
            if let Some(twin) = unsafe { header_of(node.block).twin.as_ref() } {
                tracer(twin);
            }
        }
    }
}

fn report_edges(index: usize, tracer: &mut TraverseFn<'_>) {
    let graph = graph();
    let end = graph.nodes.get(index + 1).map_or(graph.edges.len(), |next| next.first_edge);
    for edge in &graph.edges[graph.nodes[index].first_edge..end] {
        reported(*edge, tracer);
    }
}

/// The references of a bound block, for its twin's payload to report. Nothing outside of a collection.
#[inline]
pub(crate) fn traverse_bound(block: Block, tracer: &mut TraverseFn<'_>) {
    if !COLLECTING.load(Ordering::Acquire) {
        return;
    }
    // SAFETY: the payload's block lives as long as the payload.
    if let Some(index) = unsafe { node_of(block) } {
        report_edges(index, tracer);
    }
}

/// Whether this thread clears what a collection found.
fn is_clearing() -> bool {
    COLLECTING.load(Ordering::Acquire) && graph().thread == crate::platform::thread_id()
}

/// Breaks the cycles of a bound block, if the collection found its twin to be garbage.
pub(crate) fn clear_bound(block: Block) {
    if !is_clearing() {
        return;
    }
    // SAFETY: the payload's block lives as long as the payload; a twin that is deallocated has a count of 0.
    unsafe {
        if node_of(block).is_some() && header_of(block).twin.as_ref().is_some_and(|twin| twin.strong_count() > 0) {
            clear(block);
        }
    }
}

/// The VM's `del` slot for types with a `tp_finalize`: runs it, once in the object's life.
///
/// # Errors
/// None: what a finalizer raises is printed.
pub fn finalize(object: &PyObject, vm: &VirtualMachine) -> PyResult<()> {
    let _section = thread::enter(vm);
    let block = crate::store::store(vm, object);
    // SAFETY: the reference is ours.
    unsafe {
        if call_finalizer(block) && COLLECTING.load(Ordering::Acquire) {
            graph().saved.push(object.to_owned());
        }
        table::decref(block);
    }
    Ok(())
}

/// Runs an object's finalizer. Whether somebody took hold of the object.
unsafe fn call_finalizer(block: Block) -> bool {
    // SAFETY: by the callers' contract a live object that they hold.
    unsafe {
        let before = (*block).ob_refcnt;
        crate::capi::object::PyObject_CallFinalizer(block);
        (*block).ob_refcnt > before
    }
}

/// The `del` slot of [`Shadow`]: the finalizer of an object that has no twin.
fn finalize_shadow(shadow: &PyObject, vm: &VirtualMachine) -> PyResult<()> {
    if !COLLECTING.load(Ordering::Acquire) {
        return Ok(());
    }
    let _section = thread::enter(vm);
    let Some(index) = shadow.downcast_ref::<Shadow>().map(|shadow| shadow.index) else { return Ok(()) };
    let block = graph().nodes[index as usize].block;
    // SAFETY: the graph counts a reference to the block.
    unsafe {
        if header_of(block).twin.is_null() && call_finalizer(block) {
            graph().saved.push(shadow.to_owned());
        }
    }
    Ok(())
}

unsafe fn clear(block: Block) {
    // SAFETY: by the caller's contract a live object that is garbage; the reference keeps it while it is cleared.
    unsafe {
        table::incref(block);
        match Kind::of(block) {
            Kind::Instance => {
                if let Some(clear) = (*(*block).ob_type).tp_clear {
                    clear(block);
                }
            }
            Kind::List => crate::list::clear(block),
            Kind::Module => crate::module::clear(block),
            _ => {}
        }
        // What `tp_clear` raised has nowhere to go.
        crate::error::set_block(std::ptr::null_mut());
        table::decref(block);
    }
}

/// Stands for a block whose twin cannot report its references, or that has none.
struct Shadow {
    index: u32,
}

impl Shadow {
    fn new(vm: &VirtualMachine, index: u32) -> PyRef<Self> {
        PyRef::new_ref(Self { index }, Self::class_ref(&vm.ctx).clone(), None)
    }

    fn class_ref(context: &Context) -> &'static PyTypeRef {
        static CLASS: OnceLock<PyTypeRef> = OnceLock::new();
        CLASS.get_or_init(|| {
            let class = PyType::new_simple_heap("block", context.types.object_type, context);
            let class = class.expect("object can be subclassed");
            class.slots.del.store(Some(finalize_shadow));
            // The VM wants the method, too, for its messages.
            class.set_attr(context.intern_str("__del__"), context.none());
            class
                .slots
                .del_needed
                .store(Some(|shadow| COLLECTING.load(Ordering::Acquire) && shadow.strong_count() > 0));
            class
        })
    }
}

impl std::fmt::Debug for Shadow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shadow({})", self.index)
    }
}

impl PyPayload for Shadow {
    fn class(context: &Context) -> &'static Py<PyType> {
        Self::class_ref(context)
    }
}

impl MaybeTraverse for Shadow {
    const HAS_TRAVERSE: bool = true;
    const HAS_CLEAR: bool = true;

    fn try_traverse(&self, tracer: &mut TraverseFn<'_>) {
        if !COLLECTING.load(Ordering::Acquire) {
            return;
        }
        let node = &graph().nodes[self.index as usize];
        // The graph's own reference.
        reported(self.index, tracer);
        // SAFETY: the graph counts a reference to the block.
        unsafe {
            let header = header_of(node.block);
            if header.flags & flag::OWNS_TWIN != 0
                && let Some(twin) = header.twin.as_ref()
            {
                tracer(twin);
            }
        }
        report_edges(self.index as usize, tracer);
    }

    fn try_clear(&mut self, _: &mut Vec<PyObjectRef>) {
        if !is_clearing() {
            return;
        }
        let block = graph().nodes[self.index as usize].block;
        // SAFETY: the graph counts a reference to the block.
        unsafe {
            if !header_of(block).twin.is_null() {
                graph().counted_twice += 1;
            }
            clear(block);
        }
    }
}
