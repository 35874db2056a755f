//! The router as a child process, and what the system knows about it.

use std::fs;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The system's unit for times of processes: Linux has this one on all machines, whatever the kernel's own is.
const TICK: Duration = Duration::from_millis(10);

/// A running router; it is killed when this is dropped.
pub(crate) struct Process(Child);

impl Process {
    /// Starts `program router CONFIG`; what it says on standard error goes to `errors`.
    pub(crate) fn start(program: &Path, config: &Path, errors: Stdio) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(["router", "--log", "warn"]).arg(config).env("PYTHONDONTWRITEBYTECODE", "1");
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).spawn();
        Ok(Self(child.with_context(|| format!("cannot start {}", program.display()))?))
    }

    /// What it prints.
    pub(crate) fn output(&mut self) -> Result<ChildStdout> {
        self.0.stdout.take().context("its output is read already")
    }

    /// What it says on standard error, if that is a pipe.
    pub(crate) fn errors(&mut self) -> Result<ChildStderr> {
        self.0.stderr.take().context("its errors are read already")
    }

    /// The time for which it has kept a core busy.
    pub(crate) fn cpu_time(&self) -> Result<Duration> {
        let stat = self.read("stat")?;
        // The name before it may hold anything, also blanks and brackets.
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks: Vec<u32> = after_name.split_whitespace().skip(11).take(2).flat_map(str::parse).collect();
        match ticks[..] {
            [user, system] => Ok(TICK * (user + system)),
            _ => bail!("no times in the system's line about the router: {stat}"),
        }
    }

    /// Its resident memory in bytes.
    pub(crate) fn memory(&self) -> Result<u64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()).context("the router has ended")?;
        Ok(kilobytes.parse::<u64>()? * 1024)
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> Result<usize> {
        let folder = format!("/proc/{}/fd", self.0.id());
        Ok(fs::read_dir(folder).context("the router has ended")?.count())
    }

    fn read(&self, file: &str) -> Result<String> {
        fs::read_to_string(format!("/proc/{}/{file}", self.0.id())).context("the router has ended")
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        kill(Pid::from_raw(self.0.id() as i32), signal).context("the router has ended")
    }

    /// Asks it to end, and waits for that.
    pub(crate) fn end(mut self) -> Result<()> {
        self.signal(Signal::SIGTERM)?;
        self.wait()
    }

    /// Waits for it to end by itself.
    pub(crate) fn wait(&mut self) -> Result<()> {
        let status = self.0.wait()?;
        if !status.success() {
            bail!("the router failed ({status})");
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended, unless something went wrong.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
