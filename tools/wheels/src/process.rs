//! Child processes: those that end in silence, and those with a time limit, whose own children end with them.

use std::fs::File;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// It was ended because of what its watcher said.
    Stopped(&'static str),
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(f, "{signal}"),
                Err(_) => write!(f, "signal {number}"),
            },
            Self::Stopped(why) => write!(f, "{why}"),
        }
    }
}

/// Runs `command` in silence and gives its standard output; all that it printed is in the error if it fails.
///
/// # Errors
/// If it cannot be started, or fails.
pub fn output(command: &mut Command) -> Result<String> {
    let out = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {command:?}"))?;
    let printed = String::from_utf8_lossy(&out.stdout).into_owned();
    if !out.status.success() {
        bail!("failed ({}): {command:?}\n{printed}{}", out.status, String::from_utf8_lossy(&out.stderr));
    }
    Ok(printed)
}

/// Runs `command` with its output in the file `output`, until it ends or `watch` says why it must.
///
/// # Errors
/// If it cannot be started.
pub fn run(command: &mut Command, output: &Path, mut watch: impl FnMut() -> Option<&'static str>) -> Result<End> {
    let file = File::options().create(true).append(true).open(output).context("cannot write the output")?;
    command.stdout(file.try_clone()?).stderr(file).process_group(0);
    let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
    let end = loop {
        if let Some(status) = child.try_wait()? {
            break ended(status);
        }
        if let Some(why) = watch() {
            kill_group(&child);
            child.wait()?;
            break End::Stopped(why);
        }
        thread::sleep(Duration::from_millis(20));
    };
    // What it started and left behind must not disturb the next one.
    kill_group(&child);
    Ok(end)
}

/// A watcher that stops a process after some time.
pub fn limit(seconds: u64) -> impl FnMut() -> Option<&'static str> {
    let start = Instant::now();
    move || (start.elapsed() > Duration::from_secs(seconds)).then_some("time limit")
}

fn ended(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Code(code),
        (None, signal) => End::Signal(signal.unwrap_or(0)),
    }
}

fn kill_group(child: &Child) {
    // It may be gone, which is as good.
    let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
}
