//! Art-Net and sACN over real sockets: a router between a sender and a receiver on this machine.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustclad_router::backends::{artnet, sacn};
use rustclad_router::config::{Assignment, BackendSection, ChannelSpec, Config, Instance, Mapping, Place};
use rustclad_router::{Registry, Router, RouterError};

fn place() -> Place {
    Place { file: Arc::from(Path::new("test.cfg")), line: 1, column: 1, text: Arc::from("text") }
}

fn options(options: &[(&str, &str)]) -> Vec<Assignment> {
    let assignment = |(option, value): &(&str, &str)| Assignment {
        option: (*option).into(),
        value: (*value).into(),
        place: place(),
    };
    options.iter().map(assignment).collect()
}

/// A configuration with one backend section.
fn config(backend: &str, global: &[(&str, &str)]) -> Config {
    let section = BackendSection { backend: backend.into(), options: options(global), place: place() };
    Config { backends: vec![section], ..Config::default() }
}

fn instance(config: &mut Config, name: &str, settings: &[(&str, &str)]) {
    config.instances.push(Instance {
        backend: config.backends[0].backend.clone(),
        name: name.into(),
        folder: ".".into(),
        options: options(settings),
        place: place(),
    });
}

fn map(config: &mut Config, source: (usize, &str), destination: (usize, &str)) {
    let end = |(instance, channel): (usize, &str)| ChannelSpec { instance, channel: channel.into() };
    config.map.push(Mapping {
        source: end(source),
        source_place: place(),
        destination: end(destination),
        destination_place: place(),
    });
}

/// An address on this machine that was free a moment ago.
fn free() -> SocketAddr {
    UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn host(address: SocketAddr) -> String {
    format!("{} {}", address.ip(), address.port())
}

/// A socket of the other side.
fn peer() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

fn started(config: &Config) -> Router {
    let mut router = Router::new(Registry::new(), config).unwrap();
    router.start().unwrap();
    router
}

/// Turns until `done` gives something, at most some seconds.
fn turn_until<T>(router: &mut Router, what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(10);
    while Instant::now() < end {
        router.turn(Duration::from_millis(5)).unwrap();
        if let Some(result) = done() {
            return result;
        }
    }
    panic!("in vain: {what}");
}

/// Turns until a packet comes to `socket` that `wanted` takes.
fn receive(router: &mut Router, socket: &UdpSocket, what: &str, wanted: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    turn_until(router, what, || {
        let mut packet = [0; 2000];
        while let Ok(length) = socket.recv(&mut packet) {
            if wanted(&packet[..length]) {
                return Some(packet[..length].to_vec());
            }
        }
        None
    })
}

fn start_error(config: &Config) -> String {
    let mut router = Router::new(Registry::new(), config).unwrap();
    router.start().unwrap_err().to_string()
}

fn artdmx(packet: &[u8]) -> Option<artnet::packet::Dmx<'_>> {
    match artnet::packet::parse(packet)? {
        artnet::packet::Packet::Dmx(dmx) => Some(dmx),
        artnet::packet::Packet::Poll(_) => None,
    }
}

#[test]
fn artnet_carries_8_and_16_bits() {
    let (here, sender, receiver) = (free(), peer(), peer());
    let mut config = config("artnet", &[("bind", &host(here)), ("net", "1")]);
    instance(&mut config, "in", &[("universe", "0x10")]);
    let destination = host(receiver.local_addr().unwrap());
    instance(&mut config, "out", &[("universe", "3"), ("net", "2"), ("destination", &destination)]);
    map(&mut config, (0, "1"), (1, "512"));
    map(&mut config, (0, "2+4"), (1, "10+9"));
    let mut router = started(&config);

    receive(&mut router, &receiver, "the first frame", |it| artdmx(it).is_some_and(|dmx| dmx.slots == [0; 512]));
    let mut packet = [0; artnet::packet::DMX_LENGTH];
    let mut slots = [0; 512];
    slots[..4].copy_from_slice(&[77, 0x12, 99, 0x34]);
    artnet::packet::write_dmx(0, artnet::packet::port_address(1, 0x10), &slots, &mut packet);
    sender.send_to(&packet, here).unwrap();
    let changed = |it: &[u8]| artdmx(it).is_some_and(|dmx| dmx.slots[511] == 77);
    let packet = receive(&mut router, &receiver, "the change", changed);
    let dmx = artdmx(&packet).unwrap();
    assert_eq!(dmx.address, artnet::packet::port_address(2, 3));
    assert_eq!(dmx.slots[8..10], [0x34, 0x12]);
    assert_eq!(dmx.slots.iter().filter(|it| **it != 0).count(), 3);
    assert_eq!(dmx.sequence, 2);
    assert_eq!(router.metrics().events, 2);
}

