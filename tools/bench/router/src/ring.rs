//! A handler that calls `output` on the channel that comes back to it, and the same calls in a plain loop.

use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};

use crate::process::Process;
use crate::setup::kept;

/// What the script saw: the best of several turns of each kind, which alternate.
#[derive(Clone, Copy, Debug)]
pub struct Ring {
    /// Nanoseconds from one call of the handler to the next, in the ring.
    pub routed: f64,
    /// The same in the plain loop.
    pub plain: f64,
}

impl Ring {
    /// Events a second in the ring.
    #[must_use]
    pub fn rate(&self) -> f64 {
        1e9 / self.routed
    }

    /// How much longer a call takes in the ring.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.routed / self.plain
    }
}

/// Measures the ring; it takes some seconds.
///
/// # Errors
/// If the router fails.
pub fn ring(program: &Path) -> Result<Ring> {
    let mut router = Process::start(program, &kept("ring.cfg"), Stdio::inherit())?;
    let mut printed = String::new();
    router.output()?.read_to_string(&mut printed)?;
    router.wait()?;
    let mut times = printed.split_whitespace().map(str::parse);
    let mut time = || times.next().and_then(Result::ok).with_context(|| format!("the script printed {printed:?}"));
    Ok(Ring { routed: time()?, plain: time()? })
}
