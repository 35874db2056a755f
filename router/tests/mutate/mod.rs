//! Feeds random and mutated packets to a parser, and sees that it neither panics, hangs nor grows.

use std::alloc::System;
use std::time::{Duration, Instant};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const INPUTS: usize = 1_000_000;
const WARM_UP: usize = 1000;
const BUDGET: Duration = Duration::from_secs(20);
const LONGEST: usize = 1500;

/// Feeds a million inputs made from valid packets. `parse` says whether it could read its input.
pub(crate) fn feed(samples: &[Vec<u8>], mut parse: impl FnMut(&[u8]) -> bool) {
    let mut random = fastrand::Rng::with_seed(1);
    let mut input = Vec::with_capacity(16 * LONGEST);
    let mut one = |input: &mut Vec<u8>| {
        make(samples, &mut random, input);
        usize::from(parse(input))
    };
    let mut read: usize = (0..WARM_UP).map(|_| one(&mut input)).sum();
    let began = Instant::now();
    let region = Region::new(ALLOCATOR);
    for count in WARM_UP..INPUTS {
        read += one(&mut input);
        assert!(began.elapsed() < BUDGET, "{count} inputs took {:?}", began.elapsed());
    }
    let change = region.change();
    assert_eq!(change.bytes_allocated, change.bytes_deallocated, "it grows");
    assert!(read > INPUTS / 20 && read < INPUTS, "{read} of {INPUTS} could be read: the inputs are too much alike");
}

/// One input in eight is random; others are samples with some bytes changed, cut, repeated or added.
fn make(samples: &[Vec<u8>], random: &mut fastrand::Rng, input: &mut Vec<u8>) {
    input.clear();
    if random.u8(..8) == 0 {
        input.resize(random.usize(..LONGEST), 0);
        random.fill(input);
        return;
    }
    input.extend_from_slice(&samples[random.usize(..samples.len())]);
    for _ in 0..random.usize(..4) {
        change(random, input);
    }
    input.truncate(LONGEST);
}

fn change(random: &mut fastrand::Rng, input: &mut Vec<u8>) {
    if input.is_empty() {
        return;
    }
    // Headers are what parsers look at: half of the changes are in the first bytes.
    let reach = if random.bool() { input.len().min(160) } else { input.len() };
    let place = random.usize(..reach);
    match random.u8(..6) {
        0 => input[place] = random.u8(..),
        1 => input[place] ^= 1 << random.u8(..8),
        2 => input[place] = [0, 1, 0x7f, 0x80, 0xff][random.usize(..5)],
        3 => input.truncate(place),
        4 => input.extend_from_within(place..),
        _ => input.extend((0..random.usize(..64)).map(|_| random.u8(..))),
    }
}
