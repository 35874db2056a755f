//! Any bytes as MIDI messages and as names of channels.

use std::alloc::System;

use rustclad_router::backends::midi::Address;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[path = "common/hostile.rs"]
mod hostile;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SAMPLES: [&[u8]; 11] = [
    &[0x80, 60, 64],
    &[0x95, 60, 100],
    &[0xA0, 60, 1],
    &[0xBF, 7, 127],
    &[0xC3, 5],
    &[0xD0, 90],
    &[0xE0, 0, 64],
    &[0xF0, 0x7E, 0x7F, 6, 1, 0xF7],
    b"ch0.cc7",
    b"channel15.note127",
    b"ch3.aftertouch",
];

/// Without the test harness, whose threads would be in the count of live bytes.
fn main() {
    hostile::feed(&INSTRUMENTED_SYSTEM, &SAMPLES, 1_000_000, |bytes| {
        if let Some((address, value)) = Address::decode(bytes) {
            assert!((0.0..=1.0).contains(&value));
            let (message, length) = address.encode(value);
            assert_eq!(Address::decode(&message[..length]), Some((address, value)));
        }
        if let Ok(name) = std::str::from_utf8(bytes) {
            let _ = Address::parse(name);
        }
    });
}
