//! Packets as the network brings them, which may be anything. The crate `rosc` reads messages; bundles are opened here,
//! because it opens bundles in bundles, and frees arrays in arrays, without a limit to the depth.

use rosc::{OscError, OscMessage, OscPacket};

/// How many bundles, or arrays, may be inside each other.
const DEEPEST: usize = 8;
const BUNDLE: &[u8] = b"#bundle\0";
/// Bytes of a bundle's time tag.
const TIME_TAG: usize = 8;

/// Why a packet cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PacketError {
    /// It is neither a message nor a bundle.
    #[error("it begins with neither / nor #bundle")]
    Start,
    /// A message has no type tags.
    #[error("a message has no type tags")]
    NoTags,
    /// A bundle ends too early.
    #[error("a bundle ends in the middle of an element")]
    Short,
    /// Bundles are nested too deep.
    #[error("more than {DEEPEST} bundles are inside each other")]
    DeepBundle,
    /// Arrays are nested too deep.
    #[error("more than {DEEPEST} arrays are inside each other")]
    DeepArray,
    /// A message is wrong in itself.
    #[error(transparent)]
    Message(#[from] OscError),
}

/// Reads a packet and hands each of its messages to `each`, in order. Bundles are opened; their time tags are not heeded.
///
/// # Errors
/// If the packet, or a part of it, cannot be read. The messages in front of that part have been handed on.
pub fn read(packet: &[u8], mut each: impl FnMut(OscMessage)) -> Result<(), PacketError> {
    open(packet, DEEPEST, &mut each)
}

fn open(packet: &[u8], depth: usize, each: &mut impl FnMut(OscMessage)) -> Result<(), PacketError> {
    let Some(bundle) = packet.strip_prefix(BUNDLE) else {
        each(message(packet)?);
        return Ok(());
    };
    let depth = depth.checked_sub(1).ok_or(PacketError::DeepBundle)?;
    let mut elements = bundle.get(TIME_TAG..).ok_or(PacketError::Short)?;
    while !elements.is_empty() {
        let (element, rest) = split_element(elements).ok_or(PacketError::Short)?;
        open(element, depth, each)?;
        elements = rest;
    }
    Ok(())
}

/// A bundle's first element, which its size stands in front of, and the others.
fn split_element(elements: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = elements.split_first_chunk()?;
    rest.split_at_checked(u32::from_be_bytes(*size) as usize)
}

fn message(bytes: &[u8]) -> Result<OscMessage, PacketError> {
    if bytes.first() != Some(&b'/') {
        return Err(PacketError::Start);
    }
    if array_depth(type_tags(bytes).ok_or(PacketError::NoTags)?) > DEEPEST {
        return Err(PacketError::DeepArray);
    }
    match rosc::decoder::decode_udp(bytes)? {
        (_, OscPacket::Message(message)) => Ok(message),
        (_, OscPacket::Bundle(_)) => Err(PacketError::Start),
    }
}

/// The type tags of a message, without the comma.
fn type_tags(message: &[u8]) -> Option<&[u8]> {
    let address = message.iter().position(|byte| *byte == 0)?;
    // At least one zero ends the address, and zeros fill it up to a multiple of four.
    message.get((address / 4 + 1) * 4..)?.strip_prefix(b",")?.split(|byte| *byte == 0).next()
}

fn array_depth(type_tags: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for tag in type_tags {
        match tag {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use rosc::OscType;

    use super::*;

    fn addresses(packet: &[u8]) -> Result<Vec<String>, PacketError> {
        let mut all = Vec::new();
        read(packet, |message| all.push(message.addr))?;
        Ok(all)
    }

    fn bundle(elements: &[&[u8]]) -> Vec<u8> {
        let mut bytes = [BUNDLE, &[0; TIME_TAG]].concat();
        for element in elements {
            bytes.extend((element.len() as u32).to_be_bytes());
            bytes.extend(*element);
        }
        bytes
    }

    fn nested(depth: usize) -> Vec<u8> {
        (0..depth).fold(b"/a\0\0,\0\0\0".to_vec(), |inner, _| bundle(&[&inner]))
    }

    #[test]
    fn a_message_has_an_address_and_arguments() {
        let mut all = Vec::new();
        read(b"/a/b\0\0\0\0,ifTd\0\0\0\0\0\0\x05\x3f\0\0\0\x3f\xf0\0\0\0\0\0\0", |message| all.push(message)).unwrap();
        let args = vec![OscType::Int(5), OscType::Float(0.5), OscType::Bool(true), OscType::Double(1.0)];
        assert_eq!(all, [OscMessage { addr: "/a/b".into(), args }]);
    }

    #[test]
    fn bundles_are_opened_in_order() {
        let inner = bundle(&[b"/b\0\0,\0\0\0", b"/c\0\0,\0\0\0"]);
        let packet = bundle(&[b"/a\0\0,\0\0\0", &inner, b"/d\0\0,\0\0\0"]);
        assert_eq!(addresses(&packet).unwrap(), ["/a", "/b", "/c", "/d"]);
        assert!(addresses(&bundle(&[])).unwrap().is_empty());
    }

    #[test]
    fn depth_is_limited() {
        assert_eq!(addresses(&nested(DEEPEST)).unwrap(), ["/a"]);
        assert!(matches!(addresses(&nested(DEEPEST + 1)), Err(PacketError::DeepBundle)));
        let tags = |depth| format!(",{}{}", "[".repeat(depth), "]".repeat(depth));
        let packet = |depth| [b"/a\0\0".to_vec(), rosc::encoder::encode_string(tags(depth))].concat();
        assert_eq!(addresses(&packet(DEEPEST)).unwrap(), ["/a"]);
        assert!(matches!(addresses(&packet(30_000)), Err(PacketError::DeepArray)));
    }

    #[test]
    fn what_is_no_packet_is_refused() {
        assert!(matches!(addresses(b""), Err(PacketError::Start)));
        assert!(matches!(addresses(b"hello\0\0\0"), Err(PacketError::Start)));
        assert!(matches!(addresses(b"/a\0\0"), Err(PacketError::NoTags)));
        assert!(matches!(addresses(b"/a\0\0ii\0\0"), Err(PacketError::NoTags)));
        assert!(matches!(addresses(b"/a\0\0,i\0\0\0\0"), Err(PacketError::Message(_))));
        assert!(matches!(addresses(b"#bundle\0\0\0\0\0"), Err(PacketError::Short)));
        let cut = &bundle(&[b"/a\0\0,\0\0\0"])[..22];
        assert!(matches!(addresses(cut), Err(PacketError::Short)));
    }

    #[test]
    fn messages_in_front_of_a_bad_one_count() {
        let mut count = 0;
        let result = read(&bundle(&[b"/a\0\0,\0\0\0", b"x\0\0\0"]), |_| count += 1);
        assert!(result.is_err());
        assert_eq!(count, 1);
    }
}
