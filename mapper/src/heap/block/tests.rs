//! Tests of the memory of blocks.

use super::*;
use crate::heap::testing::with_memory;

/// Sizes from each way of taking memory: many slots to a chunk, one slot to a chunk, pages that are discarded.
const SIZES: [usize; 6] = [16, 40, 1000, 5000, 40_000, 3 << 20];

/// A block's bytes behind our header.
fn bytes(block: Block, size: usize) -> &'static mut [u8] {
    // SAFETY: the tests' own blocks, which have so many.
    unsafe { std::slice::from_raw_parts_mut(block.cast::<u8>().sub(32), 32 + size) }
}

fn live() -> FxHashMap<usize, u64> {
    let mut live = FxHashMap::default();
    for_each_live(|block, header| assert!(live.insert(block as usize, header.flags()).is_none()));
    live
}

#[test]
fn size_classes_fit_and_do_not_waste() {
    for size in (1..5000).chain([1 << 20, (1 << 20) + 1, 123_456_789, 1 << 33]) {
        let (class, slot) = class_of(size);
        assert!(slot >= size && slot_size(class) == slot, "{size} -> {class}, {slot}");
        assert!(slot <= size + GRAIN.max(size / 4), "{size} -> {slot}");
        assert!(class < CLASSES);
    }
    assert!(class_of(RANGE / 2).0 < CLASSES);
}

#[test]
fn a_freed_slot_is_the_next_one_and_zero_again() {
    // SAFETY: the test's own blocks, whose slots stay when they are freed.
    with_memory(|| unsafe {
        for size in SIZES {
            let first = allocate(size, flag::RAW);
            assert_eq!(header_of(first).flags(), flag::RAW | flag::LIVE);
            assert!(capacity(first) >= size);
            bytes(first, size).fill(0xAB);
            header_of(first).set_twin(first.cast());
            free_now(first);
            assert!(!header_of(first).has(flag::LIVE));
            let second = allocate(size, 0);
            assert_eq!(second, first);
            assert!(bytes(second, size).iter().all(|byte| *byte == 0), "{size}");
            assert_eq!((header_of(second).flags(), header_of(second).twin()), (flag::LIVE, std::ptr::null()));
            free_now(second);
        }
    });
}

#[test]
fn blocks_do_not_overlap() {
    // SAFETY: the test's own blocks, whose slots stay when they are freed.
    with_memory(|| unsafe {
        let sizes = (0..400).map(|index| SIZES[index % 5] + index);
        let blocks: Vec<_> = sizes.map(|size| (allocate(size, 0), size)).collect();
        for (index, (block, size)) in blocks.iter().enumerate() {
            assert_eq!(*block as usize % GRAIN, 0);
            bytes(*block, *size).fill(index as u8);
            header_of(*block).set(flag::QUEUED);
        }
        for (index, (block, size)) in blocks.into_iter().enumerate() {
            assert!(bytes(block, size).iter().all(|byte| *byte == index as u8));
            assert_eq!(header_of(block).flags(), flag::QUEUED | flag::LIVE);
            free_now(block);
        }
    });
}

#[test]
fn a_slot_knows_its_generation_for_ever() {
    // SAFETY: the test's own blocks, whose slots stay when they are freed.
    with_memory(|| unsafe {
        for size in SIZES {
            let block = allocate(size, 0);
            let before = header_of(block).generation();
            header_of(block).set_twin(block.cast());
            header_of(block).outrun_twin();
            assert!(header_of(block).twin().is_null());
            free_now(block);
            assert_eq!(allocate(size, 0), block);
            assert_eq!(header_of(block).generation(), before.wrapping_add(1));
            free_now(block);
        }
    });
}

#[test]
fn impossible_sizes_are_refused() {
    with_memory(|| {
        let most = arena().most;
        assert!(is_possible(0) && is_possible(most) && !is_possible(most + 1));
        for size in [most, most - PREFIX + 1, isize::MAX as usize, usize::MAX - PREFIX, usize::MAX] {
            assert!(allocate(size, 0).is_null(), "{size}");
        }
    });
}

#[test]
fn all_that_is_live_is_visited_once() {
    // SAFETY: the test's own blocks, whose slots stay when they are freed.
    with_memory(|| unsafe {
        let before = live();
        let [first, second, third] = [16, 5000, 3 << 20].map(|size| allocate(size, flag::TRACKED));
        free_now(second);
        let mut now = live();
        for block in [first, third] {
            assert_eq!(now.remove(&(block as usize)), Some(flag::LIVE | flag::TRACKED));
            free_now(block);
        }
        assert!(now == before && live() == before);
    });
}

#[test]
fn other_memory_has_a_header_while_it_is_annexed() {
    with_memory(|| {
        let mut memory = [0u64; 8];
        let block: Block = (&raw mut memory).cast();
        assert!(header(block).is_none());
        annex(block).set(flag::BOUND);
        assert_eq!(header(block).map(Header::flags), Some(flag::LIVE | flag::BOUND));
        assert!(header(block.wrapping_byte_add(8)).is_none());
        // Another object's life in the same memory.
        assert_eq!(annex(block).flags(), flag::LIVE);
        disown(block);
        assert!(header(block).is_none());
        disown(block);
    });
}
