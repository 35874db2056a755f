//! Feeds any bytes to the reader of Art-Net packets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rustclad_router::backends::artnet::packet::{self, Packet};

fuzz_target!(|bytes: &[u8]| {
    if let Some(Packet::Dmx(dmx)) = packet::parse(bytes) {
        assert!(dmx.slots.len() <= 512);
    }
});
