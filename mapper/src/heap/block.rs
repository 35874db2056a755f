//! The memory of blocks: one reserved range of addresses, size classes with free lists, and a small header in front
//! of every block. Owns all memory that C sees as an object of ours; knows nothing of what is in it. Everything here is
//! called with the C lock held.
//!
//! ```text
//! -48 twin      -40 flags, size class      -32 weak references      -24 dict      -16 collector head      0 PyObject
//! ```
//! The last three are where CPython's own macros look; the header is below them.

use std::cell::{Cell, UnsafeCell};

use rustc_hash::FxHashMap;
use rustpython_vm::PyObject;

use crate::abi::{layout as c, platform};

/// Pointer to an object as C sees it.
pub type Block = *mut c::PyObject;

/// Bytes in front of a block: our header and the three fields that belong to CPython.
pub const PREFIX: usize = 48;

/// What the bits of [`Header::flags`] say.
pub mod flag {
    /// The slot is handed out.
    pub const LIVE: u64 = 1;
    /// It came from `PyObject_Malloc` and is no object as long as no type is set.
    pub const RAW: u64 = 1 << 1;
    /// C counts references, and the block owns one strong reference on its twin for them.
    pub const OWNS_TWIN: u64 = 1 << 2;
    /// The twin's payload points back at the block and ends it when it dies.
    pub const BOUND: u64 = 1 << 3;
    /// Deallocation has begun: no new twin is made.
    pub const DYING: u64 = 1 << 4;
    /// It stands in the retention cache's queue.
    pub const QUEUED: u64 = 1 << 5;
    /// Something was lent on its behalf (see `lend`).
    pub const LENDS: u64 = 1 << 6;
    /// It is never freed while its twin lives, though nobody counts it.
    pub const PINNED: u64 = 1 << 7;
    /// A function whose block counts its `self`.
    pub const COUNTS_SELF: u64 = 1 << 8;
    /// C said that the object is whole and may be looked at by the collector.
    pub const TRACKED: u64 = 1 << 9;
    /// Its `tp_finalize` ran.
    pub const FINALIZED: u64 = 1 << 10;
    /// It is part of the collection that runs.
    pub const IN_GRAPH: u64 = 1 << 11;
    /// Its birth counts towards the next collection, and its end against it.
    pub const COLLECTABLE: u64 = 1 << 12;
    /// The checking mode keeps its memory aside when it is freed.
    pub const GUARDED: u64 = 1 << 13;
    /// It was freed, and is kept aside.
    pub const FREED: u64 = 1 << 14;
    /// It shows an object that lives on: its type's deallocator is not for it.
    pub const MIRROR: u64 = 1 << 15;
    /// A type's `tp_dict` (see [`crate::twins::type_dict`]).
    pub const TYPE_DICT: u64 = 1 << 16;
    /// A list that Python has seen (see [`crate::twins::forms::list`]).
    pub const SHOWN_LIST: u64 = 1 << 17;
    /// A tuple that Python has seen, which C code may change while it counts the only reference that C has.
    pub const SHOWN_TUPLE: u64 = 1 << 18;
    /// Bytes that Python has seen while C counted them: C code may still be writing them.
    pub const SHOWN_BYTES: u64 = 1 << 30;
    /// It stands among the blocks that are looked at whenever C is entered and left (see [`crate::lifetime::watched`]).
    pub const WATCHED: u64 = 1 << 29;
    /// An object whose struct has fields that the managed half fills (see `twins::fields`).
    pub const LINKED: u64 = 1 << 31;
    /// Callbacks of its weak references wait for its deallocator (see `lifetime::weak`).
    pub const CALLBACKS: u64 = 1 << 32;
    /// Nobody in C counts it but a list that Python has, too, which holds the twin (see `lifetime::mirrored`).
    pub const MIRRORED: u64 = 1 << 33;
    /// An exception's block that remembers what both sides agreed on (see `twins/forms/exception.rs`).
    pub const SHOWN_EXCEPTION: u64 = 1 << 34;
    /// Weak references in C's hands point to it without counting it (see `lifetime::weak`).
    pub const SHOWN_WEAKLY: u64 = 1 << 35;
    /// A memory view of C's making, whose `Py_buffer` C code may narrow.
    pub const SHOWN_VIEW: u64 = 1 << 38;
    /// One of these: what C code has done to it may have to be handed on before Python sees it again.
    pub const SHOWN: u64 = SHOWN_LIST | SHOWN_TUPLE | SHOWN_BYTES | SHOWN_EXCEPTION | SHOWN_VIEW | LINKED;
    /// One of those, or a number that Python may hand back: what Python gets is not just the twin.
    pub const LOOKED_AT: u64 = SHOWN | UNLISTED_NUMBER;
    /// Only managed code holds the object; its count is 1 for C code that asks whether a pointer is to a live object.
    pub const RESTING: u64 = 1 << 19;
    /// C gave its last count back while the block was queued.
    pub const GIVEN_BACK: u64 = 1 << 20;
    /// A list that C code went on counting after the call that it was given in.
    pub const KEPT: u64 = 1 << 21;
    /// A list's mirror shows what the managed list has, as far as this thread can know: no managed code has run since.
    pub const IN_STEP: u64 = 1 << 22;
    /// A list that this thread's C code was given and may write into: it stands among the lists that were lent (see
    /// [`crate::lifetime::due`]).
    pub const LENT: u64 = 1 << 26;
    /// A list whose items were all values that hold nothing when it was last looked at, and none has come since.
    pub const PLAIN_ITEMS: u64 = 1 << 27;
    /// A list's mirror is being changed.
    pub const CHANGING: u64 = 1 << 23;
    /// An exact number that C keeps: it has an entry in the table of handles.
    pub const KNOWN_NUMBER: u64 = 1 << 24;
    /// An exact number that waits for the end of the call to see whether C keeps it.
    pub const YOUNG_NUMBER: u64 = 1 << 25;
    /// An exact number that C was given and that nothing leads back to: Python has not had it from C since.
    pub const UNLISTED_NUMBER: u64 = 1 << 28;
}

