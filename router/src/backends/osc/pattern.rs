//! Addresses and address patterns of OSC 1.0: `?`, `*`, `[a-z]`, `[!x]`, `{a,b}`, none of which crosses a `/`.
//!
//! The matcher of the crate `rosc` is not used: its `[a]` takes `aa` too, and it does not try a second way to read a `*`.

/// Why something is no address, or no pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The first character is not a slash.
    #[error("an OSC address begins with /")]
    Start,
    /// A character that addresses cannot have.
    #[error("an OSC address cannot have the character {0:?}")]
    Character(char),
    /// A bracket that is not closed before the next slash.
    #[error("{0:?} is not closed before the next / or the end")]
    Unclosed(char),
    /// A bracket that closes nothing.
    #[error("{0:?} closes nothing")]
    Stray(char),
    /// A pair of brackets with nothing in it.
    #[error("there is nothing between {0:?} and its end")]
    Empty(char),
}

/// Whether an address can stand for several.
#[must_use]
pub fn is_pattern(address: &str) -> bool {
    address.bytes().any(|byte| b"?*[{".contains(&byte))
}

/// Checks an address that is no pattern.
///
/// # Errors
/// If it is none.
pub fn check_address(address: &str) -> Result<(), PatternError> {
    check_characters(address, " #,?*[]{}")
}

/// Checks a pattern; an address is one, too.
///
/// # Errors
/// If it is none.
pub fn check_pattern(pattern: &str) -> Result<(), PatternError> {
    check_characters(pattern, " #")?;
    let mut rest = pattern.as_bytes();
    while !rest.is_empty() {
        let (token, behind) = split_token(rest)?;
        if let Token::Literal(text) = token
            && text.contains(&b',')
        {
            return Err(PatternError::Character(','));
        }
        rest = behind;
    }
    Ok(())
}

fn check_characters(text: &str, forbidden: &str) -> Result<(), PatternError> {
    if !text.starts_with('/') {
        return Err(PatternError::Start);
    }
    let wrong = text.chars().find(|it| !it.is_ascii_graphic() || forbidden.contains(*it));
    wrong.map_or(Ok(()), |it| Err(PatternError::Character(it)))
}

