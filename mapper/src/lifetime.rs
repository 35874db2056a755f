//! The end of things. C letting go is seen here ([`dealloc`], which `_Py_Dealloc` is), and the twin's death
//! ([`twin_died`]). The rule: while C counts a reference, the block owns one strong reference on its twin.

use std::collections::VecDeque;

use rustpython_vm::vm::thread::try_with_current_vm;
use rustpython_vm::{PyObject, PyObjectRef};

use crate::block::{self, Block, flag, header, header_of};
use crate::kind::Kind;
use crate::layout as c;
use crate::{lend, table, thread};

/// How many bytes of unused str, bytes and bytearray blocks are kept for the next time.
const RETAINED_BYTES: usize = 8 << 20;
/// A block larger than this is not kept.
const RETAINED_BLOCK: usize = 8 << 20;
/// How deep deallocation may nest before the rest waits.
const NESTING: u32 = 50;
/// How many values wait at most to see whether C code takes its counts back by hand.
const RECENT: usize = 8;
/// How many lists at most C code may have a bare pointer to.
const LINGERING: usize = 8;

struct State {
    /// Blocks, each with the bytes that it stands for.
    retained: VecDeque<(usize, usize)>,
    retained_bytes: usize,
    /// Values that C code may still use.
    until_return: Vec<usize>,
    /// The latest values that C code may have left by hand.
    recent: Ring<RECENT>,
    /// Lists that C code kept for longer than a call and that Python still holds: C code that knows who holds a list uses
    /// a bare pointer to it.
    lingering: Ring<LINGERING>,
    /// What ends now ends with all that it holds: nothing is kept for the next time.
    sweeping: bool,
    depth: u32,
    waiting: Vec<usize>,
}

/// Places for `N` blocks in a circle, 0 where there is none.
struct Ring<const N: usize> {
    places: [usize; N],
    next: usize,
}

impl<const N: usize> Ring<N> {
    const fn new() -> Self {
        Self { places: [0; N], next: 0 }
    }

    /// The next place of the circle.
    fn advance(&mut self) -> &mut usize {
        let place = &mut self.places[self.next];
        self.next = (self.next + 1) % N;
        place
    }

    /// Puts a block into the next place, and takes out the one that was there.
    fn push(&mut self, block: Block) -> Option<Block> {
        let earlier = std::mem::replace(self.advance(), block as usize);
        (earlier != 0).then_some(earlier as Block)
    }

    fn is_empty(&self) -> bool {
        self.places == [0; N]
    }

    /// Takes all out.
    fn take(&mut self) -> impl Iterator<Item = usize> + use<N> {
        std::mem::replace(&mut self.places, [0; N]).into_iter().filter(|block| *block != 0)
    }
}

struct Shared(std::cell::UnsafeCell<State>);
// SAFETY: only touched with the C lock held.
unsafe impl Sync for Shared {}
static STATE: Shared = Shared(std::cell::UnsafeCell::new(State {
    retained: VecDeque::new(),
    retained_bytes: 0,
    until_return: Vec::new(),
    recent: Ring::new(),
    lingering: Ring::new(),
    sweeping: false,
    depth: 0,
    waiting: Vec::new(),
}));

#[allow(clippy::mut_from_ref)]
fn state() -> &'static mut State {
    // SAFETY: the C lock makes this the only user, and no reference outlives the statement it is used in.
    unsafe { &mut *STATE.0.get() }
}

/// Ends the block of a number that was C's for a call.
///
/// # Safety
/// `block` has a header, a count of 0 and owns its twin, which lives.
pub(crate) unsafe fn end_of_call(block: Block) {
    // SAFETY: by contract; a number's block has nothing but its value.
    unsafe {
        let is_number = matches!(Kind::of(block), Kind::Long | Kind::Float);
        let kept = flag::BOUND | flag::PINNED | flag::QUEUED;
        if is_number && header(block).is_some_and(|header| header.flags & kept == 0) {
            return release(block);
        }
        dealloc(block);
    }
}

