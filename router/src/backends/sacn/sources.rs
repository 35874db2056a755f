//! The sources of a universe: which of several counts, and which packets come too late. Times are milliseconds.

use super::packet::{Cid, Data};

/// After this time without a packet a source is gone.
const LOST: u64 = 2500;
/// More sources of one universe are ignored, since anybody can make up new ones.
const MOST: usize = 16;

#[derive(Debug)]
struct Heard {
    cid: Cid,
    priority: u8,
    sequence: u8,
    last: u64,
}

/// The sources of a universe that are there.
#[derive(Debug, Default)]
pub(super) struct Sources(Vec<Heard>);

impl Sources {
    /// Takes a packet, and says whether its values count: it is in order, and no source has a higher priority. Among sources
    /// of the highest priority the latest packet wins.
    pub(super) fn take(&mut self, data: &Data<'_>, now: u64) -> bool {
        self.0.retain(|source| now < source.last + LOST);
        match self.0.iter_mut().position(|source| source.cid == data.cid) {
            Some(index) => self.update(index, data, now),
            None => self.add(data, now),
        }
    }

    fn update(&mut self, index: usize, data: &Data<'_>, now: u64) -> bool {
        let source = &mut self.0[index];
        // What is a little behind came too late; what is far behind is a source that began again.
        let ahead = data.sequence.wrapping_sub(source.sequence) as i8;
        if (-19..=0).contains(&ahead) {
            return false;
        }
        if data.terminated {
            self.0.swap_remove(index);
            return false;
        }
        *source = Heard { cid: data.cid, priority: data.priority, sequence: data.sequence, last: now };
        self.is_highest(data.priority)
    }

    fn add(&mut self, data: &Data<'_>, now: u64) -> bool {
        if data.terminated || self.0.len() >= MOST {
            return false;
        }
        self.0.push(Heard { cid: data.cid, priority: data.priority, sequence: data.sequence, last: now });
        self.is_highest(data.priority)
    }

    fn is_highest(&self, priority: u8) -> bool {
        self.0.iter().all(|source| source.priority <= priority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(source: u8, priority: u8, sequence: u8) -> Data<'static> {
        Data {
            cid: [source; 16],
            priority,
            sequence,
            preview: false,
            terminated: false,
            universe: 1,
            start_code: 0,
            slots: &[],
        }
    }

    #[test]
    fn what_is_0_to_19_behind_comes_too_late() {
        for (sequence, taken) in [(100, false), (99, false), (81, false), (80, true), (101, true), (227, true)] {
            let mut sources = Sources::default();
            assert!(sources.take(&data(1, 100, 100), 0));
            assert_eq!(sources.take(&data(1, 100, sequence), 1), taken, "{sequence}");
        }
        let mut sources = Sources::default();
        assert!(sources.take(&data(1, 100, 255), 0));
        assert!(sources.take(&data(1, 100, 0), 1));
    }

    #[test]
    fn each_source_counts_for_itself() {
        let mut sources = Sources::default();
        assert!(sources.take(&data(1, 100, 10), 0));
        assert!(sources.take(&data(2, 100, 9), 0));
        assert!(sources.take(&data(1, 100, 11), 0));
    }

    #[test]
    fn the_highest_priority_counts_until_it_is_lost() {
        let mut sources = Sources::default();
        assert!(sources.take(&data(1, 100, 0), 0));
        assert!(sources.take(&data(2, 150, 0), 10));
        assert!(!sources.take(&data(1, 100, 1), 20));
        assert!(!sources.take(&data(1, 100, 2), 2509));
        assert!(sources.take(&data(1, 100, 3), 2510));
    }

    #[test]
    fn the_highest_priority_counts_until_it_ends_or_lowers_it() {
        let mut sources = Sources::default();
        assert!(sources.take(&data(2, 150, 0), 0));
        assert!(!sources.take(&data(1, 100, 0), 0));
        assert!(!sources.take(&Data { terminated: true, ..data(2, 150, 1) }, 1));
        assert!(!sources.take(&Data { terminated: true, ..data(2, 150, 2) }, 1));
        assert!(sources.take(&data(1, 100, 1), 2));
        assert!(sources.take(&data(2, 150, 3), 3));
        assert!(!sources.take(&data(2, 50, 4), 4));
        assert!(sources.take(&data(1, 100, 2), 5));
    }

    #[test]
    fn the_number_of_sources_is_bounded() {
        let mut sources = Sources::default();
        let taken = (0..100).filter(|source| sources.take(&data(*source, 100, 0), 0)).count();
        assert_eq!(taken, MOST);
        assert_eq!(sources.0.len(), MOST);
    }
}
