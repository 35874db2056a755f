//! What a configuration says, as data, and where in its files it says so.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many characters of a line [`pointed`] shows.
const LONGEST_SHOWN: usize = 200;

/// Where something stands in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file as it was named.
    pub file: Arc<Path>,
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// The whole line.
    pub text: Arc<str>,
}

/// `option = value`.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The part in front of the first `=`, trimmed.
    pub option: String,
    /// The part behind it, trimmed.
    pub value: String,
    /// Where it stands; for an override, the section's header.
    pub place: Place,
}

/// A section `[backend NAME]`. One that comes twice is two sections.
#[derive(Clone, Debug)]
pub struct BackendSection {
    /// The backend's name.
    pub backend: String,
    /// Its options in order, overrides first.
    pub options: Vec<Assignment>,
    /// Where the header stands.
    pub place: Place,
}

/// A section `[BACKEND INSTANCE]`.
#[derive(Clone, Debug)]
pub struct Instance {
    /// The backend's name.
    pub backend: String,
    /// The instance's own name.
    pub name: String,
    /// The folder of the file that the header is in; `.` if the file was named without one.
    pub folder: PathBuf,
    /// Its options in order, overrides first.
    pub options: Vec<Assignment>,
    /// Where the header stands.
    pub place: Place,
}

/// One end of a mapping, for one channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ChannelSpec {
    /// Index into [`Config::instances`].
    pub instance: usize,
    /// The channel's name, without globs.
    pub channel: String,
}

/// From one channel to another.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// Where events come from.
    pub source: ChannelSpec,
    /// Where the source is named.
    pub source_place: Place,
    /// Where they go.
    pub destination: ChannelSpec,
    /// Where the destination is named.
    pub destination_place: Place,
}

/// What the files say.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Sections of backends, in order.
    pub backends: Vec<BackendSection>,
    /// Instances, in order.
    pub instances: Vec<Instance>,
    /// The map, each pair once, in order.
    pub map: Vec<Mapping>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// The line of a place, or the part around it if the line is long, with a mark below the column. Control characters are
/// not shown as such: they could do something to a terminal.
#[must_use]
pub fn pointed(place: &Place) -> String {
    let shown = |it: char| if it.is_control() && it != '\t' { char::REPLACEMENT_CHARACTER } else { it };
    let column = place.column.saturating_sub(1) as usize;
    let skipped = column.saturating_sub(LONGEST_SHOWN / 2);
    let line: String = place.text.chars().skip(skipped).take(LONGEST_SHOWN).map(shown).collect();
    let blank: String = line.chars().take(column - skipped).map(|it| if it == '\t' { '\t' } else { ' ' }).collect();
    format!("    {line}\n    {blank}^")
}