/// C's count of `block` has reached 0.
///
/// # Safety
/// `block` points to an object whose count is 0.
pub unsafe fn dealloc(block: Block) {
    let Some(header) = header(block) else {
        // SAFETY: by contract; the memory is the type's own.
        unsafe { dealloc_foreign(block) };
        return;
    };
    if header.twin.is_null() {
        if header.flags & flag::LIVE == 0 && crate::check::is_freed_again(block) {
            return;
        }
        // SAFETY: by contract: nobody refers to it any more.
        unsafe { destroy(block) };
        return;
    }
    if header.flags & flag::OWNS_TWIN == 0 {
        return; // a block without a count of its own that was borrowed and given back
    }
    if header.flags & (flag::BOUND | flag::PINNED) != 0 {
        header.flags &= !flag::OWNS_TWIN;
        if header.flags & flag::BOUND != 0 {
            header.flags |= flag::RESTING;
            // SAFETY: by contract.
            unsafe { (*block).ob_refcnt = 1 };
        }
        // SAFETY: OWNS_TWIN stood for this reference.
        unsafe { drop_twin(header.twin) };
        return;
    }
    if header.flags & flag::QUEUED != 0 {
        header.flags |= flag::GIVEN_BACK;
        return;
    }
    if retain(block) || keep_until_return(block) {
        return;
    }
    // SAFETY: nobody counts it.
    unsafe { release(block) };
}

/// Keeps a value that C code gave up but that something managed still holds: C code that has put it into a dict, say,
/// goes on using the pointer. False if it is not one.
fn keep_until_return(block: Block) -> bool {
    // SAFETY: the block is alive and has a twin.
    let (kind, twin) = unsafe { (Kind::of(block), &*header_of(block).twin) };
    let is_value = matches!(
        kind,
        Kind::List | Kind::Tuple | Kind::Dict | Kind::Set | Kind::Slice | Kind::Long | Kind::Float | Kind::Complex
    );
    if !is_value || twin.strong_count() == 1 || thread::context().depth.get() == 0 || state().sweeping {
        return false;
    }
    // SAFETY: as above.
    look_at_return(block, unsafe { header_of(block) });
    true
}

fn look_at_return(block: Block, header: &mut block::Header) {
    header.flags |= flag::QUEUED;
    state().until_return.push(block as usize);
    thread::make_due();
}

/// Has a value looked at again, for it is in a dict now: C code may take its count back by hand, without telling anybody
/// of a 0. A container may still be filled then, through the pointer that its dict keeps alive, and waits for the return. With
/// anything else C code is done, so its block ends soon, while it is in the processor's cache.
pub(crate) fn may_be_left(block: Block) {
    let others = flag::QUEUED | flag::BOUND | flag::PINNED;
    let Some(header) = header(block) else { return };
    if header.flags & (flag::OWNS_TWIN | others) != flag::OWNS_TWIN || thread::context().depth.get() == 0 {
        return;
    }
    // SAFETY: the block has a header.
    if !matches!(unsafe { Kind::of(block) }, Kind::Unicode | Kind::Bytes | Kind::Long | Kind::Float) {
        return look_at_return(block, header);
    }
    header.flags |= flag::QUEUED;
    thread::make_due();
    if let Some(earlier) = state().recent.push(block) {
        // SAFETY: queued blocks are alive.
        unsafe { look_again(earlier) };
    }
}

/// Ends a value that C code has left by hand; one that it uses in another way waits for the return.
unsafe fn look_again(block: Block) {
    // SAFETY: queued blocks are alive.
    unsafe {
        if (*block).ob_refcnt > 0 || header_of(block).flags & flag::GIVEN_BACK != 0 {
            state().until_return.push(block as usize);
        } else {
            sweep(block);
        }
    }
}

/// Ends what was kept until the outermost return, unless C counts it again.
pub(crate) fn returned() {
    let recent = state().recent.take();
    state().until_return.extend(recent);
    while let Some(block) = state().until_return.pop() {
        // SAFETY: queued blocks are alive.
        unsafe {
            if !linger(block as Block) {
                sweep(block as Block);
            }
        }
    }
    end_lingering();
}

/// Whether only Python holds a list.
unsafe fn is_only_pythons(block: Block) -> bool {
    // SAFETY: queued blocks are alive and have a twin.
    unsafe { (*block).ob_refcnt == 0 && (*header_of(block).twin).strong_count() > 1 }
}

