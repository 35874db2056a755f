//! What measurements start from.

use std::net::UdpSocket;
use std::path::{Path, PathBuf};

use anyhow::Result;

/// A configuration that is kept beside this crate's sources.
pub(crate) fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("configs").join(name)
}

/// A port on this machine that was free a moment ago.
pub(crate) fn free_port() -> Result<u16> {
    Ok(UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port())
}
