//! The router: makes backends and instances from a configuration, waits, and carries events.

use std::collections::HashMap;
use std::collections::HashSet;
use std::io;
use std::time::Duration;

use polling::Events;

use crate::backend::{Backend, ChannelError, Direction, Event, InstanceId, OptionError, Ready, StartError};
use crate::config::{self, Assignment, Config, Place};
use crate::io::Io;

/// How long the router waits at most, in milliseconds.
const LONGEST_WAIT: u64 = 1000;
/// How often the router hands events on in one turn: what a loop in the map makes after that waits for the next turn.
const ROUNDS: usize = 20;

/// Why a configuration cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum RouterError {
    /// There is no such backend.
    #[error("{place}: there is no backend {name:?}; there are {known}\n{}", config::pointed(place))]
    NoBackend {
        /// Where it is named.
        place: Place,
        /// Its name.
        name: String,
        /// The backends there are.
        known: String,
    },
    /// An option is refused.
    #[error("{place}: option {option:?}: {error}\n{}", config::pointed(place))]
    Option {
        /// Where it stands.
        place: Place,
        /// Its name.
        option: String,
        /// Why.
        error: OptionError,
    },
    /// A channel is refused.
    #[error("{place}: channel {channel:?}: {error}\n{}", config::pointed(place))]
    Channel {
        /// Where it stands.
        place: Place,
        /// Its name.
        channel: String,
        /// Why.
        error: ChannelError,
    },
    /// An instance cannot be made.
    #[error("{place}: {error}\n{}", config::pointed(place))]
    Create {
        /// Where its header is.
        place: Place,
        /// Why.
        error: StartError,
    },
    /// A backend cannot start.
    #[error("{backend}: {error}")]
    Start {
        /// The backend's name.
        backend: String,
        /// Why.
        error: StartError,
    },
    /// The system's means to wait for descriptors cannot be had.
    #[error("waiting for descriptors: {0}")]
    Wait(#[from] io::Error),
}

type Factory = Box<dyn Fn() -> Box<dyn Backend>>;

