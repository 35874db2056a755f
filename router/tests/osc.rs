//! The backend `osc` with real sockets: a router between a controller and a listener of ours.

use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rosc::{OscBundle, OscMessage, OscPacket, OscTime, OscType, decoder, encoder};
use rustclad_router::config::{Assignment, BackendSection, ChannelSpec, Config, Instance, Mapping, Place};
use rustclad_router::{Registry, Router, RouterError};

const PATIENCE: Duration = Duration::from_secs(5);

fn place() -> Place {
    Place { file: Arc::from(Path::new("test.cfg")), line: 1, column: 1, text: "text".into() }
}

fn assignments(options: &[(&str, &str)]) -> Vec<Assignment> {
    let assignment = |(option, value): &(&str, &str)| Assignment {
        option: (*option).into(),
        value: (*value).into(),
        place: place(),
    };
    options.iter().map(assignment).collect()
}

/// A configuration that grows.
#[derive(Default)]
struct Builder(Config);

impl Builder {
    fn backend(mut self, options: &[(&str, &str)]) -> Self {
        let options = assignments(options);
        self.0.backends.push(BackendSection { backend: "osc".into(), options, place: place() });
        self
    }

    fn instance(mut self, name: &str, options: &[(&str, &str)]) -> Self {
        self.0.instances.push(Instance {
            backend: "osc".into(),
            name: name.into(),
            folder: PathBuf::new(),
            options: assignments(options),
            place: place(),
        });
        self
    }

    /// `map("desk./a", "light./b")`
    fn map(mut self, source: &str, destination: &str) -> Self {
        let mapping = Mapping {
            source: self.channel(source),
            source_place: place(),
            destination: self.channel(destination),
            destination_place: place(),
        };
        self.0.map.push(mapping);
        self
    }

    fn channel(&self, text: &str) -> ChannelSpec {
        let (name, channel) = text.split_once('.').unwrap();
        let instance = self.0.instances.iter().position(|it| it.name == name).unwrap();
        ChannelSpec { instance, channel: channel.into() }
    }

    fn start(self) -> Router {
        let mut router = Router::new(Registry::new(), &self.0).unwrap();
        router.start().unwrap();
        router
    }
}

fn socket(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind(address).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket
}

/// A port that is free now.
fn free_port() -> u16 {
    socket("[::]:0").local_addr().unwrap().port()
}

/// `HOST PORT` of a socket.
fn of(socket: &UdpSocket) -> String {
    let address = socket.local_addr().unwrap();
    format!("{} {}", address.ip(), address.port())
}

fn message(addr: &str, args: &[OscType]) -> OscPacket {
    OscPacket::Message(OscMessage { addr: addr.into(), args: args.to_vec() })
}

fn send(socket: &UdpSocket, packet: &OscPacket, to: impl Into<SocketAddr>) {
    socket.send_to(&encoder::encode(packet).unwrap(), to.into()).unwrap();
}

/// Turns the router until a message comes.
fn next(router: &mut Router, socket: &UdpSocket) -> (OscPacket, SocketAddr) {
    let mut buffer = [0; 65_536];
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        router.turn(Duration::from_millis(10)).unwrap();
        if let Ok((size, sender)) = socket.recv_from(&mut buffer) {
            return (decoder::decode_udp(&buffer[..size]).unwrap().1, sender);
        }
    }
    panic!("nothing came within {PATIENCE:?}");
}

/// Turns the router a few times and checks that nothing comes.
fn nothing(router: &mut Router, socket: &UdpSocket) {
    for _ in 0..5 {
        router.turn(Duration::from_millis(10)).unwrap();
    }
    assert!(socket.recv_from(&mut [0; 100]).is_err(), "something came");
}

