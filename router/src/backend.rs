//! What a backend is: the part of the router that speaks one protocol.

use std::fmt;
use std::path::Path;

use crate::io::Io;

pub use crate::instance::InstanceId;
pub use crate::io::Ready;

/// Which way a channel is used in the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Events come from it.
    Source,
    /// Events go to it.
    Destination,
}

/// Why an option of a backend or an instance is refused.
#[derive(Debug, thiserror::Error)]
pub enum OptionError {
    /// There is no such option.
    #[error("there is no such option here")]
    Unknown,
    /// The option exists; the value is wrong for the reason given.
    #[error("{0}")]
    Invalid(String),
}

/// Why a channel is refused.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ChannelError(pub String);

/// Why an instance cannot start.
#[derive(Debug, thiserror::Error)]
#[error("{}{reason}", Named(instance))]
pub struct StartError {
    /// The instance's name, if it is not the backend itself.
    pub instance: Option<String>,
    /// What happened, and what to do.
    pub reason: String,
}

struct Named<'a>(&'a Option<String>);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_ref().map_or(Ok(()), |name| write!(f, "{name}: "))
    }
}

/// An event for a channel of an instance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// The channel's number, as [`Backend::channel`] gave it.
    pub channel: u32,
    /// From 0 to 1.
    pub value: f64,
}

/// A protocol. All methods are called on the router's thread; none may block.
///
/// The order of calls: [`configure`](Self::configure) for each option of `[backend NAME]`; for each instance
/// [`create`](Self::create) and [`configure_instance`](Self::configure_instance); [`channel`](Self::channel) for each
/// use in the map; [`start`](Self::start); then [`send`](Self::send) and [`process`](Self::process); at the end
/// [`shutdown`](Self::shutdown). When the configuration is read again, new instances are made as
/// above, all channels of the map are asked for again, instances that are gone or changed are [removed](Self::remove), and
/// `start` is called again. So `start` is the place to bind ports: before it, the earlier instance still has them. A
/// new instance may also be removed before it started, if the configuration is refused.
pub trait Backend {
    /// Takes an option of the section `[backend NAME]`.
    ///
    /// # Errors
    /// If there is no such option or the value is wrong.
    fn configure(&mut self, option: &str, value: &str) -> Result<(), OptionError>;

    /// Makes an instance. `folder` is the one that is current where the configuration names the instance.
    ///
    /// # Errors
    /// If it cannot be made.
    fn create(&mut self, id: InstanceId, name: &str, folder: &Path) -> Result<(), StartError>;

    /// Takes an option of an instance.
    ///
    /// # Errors
    /// If there is no such option or the value is wrong.
    fn configure_instance(&mut self, id: InstanceId, option: &str, value: &str) -> Result<(), OptionError>;

    /// The number of an instance's channel, which it gets at its first use: small, so that a list can be indexed by it. The
    /// same channel has the same number each time.
    ///
    /// # Errors
    /// If the instance has no such channel, or cannot use it in this direction.
    fn channel(&mut self, id: InstanceId, name: &str, direction: Direction) -> Result<u32, ChannelError>;

    /// Begins to work, or takes up what a change of the configuration added.
    ///
    /// # Errors
    /// If an instance cannot start.
    fn start(&mut self, io: &mut Io) -> Result<(), StartError>;

    /// How many milliseconds after [`Io::now`] `now` this wants to [`process`](Self::process) although nothing is ready.
    fn timeout(&self, now: u64) -> Option<u64> {
        let _ = now;
        None
    }

    /// Takes the events of one round for an instance, in their order.
    fn send(&mut self, id: InstanceId, events: &[Event], io: &mut Io);

    /// Called once a turn: `ready` says what can be read, and may be empty.
    fn process(&mut self, ready: &[Ready], io: &mut Io) {
        let _ = (ready, io);
    }

    /// Ends an instance.
    fn remove(&mut self, id: InstanceId, io: &mut Io);

    /// Ends. What is emitted now goes nowhere.
    fn shutdown(&mut self, io: &mut Io) {
        let _ = io;
    }
}
