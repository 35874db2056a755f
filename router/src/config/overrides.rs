//! Options given on the command line.

use std::fmt;

/// What an override is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Backend,
    Instance,
}

/// One option of a backend or an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Override {
    pub(super) kind: Kind,
    /// The backend's or the instance's name.
    pub(super) target: String,
    pub(super) option: String,
    pub(super) value: String,
}

/// As on the command line.
impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flag = match self.kind {
            Kind::Backend => "-b",
            Kind::Instance => "-i",
        };
        write!(f, "{flag} {}.{}={}", self.target, self.option, self.value)
    }
}

/// A text that is no override.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} sets no option: write {form}")]
pub struct OverrideError {
    /// What was given.
    pub text: String,
    /// How it is written.
    pub form: &'static str,
}

/// Options from the command line. They come first in the first section of their backend or instance, so that what the
/// section itself says wins where an option can be set only once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides(pub(super) Vec<Override>);

impl Overrides {
    /// Adds an option for a section `[backend NAME]`, from `NAME.option=value`.
    ///
    /// # Errors
    /// If the text has another form.
    pub fn parse_backend(&mut self, text: &str) -> Result<(), OverrideError> {
        self.parse(Kind::Backend, text, "BACKEND.OPTION=VALUE")
    }

    /// Adds an option for an instance, from `NAME.option=value`.
    ///
    /// # Errors
    /// If the text has another form.
    pub fn parse_instance(&mut self, text: &str) -> Result<(), OverrideError> {
        self.parse(Kind::Instance, text, "INSTANCE.OPTION=VALUE")
    }

    fn parse(&mut self, kind: Kind, text: &str, form: &'static str) -> Result<(), OverrideError> {
        let parts = text.split_once('=').and_then(|(name, value)| Some((name.split_once('.')?, value)));
        match parts.map(|((target, option), value)| (target.trim(), option.trim(), value.trim())) {
            Some((target, option, value)) if !target.is_empty() && !option.is_empty() => {
                self.0.push(Override { kind, target: target.into(), option: option.into(), value: value.into() });
                Ok(())
            }
            _ => Err(OverrideError { text: text.to_owned(), form }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let mut overrides = Overrides::default();
        overrides.parse_backend("osc.detect = on").unwrap();
        overrides.parse_instance("touch./a.b=f 0 1=2").unwrap();
        overrides.parse_instance("touch.root=").unwrap();
        let shown: Vec<String> = overrides.0.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["-b osc.detect=on", "-i touch./a.b=f 0 1=2", "-i touch.root="]);
    }

    #[test]
    fn wrong_forms() {
        let mut overrides = Overrides::default();
        for text in ["", "osc", "osc.detect", "detect=on", "osc=a.b", ".detect=on", "osc.=on"] {
            let error = overrides.parse_backend(text).unwrap_err();
            assert_eq!(error.to_string(), format!("{text:?} sets no option: write BACKEND.OPTION=VALUE"));
        }
        assert_eq!(overrides, Overrides::default());
    }
}
