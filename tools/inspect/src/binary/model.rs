//! What a shared library says of itself, as data.

use std::collections::HashSet;

use serde::Serialize;

use crate::generator::Generator;

/// The kind of a shared library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Format {
    /// Linux and most Unix systems.
    #[serde(rename = "ELF")]
    Elf,
    /// Windows.
    #[serde(rename = "PE")]
    Pe,
    /// macOS.
    #[serde(rename = "Mach-O")]
    MachO,
}

impl Format {
    /// Its name in print.
    pub fn name(self) -> &'static str {
        match self {
            Self::Elf => "ELF",
            Self::Pe => "PE",
            Self::MachO => "Mach-O",
        }
    }
}

/// A symbol that a shared library takes from another one.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    /// The name as in C.
    pub(crate) name: String,
    /// Whether the library can do without.
    pub(crate) weak: bool,
}

/// A version of another library's interface that this one asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NeededVersion {
    /// The library that must have it.
    pub library: String,
    /// Its name, such as `GLIBC_2.34`.
    pub version: String,
    /// Whether the library can do without.
    #[serde(skip)]
    pub(crate) weak: bool,
}

/// A shared library's own words.
#[derive(Clone, Debug)]
pub(crate) struct Binary {
    pub(crate) format: Format,
    /// One, or for a universal Mach-O file all of them.
    pub(crate) machines: Vec<String>,
    pub(crate) os: String,
    /// Whether it is a library, not a program or an object file.
    pub(crate) shared: bool,
    pub(crate) imports: Vec<Import>,
    pub(crate) exports: HashSet<String>,
    pub(crate) needed: Vec<String>,
    pub(crate) rpath: Vec<String>,
    pub(crate) runpath: Vec<String>,
    pub(crate) needed_versions: Vec<NeededVersion>,
    pub(crate) defined_versions: HashSet<String>,
    pub(crate) generator: Option<Generator>,
}

impl Binary {
    pub(crate) fn new(format: Format, machine: String, os: &str) -> Self {
        Self {
            format,
            machines: vec![machine],
            os: os.to_owned(),
            shared: true,
            imports: Vec::new(),
            exports: HashSet::new(),
            needed: Vec::new(),
            rpath: Vec::new(),
            runpath: Vec::new(),
            needed_versions: Vec::new(),
            defined_versions: HashSet::new(),
            generator: None,
        }
    }

    /// Its init functions.
    pub(crate) fn init_functions(&self) -> Vec<String> {
        let is_init = |name: &&String| name.starts_with("PyInit_") || name.starts_with("PyInitU_");
        let mut found: Vec<String> = self.exports.iter().filter(is_init).cloned().collect();
        found.sort();
        found
    }

    /// Whether it takes anything from Python.
    pub(crate) fn uses_python(&self) -> bool {
        self.imports.iter().any(|import| import.name.starts_with("Py"))
    }

    /// Whether it uses Python or is a module of it.
    pub(super) fn is_of_python(&self) -> bool {
        self.uses_python() || !self.init_functions().is_empty()
    }

    /// Whether it takes the symbol `name` from another library.
    pub(crate) fn needs(&self, name: &str) -> bool {
        self.imports.iter().any(|import| import.name == name)
    }
}
