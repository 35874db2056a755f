//! A router with a backend whose events the test gives and sees.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustclad_router::backend::Event;
use rustclad_router::config::{Assignment, ChannelSpec, Config, Instance, Mapping, Place};
use rustclad_router::{
    Backend, ChannelError, Direction, InstanceId, Io, OptionError, Ready, Registry, Router, RouterError, StartError,
};

/// How long something may take that should happen soon.
pub(crate) const SOON: Duration = Duration::from_secs(5);

#[derive(Default)]
struct State {
    channels: Vec<String>,
    to_emit: VecDeque<(InstanceId, u32, f64)>,
    seen: Vec<(String, f64)>,
    id: Option<InstanceId>,
}

#[derive(Clone, Default)]
struct Probe(Arc<Mutex<State>>);

impl Probe {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for Probe {
    fn configure(&mut self, _option: &str, _value: &str) -> Result<(), OptionError> {
        Err(OptionError::Unknown)
    }

    fn create(&mut self, id: InstanceId, _name: &str, _folder: &Path) -> Result<(), StartError> {
        self.state().id = Some(id);
        Ok(())
    }

    fn configure_instance(&mut self, _id: InstanceId, _option: &str, _value: &str) -> Result<(), OptionError> {
        Err(OptionError::Unknown)
    }

    fn channel(&mut self, _id: InstanceId, name: &str, _direction: Direction) -> Result<u32, ChannelError> {
        let mut state = self.state();
        let known = state.channels.iter().position(|it| it == name);
        if known.is_none() {
            state.channels.push(name.to_owned());
        }
        Ok(known.unwrap_or(state.channels.len() - 1) as u32)
    }

    fn start(&mut self, _io: &mut Io) -> Result<(), StartError> {
        Ok(())
    }

    fn send(&mut self, _id: InstanceId, events: &[Event], _io: &mut Io) {
        let mut state = self.state();
        for event in events {
            let name = state.channels[event.channel as usize].clone();
            state.seen.push((name, event.value));
        }
    }

    fn process(&mut self, _ready: &[Ready], io: &mut Io) {
        for (id, channel, value) in self.state().to_emit.drain(..) {
            io.emit(id, channel, value);
        }
    }

    fn remove(&mut self, _id: InstanceId, _io: &mut Io) {}
}

/// A router that runs on the test's thread.
pub(crate) struct Bench {
    pub(crate) router: Router,
    probe: Probe,
}

impl Bench {
    /// Starts a router with an instance `probe` and one of another backend; the pairs of the map are channels of the probe
    /// and of that instance.
    pub(crate) fn start(backend: &str, options: &[(&str, &str)], to: &[(&str, &str)], from: &[(&str, &str)]) -> Self {
        Self::try_start(backend, options, to, from).unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) fn try_start(
        backend: &str,
        options: &[(&str, &str)],
        to: &[(&str, &str)],
        from: &[(&str, &str)],
    ) -> Result<Self, RouterError> {
        let probe = Probe::default();
        let mut registry = Registry::new();
        registry.add("probe", {
            let probe = probe.clone();
            move || Box::new(probe.clone())
        });
        let config = Config {
            backends: Vec::new(),
            instances: vec![instance("probe", &[]), instance(backend, options)],
            map: to
                .iter()
                .map(|(probe, other)| mapping((0, probe), (1, other)))
                .chain(from.iter().map(|(probe, other)| mapping((1, other), (0, probe))))
                .collect(),
        };
        let mut router = Router::new(registry, &config)?;
        router.start()?;
        Ok(Self { router, probe })
    }

    /// Has an event come from a channel of the probe in the next turn.
    pub(crate) fn emit(&self, channel: &str, value: f64) {
        let mut state = self.probe.state();
        let number = state.channels.iter().position(|it| it == channel).expect("a channel of the map") as u32;
        let id = state.id.expect("the instance is made");
        state.to_emit.push_back((id, number, value));
    }

    /// The values that have come to a channel of the probe.
    pub(crate) fn seen(&self, channel: &str) -> Vec<f64> {
        self.probe.state().seen.iter().filter(|(name, _)| name == channel).map(|(_, value)| *value).collect()
    }

    pub(crate) fn turn(&mut self) {
        self.router.turn(Duration::from_millis(10)).expect("a turn");
    }

    /// Turns until `done`; panics if that is not so in time.
    pub(crate) fn until(&mut self, what: &str, limit: Duration, mut done: impl FnMut(&Self) -> bool) {
        let started = Instant::now();
        while !done(self) {
            assert!(started.elapsed() < limit, "after {limit:?} still not so: {what}");
            self.turn();
        }
    }
}

fn place() -> Place {
    Place { file: Path::new("test.cfg").into(), line: 1, column: 1, text: "".into() }
}

fn instance(backend: &str, options: &[(&str, &str)]) -> Instance {
    let options = options.iter().map(|(option, value)| Assignment {
        option: (*option).to_owned(),
        value: (*value).to_owned(),
        place: place(),
    });
    Instance {
        backend: backend.to_owned(),
        name: format!("the {backend}"),
        folder: ".".into(),
        options: options.collect(),
        place: place(),
    }
}

fn mapping(source: (usize, &str), destination: (usize, &str)) -> Mapping {
    let spec = |(instance, channel): (usize, &str)| ChannelSpec { instance, channel: channel.to_owned() };
    Mapping { source: spec(source), source_place: place(), destination: spec(destination), destination_place: place() }
}
