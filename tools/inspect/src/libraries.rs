//! Finds the libraries that a module needs, as the dynamic loader does, and what they export.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde::Serialize;

use crate::binary::{Binary, NeededVersion};
use crate::host::Host;
use crate::limits::{self, Limits};

/// Where a needed library is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "status", content = "path")]
pub enum Place {
    /// Rustclad is that library.
    Provided,
    /// A file of this machine.
    Found(PathBuf),
    /// A member of the wheel.
    Bundled(String),
    /// Nowhere.
    Missing,
    /// It was not looked for, because the module is for another platform.
    NotLookedFor,
}

/// A library that a module needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Library {
    /// The name by which it is asked for.
    pub name: String,
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
}

/// Where a library that needs others lies.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// A folder of this machine.
    Folder(PathBuf),
    /// A folder in a wheel; the wheel's own is empty.
    Wheel(String),
}

/// The shared libraries in a wheel, by their path in it.
pub(crate) type Bundle = BTreeMap<String, Rc<Binary>>;

/// More libraries than any process loads.
const MOST_LIBRARIES: usize = 1024;

/// What the program itself has loaded: all modules find its symbols.
const OF_THE_PROGRAM: [&str; 4] = ["libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2"];

/// Finds libraries, and remembers those that it read.
pub(crate) struct Finder<'a> {
    host: &'a Host,
    limits: Limits,
    read: RefCell<HashMap<PathBuf, Option<Rc<Binary>>>>,
}

/// All that would be loaded for a module.
#[derive(Default)]
pub(crate) struct Closure {
    /// What the module itself asks for.
    pub(crate) direct: Vec<Library>,
    /// What is nowhere, with the name of the library that needs it, if it is not the module.
    pub(crate) missing: Vec<(String, Option<String>)>,
    /// Versions that a library which is there does not have.
    pub(crate) old: Vec<NeededVersion>,
    loaded: Vec<Rc<Binary>>,
}

impl Closure {
    /// Whether a library that would be loaded exports a symbol.
    pub(crate) fn exports(&self, name: &str) -> bool {
        self.loaded.iter().any(|library| library.exports.contains(name))
    }
}

/// A library whose needs are looked at.
struct Task {
    name: Option<String>,
    binary: Rc<Binary>,
    origin: Origin,
    /// Folders of the DT_RPATH of those that need it: they count for it, too.
    inherited: Vec<(Origin, String)>,
}

impl<'a> Finder<'a> {
    pub(crate) fn new(host: &'a Host, limits: Limits) -> Self {
        Self { host, limits, read: RefCell::default() }
    }

    /// All that would be loaded for a module that lies at `origin`.
    pub(crate) fn closure(&self, module: &Rc<Binary>, origin: &Origin, bundle: &Bundle) -> Closure {
        let mut closure = Closure::default();
        let mut seen = HashSet::new();
        let first = Task { name: None, binary: module.clone(), origin: origin.clone(), inherited: Vec::new() };
        let mut tasks = vec![first];
        while let Some(task) = tasks.pop() {
            let inherited = rpaths(&task);
            let mut by_name = HashMap::new();
            for name in &task.binary.needed {
                let place = self.find(name, &task, &inherited, bundle);
                if task.name.is_none() {
                    closure.direct.push(Library { name: name.clone(), place: place.clone() });
                }
                if place == Place::Missing && seen.insert(name.clone()) {
                    closure.missing.push((name.clone(), task.name.clone()));
                }
                let Some((binary, origin)) = self.open(&place, bundle) else { continue };
                by_name.insert(name.clone(), binary.clone());
                if seen.len() < MOST_LIBRARIES && seen.insert(name.clone()) {
                    let (name, inherited) = (Some(name.clone()), inherited.clone());
                    tasks.push(Task { name, binary, origin, inherited });
                }
            }
            closure.old.extend(old_versions(&task.binary, &by_name));
            closure.loaded.push(task.binary);
        }
        let program = OF_THE_PROGRAM.iter().filter_map(|name| self.host.system_library(name));
        closure.loaded.extend(program.filter_map(|path| self.read(&path)));
        closure
    }

