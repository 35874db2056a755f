//! Hostile packets for the reader of Art-Net.

use rustclad_router::backends::artnet::packet::{self, Packet};

#[path = "common/hostile.rs"]
mod hostile;

fn main() {
    let mut dmx = [0; packet::DMX_LENGTH];
    packet::write_dmx(1, packet::port_address(1, 2), &[7; 512], &mut dmx);
    let short = b"Art-Net\0\x00\x50\x00\x0e\x00\x00\x01\x00\x00\x02\x05\x06".to_vec();
    let poll = b"Art-Net\0\x00\x20\x00\x0e\x22\x00\x01\x02\x00\x03".to_vec();
    let samples = [dmx.to_vec(), short, poll];
    let trial = hostile::Trial { samples: &samples, pieces: &[], longest: 1500 };
    trial.feed(|bytes| match packet::parse(bytes) {
        Some(Packet::Dmx(dmx)) => {
            assert!(dmx.slots.len() <= 512);
            true
        }
        Some(Packet::Poll(_)) => true,
        None => false,
    });
}
