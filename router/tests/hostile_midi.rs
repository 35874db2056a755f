//! Any bytes as MIDI messages and as names of channels.

use rustclad_router::backends::midi::Address;

#[path = "common/hostile.rs"]
mod hostile;

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

fn main() {
    let samples = SAMPLES.map(<[u8]>::to_vec);
    let pieces: [&[u8]; 5] = [b"ch", b".", b"15", b"127", b"pressure"];
    let trial = hostile::Trial { samples: &samples, pieces: &pieces, longest: 100 };
    trial.feed(|bytes| {
        let message = Address::decode(bytes);
        if let Some((address, value)) = message {
            assert!((0.0..=1.0).contains(&value));
            let (message, length) = address.encode(value);
            assert_eq!(Address::decode(&message[..length]), Some((address, value)));
        }
        message.is_some() || std::str::from_utf8(bytes).is_ok_and(|name| Address::parse(name).is_ok())
    });
}
