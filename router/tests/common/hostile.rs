//! Feeds random and mutated inputs to a parser, and sees that it neither panics, hangs nor grows.
//!
//! A test that uses it has no harness: the harness's threads would be in the count of live bytes.

use std::alloc::System;
use std::ops::Range;
use std::time::{Duration, Instant};

use fastrand::Rng;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// All inputs of a trial together may take this long.
const BUDGET: Duration = Duration::from_secs(20);
/// Packets are made of each protocol; some are warm-up.
const PACKETS: usize = 1_000_000;
/// Which share of them must be read: else they are too much alike to mean something.
const SHARE: Range<f64> = 0.05..0.95;
/// Inputs before memory counts.
const WARM_UP: usize = 1000;

/// How a parser is tried.
pub(crate) struct Trial<'a> {
    /// Inputs that it can read.
    pub(crate) samples: &'a [Vec<u8>],
    /// Pieces that mean something to it, and reach more than random bytes do.
    pub(crate) pieces: &'a [&'a [u8]],
    /// No input has more bytes.
    pub(crate) longest: usize,
}

impl Trial<'_> {
    /// Feeds a million inputs. `parse` says whether it could read one.
    pub(crate) fn feed(&self, mut parse: impl FnMut(&[u8]) -> bool) {
        let mut random = Rng::with_seed(1);
        let mut input = Vec::with_capacity(64 * self.longest);
        repeat(PACKETS, &SHARE, || {
            self.make(&mut random, &mut input);
            parse(&input)
        });
    }

    /// One input in eight is random; the others are samples that are mutated or, rarely, as they are.
    fn make(&self, random: &mut Rng, input: &mut Vec<u8>) {
        input.clear();
        if random.u8(..8) == 0 {
            input.resize(random.usize(..self.longest), 0);
            random.fill(input);
            return;
        }
        input.extend_from_slice(&self.samples[random.usize(..self.samples.len())]);
        for _ in 0..random.usize(..6) {
            mutate(random, self.pieces, input);
        }
        input.truncate(self.longest);
    }
}

/// Calls `one` so often that memory would be seen to grow, and a budget to be missed. It says whether its input could be read,
/// which is to happen with a certain share of them.
pub(crate) fn repeat(count: usize, share: &Range<f64>, mut one: impl FnMut() -> bool) {
    let mut read: usize = (0..WARM_UP).map(|_| usize::from(one())).sum();
    let began = Instant::now();
    let region = Region::new(ALLOCATOR);
    for done in WARM_UP..count {
        read += usize::from(one());
        assert!(began.elapsed() < BUDGET, "{done} inputs took {:?}", began.elapsed());
    }
    let change = region.change();
    assert_eq!(change.bytes_allocated, change.bytes_deallocated, "live bytes have changed: {change:?}");
    let reached = read as f64 / count as f64;
    assert!(share.contains(&reached), "{read} of {count} could be read, which is to be a share of {share:?}");
    println!("{count} inputs in {:?}, {read} of them could be read", began.elapsed());
}

/// Changes, cuts, repeats or adds something.
pub(crate) fn mutate(random: &mut Rng, pieces: &[&[u8]], input: &mut Vec<u8>) {
    // Headers are what parsers look at: half of the changes are in the first bytes.
    let reach = if random.bool() { input.len().min(160) } else { input.len() };
    let at = random.usize(..=reach);
    let end = (at + random.usize(..=24)).min(input.len());
    match random.u8(..8) {
        0 => input.truncate(at),
        1 => input.insert(at, random.u8(..)),
        2 if at < input.len() => input[at] ^= 1 << random.u8(..8),
        3 if at < input.len() => input[at] = [0, 1, 0x7f, 0x80, 0xff][random.usize(..5)],
        4 => drop(input.drain(at..end)),
        5 => input.extend_from_within(at..end),
        6 if !pieces.is_empty() => drop(input.splice(at..at, pieces[random.usize(..pieces.len())].iter().copied())),
        _ => input.extend((0..random.usize(..64)).map(|_| random.u8(..))),
    }
}