/// The backends that there are, in the order in which they process.
#[derive(Default)]
pub struct Registry(Vec<(&'static str, Factory)>);

impl Registry {
    /// The backends of this crate.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Self::default();
        registry.add("loopback", || Box::new(crate::backends::loopback::Loopback::default()));
        #[cfg(feature = "midi")]
        registry.add("midi", || Box::new(crate::backends::midi::Midi::default()));
        registry.add("mqtt", || Box::new(crate::backends::mqtt::Mqtt::default()));
        registry
    }

    /// Adds a backend under the name that configurations use.
    pub fn add(&mut self, name: &'static str, make: impl Fn() -> Box<dyn Backend> + 'static) {
        self.0.push((name, Box::new(make)));
    }
}

struct Slot {
    name: &'static str,
    backend: Box<dyn Backend>,
    /// The options it was made with.
    options: Vec<(String, String)>,
}

/// An instance that is there.
struct Instance {
    /// Index of its backend.
    backend: usize,
    name: String,
    /// What it was made from; None once it is removed.
    made_from: Option<config::Instance>,
    /// Where events of each channel go.
    routes: Vec<Vec<Destination>>,
    /// Events of this round.
    inbox: Vec<Event>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Destination {
    instance: InstanceId,
    channel: u32,
}

/// Figures since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Turns of the main loop.
    pub turns: u64,
    /// Events that came from channels, mapped or not.
    pub events: u64,
    /// Events that were handed to channels.
    pub routed: u64,
    /// Turns in which events were left for the next.
    pub overruns: u64,
}

/// Sees each event that is carried: see [`Router::observe`].
pub trait Observer {
    /// An event is handed from a channel of an instance to another; both ends are numbers as in [`Router::names`].
    fn routed(&mut self, source: (InstanceId, u32), destination: (InstanceId, u32), value: f64);
}

/// A router with its backends and instances.
pub struct Router {
    registry: Registry,
    slots: Vec<Slot>,
    instances: Vec<Instance>,
    io: Io,
    ready: Vec<Vec<Ready>>,
    events: Events,
    /// Instances with something in their inbox, in order of their first event.
    touched: Vec<InstanceId>,
    metrics: Metrics,
    warned: bool,
    observer: Option<Box<dyn Observer>>,
    channel_names: HashMap<(InstanceId, u32), String>,
}

impl Router {
    /// Makes a router from a configuration; nothing runs before [`start`](Self::start).
    ///
    /// # Errors
    /// If the configuration names what there is not, or an instance cannot be made.
    pub fn new(registry: Registry, config: &Config) -> Result<Self, RouterError> {
        let mut router = Self {
            registry,
            slots: Vec::new(),
            instances: Vec::new(),
            io: Io::new()?,
            ready: Vec::new(),
            events: Events::new(),
            touched: Vec::new(),
            metrics: Metrics::default(),
            warned: false,
            observer: None,
            channel_names: HashMap::new(),
        };
        router.apply(config)?;
        Ok(router)
    }

    /// Makes what the configuration has and this router does not, removes what it has no more, and maps anew.
    fn apply(&mut self, config: &Config) -> Result<(), RouterError> {
        for section in &config.backends {
            let index = self.slot(&section.backend, &section.place)?;
            let slot = &mut self.slots[index];
            for option in &section.options {
                slot.backend.configure(&option.option, &option.value).map_err(|error| refused(option, error))?;
                slot.options.push((option.option.clone(), option.value.clone()));
            }
        }
        let ids: Result<Vec<InstanceId>, RouterError> = config.instances.iter().map(|it| self.create(it)).collect();
        self.map(config, &ids?)
    }

    /// The index of a backend, which is made at its first use.
    fn slot(&mut self, name: &str, place: &Place) -> Result<usize, RouterError> {
        if let Some(index) = self.slots.iter().position(|slot| slot.name == name) {
            return Ok(index);
        }
        let Some((name, make)) = self.registry.0.iter().find(|(known, _)| *known == name) else {
            let known: Vec<&str> = self.registry.0.iter().map(|(name, _)| *name).collect();
            return Err(RouterError::NoBackend { place: place.clone(), name: name.into(), known: known.join(", ") });
        };
        self.slots.push(Slot { name, backend: make(), options: Vec::new() });
        self.ready.push(Vec::new());
        Ok(self.slots.len() - 1)
    }

    fn create(&mut self, made_from: &config::Instance) -> Result<InstanceId, RouterError> {
        let backend = self.slot(&made_from.backend, &made_from.place)?;
        let id = InstanceId(self.instances.len() as u32);
        let place = &made_from.place;
        let slot = &mut self.slots[backend];
        self.io.backend = backend;
        slot.backend
            .create(id, &made_from.name, &made_from.folder)
            .map_err(|error| RouterError::Create { place: place.clone(), error })?;
        for option in &made_from.options {
            let done = slot.backend.configure_instance(id, &option.option, &option.value);
            done.map_err(|error| refused(option, error))?;
        }
        self.instances.push(Instance {
            backend,
            name: made_from.name.clone(),
            made_from: Some(made_from.clone()),
            routes: Vec::new(),
            inbox: Vec::new(),
        });
        Ok(id)
    }

    /// Makes the routes; `ids` are those of the configuration's instances.
    fn map(&mut self, config: &Config, ids: &[InstanceId]) -> Result<(), RouterError> {
        for instance in &mut self.instances {
            instance.routes.clear();
        }
        let mut known = HashSet::new();
        for mapping in &config.map {
            let source = ids[mapping.source.instance];
            let destination = ids[mapping.destination.instance];
            let from = self.channel(source, &mapping.source.channel, Direction::Source, &mapping.source_place)?;
            let to = self.channel(
                destination,
                &mapping.destination.channel,
                Direction::Destination,
                &mapping.destination_place,
            )?;
            let destination = Destination { instance: destination, channel: to };
            // Two names may be of one channel.
            if known.insert((source, from, destination)) {
                let routes = &mut self.instances[source.index()].routes;
                let length = routes.len().max(from as usize + 1);
                routes.resize_with(length, Vec::new);
                routes[from as usize].push(destination);
            }
        }
        Ok(())
    }

    fn channel(&mut self, id: InstanceId, name: &str, direction: Direction, place: &Place) -> Result<u32, RouterError> {
        let slot = self.instances[id.index()].backend;
        let channel = self.slots[slot].backend.channel(id, name, direction).map_err(|error| RouterError::Channel {
            place: place.clone(),
            channel: name.to_owned(),
            error,
        })?;
        self.channel_names.entry((id, channel)).or_insert_with(|| name.to_owned());
        Ok(channel)
    }

    /// Starts all backends. What they emit is carried in the first turn.
    ///
    /// # Errors
    /// If one cannot start.
    pub fn start(&mut self) -> Result<(), RouterError> {
        self.io.tick();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            self.io.backend = index;
            let started = slot.backend.start(&mut self.io);
            started.map_err(|error| RouterError::Start { backend: slot.name.to_owned(), error })?;
        }
        Ok(())
    }

    /// Has an observer see each event that is carried from now on.
    pub fn observe(&mut self, observer: Box<dyn Observer>) {
        self.observer = Some(observer);
    }

    /// The names of an instance and of one of its channels.
    #[must_use]
    pub fn names(&self, instance: InstanceId, channel: u32) -> (&str, &str) {
        let name = self.channel_names.get(&(instance, channel)).map_or("", String::as_str);
        (self.instances.get(instance.index()).map_or("", |it| it.name.as_str()), name)
    }

    /// Figures since the start.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.metrics
    }

    /// One turn: waits until something is ready or due, at most `longest`, lets the backends process, and carries events.
    ///
    /// # Errors
    /// If the system cannot wait.
    pub fn turn(&mut self, longest: Duration) -> Result<(), RouterError> {
        let timeout = if self.io.emitted.is_empty() { self.timeout().min(longest) } else { Duration::ZERO };
        match self.io.wait(timeout, &mut self.events, &mut self.ready) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error.into()),
            _ => {}
        }
        self.io.tick();
        for (index, slot) in self.slots.iter_mut().enumerate() {
            self.io.backend = index;
            slot.backend.process(&self.ready[index], &mut self.io);
            self.ready[index].clear();
        }
        self.metrics.turns += 1;
        self.route();
        Ok(())
    }

    /// How long nothing is due.
    fn timeout(&self) -> Duration {
        let now = self.io.now();
        let shortest = self.slots.iter().filter_map(|slot| slot.backend.timeout(now)).min();
        Duration::from_millis(shortest.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT))
    }

    /// Carries events in rounds, as long as there are any.
    fn route(&mut self) {
        for _ in 0..ROUNDS {
            if self.io.emitted.is_empty() {
                return;
            }
            self.round();
        }
        if !self.io.emitted.is_empty() {
            self.metrics.overruns += 1;
            if !std::mem::replace(&mut self.warned, true) {
                log::warn!(
                    "events were handed on {ROUNDS} times in one turn and there are still {}: the map may have a loop; \
                     they wait for the next turn (this is said once)",
                    self.io.emitted.len()
                );
            }
        }
    }

    /// One round: what was emitted goes to the inboxes of its destinations, and each instance gets its inbox.
    fn round(&mut self) {
        let mut emitted = std::mem::take(&mut self.io.emitted);
        self.metrics.events += emitted.len() as u64;
        for event in &emitted {
            let Some(instance) = self.instances.get(event.instance.index()) else { continue };
            let Some(count) = instance.routes.get(event.channel as usize).map(Vec::len) else { continue };
            for index in 0..count {
                let destination = self.instances[event.instance.index()].routes[event.channel as usize][index];
                let inbox = &mut self.instances[destination.instance.index()].inbox;
                if inbox.is_empty() {
                    self.touched.push(destination.instance);
                }
                inbox.push(Event { channel: destination.channel, value: event.value });
                if let Some(observer) = &mut self.observer {
                    let source = (event.instance, event.channel);
                    observer.routed(source, (destination.instance, destination.channel), event.value);
                }
            }
            self.metrics.routed += count as u64;
        }
        emitted.clear();
        // Its memory is used again.
        self.io.emitted = emitted;
        let mut touched = std::mem::take(&mut self.touched);
        for id in touched.drain(..) {
            let instance = &mut self.instances[id.index()];
            let mut inbox = std::mem::take(&mut instance.inbox);
            self.io.backend = instance.backend;
            self.slots[instance.backend].backend.send(id, &inbox, &mut self.io);
            inbox.clear();
            self.instances[id.index()].inbox = inbox;
        }
        self.touched = touched;
    }

    /// Ends all backends. What they emit now goes nowhere.
    pub fn shutdown(&mut self) {
        for (index, slot) in self.slots.iter_mut().enumerate() {
            self.io.backend = index;
            slot.backend.shutdown(&mut self.io);
        }
    }
}

fn refused(option: &Assignment, error: OptionError) -> RouterError {
    RouterError::Option { place: option.place.clone(), option: option.option.clone(), error }
}
