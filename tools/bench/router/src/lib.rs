//! Speed and endurance of `rustclad router`, measured from outside: each measurement starts the program with a
//! configuration of its own, works it over sockets or with scripts, and says what it saw. Whether that is enough is for
//! the caller to judge: `main.rs` holds it against the design, the tests against wide limits.

mod dmx;
mod latency;
mod process;
mod ring;
mod setup;
mod soak;

pub use dmx::{Dmx, dmx};
pub use latency::{Latency, Percentiles, latency};
pub use ring::{Ring, ring};
pub use soak::{Sample, Soak, soak};
