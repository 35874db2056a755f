//! The stub's other side and extension modules: filling the stub, finding, loading and ending modules.

pub mod finalize;
pub mod import;
pub mod link;
pub mod load;
pub mod setup;
pub mod symbols;
