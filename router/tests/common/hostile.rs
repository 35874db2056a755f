//! What the hostile tests have in common: inputs that are mutated from valid ones, a budget of time, and the count of live
//! bytes.

use std::alloc::System;
use std::time::{Duration, Instant};

use fastrand::Rng;
use stats_alloc::{Region, StatsAlloc};

/// All inputs together may take this long.
const BUDGET: Duration = Duration::from_secs(60);
const LONGEST: usize = 300;
const WARM: usize = 1000;

/// Feeds `count` inputs to `parse`. Panics if memory grows or the time runs out.
pub(crate) fn feed(
    allocator: &'static StatsAlloc<System>,
    samples: &[&[u8]],
    count: usize,
    mut parse: impl FnMut(&[u8]),
) {
    let mut random = Rng::with_seed(1);
    let mut input = Vec::with_capacity(4 * LONGEST);
    let started = Instant::now();
    for _ in 0..WARM {
        mutate(&mut random, samples, &mut input);
        parse(&input);
    }
    let region = Region::new(allocator);
    for _ in 0..count {
        mutate(&mut random, samples, &mut input);
        parse(&input);
    }
    let change = region.change();
    assert_eq!(change.bytes_allocated, change.bytes_deallocated, "live bytes have changed: {change:?}");
    assert!(started.elapsed() < BUDGET, "{count} inputs took {:?}", started.elapsed());
    println!("{count} inputs in {:?}, {} allocations", started.elapsed(), change.allocations);
}

/// Random bytes, or a sample with a few bytes changed, inserted, removed or repeated.
fn mutate(random: &mut Rng, samples: &[&[u8]], input: &mut Vec<u8>) {
    input.clear();
    if random.u8(..) < 32 {
        input.resize(random.usize(0..64), 0);
        random.fill(input);
        return;
    }
    input.extend_from_slice(samples[random.usize(0..samples.len())]);
    for _ in 0..random.usize(0..6) {
        let at = random.usize(0..=input.len());
        match random.u8(0..6) {
            0 => input.truncate(at),
            1 => input.insert(at, random.u8(..)),
            2 if at < input.len() => input[at] ^= 1 << random.u8(0..8),
            3 if at < input.len() => input[at] = *random.choice([0, 1, 0x7F, 0x80, 0xFF].iter()).unwrap_or(&0),
            4 if at < input.len() => {
                input.remove(at);
            }
            _ if input.len() < LONGEST => input.extend_from_within(at..),
            _ => {}
        }
    }
}
