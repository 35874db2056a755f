//! The backend `mqtt` with a real broker, and with some that do wrong.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rumqttc::{Client, Event, MqttOptions, Packet, QoS};

use crate::mosquitto::{Mosquitto, free_port};
use crate::probe::{Bench, SOON};

#[path = "common/mosquitto.rs"]
mod mosquitto;
#[path = "common/probe.rs"]
mod probe;

/// A lost connection is tried again within this.
const RECONNECTED: Duration = Duration::from_secs(20);
const VERSIONS: [&str; 2] = ["5", "3.1.1"];

/// Another client of the broker, which sees all topics.
struct Other {
    client: Client,
    seen: Arc<Mutex<Vec<(String, String, bool)>>>,
}

impl Other {
    fn connect(port: u16) -> Self {
        let options = MqttOptions::new(format!("other-{}", fastrand::u32(..)), "127.0.0.1", port);
        let (client, mut connection) = Client::new(options, 100);
        client.subscribe("#", QoS::AtLeastOnce).unwrap();
        let seen = Arc::<Mutex<Vec<_>>>::default();
        let (subscribed, ready) = channel();
        let record = seen.clone();
        thread::spawn(move || {
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(Packet::Publish(it))) => {
                        let payload = String::from_utf8_lossy(&it.payload).into_owned();
                        record.lock().unwrap().push((it.topic, payload, it.retain));
                    }
                    Ok(Event::Incoming(Packet::SubAck(_))) => drop(subscribed.send(())),
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        });
        ready.recv_timeout(SOON).expect("the broker answers");
        Self { client, seen }
    }

    /// The payloads of a topic, and whether each was retained.
    fn seen(&self, topic: &str) -> Vec<(String, bool)> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().filter(|it| it.0 == topic).map(|it| (it.1.clone(), it.2)).collect()
    }

    fn publish(&self, topic: &str, payload: &str) {
        self.client.publish(topic, QoS::AtLeastOnce, true, payload).unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.client.disconnect();
    }
}

fn host(port: u16) -> String {
    format!("mqtt://127.0.0.1:{port}")
}

#[test]
fn events_go_both_ways_in_both_versions() {
    let broker = Mosquitto::start();
    let host = host(broker.port);
    for version in VERSIONS {
        let other = Other::connect(broker.port);
        let [out, level, switch, back] = ["out", "level", "switch", "in"].map(|it| format!("/{version}/{it}"));
        let options = [
            ("host", host.as_str()),
            ("protocol", version),
            (&level, "range -10 10"),
            (&switch, "discrete !0 0.4 off"),
            (&switch, "discrete 0.6 !1 on"),
        ];
        let to = [("a", out.as_str()), ("b", &level), ("c", &switch)];
        let from = [("x", back.as_str()), ("y", &level), ("z", &switch)];
        let mut bench = Bench::start("mqtt", &options, &to, &from);
        for (channel, value) in [("a", 0.25), ("b", 0.25), ("c", 0.5), ("c", 0.75)] {
            bench.emit(channel, value);
        }
        bench.until("three topics are published", SOON, |_| {
            [&out, &level, &switch].iter().all(|it| !other.seen(it).is_empty())
        });
        assert_eq!(other.seen(&out), [("0.250000".to_owned(), false)]);
        assert_eq!(other.seen(&level), [("-5.000000".to_owned(), false)]);
        assert_eq!(other.seen(&switch), [("on".to_owned(), false)], "nothing is for 0.5");
        for (topic, payload) in [(&back, "garbage"), (&back, "0.5"), (&back, "7"), (&level, "5.0"), (&switch, "off")] {
            other.publish(topic, payload);
        }
        bench.until("all of them come in", SOON, |it| {
            it.seen("x").len() == 2 && it.seen("y").contains(&0.75) && it.seen("z").contains(&0.0)
        });
        assert_eq!(bench.seen("x"), [0.5, 1.0]);
        bench.router.shutdown();
        // Version 5 can do without its own messages.
        assert_eq!(bench.seen("z").contains(&1.0), version == "3.1.1", "{:?}", bench.seen("z"));
    }
}

