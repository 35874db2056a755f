//! What a payload means: numbers from 0 to 1, a range, or texts. Pure: bytes in, a value out, and back.

/// How the payloads of a topic and the router's values belong together.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Format {
    /// A decimal number from 0 to 1.
    #[default]
    Number,
    /// A decimal number: `min` is 0 and `max` is 1. `min` may be above `max`.
    Range {
        /// What 0 is.
        min: f64,
        /// What 1 is.
        max: f64,
    },
    /// Texts, in the order of the configuration.
    Discrete(Vec<Step>),
}

/// A text that stands for a part of the values from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The least value that is sent as this text.
    pub low: f64,
    /// The greatest.
    pub high: f64,
    /// The value that this text gives when it comes in.
    pub input: f64,
    /// The payload. If it is empty, nothing is sent.
    pub text: String,
}

/// Why a format is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// It begins with neither `range` nor `discrete`.
    #[error("expected `range MIN MAX` or `discrete [!]MIN [!]MAX VALUE`")]
    Unknown,
    /// A bound is missing or no number.
    #[error("MIN and MAX must be numbers, as in `range 0 255` or `discrete 0 !0.5 off`")]
    Bound,
    /// The bounds of a discrete value are the wrong way round.
    #[error("MIN must not be above MAX here; write the lower one first")]
    Order,
    /// A topic has a second range, or a range and discrete values.
    #[error("a topic has either one range or discrete values; remove this line or the one before")]
    Mixed,
}

impl Format {
    /// Takes a line of the configuration: `range MIN MAX`, or `discrete [!]MIN [!]MAX VALUE`, which may come more than
    /// once. With both bounds marked by `!` the second one counts, with none their middle.
    ///
    /// # Errors
    /// If the line is neither, or does not go with the lines before.
    pub fn add(&mut self, line: &str) -> Result<(), FormatError> {
        let (kind, rest) = split_word(line);
        match (kind, &mut *self) {
            ("range", Self::Number) => *self = range(rest)?,
            ("discrete", Self::Number) => *self = Self::Discrete(vec![step(rest)?]),
            ("discrete", Self::Discrete(steps)) => steps.push(step(rest)?),
            ("range" | "discrete", _) => return Err(FormatError::Mixed),
            _ => return Err(FormatError::Unknown),
        }
        Ok(())
    }

    /// The value of a payload, from 0 to 1; None if it is not one of this format. Behind a number anything may stand (a unit,
    /// say), which is ignored.
    #[must_use]
    pub fn decode(&self, payload: &[u8]) -> Option<f64> {
        let text = std::str::from_utf8(without_length(payload)).ok()?;
        match self {
            Self::Number => Some(leading_number(text)?.clamp(0.0, 1.0)),
            Self::Range { min, max } => Some(share(leading_number(text)?, *min, *max)),
            Self::Discrete(steps) => steps.iter().find(|it| !text.is_empty() && it.text == text).map(|it| it.input),
        }
    }

    /// The payload of a value from 0 to 1 (others are clipped); None if nothing is to be sent.
    #[must_use]
    pub fn encode(&self, value: f64) -> Option<String> {
        let value = value.clamp(0.0, 1.0);
        match self {
            _ if value.is_nan() => None,
            Self::Number => Some(decimal(value)),
            // Not `min + value * (max - min)`, which can be infinite.
            Self::Range { min, max } => Some(decimal(min * (1.0 - value) + max * value)),
            Self::Discrete(steps) => {
                let step = steps.iter().find(|it| (it.low..=it.high).contains(&value))?;
                Some(step.text.clone()).filter(|it| !it.is_empty())
            }
        }
    }
}

/// Receivers of existing set-ups know six places.
fn decimal(number: f64) -> String {
    format!("{number:.6}")
}

/// Where `number` is between `min` and `max`, from 0 to 1.
fn share(number: f64, min: f64, max: f64) -> f64 {
    if min == max {
        return 0.0;
    }
    // Halves, so that no difference is infinite.
    ((number / 2.0 - min / 2.0) / (max / 2.0 - min / 2.0)).clamp(0.0, 1.0)
}

fn range(text: &str) -> Result<Format, FormatError> {
    let (min, rest) = split_word(text);
    let (max, rest) = split_word(rest);
    if !rest.is_empty() {
        return Err(FormatError::Bound);
    }
    Ok(Format::Range { min: bound(min)?, max: bound(max)? })
}

fn step(text: &str) -> Result<Step, FormatError> {
    let (first, rest) = split_word(text);
    let (second, text) = split_word(rest);
    let (low, low_marked) = marked(first)?;
    let (high, high_marked) = marked(second)?;
    if low > high {
        return Err(FormatError::Order);
    }
    let input = match (low_marked, high_marked) {
        (_, true) => high,
        (true, false) => low,
        (false, false) => f64::midpoint(low, high),
    };
    Ok(Step { low, high, input, text: text.to_owned() })
}

fn marked(word: &str) -> Result<(f64, bool), FormatError> {
    let number = word.strip_prefix('!');
    Ok((bound(number.unwrap_or(word))?.clamp(0.0, 1.0), number.is_some()))
}

fn bound(word: &str) -> Result<f64, FormatError> {
    word.parse().ok().filter(|it: &f64| it.is_finite()).ok_or(FormatError::Bound)
}

/// The first word, and what follows it.
fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim_start())
}

/// MIDIMonster puts the length, two bytes, in front of a text that it sends with version 5. No text begins so.
fn without_length(payload: &[u8]) -> &[u8] {
    match payload {
        [high, low, text @ ..] if usize::from(u16::from_be_bytes([*high, *low])) == text.len() => text,
        _ => payload,
    }
}

