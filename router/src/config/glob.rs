//! Several channels in one name: `{1..5}` and `{5..1}` count up or down, `{a,b}` lists. A name may have several of
//! these; the rightmost turns fastest.
//!
//! Numbers are plain: `{08..10}` is 8, 9, 10. What comes first, `..` or `,`, says what it is, so `{a,1..2}` lists `a`
//! and `1..2`. Items of a list are trimmed and not empty. A `}` without a `{` is a character like any other.

use std::fmt::Write;

use super::error::{Fault, Problem};
use super::grammar::Part;
use super::limits::MAX_CHANNELS;

/// The channels that a name stands for.
#[derive(Debug)]
pub(super) struct Channels<'a> {
    pieces: Vec<Piece<'a>>,
    count: usize,
}

#[derive(Debug)]
enum Piece<'a> {
    Plain(&'a str),
    Glob {
        choices: Choices<'a>,
        /// How many channels in a row have the same choice.
        stride: usize,
    },
}

#[derive(Debug)]
enum Choices<'a> {
    Range { first: u64, last: u64 },
    List(Vec<&'a str>),
}

impl<'a> Channels<'a> {
    /// Reads a channel's name.
    pub(super) fn parse(name: Part<'a>) -> Result<Self, Fault> {
        let mut channels = Self { pieces: Vec::new(), count: 1 };
        let mut rest = name;
        while let Some((plain, from_brace)) = rest.text.find('{').map(|at| rest.text.split_at(at)) {
            channels.pieces.push(Piece::Plain(plain));
            let open = Part { text: from_brace, at: rest.at + plain.len() };
            let (inside, behind) = cut_glob(open)?;
            channels.pieces.push(Piece::Glob { choices: choices(open, inside)?, stride: 1 });
            rest = behind;
        }
        channels.pieces.push(Piece::Plain(rest.text));
        channels.count().ok_or_else(|| name.fault(Problem::TooManyChannels))?;
        Ok(channels)
    }

    /// Sets the count and the strides; None if there are too many.
    fn count(&mut self) -> Option<()> {
        for piece in self.pieces.iter_mut().rev() {
            if let Piece::Glob { choices, stride } = piece {
                *stride = self.count;
                self.count = self.count.checked_mul(choices.len()?).filter(|it| *it <= MAX_CHANNELS)?;
            }
        }
        Some(())
    }

    /// How many channels there are: 1 to [`MAX_CHANNELS`].
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The name of a channel. It begins anew behind the last one, so that a single channel goes with any index.
    pub(super) fn name(&self, index: usize) -> String {
        let mut name = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Plain(text) => name.push_str(text),
                Piece::Glob { choices, stride } => choices.write(index / stride, &mut name),
            }
        }
        name
    }

    /// No name is longer than this, in bytes.
    pub(super) fn longest(&self) -> usize {
        let length = |piece: &Piece<'_>| match piece {
            Piece::Plain(text) => text.len(),
            Piece::Glob { choices: Choices::Range { first, last }, .. } => digits(*first.max(last)),
            Piece::Glob { choices: Choices::List(items), .. } => items.iter().map(|it| it.len()).max().unwrap_or(0),
        };
        self.pieces.iter().map(length).sum()
    }
}

impl Choices<'_> {
    /// How many there are; None if that is no number this machine can count to.
    fn len(&self) -> Option<usize> {
        match self {
            Self::Range { first, last } => usize::try_from(first.abs_diff(*last)).ok()?.checked_add(1),
            Self::List(items) => Some(items.len()),
        }
    }

    /// Adds the choice for a turn; turns count on past the last choice.
    fn write(&self, turn: usize, name: &mut String) {
        let index = turn % self.len().unwrap_or(1).max(1);
        match self {
            Self::Range { first, last } => {
                let distance = index as u64;
                let number = if first <= last { first + distance } else { first - distance };
                // Writing to a string does not fail.
                let _ = write!(name, "{number}");
            }
            Self::List(items) => name.push_str(items.get(index).copied().unwrap_or_default()),
        }
    }
}

fn digits(number: u64) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

