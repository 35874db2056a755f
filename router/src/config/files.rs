//! Where the text of configurations comes from, line by line.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{ConfigError, Fault, Problem};
use super::grammar::Part;
use super::model::Place;

/// Where files come from: the disk, or a program's memory.
pub trait Files {
    /// What all names of a file have in common. A file that includes itself is found by it.
    fn identity(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }

    /// Opens a file.
    ///
    /// # Errors
    /// If there is no such file or it cannot be read.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>>;
}

/// The files of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn identity(&self, path: &Path) -> PathBuf {
        // What has no path of its own, such as a pipe, cannot be read twice anyway.
        fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(fs::File::open(path)?))
    }
}

/// A text by itself: there is nothing that it could include.
pub(super) struct Text<'a>(pub(super) &'a str);

impl Text<'_> {
    /// The name of the text.
    pub(super) const NAME: &'static str = "configuration";
}

impl Files for Text<'_> {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>> {
        if path != Path::new(Self::NAME) {
            return Err(io::Error::new(io::ErrorKind::NotFound, "this configuration has no other files"));
        }
        Ok(Box::new(self.0.as_bytes()))
    }
}

/// A line that is neither empty nor a comment.
pub(super) struct Line {
    file: Arc<Path>,
    number: u32,
    text: Arc<str>,
}

impl Line {
    /// All of it but the blanks at its ends.
    pub(super) fn content(&self) -> Part<'_> {
        Part::of_line(&self.text)
    }

    /// The place behind `at` bytes of the line.
    pub(super) fn place(&self, at: usize) -> Place {
        let characters = self.text.get(..at).map_or(0, |before| before.chars().count());
        let column = u32::try_from(characters).unwrap_or(u32::MAX).saturating_add(1);
        Place { file: self.file.clone(), line: self.number, column, text: self.text.clone() }
    }

    pub(super) fn error(&self, fault: Fault) -> ConfigError {
        ConfigError::Wrong { place: self.place(fault.at), problem: fault.problem }
    }
}

/// A file that is being read.
pub(super) struct OpenFile {
    pub(super) path: Arc<Path>,
    pub(super) identity: PathBuf,
    content: Vec<u8>,
    /// Bytes that are read.
    done: usize,
    /// Lines that are read.
    lines: u32,
}

impl OpenFile {
    /// Reads a file of at most `limit` bytes.
    pub(super) fn new(files: &dyn Files, path: &Path, limit: usize) -> io::Result<Self> {
        let mut content = Vec::new();
        // One byte more shows that there is more.
        files.open(path)?.take(limit as u64 + 1).read_to_end(&mut content)?;
        if content.len() > limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "too long for a configuration"));
        }
        let done = if content.starts_with("\u{feff}".as_bytes()) { '\u{feff}'.len_utf8() } else { 0 };
        Ok(Self { path: path.into(), identity: files.identity(path), content, done, lines: 0 })
    }

    /// How long it is, in bytes.
    pub(super) fn len(&self) -> usize {
        self.content.len()
    }

    /// The next line that is neither empty nor a comment.
    pub(super) fn next_line(&mut self) -> Result<Option<Line>, ConfigError> {
        while let Some(bytes) = self.content.get(self.done..).filter(|rest| !rest.is_empty()) {
            let length = bytes.iter().position(|it| *it == b'\n').unwrap_or(bytes.len());
            let bytes = &bytes[..length];
            self.done += length + 1;
            self.lines = self.lines.saturating_add(1);
            // Comments in files of old are in any encoding, so only what counts has to be UTF-8.
            let text = String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(bytes));
            let content = Part::of_line(&text).text;
            if content.is_empty() || content.starts_with(';') {
                continue;
            }
            let line = Line { file: self.path.clone(), number: self.lines, text: text.as_ref().into() };
            return match std::str::from_utf8(bytes) {
                Ok(_) => Ok(Some(line)),
                Err(error) => Err(line.error(Fault { at: error.valid_up_to(), problem: Problem::NotUtf8 })),
            };
        }
        Ok(None)
    }
}
