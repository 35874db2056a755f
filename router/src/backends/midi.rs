//! `midi`: MIDI ports of the system.
//!
//! The messages are here, pure; the ports need the crate feature `midi`, which on Linux needs ALSA.
//!
//! Options of the backend: `name` = the client's name in the system (default `rustclad`); `detect` = on or off: log what comes
//! in. Options of an instance: `read` and `write` = the port to connect to for input and for output. That is the system's
//! address of a port (`20:0`) or a part of its name, of which the first port that has it is taken. If there is none, a
//! virtual port of that name is made, which others can connect to. Without the option, one of the instance's name is made, if
//! the map uses that direction. `source` and `target` may be written for them. `epn-tx` = `full` or `short`: whether a parameter
//! is deselected after it was sent (`full`, the default).
//!
//! Channels, for N from 0 to 15 and M from 0 to 127: `chN.ccM` (control change), `chN.noteM` (velocity; 0 is off),
//! `chN.pressureM` (of one key), `chN.aftertouch` (pressure of the channel), `chN.pitch` (14 bits; the middle is 0.5),
//! `chN.program`, and, for M from 0 to 16383, `chN.rpnM` and `chN.nrpnM` (parameters of 14 bits, which controllers set: these
//! come in as `cc`, too). `channelN` may be written for `chN`.

mod address;
mod bits;
mod message;
mod parameters;
#[cfg(feature = "midi")]
mod ports;

pub use address::{Address, AddressError, Control};
pub use message::Decoder;
#[cfg(feature = "midi")]
pub use ports::Midi;
