//! What is kept for C a little longer than its counts say. Text and bytes are kept for the next time, for C may rightly hold
//! a pointer into a string that something else holds. Values that C gave up while something managed holds them wait for
//! the outermost return: C goes on using what it has put into a dict. All is bounded, and what nobody else holds ends
//! earlier, when C calls back: a program whose main loop is C never returns. Needs the C lock.

use std::collections::VecDeque;
use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;
use rustpython_vm::PyObject;

use crate::abi::layout as c;
use crate::abi::statics::statics;
use crate::heap::block::{self, Block, Header, flag, header, header_of};
use crate::heap::form::Reusable;
use crate::heap::kind::Kind;
use crate::lifetime::{dealloc, due, handle, lingering, loans, thread, watched};

/// How many bytes of unused str, bytes and bytearray blocks are kept for the next time, their twins' included.
const RETAINED_BYTES: usize = 6 << 20;
/// A list or tuple with fewer items is made anew as fast.
const FEWEST_REUSED: isize = 8;
/// How many bytes of lists and tuples that show plain values are kept for the next time.
const REUSABLE_BYTES: usize = 4 << 20;
/// How many containers are remembered, to see which ones come again.
const LATELY: usize = 256;
/// How many values wait at most to see whether C code takes its counts back by hand.
const RECENT: usize = 8;
/// How many values may wait for the outermost return before they are looked at without it.
const FIRST_SETTLED: usize = 1024;
/// And how many bytes they may have, about.
const FIRST_SETTLED_BYTES: usize = 1 << 20;
/// How many may wait at most: the oldest end then, though managed code holds them still.
const MOST_WAITING: usize = 1 << 16;
/// What an item of a container that waits takes, about.
const WAITING_ITEM: usize = 64;
/// How many containers are remembered at most that C code has put somewhere in one call.
const MOST_PUT: usize = 4096;

struct State {
    /// Blocks, each with the bytes that it stands for.
    retained: VecDeque<(usize, usize)>,
    retained_bytes: usize,
    /// Values that C code may still use.
    until_return: VecDeque<usize>,
    /// How many of them have them looked at when C calls back.
    settle_at: usize,
    /// How many bytes they have, about, and how many have them looked at.
    waiting_bytes: usize,
    settle_at_bytes: usize,
    /// The latest values that C code may have left by hand.
    recent: Ring<RECENT>,
    /// Lists and tuples that nobody holds, by the address of the managed object that they stood for: if the same items are
    /// there when it comes again, or another object at its address, they can serve again.
    reusable: FxHashMap<usize, ForReuse>,
    reusable_bytes: usize,
    /// Their addresses and turns, the oldest first; some may have gone, or have come again for a later turn.
    reusable_order: VecDeque<(usize, u64)>,
    /// How many have been kept for reuse so far.
    turns: u64,
    /// What C code has put into dicts and modules since the last outermost return.
    put: Vec<Put>,
    /// Containers that C gave up lately, each by a sign of its own.
    lately: [usize; LATELY],
}

/// A container that C code has put into a dict or a module: both blocks, and the addresses of the managed objects that they
/// stood for.
struct Put {
    owner: (usize, usize),
    value: (usize, usize),
}

/// A block that is kept for reuse, and the turn that it was kept in.
struct ForReuse {
    block: Block,
    of: Reusable,
    turn: u64,
}

/// Places for `N` blocks in a circle, 0 where there is none.
pub(super) struct Ring<const N: usize> {
    places: [usize; N],
    next: usize,
}

impl<const N: usize> Ring<N> {
    pub(super) const fn new() -> Self {
        Self { places: [0; N], next: 0 }
    }

    /// The next place of the circle.
    pub(super) fn advance(&mut self) -> &mut usize {
        let place = &mut self.places[self.next];
        self.next = (self.next + 1) % N;
        place
    }

    /// Puts a block into the next place, and takes out the one that was there.
    pub(super) fn push(&mut self, block: Block) -> Option<Block> {
        let earlier = std::mem::replace(self.advance(), block as usize);
        (earlier != 0).then_some(earlier as Block)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places == [0; N]
    }

