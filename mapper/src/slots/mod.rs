//! The slots of the types that C code sees: which function stands in each, and those functions.

pub mod change;
pub mod docs;
pub mod fill;
mod generic;
pub mod hashing;
mod inherited;
pub mod object;
pub mod owned;
mod rows;
mod special;
pub mod tables;
pub mod traverse;
