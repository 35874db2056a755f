//! The router: waits, has backends process, and carries events. How it is made from a configuration is in [`change`].

mod change;

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _};
use std::time::Duration;

use polling::{Event as Readiness, Events, PollMode};

use crate::backend::{Backend, ChannelError, Event, InstanceId, OptionError, Ready, StartError};
use crate::config::{self, Config, Place};
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
        registry.add("artnet", || Box::new(crate::backends::artnet::Artnet::default()));
        registry.add("loopback", || Box::new(crate::backends::loopback::Loopback::default()));
        #[cfg(feature = "midi")]
        registry.add("midi", || Box::new(crate::backends::midi::Midi::default()));
        registry.add("mqtt", || Box::new(crate::backends::mqtt::Mqtt::default()));
        registry.add("osc", || Box::new(crate::backends::osc::Osc::default()));
        registry.add("sacn", || Box::new(crate::backends::sacn::Sacn::default()));
        registry
    }

    /// Adds a backend under the name that configurations use.
    pub fn add(&mut self, name: &'static str, make: impl Fn() -> Box<dyn Backend> + 'static) {
        self.0.push((name, Box::new(make)));
    }
}

struct Slot {
    name: &'static str,
    /// Its index in the registry.
    rank: usize,
    backend: Box<dyn Backend>,
    /// The options it was made with.
    options: Vec<config::Assignment>,
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

/// Sees each event that is carried: see [`Router::observe`]. Channels are numbers as in [`Router::names`].
pub trait Observer {
    /// An event came from a channel that is mapped.
    fn emitted(&mut self, instance: InstanceId, channel: u32, value: f64);

    /// An event is handed to a channel.
    fn delivered(&mut self, instance: InstanceId, channel: u32, value: f64);
}

/// A router with its backends and instances.
pub struct Router {
    registry: Registry,
    /// In order of first use; a backend's index does not change, since descriptors and wakers are kept under it.
    slots: Vec<Slot>,
    /// Indices of slots in the order in which they process, which is the registry's.
    order: Vec<usize>,
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
            order: Vec::new(),
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

    /// Starts all backends. What they emit is carried in the first turn.
    ///
    /// # Errors
    /// If one cannot start; the others are started all the same.
    pub fn start(&mut self) -> Result<(), RouterError> {
        self.io.tick();
        let mut result = Ok(());
        for &index in &self.order {
            let slot = &mut self.slots[index];
            self.io.backend = index;
            if let Err(error) = slot.backend.start(&mut self.io) {
                let error = RouterError::Start { backend: slot.name.to_owned(), error };
                match result {
                    Ok(()) => result = Err(error),
                    Err(_) => log::error!(target: "router", "{error}"),
                }
            }
        }
        result
    }

    /// Ends a wait also when `fd` can be read. Whoever owns it reads it after the [`turn`](Self::turn), and keeps it open as
    /// long as the router lives.
    ///
    /// # Errors
    /// If it cannot be waited for.
    pub fn wake_on(&self, fd: &impl AsFd) -> io::Result<()> {
        let number = fd.as_fd().as_raw_fd();
        // SAFETY: the owner keeps the descriptor open; if it does not, the system takes it out of the poller.
        unsafe { self.io.poller().add_with_mode(number, Readiness::readable(number as usize), PollMode::Level) }
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

    /// The instances that there are: number, backend and name.
    pub fn instances(&self) -> impl Iterator<Item = (InstanceId, &str, &str)> {
        let live = self.instances.iter().enumerate().filter(|(_, it)| it.made_from.is_some());
        live.map(|(index, it)| (InstanceId(index as u32), self.slots[it.backend].name, it.name.as_str()))
    }

    /// The channels that the map names, each once, in no order.
    pub fn channels(&self) -> impl Iterator<Item = (InstanceId, u32)> {
        self.channel_names.keys().copied()
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
        for &index in &self.order {
            self.io.backend = index;
            self.slots[index].backend.process(&self.ready[index], &mut self.io);
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
                    target: "router",
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
            if let Some(observer) = &mut self.observer {
                observer.emitted(event.instance, event.channel, event.value);
            }
            for index in 0..count {
                let destination = self.instances[event.instance.index()].routes[event.channel as usize][index];
                let inbox = &mut self.instances[destination.instance.index()].inbox;
                if inbox.is_empty() {
                    self.touched.push(destination.instance);
                }
                inbox.push(Event { channel: destination.channel, value: event.value });
                if let Some(observer) = &mut self.observer {
                    observer.delivered(destination.instance, destination.channel, event.value);
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
        for &index in &self.order {
            self.io.backend = index;
            self.slots[index].backend.shutdown(&mut self.io);
        }
    }
}
