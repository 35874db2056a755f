//! The characters of strings, one, two or four bytes each: finding, comparing and copying them without the VM. Knows
//! the layout of strings from [`crate::twins::forms::unicode`] and nothing else.

use std::cmp::Ordering;
use std::ops::Range;

use crate::heap::block::Block;
use crate::twins::forms::unicode;
use crate::twins::forms::unicode::Width;

/// Characters of a string, or of a buffer that C gave.
#[derive(Clone, Copy, Debug)]
pub enum Characters<'a> {
    /// Below U+0100.
    One(&'a [u8]),
    /// Below U+10000.
    Two(&'a [u16]),
    /// All of Unicode.
    Four(&'a [u32]),
}

/// Evaluates an expression for the slice of each width.
macro_rules! each {
    ($characters:expr, $slice:ident => $body:expr) => {
        match $characters {
            Characters::One($slice) => $body,
            Characters::Two($slice) => $body,
            Characters::Four($slice) => $body,
        }
    };
}

impl<'a> Characters<'a> {
    /// Those of a string.
    ///
    /// # Safety
    /// `block` is a string's, lives on and does not change.
    #[inline]
    pub unsafe fn of(block: Block) -> Self {
        // SAFETY: by contract.
        unsafe {
            let (length, width) = unicode::shape(block);
            Self::new(unicode::characters(block), length, width)
        }
    }

    /// Those at an address.
    ///
    /// # Safety
    /// `data` points to `length` characters, aligned, which live on and do not change.
    #[inline]
    pub unsafe fn new(data: *const u8, length: usize, width: Width) -> Self {
        if length == 0 {
            return Self::One(&[]);
        }
        debug_assert!((data as usize).is_multiple_of(width.bytes()));
        // SAFETY: by contract.
        unsafe {
            match width {
                Width::Ascii | Width::One => Self::One(std::slice::from_raw_parts(data, length)),
                Width::Two => Self::Two(std::slice::from_raw_parts(data.cast(), length)),
                Width::Four => Self::Four(std::slice::from_raw_parts(data.cast(), length)),
            }
        }
    }

    /// How many there are.
    #[inline]
    pub fn len(self) -> usize {
        each!(self, slice => slice.len())
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// One of them.
    #[inline]
    #[expect(clippy::useless_conversion, reason = "one of the widths is the result's")]
    pub fn get(self, index: usize) -> Option<u32> {
        each!(self, slice => slice.get(index).map(|&point| u32::from(point)))
    }

    /// Some of them; the range is one that they have.
    #[inline]
    pub fn slice(self, range: Range<usize>) -> Self {
        match self {
            Self::One(slice) => Self::One(&slice[range]),
            Self::Two(slice) => Self::Two(&slice[range]),
            Self::Four(slice) => Self::Four(&slice[range]),
        }
    }

    /// A number that is as wide as the largest character, and at least as large.
    pub fn bound(self) -> u32 {
        match self {
            Self::One(slice) => {
                if slice.is_ascii() {
                    0x7f
                } else {
                    0xff
                }
            }
            Self::Two(slice) => u32::from(slice.iter().fold(0, |all, point| all | point)),
            Self::Four(slice) => slice.iter().copied().max().unwrap_or(0),
        }
    }

    /// The narrowest width that holds all of them.
    #[inline]
    pub fn width(self) -> Width {
        Width::for_largest(self.bound())
    }

    /// Copies them to characters of a width that holds them.
    ///
    /// # Safety
    /// `to` has room for them, aligned, and does not overlap them.
    pub unsafe fn write(self, to: *mut u8, width: Width) {
        // SAFETY: by contract.
        unsafe {
            match (self, width) {
                (Self::One(slice), Width::Ascii | Width::One) => {
                    to.copy_from_nonoverlapping(slice.as_ptr(), slice.len());
                }
                (Self::Two(slice), Width::Two) => {
                    to.cast::<u16>().copy_from_nonoverlapping(slice.as_ptr(), slice.len());
                }
                (Self::Four(slice), Width::Four) => {
                    to.cast::<u32>().copy_from_nonoverlapping(slice.as_ptr(), slice.len());
                }
                (Self::One(slice), Width::Two) => convert(slice, to.cast::<u16>(), u16::from),
                (Self::One(slice), Width::Four) => convert(slice, to.cast::<u32>(), u32::from),
                (Self::Two(slice), Width::Ascii | Width::One) => convert(slice, to, |point| point as u8),
                (Self::Two(slice), Width::Four) => convert(slice, to.cast::<u32>(), u32::from),
                (Self::Four(slice), Width::Ascii | Width::One) => convert(slice, to, |point| point as u8),
                (Self::Four(slice), Width::Two) => convert(slice, to.cast::<u16>(), |point| point as u16),
            }
        }
    }

    /// A new string of them, with a count of 1 and no twin. None if memory is out.
    pub fn to_block(self) -> Option<Block> {
        let width = self.width();
        // SAFETY: the block has room for as many characters, and they fit.
        unsafe {
            let made = unicode::new_compact(self.len(), width)?;
            self.write(unicode::characters(made), width);
            Some(made)
        }
    }

    /// Which of two texts comes first.
    pub fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::One(a), Self::One(b)) => a.cmp(b),
            (Self::Two(a), Self::Two(b)) => a.cmp(b),
            (Self::Four(a), Self::Four(b)) => a.cmp(b),
            _ => {
                let point = |text: Self, index| text.get(index).unwrap_or(0);
                let common = self.len().min(other.len());
                (0..common)
                    .map(|index| point(self, index).cmp(&point(other, index)))
                    .find(|order| order.is_ne())
                    .unwrap_or_else(|| self.len().cmp(&other.len()))
            }
        }
    }

    /// Whether two texts are the same.
    #[inline]
    pub fn equals(self, other: Self) -> bool {
        match (self, other) {
            (Self::One(a), Self::One(b)) => a == b,
            _ => self.len() == other.len() && self.compare(other).is_eq(),
        }
    }

    /// The index of the first or last occurrence of a character.
    pub fn find_character(self, point: u32, forward: bool) -> Option<usize> {
        fn find<T: Copy + Into<u32>>(slice: &[T], wanted: u32, forward: bool) -> Option<usize> {
            let same = |point: &T| (*point).into() == wanted;
            if forward { slice.iter().position(same) } else { slice.iter().rposition(same) }
        }
        each!(self, slice => find(slice, point, forward))
    }

    /// The index of the first or last occurrence of a text.
    pub fn find(self, part: Self, forward: bool) -> Option<usize> {
        let last = self.len().checked_sub(part.len())?;
        let Some(first) = part.get(0) else { return Some(if forward { 0 } else { last }) };
        let mut rest = 0..last + 1;
        while !rest.is_empty() {
            let at = rest.start + self.slice(rest.clone()).find_character(first, forward)?;
            if self.slice(at..at + part.len()).equals(part) {
                return Some(at);
            }
            rest = if forward { at + 1..rest.end } else { rest.start..at };
        }
        None
    }

    /// How often a text occurs, without overlaps; an empty one occurs around each character.
    pub fn count(self, part: Self) -> usize {
        if part.is_empty() {
            return self.len() + 1;
        }
        let (mut rest, mut count) = (self, 0);
        while let Some(at) = rest.find(part, true) {
            count += 1;
            rest = rest.slice(at + part.len()..rest.len());
        }
        count
    }
}

