//! The log as the view shows it.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// How many lines are kept.
const KEPT: usize = 1000;

/// Keeps the last lines that are written to it.
#[derive(Clone, Default)]
pub(crate) struct Pane(Arc<Mutex<VecDeque<String>>>);

impl Pane {
    /// At most `count` lines that end `back` lines above the last one.
    pub(crate) fn lines(&self, count: usize, back: usize) -> Vec<String> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let end = lines.len() - back.min(lines.len());
        lines.range(end - count.min(end)..end).cloned().collect()
    }

    /// How many lines there are.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Write for Pane {
    /// Takes whole lines, as the logger writes them.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.extend(String::from_utf8_lossy(bytes).lines().map(str::to_owned));
        let surplus = lines.len().saturating_sub(KEPT);
        lines.drain(..surplus);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept() {
        let mut pane = Pane::default();
        for number in 0..KEPT + 10 {
            pane.write_all(format!("line {number}\n").as_bytes()).expect("it takes everything");
        }
        assert_eq!(pane.len(), KEPT);
        assert_eq!(pane.lines(2, 0), ["line 1008", "line 1009"]);
        assert_eq!(pane.lines(2, 1), ["line 1007", "line 1008"]);
        assert_eq!(pane.lines(3, KEPT - 1), ["line 10"]);
        assert!(pane.lines(3, KEPT + 5).is_empty());
    }
}