/// What stands in front of a block. Shared by all who look at the block: every field is a cell.
#[repr(C)]
pub struct Header {
    /// The managed object, or null: not made yet. In a free slot, the next free one.
    twin: Cell<*const PyObject>,
    /// Bits of [`flag`], 40 of them; the size class, to free it by, 8 bits; and how many twins C code has outrun (see
    /// [`Header::outrun_twin`]) in this slot's whole life, 16 bits.
    word: Cell<u64>,
}

const FLAGS: u64 = (1 << CLASS_SHIFT) - 1;
const CLASS_SHIFT: u32 = 40;
const GENERATION_SHIFT: u32 = 48;

const RANGE: usize = 1 << 38;
const GRAIN: usize = 16;
const SMALL: usize = 1024;
#[cfg_attr(feature = "malloc-blocks", expect(dead_code, reason = "blocks come from malloc"))]
const CHUNK: usize = 64 << 10;
const SMALL_CLASSES: usize = SMALL / GRAIN + 1;
const CLASSES: usize = SMALL_CLASSES + 4 * 28;
const _: () = assert!(CLASSES <= 256, "a class has 8 bits");

impl Header {
    const fn new(flags: u64, class: usize) -> Self {
        Self { twin: Cell::new(std::ptr::null()), word: Cell::new(flags | (class as u64) << CLASS_SHIFT) }
    }

    #[cfg(not(feature = "malloc-blocks"))]
    fn class(&self) -> usize {
        (self.word.get() >> CLASS_SHIFT) as u8 as usize
    }

    /// All bits of [`flag`].
    #[inline]
    pub fn flags(&self) -> u64 {
        self.word.get() & FLAGS
    }

    /// Whether any of these bits is set.
    #[inline]
    pub fn has(&self, flags: u64) -> bool {
        self.word.get() & flags != 0
    }

    /// Sets bits.
    #[inline]
    pub fn set(&self, flags: u64) {
        self.word.set(self.word.get() | flags);
    }

    /// Takes bits back.
    #[inline]
    pub fn unset(&self, flags: u64) {
        self.word.set(self.word.get() & !flags);
    }

    /// Takes all other bits back.
    pub fn keep_only(&self, flags: u64) {
        self.word.set(self.word.get() & (flags | !FLAGS));
    }

