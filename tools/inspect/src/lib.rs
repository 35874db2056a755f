//! Tells whether Rustclad can run an extension module or a wheel on this machine, and why not.
//!
//! An [`Inspector`] reads files of any platform (ELF, PE, Mach-O, wheels) without loading them, and gives a [`Report`]
//! on each. `binary` knows the file formats, `libraries` finds what the dynamic loader would find, `python` compares
//! with the C API that is there, `judge` puts them together; `wheel` does that for each library in a wheel.
//!
//! Files may be truncated or hostile: nothing here panics, and [`Limits`] bound what is kept of them.

use std::fs::File;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::rc::Rc;

mod binary;
mod error;
mod generator;
mod host;
mod judge;
mod libraries;
mod limits;
mod python;
mod report;
mod tag;
mod wheel;

pub use binary::{Format, NeededVersion};
pub use error::InspectError;
pub use generator::Generator;
pub use host::Host;
pub use libraries::{Library, Place};
pub use limits::Limits;
pub use python::PythonSymbols;
pub use report::{Details, Facts, Reason, ReasonKind, Report, Wheel, printable};
pub use tag::FileTag;

use binary::Binary;
use judge::Judge;
use libraries::{Bundle, Finder, Origin};

/// Looks at files for one host.
#[derive(Debug)]
pub struct Inspector {
    host: Host,
    limits: Limits,
}

impl Inspector {
    /// An inspector for a host.
    pub fn new(host: Host) -> Self {
        Self { host, limits: Limits::default() }
    }

    /// The same with other limits.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The files to look at: the path itself, or of a folder all shared libraries and wheels in it and its subfolders,
    /// in alphabetical order. Links to folders are not followed.
    ///
    /// # Errors
    /// The path or a folder in it cannot be read, or there are too many files.
    pub fn files(&self, path: &Path) -> Result<Vec<PathBuf>, InspectError> {
        if !std::fs::metadata(path)?.is_dir() {
            return Ok(vec![path.to_owned()]);
        }
        let (mut files, mut folders) = (Vec::new(), vec![path.to_owned()]);
        while let Some(folder) = folders.pop() {
            let read = |error: std::io::Error| InspectError::Read(format!("{}: {error}", folder.display()));
            for entry in std::fs::read_dir(&folder).map_err(read)? {
                let entry = entry.map_err(read)?;
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if entry.file_type().map_err(read)?.is_dir() {
                    folders.push(entry.path());
                } else if (tag::is_library_name(&name) || is_wheel(&name)) && entry.path().is_file() {
                    files.push(entry.path());
                }
            }
            if files.len() + folders.len() > self.limits.files {
                return Err(limits::too_large("the number of files in it", self.limits.files as u64));
            }
        }
        files.sort();
        Ok(files)
    }

    /// The report on a file.
    ///
    /// # Errors
    /// The file cannot be read, or is none of those that are known here.
    pub fn inspect(&self, path: &Path) -> Result<Report, InspectError> {
        // A pipe or device would be waited for, or read without end.
        if !std::fs::metadata(path)?.is_file() {
            return Err(InspectError::Read("not a regular file".to_owned()));
        }
        let file = File::open(path)?;
        let shown = path.display().to_string();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if is_wheel(&name) {
            return wheel::report(&self.host, self.limits, shown, &name, file);
        }
        let bytes = limits::read(file, self.limits.library, "the file")?;
        let path = std::path::absolute(path)?;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        self.library(shown, &name, &bytes, &Origin::Folder(folder))
    }

    /// The report on the bytes of a file of the given name.
    ///
    /// # Errors
    /// As for [`Inspector::inspect`].
    pub fn inspect_bytes(&self, name: &str, bytes: &[u8]) -> Result<Report, InspectError> {
        if is_wheel(name) {
            return wheel::report(&self.host, self.limits, name.to_owned(), name, Cursor::new(bytes));
        }
        self.library(name.to_owned(), name, bytes, &Origin::Wheel(String::new()))
    }

    fn library(&self, path: String, name: &str, bytes: &[u8], origin: &Origin) -> Result<Report, InspectError> {
        let binary = Rc::new(Binary::parse(bytes, &self.host.machine, self.limits.names)?);
        let finder = Finder::new(&self.host, self.limits);
        let judge = Judge { host: &self.host, finder: &finder, bundle: &Bundle::new() };
        Ok(judge.report(path, name, &binary, origin))
    }
}

fn is_wheel(name: &str) -> bool {
    name.ends_with(".whl")
}
