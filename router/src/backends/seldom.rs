//! How often a backend complains.

/// Milliseconds between two complaints.
const PAUSE: u64 = 10_000;

/// Keeps a trouble that may come with every packet from filling the log.
#[derive(Debug, Default)]
pub(crate) struct Seldom {
    /// When the next complaint may be made.
    next: u64,
    held_back: u64,
}

impl Seldom {
    /// Whether a complaint is due at `now` milliseconds: then how many were held back since the last one.
    pub(crate) fn due(&mut self, now: u64) -> Option<u64> {
        if now < self.next {
            self.held_back += 1;
            return None;
        }
        self.next = now.saturating_add(PAUSE);
        Some(std::mem::take(&mut self.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_in_the_pause_are_counted() {
        let mut seldom = Seldom::default();
        assert_eq!(seldom.due(5), Some(0));
        assert_eq!(seldom.due(6), None);
        assert_eq!(seldom.due(PAUSE), None);
        assert_eq!(seldom.due(PAUSE + 5), Some(2));
        assert_eq!(seldom.due(PAUSE + 6), None);
    }
}
