//! The grammar of one line, as in MIDIMonster's files. It knows nothing of files, sections or instances.
//!
//! A line is trimmed; blanks and control characters count as blank. One that begins with `[` and ends with `]` is a
//! header. What any other line is depends on the section: `option = value`, split at the first `=`, or a mapping.
//!
//! The arrow of a mapping begins at the first `<` or `>` of the line, so the channel on the left has neither. The
//! channel on the right may have them, but not behind a blank: that is a second arrow, which is refused.

use super::error::{Fault, Problem};

/// What separates words and is cut off at the ends.
pub(super) fn is_blank(character: char) -> bool {
    character.is_whitespace() || character.is_control()
}

fn is_arrow(character: char) -> bool {
    matches!(character, '<' | '>')
}

/// A piece of a line that knows where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub(super) text: &'a str,
    /// Bytes in front of it on the line.
    pub(super) at: usize,
}

impl<'a> Part<'a> {
    /// A whole line, trimmed.
    pub(super) fn of_line(line: &'a str) -> Self {
        Self { text: line, at: 0 }.trim()
    }

    /// A fault where this begins.
    pub(super) fn fault(self, problem: Problem) -> Fault {
        Fault { at: self.at, problem }
    }

    fn trim(self) -> Self {
        let text = self.text.trim_start_matches(is_blank);
        Self { text: text.trim_end_matches(is_blank), ..self.tail(text) }
    }

    /// The piece whose text is `end`, the end of this one's text.
    fn tail(self, end: &'a str) -> Self {
        Self { text: end, at: self.at + self.text.len().saturating_sub(end.len()) }
    }

    /// What is in front of the first character that `separates` and what is behind it, both trimmed.
    fn split_once(self, separates: impl Fn(char) -> bool) -> Option<(Self, Self)> {
        let (front, back) = self.text.split_once(separates)?;
        Some((Self { text: front, at: self.at }.trim(), self.tail(back).trim()))
    }
}

/// A line in brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header<'a> {
    Backend { name: Part<'a> },
    Instance { backend: Part<'a>, name: Part<'a> },
    Include { file: Part<'a> },
    Map,
}

/// Reads a header; None if the line is none.
pub(super) fn header(line: Part<'_>) -> Result<Option<Header<'_>>, Fault> {
    let Some(inside) = line.text.strip_prefix('[').and_then(|it| it.strip_suffix(']')) else { return Ok(None) };
    let inside = Part { text: inside, at: line.at + 1 }.trim();
    let (word, rest) = match inside.split_once(is_blank) {
        Some((word, rest)) => (word, Some(rest)),
        None => (inside, None),
    };
    match (word.text, rest) {
        ("map", None) => Ok(Some(Header::Map)),
        ("include", Some(file)) => Ok(Some(Header::Include { file })),
        ("backend", Some(name)) if !name.text.contains(is_blank) => Ok(Some(Header::Backend { name })),
        ("map" | "include" | "backend", _) | (_, None) => {
            Err(line.fault(Problem::UnknownSection { section: inside.text.to_owned() }))
        }
        (_, Some(name)) if name.text.contains(|it| is_blank(it) || it == '.') => {
            Err(name.fault(Problem::InvalidName { name: name.text.to_owned() }))
        }
        (_, Some(name)) => Ok(Some(Header::Instance { backend: word, name })),
    }
}

/// Splits `option = value`; None if there is no `=`.
pub(super) fn assignment(line: Part<'_>) -> Option<(Part<'_>, Part<'_>)> {
    line.split_once(|it| it == '=')
}

/// Where events go between the sides of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrow {
    ToLeft,
    ToRight,
    Both,
}

/// In this order: the longer sign is tried first.
const ARROWS: [(&str, Arrow); 4] =
    [("<>", Arrow::Both), ("><", Arrow::Both), ("<", Arrow::ToLeft), (">", Arrow::ToRight)];

/// `instance.channel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End<'a> {
    pub(super) instance: Part<'a>,
    pub(super) channel: Part<'a>,
}

/// Both sides of a mapping and the arrow between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MapLine<'a> {
    pub(super) left: End<'a>,
    pub(super) arrow: Arrow,
    pub(super) right: End<'a>,
}

/// If a line has an arrow.
pub(super) fn has_arrow(line: Part<'_>) -> bool {
    line.text.contains(is_arrow)
}