/// Copies characters one by one.
///
/// # Safety
/// `to` has room for them.
unsafe fn convert<T: Copy, U>(from: &[T], to: *mut U, convert: impl Fn(T) -> U) {
    for (index, &point) in from.iter().enumerate() {
        // SAFETY: by contract.
        unsafe { to.add(index).write(convert(point)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: Characters<'static> = Characters::Two(&[0x20ac, 97, 98, 97, 98, 97]);

    #[test]
    fn finds_both_ways_and_across_widths() {
        let part = Characters::One(b"aba");
        assert_eq!(TEXT.find(part, true), Some(1));
        assert_eq!(TEXT.find(part, false), Some(3));
        assert_eq!(TEXT.find(Characters::Four(&[0x1f600]), true), None);
        assert_eq!(TEXT.find(Characters::One(b""), false), Some(6));
        assert_eq!(TEXT.count(part), 1);
        assert_eq!(TEXT.count(Characters::One(b"")), 7);
        assert_eq!(Characters::One(b"a").find(TEXT, true), None);
    }

    #[test]
    fn compares_across_widths() {
        assert_eq!(TEXT.compare(Characters::One(b"zz")), Ordering::Greater);
        assert_eq!(Characters::One(b"ab").compare(Characters::Four(&[97, 98, 0])), Ordering::Less);
        assert!(Characters::One(b"ab").equals(Characters::Two(&[97, 98])));
        assert_eq!(TEXT.width(), Width::Two);
        assert_eq!(Characters::Four(&[0xe9]).width(), Width::One);
    }
}
