//! A universe: which of its slots are mapped and how, and their values in both directions.

use crate::backend::{ChannelError, Direction, Event, InstanceId};
use crate::io::Io;

/// The slots of a universe.
pub(crate) const SLOTS: usize = 512;
/// The values of a universe.
pub(crate) type Slots = [u8; SLOTS];

/// A channel: one slot, or two of which the first has the higher byte. Counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Channel {
    coarse: u16,
    fine: Option<u16>,
}

/// What a slot is mapped as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Free,
    Single,
    /// The higher byte; the lower one is in the slot given.
    Coarse(u16),
    /// The lower byte; the higher one is in the slot given.
    Fine(u16),
}

/// A universe. A channel's number is that of its slot, or of its first one, from 0.
#[derive(Debug)]
pub(crate) struct Universe {
    uses: [Use; SLOTS],
    /// Channels that events come from.
    sources: Vec<Channel>,
    /// The map is complete: the next channel that is asked for begins a new one.
    mapped: bool,
    received: Slots,
    levels: Slots,
}

impl Default for Universe {
    fn default() -> Self {
        Self { uses: [Use::Free; SLOTS], sources: Vec::new(), mapped: false, received: [0; SLOTS], levels: [0; SLOTS] }
    }
}

impl Universe {
    /// The number of the channel `N` or `COARSE+FINE`.
    ///
    /// # Errors
    /// If there is no such channel, or a slot of it is mapped in another way.
    pub(crate) fn channel(&mut self, name: &str, direction: Direction) -> Result<u32, ChannelError> {
        if self.mapped {
            self.forget();
        }
        let channel = Channel::parse(name)?;
        self.take(channel)?;
        if direction == Direction::Source && !self.sources.contains(&channel) {
            self.sources.push(channel);
        }
        Ok(channel.coarse.into())
    }

    /// Says that all channels of the map were asked for.
    pub(crate) fn complete(&mut self) {
        // None was: the new map does not have this universe.
        if self.mapped {
            self.forget();
        }
        self.mapped = true;
    }

    /// Whether events come from it.
    pub(crate) fn is_source(&self) -> bool {
        !self.sources.is_empty()
    }

    /// The values to send.
    pub(crate) fn levels(&self) -> &Slots {
        &self.levels
    }

    /// Takes values to send. Says whether a slot changed.
    pub(crate) fn set(&mut self, events: &[Event]) -> bool {
        let before = self.levels;
        for event in events {
            let slot = event.channel as usize;
            match self.uses.get(slot) {
                Some(Use::Single) => self.levels[slot] = (event.value.clamp(0.0, 1.0) * 255.0).round() as u8,
                Some(&Use::Coarse(fine)) => {
                    let value = (event.value.clamp(0.0, 1.0) * 65535.0).round() as u16;
                    [self.levels[slot], self.levels[usize::from(fine)]] = value.to_be_bytes();
                }
                _ => {}
            }
        }
        self.levels != before
    }

    /// Takes the first slots of a frame, and emits the channels that changed.
    pub(crate) fn receive(&mut self, slots: &[u8], id: InstanceId, io: &mut Io) {
        self.changes(slots, |channel, value| io.emit(id, channel, value));
    }

    fn changes(&mut self, slots: &[u8], mut changed: impl FnMut(u32, f64)) {
        let slots = &slots[..slots.len().min(SLOTS)];
        // Most frames repeat the one before.
        if self.received.starts_with(slots) {
            return;
        }
        let before = self.received;
        self.received[..slots.len()].copy_from_slice(slots);
        for channel in &self.sources {
            if channel.bytes(&before) != channel.bytes(&self.received) {
                changed(channel.coarse.into(), channel.value(&self.received));
            }
        }
    }

    /// Forgets the map. What comes in next is new to the next one.
    fn forget(&mut self) {
        self.uses = [Use::Free; SLOTS];
        self.sources.clear();
        self.received = [0; SLOTS];
        self.mapped = false;
    }

    fn take(&mut self, channel: Channel) -> Result<(), ChannelError> {
        let Some(fine) = channel.fine else { return self.occupy(channel.coarse, Use::Single) };
        // The second slot first: nothing is taken if it is refused, and the first is looked at before it is taken.
        self.check(channel.coarse, Use::Coarse(fine))?;
        self.occupy(fine, Use::Fine(channel.coarse))?;
        self.occupy(channel.coarse, Use::Coarse(fine))
    }

    fn occupy(&mut self, slot: u16, wanted: Use) -> Result<(), ChannelError> {
        self.check(slot, wanted)?;
        self.uses[usize::from(slot)] = wanted;
        Ok(())
    }

    fn check(&self, slot: u16, wanted: Use) -> Result<(), ChannelError> {
        let used = self.uses[usize::from(slot)];
        if used == Use::Free || used == wanted {
            return Ok(());
        }
        let slot_name = slot + 1;
        Err(ChannelError(match used {
            Use::Coarse(fine) => part_of_pair(slot_name, slot_name, fine + 1),
            Use::Fine(coarse) => part_of_pair(slot_name, coarse + 1, slot_name),
            _ => format!("{slot_name} is mapped by itself already, so that it cannot be part of a 16-bit channel too"),
        }))
    }
}

fn part_of_pair(slot: u16, coarse: u16, fine: u16) -> String {
    format!(
        "{slot} is part of the 16-bit channel {coarse}+{fine}, and cannot be mapped in another way: use {coarse}+{fine}"
    )
}

