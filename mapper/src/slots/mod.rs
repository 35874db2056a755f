//! The slots of the types that C code sees: which function stands in each, and those functions.

pub mod docs;
pub mod fill;
pub mod managed;
pub mod owned;
pub mod tables;
pub mod traverse;