    /// Takes all out.
    pub(super) fn take(&mut self) -> impl Iterator<Item = usize> + use<N> {
        std::mem::replace(&mut self.places, [0; N]).into_iter().filter(|block| *block != 0)
    }
}

struct Shared(std::cell::UnsafeCell<State>);
// SAFETY: only touched with the C lock held.
unsafe impl Sync for Shared {}
static STATE: Shared = Shared(std::cell::UnsafeCell::new(State {
    retained: VecDeque::new(),
    retained_bytes: 0,
    until_return: VecDeque::new(),
    settle_at: FIRST_SETTLED,
    waiting_bytes: 0,
    settle_at_bytes: FIRST_SETTLED_BYTES,
    recent: Ring::new(),
    reusable: FxHashMap::with_hasher(rustc_hash::FxBuildHasher),
    reusable_bytes: 0,
    reusable_order: VecDeque::new(),
    turns: 0,
    put: Vec::new(),
    lately: [0; LATELY],
}));

fn state() -> &'static mut State {
    // SAFETY: the C lock makes this the only user, and no reference outlives the statement it is used in.
    unsafe { &mut *STATE.0.get() }
}

/// How many calls have to be nested for tracebacks to be kept.
const DEEP: u32 = 64;

/// Keeps a block that C gave up, if it is one to be kept. False if its end has come.
///
/// # Safety
/// `block` has a header, a count of 0 and a twin that it owns.
pub(crate) unsafe fn keep(block: Block) -> bool {
    retain(block) || keep_until_return(block)
}

/// Keeps a value that C code gave up but that something managed still holds: C code that has put it into a dict, say,
/// goes on using the pointer. False if it is not one.
fn keep_until_return(block: Block) -> bool {
    // SAFETY: the block is alive and has a twin.
    let (kind, twin) = unsafe { (Kind::of(block), &*header_of(block).twin()) };
    // C code that got a descriptor of a class reads its definition, though it has given it back.
    let is_value = kind.is_container() || kind.is_number() || matches!(kind, Kind::Complex | Kind::Descriptor);
    let context = thread::context();
    // Tracebacks that an exception takes through many calls: each would make all of them anew.
    // SAFETY: as above.
    let is_value = is_value || context.depth.get() > DEEP && unsafe { (*block).ob_type } == statics().traceback;
    // SAFETY: as above.
    let header = unsafe { header_of(block) };
    let is_value = is_value || (kind == Kind::Record && header.has(flag::KEPT));
    // A list that was lent is held there, too (see [`due`]).
    let holders = twin.strong_count() - usize::from(header.has(flag::LENT));
    if !is_value || holders <= 1 || context.depth.get() == 0 || context.sweeping.get() {
        return false;
    }
    look_at_return(block, header);
    true
}

fn look_at_return(block: Block, header: &Header) {
    header.set(flag::QUEUED);
    wait(block);
    due::make_due();
}

/// Puts a queued block to those that wait for the outermost return.
fn wait(block: Block) {
    state().until_return.push_back(block as usize);
    state().waiting_bytes += waiting_bytes(block);
    if must_settle() {
        due::press();
    }
    if state().until_return.len() > MOST_WAITING
        && let Some(oldest) = state().until_return.pop_front()
    {
        // SAFETY: queued blocks are alive.
        unsafe { sweep(oldest as Block) };
    }
}

/// Whether so much waits that C's next callback settles it.
fn must_settle() -> bool {
    state().until_return.len() >= state().settle_at || state().waiting_bytes >= state().settle_at_bytes
}

/// What a waiting block takes, about.
fn waiting_bytes(block: Block) -> usize {
    // SAFETY: queued blocks are alive; lists and tuples have a number of items.
    let items = unsafe {
        match Kind::of(block) {
            Kind::List | Kind::Tuple => (*block.cast::<c::PyVarObject>()).ob_size.max(0) as usize,
            _ => 1,
        }
    };
    (items + 1) * WAITING_ITEM
}