#[test]
fn values_are_retained_and_read_at_the_start() {
    let broker = Mosquitto::start();
    let host = host(broker.port);
    for version in VERSIONS {
        let options = [("host", host.as_str()), ("protocol", version)];
        let topic = format!("kept/{version}");
        let mut first = Bench::start("mqtt", &options, &[("a", &topic)], &[]);
        first.emit("a", 0.125);
        first.turn();
        // What the last turn sent is still published.
        first.until("it is connected", SOON, |_| {
            let other = Other::connect(broker.port);
            thread::sleep(Duration::from_millis(50));
            !other.seen(&topic).is_empty()
        });
        first.emit("a", 0.375);
        first.turn();
        let started = Instant::now();
        first.router.shutdown();
        assert!(started.elapsed() < Duration::from_secs(1), "the shutdown took {:?}", started.elapsed());

        let other = Other::connect(broker.port);
        let mut second = Bench::start("mqtt", &options, &[], &[("x", &topic)]);
        second.until("the retained value comes", SOON, |it| !it.seen("x").is_empty());
        assert_eq!(second.seen("x"), [0.375]);
        second.until("it is retained", SOON, |_| !other.seen(&topic).is_empty());
        assert_eq!(other.seen(&topic), [("0.375000".to_owned(), true)]);
        second.router.shutdown();
    }
}

#[test]
fn a_lost_broker_is_found_again_and_gets_the_last_values() {
    let mut broker = Mosquitto::start();
    let host = host(broker.port);
    let mut benches =
        VERSIONS.map(|it| Bench::start("mqtt", &[("host", &host), ("protocol", it)], &[("a", it)], &[("x", "in")]));
    let other = Other::connect(broker.port);
    for (bench, version) in benches.iter_mut().zip(VERSIONS) {
        bench.emit("a", 0.0);
        bench.until("it is connected", SOON, |_| !other.seen(version).is_empty());
    }
    broker.kill();
    for bench in &mut benches {
        for step in 1..=3000 {
            bench.emit("a", f64::from(step) / 4000.0);
        }
        bench.turn();
    }
    broker.start_again();
    let other = Other::connect(broker.port);
    for (bench, version) in benches.iter_mut().zip(VERSIONS) {
        bench.until("it is connected again", RECONNECTED, |_| !other.seen(version).is_empty());
        assert_eq!(other.seen(version), [("0.750000".to_owned(), false)]);
    }
    other.publish("in", "0.5");
    for bench in &mut benches {
        bench.until("it is subscribed again", SOON, |it| it.seen("x") == [0.5]);
        bench.router.shutdown();
    }
}

#[test]
fn two_routers_are_joined_by_a_broker() {
    let broker = Mosquitto::start();
    let host = host(broker.port);
    let options = |version| [("host", host.as_str()), ("protocol", version)];
    let mut left = Bench::start("mqtt", &options("5"), &[("a", "there")], &[("x", "back")]);
    let mut right = Bench::start("mqtt", &options("3.1.1"), &[("a", "back")], &[("x", "there")]);
    left.emit("a", 0.0);
    right.emit("a", 0.0);
    right.turn();
    left.until("the right one speaks", SOON, |it| it.seen("x") == [0.0]);
    right.until("the left one speaks", SOON, |it| it.seen("x") == [0.0]);
    let values: Vec<f64> = (0..=500).map(|it| f64::from(it) / 500.0).collect();
    for value in &values {
        left.emit("a", *value);
        left.turn();
    }
    right.until("all have come", SOON, |it| it.seen("x").len() > values.len());
    assert_eq!(right.seen("x")[1..], values, "in their order");
    right.emit("a", 1.0);
    right.turn();
    left.until("one comes back", SOON, |it| it.seen("x") == [0.0, 1.0]);
    left.router.shutdown();
    right.router.shutdown();
}

#[test]
fn a_router_without_a_broker_runs_and_ends_at_once() {
    let host = host(free_port());
    let mut bench = Bench::start("mqtt", &[("host", &host)], &[("a", "t")], &[("x", "t")]);
    for _ in 0..20 {
        bench.emit("a", 0.5);
        bench.turn();
    }
    let started = Instant::now();
    bench.router.shutdown();
    assert!(started.elapsed() < Duration::from_secs(1), "the shutdown took {:?}", started.elapsed());
}

