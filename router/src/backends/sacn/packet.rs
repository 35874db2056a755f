//! The packets of ANSI E1.31-2018 that the router reads and writes: data, and universe discovery.

// Own layout: the crate `sacn` panics on packets that are cut off (its lengths are not checked), and allocates for each.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The port of sACN.
pub const PORT: u16 = 5568;
/// The length of a data packet with all slots, in bytes.
pub const DATA_LENGTH: usize = SLOTS + 512;
/// The universe whose multicast group gets universe discovery.
pub const DISCOVERY_UNIVERSE: u16 = 64214;
/// How many universes a discovery packet has at most.
pub const DISCOVERY_PAGE: usize = 512;
/// The length of the longest discovery packet, in bytes.
pub const DISCOVERY_LENGTH: usize = DISCOVERY_LIST + 2 * DISCOVERY_PAGE;
/// The highest priority.
pub const MOST_PRIORITY: u8 = 200;

/// Sizes of preamble and postamble, and the name of the protocol.
const PREAMBLE: &[u8; 16] = b"\x00\x10\x00\x00ASC-E1.17\x00\x00\x00";
const ROOT_DATA: u32 = 4;
const ROOT_EXTENDED: u32 = 8;
const FRAME_DATA: u32 = 2;
const FRAME_DISCOVERY: u32 = 2;
const DISCOVERY_UNIVERSES: u32 = 1;
/// Set property; addresses of 2 bytes, relative, with an array of bytes; from address 0 in steps of 1.
const DMP_HEADER: &[u8; 6] = b"\x02\xa1\x00\x00\x00\x01";
const OPTION_PREVIEW: u8 = 1 << 7;
const OPTION_TERMINATED: u8 = 1 << 6;

// Where the fields begin.
const ROOT_LAYER: usize = 16;
const ROOT_VECTOR: usize = 18;
const CID: usize = 22;
const FRAME_LAYER: usize = 38;
const FRAME_VECTOR: usize = 40;
const NAME: usize = 44;
const PRIORITY: usize = 108;
const SEQUENCE: usize = 111;
const OPTIONS: usize = 112;
const UNIVERSE: usize = 113;
const DMP_LAYER: usize = 115;
const DMP_VECTOR: usize = 117;
const COUNT: usize = 123;
const START_CODE: usize = 125;
const SLOTS: usize = 126;
const DISCOVERY_LAYER: usize = 112;
const DISCOVERY_VECTOR: usize = 114;
const PAGE: usize = 118;
const DISCOVERY_LIST: usize = 120;

/// Names a component: the same for all packets of a source, and different from all others.
pub type Cid = [u8; 16];

/// A source, as its packets name it.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its identifier.
    pub cid: Cid,
    /// Its name in UTF-8, filled up with at least one zero.
    pub name: [u8; 64],
}

/// A data packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data<'a> {
    /// Who sent it.
    pub cid: Cid,
    /// From 0 to 200.
    pub priority: u8,
    /// Counts the packets of a source for a universe.
    pub sequence: u8,
    /// The values are not meant for the stage.
    pub preview: bool,
    /// The source ends; the values mean nothing.
    pub terminated: bool,
    /// From 1 to 63999, or what the sender says.
    pub universe: u16,
    /// What the values are; 0 is levels.
    pub start_code: u8,
    /// The first slots, at most 512.
    pub slots: &'a [u8],
}

/// What to write into a data packet.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// From 1 to 63999.
    pub universe: u16,
    /// From 0 to 200.
    pub priority: u8,
    /// Counts the packets of the universe.
    pub sequence: u8,
    /// The source ends.
    pub terminated: bool,
    /// The values.
    pub slots: &'a [u8; 512],
}

/// The multicast group of a universe, for IPv4 or IPv6.
#[must_use]
pub fn group(universe: u16, ipv6: bool) -> IpAddr {
    let [high, low] = universe.to_be_bytes();
    if ipv6 {
        IpAddr::V6(Ipv6Addr::new(0xff18, 0, 0, 0, 0, 0, 0x8300, universe))
    } else {
        IpAddr::V4(Ipv4Addr::new(239, 255, high, low))
    }
}