/// Has a value looked at again, for it is in a dict now: C code may take its count back by hand, without telling anybody
/// of a 0. A container may still be filled then, through the pointer that its dict keeps alive, and waits for the return. With
/// anything else C code is done, so its block ends soon, while it is in the processor's cache.
pub(crate) fn may_be_left(block: Block) {
    let others = flag::QUEUED | flag::BOUND | flag::PINNED;
    let Some(header) = header(block) else { return };
    if !header.has(flag::OWNS_TWIN) || header.has(others) || thread::context().depth.get() == 0 {
        return;
    }
    // SAFETY: the block has a header.
    if !matches!(unsafe { Kind::of(block) }, Kind::Unicode | Kind::Bytes | Kind::Long | Kind::Float) {
        return look_at_return(block, header);
    }
    header.set(flag::QUEUED);
    due::make_due();
    if let Some(earlier) = state().recent.push(block) {
        // SAFETY: queued blocks are alive.
        unsafe { look_again(earlier) };
    }
}

/// Ends a value that C code has left by hand; one that it uses in another way waits for the return.
unsafe fn look_again(block: Block) {
    // SAFETY: queued blocks are alive.
    unsafe {
        if (*block).ob_refcnt > 0 || header_of(block).has(flag::GIVEN_BACK) {
            wait(block);
        } else {
            sweep(block);
        }
    }
}

/// Remembers that C code has put a value into a dict or a module. If it gives a container up and keeps the owner, its caches
/// may point to the container, which the owner keeps alive for them.
pub(crate) fn put(owner: Block, value: Block) {
    // SAFETY: C's arguments: objects.
    if !unsafe { Kind::of(value) }.is_container() || state().put.len() == MOST_PUT {
        return;
    }
    let tied = |block: Block| header(block).map(|header| (block as usize, header.twin() as usize));
    if let (Some(owner), Some(value)) = (tied(owner), tied(value)) {
        state().put.push(Put { owner, value });
        due::make_due();
    }
}

/// Has the dicts and modules that C code keeps lend what it has put into them.
fn lend_what_was_put() {
    for Put { owner, value } in std::mem::take(&mut state().put) {
        let still = |(block, twin): (usize, usize)| {
            header(block as Block)
                .filter(|header| header.has(flag::LIVE) && header.twin() as usize == twin && twin != 0)
        };
        let (Some(of_owner), Some(of_value)) = (still(owner), still(value)) else { continue };
        let (owner, block) = (owner.0 as Block, value.0 as Block);
        // SAFETY: both are live and tied to the objects that they were tied to.
        unsafe {
            let is_kept = (*owner).ob_refcnt > 0 || of_owner.has(flag::PINNED);
            let is_given_up = (*block).ob_refcnt == 0 && of_value.has(flag::QUEUED);
            if is_kept && is_given_up && (*of_value.twin()).strong_count() > 1 && loans::find(owner, value.1).is_none()
            {
                handle::incref(block);
                loans::note(owner, value.1, block);
                if Kind::of(block) == Kind::List {
                    watched::watch(block, of_value);
                }
            }
        }
    }
}

/// Ends what was kept until the outermost return, unless C counts it again.
pub(crate) fn returned() {
    if !state().put.is_empty() {
        lend_what_was_put();
    }
    let recent = state().recent.take();
    state().until_return.extend(recent);
    while let Some(block) = state().until_return.pop_back() {
        // SAFETY: queued blocks are alive.
        unsafe {
            if !lingering::begin(block as Block) {
                sweep(block as Block);
            }
        }
    }
    (state().settle_at, state().settle_at_bytes, state().waiting_bytes) = (FIRST_SETTLED, FIRST_SETTLED_BYTES, 0);
    lingering::look();
}

/// Ends what waits for a return and that nobody but its block holds any more, if there is much: C calls back and may not
/// return for long. What managed code holds goes on waiting.
pub(crate) fn settle() {
    if !must_settle() {
        return;
    }
    let waiting = std::mem::take(&mut state().until_return);
    state().waiting_bytes = 0;
    for block in waiting {
        let block = block as Block;
        // SAFETY: queued blocks are alive and have a twin.
        unsafe {
            let counted_alone = (*block).ob_refcnt > 0;
            let header = header_of(block);
            if counted_alone {
                // C counts it: when it gives the count up, it is looked at anew.
                header.unset(flag::QUEUED | flag::GIVEN_BACK);
            } else if (*header.twin()).strong_count() == 1 {
                sweep(block);
            } else {
                state().until_return.push_back(block as usize);
                state().waiting_bytes += waiting_bytes(block);
            }
        }
    }
    state().settle_at = FIRST_SETTLED.max(2 * state().until_return.len());
    state().settle_at_bytes = FIRST_SETTLED_BYTES.max(2 * state().waiting_bytes);
}

