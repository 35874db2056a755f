//! Feeds any bytes to the reader of sACN packets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rustclad_router::backends::sacn::packet;

fuzz_target!(|bytes: &[u8]| {
    if let Some(data) = packet::parse(bytes) {
        assert!(data.slots.len() <= 512 && data.priority <= 200);
    }
});
