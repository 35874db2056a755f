//! A million packets that nobody in their right mind sends, and what a configuration may say of OSC.

use rosc::{OscBundle, OscMessage, OscPacket, OscTime, OscType, encoder};
use rustclad_router::backends::osc::addresses::Addresses;
use rustclad_router::backends::osc::{format, packet, pattern};

#[path = "common/hostile.rs"]
mod hostile;

/// What real senders send.
fn samples() -> Vec<Vec<u8>> {
    let message =
        |addr: &str, args: &[OscType]| OscPacket::Message(OscMessage { addr: addr.into(), args: args.into() });
    let bundle = |content| OscPacket::Bundle(OscBundle { timetag: OscTime { seconds: 0, fractional: 1 }, content });
    let array = OscType::Array([1, 2].into_iter().collect());
    let fader = message("/desk/1/fader1", &[OscType::Float(0.5)]);
    let pad = message("/desk/1/xy1", &[OscType::Int(7), OscType::Long(8), OscType::Double(0.25), OscType::Bool(true)]);
    let pattern = message("/desk/{1,2}/[a-f]ad?r*", &[OscType::Float(1.0)]);
    let other = message("/desk/1/text", &["on".into(), OscType::Blob(vec![1, 2, 3]), OscType::Nil, array]);
    let inner = bundle(vec![pad.clone(), pattern.clone()]);
    let nested = bundle(vec![fader.clone(), inner, other.clone()]);
    [fader, pad, pattern, other, nested].iter().map(|it| encoder::encode(it).unwrap()).collect()
}

/// What means something to a reader of packets, patterns and formats.
const PIECES: [&[u8]; 21] = [
    b"\0",
    b"\0\0\0",
    b"/",
    b",",
    b"#",
    b"#bundle\0",
    b"[",
    b"]",
    b"{",
    b"}",
    b"*",
    b"?",
    b"!",
    b"-",
    b",i\0\0",
    b"f",
    b"hd",
    b"s",
    b"b",
    b"TNtrcm",
    b"\x7f\xff",
];

fn addresses() -> Addresses {
    let mut addresses = Addresses::default();
    for text in ["/desk/1/fader1", "/desk/2/fader2", "/desk/1/xy1", "/desk/1/text"] {
        for argument in 0..3 {
            addresses.channel(text.into(), argument, || format::parse("fi 0 1 -5 5").unwrap());
        }
    }
    addresses
}

fn feed_packets() {
    let mut addresses = addresses();
    let samples = samples();
    hostile::Trial { samples: &samples, pieces: &PIECES, longest: 1500 }.feed(|bytes| {
        let mut events = 0;
        let _ = packet::read(bytes, |message| {
            addresses.receive(&message, |_, value| {
                assert!((0.0..=1.0).contains(&value), "{value} from {message:?}");
                events += 1;
            });
        });
        events > 0
    });
}

fn feed_texts() {
    let samples = ["/a/{b,c}/[!a-z]*?", "ifhd 0 255 -1.5 1e3 0 1024 0 1", "/1/xy1"].map(Vec::from);
    let mut random = fastrand::Rng::with_seed(2);
    hostile::Trial { samples: &samples, pieces: &PIECES, longest: 200 }.feed(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        let format = format::parse(&text);
        for argument in format.iter().flatten() {
            let _ = (argument.initial(), argument.scaled(random.f64()));
        }
        pattern::check_address(&text).is_ok() | pattern::check_pattern(&text).is_ok() | format.is_ok()
    });
}

fn main() {
    feed_packets();
    feed_texts();
}