/// Notes that C code asked for a frame that runs: it may have a bare pointer to it for as long.
pub(crate) fn has_frame(block: Block) {
    if let Some(header) = header(block) {
        header.set(flag::KEPT);
    }
}

/// Notes that C code goes on counting a list after the call that it was given in.
pub(crate) fn keeps_list(_: Block, header: &Header) {
    header.set(flag::KEPT);
}

/// [`end_queued`], with what only the block holds.
pub(super) unsafe fn sweep(block: Block) {
    // SAFETY: by the caller's contract.
    sweeping(|| unsafe { end_queued(block) });
}

/// Has what ends in `end` on this thread end with all that it holds: nothing is kept for the next time.
pub(crate) fn sweeping(end: impl FnOnce()) {
    let outer = thread::context().sweeping.replace(true);
    end();
    thread::context().sweeping.set(outer);
}

/// Undoes [`sweeping`] for Python code that runs in between.
pub(crate) fn not_sweeping(run: impl FnOnce()) {
    let outer = thread::context().sweeping.replace(false);
    run();
    thread::context().sweeping.set(outer);
}

/// Ends a block that is in a queue no more, if nobody counts it.
unsafe fn end_queued(block: Block) {
    // SAFETY: queued blocks are alive.
    unsafe {
        header_of(block).unset(flag::QUEUED | flag::GIVEN_BACK);
        if (*block).ob_refcnt == 0 && !keep_for_reuse(block) {
            dealloc::release(block);
        }
    }
}