#[test]
fn artnet_answers_a_poll() {
    let (here, sender) = (free(), peer());
    let mut config = config("artnet", &[("bind", &format!("{} announce=10.1.2.3", host(here)))]);
    instance(&mut config, "one", &[("universe", "0x21")]);
    instance(&mut config, "two", &[("universe", "0x22"), ("destination", "127.0.0.1 9")]);
    map(&mut config, (0, "1"), (1, "1"));
    let mut router = started(&config);

    sender.send_to(b"Art-Net\0\x00\x20\x00\x0e\x00\x00", here).unwrap();
    let first = receive(&mut router, &sender, "a reply", |it| it.len() == artnet::packet::POLL_REPLY_LENGTH);
    assert_eq!(first[8..14], [0x00, 0x21, 10, 1, 2, 3]);
    assert_eq!((&first[26..29], first[174], first[190], first[211]), (b"one".as_slice(), 0x80, 1, 1));
    let second = receive(&mut router, &sender, "another reply", |it| it.len() == artnet::packet::POLL_REPLY_LENGTH);
    assert_eq!((&second[26..29], second[174], second[186], second[211]), (b"two".as_slice(), 0x40, 2, 2));
}

#[test]
fn artnet_holds_changes_back_and_loses_none() {
    let (here, sender, receiver) = (free(), peer(), peer());
    let mut config = config("artnet", &[("bind", &host(here))]);
    instance(&mut config, "in", &[]);
    let destination = host(receiver.local_addr().unwrap());
    instance(&mut config, "out", &[("universe", "1"), ("destination", &destination)]);
    map(&mut config, (0, "1"), (1, "1"));
    let mut router = started(&config);

    let mut packet = [0; artnet::packet::DMX_LENGTH];
    let began = Instant::now();
    let mut frames = 0;
    for value in 1..=200 {
        artnet::packet::write_dmx(0, 0, &[value; 512], &mut packet);
        sender.send_to(&packet, here).unwrap();
        router.turn(Duration::from_millis(2)).unwrap();
    }
    turn_until(&mut router, "the last value", || {
        let mut bytes = [0; 2000];
        let mut last = 0;
        while let Ok(length) = receiver.recv(&mut bytes) {
            frames += 1;
            last = artdmx(&bytes[..length]).unwrap().slots[0];
        }
        (last == 200).then_some(())
    });
    let most = began.elapsed().as_millis() / 23 + 2;
    assert!(frames <= most, "{frames} frames, not more than {most}");
}

#[test]
fn a_change_that_was_held_back_goes_out_at_the_end() {
    let (here, sender, receiver) = (free(), peer(), peer());
    let mut config = config("artnet", &[("bind", &host(here))]);
    instance(&mut config, "in", &[]);
    let destination = host(receiver.local_addr().unwrap());
    instance(&mut config, "out", &[("universe", "1"), ("destination", &destination)]);
    map(&mut config, (0, "1"), (1, "1"));
    let mut router = started(&config);
    router.turn(Duration::ZERO).unwrap();

    let mut packet = [0; artnet::packet::DMX_LENGTH];
    artnet::packet::write_dmx(0, 0, &[9; 512], &mut packet);
    sender.send_to(&packet, here).unwrap();
    router.turn(Duration::from_secs(1)).unwrap();
    router.shutdown();
    receive(&mut router, &receiver, "the change", |it| artdmx(it).is_some_and(|dmx| dmx.slots[0] == 9));
}