#[test]
fn values_go_from_one_address_to_another() {
    let (controller, listener) = (socket("127.0.0.1:0"), socket("127.0.0.1:0"));
    let port = free_port();
    let mut router = Builder::default()
        .backend(&[("detect", "on")])
        .instance("desk", &[("root", "/desk"), ("bind", &format!("127.0.0.1 {port}")), ("/1/xy*", "ff -1 1 0 2")])
        .instance("light", &[("root", "/light"), ("destination", &of(&listener)), ("/pan", "ih 0 100 0 1000")])
        .map("desk./1/xy1:0", "light./pan:0")
        .map("desk./1/xy1:1", "light./pan:1")
        .start();
    let to = ([127, 0, 0, 1], port);
    send(&controller, &message("/desk/1/xy1", &[OscType::Float(0.0), OscType::Float(0.5)]), to);
    let expected = message("/light/pan", &[OscType::Int(50), OscType::Long(250)]);
    assert_eq!(next(&mut router, &listener).0, expected);

    send(&controller, &message("/desk/1/xy1", &[OscType::Float(9.0)]), to);
    let expected = message("/light/pan", &[OscType::Int(100), OscType::Long(250)]);
    assert_eq!(next(&mut router, &listener).0, expected);

    send(&controller, &message("/desk/1/xy1", &[OscType::Float(1.0)]), to);
    send(&controller, &message("/1/xy1", &[OscType::Float(0.0)]), to);
    send(&controller, &message("/desk/1/xy2", &[OscType::Float(0.0)]), to);
    nothing(&mut router, &listener);
    router.shutdown();
}

#[test]
fn bundles_and_patterns_are_read_and_rubbish_is_not() {
    let (controller, listener) = (socket("127.0.0.1:0"), socket("127.0.0.1:0"));
    let port = free_port();
    let mut router = Builder::default()
        .instance("desk", &[("bind", &format!("127.0.0.1 {port}"))])
        .instance("light", &[("dest", &of(&listener)), ("/*", "i")])
        .map("desk./f/1", "light./1")
        .map("desk./f/2", "light./2")
        .map("desk./g", "light./g")
        .start();
    let to = SocketAddr::from(([127, 0, 0, 1], port));
    for rubbish in [&b""[..], b"rubbish", b"/f/1\0\0\0\0,f\0\0"] {
        controller.send_to(rubbish, to).unwrap();
    }
    let inner = OscPacket::Bundle(OscBundle {
        timetag: OscTime { seconds: 0, fractional: 1 },
        content: vec![message("/f/?", &[OscType::Bool(true)])],
    });
    let content = vec![message("/g", &[OscType::Float(0.2)]), inner];
    let timetag = OscTime { seconds: 0, fractional: 1 };
    send(&controller, &OscPacket::Bundle(OscBundle { timetag, content }), to);
    for (addr, number) in [("/g", 51), ("/1", 255), ("/2", 255)] {
        assert_eq!(next(&mut router, &listener).0, message(addr, &[OscType::Int(number)]));
    }
    nothing(&mut router, &listener);
}

#[test]
fn answers_go_to_whoever_sent_last() {
    let (first, second, feeder) = (socket("127.0.0.1:0"), socket("127.0.0.1:0"), socket("127.0.0.1:0"));
    let (port, feed) = (free_port(), free_port());
    let mut router = Builder::default()
        .instance("panel", &[("bind", &format!("127.0.0.1 {port}")), ("dest", "learn"), ("/led", "f")])
        .instance("feed", &[("bind", &format!("127.0.0.1 {feed}"))])
        .map("feed./a", "panel./led")
        .start();
    let (panel, feed) = (([127, 0, 0, 1], port), ([127, 0, 0, 1], feed));
    let value = message("/a", &[OscType::Float(0.5)]);
    let expected = message("/led", &[OscType::Float(0.5)]);
    send(&feeder, &value, feed);
    nothing(&mut router, &first);
    for panel_socket in [&first, &second] {
        send(panel_socket, &message("/hello", &[]), panel);
        router.turn(Duration::from_millis(100)).unwrap();
        send(&feeder, &value, feed);
        let (answer, sender) = next(&mut router, panel_socket);
        assert_eq!(answer, expected);
        assert_eq!(sender, panel.into());
    }
    nothing(&mut router, &first);
}

