//! Puts together what is known of one shared library, and decides whether it can run.

use std::rc::Rc;

use crate::binary::{Binary, Format};
use crate::host::{Host, glibc_version};
use crate::libraries::{Bundle, Closure, Finder, Library, Origin, Place};
use crate::python::{self, PythonSymbols};
use crate::report::{Details, Facts, Reason, ReasonKind, Report, few};
use crate::tag::{self, FileTag};

/// What a verdict needs besides the library itself.
pub(crate) struct Judge<'a> {
    pub(crate) host: &'a Host,
    pub(crate) finder: &'a Finder<'a>,
    pub(crate) bundle: &'a Bundle,
}

impl Judge<'_> {
    /// The report on a library of the given path and file name.
    pub(crate) fn report(&self, path: String, file: &str, binary: &Rc<Binary>, origin: &Origin) -> Report {
        let tag = FileTag::parse(file);
        let mut facts = facts(self.host, binary, tag);
        let is_module = is_module(file, binary, &facts);
        let mut reasons = self.wrong_platform(binary);
        let here = reasons.is_empty();
        if is_module {
            reasons.extend(self.wrong_abi(&facts, binary));
        }
        if here && self.host.is_searchable() {
            let closure = self.finder.closure(binary, origin, self.bundle);
            facts.python.unknown.retain(|name| !closure.exports(name));
            reasons.extend(missing(binary, &closure));
            facts.libraries = closure.direct;
        }
        if facts.runtime_struct {
            let text = "it looks into CPython's runtime struct (_PyRuntime), which ties it to one patch release";
            reasons.push(Reason::new(ReasonKind::RuntimeStruct, text));
        }
        if is_module && binary.shared {
            reasons.extend(no_init(file, &facts.init_functions));
        }
        let remarks = remarks(&facts);
        let facts = Box::new(facts);
        let details = if is_module { Details::Module(facts) } else { Details::Library(facts) };
        Report { path, reasons, remarks, details }
    }

    fn wrong_platform(&self, binary: &Binary) -> Vec<Reason> {
        let host = self.host;
        let fits = binary.os == host.os && binary.machines.contains(&host.machine);
        let mut reasons = Vec::new();
        if !fits {
            let text = format!(
                "wrong platform: it is for {} {}, this is {} {}",
                binary.os,
                binary.machines.join(" and "),
                host.os,
                host.machine
            );
            reasons.push(Reason::new(ReasonKind::WrongPlatform, text));
        }
        if !binary.shared {
            reasons
                .push(Reason::new(ReasonKind::WrongPlatform, "not a shared library, but a program or an object file"));
        }
        reasons
    }

    /// What name, libraries and symbols say about the Python that a module is for.
    fn wrong_abi(&self, facts: &Facts, binary: &Binary) -> Option<Reason> {
        let (major, minor, _) = self.host.python;
        let here = major * 100 + minor;
        let wrong = |text: String| {
            let text = format!("wrong ABI: {text}; Rustclad loads cpython-{here} and abi3 modules");
            Some(Reason::new(ReasonKind::WrongAbi, text))
        };
        if facts.free_threaded {
            return wrong("it was made for free-threaded Python".to_owned());
        }
        if let Some(tag) = &facts.tag {
            if !tag.stable && (tag.cpython != Some(here) || tag.debug) {
                return wrong(format!("its name says {}", tag.text));
            }
            if tag.machine.is_some_and(|machine| !binary.machines.iter().any(|own| own == machine)) {
                return wrong(format!("its name says {}, but it is for {}", tag.text, binary.machines.join(" and ")));
            }
        }
        let other = |name: &&String| {
            python::library_version(name).is_some_and(|(version, _)| version.is_some_and(|version| version != minor))
        };
        binary.needed.iter().find(other).and_then(|name| wrong(format!("it needs {name}")))
    }
}

