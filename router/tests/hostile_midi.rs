//! Any bytes as MIDI messages and as names of channels.

use rustclad_router::backends::midi::{Address, Decoder};

#[path = "common/hostile.rs"]
mod hostile;

const SAMPLES: [&[u8]; 13] = [
    &[0x80, 60, 64],
    &[0x95, 60, 100],
    &[0xA0, 60, 1],
    &[0xBF, 7, 127],
    &[0xB1, 99, 7, 0xB1, 98, 4, 0xB1, 6, 64, 0xB1, 38, 0],
    &[0xC3, 5],
    &[0xD0, 90],
    &[0xE0, 0, 64],
    &[0xF0, 0x7E, 0x7F, 6, 1, 0xF7],
    b"ch0.cc7",
    b"channel15.note127",
    b"ch3.aftertouch",
    b"ch3.nrpn900",
];

fn main() {
    let samples = SAMPLES.map(<[u8]>::to_vec);
    let pieces: [&[u8]; 5] = [b"ch", b".", b"15", b"127", b"pressure"];
    let trial = hostile::Trial { samples: &samples, pieces: &pieces, longest: 100 };
    // One for all inputs, so that what an input selects meets the values of later ones.
    let mut decoder = Decoder::default();
    let mut other = Decoder::default();
    trial.feed(|bytes| {
        let mut read = 0;
        for message in bytes.chunks(3) {
            decoder.read(message, |address, value| {
                assert!((0.0..=1.0).contains(&value));
                let mut is_back = false;
                let mut back = |its: Address, other: f64| is_back |= (its, other) == (address, value);
                address.encode(value, read % 2 == 0, |message| other.read(message, &mut back));
                assert!(is_back, "{address} {value}");
                read += 1;
            });
        }
        read > 0 || std::str::from_utf8(bytes).is_ok_and(|name| Address::parse(name).is_ok())
    });
}