/// What is inside the braces at the beginning of `open`, and what is behind them.
fn cut_glob(open: Part<'_>) -> Result<(&str, Part<'_>), Fault> {
    let (glob, behind) = open.text.split_once('}').ok_or_else(|| open.fault(Problem::OpenGlob))?;
    let inside = glob.strip_prefix('{').unwrap_or(glob);
    if let Some(nested) = inside.find('{') {
        return Err(Fault { at: open.at + 1 + nested, problem: Problem::NestedGlob });
    }
    Ok((inside, Part { text: behind, at: open.at + glob.len() + 1 }))
}

fn choices<'a>(open: Part<'a>, inside: &'a str) -> Result<Choices<'a>, Fault> {
    let wrong = || open.fault(Problem::WrongGlob { glob: inside.to_owned() });
    match (inside.find(','), inside.split_once("..")) {
        (comma, Some((first, last))) if comma.is_none_or(|comma| first.len() < comma) => {
            let (first, last) = number(first).zip(number(last)).ok_or_else(wrong)?;
            Ok(Choices::Range { first, last })
        }
        (Some(_), _) => {
            let items: Vec<&str> = inside.split(',').map(str::trim).collect();
            if items.contains(&"") { Err(wrong()) } else { Ok(Choices::List(items)) }
        }
        _ => Err(wrong()),
    }
}

/// A number without a sign, which `parse` would take.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    text.bytes().all(|it| it.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Channels<'_>, Fault> {
        Channels::parse(Part { text, at: 0 })
    }

    fn names(text: &str) -> Vec<String> {
        let channels = parse(text).unwrap();
        let names: Vec<String> = (0..channels.len()).map(|index| channels.name(index)).collect();
        assert!(names.iter().all(|name| name.len() <= channels.longest()), "{text}");
        names
    }

    #[test]
    fn plain() {
        assert_eq!(names("ch0.cc1"), ["ch0.cc1"]);
        assert_eq!(names("a}b"), ["a}b"]);
        let single = parse("x").unwrap();
        assert_eq!(single.name(77), "x");
    }

    #[test]
    fn ranges() {
        assert_eq!(names("{1..3}"), ["1", "2", "3"]);
        assert_eq!(names("f{3..1}x"), ["f3x", "f2x", "f1x"]);
        assert_eq!(names("{7..7}"), ["7"]);
        assert_eq!(names("{08..10}"), ["8", "9", "10"]);
        assert_eq!(names("{ 1 .. 2 }"), ["1", "2"]);
        assert_eq!(names("{18446744073709551614..18446744073709551615}").len(), 2);
    }

    #[test]
    fn lists() {
        assert_eq!(names("{red,green}"), ["red", "green"]);
        assert_eq!(names("/{a, b}/x"), ["/a/x", "/b/x"]);
        assert_eq!(names("{1,2..3}"), ["1", "2..3"]);
    }

    #[test]
    fn the_rightmost_turns_fastest() {
        assert_eq!(names("{1..2}.{a,b}{4..3}"), ["1.a4", "1.a3", "1.b4", "1.b3", "2.a4", "2.a3", "2.b4", "2.b3"]);
    }

    #[test]
    fn wrong_ones_say_where() {
        for text in [
            "{}", "{1}", "{1..}", "{..1}", "{..}", "{a..b}", "{1..2,3}", "{-1..2}", "{+1..2}", "{1,}", "{,}", "{1...3}",
        ] {
            assert!(matches!(parse(text).unwrap_err().problem, Problem::WrongGlob { .. }), "{text}");
        }
        let fault = parse("{1..2}ä{1..2").unwrap_err();
        assert!(matches!(fault.problem, Problem::OpenGlob));
        assert_eq!(fault.at, 8);
        let fault = parse("x{a{1..2}").unwrap_err();
        assert!(matches!(fault.problem, Problem::NestedGlob));
        assert_eq!(fault.at, 3);
    }

    #[test]
    fn too_many() {
        assert_eq!(parse("{1..100000}").unwrap().len(), MAX_CHANNELS);
        for text in [
            "{1..100001}",
            "{1..1000}{1..101}",
            "{0..18446744073709551615}",
            "{1..99999}{1..99999}{1..99999}{1..99999}",
        ] {
            assert!(matches!(parse(text).unwrap_err().problem, Problem::TooManyChannels), "{text}");
        }
    }
}
