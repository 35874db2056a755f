//! `midi`: MIDI ports of the system.
//!
//! The messages are here, pure; the ports need the crate feature `midi`, which on Linux needs ALSA.
//!
//! Options of the backend: `name` = the client's name in the system (default `rustclad`); `detect` = on or off: log what comes
//! in. Options of an instance: `read` and `write` = the port to connect to for input and for output. That is the system's
//! address of a port (`20:0`) or a part of its name, of which the first port that has it is taken. If there is none, a
//! virtual port of that name is made, which others can connect to. Without the option, one of the instance's name is made, if
//! the map uses that direction.
//!
//! Channels, for N from 0 to 15 and M from 0 to 127: `chN.ccM` (control change), `chN.noteM` (velocity; 0 is off),
//! `chN.pressureM` (of one key), `chN.aftertouch` (pressure of the channel), `chN.pitch` (14 bits; the middle is 0.5) and
//! `chN.program`. `channelN` may be written for `chN`.

#[cfg(feature = "midi")]
mod ports;

#[cfg(feature = "midi")]
pub use ports::Midi;

use std::fmt;

const NOTE_OFF: u8 = 0x80;
const NOTE_ON: u8 = 0x90;
const PRESSURE: u8 = 0xA0;
const CONTROL: u8 = 0xB0;
const PROGRAM: u8 = 0xC0;
const AFTERTOUCH: u8 = 0xD0;
const PITCH: u8 = 0xE0;

/// The greatest value of 7 bits.
const MAX_7: u8 = 0x7F;
/// The greatest value of 14 bits.
const MAX_14: u16 = 0x3FFF;

/// What a message sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Control {
    /// A controller.
    Cc(u8),
    /// A key's velocity.
    Note(u8),
    /// A key's pressure.
    Pressure(u8),
    /// The channel's pressure.
    Aftertouch,
    /// The pitch bend.
    Pitch,
    /// The program.
    Program,
}

/// A control of one of the 16 channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// From 0 to 15.
    pub channel: u8,
    /// The control, whose number is from 0 to 127.
    pub control: Control,
}

/// Why a name is none of a MIDI channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The part in front of the dot.
    #[error("expected `chN.` with N from 0 to 15, as in `ch0.cc7`")]
    Channel,
    /// The part behind the dot.
    #[error("expected `ccM`, `noteM`, `pressureM`, `aftertouch`, `pitch` or `program` behind the dot")]
    Control,
    /// The number M.
    #[error("expected a number from 0 to 127 at the end")]
    Number,
}

impl Address {
    /// Reads the name of a channel, such as `ch0.cc7`.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(name: &str) -> Result<Self, AddressError> {
        let (channel, control) = name.split_once('.').ok_or(AddressError::Channel)?;
        let channel = channel.strip_prefix("channel").or_else(|| channel.strip_prefix("ch"));
        let channel = channel.and_then(|it| number(it, 15)).ok_or(AddressError::Channel)?;
        Ok(Self { channel, control: control_named(control)? })
    }

    /// Reads a whole message: what it sets, and the value from 0 to 1. None if it is of another kind, or incomplete.
    #[must_use]
    pub fn decode(message: &[u8]) -> Option<(Self, f64)> {
        let (status, data) = message.split_first()?;
        if data.iter().any(|it| *it > MAX_7) {
            return None;
        }
        let (control, value) = match (status & 0xF0, data) {
            (NOTE_OFF, [key, _]) => (Control::Note(*key), 0.0),
            (NOTE_ON, [key, velocity]) => (Control::Note(*key), share_7(*velocity)),
            (PRESSURE, [key, pressure]) => (Control::Pressure(*key), share_7(*pressure)),
            (CONTROL, [number, value]) => (Control::Cc(*number), share_7(*value)),
            (PROGRAM, [program]) => (Control::Program, share_7(*program)),
            (AFTERTOUCH, [pressure]) => (Control::Aftertouch, share_7(*pressure)),
            (PITCH, [low, high]) => (Control::Pitch, share_14(u16::from(*high) << 7 | u16::from(*low))),
            _ => return None,
        };
        Some((Self { channel: status & 0x0F, control }, value))
    }

    /// Makes the message that sets this to a value from 0 to 1 (others are clipped): three bytes, and how many of them count.
    #[must_use]
    pub fn encode(self, value: f64) -> ([u8; 3], usize) {
        let fine = (value.clamp(0.0, 1.0) * f64::from(MAX_14)).round() as u16;
        let coarse = (value.clamp(0.0, 1.0) * f64::from(MAX_7)).round() as u8;
        let (kind, first, second) = match self.control {
            Control::Cc(number) => (CONTROL, number, Some(coarse)),
            // A velocity of 0 is off.
            Control::Note(key) => (NOTE_ON, key, Some(coarse)),
            Control::Pressure(key) => (PRESSURE, key, Some(coarse)),
            Control::Aftertouch => (AFTERTOUCH, coarse, None),
            Control::Program => (PROGRAM, coarse, None),
            Control::Pitch => (PITCH, (fine & u16::from(MAX_7)) as u8, Some((fine >> 7) as u8)),
        };
        ([kind | self.channel & 0x0F, first & MAX_7, second.unwrap_or(0)], if second.is_some() { 3 } else { 2 })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ch{}.", self.channel)?;
        match self.control {
            Control::Cc(number) => write!(f, "cc{number}"),
            Control::Note(key) => write!(f, "note{key}"),
            Control::Pressure(key) => write!(f, "pressure{key}"),
            Control::Aftertouch => f.write_str("aftertouch"),
            Control::Pitch => f.write_str("pitch"),
            Control::Program => f.write_str("program"),
        }
    }
}

