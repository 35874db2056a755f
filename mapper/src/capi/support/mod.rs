//! What several files of the C API share and no header names: reading arguments, building values, formats, buffers, pending calls, memory.

pub(crate) mod arguments;
pub(crate) mod building;
pub mod export;
pub mod format;
pub(crate) mod literal;
pub(crate) mod memory;
pub(crate) mod names;
pub(crate) mod pending;
pub(crate) mod translating;
