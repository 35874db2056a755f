//! Feeds any bytes to the router's MQTT: as a payload, and, if they are text, as lines of a configuration.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rustclad_router::backends::mqtt::broker::Broker;
use rustclad_router::backends::mqtt::payload::Format;

fuzz_target!(|bytes: &[u8]| {
    let mut format = Format::default();
    let _ = format.decode(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let _ = Broker::default().set_host(text);
    for line in text.lines() {
        let _ = format.add(line);
    }
    for value in [0.0, 0.5, 1.0] {
        if let Some(payload) = format.encode(value) {
            let _ = format.decode(payload.as_bytes());
        }
    }
});
