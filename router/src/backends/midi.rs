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

mod parameters;
#[cfg(feature = "midi")]
mod ports;

#[cfg(feature = "midi")]
pub use ports::Midi;

use std::fmt;

use self::parameters::Selection;

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
    /// A registered parameter.
    Rpn(u16),
    /// A parameter that is not registered.
    Nrpn(u16),
}

/// A control of one of the 16 channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// From 0 to 15.
    pub channel: u8,
    /// The control, whose number is from 0 to 127, or to 16383 for parameters.
    pub control: Control,
}

/// Why a name is none of a MIDI channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The part in front of the dot.
    #[error("expected `chN.` with N from 0 to 15, as in `ch0.cc7`")]
    Channel,
    /// The part behind the dot.
    #[error("expected `ccM`, `noteM`, `pressureM`, `aftertouch`, `pitch`, `program`, `rpnM` or `nrpnM` behind the dot")]
    Control,
    /// The number M.
    #[error("expected a number from 0 to {0} at the end")]
    Number(u16),
}

impl Address {
    /// Reads the name of a channel, such as `ch0.cc7`.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(name: &str) -> Result<Self, AddressError> {
        let (channel, control) = name.split_once('.').ok_or(AddressError::Channel)?;
        let channel = channel.strip_prefix("channel").or_else(|| channel.strip_prefix("ch"));
        let channel = channel.and_then(|it| number(it, 15)).ok_or(AddressError::Channel)? as u8;
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
            (PITCH, [low, high]) => (Control::Pitch, share_14(join_14(*high, *low))),
            _ => return None,
        };
        Some((Self { channel: status & 0x0F, control }, value))
    }

    /// Makes the messages, one or more, that set this to a value from 0 to 1 (others are clipped), and hands each to `send`.
    /// `deselect` says whether a parameter is to be selected no more afterwards.
    pub fn encode(self, value: f64, deselect: bool, mut send: impl FnMut(&[u8])) {
        let value = value.clamp(0.0, 1.0);
        let fine = (value * f64::from(MAX_14)).round() as u16;
        let coarse = (value * f64::from(MAX_7)).round() as u8;
        let channel = self.channel & 0x0F;
        match self.control {
            Control::Cc(number) => send(&[CONTROL | channel, number & MAX_7, coarse]),
            // A velocity of 0 is off.
            Control::Note(key) => send(&[NOTE_ON | channel, key & MAX_7, coarse]),
            Control::Pressure(key) => send(&[PRESSURE | channel, key & MAX_7, coarse]),
            Control::Aftertouch => send(&[AFTERTOUCH | channel, coarse]),
            Control::Program => send(&[PROGRAM | channel, coarse]),
            Control::Pitch => {
                let [high, low] = split_14(fine);
                send(&[PITCH | channel, low, high]);
            }
            Control::Rpn(number) | Control::Nrpn(number) => {
                let is_registered = matches!(self.control, Control::Rpn(_));
                let set = parameters::controllers(is_registered, number, fine);
                let after = if deselect { &parameters::DESELECT[..] } else { &[] };
                for (controller, value) in set.iter().chain(after) {
                    send(&[CONTROL | channel, *controller, *value]);
                }
            }
        }
    }
}

/// Reads the messages of one sender.
#[derive(Debug, Default)]
pub struct Decoder {
    /// By channel.
    selections: [Selection; 16],
}

impl Decoder {
    /// Reads a whole message, and hands what it sets to `emit`, with the value from 0 to 1.
    pub fn read(&mut self, message: &[u8], mut emit: impl FnMut(Address, f64)) {
        let Some((address, value)) = Address::decode(message) else { return };
        emit(address, value);
        if let (Control::Cc(controller), Some(raw)) = (address.control, message.last())
            && let Some((control, value)) = self.selections[usize::from(address.channel)].take(controller, *raw)
        {
            emit(Address { control, ..address }, share_14(value));
        }
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
            Control::Rpn(number) => write!(f, "rpn{number}"),
            Control::Nrpn(number) => write!(f, "nrpn{number}"),
        }
    }
}

fn control_named(name: &str) -> Result<Control, AddressError> {
    let digits_at = name.find(|it: char| !it.is_ascii_lowercase()).unwrap_or(name.len());
    let (kind, digits) = name.split_at(digits_at);
    let number = |most| number(digits, most).ok_or(AddressError::Number(most));
    let number_7 = || number(MAX_7.into()).map(|it| it as u8);
    match (kind, digits) {
        ("cc", _) => number_7().map(Control::Cc),
        ("note", _) => number_7().map(Control::Note),
        ("pressure", _) => number_7().map(Control::Pressure),
        ("rpn", _) => number(MAX_14).map(Control::Rpn),
        ("nrpn", _) => number(MAX_14).map(Control::Nrpn),
        ("aftertouch", "") => Ok(Control::Aftertouch),
        ("pitch", "") => Ok(Control::Pitch),
        ("program", "") => Ok(Control::Program),
        _ => Err(AddressError::Control),
    }
}

