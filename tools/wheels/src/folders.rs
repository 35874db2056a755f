//! Where the board keeps what it needs.

use std::path::PathBuf;

/// This crate's folder.
pub(crate) fn own() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    own().ancestors().nth(2).expect("tools/wheels is two folders below").into()
}
