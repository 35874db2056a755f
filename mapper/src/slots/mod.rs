//! The slots of the types that C code sees: which function stands in each, and those functions.

pub mod fill;
mod inherited;
pub mod managed;
pub mod object;
pub mod owned;
