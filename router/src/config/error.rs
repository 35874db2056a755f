//! What can be wrong with a configuration.

use std::io;
use std::path::PathBuf;

use super::limits::{MAX_CHANNELS, MAX_FILES, MAX_MAP};
use super::model::{Place, pointed};

/// Why a configuration cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The configuration itself cannot be read; for a file that it includes see [`Problem::Unreadable`].
    #[error("{}: {error}; give the path of a configuration that can be read", file.display())]
    Unreadable {
        /// The path.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Something is wrong in a file.
    #[error("{place}: {problem}\n{}", pointed(place))]
    Wrong {
        /// Where.
        place: Place,
        /// What.
        problem: Problem,
    },
    /// An override is for a section that there is not.
    #[error("{given}: the configuration has no section [{section}]; correct the name or add the section")]
    UnusedOverride {
        /// The override, as on the command line.
        given: String,
        /// The section it is for.
        section: String,
    },
}

/// What is wrong at a place in a file.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The line is not UTF-8, and no comment.
    #[error("this is not UTF-8; save the file as UTF-8")]
    NotUtf8,
    /// A line begins as a header does and does not end as one.
    #[error("this header has no ] at its end; close it, and put nothing behind it")]
    OpenHeader,
    /// A header of another form.
    #[error(
        "{section:?} is no section; write [map], [backend NAME], [include FILE] or, for an instance, [BACKEND INSTANCE]"
    )]
    UnknownSection {
        /// What is in the brackets.
        section: String,
    },
    /// An instance's name that a mapping could not use.
    #[error("{name:?} cannot be an instance's name; write one without blanks and dots")]
    InvalidName {
        /// The name.
        name: String,
    },
    /// An instance's name is taken.
    #[error("there is an instance {name:?} already, at {first}; give this one another name")]
    DuplicateInstance {
        /// The name.
        name: String,
        /// Where the other one is.
        first: Place,
    },
    /// An included file cannot be read.
    #[error("{}: {error}; correct the path, which is relative to the folder of this file", file.display())]
    Unreadable {
        /// The file, from the working directory.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file includes itself, directly or not.
    #[error("{chain}; remove this include or another one of these")]
    IncludeCycle {
        /// The files, from the outermost.
        chain: String,
    },
    /// There are too many includes.
    #[error("this is the include after number {MAX_FILES}, the most there can be; put files together")]
    TooManyFiles,
    /// An option in front of the first section.
    #[error("this stands in no section; put a header such as [backend NAME] or [BACKEND INSTANCE] above it")]
    NoSection,
    /// A line of a backend or an instance that is no option.
    #[error("this is no option; write option = value")]
    NotAssignment,
    /// A mapping that is not in the map.
    #[error("this mapping is not in the map; put the header [map] above it")]
    MappingOutsideMap,
    /// A line of the map that is no mapping.
    #[error(
        "this is no mapping; write INSTANCE.CHANNEL > INSTANCE.CHANNEL (or <, or <> for both ways); options go above \
         [map]"
    )]
    NotMapping,
    /// More than one arrow.
    #[error("this is a second arrow; write one mapping on a line, with one of <, >, <> and ><")]
    SecondArrow,
    /// A side of a mapping that names no channel.
    #[error("{side:?} names no channel; write INSTANCE.CHANNEL")]
    NoChannel {
        /// The side.
        side: String,
    },
    /// A mapping names an instance that there is not, or not yet.
    #[error(
        "there is no instance {name:?} above this line; define it there with [BACKEND {name}], or correct the name"
    )]
    NoInstance {
        /// The name.
        name: String,
    },
    /// A brace that is not closed.
    #[error("this {{ is not closed; write a }} behind the last number or item")]
    OpenGlob,
    /// A brace inside of braces.
    #[error("braces cannot be inside of braces; put them next to each other, or write several mappings")]
    NestedGlob,
    /// Braces with something else inside.
    #[error("{glob:?} is neither a range nor a list; write {{1..5}} or {{a,b}}")]
    WrongGlob {
        /// What is in the braces.
        glob: String,
    },
    /// A name that stands for too many channels.
    #[error("this is more than {MAX_CHANNELS} channels; write several mappings")]
    TooManyChannels,
    /// The sides of a mapping differ in number, and neither is single.
    #[error("{left} channels on the left, {right} on the right; make them as many, or one of them a single channel")]
    Unequal {
        /// Channels on the left.
        left: usize,
        /// Channels on the right.
        right: usize,
    },
    /// The map takes too much memory.
    #[error("with this the map takes more than {} MiB; map fewer channels, or give them shorter names", MAX_MAP >> 20)]
    MapTooLarge,
}

/// A problem on a line whose file is not known here.
#[derive(Debug)]
pub(super) struct Fault {
    /// Bytes in front of it on the line.
    pub(super) at: usize,
    pub(super) problem: Problem,
}