/// One element of a pattern.
enum Token<'a> {
    /// Bytes that stand for themselves.
    Literal(&'a [u8]),
    /// `?`
    One,
    /// `*`
    Any,
    /// What is between `[` and `]`.
    Class(&'a [u8]),
    /// What is between `{` and `}`.
    Choice(&'a [u8]),
}

/// The first element of a pattern that is not empty, and the rest.
fn split_token(pattern: &[u8]) -> Result<(Token<'_>, &[u8]), PatternError> {
    match pattern[0] {
        b'?' => Ok((Token::One, &pattern[1..])),
        b'*' => Ok((Token::Any, &pattern[1..])),
        b'[' => split_enclosed(pattern, b']').map(|(body, rest)| (Token::Class(body), rest)),
        b'{' => split_enclosed(pattern, b'}').map(|(body, rest)| (Token::Choice(body), rest)),
        stray @ (b']' | b'}') => Err(PatternError::Stray(stray.into())),
        _ => {
            let end = pattern.iter().position(|byte| b"?*[]{}".contains(byte)).unwrap_or(pattern.len());
            Ok((Token::Literal(&pattern[..end]), &pattern[end..]))
        }
    }
}

/// What is between the first byte of a pattern and `close`, and what is behind.
fn split_enclosed(pattern: &[u8], close: u8) -> Result<(&[u8], &[u8]), PatternError> {
    let open = pattern[0].into();
    let end = pattern.iter().position(|byte| *byte == close || *byte == b'/').unwrap_or(pattern.len());
    if pattern.get(end) != Some(&close) {
        return Err(PatternError::Unclosed(open));
    }
    if end == 1 {
        return Err(PatternError::Empty(open));
    }
    Ok((&pattern[1..end], &pattern[end + 1..]))
}

impl Token<'_> {
    /// Calls `each` with the length of every piece at the beginning of `address` that this stands for.
    fn lengths(&self, address: &[u8], mut each: impl FnMut(usize)) {
        let one = address.first().copied().filter(|byte| *byte != b'/');
        match self {
            Self::Literal(text) if address.starts_with(text) => each(text.len()),
            Self::One if one.is_some() => each(1),
            Self::Class(class) if one.is_some_and(|byte| is_in_class(class, byte)) => each(1),
            Self::Choice(choice) => {
                choice.split(|byte| *byte == b',').filter(|it| address.starts_with(it)).for_each(|it| each(it.len()));
            }
            Self::Any => {
                let part = address.iter().take_while(|byte| **byte != b'/').count();
                (0..=part).for_each(each);
            }
            _ => {}
        }
    }
}

fn is_in_class(class: &[u8], byte: u8) -> bool {
    let (mut items, inverted) = class.strip_prefix(b"!").map_or((class, false), |items| (items, true));
    let mut found = false;
    while let [first, rest @ ..] = items {
        // A range may be written from either end; a dash at the end is one.
        if let [b'-', last, rest @ ..] = rest {
            found |= (*first.min(last)..=*first.max(last)).contains(&byte);
            items = rest;
        } else {
            found |= *first == byte;
            items = rest;
        }
    }
    found != inverted
}

/// Compares addresses with patterns. It keeps its memory, so that comparing takes none.
///
/// A pattern is followed along all its ways at once: the time is bounded by the product of both lengths, whatever a
/// sender has made up.
#[derive(Debug, Default)]
pub struct Matcher {
    /// For each position of the address, whether the pattern so far can end there.
    reached: Vec<bool>,
    next: Vec<bool>,
}

impl Matcher {
    /// Whether a pattern stands for an address. What is no pattern stands for nothing.
    pub fn matches(&mut self, pattern: &str, address: &str) -> bool {
        let address = address.as_bytes();
        clear(&mut self.reached, address.len() + 1);
        self.reached[0] = true;
        let mut rest = pattern.as_bytes();
        while !rest.is_empty() {
            let Ok((token, behind)) = split_token(rest) else { return false };
            if !self.step(&token, address) {
                return false;
            }
            rest = behind;
        }
        self.reached[address.len()]
    }

    /// Follows one element; false when no way is left.
    fn step(&mut self, token: &Token<'_>, address: &[u8]) -> bool {
        clear(&mut self.next, address.len() + 1);
        let mut from = 0;
        while let Some(skipped) = self.reached[from..].iter().position(|it| *it) {
            let at = from + skipped;
            from = at + 1;
            // A `*` from here reaches all that one from further back in the same part would.
            if !(matches!(token, Token::Any) && self.next[at]) {
                token.lengths(&address[at..], |length| self.next[at + length] = true);
            }
        }
        std::mem::swap(&mut self.reached, &mut self.next);
        self.reached.contains(&true)
    }
}

fn clear(flags: &mut Vec<bool>, length: usize) {
    flags.clear();
    flags.resize(length, false);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (pattern, what it stands for, what it does not stand for), blanks between addresses.
    const CASES: &[(&str, &str, &str)] = &[
        ("/a", "/a", "/ /b /a/ /aa /a/b"),
        ("/?", "/a /b", "/ // /ab"),
        ("/a?c", "/abc /axc", "/ac /a/c /abbc"),
        ("/*", "/ /a /abc", "/a/b //"),
        ("/*/x", "/a/x //x", "/x /a/b/x"),
        ("/*a*b*", "/ab /xaxbx /aab", "/ba /a/b"),
        ("/fader*", "/fader /fader1 /fader12", "/fade /fader/1"),
        ("/a**?", "/ab /abc", "/a"),
        ("/[abc]", "/a /b /c", "/d /aa / /ab"),
        ("/x[a-c3-1]", "/xa /xc /x1 /x2 /x3", "/xd /x4 /x-"),
        ("/[a-]", "/a /-", "/b"),
        ("/[!a-c]", "/d /!", "/a /b // /dd"),
        ("/[b!]", "/! /b", "/a"),
        ("/{foo,fo}o", "/foo /fooo", "/fo /foooo"),
        ("/*{foo,bar}", "/foo /xbar /foofoo", "/fo /foox"),
        ("/{a,}b", "/ab /b", "/a /,b"),
        ("/{a,b}/{c,d}", "/a/c /b/d", "/a/a /ac"),
    ];

    #[test]
    fn patterns_stand_for_addresses() {
        let mut matcher = Matcher::default();
        for (pattern, hits, misses) in CASES {
            assert_eq!(check_pattern(pattern), Ok(()), "{pattern}");
            for address in hits.split(' ') {
                assert!(matcher.matches(pattern, address), "{pattern} stands for {address}");
            }
            for address in misses.split(' ') {
                assert!(!matcher.matches(pattern, address), "{pattern} does not stand for {address}");
            }
        }
    }

    #[test]
    fn a_pattern_made_to_be_slow_is_not() {
        let pattern = "/".to_owned() + &"*{a,aa}".repeat(500) + "b";
        let address = "/".to_owned() + &"a".repeat(1000);
        assert!(!Matcher::default().matches(&pattern, &address));
    }

    #[test]
    fn what_is_no_pattern_is_refused_and_stands_for_nothing() {
        let cases = [
            ("a", PatternError::Start),
            ("", PatternError::Start),
            ("/a b", PatternError::Character(' ')),
            ("/\u{e9}", PatternError::Character('\u{e9}')),
            ("/a,b", PatternError::Character(',')),
            ("/[a", PatternError::Unclosed('[')),
            ("/{a/b}", PatternError::Unclosed('{')),
            ("/a]", PatternError::Stray(']')),
            ("/[]", PatternError::Empty('[')),
            ("/{}", PatternError::Empty('{')),
        ];
        for (pattern, error) in cases {
            assert_eq!(check_pattern(pattern), Err(error), "{pattern}");
        }
        assert!(!Matcher::default().matches("/[a", "/a"));
        assert_eq!(check_address("/a*"), Err(PatternError::Character('*')));
        assert_eq!(check_address("/a/1:x"), Ok(()));
    }
}