fn control_named(name: &str) -> Result<Control, AddressError> {
    let digits_at = name.find(|it: char| !it.is_ascii_lowercase()).unwrap_or(name.len());
    let (kind, digits) = name.split_at(digits_at);
    let number = || number(digits, MAX_7).ok_or(AddressError::Number);
    match (kind, digits) {
        ("cc", _) => Ok(Control::Cc(number()?)),
        ("note", _) => Ok(Control::Note(number()?)),
        ("pressure", _) => Ok(Control::Pressure(number()?)),
        ("aftertouch", "") => Ok(Control::Aftertouch),
        ("pitch", "") => Ok(Control::Pitch),
        ("program", "") => Ok(Control::Program),
        _ => Err(AddressError::Control),
    }
}

fn number(digits: &str, most: u8) -> Option<u8> {
    // `parse` would take a sign.
    let number = digits.bytes().all(|it| it.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    number.filter(|it| *it <= most)
}

fn share_7(value: u8) -> f64 {
    f64::from(value) / f64::from(MAX_7)
}

fn share_14(value: u16) -> f64 {
    f64::from(value) / f64::from(MAX_14)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(channel: u8, control: Control) -> Address {
        Address { channel, control }
    }

    #[test]
    fn names_are_read() {
        assert_eq!(Address::parse("ch0.cc7"), Ok(address(0, Control::Cc(7))));
        assert_eq!(Address::parse("channel15.note127"), Ok(address(15, Control::Note(127))));
        assert_eq!(Address::parse("ch3.pressure0"), Ok(address(3, Control::Pressure(0))));
        assert_eq!(Address::parse("ch3.aftertouch"), Ok(address(3, Control::Aftertouch)));
        assert_eq!(Address::parse("ch3.pitch"), Ok(address(3, Control::Pitch)));
        assert_eq!(Address::parse("ch3.program"), Ok(address(3, Control::Program)));
        assert_eq!(address(3, Control::Pressure(9)).to_string(), "ch3.pressure9");
    }

    #[test]
    fn wrong_names_are_refused() {
        for name in ["", "ch0", "ch16.cc0", "ch.cc0", "ch+1.cc0", "x0.cc0", "ch-1.pitch"] {
            assert_eq!(Address::parse(name), Err(AddressError::Channel), "{name}");
        }
        for name in ["ch0.", "ch0.rpn5", "ch0.pitch1", "ch0.7"] {
            assert_eq!(Address::parse(name), Err(AddressError::Control), "{name}");
        }
        for name in ["ch0.cc", "ch0.cc128", "ch0.note+1", "ch0.pressure1000"] {
            assert_eq!(Address::parse(name), Err(AddressError::Number), "{name}");
        }
    }

    #[test]
    fn messages_come_back_as_they_went() {
        use Control::{Aftertouch, Cc, Note, Pitch, Pressure, Program};
        for control in [Cc(0), Cc(127), Note(60), Pressure(1), Aftertouch, Pitch, Program] {
            for value in [0.0, 0.25, 0.5, 1.0] {
                let (bytes, length) = address(9, control).encode(value);
                let (read, back) = Address::decode(&bytes[..length]).unwrap();
                assert_eq!(read, address(9, control));
                let step = if control == Pitch { MAX_14.into() } else { f64::from(MAX_7) };
                assert!((back - value).abs() <= 0.5 / step, "{control:?} {value} {back}");
            }
        }
    }

    #[test]
    fn all_pitches_come_back_exactly() {
        for pitch in 0..=MAX_14 {
            let (bytes, _) = address(0, Control::Pitch).encode(share_14(pitch));
            assert_eq!(bytes, [PITCH, (pitch & 0x7F) as u8, (pitch >> 7) as u8]);
        }
    }

    #[test]
    fn a_note_off_is_a_note_of_0() {
        assert_eq!(Address::decode(&[0x83, 60, 64]), Some((address(3, Control::Note(60)), 0.0)));
        assert_eq!(address(3, Control::Note(60)).encode(0.0), ([0x93, 60, 0], 3));
    }

    #[test]
    fn values_are_clipped() {
        assert_eq!(address(0, Control::Cc(1)).encode(7.0), ([CONTROL, 1, 127], 3));
        assert_eq!(address(0, Control::Cc(1)).encode(-7.0), ([CONTROL, 1, 0], 3));
        assert_eq!(address(0, Control::Cc(1)).encode(f64::NAN), ([CONTROL, 1, 0], 3));
    }

    #[test]
    fn other_messages_are_none() {
        let others: [&[u8]; 7] =
            [&[], &[0x90], &[0x90, 60], &[0x90, 60, 200], &[0xF0, 1, 0xF7], &[0xF8], &[60, 60, 60]];
        for message in others {
            assert_eq!(Address::decode(message), None, "{message:?}");
        }
    }
}