    /// The loader's order: DT_RPATH if there is no DT_RUNPATH, LD_LIBRARY_PATH, DT_RUNPATH, the system's folders. A
    /// wheel's own copy under another folder comes last: packages load such libraries themselves beforehand.
    fn find(&self, name: &str, task: &Task, inherited: &[(Origin, String)], bundle: &Bundle) -> Place {
        if name == rustclad_stub::SONAME {
            return Place::Provided;
        }
        if name.contains('/') {
            let path = PathBuf::from(name);
            return if path.is_file() { Place::Found(path) } else { Place::Missing };
        }
        let own = task.binary.runpath.iter().map(|folder| (&task.origin, folder));
        let inherited = inherited.iter().map(|(origin, folder)| (origin, folder));
        let before = inherited.filter(|_| task.binary.runpath.is_empty());
        let look = |(origin, folder): (&Origin, &String)| place_in(origin, folder, name, bundle);
        let from_environment = || self.host.library_path().iter().map(|it| it.join(name)).find(|it| it.is_file());
        before
            .filter_map(look)
            .next()
            .or_else(|| from_environment().map(Place::Found))
            .or_else(|| own.filter_map(look).next())
            .or_else(|| self.host.system_library(name).map(Place::Found))
            .or_else(|| bundle.keys().find(|path| file_name(path) == name).map(|path| Place::Bundled(path.clone())))
            .unwrap_or(Place::Missing)
    }

    fn open(&self, place: &Place, bundle: &Bundle) -> Option<(Rc<Binary>, Origin)> {
        match place {
            Place::Found(path) => {
                let folder = path.parent().unwrap_or(Path::new("")).to_owned();
                Some((self.read(path)?, Origin::Folder(folder)))
            }
            Place::Bundled(path) => Some((bundle.get(path)?.clone(), Origin::Wheel(parent(path).to_owned()))),
            _ => None,
        }
    }

    /// A library of this machine; None for one that cannot be read, which the loader may know better how to.
    fn read(&self, path: &Path) -> Option<Rc<Binary>> {
        if let Some(known) = self.read.borrow().get(path) {
            return known.clone();
        }
        let binary = std::fs::File::open(path)
            .ok()
            .and_then(|file| limits::read(file, self.limits.library, "a library").ok())
            .and_then(|bytes| Binary::parse(&bytes, &self.host.machine, self.limits.names).ok())
            .map(Rc::new);
        self.read.borrow_mut().insert(path.to_owned(), binary.clone());
        binary
    }
}

/// Folders in which the needs of a library and of its needs are looked for first.
fn rpaths(task: &Task) -> Vec<(Origin, String)> {
    let own = task.binary.rpath.iter().map(|folder| (task.origin.clone(), folder.clone()));
    let own = own.filter(|_| task.binary.runpath.is_empty());
    own.chain(task.inherited.iter().cloned()).take(MOST_LIBRARIES).collect()
}

/// Versions that the libraries which were found do not have. One without any versions is taken as it is.
fn old_versions(binary: &Binary, libraries: &HashMap<String, Rc<Binary>>) -> Vec<NeededVersion> {
    let lacks = |version: &&NeededVersion| {
        let library = libraries.get(&version.library);
        library.is_some_and(|it| !it.defined_versions.is_empty() && !it.defined_versions.contains(&version.version))
    };
    binary.needed_versions.iter().filter(|version| !version.weak).filter(lacks).cloned().collect()
}

/// Whether a library lies in a folder of a search path, in which `$ORIGIN` is the folder of the one that needs it.
fn place_in(origin: &Origin, folder: &str, name: &str, bundle: &Bundle) -> Option<Place> {
    let relative = ["$ORIGIN", "${ORIGIN}"].iter().find_map(|word| folder.strip_prefix(word));
    match (relative, origin) {
        (Some(rest), Origin::Wheel(home)) => {
            let path = normal(&format!("{home}{rest}/{name}"))?;
            bundle.contains_key(&path).then_some(Place::Bundled(path))
        }
        (Some(rest), Origin::Folder(home)) => {
            let path = home.join(rest.trim_start_matches('/')).join(name);
            path.is_file().then_some(Place::Found(path))
        }
        (None, _) => {
            let path = Path::new(folder).join(name);
            (path.is_absolute() && path.is_file()).then_some(Place::Found(path))
        }
    }
}

/// A path in a wheel without `.` and `..`; None if it leads out of the wheel.
fn normal(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop()?;
        } else {
            parts.push(part);
        }
    }
    Some(parts.join("/"))
}

/// The folder of a path in a wheel.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The file name of a path in a wheel.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}
