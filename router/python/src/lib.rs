//! The router's Python backend: each instance is a script in an interpreter of its own, whose functions are channels and
//! which talks to the router through the module `midimonster`.
//!
//! The interpreters are sub-interpreters of one main interpreter, which the program makes, so that scripts can import whatever
//! that program's Python can: extension modules compiled for CPython, too.

mod backend;
mod garbage;
mod handlers;
mod instance;
mod module;
mod timers;

pub use backend::{Python, Settings};
