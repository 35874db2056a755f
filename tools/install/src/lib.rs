//! `rustclad install`, `uninstall` and `list`: wheels of CPython 3.14 in a folder that `rustclad` imports from.
//!
//! The machine's pip chooses, downloads and unpacks into a staging folder beside the site folder; what it made is moved
//! in by a transaction, so that the site folder changes as a whole or not at all.

mod arguments;
mod distribution;
mod error;
mod install;
mod list;
mod markers;
mod pip;
mod scripts;
mod site;
mod transaction;
mod uninstall;
mod usage;

use std::ffi::OsString;

pub use error::{Error, Result};
pub use site::user_site_paths;

use arguments::Command;
use site::Site;

/// Does what the words after `rustclad` ask for; the first one must be a [subcommand](is_subcommand).
///
/// # Errors
/// [`Error::Usage`] for words that mean nothing; else what went wrong, with the site folder as it was.
pub fn run(words: impl IntoIterator<Item = OsString>) -> Result<()> {
    match arguments::parse(words)? {
        Command::Help => print!("{}", usage::USAGE),
        Command::Install(request) => install::install(&request)?,
        Command::Uninstall { names, target } => uninstall::uninstall(&names, &Site::find(target)?)?,
        Command::List { json, target } => list::list(&Site::find(target)?, json)?,
    }
    Ok(())
}

/// Whether a first argument is one of ours rather than a script.
pub fn is_subcommand(word: &str) -> bool {
    matches!(word, "install" | "uninstall" | "list")
}
