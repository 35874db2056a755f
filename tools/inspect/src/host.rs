//! What modules are to run on: this machine's platform, libraries and the Python that Rustclad is.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::binary::Binary;
use crate::limits::Limits;

/// What modules are to run on.
#[derive(Debug)]
pub struct Host {
    /// The operating system, in Rust's words.
    pub os: String,
    /// The machine, in Rust's words.
    pub machine: String,
    /// The version of Python: major, minor, micro.
    pub python: (u32, u32, u32),
    /// Whether a function of the C API is implemented.
    pub implemented: fn(&str) -> bool,
    search: Option<Search>,
}

/// Where the dynamic loader looks, in its order.
#[derive(Debug)]
struct Search {
    /// Folders of `LD_LIBRARY_PATH`.
    first: Vec<PathBuf>,
    /// The libraries of its cache, once asked for.
    cache: OnceLock<HashMap<String, PathBuf>>,
    /// The system's folders.
    last: Vec<PathBuf>,
    /// The version of the C library, once asked for.
    glibc: OnceLock<Option<(u32, u32)>>,
}

/// Where the dynamic loader looks at last; distributions have a folder named for the machine, too.
const DEFAULT_FOLDERS: [&str; 4] = ["/lib64", "/usr/lib64", "/lib", "/usr/lib"];

impl Host {
    /// This machine. `python` is the version that scripts see, `implemented` knows the functions of the C API.
    pub fn this(python: (u32, u32, u32), implemented: fn(&str) -> bool) -> Self {
        let path = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
        let first = std::env::split_paths(&path).filter(|folder| !folder.as_os_str().is_empty()).collect();
        let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
        let last = DEFAULT_FOLDERS.iter().map(Path::new);
        let last = last.flat_map(|folder| [folder.join(&triplet), folder.to_owned()]).collect();
        let search = Search { first, cache: OnceLock::new(), last, glibc: OnceLock::new() };
        Self { search: Some(search), ..Self::offline(python, implemented) }
    }

    /// A machine of which only the kind is known: no file of it is looked at, and every library counts as there.
    pub fn offline(python: (u32, u32, u32), implemented: fn(&str) -> bool) -> Self {
        let (os, machine) = (std::env::consts::OS.to_owned(), std::env::consts::ARCH.to_owned());
        Self { os, machine, python, implemented, search: None }
    }

    /// Whether files of the machine may be looked at.
    pub(crate) fn is_searchable(&self) -> bool {
        self.search.is_some()
    }

    /// Folders of `LD_LIBRARY_PATH`.
    pub(crate) fn library_path(&self) -> &[PathBuf] {
        self.search.as_ref().map_or(&[], |search| &search.first)
    }

    /// A library as the loader finds it without the words of the one that needs it.
    pub(crate) fn system_library(&self, name: &str) -> Option<PathBuf> {
        let search = self.search.as_ref()?;
        if let Some(path) = search.cache.get_or_init(|| loader_cache(&self.machine)).get(name) {
            return Some(path.clone());
        }
        search.last.iter().map(|folder| folder.join(name)).find(|path| path.is_file())
    }

    /// The version of the machine's C library, if it is glibc.
    pub(crate) fn glibc(&self) -> Option<(u32, u32)> {
        let search = self.search.as_ref()?;
        *search.glibc.get_or_init(|| {
            let bytes = std::fs::read(self.system_library("libc.so.6")?).ok()?;
            let library = Binary::parse(&bytes, &self.machine, Limits::default().names).ok()?;
            library.defined_versions.iter().filter_map(|version| glibc_version(version)).max()
        })
    }
}

/// The numbers of a version such as `GLIBC_2.34`.
pub(crate) fn glibc_version(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.strip_prefix("GLIBC_")?.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

/// The libraries that the dynamic loader's cache knows for this machine; empty without such a cache.
fn loader_cache(machine: &str) -> HashMap<String, PathBuf> {
    let run = |program: &str| Command::new(program).arg("-p").output().ok();
    // Users other than root rarely have its folder on their path.
    let Some(output) = run("ldconfig").or_else(|| run("/sbin/ldconfig")) else { return HashMap::new() };
    let kind = if machine == "x86_64" { "x86-64" } else { "" };
    let mut found = HashMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        if let Some((left, path)) = line.split_once(" => ")
            && let Some((name, kinds)) = left.trim().split_once(' ')
            && kinds.contains(kind)
        {
            found.entry(name.to_owned()).or_insert_with(|| PathBuf::from(path));
        }
    }
    found
}