/// Keeps an exact str, bytes or bytearray for the next time, or for a pointer into it that C still uses. False if it is
/// not one.
fn retain(block: Block) -> bool {
    let statics = statics();
    // SAFETY: the block is alive.
    let kind = unsafe { (*block).ob_type };
    let size = if kind == statics.unicode || kind == statics.bytes {
        // SAFETY: blocks with twins of these types have headers.
        unsafe { block::capacity(block) }
    } else if kind == statics.bytearray {
        // SAFETY: the same; the type says what is in the block.
        unsafe { block::capacity(block) + (*block.cast::<c::PyByteArrayObject>()).ob_alloc as usize }
    } else {
        return false;
    };
    // The twin, which the block owns, has the same text or bytes again.
    let size = 2 * size;
    if size > RETAINED_BYTES || thread::context().sweeping.get() {
        return false;
    }
    // SAFETY: as above.
    unsafe { header_of(block) }.set(flag::QUEUED);
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

/// Keeps a list's or tuple's block that nobody holds for the next time that the managed object comes. The block lets go of it:
/// what Python does with the object is not delayed. False if it is not one to be kept.
///
/// # Safety
/// Nobody counts the block; it has a header and a twin that it owns.
pub(crate) unsafe fn keep_for_reuse(block: Block) -> bool {
    // SAFETY: by contract.
    unsafe {
        let Some(reusable) = Kind::of(block).form().reusable else { return false };
        let header = header_of(block);
        let twin = &*header.twin();
        let lends = header.has(flag::BOUND | flag::PINNED | flag::LENDS | flag::GUARDED);
        if lends || twin.strong_count() == 1 || (*block.cast::<c::PyVarObject>()).ob_size < FEWEST_REUSED {
            return false;
        }
        let Some(found) = reusable(block, twin).filter(|found| found.bytes <= REUSABLE_BYTES) else { return false };
        let address = std::ptr::from_ref(twin) as usize;
        handle::untie(twin);
        header.set_twin(std::ptr::null());
        header.keep_only(!(flag::OWNS_TWIN | flag::SHOWN_TUPLE | flag::KEPT));
        state().turns += 1;
        let turn = state().turns;
        state().reusable_bytes += found.bytes;
        state().reusable_order.push_back((address, turn));
        if let Some(earlier) = state().reusable.insert(address, ForReuse { block, of: found, turn }) {
            state().reusable_bytes -= earlier.of.bytes;
            end_reusable(earlier.block);
        }
        dealloc::drop_twin(twin);
        while state().reusable_bytes > REUSABLE_BYTES || state().reusable_order.len() > 2 * state().reusable.len() + 64
        {
            forget_oldest();
        }
        true
    }
}

/// Gives up the oldest of the blocks that are kept for reuse, if it has not been used since.
fn forget_oldest() {
    let Some((address, turn)) = state().reusable_order.pop_front() else { return };
    let Entry::Occupied(entry) = state().reusable.entry(address) else { return };
    if entry.get().turn == turn {
        let ForReuse { block, of, .. } = entry.remove();
        state().reusable_bytes -= of.bytes;
        // SAFETY: nobody knows the block but this cache.
        unsafe { end_reusable(block) };
    }
}

/// Ends a block that was kept for reuse, and the items that only it holds.
unsafe fn end_reusable(block: Block) {
    // SAFETY: by the callers' contract nobody knows the block.
    sweeping(|| unsafe { dealloc::free_builtin(block) });
}

/// Whether C has given up a container with this address and these items lately. One that comes once only would be kept for
/// nothing, and drop what comes again and again.
pub(crate) fn comes_again(object: &PyObject, items: &[usize]) -> bool {
    let ends = [items.first(), items.last()].map(|item| item.copied().unwrap_or(0));
    let sign = std::ptr::from_ref(object) as usize ^ ends[0].rotate_left(20) ^ ends[1].rotate_left(40) ^ items.len();
    let place = &mut state().lately[(sign >> 4 ^ sign >> 24) % LATELY];
    std::mem::replace(place, sign) == sign
}

/// The block that stood for an object at this address and shows these items, with a count of 1 and no twin. The items of
/// such a block own theirs, so that no other object can have come to an address of the run.
#[inline]
pub(crate) fn reuse(object: &PyObject, items: impl FnOnce(Block, &[usize]) -> bool) -> Option<Block> {
    if state().reusable.is_empty() {
        return None;
    }
    let ForReuse { block, of, .. } = state().reusable.remove(&(std::ptr::from_ref(object) as usize))?;
    state().reusable_bytes -= of.bytes;
    // SAFETY: nobody knows the block but this cache.
    unsafe {
        if items(block, &of.run) {
            (*block).ob_refcnt = 1;
            return Some(block);
        }
        end_reusable(block);
    }
    None
}

/// Empties the retention cache and ends what lingers but for frames that run, so that what is live can be counted.
pub fn flush() {
    lingering::flush();
    while !state().retained.is_empty() {
        drop_oldest();
    }
    while !state().reusable_order.is_empty() {
        forget_oldest();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::testing::{class, object};
    use crate::lifetime::testing::with_vm;

    #[test]
    fn a_ring_gives_back_what_it_has_no_place_for() {
        let block = |number: usize| number as Block;
        let mut ring = Ring::<3>::new();
        assert!(ring.is_empty());
        assert_eq!([1, 2, 3].map(|number| ring.push(block(number))), [None; 3]);
        assert_eq!([4, 5].map(|number| ring.push(block(number))), [Some(block(1)), Some(block(2))]);
        *ring.advance() = 0;
        assert_eq!(ring.take().collect::<Vec<_>>(), [4, 5]);
        assert!(ring.is_empty());
        assert_eq!(ring.push(block(6)), None);
    }

    #[test]
    fn a_value_that_python_holds_waits_for_the_return() {
        with_vm(|vm| {
            let twin: rustpython_vm::PyObjectRef = vm.ctx.new_complex(1.0.into()).into();
            let outer = thread::enter(vm);
            let block = object(class(Kind::Complex));
            handle::tie(block, &twin);
            // SAFETY: a block tied to its twin; slots stay when their blocks go.
            unsafe {
                handle::hold(block, &twin);
                drop(thread::section(vm));
                dealloc::decref(block);
                assert!(header_of(block).has(flag::QUEUED), "C code may go on using it");
                drop(outer);
                assert!(!header_of(block).has(flag::LIVE));
            }
            assert_eq!(twin.strong_count(), 1);
        });
    }
}
