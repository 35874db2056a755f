//! What several files of the C API share and no header names: reading arguments, formats, buffers, pending calls.

pub(crate) mod arguments;
pub mod export;
pub mod format;
pub(crate) mod pending;
