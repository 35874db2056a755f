//! What messages set, and its name in the map.

use std::fmt;

use super::bits::{MAX_7, MAX_14};

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
}
