//! What can go wrong, in words for users: what happened, then what to do next.

use std::io;
use std::path::{Path, PathBuf};

/// The result of what may fail here.
pub type Result<T> = std::result::Result<T, Error>;

/// Why packages were not installed, removed or listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The command line means nothing.
    #[error("{0}\n\n{usage}", usage = crate::usage::USAGE)]
    Usage(String),
    /// No Python on the machine has pip.
    #[error("no pip was found on this machine: install it (Debian: apt-get install python3-pip) and try again")]
    NoPip,
    /// The index has no such project.
    #[error("there is no package {0:?} in the index: check the spelling")]
    NoSuchPackage(String),
    /// The project is there, but nothing that runs here.
    #[error(
        "{name} has no wheel for CPython 3.14 on this machine ({platform}): rustclad loads wheels and does not build \
         from sources; ask the project for a cp314 or abi3 wheel, or try another version"
    )]
    NoWheel {
        /// The requirement that pip could not meet.
        name: String,
        /// The machine, for the message.
        platform: String,
    },
    /// The project is there, but not in that version.
    #[error("no version of {requirement} fits; there are: {versions}")]
    NoVersion {
        /// The requirement that pip could not meet.
        requirement: String,
        /// The versions that pip saw.
        versions: String,
    },
    /// The package index does not answer.
    #[error("the package index could not be reached: check the network and pip's settings (pip config list)")]
    NoNetwork,
    /// What was asked for does not go together.
    #[error("the packages asked for need different versions of the same package (see pip's message above)")]
    Conflict,
    /// Something else that pip has said on standard error.
    #[error("pip failed: {0}")]
    Pip(String),
    /// `VIRTUAL_ENV` names an environment of another Python.
    #[error(
        "the active environment {} was not made by rustclad: `rustclad -m venv DIR` makes one; or deactivate it, or \
         give --target DIR", .0.display()
    )]
    ForeignEnvironment(PathBuf),
    /// There is no home folder to keep a site folder in.
    #[error("there is no home folder to install into (HOME is not set): give --target DIR")]
    NoHome,
    /// Nothing of that name is installed.
    #[error("{name} is not installed in {}", folder.display())]
    NotInstalled {
        /// The distribution asked for.
        name: String,
        /// The site folder that was looked at.
        folder: PathBuf,
    },
    /// A distribution's list of files names a file that is not its own to name.
    #[error("{name} lists a file outside of the folder it is installed in ({entry}): nothing was changed")]
    Hostile {
        /// The distribution.
        name: String,
        /// The entry in its RECORD.
        entry: String,
    },
    /// A distribution's metadata cannot be read.
    #[error("{} cannot be understood: {reason}", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The system refused something.
    #[error("cannot {verb} {}: {error}", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        #[source]
        error: io::Error,
    },
}

impl Error {
    /// The exit status that goes with it: 2 if the command line is wrong.
    pub fn status(&self) -> u8 {
        if matches!(self, Self::Usage(_)) { 2 } else { 1 }
    }

    /// For `map_err`: `verb` was tried on `path`.
    pub(crate) fn io(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Io { verb, path, error }
    }
}