/// Keeps the block of a list that C code kept once; false if it did not.
unsafe fn linger(block: Block) -> bool {
    // SAFETY: queued blocks are alive.
    unsafe {
        if header_of(block).flags & flag::KEPT == 0 || !is_only_pythons(block) {
            return false;
        }
        if let Some(earlier) = state().lingering.push(block) {
            sweep(earlier);
        }
        true
    }
}

/// Looks at one of the lists that linger: it ends once Python drops it.
fn end_lingering() {
    let place = state().lingering.advance();
    let block = *place as Block;
    // SAFETY: queued blocks are alive.
    if !block.is_null() && unsafe { !is_only_pythons(block) } {
        *place = 0;
        // SAFETY: as above.
        unsafe { sweep(block) };
    }
    if !state().lingering.is_empty() {
        thread::make_due();
    }
}

/// [`end_queued`], with what only the block holds.
unsafe fn sweep(block: Block) {
    // SAFETY: by the caller's contract.
    sweeping(|| unsafe { end_queued(block) });
}

fn sweeping(end: impl FnOnce()) {
    let outer = std::mem::replace(&mut state().sweeping, true);
    end();
    state().sweeping = outer;
}

/// Gives back the only reference to what C code has returned: after the outermost return no C code uses what it holds.
///
/// # Safety
/// The reference is the caller's.
pub(crate) unsafe fn end_result(block: Block) {
    // SAFETY: by contract.
    let end = || unsafe { table::decref(block) };
    if thread::context().depth.get() == 1 { sweeping(end) } else { end() }
}

/// Ends a block that is in a queue no more, if nobody counts it.
unsafe fn end_queued(block: Block) {
    // SAFETY: queued blocks are alive.
    unsafe {
        header_of(block).flags &= !(flag::QUEUED | flag::GIVEN_BACK);
        if (*block).ob_refcnt == 0 {
            release(block);
        }
    }
}

/// Lets Python have what C code has written into a list.
///
/// # Safety
/// `block` points to an object that is whole.
#[inline]
pub(crate) unsafe fn last_look(block: Block) {
    if header(block).is_some_and(|header| header.flags & flag::SHOWN_LIST != 0) {
        // SAFETY: by contract.
        try_with_current_vm(|vm| unsafe { crate::list::hand_on(vm, block) });
    }
}

/// Drops the strong reference that a block had. Python code may run if it was the last one.
///
/// # Safety
/// The reference is the caller's to drop.
pub(crate) unsafe fn drop_twin(twin: *const PyObject) {
    // SAFETY: by contract.
    unsafe { drop(PyObjectRef::from_raw(std::ptr::NonNull::new_unchecked(twin.cast_mut()))) };
}

/// Makes sure that a block's one owner in C is the only one who knows it, so that its value may change; for that it
/// gives up a twin that nobody but the block holds. False if the object is shared.
///
/// # Safety
/// `block` is a str's or bytes'.
pub(crate) unsafe fn make_sole(block: Block) -> bool {
    // SAFETY: by contract; such twins are not weakly referenced, so a count of 1 is the block's own.
    unsafe {
        if (*block).ob_refcnt != 1 {
            return false;
        }
        let Some(header) = header(block) else { return false };
        let Some(twin) = header.twin.as_ref() else { return true };
        if header.flags & (flag::QUEUED | flag::OWNS_TWIN) != flag::OWNS_TWIN || twin.strong_count() > 1 {
            return false;
        }
        table::untie(twin);
        header.twin = std::ptr::null();
        header.flags &= !flag::OWNS_TWIN;
        drop_twin(twin);
        true
    }
}

/// Makes memory an object that nobody knows yet, with a count of 1: what its header said was of an earlier life.
///
/// # Safety
/// `block` is memory of an object's size that holds no object.
pub(crate) unsafe fn renew(block: Block) {
    // SAFETY: by contract.
    unsafe {
        if let Some(header) = header(block) {
            header.flags &= flag::LIVE | flag::COLLECTABLE | flag::GUARDED;
            header.twin = std::ptr::null();
        }
        (*block).ob_refcnt = 1;
        (*block).ob_overflow = 0;
        (*block).ob_flags = 0;
    }
}

/// Gives an object whose deallocation has begun a count of 1, so that Python code may see it again.
///
/// # Safety
/// `block` points to an object whose count is 0.
pub(crate) unsafe fn revive(block: Block) {
    // SAFETY: by contract.
    unsafe { (*block).ob_refcnt = 1 };
    if let Some(header) = header(block) {
        header.flags &= !flag::DYING;
    }
}

