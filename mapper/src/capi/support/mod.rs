//! What several files of the C API share and no header names: reading arguments, formats, buffers, pending calls, memory.

pub(crate) mod arguments;
pub mod export;
pub mod format;
pub(crate) mod memory;
pub(crate) mod pending;
