//! The packets of Art-Net 4 that the router reads and writes: ArtDmx, ArtPoll and ArtPollReply.

// Own layout: the crate `artnet_protocol` allocates for each packet, and its replies end before Art-Net 4's fields.

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

/// The port of Art-Net.
pub const PORT: u16 = 0x1936;
/// The length of an ArtDmx with all slots, in bytes.
pub const DMX_LENGTH: usize = DMX_HEADER + 512;
/// The length of an ArtPollReply, in bytes.
pub const POLL_REPLY_LENGTH: usize = 239;

const ID: &[u8; 8] = b"Art-Net\0";
const VERSION: u16 = 14;
const OP_POLL: u16 = 0x2000;
const OP_POLL_REPLY: u16 = 0x2100;
const OP_DMX: u16 = 0x5000;
const DMX_HEADER: usize = 18;
/// In the flags of an ArtPoll: only nodes with universes in a range answer.
const TARGETED: u8 = 1 << 5;

/// A packet that the router knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Values of a universe.
    Dmx(Dmx<'a>),
    /// Somebody wants to know who is there.
    Poll(Poll),
}

/// ArtDmx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dmx<'a> {
    /// 1 to 255 in a circle; 0 means that the sender does not count.
    pub sequence: u8,
    /// Net, sub-net and universe: see [`port_address`].
    pub address: u16,
    /// The first slots, at most 512.
    pub slots: &'a [u8],
}

/// ArtPoll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// Only universes in this range are asked for.
    pub addresses: RangeInclusive<u16>,
}

/// ArtPollReply, for one universe or none.
#[derive(Clone, Copy, Debug)]
pub struct PollReply<'a> {
    /// Where the node is.
    pub ip: Ipv4Addr,
    /// Number of this reply among those of the node, from 1.
    pub index: u8,
    /// How many replies were sent before.
    pub count: u32,
    /// Cut to 17 characters of ASCII.
    pub short_name: &'a str,
    /// Cut to 63 characters of ASCII.
    pub long_name: &'a str,
    /// The universe, if the reply is for one.
    pub port: Option<Port>,
}

/// A universe in an ArtPollReply.
#[derive(Clone, Copy, Debug)]
pub struct Port {
    /// Net, sub-net and universe: see [`port_address`].
    pub address: u16,
    /// The node takes its values from the network.
    pub receives: bool,
    /// The node sends its values to the network.
    pub sends: bool,
}

/// The 15 bits that name a universe: `net` has the upper 7, `universe` the sub-net and the universe in it.
#[must_use]
pub fn port_address(net: u8, universe: u8) -> u16 {
    u16::from_be_bytes([net, universe])
}

/// Reads a packet. None if it is of another kind, or cut off, or says something impossible.
#[must_use]
pub fn parse(packet: &[u8]) -> Option<Packet<'_>> {
    // The version is not looked at: some senders leave it 0, and the layout never changed.
    let rest = packet.strip_prefix(ID)?;
    let (&[low, high, _, _], rest) = rest.split_first_chunk::<4>()?;
    match u16::from_le_bytes([low, high]) {
        OP_DMX => parse_dmx(rest).map(Packet::Dmx),
        OP_POLL => parse_poll(rest).map(Packet::Poll),
        _ => None,
    }
}

fn parse_dmx(rest: &[u8]) -> Option<Dmx<'_>> {
    let (&[sequence, _physical, universe, net, high, low], data) = rest.split_first_chunk::<6>()?;
    let length = usize::from(u16::from_be_bytes([high, low]));
    let slots = data.get(..length).filter(|slots| slots.len() <= 512)?;
    Some(Dmx { sequence, address: port_address(net, universe), slots })
}

fn parse_poll(rest: &[u8]) -> Option<Poll> {
    let (&[flags, _priority], rest) = rest.split_first_chunk::<2>()?;
    let addresses = match rest.first_chunk::<4>() {
        Some(&[top_high, top_low, bottom_high, bottom_low]) if flags & TARGETED != 0 => {
            u16::from_be_bytes([bottom_high, bottom_low])..=u16::from_be_bytes([top_high, top_low])
        }
        _ => 0..=u16::MAX,
    };
    Some(Poll { addresses })
}

/// Writes an ArtDmx with all slots.
pub fn write_dmx(sequence: u8, address: u16, slots: &[u8; 512], packet: &mut [u8; DMX_LENGTH]) {
    let [net, universe] = address.to_be_bytes();
    let [version_high, version_low] = VERSION.to_be_bytes();
    packet[..8].copy_from_slice(ID);
    packet[8..10].copy_from_slice(&OP_DMX.to_le_bytes());
    packet[10..16].copy_from_slice(&[version_high, version_low, sequence, 0, universe, net]);
    packet[16..18].copy_from_slice(&512u16.to_be_bytes());
    packet[DMX_HEADER..].copy_from_slice(slots);
}

