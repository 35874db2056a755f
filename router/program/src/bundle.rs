//! Sums up mappings between many channels: `1 -> 1`, `2 -> 2` and so on are `1..16 -> 1..16 (16)`.

use std::fmt;

/// Mappings in which a number counts up by one on one side or both.
#[derive(Clone, Debug)]
pub(crate) struct Bundle {
    source: Run,
    destination: Run,
    count: usize,
}

/// A channel that stays the same, or whose name counts up.
#[derive(Clone, Debug)]
struct Run {
    first: Vec<Part>,
    last: Vec<Part>,
    /// Which part counts up; None if nothing does.
    counts: Option<usize>,
}

/// A piece of a channel's name.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Number(u64),
}

impl Bundle {
    /// Sums up pairs of source and destination, which follow each other as in the map.
    pub(crate) fn sum_up<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Self> {
        let mut bundles: Vec<Self> = Vec::new();
        for (source, destination) in pairs {
            let (source, destination) = (parts(source), parts(destination));
            if !bundles.last_mut().is_some_and(|last| last.extend(&source, &destination)) {
                bundles.push(Self { source: Run::new(source), destination: Run::new(destination), count: 1 });
            }
        }
        bundles
    }

    /// Takes a pair if it goes on in the same manner.
    fn extend(&mut self, source: &[Part], destination: &[Part]) -> bool {
        let (Some(from), Some(to)) = (self.source.step(source), self.destination.step(destination)) else {
            return false;
        };
        let alike = |run: &Run, step| self.count == 1 || run.counts == step;
        if !alike(&self.source, from) || !alike(&self.destination, to) {
            return false;
        }
        self.source.advance(source, from);
        self.destination.advance(destination, to);
        self.count += 1;
        true
    }
}

impl Run {
    fn new(first: Vec<Part>) -> Self {
        Self { last: first.clone(), first, counts: None }
    }

    /// How `next` comes from the last name: `Some(None)` if it is the same, and the part's index if one counts up by one.
    fn step(&self, next: &[Part]) -> Option<Option<usize>> {
        if next.len() != self.last.len() {
            return None;
        }
        let mut different = (0..next.len()).filter(|&index| self.last[index] != next[index]);
        let Some(index) = different.next() else { return Some(None) };
        match (&self.last[index], &next[index]) {
            (Part::Number(last), Part::Number(next)) if *next == last + 1 && different.next().is_none() => {
                Some(Some(index))
            }
            _ => None,
        }
    }

    fn advance(&mut self, next: &[Part], counts: Option<usize>) {
        self.last = next.to_vec();
        self.counts = counts;
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.first.iter().zip(&self.last).enumerate() {
            match (first, last) {
                (Part::Number(first), Part::Number(last)) if self.counts == Some(index) => {
                    write!(f, "{first}..{last}")?
                }
                (Part::Number(number), _) => write!(f, "{number}")?,
                (Part::Text(text), _) => f.write_str(text)?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.source, self.destination)?;
        if self.count > 1 {
            write!(f, " ({})", self.count)?;
        }
        Ok(())
    }
}

/// Takes a name apart. Digits that a number would not give back as they are remain text.
fn parts(name: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest.find(|it: char| it.is_ascii_digit() != digits).unwrap_or(rest.len());
        let (piece, behind) = rest.split_at(end);
        // 18 digits and one more fit into 64 bits.
        let number = piece.parse().ok().filter(|number: &u64| piece.len() <= 18 && number.to_string() == piece);
        parts.push(number.map_or_else(|| Part::Text(piece.to_owned()), Part::Number));
        rest = behind;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pairs: &[(&str, &str)]) -> Vec<String> {
        Bundle::sum_up(pairs.iter().copied()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn channels_that_count_up_are_one() {
        assert_eq!(shown(&[("1", "11"), ("2", "12"), ("3", "13")]), ["1..3 -> 11..13 (3)"]);
        assert_eq!(shown(&[("ch0.cc1", "/x/1/f"), ("ch0.cc2", "/x/2/f")]), ["ch0.cc1..2 -> /x/1..2/f (2)"]);
    }

    #[test]
    fn one_side_may_stay_the_same() {
        assert_eq!(shown(&[("1", "a"), ("2", "a")]), ["1..2 -> a (2)"]);
        assert_eq!(shown(&[("a", "9"), ("a", "10")]), ["a -> 9..10 (2)"]);
    }

    #[test]
    fn what_does_not_go_on_in_the_same_manner_is_another() {
        assert_eq!(shown(&[("1", "1"), ("2", "2"), ("4", "4")]), ["1..2 -> 1..2 (2)", "4 -> 4"]);
        assert_eq!(shown(&[("1", "1"), ("2", "2"), ("3", "2")]), ["1..2 -> 1..2 (2)", "3 -> 2"]);
        assert_eq!(shown(&[("1.1", "a"), ("1.2", "a"), ("2.2", "a")]), ["1.1..2 -> a (2)", "2.2 -> a"]);
    }

    #[test]
    fn digits_that_are_no_plain_number_are_text() {
        assert_eq!(shown(&[("01", "a"), ("02", "a")]), ["01 -> a", "02 -> a"]);
        let huge = "99999999999999999999999999";
        assert_eq!(shown(&[(huge, ""), (huge, "")]), [format!("{huge} ->  (2)")]);
    }
}