fn number(digits: &str, most: u16) -> Option<u16> {
    // `parse` would take a sign.
    let number = digits.bytes().all(|it| it.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
    number.filter(|it| *it <= most)
}

const fn join_14(high: u8, low: u8) -> u16 {
    (high as u16) << 7 | low as u16
}

/// The upper and the lower 7 bits.
const fn split_14(value: u16) -> [u8; 2] {
    [(value >> 7) as u8 & MAX_7, value as u8 & MAX_7]
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
        assert_eq!(Address::parse("ch3.rpn0"), Ok(address(3, Control::Rpn(0))));
        assert_eq!(Address::parse("ch3.nrpn16383"), Ok(address(3, Control::Nrpn(16383))));
        assert_eq!(address(3, Control::Pressure(9)).to_string(), "ch3.pressure9");
        assert_eq!(address(3, Control::Nrpn(900)).to_string(), "ch3.nrpn900");
    }

    #[test]
    fn wrong_names_are_refused() {
        for name in ["", "ch0", "ch16.cc0", "ch.cc0", "ch+1.cc0", "x0.cc0", "ch-1.pitch"] {
            assert_eq!(Address::parse(name), Err(AddressError::Channel), "{name}");
        }
        for name in ["ch0.", "ch0.qrpn5", "ch0.pitch1", "ch0.7"] {
            assert_eq!(Address::parse(name), Err(AddressError::Control), "{name}");
        }
        for name in ["ch0.cc", "ch0.cc128", "ch0.note+1", "ch0.pressure1000"] {
            assert_eq!(Address::parse(name), Err(AddressError::Number(127)), "{name}");
        }
        for name in ["ch0.rpn", "ch0.nrpn16384", "ch0.nrpn65536"] {
            assert_eq!(Address::parse(name), Err(AddressError::Number(16383)), "{name}");
        }
    }

    /// The messages, one behind the other.
    fn encoded(address: Address, value: f64, deselect: bool) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        address.encode(value, deselect, |message| messages.push(message.to_vec()));
        messages
    }

    #[test]
    fn values_come_back_as_they_went() {
        use Control::{Aftertouch, Cc, Note, Nrpn, Pitch, Pressure, Program, Rpn};
        let mut decoder = Decoder::default();
        let controls =
            [Cc(0), Cc(127), Note(60), Pressure(1), Aftertouch, Pitch, Program, Rpn(0), Nrpn(900), Nrpn(16382)];
        for control in controls {
            for value in [0.0, 0.25, 0.5, 1.0] {
                let mut read = Vec::new();
                for message in encoded(address(9, control), value, true) {
                    decoder.read(&message, |address, value| read.push((address, value)));
                }
                // What controllers set a parameter comes, too.
                read.retain(|(it, _)| matches!(control, Cc(_)) || !matches!(it.control, Cc(_)));
                let [(back_address, back)] = read[..] else { panic!("{control:?}: {read:?}") };
                assert_eq!(back_address, address(9, control));
                let step = if matches!(control, Pitch | Rpn(_) | Nrpn(_)) { MAX_14 } else { MAX_7.into() };
                assert!((back - value).abs() <= 0.5 / f64::from(step), "{control:?} {value} {back}");
            }
        }
    }

    #[test]
    fn a_parameter_is_deselected_unless_that_is_not_wanted() {
        let set = [[0xB2, 99, 7], [0xB2, 98, 4], [0xB2, 6, 64], [0xB2, 38, 0]];
        let deselect = [[0xB2, 101, 127], [0xB2, 100, 127]];
        assert_eq!(encoded(address(2, Control::Nrpn(900)), 0.5, false), set);
        assert_eq!(encoded(address(2, Control::Nrpn(900)), 0.5, true), [&set[..], &deselect].concat());
        assert_eq!(encoded(address(2, Control::Rpn(900)), 0.5, false)[..2], [[0xB2, 101, 7], [0xB2, 100, 4]]);
    }

    #[test]
    fn all_pitches_come_back_exactly() {
        for pitch in 0..=MAX_14 {
            let messages = encoded(address(0, Control::Pitch), share_14(pitch), true);
            assert_eq!(messages, [[PITCH, (pitch & 0x7F) as u8, (pitch >> 7) as u8]]);
        }
    }

    #[test]
    fn a_note_off_is_a_note_of_0() {
        assert_eq!(Address::decode(&[0x83, 60, 64]), Some((address(3, Control::Note(60)), 0.0)));
        assert_eq!(encoded(address(3, Control::Note(60)), 0.0, true), [[0x93, 60, 0]]);
    }

    #[test]
    fn values_are_clipped() {
        assert_eq!(encoded(address(0, Control::Cc(1)), 7.0, true), [[CONTROL, 1, 127]]);
        assert_eq!(encoded(address(0, Control::Cc(1)), -7.0, true), [[CONTROL, 1, 0]]);
        assert_eq!(encoded(address(0, Control::Cc(1)), f64::NAN, true), [[CONTROL, 1, 0]]);
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