/// A data packet of a source.
fn e131(source: u8, priority: u8, sequence: u8, value: u8) -> Vec<u8> {
    let source = sacn::packet::Source::new([source; 16], "test").unwrap();
    let mut packet = [0; sacn::packet::DATA_LENGTH];
    let slots = [value; 512];
    let data = sacn::packet::Outgoing { universe: 7, priority, sequence, terminated: false, slots: &slots };
    source.write_data(&data, &mut packet);
    packet.to_vec()
}

#[test]
fn sacn_carries_values_of_the_highest_priority_and_says_when_it_ends() {
    let (here, sender, receiver) = (free(), peer(), peer());
    let cid = "0xaa 1 2 3 4 5 6 7 8 9 10 11 12 13 14 0xff";
    let mut config = config("sacn", &[("bind", &host(here)), ("name", "test"), ("cid", cid)]);
    instance(&mut config, "in", &[("universe", "7"), ("unicast", "1")]);
    let destination = host(receiver.local_addr().unwrap());
    let out = [("universe", "8"), ("priority", "120"), ("destination", destination.as_str())];
    instance(&mut config, "out", &out);
    map(&mut config, (0, "1"), (1, "2"));
    let mut router = started(&config);
    let value = |it: &[u8]| sacn::packet::parse(it).map(|data| data.slots[1]);

    sender.send_to(&e131(1, 100, 0, 50), here).unwrap();
    let packet = receive(&mut router, &receiver, "a value", |it| value(it) == Some(50));
    let data = sacn::packet::parse(&packet).unwrap();
    assert_eq!((data.universe, data.priority, data.cid[0], data.cid[15]), (8, 120, 0xaa, 0xff));
    sender.send_to(&e131(2, 150, 0, 60), here).unwrap();
    sender.send_to(&e131(1, 100, 1, 70), here).unwrap();
    sender.send_to(&e131(2, 150, 0, 80), here).unwrap();
    receive(&mut router, &receiver, "the value of the higher priority", |it| value(it) == Some(60));
    sender.send_to(&e131(2, 150, 1, 90), here).unwrap();
    receive(&mut router, &receiver, "the next value", |it| {
        assert!(!matches!(value(it), Some(70 | 80)));
        value(it) == Some(90)
    });
    router.shutdown();
    let ended = |it: &[u8]| sacn::packet::parse(it).is_some_and(|data| data.terminated);
    for _ in 0..3 {
        receive(&mut router, &receiver, "the end", ended);
    }
}

#[test]
fn what_cannot_start_says_why() {
    let mut none = config("artnet", &[]);
    instance(&mut none, "a", &[]);
    assert!(start_error(&none).contains("bind = ADDRESS"));

    let here = host(free());
    let mut twice = config("artnet", &[("bind", &here)]);
    instance(&mut twice, "a", &[("universe", "1")]);
    instance(&mut twice, "b", &[("universe", "1")]);
    assert!(start_error(&twice).contains("same universe"));

    let mut far = config("artnet", &[("bind", &here)]);
    instance(&mut far, "a", &[("interface", "1")]);
    assert!(start_error(&far).contains("no interface 1"));

    let mut mixed = config("artnet", &[("bind", &here)]);
    instance(&mut mixed, "a", &[("destination", "::1")]);
    assert!(start_error(&mixed).contains("IPv6"));

    let mut unset = config("sacn", &[("bind", &here)]);
    instance(&mut unset, "a", &[]);
    assert!(start_error(&unset).contains("`universe` is missing"));
}