impl Channel {
    fn parse(name: &str) -> Result<Self, ChannelError> {
        let slot = |text: &str| {
            let text = text.trim();
            let digits = text.bytes().all(|it| it.is_ascii_digit());
            let number = text.parse().ok().filter(|number| digits && (1..=SLOTS as u16).contains(number));
            let wrong =
                || ChannelError(format!("{text:?} is not a channel: use 1 to {SLOTS}, or two of them as in 1+2"));
            number.map(|number: u16| number - 1).ok_or_else(wrong)
        };
        let Some((coarse, fine)) = name.split_once('+') else { return Ok(Self { coarse: slot(name)?, fine: None }) };
        let (coarse, fine) = (slot(coarse)?, slot(fine)?);
        if coarse == fine {
            return Err(ChannelError("a 16-bit channel needs two different slots, as in 1+2".into()));
        }
        Ok(Self { coarse, fine: Some(fine) })
    }

    fn bytes(self, slots: &Slots) -> (u8, u8) {
        (slots[usize::from(self.coarse)], self.fine.map_or(0, |fine| slots[usize::from(fine)]))
    }

    fn value(self, slots: &Slots) -> f64 {
        let (coarse, fine) = self.bytes(slots);
        match self.fine {
            Some(_) => f64::from(u16::from_be_bytes([coarse, fine])) / 65535.0,
            None => f64::from(coarse) / 255.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn universe(names: &[&str]) -> Universe {
        let mut universe = Universe::default();
        for name in names {
            universe.channel(name, Direction::Source).unwrap();
        }
        universe
    }

    fn changes(universe: &mut Universe, slots: &[u8]) -> Vec<(u32, f64)> {
        let mut found = Vec::new();
        universe.changes(slots, |channel, value| found.push((channel, value)));
        found
    }

    #[test]
    fn a_channel_has_the_number_of_its_first_slot() {
        let mut universe = Universe::default();
        assert_eq!(universe.channel("1", Direction::Source).unwrap(), 0);
        assert_eq!(universe.channel("512", Direction::Source).unwrap(), 511);
        assert_eq!(universe.channel("5+3", Direction::Destination).unwrap(), 4);
        assert_eq!(universe.channel("5+3", Direction::Source).unwrap(), 4);
    }

    #[test]
    fn what_is_no_channel_is_refused() {
        for name in ["", "0", "513", "65537", "x", "1+", "+1", "1++2", "1+0", "1+513", "1+1", "1+2+3", "-1", "1.5"] {
            assert!(universe(&[]).channel(name, Direction::Source).is_err(), "{name}");
        }
    }

    #[test]
    fn a_slot_is_mapped_in_one_way_whatever_comes_first() {
        for (first, second) in [("1+2", "1"), ("1+2", "2"), ("1", "1+2"), ("2", "1+2"), ("1+2", "2+3"), ("1+2", "1+3")]
        {
            let error = universe(&[first]).channel(second, Direction::Destination).unwrap_err().to_string();
            assert!(error.contains("16-bit channel"), "{first}, {second}: {error}");
        }
        let error = universe(&["7+8"]).channel("8", Direction::Source).unwrap_err();
        assert!(error.to_string().contains("7+8"));
    }

    #[test]
    fn a_refused_pair_takes_no_slot() {
        let mut universe = universe(&["2"]);
        assert!(universe.channel("1+2", Direction::Source).is_err());
        assert!(universe.channel("2+1", Direction::Source).is_err());
        assert!(universe.channel("1", Direction::Source).is_ok());
    }

    #[test]
    fn a_new_map_may_use_slots_in_another_way() {
        let mut universe = universe(&["1+2"]);
        universe.complete();
        assert!(universe.channel("2", Direction::Source).is_ok());
        assert_eq!(changes(&mut universe, &[9, 255]), [(1, 1.0)]);
        universe.complete();
        assert!(universe.is_source());
        universe.complete();
        assert!(!universe.is_source());
    }

    #[test]
    fn only_mapped_channels_that_changed_are_said() {
        let mut universe = universe(&["1", "3+2"]);
        universe.channel("4", Direction::Destination).unwrap();
        assert_eq!(changes(&mut universe, &[0; SLOTS]), []);
        assert_eq!(changes(&mut universe, &[255, 0, 0, 7, 7]), [(0, 1.0)]);
        assert_eq!(changes(&mut universe, &[255, 1, 0, 7, 7]), [(2, 1.0 / 65535.0)]);
        assert_eq!(changes(&mut universe, &[255, 1, 0, 7, 7]), []);
        assert_eq!(changes(&mut universe, &[51]), [(0, 0.2)]);
        assert_eq!(changes(&mut universe, &[51, 255, 255]), [(2, 1.0)]);
        assert_eq!(changes(&mut universe, &[]), []);
    }

    #[test]
    fn levels_are_rounded_to_the_nearest() {
        let mut universe = universe(&["1", "2+3"]);
        let set = |universe: &mut Universe, channel, value| universe.set(&[Event { channel, value }]);
        assert!(set(&mut universe, 0, 0.5));
        assert_eq!(universe.levels()[0], 128);
        assert!(!set(&mut universe, 0, 0.5001));
        assert!(set(&mut universe, 1, 0.5));
        assert_eq!(universe.levels()[1..3], [0x80, 0x00]);
        assert!(set(&mut universe, 1, 7.0));
        assert_eq!(universe.levels()[1..3], [0xff, 0xff]);
        assert!(set(&mut universe, 0, f64::NAN));
        assert_eq!(universe.levels()[0], 0);
        assert!(!set(&mut universe, 2, 0.1));
        assert!(!set(&mut universe, 9999, 0.1));
    }
}