    /// The managed object as a pointer; null if it was not made yet.
    #[inline]
    pub fn twin(&self) -> *const PyObject {
        self.twin.get()
    }

    /// Sets the managed object.
    #[inline]
    pub fn set_twin(&self, twin: *const PyObject) {
        self.twin.set(twin);
    }

    /// How many twins C code has outrun.
    pub fn generation(&self) -> u16 {
        (self.word.get() >> GENERATION_SHIFT) as u16
    }

    /// Gives up a twin that is on its way to its end on another thread, for C code has taken hold of the block again. What
    /// that end has to say is known by the generation it comes from.
    pub(crate) fn outrun_twin(&self) {
        self.word.set(self.word.get().wrapping_add(1 << GENERATION_SHIFT));
        self.twin.set(std::ptr::null());
    }
}

/// A run of slots of one class.
#[cfg_attr(feature = "malloc-blocks", expect(dead_code, reason = "blocks come from malloc"))]
#[derive(Clone, Copy)]
struct Chunk {
    start: usize,
    slot: usize,
    count: usize,
}

#[cfg_attr(feature = "malloc-blocks", expect(dead_code, reason = "blocks come from malloc"))]
struct Arena {
    start: usize,
    top: usize,
    /// The most that one slot can take.
    most: usize,
    /// Flags that every block gets.
    marks: u64,
    free: [*mut Header; CLASSES],
    chunks: Vec<Chunk>,
    /// Headers of objects in memory that is not ours. There are few types whose objects need one.
    annex: FxHashMap<usize, *mut Header>,
    #[cfg(feature = "malloc-blocks")]
    registry: std::collections::BTreeMap<usize, usize>,
}

struct Shared(UnsafeCell<Arena>);
// SAFETY: only touched with the C lock held, or before any module is loaded.
unsafe impl Sync for Shared {}

static ARENA: Shared = Shared(UnsafeCell::new(Arena {
    start: 0,
    top: 0,
    most: 0,
    marks: flag::LIVE,
    free: [std::ptr::null_mut(); CLASSES],
    chunks: Vec::new(),
    annex: FxHashMap::with_hasher(rustc_hash::FxBuildHasher),
    #[cfg(feature = "malloc-blocks")]
    registry: std::collections::BTreeMap::new(),
}));

fn arena() -> &'static mut Arena {
    // SAFETY: the C lock makes this the only user, and no function below calls another that takes the reference again.
    unsafe { &mut *ARENA.0.get() }
}

/// Reserves the range. Called once, before anything else here.
///
/// # Errors
/// The system's error if it refuses the address range.
pub(crate) fn reserve() -> std::io::Result<()> {
    let start = platform::reserve_memory(RANGE)?;
    let arena = arena();
    arena.start = start;
    arena.top = start;
    arena.most = platform::memory_of_machine().min(RANGE / 2);
    Ok(())
}

/// Whether the machine could ever hold something of that size. The system promises memory that it does not have, and
/// ends the process when it is touched: what cannot be is refused before.
#[inline]
pub fn is_possible(size: usize) -> bool {
    size <= arena().most
}

/// The class for a slot of `size` bytes, and the slot's real size.
#[cfg_attr(feature = "malloc-blocks", expect(dead_code, reason = "blocks come from malloc"))]
fn class_of(size: usize) -> (usize, usize) {
    if size <= SMALL {
        let class = size.div_ceil(GRAIN);
        return (class, class * GRAIN);
    }
    // Four classes for each power of two.
    let power = usize::BITS as usize - (size - 1).leading_zeros() as usize;
    let step = 1usize << (power - 3);
    let quarter = (size - (1 << (power - 1))).div_ceil(step) - 1;
    (SMALL_CLASSES + (power - 11) * 4 + quarter, (1 << (power - 1)) + (quarter + 1) * step)
}

/// Takes memory for a block of `size` bytes, all zero, its header set to `flags` and no twin. Null if there is none.
pub fn allocate(size: usize, flags: u64) -> Block {
    let block = allocate_uninit(size, flags);
    if !block.is_null() {
        // SAFETY: `allocate_uninit` gave at least `size` bytes behind the prefix.
        unsafe { block.cast::<u8>().sub(32).write_bytes(0, size + 32) };
    }
    block
}

