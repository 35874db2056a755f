//! Why a file cannot be looked at.

/// Why a file cannot be looked at. The message names the reason; the file's name goes in front.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The file or folder cannot be read.
    #[error("{0}")]
    Read(String),
    /// The file has no bytes.
    #[error("the file is empty")]
    Empty,
    /// It begins like nothing that is known here.
    #[error("neither a shared library (ELF, PE, Mach-O) nor a wheel")]
    Unknown,
    /// It ends before its headers or segments do.
    #[error("the shared library is truncated: {0}")]
    Truncated(String),
    /// Its headers contradict each other.
    #[error("the shared library is malformed: {0}")]
    Malformed(String),
    /// A wheel whose archive or metadata cannot be read.
    #[error("the wheel is malformed: {0}")]
    Wheel(String),
    /// More than is read of one file, or unpacked from one wheel.
    #[error("too large: {what}, the limit is {limit}")]
    TooLarge {
        /// What there is too much of.
        what: String,
        /// How much may be there.
        limit: u64,
    },
}

impl From<std::io::Error> for InspectError {
    fn from(error: std::io::Error) -> Self {
        Self::Read(error.to_string())
    }
}

impl From<goblin::error::Error> for InspectError {
    fn from(error: goblin::error::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}
