//! A list with a selected row that is scrolled so that the row can be seen.

/// Which row is selected and which is the first on the screen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rows {
    pub(crate) selected: usize,
    top: usize,
}

impl Rows {
    /// Moves the selection.
    pub(crate) fn go(&mut self, by: isize) {
        self.selected = self.selected.saturating_add_signed(by);
    }

    /// Takes account of how many rows there are and fit on the screen. Returns which of them are shown.
    pub(crate) fn fit(&mut self, length: usize, height: usize) -> std::ops::Range<usize> {
        self.selected = self.selected.min(length.saturating_sub(1));
        let lowest = (self.selected + 1).saturating_sub(height);
        let last = length.saturating_sub(height);
        self.top = self.top.clamp(lowest, self.selected.max(lowest)).min(last);
        self.top..length.min(self.top + height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selected_row_is_always_shown() {
        let mut rows = Rows::default();
        assert_eq!(rows.fit(100, 10), 0..10);
        rows.go(25);
        assert_eq!(rows.fit(100, 10), 16..26);
        rows.go(-3);
        assert_eq!((rows.fit(100, 10), rows.selected), (16..26, 22));
        rows.go(isize::MAX);
        assert_eq!((rows.fit(100, 10), rows.selected), (90..100, 99));
        assert_eq!((rows.fit(3, 10), rows.selected), (0..3, 2));
        assert_eq!(rows.fit(0, 10), 0..0);
        assert!(rows.fit(3, 0).is_empty());
    }
}
