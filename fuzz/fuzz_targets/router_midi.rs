//! Feeds any bytes to the router's MIDI: as a message, and as the name of a channel.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rustclad_router::backends::midi::Address;

fuzz_target!(|bytes: &[u8]| {
    if let Some((address, value)) = Address::decode(bytes) {
        let (message, length) = address.encode(value);
        assert_eq!(Address::decode(&message[..length]), Some((address, value)));
    }
    if let Ok(name) = std::str::from_utf8(bytes) {
        let _ = Address::parse(name);
    }
});
