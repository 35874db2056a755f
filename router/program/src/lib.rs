//! `rustclad router`: the command line of the router, its main loop, and what can be shown of a configuration.
//!
//! [`main`] does everything. A caller that needs more steps uses [`parse`] and [`run`]: the registry of backends is made
//! in between, since some backends take [`Settings`] from the command line.

mod arguments;
mod bundle;
mod check;
mod error;
mod graph;
mod logging;
mod metrics;
mod monitor;
mod service;
mod target;
mod text;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use rustclad_router::{Registry, Router, config};

pub use crate::arguments::{Action, Command, Request, Settings, parse};
pub use crate::error::{Error, Result};

/// Runs the words after `rustclad router`; `make` makes the backends, and is not called if none is needed. Returns 0, 1 if the
/// configuration cannot run, or 2 if the words are wrong; what is wrong is said on standard error.
pub fn main(words: impl IntoIterator<Item = OsString>, make: impl FnOnce(Settings) -> Registry) -> ExitCode {
    match parse(words) {
        Ok(command @ (Command::Help | Command::Version)) => run(command, Registry::default()),
        Ok(command) => {
            let registry = make(command.settings());
            run(command, registry)
        }
        Err(error) => refuse(&error),
    }
}

/// Runs a command with the backends of the registry. Returns as [`main`].
pub fn run(command: Command, registry: Registry) -> ExitCode {
    let done = match command {
        Command::Help => print(arguments::USAGE),
        Command::Version => print(&format!("rustclad router {}\n", env!("CARGO_PKG_VERSION"))),
        Command::Use(request) => perform(&request, registry),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error),
    }
}

/// Says on standard error what is wrong, and returns the exit status.
pub fn refuse(error: &Error) -> ExitCode {
    eprintln!("rustclad router: {error}");
    error.status()
}

fn perform(request: &Request, registry: Registry) -> Result<()> {
    let pane = (request.action == Action::Monitor).then(monitor::Pane::default);
    logging::start(request, pane.clone());
    let config = config::read(&request.config, &request.overrides)?;
    match &request.action {
        Action::Route | Action::Monitor => service::run(request, config, registry, pane),
        Action::Check => {
            Router::new(registry, &config)?;
            print(&check::report(&request.config, &config))
        }
        Action::Graph(file) => {
            Router::new(registry, &config)?;
            let svg = graph::svg(&config);
            file.as_ref().map_or_else(|| print(&svg), |file| save(file, &svg))
        }
    }
}

fn print(text: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    let written = output.write_all(text.as_bytes()).and_then(|()| output.flush());
    written.map_err(|error| Error::Write { file: "standard output".into(), error })
}

fn save(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text).map_err(|error| Error::Write { file: file.display().to_string(), error })
}