#[test]
fn options_that_are_wrong_are_refused() {
    let global = [
        ("artnet", "bind", "127.0.0.1 6454 loud"),
        ("artnet", "bind", "127.0.0.1 announce=x"),
        ("artnet", "net", "128"),
        ("artnet", "detect", "maybe"),
        ("artnet", "nothing", "1"),
        ("sacn", "bind", "127.0.0.1 70000"),
        ("sacn", "cid", "1 2 3"),
        ("sacn", "cid", "256 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"),
        ("sacn", "name", "this name of a source is much longer than the sixty-three bytes it has"),
    ];
    let is_refused = |config: &Config| matches!(Router::new(Registry::new(), config), Err(RouterError::Option { .. }));
    for (backend, option, value) in global {
        assert!(is_refused(&config(backend, &[(option, value)])), "{backend} {option} = {value}");
    }
    let own = [
        ("artnet", "universe", "256"),
        ("artnet", "destination", "127.0.0.1 9 more"),
        ("artnet", "realtime", "yes"),
        ("sacn", "universe", "0"),
        ("sacn", "universe", "64000"),
        ("sacn", "priority", "201"),
        ("sacn", "from", "0x1"),
        ("sacn", "net", "1"),
    ];
    for (backend, option, value) in own {
        let mut config = config(backend, &[]);
        instance(&mut config, "a", &[(option, value)]);
        assert!(is_refused(&config), "{backend} {option} = {value}");
    }
    let uuid = [("cid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8")];
    assert!(Router::new(Registry::new(), &config("sacn", &uuid)).is_ok());
}

/// A socket that gets what is sent to a multicast group, which other programs may get too.
fn member(group: Ipv4Addr, port: u16) -> std::io::Result<UdpSocket> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())?;
    socket.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Whether this machine carries multicast packets to itself.
fn has_multicast() -> bool {
    let group = Ipv4Addr::new(239, 255, 199, 1);
    let check = || -> std::io::Result<usize> {
        let port = free().port();
        let receiver = member(group, port)?;
        receiver.set_nonblocking(false)?;
        receiver.set_read_timeout(Some(Duration::from_secs(1)))?;
        UdpSocket::bind("0.0.0.0:0")?.send_to(b"x", (group, port))?;
        receiver.recv(&mut [0])
    };
    check().is_ok()
}

#[test]
fn sacn_uses_multicast() {
    if !has_multicast() {
        eprintln!("skipped: this machine has no multicast");
        return;
    }
    // Universes that nobody uses, and a name, since the packets may leave the machine.
    let (port, universe, name) = (free().port(), 50_311, format!("test {}", std::process::id()));
    let receiver = member(Ipv4Addr::new(239, 255, 196, 136), sacn::packet::PORT).unwrap();
    let discovery = member(Ipv4Addr::new(239, 255, 250, 214), sacn::packet::PORT).unwrap();
    let bind = format!("0.0.0.0 {port} local");
    let mut config = config("sacn", &[("bind", bind.as_str()), ("name", name.as_str())]);
    instance(&mut config, "in", &[("universe", "50311")]);
    instance(&mut config, "out", &[("universe", "50312"), ("priority", "100")]);
    map(&mut config, (0, "1"), (1, "1"));
    let mut router = started(&config);

    let list = [&[0; 2], 50_312u16.to_be_bytes().as_slice()].concat();
    receive(&mut router, &discovery, "the list of universes", |it| {
        it[44..].starts_with(name.as_bytes()) && it.len() == 122 && it[118..] == list
    });
    let mut packet = e131(1, 100, 0, 42);
    packet[113..115].copy_from_slice(&u16::to_be_bytes(universe));
    let group = Ipv4Addr::new(239, 255, 196, 135);
    UdpSocket::bind("0.0.0.0:0").unwrap().send_to(&packet, (group, port)).unwrap();
    receive(&mut router, &receiver, "the value", |it| {
        it[44..].starts_with(name.as_bytes()) && sacn::packet::parse(it).is_some_and(|data| data.slots[0] == 42)
    });
}