/// The finite decimal number with which a text begins.
fn leading_number(text: &str) -> Option<f64> {
    let text = text.trim_start();
    let bytes = text.as_bytes();
    let is_at = |at: usize, set: &[u8]| bytes.get(at).is_some_and(|it| set.contains(it));
    let digits = |from: usize| bytes[from..].iter().take_while(|it| it.is_ascii_digit()).count();
    let sign = usize::from(is_at(0, b"+-"));
    let whole = digits(sign);
    let mut end = sign + whole;
    let fraction = if is_at(end, b".") { digits(end + 1) } else { 0 };
    if whole + fraction == 0 {
        return None;
    }
    if fraction > 0 {
        end += 1 + fraction;
    }
    if is_at(end, b"eE") {
        let start = end + 1 + usize::from(is_at(end + 1, b"+-"));
        let exponent = bytes.get(start..).map_or(0, |_| digits(start));
        if exponent > 0 {
            end = start + exponent;
        }
    }
    text[..end].parse().ok().filter(|it: &f64| it.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(lines: &[&str]) -> Format {
        let mut format = Format::default();
        for line in lines {
            format.add(line).unwrap();
        }
        format
    }

    #[test]
    fn without_configuration_a_payload_is_a_number_from_0_to_1() {
        let format = Format::default();
        for (payload, value) in
            [("0.25", 0.25), (" .5", 0.5), ("1e-1", 0.1), ("7", 1.0), ("-3", 0.0), ("0.5 V", 0.5), ("1.", 1.0)]
        {
            assert_eq!(format.decode(payload.as_bytes()), Some(value), "{payload}");
        }
        for garbage in ["", "on", "-", ".", "e5", "nan", "inf", "1e999", "\u{ff}"] {
            assert_eq!(format.decode(garbage.as_bytes()), None, "{garbage}");
        }
        assert_eq!(format.decode(b"0.5\xff"), None);
        assert_eq!(format.encode(0.25).as_deref(), Some("0.250000"));
        assert_eq!(format.encode(2.0).as_deref(), Some("1.000000"));
        assert_eq!(format.encode(f64::NAN), None);
    }

    #[test]
    fn a_range_scales_and_clips_both_ways() {
        let format = format(&["range -10 10"]);
        assert_eq!(format.decode(b"5.0"), Some(0.75));
        assert_eq!(format.decode(b"50"), Some(1.0));
        assert_eq!(format.decode(b"-50"), Some(0.0));
        assert_eq!(format.encode(0.25).as_deref(), Some("-5.000000"));
        assert_eq!(format.encode(1.5).as_deref(), Some("10.000000"));
    }

    #[test]
    fn a_range_may_run_downwards_or_be_one_number() {
        let down = format(&["range 100 0"]);
        assert_eq!(down.decode(b"25"), Some(0.75));
        assert_eq!(down.encode(0.75).as_deref(), Some("25.000000"));
        let point = format(&["range 3 3"]);
        assert_eq!(point.decode(b"5"), Some(0.0));
        assert_eq!(point.encode(0.5).as_deref(), Some("3.000000"));
        let huge = format(&["range -1.7e308 1.7e308"]);
        assert_eq!(huge.decode(b"0"), Some(0.5));
        assert_eq!(huge.encode(0.5).as_deref(), Some("0.000000"));
    }

    #[test]
    fn discrete_values_are_texts() {
        let format = format(&["discrete !0.0 0.5 off", "discrete 0.5 !1.0 on the way"]);
        assert_eq!(format.decode(b"off"), Some(0.0));
        assert_eq!(format.decode(b"on the way"), Some(1.0));
        assert_eq!(format.decode(b"on"), None);
        assert_eq!(format.encode(0.5).as_deref(), Some("off"));
        assert_eq!(format.encode(0.75).as_deref(), Some("on the way"));
    }

    #[test]
    fn of_two_marks_the_second_counts_and_none_is_the_middle() {
        let format = format(&["discrete !0.2 !0.4 both", "discrete 0.5 0.7 none", "discrete 0.9 1"]);
        assert_eq!(format.decode(b"both"), Some(0.4));
        assert_eq!(format.decode(b"none"), Some(0.6));
        assert_eq!(format.encode(0.45), None, "no range holds it");
        assert_eq!(format.encode(0.95), None, "its text is empty");
        assert_eq!(format.decode(b""), None);
    }

    #[test]
    fn a_length_in_front_is_skipped() {
        assert_eq!(Format::default().decode(b"\x00\x080.500000"), Some(0.5));
        assert_eq!(Format::default().decode(b"\x00\x070.500000"), None);
    }

    #[test]
    fn wrong_lines_are_refused() {
        let refused = |line| Format::default().add(line).unwrap_err();
        assert_eq!(refused("linear 0 1"), FormatError::Unknown);
        for line in ["range 0", "range", "range a b", "range 0 1 2", "range 0 inf", "discrete 0", "discrete x 1 on"] {
            assert_eq!(refused(line), FormatError::Bound, "{line}");
        }
        assert_eq!(refused("discrete 1 0 on"), FormatError::Order);
        assert_eq!(format(&["range 0 1"]).add("range 0 1"), Err(FormatError::Mixed));
        assert_eq!(format(&["range 0 1"]).add("discrete 0 1 x"), Err(FormatError::Mixed));
        assert_eq!(format(&["discrete 0 1 x"]).add("range 0 1"), Err(FormatError::Mixed));
    }
}