/// Like [`allocate`], without zeroing what is behind the header.
#[inline]
pub fn allocate_uninit(size: usize, flags: u64) -> Block {
    let Some(total) = size.checked_add(PREFIX).filter(|total| is_possible(*total)) else {
        return std::ptr::null_mut();
    };
    #[cfg(feature = "malloc-blocks")]
    return arena().malloc(total, flags);
    #[cfg(not(feature = "malloc-blocks"))]
    {
        let (class, slot) = class_of(total);
        let arena = arena();
        let mut header = arena.free[class];
        if header.is_null() {
            header = arena.refill(class, slot);
            if header.is_null() {
                return std::ptr::null_mut();
            }
        } else {
            // SAFETY: a free slot's header links to the next one.
            arena.free[class] = unsafe { (*header).twin().cast_mut().cast() };
        }
        // SAFETY: the slot is ours and large enough.
        unsafe {
            (*header).twin.set(std::ptr::null());
            (*header).word.set((*header).word.get() & !FLAGS | flags | arena.marks);
            header.cast::<u8>().add(PREFIX).cast()
        }
    }
}

/// Has the memory of every block kept aside when it is freed. Before the first one is made.
pub(crate) fn guard_all() {
    arena().marks |= flag::GUARDED;
}

/// Gives a block's memory back. Who knows what its marks mean has looked at them (see [`crate::lifetime::dealloc::free`]).
///
/// # Safety
/// `block` came from [`allocate`] and nothing refers to it.
#[inline]
pub(crate) unsafe fn free_now(block: Block) {
    #[cfg(feature = "malloc-blocks")]
    arena().malloc_free(block);
    #[cfg(not(feature = "malloc-blocks"))]
    {
        let arena = arena();
        // SAFETY: by contract.
        unsafe {
            let header = block.cast::<u8>().sub(PREFIX).cast::<Header>();
            (*header).keep_only(0);
            let (class, word) = ((*header).class(), (*header).word.get());
            if class >= SMALL_CLASSES + 4 * 7 {
                platform::discard_memory(header as usize, slot_size(class));
                (*header).word.set(word);
            }
            (*header).twin.set(arena.free[class].cast_const().cast());
            arena.free[class] = header;
        }
    }
}

#[cfg(not(feature = "malloc-blocks"))]
fn slot_size(class: usize) -> usize {
    if class < SMALL_CLASSES {
        return class * GRAIN;
    }
    let (power, quarter) = ((class - SMALL_CLASSES) / 4 + 11, (class - SMALL_CLASSES) % 4);
    (1 << (power - 1)) + (quarter + 1) * (1 << (power - 3))
}

impl Arena {
    /// Cuts a new chunk into slots; returns one and puts the others on the free list.
    #[cfg(not(feature = "malloc-blocks"))]
    #[cold]
    fn refill(&mut self, class: usize, slot: usize) -> *mut Header {
        let bytes = if slot * 8 > CHUNK { slot.next_multiple_of(4096) } else { CHUNK };
        if self.top + bytes > self.start + RANGE {
            return std::ptr::null_mut();
        }
        let start = self.top;
        self.top += bytes;
        let count = bytes / slot;
        self.chunks.push(Chunk { start, slot, count });
        for index in (1..count).rev() {
            let header = (start + index * slot) as *mut Header;
            // SAFETY: inside the reserved range, which is readable and writable.
            unsafe {
                header.write(Header::new(0, class));
                (*header).twin.set(self.free[class].cast_const().cast());
            }
            self.free[class] = header;
        }
        // SAFETY: as above.
        unsafe { (start as *mut Header).write(Header::new(0, class)) };
        start as *mut Header
    }

    #[cfg(feature = "malloc-blocks")]
    fn malloc(&mut self, total: usize, flags: u64) -> Block {
        // SAFETY: a fresh allocation of `total` bytes, which is more than the header.
        unsafe {
            let header = libc::malloc(total).cast::<Header>();
            if header.is_null() {
                return std::ptr::null_mut();
            }
            header.write(Header::new(flags | self.marks, 0));
            let block = header.cast::<u8>().add(PREFIX);
            self.registry.insert(block as usize, total - PREFIX);
            block.cast()
        }
    }

