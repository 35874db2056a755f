//! Any bytes as payloads, as lines of the configuration, and as what a broker sends.

use bytes::BytesMut;
use rustclad_router::backends::mqtt::broker::Broker;
use rustclad_router::backends::mqtt::payload::Format;

#[path = "common/hostile.rs"]
mod hostile;

const PAYLOADS: [&[u8]; 10] = [
    b"0.5",
    b"-12.75e-3 V",
    b" +7.",
    b"1e308",
    b"nan",
    b"off",
    b"on the way",
    b"\x00\x080.500000",
    "äöü€".as_bytes(),
    b"",
];

const LINES: [&[u8]; 9] = [
    b"range -10 10",
    b"range 255 0",
    b"discrete !0.0 0.5 off",
    b"discrete 0.5 !1.0 on the way",
    b"discrete 0 1",
    b"mqtts://me:secret@example.org:8883",
    b"localhost:1883",
    b"mqtt://[fe80::1]:99",
    b"me@example.org",
];

/// What a broker sends, version 3.1.1 and 5.
const PACKETS: [&[u8]; 16] = [
    b"\x20\x02\x00\x00",
    b"\x20\x02\x00\x01",
    b"\x20\x09\x00\x00\x06\x22\x00\x0a\x21\x00\x14",
    b"\x20\x11\x00\x00\x0e\x12\x00\x04auto\x13\x00\x3c\x24\x01\x25\x01",
    b"\x31\x08\x00\x03a/b0.5",
    b"\x33\x0a\x00\x03a/b\x00\x010.5",
    b"\x35\x0b\x00\x03a/b\x00\x01\x000.5",
    b"\x31\x0d\x00\x03a/b\x04\x01\x01\x0b\x020.5",
    b"\x31\x1a\x00\x03a/b\x12\x26\x00\x03key\x00\x05value\x23\x00\x01\x000.5",
    b"\x40\x02\x00\x01",
    b"\x40\x04\x00\x01\x10\x00",
    b"\x90\x03\x00\x01\x01",
    b"\x90\x04\x00\x01\x00\x01",
    b"\xb0\x04\x00\x01\x00\x00",
    b"\xd0\x00",
    b"\xe0\x02\x8b\x00",
];

fn feed(samples: &[&[u8]], parse: impl FnMut(&[u8]) -> bool) {
    let samples: Vec<Vec<u8>> = samples.iter().map(|it| it.to_vec()).collect();
    hostile::Trial { samples: &samples, pieces: &[], longest: 300 }.feed(parse);
}

fn main() {
    any_bytes_are_a_payload_or_none();
    any_text_is_a_line_of_the_configuration_or_refused();
    any_bytes_are_packets_of_version_3_or_refused();
    any_bytes_are_packets_of_version_5_or_refused();
}

fn any_bytes_are_a_payload_or_none() {
    let mut formats = vec![Format::default(); 4];
    formats[1].add("range -10 10").unwrap();
    formats[2].add("range 3 -1e308").unwrap();
    formats[3].add("discrete 0 !0.5 off").unwrap();
    formats[3].add("discrete 0.5 1 on the way").unwrap();
    feed(&PAYLOADS, |bytes| {
        let values: Vec<f64> = formats.iter().filter_map(|it| it.decode(bytes)).collect();
        assert!(values.iter().all(|it| (0.0..=1.0).contains(it)), "{values:?} from {bytes:?}");
        !values.is_empty()
    });
}

fn any_text_is_a_line_of_the_configuration_or_refused() {
    feed(&LINES, |bytes| {
        let Ok(line) = std::str::from_utf8(bytes) else { return false };
        let is_host = Broker::default().set_host(line).is_ok();
        let mut format = Format::default();
        let is_format = format.add(line).is_ok();
        if is_format {
            for payload in [0.0, 0.5, 1.0].into_iter().filter_map(|it| format.encode(it)) {
                let value = format.decode(payload.as_bytes());
                assert!(value.is_none_or(|it| (0.0..=1.0).contains(&it)), "{payload} of {line}");
            }
        }
        is_host || is_format
    });
}

/// Also as the state of a connection takes them.
fn any_bytes_are_packets_of_version_3_or_refused() {
    let mut state = rumqttc::MqttState::new(100, false);
    feed(&PACKETS, |bytes| {
        let mut stream = BytesMut::from(bytes);
        let mut packets = 0;
        while let Ok(packet) = rumqttc::Packet::read(&mut stream, 65536) {
            let _ = state.handle_incoming_packet(packet);
            state.events.clear();
            packets += 1;
        }
        packets > 0
    });
}

fn any_bytes_are_packets_of_version_5_or_refused() {
    use rumqttc::v5::mqttbytes::v5::Packet;
    let mut state = rumqttc::v5::MqttState::new(100, false);
    feed(&PACKETS, |bytes| {
        let mut stream = BytesMut::from(bytes);
        let mut packets = 0;
        while let Ok(packet) = Packet::read(&mut stream, Some(65536)) {
            // The state keeps aliases of topics; the backend ends a connection that uses them.
            let has_alias = |it: &Packet| matches!(it, Packet::Publish(it) if it.properties.as_ref().is_some_and(|it| it.topic_alias.is_some()));
            if !has_alias(&packet) {
                let _ = state.handle_incoming_packet(packet);
            }
            state.events.clear();
            packets += 1;
        }
        packets > 0
    });
}
