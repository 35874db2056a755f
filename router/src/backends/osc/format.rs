//! What the arguments of an address are: their types, and the ranges that 0 to 1 stands for.

use rosc::OscType;

/// Why a format is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum FormatError {
    /// There is none.
    #[error("the types of the arguments are missing: write them and their ranges, for example `ff 0 1 0 1`")]
    Missing,
    /// A letter that is no type.
    #[error("there is no type {0:?}: there are i, f, h and d")]
    Type(char),
    /// Something that should be a number.
    #[error("{0:?} is no number")]
    Number(String),
    /// A minimum without a maximum.
    #[error("argument {0} has a minimum and no maximum")]
    Maximum(usize),
    /// A range that the type cannot hold.
    #[error("the type {letter} cannot hold the range from {minimum} to {maximum}")]
    Range {
        /// The type.
        letter: char,
        /// One end.
        minimum: f64,
        /// The other end.
        maximum: f64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Int,
    Float,
    Long,
    Double,
}

impl Kind {
    fn parse(letter: char) -> Result<Self, FormatError> {
        match letter {
            'i' => Ok(Self::Int),
            'f' => Ok(Self::Float),
            'h' => Ok(Self::Long),
            'd' => Ok(Self::Double),
            _ => Err(FormatError::Type(letter)),
        }
    }

    fn letter(self) -> char {
        match self {
            Self::Int => 'i',
            Self::Float => 'f',
            Self::Long => 'h',
            Self::Double => 'd',
        }
    }

    /// The largest number that it has.
    fn largest(self) -> f64 {
        match self {
            Self::Int => i32::MAX.into(),
            Self::Float => f32::MAX.into(),
            Self::Long => i64::MAX as f64,
            // The width of a range is a number, too.
            Self::Double => f64::MAX / 2.0,
        }
    }

    fn default_range(self) -> (f64, f64) {
        match self {
            Self::Int => (0.0, 255.0),
            Self::Long => (0.0, 1024.0),
            Self::Float | Self::Double => (0.0, 1.0),
        }
    }
}

/// The type of an argument, and the range that 0 to 1 stands for. The range may run downwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Argument {
    kind: Kind,
    minimum: f64,
    maximum: f64,
}

impl Argument {
    fn new(kind: Kind, range: Option<(f64, f64)>) -> Result<Self, FormatError> {
        let (minimum, maximum) = range.unwrap_or(kind.default_range());
        let holds = |number: f64| number.abs() <= kind.largest();
        if holds(minimum) && holds(maximum) {
            Ok(Self { kind, minimum, maximum })
        } else {
            Err(FormatError::Range { letter: kind.letter(), minimum, maximum })
        }
    }

    fn unconfigured(kind: Kind) -> Self {
        let (minimum, maximum) = kind.default_range();
        Self { kind, minimum, maximum }
    }

    /// What is sent for a value from 0 to 1. Whole numbers are rounded to the nearest.
    #[must_use]
    pub fn scaled(&self, value: f64) -> OscType {
        self.typed(self.minimum + (self.maximum - self.minimum) * value.clamp(0.0, 1.0))
    }

    /// What is sent before there was a value: 0, or the end of the range that is next to it.
    #[must_use]
    pub fn initial(&self) -> OscType {
        self.typed(0_f64.max(self.minimum.min(self.maximum)).min(self.minimum.max(self.maximum)))
    }

    fn typed(&self, number: f64) -> OscType {
        match self.kind {
            Kind::Int => OscType::Int(number.round() as i32),
            Kind::Float => OscType::Float(number as f32),
            Kind::Long => OscType::Long(number.round() as i64),
            Kind::Double => OscType::Double(number),
        }
    }

    /// Where a number lies in the range, from 0 to 1; what lies outside is clipped.
    fn position(&self, number: f64) -> f64 {
        let width = self.maximum - self.minimum;
        if width == 0.0 { 0.0 } else { ((number - self.minimum) / width).clamp(0.0, 1.0) }
    }
}

/// Reads `TYPES MINIMUM MAXIMUM MINIMUM MAXIMUM ...`. Arguments without a range have that of their type; numbers that are
/// left over are not read.
///
/// # Errors
/// If there is no type, or a type or a range is wrong.
pub fn parse(format: &str) -> Result<Vec<Argument>, FormatError> {
    let mut words = format.split_whitespace();
    let types = words.next().ok_or(FormatError::Missing)?;
    let argument = |(index, letter)| {
        let kind = Kind::parse(letter)?;
        let Some(minimum) = words.next() else { return Argument::new(kind, None) };
        let maximum = words.next().ok_or(FormatError::Maximum(index))?;
        Argument::new(kind, Some((number(minimum)?, number(maximum)?)))
    };
    types.chars().enumerate().map(argument).collect()
}

