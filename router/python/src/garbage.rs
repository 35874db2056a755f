//! When cycles of objects are collected. The VM counts what all interpreters allocate and then collects the youngest objects
//! of the one that allocates just then. Those of a quiet instance, and older ones, would stay for ever.

/// How often an instance's younger objects are collected, in milliseconds.
const EVERY: u64 = 1000;
/// Each time after so many, all are: that takes some milliseconds.
const FULL: u32 = 60;

/// What is collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    Younger = 1,
    All = 2,
}

/// When an instance's objects are collected.
#[derive(Debug, Default)]
pub(crate) struct Garbage {
    due: u64,
    collections: u32,
}

impl Garbage {
    /// What is due; it counts as done.
    pub(crate) fn due(&mut self, now: u64) -> Option<Generation> {
        if now < self.due {
            return None;
        }
        self.due = now + EVERY;
        self.collections = (self.collections + 1) % FULL;
        Some(if self.collections == 0 { Generation::All } else { Generation::Younger })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn younger_objects_each_second_and_all_each_minute() {
        let mut garbage = Garbage::default();
        let collected: Vec<Generation> = (0..120_000).step_by(10).filter_map(|now| garbage.due(now)).collect();
        assert_eq!(collected.len(), 120);
        let full: Vec<usize> = (0..120).filter(|&at| collected[at] == Generation::All).collect();
        assert_eq!(full, [59, 119]);
    }
}