fn facts(host: &Host, binary: &Binary, tag: Option<FileTag>) -> Facts {
    let glibc = binary.needed_versions.iter().filter_map(|needed| glibc_version(&needed.version)).max();
    let text = |(major, minor): (u32, u32)| format!("{major}.{minor}");
    let not_looked_for = |name: &String| Library { name: name.clone(), place: Place::NotLookedFor };
    Facts {
        format: binary.format,
        os: binary.os.clone(),
        machines: binary.machines.clone(),
        free_threaded: tag.as_ref().is_some_and(|tag| tag.free_threaded) || python::is_free_threaded(binary),
        tag,
        generator: binary.generator.clone(),
        init_functions: binary.init_functions(),
        python: python::symbols(binary, host),
        runtime_struct: binary.needs("_PyRuntime"),
        libraries: binary.needed.iter().map(not_looked_for).collect(),
        rpath: binary.rpath.clone(),
        runpath: binary.runpath.clone(),
        needed_versions: binary.needed_versions.clone(),
        glibc: glibc.map(text),
        glibc_here: glibc.and_then(|_| host.glibc()).map(text),
    }
}

/// Whether a library is meant to be imported: others lie in the same folders and wheels.
fn is_module(file: &str, binary: &Binary, facts: &Facts) -> bool {
    let init = !facts.init_functions.is_empty();
    let imported = [".so", ".pyd"].iter().any(|ending| file.ends_with(ending));
    init || facts.tag.is_some() || (imported && (binary.uses_python() || !binary.shared) && !file.starts_with("lib"))
}

/// What would not be found when the module is loaded.
fn missing(binary: &Binary, closure: &Closure) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for (name, needed_by) in &closure.missing {
        let by = needed_by.as_ref().map_or_else(String::new, |by| format!(", which {by} needs"));
        reasons.push(Reason::new(ReasonKind::MissingLibrary, format!("missing library {name}{by}")));
    }
    let mut old: Vec<String> = closure.old.iter().map(|it| format!("{} lacks {}", it.library, it.version)).collect();
    old.sort();
    old.dedup();
    reasons.extend(old.into_iter().map(|text| Reason::new(ReasonKind::OldLibrary, text)));
    if closure.missing.is_empty() && binary.format == Format::Elf {
        reasons.extend(missing_functions(binary, closure));
    }
    reasons
}

fn missing_functions(binary: &Binary, closure: &Closure) -> Option<Reason> {
    let provided = |name: &str| rustclad_stub::symbol(name).is_some() || closure.exports(name);
    let lost = binary.imports.iter().filter(|import| !import.weak && !provided(&import.name));
    let mut names: Vec<&str> = lost.map(|import| import.name.as_str()).collect();
    names.sort_unstable();
    let word = if names.len() == 1 { "function" } else { "functions" };
    let text = format!("missing {word} {}", few(&names, ", "));
    (!names.is_empty()).then(|| Reason::new(ReasonKind::MissingFunction, text))
}

fn no_init(file: &str, found: &[String]) -> Option<Reason> {
    let name = tag::module_name(file);
    let expected = format!("PyInit_{name}");
    // Names beyond ASCII are in punycode: any such function may be the one.
    let fits = |function: &String| *function == expected || (!name.is_ascii() && function.starts_with("PyInitU_"));
    if found.iter().any(fits) {
        return None;
    }
    let others = if found.is_empty() { String::new() } else { format!(" (it has {})", few(found, ", ")) };
    Some(Reason::new(ReasonKind::NoInitFunction, format!("no init function {expected}{others}")))
}

/// What may go wrong later, and what is odd.
fn remarks(facts: &Facts) -> Vec<String> {
    let PythonSymbols { not_implemented, outside_limited_api, unknown, .. } = &facts.python;
    let mut remarks = Vec::new();
    if !not_implemented.is_empty() {
        remarks.push(format!("calls of {} raise SystemError", few(not_implemented, ", ")));
    }
    let stable = facts.tag.as_ref().is_some_and(|tag| tag.stable);
    if stable && !outside_limited_api.is_empty() {
        remarks.push(format!("{} are not in the limited API", few(outside_limited_api, ", ")));
    }
    if facts.format != Format::Elf && !unknown.is_empty() {
        remarks.push(format!("{} are not in Python 3.14's API", few(unknown, ", ")));
    }
    remarks
}
