//! Parameter numbers, with which a channel has 16,384 registered and as many other controls of 14 bits beside its 128
//! controllers. Two controllers select one, the upper 7 bits of the number first, and two more set it (MIDI 1.0,
//! "Registered and Non-Registered Parameter Numbers").

use super::address::Control;
use super::bits::{MAX_7, join_14, split_14};

const VALUE_HIGH: u8 = 6;
const VALUE_LOW: u8 = 38;
const OTHER_LOW: u8 = 98;
const OTHER_HIGH: u8 = 99;
const REGISTERED_LOW: u8 = 100;
const REGISTERED_HIGH: u8 = 101;
/// The number that stands for no parameter.
const NONE: u16 = join_14(MAX_7, MAX_7);

/// What a channel's sender has selected, and the part of a value that it has sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Selection {
    is_registered: bool,
    high: Option<u8>,
    low: Option<u8>,
    value_high: Option<u8>,
}

impl Selection {
    /// Takes what a controller was set to. When that completes a value, returns the parameter and the value of 14 bits.
    pub(super) fn take(&mut self, controller: u8, value: u8) -> Option<(Control, u16)> {
        match controller {
            REGISTERED_HIGH => self.select(true).high = Some(value),
            REGISTERED_LOW => self.select(true).low = Some(value),
            OTHER_HIGH => self.select(false).high = Some(value),
            OTHER_LOW => self.select(false).low = Some(value),
            VALUE_HIGH => self.value_high = Some(value),
            VALUE_LOW => return Some((self.selected()?, join_14(self.value_high?, value))),
            _ => {}
        }
        None
    }

    /// Begins another selection, of which a part of the same kind's number stays.
    fn select(&mut self, is_registered: bool) -> &mut Self {
        if self.is_registered != is_registered {
            *self = Self { is_registered, ..Self::default() };
        }
        self.value_high = None;
        self
    }

    fn selected(&self) -> Option<Control> {
        let number = join_14(self.high?, self.low?);
        let control = if self.is_registered { Control::Rpn(number) } else { Control::Nrpn(number) };
        (number != NONE).then_some(control)
    }
}

/// The controllers and their values, in order, that set a parameter to a value of 14 bits.
pub(super) fn controllers(is_registered: bool, number: u16, value: u16) -> [(u8, u8); 4] {
    let (select_high, select_low) =
        if is_registered { (REGISTERED_HIGH, REGISTERED_LOW) } else { (OTHER_HIGH, OTHER_LOW) };
    let ([number_high, number_low], [value_high, value_low]) = (split_14(number), split_14(value));
    [(select_high, number_high), (select_low, number_low), (VALUE_HIGH, value_high), (VALUE_LOW, value_low)]
}

/// Those that select no parameter, so that what sets a value by accident sets none.
pub(super) const DESELECT: [(u8, u8); 2] = [(REGISTERED_HIGH, MAX_7), (REGISTERED_LOW, MAX_7)];

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(selection: &mut Selection, controllers: &[(u8, u8)]) -> Vec<(Control, u16)> {
        controllers.iter().filter_map(|(controller, value)| selection.take(*controller, *value)).collect()
    }

    #[test]
    fn what_sets_a_parameter_is_read_back() {
        for value in [0, 1, 127, 128, 8192, 16383] {
            let mut selection = Selection::default();
            assert_eq!(feed(&mut selection, &controllers(true, 900, value)), [(Control::Rpn(900), value)]);
            assert_eq!(feed(&mut selection, &controllers(false, 900, value)), [(Control::Nrpn(900), value)]);
        }
    }

    #[test]
    fn a_selected_parameter_can_be_set_again_and_again() {
        let mut selection = Selection::default();
        feed(&mut selection, &controllers(false, 5, 0));
        assert_eq!(
            feed(&mut selection, &[(6, 1), (7, 99), (38, 2), (38, 3)]),
            [(Control::Nrpn(5), 130), (Control::Nrpn(5), 131)]
        );
    }

    #[test]
    fn no_value_is_set_where_no_parameter_is_selected() {
        let mut selection = Selection::default();
        assert_eq!(feed(&mut selection, &[(6, 1), (38, 2)]), []);
        assert_eq!(feed(&mut selection, &[(99, 1), (6, 1), (38, 2)]), []);
        feed(&mut selection, &controllers(false, 5, 0));
        feed(&mut selection, &DESELECT);
        assert_eq!(feed(&mut selection, &[(6, 1), (38, 2)]), []);
    }

    #[test]
    fn a_value_is_of_the_parameter_that_was_selected_before_it() {
        let mut selection = Selection::default();
        feed(&mut selection, &controllers(false, 5, 0));
        // The other kind has other numbers, and a value begins with its upper part.
        assert_eq!(feed(&mut selection, &[(101, 0), (38, 2), (6, 1), (38, 2)]), []);
        assert_eq!(feed(&mut selection, &[(100, 7), (38, 2), (6, 1), (38, 2)]), [(Control::Rpn(7), 130)]);
    }
}