/// Takes back the count that [`revive`] gave. False if somebody holds the object: then it lives on.
///
/// # Safety
/// `block` points to an object that was revived.
pub(crate) unsafe fn end_again(block: Block) -> bool {
    // SAFETY: by contract; a twin's pointer is cleared before its memory goes.
    unsafe {
        if (*block).ob_refcnt > 1 {
            (*block).ob_refcnt -= 1;
            return false;
        }
        let Some(header) = header(block) else {
            (*block).ob_refcnt = 0;
            return true;
        };
        if let Some(twin) = header.twin.as_ref()
            && header.flags & flag::OWNS_TWIN != 0
        {
            header.flags &= !flag::OWNS_TWIN;
            if twin.strong_count() > 1 {
                (*block).ob_refcnt = 0;
                drop_twin(twin);
                return false;
            }
            // The count keeps the twin's death from ending the block a second time.
            drop_twin(twin);
        }
        (*block).ob_refcnt = 0;
        if let Some(header) = block::header(block) {
            header.flags |= flag::DYING;
        }
        true
    }
}

/// Keeps an exact str, bytes or bytearray for the next time, or for a pointer into it that C still uses. False if it is
/// not one.
fn retain(block: Block) -> bool {
    let statics = crate::types::statics();
    // SAFETY: the block is alive.
    let kind = unsafe { (*block).ob_type };
    // SAFETY: blocks with twins of these types have headers.
    let size = if kind == statics.unicode || kind == statics.bytes {
        unsafe { block::capacity(block) }
    } else if kind == statics.bytearray {
        unsafe { block::capacity(block) + (*block.cast::<c::PyByteArrayObject>()).ob_alloc as usize }
    } else {
        return false;
    };
    if size > RETAINED_BLOCK || state().sweeping {
        return false;
    }
    // SAFETY: as above.
    unsafe { header_of(block) }.flags |= flag::QUEUED;
    state().retained.push_back((block as usize, size));
    state().retained_bytes += size;
    while state().retained_bytes > RETAINED_BYTES {
        drop_oldest();
    }
    true
}

/// Takes the oldest block out of the retention cache; ends it if nobody counts it.
fn drop_oldest() {
    let Some((oldest, size)) = state().retained.pop_front() else { return };
    state().retained_bytes -= size;
    // SAFETY: queued blocks are alive.
    unsafe { end_queued(oldest as Block) };
}

/// Empties the retention cache and ends the lists that linger, so that what is live can be counted.
pub fn flush_retained() {
    for block in state().lingering.take() {
        // SAFETY: queued blocks are alive.
        unsafe { sweep(block as Block) };
    }
    while !state().retained.is_empty() {
        drop_oldest();
    }
}

/// Frees the block of a managed object that C let go.
unsafe fn release(block: Block) {
    // SAFETY: the caller found no count, and the block has a header with a twin that it owns.
    unsafe {
        last_look(block);
        let twin = header_of(block).twin;
        table::untie(twin);
        header_of(block).twin = std::ptr::null();
        header_of(block).flags |= flag::MIRROR;
        destroy(block);
        // Python code may run.
        let sweeping = std::mem::take(&mut state().sweeping);
        drop_twin(twin);
        state().sweeping = sweeping;
    }
}

/// Ends a block that has no twin: what its type says, deferred if this nests too deep (3.14's trashcan macros are
/// empty, so nobody else would).
///
/// # Safety
/// The block is whole and nobody refers to it.
pub(crate) unsafe fn destroy(block: Block) {
    if state().depth >= NESTING {
        state().waiting.push(block as usize);
        return;
    }
    state().depth += 1;
    // SAFETY: by the caller's contract.
    unsafe { destroy_now(block) };
    state().depth -= 1;
    if state().depth == 0 {
        while let Some(next) = state().waiting.pop() {
            state().depth = 1;
            // SAFETY: put there by this function.
            unsafe { destroy_now(next as Block) };
            state().depth = 0;
        }
    }
}

