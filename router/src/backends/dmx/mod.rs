//! What Art-Net and sACN share: universes of 512 slots, the rate at which they are sent, sockets, and the instances that
//! own them. The two backends know packets; nothing here does.

mod detect;
mod node;
mod options;
mod pace;
mod socket;
mod universe;

pub(crate) use detect::Detect;
pub(crate) use node::{Node, Protocol, matching};
pub(crate) use options::{flag, no_more, number, number_in};
pub(crate) use socket::{Bind, PACKET, Quota, host};
pub(crate) use universe::Slots;
