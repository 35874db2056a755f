//! Feeds any bytes to the router's MIDI: as messages, and as the name of a channel.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rustclad_router::backends::midi::{Address, Decoder};

fuzz_target!(|bytes: &[u8]| {
    let mut decoder = Decoder::default();
    for message in bytes.chunks(3) {
        decoder.read(message, |address, value| {
            let mut back = Vec::new();
            let mut other = Decoder::default();
            address.encode(value, true, |message| other.read(message, |address, value| back.push((address, value))));
            assert!(back.contains(&(address, value)));
        });
    }
    if let Ok(name) = std::str::from_utf8(bytes) {
        let _ = Address::parse(name);
    }
});
