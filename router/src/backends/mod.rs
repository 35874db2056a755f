//! The backends that need nothing but sockets. Each has a module; options and channels are those of MIDIMonster's manual.

pub mod artnet;
mod dmx;
mod hosts;
pub mod loopback;
pub mod midi;
pub mod mqtt;
pub mod osc;
pub mod sacn;
mod seldom;
