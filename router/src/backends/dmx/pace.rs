//! When a universe is sent: changes at DMX512's rate, what does not change now and then. Times are milliseconds.

/// The least time from one frame of a universe to the next: DMX512 carries 44 full ones a second.
const FRAME: u64 = 23;
/// How often a universe that does not change is sent. Both standards want 800 to 1000.
const KEEP_ALIVE: u64 = 900;
/// A frame that is late by less than this does not delay the next one, or the rate would stay below its limit.
const LATE: u64 = 5;

/// When a universe is sent next.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Changes are not held back.
    pub(crate) realtime: bool,
    /// How often a change is repeated at the full rate.
    repeats: u8,
    left: u8,
    changed: bool,
    /// The last attempt failed, so that even `realtime` waits a while.
    failed: bool,
    /// When the last frame was tried, or was due if it was only a little late.
    tried: Option<u64>,
}

impl Pace {
    pub(crate) fn new(repeats: u8) -> Self {
        Self { repeats, ..Self::default() }
    }

    /// There is something new to send.
    pub(crate) fn change(&mut self) {
        self.changed = true;
    }

    /// Whether something new is yet to be sent.
    pub(crate) fn is_changed(&self) -> bool {
        self.changed
    }

    /// When to send: the first frame at once, even without a change.
    pub(crate) fn due(&self) -> u64 {
        let Some(tried) = self.tried else { return 0 };
        tried
            + match self.changed {
                true if self.realtime && !self.failed => 0,
                true => FRAME,
                false if self.left > 0 => FRAME,
                false => KEEP_ALIVE,
            }
    }

    /// A frame was sent, or could not be.
    pub(crate) fn tried(&mut self, now: u64, sent: bool) {
        let due = self.due();
        self.tried = Some(if now < due + LATE { now.min(due) } else { now });
        self.failed = !sent;
        if sent {
            self.left = if self.changed { self.repeats } else { self.left.saturating_sub(1) };
            self.changed = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When frames go out until `end`, if the values change at the times given.
    fn frames(mut pace: Pace, changes: &[u64], end: u64) -> Vec<u64> {
        let mut sent = Vec::new();
        for now in 0..end {
            if changes.contains(&now) {
                pace.change();
            }
            if pace.due() <= now {
                pace.tried(now, true);
                sent.push(now);
            }
        }
        sent
    }

    #[test]
    fn a_change_is_sent_at_once_or_when_the_rate_allows() {
        assert_eq!(frames(Pace::new(0), &[100], 200), [0, 100]);
        assert_eq!(frames(Pace::new(0), &[100, 101, 110], 200), [0, 100, 123]);
        let always: Vec<u64> = (0..1000).collect();
        assert_eq!(frames(Pace::new(0), &always, 1000).len(), 44);
    }

    #[test]
    fn frames_that_are_a_little_late_do_not_lower_the_rate() {
        let mut pace = Pace::new(0);
        let mut sent = 0;
        for now in (0..10_000).step_by(4) {
            pace.change();
            if pace.due() <= now {
                pace.tried(now, true);
                sent += 1;
            }
        }
        assert_eq!(sent, 10_000 / 23 + 1);
    }

    #[test]
    fn realtime_has_no_limit() {
        let pace = Pace { realtime: true, ..Pace::new(0) };
        assert_eq!(frames(pace, &[100, 101, 110], 200), [0, 100, 101, 110]);
    }

    #[test]
    fn what_does_not_change_is_repeated() {
        assert_eq!(frames(Pace::new(0), &[50], 3000), [0, 50, 950, 1850, 2750]);
        assert_eq!(frames(Pace::new(3), &[50], 1100), [0, 50, 73, 96, 119, 1019]);
    }

    #[test]
    fn a_change_that_could_not_be_sent_is_tried_again() {
        let mut pace = Pace { realtime: true, ..Pace::new(0) };
        pace.change();
        pace.tried(10, false);
        assert!(pace.is_changed());
        assert_eq!(pace.due(), 33);
        pace.tried(33, true);
        assert_eq!(pace.due(), 933);
    }
}
