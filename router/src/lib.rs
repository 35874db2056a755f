//! A router of control events: what comes in on a channel of one instance goes out on the channels it is mapped to.
//!
//! A [`config::Config`] is read from files. The [`Router`] makes the instances that it names, each by its [`Backend`], and
//! carries events between them. Values are numbers from 0 to 1. Dependencies run one way: the router knows
//! the trait [`Backend`], backends know [`Io`], and neither knows how a configuration is written.

pub mod backend;
pub mod backends;
pub mod config;
mod instance;
mod io;
mod router;

pub use backend::{Backend, ChannelError, Direction, OptionError, StartError};
pub use instance::InstanceId;
pub use io::{Io, Ready, Waker};
pub use router::{Metrics, Observer, Registry, Router, RouterError};