/// Reads a data packet. None if it is of another kind, or cut off, or says something impossible.
#[must_use]
pub fn parse(packet: &[u8]) -> Option<Data<'_>> {
    // Lengths of layers are not looked at: some senders get them wrong, and the count of slots says the same.
    let (header, _) = packet.split_first_chunk::<SLOTS>()?;
    let known = header.starts_with(PREAMBLE)
        && header[ROOT_VECTOR..CID] == ROOT_DATA.to_be_bytes()
        && header[FRAME_VECTOR..NAME] == FRAME_DATA.to_be_bytes()
        && header[DMP_VECTOR..COUNT] == *DMP_HEADER
        && header[PRIORITY] <= MOST_PRIORITY;
    // The count includes the start code.
    let count = usize::from(u16::from_be_bytes([header[COUNT], header[COUNT + 1]]));
    if !known || !(1..=513).contains(&count) {
        return None;
    }
    Some(Data {
        cid: header[CID..FRAME_LAYER].try_into().ok()?,
        priority: header[PRIORITY],
        sequence: header[SEQUENCE],
        preview: header[OPTIONS] & OPTION_PREVIEW != 0,
        terminated: header[OPTIONS] & OPTION_TERMINATED != 0,
        universe: u16::from_be_bytes([header[UNIVERSE], header[UNIVERSE + 1]]),
        start_code: header[START_CODE],
        slots: packet.get(SLOTS..START_CODE + count)?,
    })
}

impl Source {
    /// A source with a name of at most 63 bytes. None if it is longer, or has a zero.
    #[must_use]
    pub fn new(cid: Cid, name: &str) -> Option<Self> {
        let mut field = [0; 64];
        field[..63].get_mut(..name.len()).filter(|_| !name.contains('\0'))?.copy_from_slice(name.as_bytes());
        Some(Self { cid, name: field })
    }

    /// Writes a data packet with all slots.
    pub fn write_data(&self, data: &Outgoing<'_>, packet: &mut [u8; DATA_LENGTH]) {
        self.write_head(ROOT_DATA, FRAME_DATA, packet);
        packet[PRIORITY] = data.priority;
        // Between them, 0: no universe to synchronise with.
        packet[SEQUENCE] = data.sequence;
        packet[OPTIONS] = if data.terminated { OPTION_TERMINATED } else { 0 };
        packet[UNIVERSE..DMP_LAYER].copy_from_slice(&data.universe.to_be_bytes());
        write_length(DMP_LAYER, packet);
        packet[DMP_VECTOR..COUNT].copy_from_slice(DMP_HEADER);
        packet[COUNT..START_CODE].copy_from_slice(&513u16.to_be_bytes());
        packet[SLOTS..].copy_from_slice(data.slots);
    }

    /// Writes a discovery packet with at most 512 universes in ascending order, and says its length. `page` and `last` count
    /// from 0.
    pub fn write_discovery(&self, page: u8, last: u8, universes: &[u16], packet: &mut [u8; DISCOVERY_LENGTH]) -> usize {
        let universes = &universes[..universes.len().min(DISCOVERY_PAGE)];
        let length = DISCOVERY_LIST + 2 * universes.len();
        let packet = &mut packet[..length];
        self.write_head(ROOT_EXTENDED, FRAME_DISCOVERY, packet);
        write_length(DISCOVERY_LAYER, packet);
        packet[DISCOVERY_VECTOR..PAGE].copy_from_slice(&DISCOVERY_UNIVERSES.to_be_bytes());
        packet[PAGE..DISCOVERY_LIST].copy_from_slice(&[page, last]);
        for (field, universe) in packet[DISCOVERY_LIST..].chunks_exact_mut(2).zip(universes) {
            field.copy_from_slice(&universe.to_be_bytes());
        }
        length
    }

    /// Writes what all packets begin with; the packet is zero, and as long as it will be.
    fn write_head(&self, root: u32, frame: u32, packet: &mut [u8]) {
        packet[..ROOT_LAYER].copy_from_slice(PREAMBLE);
        write_length(ROOT_LAYER, packet);
        packet[ROOT_VECTOR..CID].copy_from_slice(&root.to_be_bytes());
        packet[CID..FRAME_LAYER].copy_from_slice(&self.cid);
        write_length(FRAME_LAYER, packet);
        packet[FRAME_VECTOR..NAME].copy_from_slice(&frame.to_be_bytes());
        packet[NAME..PRIORITY].copy_from_slice(&self.name);
    }
}