impl PollReply<'_> {
    /// Writes the packet.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; POLL_REPLY_LENGTH] {
        let mut packet = [0; POLL_REPLY_LENGTH];
        packet[..8].copy_from_slice(ID);
        packet[8..10].copy_from_slice(&OP_POLL_REPLY.to_le_bytes());
        packet[10..14].copy_from_slice(&self.ip.octets());
        packet[14..16].copy_from_slice(&PORT.to_le_bytes());
        packet[17] = 1; // Version of the firmware.
        packet[20..22].copy_from_slice(&[0x00, 0xff]); // Equipment without a code.
        packet[23] = 0b0001_0000; // Status 1: universes are set on the device itself, not over the network.
        packet[24..26].copy_from_slice(&0x7ff0u16.to_le_bytes()); // ESTA's code for prototypes.
        put_text(&mut packet[26..44], self.short_name);
        put_text(&mut packet[44..108], self.long_name);
        // "Power on tests successful", and a counter of four digits.
        put_text(&mut packet[108..172], &format!("#0001 [{:04}] running", self.count % 10_000));
        if let Some(port) = &self.port {
            port.put(&mut packet);
        }
        packet[207..211].copy_from_slice(&self.ip.octets());
        packet[211] = self.index;
        packet[212] = 0b0000_1000; // Status 2: addresses of universes have 15 bits.
        packet[226..228].copy_from_slice(&44u16.to_be_bytes()); // Frames a second.
        packet
    }
}

impl Port {
    fn put(&self, packet: &mut [u8; POLL_REPLY_LENGTH]) {
        let [net, universe] = self.address.to_be_bytes();
        packet[18] = net;
        packet[19] = universe >> 4;
        packet[173] = 1;
        // Seen from the network, what a node receives is an output, and the other way round.
        packet[174] = u8::from(self.receives) << 7 | u8::from(self.sends) << 6;
        packet[178] = u8::from(self.sends) << 7;
        packet[182] = u8::from(self.receives) << 7;
        packet[186] = universe & 0x0f;
        packet[190] = universe & 0x0f;
    }
}

/// Writes text that ends with a zero, as ASCII.
fn put_text(field: &mut [u8], text: &str) {
    let most = field.len() - 1;
    for (byte, character) in field[..most].iter_mut().zip(text.chars()) {
        *byte = if character.is_ascii() { character as u8 } else { b'?' };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dmx_packet_has_the_layout_of_the_standard() {
        let mut slots = [0; 512];
        slots[0] = 7;
        slots[511] = 9;
        let mut packet = [0; DMX_LENGTH];
        write_dmx(3, port_address(0x12, 0x34), &slots, &mut packet);
        assert_eq!(packet.len(), 530);
        assert_eq!(packet[..18], *b"Art-Net\0\x00\x50\x00\x0e\x03\x00\x34\x12\x02\x00");
        assert_eq!(packet[18..], slots);
        assert_eq!(parse(&packet), Some(Packet::Dmx(Dmx { sequence: 3, address: 0x1234, slots: &slots })));
    }

    #[test]
    fn a_short_frame_is_read() {
        let packet = b"Art-Net\0\x00\x50\x00\x0e\x00\x00\x01\x00\x00\x02\x05\x06";
        assert_eq!(parse(packet), Some(Packet::Dmx(Dmx { sequence: 0, address: 1, slots: &[5, 6] })));
    }

    #[test]
    fn what_is_cut_off_or_impossible_is_not_read() {
        let mut packet = [0; DMX_LENGTH + 2];
        write_dmx(1, 1, &[1; 512], packet[..DMX_LENGTH].as_mut_array().unwrap());
        for length in 0..DMX_LENGTH {
            assert_eq!(parse(&packet[..length]), None, "{length}");
        }
        packet[16..18].copy_from_slice(&514u16.to_be_bytes());
        assert_eq!(parse(&packet), None);
        assert_eq!(parse(b"Art-Net\0\x00\x21\x00\x0e\x00\x00\x00\x00"), None);
        assert_eq!(parse(b"Art-Nut\0\x00\x20\x00\x0e\x00\x00"), None);
    }

    #[test]
    fn a_poll_asks_for_all_universes_or_for_some() {
        let all = Some(Packet::Poll(Poll { addresses: 0..=u16::MAX }));
        assert_eq!(parse(b"Art-Net\0\x00\x20\x00\x0e\x02\x00"), all);
        assert_eq!(parse(b"Art-Net\0\x00\x20\x00\x0e\x02\x00\x01\x02\x00\x03"), all);
        let some = Some(Packet::Poll(Poll { addresses: 0x0003..=0x0102 }));
        assert_eq!(parse(b"Art-Net\0\x00\x20\x00\x0e\x22\x00\x01\x02\x00\x03"), some);
    }

    #[test]
    fn a_reply_has_the_layout_of_the_standard() {
        let reply = PollReply {
            ip: Ipv4Addr::new(10, 0, 0, 5),
            index: 2,
            count: 10_041,
            short_name: "a name of more than 17",
            long_name: "läng",
            port: Some(Port { address: port_address(1, 0x2f), receives: true, sends: false }),
        };
        let mut expected = [0; POLL_REPLY_LENGTH];
        expected[..26]
            .copy_from_slice(b"Art-Net\0\x00\x21\x0a\x00\x00\x05\x36\x19\x00\x01\x01\x02\x00\xff\x00\x10\xf0\x7f");
        expected[26..43].copy_from_slice(b"a name of more th");
        expected[44..48].copy_from_slice(b"l?ng");
        expected[108..128].copy_from_slice(b"#0001 [0041] running");
        expected[173] = 1;
        expected[174] = 0x80;
        expected[182] = 0x80;
        expected[186] = 0x0f;
        expected[190] = 0x0f;
        expected[207..213].copy_from_slice(&[10, 0, 0, 5, 2, 0x08]);
        expected[227] = 44;
        assert_eq!(reply.to_bytes(), expected);
    }
}
