//! The router's examples with real peers: each test runs configurations of `examples/router`, and beside them a script of
//! `tests/router/peers`, which uses what others wrote: python-osc, stupidArtnet, sacn, mosquitto. What the script prints is
//! compared. `rustclad` runs the scripts, too.

use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustclad_tests::{Output, Running, Rustclad, external, root};

use crate::mosquitto::Mosquitto;

#[path = "../../router/tests/common/mosquitto.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod mosquitto;

/// How long a peer may take.
const LIMIT: u64 = 60;
/// Where examples/router/mqtt.cfg looks for the broker.
const BROKER: u16 = 18830;

/// Examples and their peers have fixed ports: one test at a time uses them.
fn ports() -> MutexGuard<'static, ()> {
    static PORTS: Mutex<()> = Mutex::new(());
    PORTS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn examples() -> PathBuf {
    root().join("examples/router")
}

fn peers() -> PathBuf {
    root().join("tests/router/peers")
}

/// Starts a router with an example, and waits until it runs.
fn router(name: &str) -> Running {
    let config = examples().join(name).with_extension("cfg");
    let mut router = Rustclad::new().args(["router", "--log", "info"]).args([config]).limit(LIMIT).start();
    router.says("runs; SIGINT ends it");
    router
}

/// Starts a peer.
fn peer(name: &str) -> Running {
    let script = peers().join(name).with_extension("py");
    Rustclad::new().python_path([external("router")]).args([script]).limit(LIMIT).start()
}

/// Ends a router, which must have had nothing to complain about.
fn end(router: Running) {
    let out = router.terminate();
    assert_eq!((out.code, out.stdout.as_str()), (0, ""), "the router\n--- stderr\n{}", out.stderr);
    let complains = ["WARN", "ERROR", "Traceback"].iter().any(|it| out.stderr.contains(it));
    assert!(!complains, "the router complains\n--- stderr\n{}", out.stderr);
}

/// Compares what a peer printed.
fn compare(name: &str, out: &Output) {
    let expected = fs::read_to_string(peers().join(name).with_extension("out")).expect("each peer has its output");
    assert_eq!(out.stdout, expected, "--- stderr\n{}", out.stderr);
    assert_eq!(out.code, 0, "--- stderr\n{}", out.stderr);
}

/// Runs an example and its peer to the peer's end.
fn talk(example: &str) {
    let _ports = ports();
    let router = router(example);
    let name = format!("peer_{example}");
    let out = peer(&name).end();
    end(router);
    compare(&name, &out);
}

#[test]
fn osc() {
    talk("osc");
}

#[test]
fn artnet() {
    talk("artnet");
}

#[test]
fn fader() {
    talk("fader");
}

#[test]
fn remote() {
    talk("remote");
}

/// The peer hears the router say that its universe ends.
#[test]
fn sacn() {
    let _ports = ports();
    let router = router("sacn");
    let mut peer = peer("peer_sacn");
    peer.says("all was heard");
    end(router);
    compare("peer_sacn", &peer.end());
}

/// Two routers, and clients that are none, all joined by a broker.
#[test]
fn mqtt() {
    let _ports = ports();
    let _broker = Mosquitto::on(BROKER, "");
    let mut panel = router("mqtt");
    panel.says("connected to");
    let mut peer = peer("peer_mqtt");
    peer.says("the panel was set");
    retains(&["hall/dimmer/set 127.500000", "porch/lamp/set ON"]);

    let mut lamps = router("mqtt_lamps");
    lamps.says("connected to");
    peer.says("waits for a word");
    retains(&["hall/dimmer/set 63.750000", "porch/lamp/set ON", "porch/temperature 25.000000"]);
    publish("porch/lamp/set", "OFF");
    peer.says("waits for a number");
    publish("hall/dimmer/set", "51");

    compare("peer_mqtt", &peer.end());
    end(panel);
    end(lamps);
}

/// Waits until the broker retains these messages, and no others.
fn retains(messages: &[&str]) {
    let since = Instant::now();
    loop {
        let mut retained = retained();
        retained.sort();
        if retained == messages {
            return;
        }
        assert!(since.elapsed() < Duration::from_secs(LIMIT), "the broker retains {retained:?}, not {messages:?}");
    }
}

/// What a client hears that has just come.
fn retained() -> Vec<String> {
    let mut client = mosquitto::program("usr/bin/mosquitto_sub");
    client.args(["-h", "127.0.0.1", "-p", &BROKER.to_string(), "-t", "#", "-v", "--retained-only", "-W", "1"]);
    let out = client.output().expect("mosquitto_sub can be started");
    // The end of its second is an error to it.
    assert!(matches!(out.status.code(), Some(0 | 27)), "mosquitto_sub: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).lines().map(str::to_owned).collect()
}

fn publish(topic: &str, payload: &str) {
    let mut client = mosquitto::program("usr/bin/mosquitto_pub");
    client.args(["-h", "127.0.0.1", "-p", &BROKER.to_string(), "-t", topic, "-m", payload]);
    assert!(client.status().expect("mosquitto_pub can be started").success(), "mosquitto_pub {topic} {payload}");
}

/// That of `midi.cfg` is in `router/tests/midi.rs`, for builds that have the feature.
#[test]
fn every_example_has_a_test() {
    let tested = ["artnet", "fader", "midi", "mqtt", "mqtt_lamps", "osc", "remote", "sacn"];
    let files = fs::read_dir(examples()).expect("the folder of examples").map(|it| it.expect("readable").path());
    let mut configurations: Vec<_> = files.filter(|it| it.extension().is_some_and(|it| it == "cfg")).collect();
    configurations.sort();
    let names: Vec<_> = configurations.iter().filter_map(|it| it.file_stem()?.to_str()).collect();
    assert_eq!(names, tested, "an example without a test, or a test without an example");
}