/// Writes the flags and the length of a layer: it goes to the packet's end.
fn write_length(layer: usize, packet: &mut [u8]) {
    let value = 0x7000 | (packet.len() - layer) as u16;
    packet[layer..layer + 2].copy_from_slice(&value.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        Source::new(*b"0123456789abcdef", "desk").unwrap()
    }

    fn packet() -> [u8; DATA_LENGTH] {
        let mut slots = [0; 512];
        slots[0] = 7;
        slots[511] = 9;
        let mut packet = [0; DATA_LENGTH];
        let data = Outgoing { universe: 0x0102, priority: 100, sequence: 5, terminated: false, slots: &slots };
        source().write_data(&data, &mut packet);
        packet
    }

    #[test]
    fn a_data_packet_has_the_layout_of_the_standard() {
        let packet = packet();
        assert_eq!(packet.len(), 638);
        let mut expected = Vec::new();
        expected.extend(b"\x00\x10\x00\x00ASC-E1.17\x00\x00\x00\x72\x6e\x00\x00\x00\x040123456789abcdef");
        expected.extend(b"\x72\x58\x00\x00\x00\x02desk");
        expected.resize(108, 0);
        expected.extend(b"\x64\x00\x00\x05\x00\x01\x02\x72\x0b\x02\xa1\x00\x00\x00\x01\x02\x01\x00\x07");
        expected.resize(637, 0);
        expected.push(9);
        assert_eq!(packet.as_slice(), expected);
    }

    #[test]
    fn a_data_packet_is_read_as_it_was_written() {
        let bytes = packet();
        let data = parse(&bytes).unwrap();
        assert_eq!((data.cid, data.universe), (*b"0123456789abcdef", 0x0102));
        assert_eq!((data.priority, data.sequence, data.start_code), (100, 5, 0));
        assert!(!data.preview && !data.terminated);
        assert_eq!((data.slots.len(), data.slots[0], data.slots[511]), (512, 7, 9));
    }

    #[test]
    fn options_are_read() {
        let mut bytes = packet();
        bytes[112] = 0x80;
        assert!(parse(&bytes).is_some_and(|it| it.preview && !it.terminated));
        bytes[112] = 0x40;
        assert!(parse(&bytes).is_some_and(|it| !it.preview && it.terminated));
    }

    #[test]
    fn what_is_cut_off_or_impossible_is_not_read() {
        for length in 0..DATA_LENGTH {
            assert_eq!(parse(&packet()[..length]), None, "{length}");
        }
        for (place, value) in [(0, 1), (4, 0), (21, 8), (43, 1), (108, 201), (117, 1), (118, 0xa2), (122, 2), (124, 2)]
        {
            let mut bytes = packet();
            bytes[place] = value;
            assert_eq!(parse(&bytes), None, "{place}");
        }
        let mut bytes = packet();
        bytes[123..125].copy_from_slice(&[0, 0]);
        assert_eq!(parse(&bytes), None);
        bytes[123..125].copy_from_slice(&[0, 1]);
        assert!(parse(&bytes[..126]).is_some_and(|it| it.slots.is_empty()));
    }

    #[test]
    fn a_discovery_packet_has_the_layout_of_the_standard() {
        let mut packet = [0; DISCOVERY_LENGTH];
        let length = source().write_discovery(1, 2, &[1, 0x0203], &mut packet);
        let mut expected = Vec::new();
        expected.extend(b"\x00\x10\x00\x00ASC-E1.17\x00\x00\x00\x70\x6c\x00\x00\x00\x080123456789abcdef");
        expected.extend(b"\x70\x56\x00\x00\x00\x02desk");
        expected.resize(112, 0);
        expected.extend(b"\x70\x0c\x00\x00\x00\x01\x01\x02\x00\x01\x02\x03");
        assert_eq!(packet[..length], expected);
    }

    #[test]
    fn groups_are_those_of_the_standard() {
        assert_eq!(group(0x0102, false).to_string(), "239.255.1.2");
        assert_eq!(group(DISCOVERY_UNIVERSE, false).to_string(), "239.255.250.214");
        assert_eq!(group(0x0102, true).to_string(), "ff18::8300:102");
    }

    #[test]
    fn a_name_has_room_for_its_end() {
        assert!(Source::new([0; 16], &"x".repeat(63)).is_some());
        assert!(Source::new([0; 16], &"x".repeat(64)).is_none());
        assert!(Source::new([0; 16], "a\0b").is_none());
    }
}
