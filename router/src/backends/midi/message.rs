//! Messages as bytes.

use super::address::{Address, Control};
use super::bits::{MAX_7, MAX_14, join_14, share_7, share_14, split_14};
use super::parameters::{self, Selection};

const NOTE_OFF: u8 = 0x80;
const NOTE_ON: u8 = 0x90;
const PRESSURE: u8 = 0xA0;
const CONTROL: u8 = 0xB0;
const PROGRAM: u8 = 0xC0;
const AFTERTOUCH: u8 = 0xD0;
const PITCH: u8 = 0xE0;

impl Address {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn address(channel: u8, control: Control) -> Address {
        Address { channel, control }
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