unsafe fn destroy_now(block: Block) {
    // SAFETY: by the caller's contract the block is whole and nobody refers to it.
    unsafe {
        let Some(header) = header(block) else { return dealloc_foreign(block) };
        if header.flags & flag::LENDS != 0 {
            lend::end(block);
        }
        if header.flags & flag::MIRROR == 0
            && let Some(dealloc) = dealloc_of_c((*block).ob_type)
        {
            header.flags |= flag::DYING;
            block::disown(block);
            dealloc(block);
            return;
        }
        free_builtin(block);
    }
}

/// A type's `tp_dealloc`, unless it is ours for builtin layouts.
///
/// # Safety
/// `class` is a type.
pub(crate) unsafe fn dealloc_of_c(class: *const c::PyTypeObject) -> Option<c::Destructor> {
    // SAFETY: by contract.
    let dealloc = unsafe { (*class).tp_dealloc };
    dealloc.filter(|dealloc| !std::ptr::fn_addr_eq(*dealloc, free_builtin as c::Destructor))
}

/// Frees a block of a builtin layout with the references it holds. Also these types' `tp_dealloc`.
///
/// # Safety
/// `block` is of a builtin kind, without a twin, and nobody refers to it.
pub unsafe extern "C" fn free_builtin(block: Block) {
    // SAFETY: by contract; each kind is laid out as its struct says.
    unsafe {
        match Kind::of(block) {
            Kind::Tuple => {
                for &item in crate::store::tuple_slice(block).iter().chain(crate::store::hidden_items(block)) {
                    xdecref(item);
                }
            }
            Kind::List => crate::list::clear(block),
            Kind::Dict => crate::keywords::free(block),
            Kind::Unicode => crate::unicode::free_buffers(block),
            Kind::Slice => {
                let slice = block.cast::<c::PySliceObject>();
                for item in [(*slice).start, (*slice).stop, (*slice).step] {
                    xdecref(item);
                }
            }
            Kind::Function => crate::function::release_parts(block),
            Kind::Module => crate::module::free_state(block),
            Kind::Type => crate::types::free_tables(block.cast()),
            _ => {}
        }
        if header(block).is_some() {
            block::free(block);
        }
    }
}

/// Drops a reference that may be NULL.
///
/// # Safety
/// The caller owns the reference.
#[inline]
pub unsafe fn xdecref(block: Block) {
    if !block.is_null() {
        // SAFETY: by contract.
        unsafe { table::decref(block) };
    }
}

/// The end of an object without a header: static ones are immortal and get their count back, others are their type's.
unsafe fn dealloc_foreign(block: Block) {
    // SAFETY: by the caller's contract.
    unsafe {
        if table::foreign_twin(block).is_some() {
            table::immortalize(block);
        } else if let Some(dealloc) = (*(*block).ob_type).tp_dealloc {
            dealloc(block);
        }
    }
}

/// The twin of a [`flag::BOUND`] block is being dropped. Runs on any thread, with or without a VM; on the way here, C code
/// may have taken hold of the block, which has another twin then.
pub(crate) fn bound_twin_died(block: Block, generation: u16) {
    thread::in_section(|| {
        if header(block).is_some_and(|header| header.generation == generation) {
            twin_died(block);
        }
    });
}

/// The twin of a block is being dropped. Runs on any thread, with or without a VM.
pub fn twin_died(block: Block) {
    thread::in_section(|| {
        let Some(header) = header(block) else { return };
        // SAFETY: bound blocks have headers and outlive their twins.
        unsafe {
            table::untie(header.twin);
            header.twin = std::ptr::null();
            header.flags &= !flag::OWNS_TWIN;
            table::wake(block);
            if (*block).ob_refcnt == 0 {
                destroy(block);
            }
        }
    });
}

/// Counts live blocks by type name, the retention cache emptied first.
pub fn live_blocks() -> std::collections::BTreeMap<String, usize> {
    flush_retained();
    lend::revalidate();
    // What was lent may be kept now.
    flush_retained();
    let mut counts = std::collections::BTreeMap::new();
    block::for_each_live(|block, header| {
        // SAFETY: live blocks that are objects have a type with a name.
        let name = unsafe {
            let kind = (*block).ob_type;
            if header.flags & flag::RAW != 0 || kind.is_null() {
                "(memory)".to_owned()
            } else {
                std::ffi::CStr::from_ptr((*kind).tp_name).to_string_lossy().into_owned()
            }
        };
        *counts.entry(name).or_insert(0) += 1;
    });
    counts
}
