//! The board: published wheels, each installed by `rustclad install`, shown at work by a script of ours, and put to its
//! own tests, beside what CPython 3.14 makes of the same.

pub mod board;
mod folders;
pub mod interpreter;
pub mod manifest;
pub mod page;
pub mod prepare;
pub mod process;
pub mod record;
pub mod report;
pub mod smoke;
pub mod speed;
pub mod suite;
