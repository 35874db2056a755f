//! Reads any bytes as an OSC packet and gives its messages to a few addresses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rustclad_router::backends::osc::addresses::Addresses;
use rustclad_router::backends::osc::packet;

fuzz_target!(|bytes: &[u8]| {
    let mut addresses = Addresses::default();
    for text in ["/a", "/a/b", "/desk/1/fader1"] {
        addresses.channel(text.into(), 0, Vec::new);
    }
    let _ = packet::read(bytes, |message| {
        addresses.receive(&message, |_, value| assert!((0.0..=1.0).contains(&value)));
    });
});