    #[cfg(feature = "malloc-blocks")]
    fn malloc_free(&mut self, block: Block) {
        self.registry.remove(&(block as usize));
        // SAFETY: `malloc` made it.
        unsafe { libc::free(block.cast::<u8>().sub(PREFIX).cast()) }
    }
}

/// Whether memory came from [`allocate`].
#[inline]
pub(crate) fn is_ours(block: Block) -> bool {
    #[cfg(feature = "malloc-blocks")]
    return arena().registry.contains_key(&(block as usize));
    #[cfg(not(feature = "malloc-blocks"))]
    {
        (block as usize).wrapping_sub(arena().start) < RANGE
    }
}

/// The header of a block of ours, or of one that was annexed; None for other memory: static objects, and what
/// a type's own allocator made and Python has not seen.
#[inline]
pub fn header(block: Block) -> Option<&'static Header> {
    if !is_ours(block) {
        return annexed(block);
    }
    // SAFETY: every pointer that C may hold into the range is to a slot handed out with a header.
    Some(unsafe { header_of(block) })
}

/// Gives memory that is not ours a header: an object in memory that its type took from elsewhere, now that Python sees it.
/// It lasts until [`disown`].
pub(crate) fn annex(block: Block) -> &'static Header {
    let header = Box::into_raw(Box::new(Header::new(flag::LIVE, 0)));
    if let Some(earlier) = arena().annex.insert(block as usize, header) {
        // SAFETY: the memory's earlier life is over, and so is its header's.
        drop(unsafe { Box::from_raw(earlier) });
    }
    // SAFETY: `disown` frees it, when the object ends.
    unsafe { &*header }
}

/// The header of memory that is not ours, if it has one.
#[inline]
fn annexed(block: Block) -> Option<&'static Header> {
    let annex = &arena().annex;
    if annex.is_empty() {
        return None;
    }
    // SAFETY: as for `annex`.
    annex.get(&(block as usize)).map(|header| unsafe { &**header })
}

/// Forgets the header of memory that is not ours, which its type's own deallocator is about to free.
pub(crate) fn disown(block: Block) {
    let annex = &mut arena().annex;
    if !annex.is_empty()
        && let Some(header) = annex.remove(&(block as usize))
    {
        // SAFETY: made by `annex`; the object ends, and nobody uses its header any more.
        drop(unsafe { Box::from_raw(header) });
    }
}

/// The header of a block that is known to be ours.
///
/// # Safety
/// `block` came from [`allocate`].
#[inline]
pub unsafe fn header_of(block: Block) -> &'static Header {
    // SAFETY: by contract; slots are never unmapped, and all who look at one share it through its cells.
    unsafe { &*block.cast::<u8>().sub(PREFIX).cast() }
}

/// How many bytes a block of ours can hold.
///
/// # Safety
/// `block` came from [`allocate`].
pub unsafe fn capacity(block: Block) -> usize {
    #[cfg(feature = "malloc-blocks")]
    return arena().registry[&(block as usize)];
    #[cfg(not(feature = "malloc-blocks"))]
    // SAFETY: by contract.
    return slot_size(unsafe { header_of(block) }.class()) - PREFIX;
}

/// Calls `visit` for every block that is handed out.
pub fn for_each_live(mut visit: impl FnMut(Block, &Header)) {
    #[cfg(feature = "malloc-blocks")]
    for block in arena().registry.keys().copied().collect::<Vec<_>>() {
        let block = block as Block;
        // SAFETY: registered blocks are live, and no visitor frees one.
        visit(block, unsafe { header_of(block) });
    }
    #[cfg(not(feature = "malloc-blocks"))]
    for chunk in 0..arena().chunks.len() {
        // A copy: visitors take the arena, too.
        let chunk = arena().chunks[chunk];
        for index in 0..chunk.count {
            let header = (chunk.start + index * chunk.slot) as *mut Header;
            // SAFETY: chunks were cut by `refill`, and slots never move.
            unsafe {
                if (*header).has(flag::LIVE) {
                    visit(header.cast::<u8>().add(PREFIX).cast(), &*header);
                }
            }
        }
    }
}

#[cfg(all(test, not(feature = "malloc-blocks")))]
mod tests;
