//! Hostile packets for the reader of sACN.

use rustclad_router::backends::sacn::packet::{self, Outgoing, Source};

#[path = "common/hostile.rs"]
mod hostile;

fn main() {
    let source = Source::new(*b"0123456789abcdef", "desk").unwrap();
    let mut data = [0; packet::DATA_LENGTH];
    let mut samples = Vec::new();
    for terminated in [false, true] {
        let outgoing = Outgoing { universe: 1, priority: 100, sequence: 9, terminated, slots: &[7; 512] };
        source.write_data(&outgoing, &mut data);
        samples.push(data.to_vec());
    }
    let mut short = data[..129].to_vec();
    short[123..125].copy_from_slice(&4u16.to_be_bytes());
    samples.push(short);
    let mut discovery = [0; packet::DISCOVERY_LENGTH];
    let length = source.write_discovery(0, 0, &[1, 2], &mut discovery);
    samples.push(discovery[..length].to_vec());
    let trial = hostile::Trial { samples: &samples, pieces: &[], longest: 1500 };
    trial.feed(|bytes| {
        packet::parse(bytes).inspect(|data| assert!(data.slots.len() <= 512 && data.priority <= 200)).is_some()
    });
}
