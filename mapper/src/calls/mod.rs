//! The way of a call that C makes: what surrounds every C API function, and calls of whatever can be called.

pub mod api;
pub mod calling;
pub mod direct;