#[test]
fn a_learned_address_may_have_another_port() {
    let (panel, listener) = (socket("127.0.0.1:0"), socket("127.0.0.1:0"));
    let (port, learn) = (free_port(), format!("learn@{}", listener.local_addr().unwrap().port()));
    let mut router = Builder::default()
        .instance("panel", &[("bind", &format!("127.0.0.1 {port}")), ("destination", &learn), ("/led", "i")])
        .map("panel./key", "panel./led")
        .start();
    send(&panel, &message("/key", &[OscType::Int(255)]), ([127, 0, 0, 1], port));
    assert_eq!(next(&mut router, &listener).0, message("/led", &[OscType::Int(255)]));
    nothing(&mut router, &panel);
}

#[test]
fn ipv6_works_and_its_any_address_is_for_ipv4_too() {
    if UdpSocket::bind("[::1]:0").is_err() {
        eprintln!("skipped: this machine has no IPv6");
        return;
    }
    let (controller, listener) = (socket("127.0.0.1:0"), socket("127.0.0.1:0"));
    let (controller6, listener6) = (socket("[::1]:0"), socket("[::1]:0"));
    let port = free_port();
    let mut router = Builder::default()
        .instance("any", &[("bind", &format!(":: {port}")), ("dest", &of(&listener)), ("/a", "i")])
        .instance("six", &[("dest", &of(&listener6)), ("/a", "i")])
        .map("any./a", "any./a")
        .map("any./a", "six./a")
        .start();
    send(&controller, &message("/a", &[OscType::Int(1)]), ([127, 0, 0, 1], port));
    assert_eq!(next(&mut router, &listener).0, message("/a", &[OscType::Int(1)]));
    assert_eq!(next(&mut router, &listener6).0, message("/a", &[OscType::Int(1)]));
    send(&controller6, &message("/a", &[OscType::Int(2)]), ([0, 0, 0, 0, 0, 0, 0, 1], port));
    assert_eq!(next(&mut router, &listener).0, message("/a", &[OscType::Int(2)]));
    assert_eq!(next(&mut router, &listener6).0, message("/a", &[OscType::Int(2)]));
}

#[test]
fn a_flood_leaves_turns_to_others() {
    let (controller, listener) = (socket("127.0.0.1:0"), socket("127.0.0.1:0"));
    let port = free_port();
    let mut router = Builder::default()
        .instance("desk", &[("bind", &format!("127.0.0.1 {port}"))])
        .instance("light", &[("dest", &of(&listener)), ("/a", "i 0 100000")])
        .map("desk./a", "light./a")
        .start();
    let content = vec![message("/a", &[OscType::Int(255)]); 900];
    let bundle = OscPacket::Bundle(OscBundle { timetag: OscTime { seconds: 0, fractional: 1 }, content });
    for _ in 0..4 {
        send(&controller, &bundle, ([127, 0, 0, 1], port));
    }
    router.turn(PATIENCE).unwrap();
    assert_eq!(router.metrics().events, 1800, "two packets are more than a turn's messages");
    router.turn(PATIENCE).unwrap();
    assert_eq!(router.metrics().events, 3600);
}

#[test]
fn refusals_say_where_and_why() {
    let refused = |options: &[(&str, &str)]| {
        let config = Builder::default().instance("desk", options).0;
        Router::new(Registry::new(), &config).map(|_| ()).unwrap_err().to_string()
    };
    assert!(refused(&[("bind", "8000")]).contains("test.cfg:1:1: option \"bind\": a host and a port"));
    assert!(refused(&[("/a", "q")]).contains("there is no type 'q'"));
    assert!(refused(&[("port", "1")]).contains("there is no such option"));

    let config = Builder::default().instance("desk", &[("bind", "192.0.2.1 8000")]).0;
    let mut router = Router::new(Registry::new(), &config).unwrap();
    let error = router.start().unwrap_err();
    assert!(matches!(error, RouterError::Start { .. }));
    assert!(error.to_string().contains("desk: the address 192.0.2.1:8000 cannot be used"), "{error}");
}
