//! Intervals: functions that are called every so often.

use rustpython_vm::{AsObject, PyObjectRef};

/// The grain of intervals, in milliseconds.
const GRAIN: u64 = 10;

/// A function and how often it is called.
#[derive(Debug)]
pub(crate) struct Timer {
    pub(crate) function: PyObjectRef,
    /// Milliseconds, above 0.
    pub(crate) interval: u64,
    /// Milliseconds since it was called, or should have been.
    elapsed: u64,
    /// It was set by another thread after the router last looked at the time: what has passed until now is not its.
    is_new: bool,
}

/// Rounds to the grain, half up.
pub(crate) fn rounded(milliseconds: u64) -> u64 {
    milliseconds.saturating_add(GRAIN / 2) / GRAIN * GRAIN
}

/// An instance's timers.
#[derive(Debug, Default)]
pub(crate) struct Timers(Vec<Timer>);

impl Timers {
    pub(crate) fn functions(&self) -> Vec<PyObjectRef> {
        self.0.iter().map(|timer| timer.function.clone()).collect()
    }

    /// Whether this very function has a timer.
    pub(crate) fn has(&self, function: &PyObjectRef) -> bool {
        self.0.iter().any(|timer| timer.function.is(function))
    }

    /// Sets a function's interval, 0 for none; `in_turn` says that this is a turn of the router's, and not some time between
    /// two. What it returns is for the caller to drop, which may run code.
    #[must_use]
    pub(crate) fn set(&mut self, function: PyObjectRef, interval: u64, in_turn: bool) -> Option<Timer> {
        let known = self.0.iter().position(|timer| timer.function.is(&function));
        match (known, interval) {
            (Some(index), 0) => return Some(self.0.remove(index)),
            (Some(index), _) => self.0[index].interval = interval,
            (None, 0) => {}
            (None, _) => self.0.push(Timer { function, interval, elapsed: 0, is_new: !in_turn }),
        }
        None
    }

    /// Lets time pass; gives the functions that are due. Each is due once, however late it is, and what is beyond its
    /// interval counts towards the next time.
    pub(crate) fn pass(&mut self, milliseconds: u64) -> Vec<PyObjectRef> {
        let due = |timer: &mut Timer| {
            if !std::mem::take(&mut timer.is_new) {
                timer.elapsed += milliseconds;
            }
            let due = timer.elapsed >= timer.interval;
            timer.elapsed %= timer.interval;
            due.then(|| timer.function.clone())
        };
        self.0.iter_mut().filter_map(due).collect()
    }

    /// Milliseconds until one is due.
    pub(crate) fn next(&self) -> Option<u64> {
        self.0.iter().map(|timer| timer.interval.saturating_sub(timer.elapsed)).min()
    }

    pub(crate) fn clear(&mut self) -> Vec<Timer> {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::rounded;

    #[test]
    fn intervals_are_rounded_half_up() {
        let rounds = [(0, 0), (4, 0), (5, 10), (14, 10), (15, 20), (1000, 1000), (u64::MAX, u64::MAX / 10 * 10)];
        for (given, expected) in rounds {
            assert_eq!(rounded(given), expected, "{given}");
        }
    }
}
