//! What can go wrong, in the words of the command line.

use std::io;
use std::process::ExitCode;

use rustclad_router::RouterError;

use rustclad_router::config::ConfigError;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the program ends early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The words on the command line are wrong.
    #[error("{0}\nSee `rustclad router --help`.")]
    Usage(String),
    /// The configuration cannot be read.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// The configuration cannot run.
    #[error("{0}")]
    Router(#[from] RouterError),
    /// A file, or standard output, cannot be written.
    #[error("{file}: {error}; what was asked for is not written")]
    Write {
        /// Its name.
        file: String,
        /// Why.
        error: io::Error,
    },
    /// The terminal does not do what the monitor needs.
    #[error("--monitor needs a terminal to draw on: {0}; leave it out to run without")]
    Terminal(io::Error),
    /// Signals cannot be waited for.
    #[error("waiting for signals: {0}")]
    Signals(io::Error),
}

impl Error {
    /// The exit status: 2 for wrong arguments, else 1.
    #[must_use]
    pub fn status(&self) -> ExitCode {
        ExitCode::from(if matches!(self, Self::Usage(_)) { 2 } else { 1 })
    }
}