#[test]
fn wrong_configurations_are_refused() {
    let refused = |options: &[(&str, &str)], topic: &str| {
        Bench::try_start("mqtt", options, &[("a", topic)], &[]).err().expect("it is refused").to_string()
    };
    assert!(refused(&[], "t").contains("host = NAME"));
    assert!(refused(&[("host", "h")], "a/+/b").contains("wildcards"));
    assert!(refused(&[("host", "h")], "a/#").contains("wildcards"));
    assert!(refused(&[("host", "h:x")], "t").contains("is no port"));
    assert!(refused(&[("protocol", "4")], "t").contains("3.1.1"));
    assert!(refused(&[("colour", "red")], "t").contains("no such option"));
    assert!(refused(&[("a/topic", "range 1")], "t").contains("must be numbers"));
    assert!(refused(&[("a/topic", "range 0 1"), ("a/topic", "range 0 1")], "t").contains("one range"));
}

/// A broker that answers each CONNECT by `answer`, which gets the version asked for. Connections are told of.
fn false_broker(answer: fn(u8) -> &'static [u8]) -> (u16, Receiver<u8>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (connected, connections) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Some(version) = version_asked_for(&stream) else { continue };
            let _ = (&stream).write_all(answer(version));
            if connected.send(version).is_err() {
                return;
            }
            if answer(version).get(3) == Some(&0) {
                // Accepted: it stays, and reads.
                thread::spawn(move || std::io::copy(&mut &stream, &mut std::io::sink()));
            }
        }
    });
    (port, connections)
}

/// Reads a CONNECT: behind the protocol's name is the version.
fn version_asked_for(mut stream: &TcpStream) -> Option<u8> {
    let mut packet = [0; 256];
    let length = stream.read(&mut packet).ok()?;
    packet[..length].windows(5).find(|it| it.starts_with(b"MQTT")).map(|it| it[4])
}

#[test]
fn a_broker_that_refuses_version_5_is_tried_with_3_1_1() {
    let answers: [fn(u8) -> &'static [u8]; 4] = [
        |version| if version == 5 { b"\x20\x02\x00\x01" } else { b"\x20\x02\x00\x00" },
        |version| if version == 5 { b"\x20\x03\x00\x84\x00" } else { b"\x20\x02\x00\x00" },
        |version| if version == 5 { b"" } else { b"\x20\x02\x00\x00" },
        // It does not look at the version, and accepts in the form of 3.1.1.
        |_| b"\x20\x02\x00\x00",
    ];
    for answer in answers {
        let (port, connections) = false_broker(answer);
        let mut bench = Bench::start("mqtt", &[("host", &host(port))], &[("a", "t")], &[]);
        assert_eq!(connections.recv_timeout(SOON), Ok(5));
        assert_eq!(connections.recv_timeout(RECONNECTED), Ok(4));
        bench.router.shutdown();
    }
}

/// Whether a broker that answers so is left, and tried again later.
fn is_left_alone(protocol: &str, answer: fn(u8) -> &'static [u8]) {
    let (port, connections) = false_broker(answer);
    let options = [("host", &*host(port)), ("protocol", protocol)];
    let mut bench = Bench::start("mqtt", &options, &[("a", "t")], &[("x", "t")]);
    connections.recv_timeout(SOON).expect("a connection");
    bench.until("it connects again", RECONNECTED, |_| connections.try_recv().is_ok());
    assert!(bench.seen("x").is_empty());
    bench.router.shutdown();
}

#[test]
fn garbage_from_a_broker_is_a_lost_connection() {
    is_left_alone("3.1.1", |_| b"\x20\x02\x00\x00\xf7\x01\x31\xff\xff\xff\xff\xff");
}

#[test]
fn a_topic_alias_that_is_not_allowed_is_a_lost_connection() {
    is_left_alone("5", |_| b"\x20\x03\x00\x00\x00\x31\x0a\x00\x01t\x03\x23\x00\x010.5");
}
