//! A million packets that nobody in their right mind sends, and what a configuration may say of OSC.

use std::alloc::System;
use std::time::{Duration, Instant};

use fastrand::Rng;
use rosc::{OscBundle, OscMessage, OscPacket, OscTime, OscType, encoder};
use rustclad_router::backends::osc::addresses::Addresses;
use rustclad_router::backends::osc::{format, packet, pattern};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SEED: u64 = 0x05C;
const PACKETS: usize = 1_000_000;
const TEXTS: usize = 100_000;
const WARM_UP: usize = 10_000;
const TIME: Duration = Duration::from_secs(20);

fn live_bytes() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

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

/// Bytes that mean something to a reader.
const TELLING: &[u8] = b"\0\x01\x7f\xff/,#[]{}*?!-ifhdsbTNtrcm";

fn random_byte(rng: &mut Rng) -> u8 {
    if rng.bool() { TELLING[rng.usize(..TELLING.len())] } else { rng.u8(..) }
}

/// Changes bytes, cuts a piece out, or repeats one.
fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.usize(1..6) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.usize(..bytes.len());
        match rng.u8(..4) {
            0 => bytes[at] = random_byte(rng),
            1 => bytes.insert(at, random_byte(rng)),
            2 => drop(bytes.drain(at..(at + rng.usize(1..9)).min(bytes.len()))),
            _ => bytes.extend_from_within(at..(at + rng.usize(1..65)).min(bytes.len())),
        }
    }
}

fn make(rng: &mut Rng, samples: &[Vec<u8>], bytes: &mut Vec<u8>) {
    bytes.clear();
    if rng.u8(..8) == 0 {
        let length = rng.usize(..200);
        bytes.extend((0..length).map(|_| random_byte(rng)));
        return;
    }
    bytes.extend(&samples[rng.usize(..samples.len())]);
    mutate(rng, bytes);
}

fn addresses() -> Addresses {
    let mut addresses = Addresses::default();
    for text in ["/desk/1/fader1", "/desk/2/fader2", "/desk/1/xy1", "/desk/1/text"] {
        for argument in 0..3 {
            addresses.channel(text.into(), argument, || format::parse("fi 0 1 -5 5").unwrap());
        }
    }
    addresses
}

/// Reads packets; returns how many events they made.
fn feed(rng: &mut Rng, samples: &[Vec<u8>], addresses: &mut Addresses, bytes: &mut Vec<u8>, count: usize) -> usize {
    let mut events = 0;
    for _ in 0..count {
        make(rng, samples, bytes);
        let _ = packet::read(bytes, |message| {
            addresses.receive(&message, |_, value| {
                assert!((0.0..=1.0).contains(&value), "{value} from {message:?}");
                events += 1;
            });
        });
    }
    events
}

fn feed_texts(rng: &mut Rng, samples: &[&str], bytes: &mut Vec<u8>) {
    for _ in 0..TEXTS {
        bytes.clear();
        bytes.extend(samples[rng.usize(..samples.len())].as_bytes());
        mutate(rng, bytes);
        let text = String::from_utf8_lossy(bytes);
        let _ = (pattern::check_address(&text), pattern::check_pattern(&text));
        for argument in format::parse(&text).unwrap_or_default() {
            let _ = (argument.initial(), argument.scaled(rng.f64()));
        }
    }
}

/// One test, so that no other takes memory meanwhile.
#[test]
fn hostile_input_neither_panics_nor_hangs_nor_grows() {
    let begun = Instant::now();
    let mut rng = Rng::with_seed(SEED);
    let samples = samples();
    let mut addresses = addresses();
    let mut bytes = Vec::with_capacity(4096);
    feed(&mut rng, &samples, &mut addresses, &mut bytes, WARM_UP);

    let before = live_bytes();
    let events = feed(&mut rng, &samples, &mut addresses, &mut bytes, PACKETS);
    feed_texts(&mut rng, &["/a/{b,c}/[!a-z]*?", "ifhd 0 255 -1.5 1e3 0 1024 0 1", "/1/xy1"], &mut bytes);
    assert_eq!(live_bytes(), before, "live bytes");

    assert!(events > PACKETS / 20, "the packets are too broken to test much: {events} events");
    assert!(begun.elapsed() < TIME, "it took {:?}", begun.elapsed());
}