/// Reads a mapping.
pub(super) fn mapping(line: Part<'_>) -> Result<MapLine<'_>, Fault> {
    let not_mapping = || line.fault(Problem::NotMapping);
    let (left, _) = line.split_once(is_arrow).ok_or_else(not_mapping)?;
    let from_arrow = line.text.trim_start_matches(|it| !is_arrow(it));
    let (behind, arrow) = ARROWS
        .iter()
        .find_map(|(sign, arrow)| Some((from_arrow.strip_prefix(sign)?, *arrow)))
        .ok_or_else(not_mapping)?;
    let right = line.tail(behind).trim();
    if let Some(at) = second_arrow(right) {
        return Err(Fault { at, problem: Problem::SecondArrow });
    }
    Ok(MapLine { left: end(left)?, arrow, right: end(right)? })
}

/// Where an arrow stands at the beginning or behind a blank.
fn second_arrow(right: Part<'_>) -> Option<usize> {
    let mut behind_blank = true;
    for (index, character) in right.text.char_indices() {
        if behind_blank && is_arrow(character) {
            return Some(right.at + index);
        }
        behind_blank = is_blank(character);
    }
    None
}

fn end(side: Part<'_>) -> Result<End<'_>, Fault> {
    match side.split_once(|it| it == '.') {
        Some((instance, channel)) if !instance.text.is_empty() && !channel.text.is_empty() => {
            Ok(End { instance, channel })
        }
        _ => Err(side.fault(Problem::NoChannel { side: side.text.to_owned() })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str, at: usize) -> Part<'_> {
        Part { text, at }
    }

    #[test]
    fn headers() {
        let read = |line| header(Part::of_line(line)).unwrap();
        assert_eq!(read("[map]"), Some(Header::Map));
        assert_eq!(read("  [ map ]\r"), Some(Header::Map));
        assert_eq!(read("[backend osc]"), Some(Header::Backend { name: part("osc", 9) }));
        assert_eq!(read(" [osc\ttouch ]"), Some(Header::Instance { backend: part("osc", 2), name: part("touch", 6) }));
        assert_eq!(read("[include my files/a.cfg]"), Some(Header::Include { file: part("my files/a.cfg", 9) }));
        assert_eq!(read("/x = [y]"), None);
        assert_eq!(read("[x] = y"), None);
        assert_eq!(read("["), None);
    }

    #[test]
    fn wrong_headers() {
        let problem = |line| header(Part::of_line(line)).unwrap_err();
        for line in ["[]", "[ ]", "[osc]", "[backend]", "[backend a b]", "[include]", "[include ]", "[map x]"] {
            assert!(matches!(problem(line).problem, Problem::UnknownSection { .. }), "{line}");
        }
        for line in ["[osc a.b]", "[osc a b]", "[osc a\u{a0}b]"] {
            let fault = problem(line);
            assert!(matches!(fault.problem, Problem::InvalidName { .. }), "{line}");
            assert_eq!(fault.at, 5, "{line}");
        }
    }

    #[test]
    fn assignments() {
        let read = |line| assignment(Part::of_line(line)).map(|(option, value)| (option.text, value.text));
        assert_eq!(read("  bind =  0.0.0.0 8000 "), Some(("bind", "0.0.0.0 8000")));
        assert_eq!(read("password=a=b;c"), Some(("password", "a=b;c")));
        assert_eq!(read("empty ="), Some(("empty", "")));
        assert_eq!(read("none"), None);
    }

    #[test]
    fn arrows() {
        for (line, arrow) in [
            ("a.x < b.y", Arrow::ToLeft),
            ("a.x > b.y", Arrow::ToRight),
            ("a.x <> b.y", Arrow::Both),
            ("a.x >< b.y", Arrow::Both),
            ("a.x<b.y", Arrow::ToLeft),
            ("\ta.x\t><b.y  ", Arrow::Both),
        ] {
            let read = mapping(Part::of_line(line)).unwrap();
            assert_eq!(read.arrow, arrow, "{line}");
            let texts = [read.left.instance, read.left.channel, read.right.instance, read.right.channel];
            assert_eq!(texts.map(|it| it.text), ["a", "x", "b", "y"], "{line}");
            for part in texts {
                assert_eq!(line.get(part.at..part.at + 1), Some(part.text), "{line}");
            }
        }
    }

    #[test]
    fn a_channel_may_have_dots_and_on_the_right_arrows() {
        let read = mapping(Part::of_line("a. ch0.cc1 > b./x<y.z>w")).unwrap();
        assert_eq!(read.left.channel.text, "ch0.cc1");
        assert_eq!(read.right.channel.text, "/x<y.z>w");
    }

    #[test]
    fn wrong_mappings() {
        let fault = |line| mapping(Part::of_line(line)).unwrap_err();
        assert!(matches!(fault("a.x b.y").problem, Problem::NotMapping));
        for (line, at) in [("a.x > b.y > c.z", 10), ("a.x << b.y", 5), ("a.x < > b.y", 6), ("a.x <>> b.y", 6)] {
            let fault = fault(line);
            assert!(matches!(fault.problem, Problem::SecondArrow), "{line}");
            assert_eq!(fault.at, at, "{line}");
        }
        for (line, at) in
            [("ax > b.y", 0), ("a.x > by", 6), ("a. > b.y", 0), ("a.x >", 5), ("> b.y", 0), ("a.x > .y", 6)]
        {
            let fault = fault(line);
            assert!(matches!(fault.problem, Problem::NoChannel { .. }), "{line}");
            assert_eq!(fault.at, at, "{line}");
        }
    }
}
