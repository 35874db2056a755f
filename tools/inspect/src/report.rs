//! What is told about a file.

use serde::Serialize;

use crate::binary::{Format, NeededVersion};
use crate::generator::Generator;
use crate::libraries::{Library, Place};
use crate::python::PythonSymbols;
use crate::tag::FileTag;

/// What stands in the way of running a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonKind {
    /// Another machine or operating system, or no library at all.
    WrongPlatform,
    /// Another Python, or another kind of it.
    WrongAbi,
    /// A library that is not on this machine.
    MissingLibrary,
    /// A library of this machine is too old.
    OldLibrary,
    /// A function or variable that nobody exports.
    MissingFunction,
    /// No init function for the module's name.
    NoInitFunction,
    /// It looks into CPython's runtime struct, which differs from patch release to patch release.
    RuntimeStruct,
    /// The wheel is for other versions of Python.
    WrongPython,
    /// A member of the wheel that cannot be read.
    Unreadable,
}

/// One reason why a module cannot run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Its kind.
    pub kind: ReasonKind,
    /// In words.
    pub text: String,
}

impl Reason {
    pub(crate) fn new(kind: ReasonKind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into() }
    }
}

/// What is told about a file.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The file's path, or its path in the wheel.
    pub path: String,
    /// Why it cannot run; empty if it can.
    pub reasons: Vec<Reason>,
    /// What its user should know even if it can run.
    pub remarks: Vec<String>,
    /// More about it.
    #[serde(flatten)]
    pub details: Details,
}

/// More about a file.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Details {
    /// An extension module.
    Module(Box<Facts>),
    /// A library that is no extension module.
    Library(Box<Facts>),
    /// A wheel.
    Wheel(Box<Wheel>),
    /// A member of a wheel that cannot be read.
    Unreadable,
}

/// What is told about a shared library.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    /// Its kind.
    pub format: Format,
    /// The operating system it is for.
    pub os: String,
    /// The machines it is for.
    pub machines: Vec<String>,
    /// The ABI tag in its name.
    pub tag: Option<FileTag>,
    /// Whether it was made for Python without the global lock.
    pub free_threaded: bool,
    /// What made it, by guess.
    pub generator: Option<Generator>,
    /// Its init functions.
    pub init_functions: Vec<String>,
    /// Python symbols it needs.
    pub python: PythonSymbols,
    /// Whether it looks into CPython's runtime struct.
    pub runtime_struct: bool,
    /// Libraries it needs.
    pub libraries: Vec<Library>,
    /// Folders in which it looks for them: DT_RPATH.
    pub rpath: Vec<String>,
    /// Folders in which it looks for them: DT_RUNPATH, or a Mach-O file's rpaths.
    pub runpath: Vec<String>,
    /// Versions of libraries that it needs.
    pub needed_versions: Vec<NeededVersion>,
    /// The highest version of glibc among them.
    pub glibc: Option<String>,
    /// This machine's version of glibc.
    pub glibc_here: Option<String>,
}

/// What is told about a wheel.
#[derive(Clone, Debug, Serialize)]
pub struct Wheel {
    /// The tags in its name, or else in its WHEEL file.
    pub tags: Vec<String>,
    /// Its METADATA's `Requires-Python`.
    pub requires_python: Option<String>,
    /// Whether it has no shared library in it.
    pub pure: bool,
    /// Its shared libraries.
    pub members: Vec<Report>,
}

impl Report {
    /// Whether the file can run here.
    pub fn can_run(&self) -> bool {
        self.reasons.is_empty()
    }

    /// The verdict in one line, without the path.
    pub fn verdict(&self) -> String {
        let texts: Vec<&str> = self.reasons.iter().map(|reason| reason.text.as_str()).collect();
        let remarks = if self.can_run() { few(&self.remarks, "; ") } else { String::new() };
        let text = match (self.can_run(), remarks.is_empty()) {
            (true, true) => "ok".to_owned(),
            (true, false) => format!("ok, but {remarks}"),
            (false, _) => few(&texts, "; "),
        };
        printable(&text)
    }

    /// All that is known, in indented lines.
    pub fn details(&self) -> String {
        let mut lines = Vec::new();
        match &self.details {
            Details::Module(facts) | Details::Library(facts) => facts.lines(&mut lines),
            Details::Wheel(wheel) => wheel.lines(&mut lines),
            Details::Unreadable => {}
        }
        if !self.can_run() {
            lines.extend(self.remarks.iter().map(|remark| format!("remark: {remark}")));
        }
        lines.iter().map(|line| format!("    {}\n", printable(line))).collect()
    }
}

impl Facts {
    fn lines(&self, lines: &mut Vec<String>) {
        lines.push(format!("for: {} {} ({})", self.os, self.machines.join(", "), self.format.name()));
        let mut line = |name: &str, text: String| {
            if !text.is_empty() {
                lines.push(format!("{name}: {text}"));
            }
        };
        line("ABI tag", self.tag.as_ref().map_or_else(String::new, |tag| tag.text.clone()));
        line("free-threaded", if self.free_threaded { "yes".to_owned() } else { String::new() });
        line("made by", self.generator.as_ref().map_or_else(String::new, Generator::text));
        line("init functions", self.init_functions.join(", "));
        line("limited API", self.python.limited_api.clone().unwrap_or_default());
        line("Python symbols implemented", self.python.implemented.join(", "));
        line("Python symbols not implemented", self.python.not_implemented.join(", "));
        line("not in Python 3.14's API", self.python.unknown.join(", "));
        line("rpath", self.rpath.join(":"));
        line("runpath", self.runpath.join(":"));
        for library in &self.libraries {
            line("needs", library.text());
        }
        if let Some(glibc) = &self.glibc {
            let here = self.glibc_here.as_ref().map_or_else(String::new, |here| format!(" (here: {here})"));
            line("needs glibc", format!("{glibc}{here}"));
        }
    }
}

impl Wheel {
    fn lines(&self, lines: &mut Vec<String>) {
        lines.push(format!("tags: {}", self.tags.join(", ")));
        lines.extend(self.requires_python.iter().map(|versions| format!("requires Python: {versions}")));
        if self.pure {
            lines.push("no shared libraries".to_owned());
        }
        for member in &self.members {
            lines.push(format!("{}: {}", member.path, member.verdict()));
            lines.extend(member.details().lines().map(str::to_owned));
        }
    }
}

impl Generator {
    fn text(&self) -> String {
        let version = self.version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
        format!("{}{version}", self.name)
    }
}

impl Library {
    fn text(&self) -> String {
        let place = match &self.place {
            Place::Provided => "Rustclad itself".to_owned(),
            Place::Found(path) => path.display().to_string(),
            Place::Bundled(path) => format!("{path} in the wheel"),
            Place::Missing => "not found".to_owned(),
            Place::NotLookedFor => return self.name.clone(),
        };
        format!("{} => {place}", self.name)
    }
}

/// Some of many names, and how many more there are.
pub(crate) fn few(names: &[impl AsRef<str>], separator: &str) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    let more = names.len().saturating_sub(SHOWN);
    let rest = if more > 0 { format!("{separator}and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join(separator))
}

/// A text of a file, of which a terminal must not obey anything.
pub fn printable(text: &str) -> String {
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).collect()
}