fn number(text: &str) -> Result<f64, FormatError> {
    text.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| FormatError::Number(text.to_owned()))
}

/// The value from 0 to 1 of what came in: in the range of the configured argument, else in that of its type. None if it is
/// not a number or a truth value.
#[must_use]
pub fn value(incoming: &OscType, configured: Option<&Argument>) -> Option<f64> {
    let (kind, number) = match *incoming {
        OscType::Int(number) => (Kind::Int, number.into()),
        OscType::Float(number) => (Kind::Float, number.into()),
        OscType::Long(number) => (Kind::Long, number as f64),
        OscType::Double(number) => (Kind::Double, number),
        OscType::Bool(truth) => return Some(truth.into()),
        _ => return None,
    };
    let argument = configured.copied().unwrap_or(Argument::unconfigured(kind));
    (!number.is_nan()).then(|| argument.position(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(format: &str) -> Argument {
        parse(format).unwrap()[0]
    }

    #[test]
    fn values_are_scaled_rounded_and_clipped() {
        assert_eq!(one("i").scaled(0.5), OscType::Int(128));
        assert_eq!(one("i -10 10").scaled(0.51), OscType::Int(0));
        assert_eq!(one("i 0 127").scaled(7.0), OscType::Int(127));
        assert_eq!(one("f -1.0 1.0").scaled(0.25), OscType::Float(-0.5));
        assert_eq!(one("f 1 0").scaled(0.25), OscType::Float(0.75));
        assert_eq!(one("h").scaled(1.0), OscType::Long(1024));
        assert_eq!(one("h -9e18 9e18").scaled(0.0), OscType::Long(-9_000_000_000_000_000_000));
        assert_eq!(one("d 0 2").scaled(-1.0), OscType::Double(0.0));
    }

    #[test]
    fn ranges_are_optional_and_by_argument() {
        let arguments = parse("ifhd 0 127 -1 1").unwrap();
        let ends: Vec<_> = arguments.iter().map(|it| (it.minimum, it.maximum)).collect();
        assert_eq!(ends, [(0.0, 127.0), (-1.0, 1.0), (0.0, 1024.0), (0.0, 1.0)]);
        assert_eq!(parse("i 0 1 2 3").unwrap().len(), 1);
    }

    #[test]
    fn what_comes_in_is_in_the_configured_range_whatever_its_type() {
        let argument = one("i 0 100");
        assert_eq!(value(&OscType::Int(50), Some(&argument)), Some(0.5));
        assert_eq!(value(&OscType::Float(25.0), Some(&argument)), Some(0.25));
        assert_eq!(value(&OscType::Int(-5), Some(&argument)), Some(0.0));
        assert_eq!(value(&OscType::Double(f64::INFINITY), Some(&argument)), Some(1.0));
        assert_eq!(value(&OscType::Float(0.25), Some(&one("f 1 0"))), Some(0.75));
        assert_eq!(value(&OscType::Int(5), Some(&one("i 5 5"))), Some(0.0));
    }

    #[test]
    fn what_comes_in_unconfigured_is_in_the_range_of_its_type() {
        assert_eq!(value(&OscType::Int(51), None), Some(0.2));
        assert_eq!(value(&OscType::Float(0.5), None), Some(0.5));
        assert_eq!(value(&OscType::Long(256), None), Some(0.25));
        assert_eq!(value(&OscType::Double(2.0), None), Some(1.0));
        assert_eq!(value(&OscType::Bool(true), None), Some(1.0));
        assert_eq!(value(&OscType::Bool(false), Some(&one("i 0 9"))), Some(0.0));
        assert_eq!(value(&OscType::Float(f32::NAN), None), None);
        assert_eq!(value(&OscType::String("1".into()), None), None);
    }

    #[test]
    fn the_first_value_is_0_or_next_to_it() {
        assert_eq!(one("f -1 1").initial(), OscType::Float(0.0));
        assert_eq!(one("i 10 20").initial(), OscType::Int(10));
        assert_eq!(one("i -20 -10").initial(), OscType::Int(-10));
        assert_eq!(one("i 20 10").initial(), OscType::Int(10));
    }

    #[test]
    fn wrong_formats_are_refused() {
        assert_eq!(parse(""), Err(FormatError::Missing));
        assert_eq!(parse("fs 0 1"), Err(FormatError::Type('s')));
        assert_eq!(parse("f 0"), Err(FormatError::Maximum(0)));
        assert_eq!(parse("f 0 one"), Err(FormatError::Number("one".into())));
        assert_eq!(parse("f 0 nan"), Err(FormatError::Number("nan".into())));
        assert!(matches!(parse("i 0 3e9"), Err(FormatError::Range { letter: 'i', .. })));
        assert!(matches!(parse("d -1e308 1e308"), Err(FormatError::Range { letter: 'd', .. })));
    }
}
