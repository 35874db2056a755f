//! Endurance: scripts that output without end, intervals and sockets that come and go, exceptions now and then; see
//! `configs/soak.cfg`. Memory and the rate of events are looked at every so often.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{ChildStderr, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use crate::process::Process;
use crate::setup::kept;

/// How long the router may take to say its figures.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was seen at one time.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// How long the router has run.
    pub at: Duration,
    /// Its resident memory in bytes.
    pub memory: u64,
    /// How many descriptors it has open.
    pub descriptors: usize,
    /// Events that were handed to channels so far.
    pub routed: u64,
    /// Exceptions that handlers raised so far.
    pub raised: u64,
}

/// Two samples: the first when everything has been used once, and the last.
#[derive(Clone, Copy, Debug)]
pub struct Soak {
    /// When everything has been used.
    pub warm: Sample,
    /// At the end.
    pub end: Sample,
}

impl Soak {
    /// Bytes by which memory grew after it was warm; negative if it shrank.
    #[must_use]
    pub fn growth(&self) -> i64 {
        self.end.memory as i64 - self.warm.memory as i64
    }

    /// Events a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        (self.end.routed - self.warm.routed) as f64 / (self.end.at - self.warm.at).as_secs_f64()
    }
}

/// Runs for `duration` with a sample after each `step`, which `show` gets; the first is the one that is warm.
///
/// # Errors
/// If the router fails.
pub fn soak(program: &Path, duration: Duration, step: Duration, show: impl Fn(&Sample)) -> Result<Soak> {
    let mut router = Process::start(program, &kept("soak.cfg"), Stdio::piped())?;
    let figures = listen(router.errors()?);
    let start = Instant::now();
    let mut warm = None;
    loop {
        thread::sleep(step.min(duration.saturating_sub(start.elapsed())));
        let end = sample(&router, &figures, start)?;
        show(&end);
        let warm = *warm.get_or_insert(end);
        if start.elapsed() >= duration {
            router.end()?;
            return Ok(Soak { warm, end });
        }
    }
}

fn sample(router: &Process, figures: &Receiver<Figures>, start: Instant) -> Result<Sample> {
    router.signal(Signal::SIGUSR1)?;
    let Figures { routed, raised } = figures.recv_timeout(PATIENCE).context("the router logs no figures")?;
    let (memory, descriptors) = (router.memory()?, router.descriptors()?);
    Ok(Sample { at: start.elapsed(), memory, descriptors, routed, raised })
}

/// What standard error has said so far.
struct Figures {
    routed: u64,
    raised: u64,
}

/// Reads standard error on a thread, to its end; gives figures with each line of metrics.
fn listen(errors: ChildStderr) -> Receiver<Figures> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut raised = 0;
        for line in BufReader::new(errors).lines().map_while(Result::ok) {
            raised += u64::from(line.starts_with("Traceback"));
            if let Some(routed) = routed(&line) {
                // Nobody may want it any more.
                let _ = sender.send(Figures { routed, raised });
            }
        }
    });
    receiver
}

/// The number of events in a line of metrics.
fn routed(line: &str) -> Option<u64> {
    let (before, _) = line.split_once(" routed (")?;
    before.rsplit(' ').next()?.parse().ok()
}
