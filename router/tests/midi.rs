//! The backend `midi` with the ports of the system. Where the system has no MIDI, its absence must be said.
#![cfg(feature = "midi")]

use std::path::Path;

use rustclad_router::config::{self, Overrides};
use rustclad_router::{Registry, Router};

use crate::probe::{Bench, SOON};

#[path = "common/probe.rs"]
#[allow(dead_code, reason = "other tests use more of it")]
mod probe;

const PORT: &str = "rustclad test port";

#[test]
fn two_routers_are_joined_by_a_virtual_port() {
    let to = [("a", "ch0.cc7"), ("b", "ch15.pitch"), ("c", "ch1.nrpn900")];
    let started = Bench::try_start("midi", &[("write", PORT)], &to, &[]);
    if !Path::new("/dev/snd/seq").exists() {
        let error = started.err().expect("there is no MIDI").to_string();
        assert!(error.contains("the system's MIDI cannot be had"), "{error}");
        return;
    }
    let mut sender = started.unwrap_or_else(|error| panic!("{error}"));
    let from = [("x", "channel0.cc7"), ("y", "ch15.pitch"), ("z", "ch1.nrpn900")];
    let mut receiver = Bench::start("midi", &[("read", PORT)], &[], &from);
    sender.emit("a", 1.0);
    sender.emit("b", 0.0);
    sender.emit("c", 1.0);
    sender.turn();
    let all = |it: &Bench| it.seen("x") == [1.0] && it.seen("y") == [0.0] && it.seen("z") == [1.0];
    receiver.until("all come", SOON, all);
}

#[test]
fn wrong_configurations_are_refused() {
    let refused = |options: &[(&str, &str)], channel: &str| {
        Bench::try_start("midi", options, &[("a", channel)], &[]).err().expect("it is refused").to_string()
    };
    assert!(refused(&[], "ch16.cc0").contains("from 0 to 15"));
    assert!(refused(&[], "ch0.knob1").contains("expected `ccM`"));
    assert!(refused(&[], "ch0.nrpn16384").contains("from 0 to 16383"));
    assert!(refused(&[("epn-tx", "long")], "ch0.cc0").contains("`full` or `short`"));
    assert!(refused(&[("speed", "1")], "ch0.cc0").contains("no such option"));
    assert!(refused(&[("read", "")], "ch0.cc0").contains("no value"));
}

/// Its ports are not opened: it names a device.
#[test]
fn the_example_is_accepted() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/router/midi.cfg");
    let config = config::read(&file, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
    let router = Router::new(Registry::new(), &config).unwrap_or_else(|error| panic!("{error}"));
    let mut instances: Vec<_> = router.instances().map(|(_, backend, name)| (backend, name)).collect();
    instances.sort();
    assert_eq!(instances, [("artnet", "stage"), ("midi", "desk")]);
}
