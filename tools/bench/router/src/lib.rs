//! Speed and endurance of `rustclad router`, measured from outside: each measurement starts the program with a
//! configuration of its own, works it over sockets or with scripts, and says what it saw. Whether that is enough is for
//! the caller to judge: `main.rs` holds it against the design, the tests against wide limits.

mod dmx;
mod latency;
mod process;
mod ring;
mod soak;

use std::net::UdpSocket;
use std::path::{Path, PathBuf};

use anyhow::Result;

pub use dmx::{Dmx, dmx};
pub use latency::{Latency, Percentiles, latency};
pub use ring::{Ring, ring};
pub use soak::{Sample, Soak, soak};

/// A configuration that is kept beside this crate's sources.
fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("configs").join(name)
}

/// A port on this machine that was free a moment ago.
fn free_port() -> Result<u16> {
    Ok(UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port())
}
