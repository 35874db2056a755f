//! Bounds on what is read and kept, so that no file can exhaust the memory.

use std::io::Read;

use crate::error::InspectError;

/// How much is read at most.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of a shared library, by itself or in a wheel.
    pub library: u64,
    /// Bytes of a wheel, and of all that is unpacked from it.
    pub wheel: u64,
    /// Members of a wheel.
    pub members: usize,
    /// Bytes of a wheel's list of members.
    pub directory: u64,
    /// Bytes of a wheel's METADATA and WHEEL.
    pub metadata: u64,
    /// Bytes of all symbol names of one shared library.
    pub names: usize,
    /// Files of one folder, its subfolders included.
    pub files: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            library: 512 << 20,
            wheel: 4 << 30,
            members: 100_000,
            directory: 64 << 20,
            metadata: 4 << 20,
            names: 64 << 20,
            files: 100_000,
        }
    }
}

/// Reads to the end, whatever size was promised, but no more than `limit` bytes.
pub(crate) fn read(source: impl Read, limit: u64, what: &str) -> Result<Vec<u8>, InspectError> {
    let mut bytes = Vec::new();
    source.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(too_large(what, limit)) } else { Ok(bytes) }
}

pub(crate) fn too_large(what: impl Into<String>, limit: u64) -> InspectError {
    InspectError::TooLarge { what: what.into(), limit }
}

/// What is left of the bytes that one library's names may take. Many symbols may share one long name in the file,
/// but each takes memory of its own here.
pub(crate) struct Names {
    left: usize,
    limit: usize,
}

/// What a name takes in memory: its text, and some bytes besides.
pub(crate) fn size_of_name(name: &str) -> usize {
    name.len() + 64
}

impl Names {
    pub(crate) fn new(limit: usize) -> Self {
        Self { left: limit, limit }
    }

    /// A name's own copy.
    pub(crate) fn keep(&mut self, name: &str) -> Result<String, InspectError> {
        let size = size_of_name(name);
        if size > self.left {
            return Err(too_large("the names of its symbols", self.limit as u64));
        }
        self.left -= size;
        Ok(name.to_owned())
    }
}
