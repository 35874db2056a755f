//! The board: published wheels, each installed by `rustclad install`, shown at work by a script of ours, and put to its
//! own tests, beside what CPython 3.14 makes of the same.

pub mod board;
pub mod interpreter;
pub mod manifest;
pub mod page;
pub mod prepare;
pub mod process;
pub mod record;
pub mod report;
pub mod smoke;
pub mod speed;
pub mod suite;

use std::path::PathBuf;

/// This crate's folder.
pub(crate) fn folder() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    folder().ancestors().nth(2).expect("tools/wheels is two folders below").into()
}
