//! The Python symbols that a module needs, and how they stand here.

use rustclad_stub::{Kind, symbol};
use serde::Serialize;

use crate::binary::Binary;
use crate::host::Host;

/// The Python symbols that a module needs, each list in alphabetical order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PythonSymbols {
    /// Those that work.
    pub implemented: Vec<String>,
    /// Functions that Rustclad does not implement yet: a call raises `SystemError`.
    pub not_implemented: Vec<String>,
    /// Names like Python's that CPython 3.14 does not export.
    pub unknown: Vec<String>,
    /// The highest version of the limited API that one of them asks for; None if some are in none.
    pub limited_api: Option<String>,
    /// Those that are not in the limited API.
    pub outside_limited_api: Vec<String>,
}

/// Sorts a module's imports by how they stand here.
pub(crate) fn symbols(binary: &Binary, host: &Host) -> PythonSymbols {
    let mut found = PythonSymbols::default();
    let mut highest = None;
    let mut names: Vec<&String> = binary.imports.iter().map(|import| &import.name).collect();
    names.sort();
    names.dedup();
    for name in names {
        let Some(symbol) = symbol(name) else {
            if name.starts_with("Py") || name.starts_with("_Py") {
                found.unknown.push(name.clone());
            }
            continue;
        };
        let works = symbol.kind != Kind::Function || (host.implemented)(name);
        let list = if works { &mut found.implemented } else { &mut found.not_implemented };
        list.push(name.clone());
        match version(symbol.limited_api_since) {
            Some(version) => highest = highest.max(Some(version)),
            None => found.outside_limited_api.push(name.clone()),
        }
    }
    if found.outside_limited_api.is_empty() && found.unknown.is_empty() {
        found.limited_api = highest.map(|(major, minor)| format!("{major}.{minor}"));
    }
    found
}

fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Symbols that only code for Python without the global lock needs: macros of the headers expand to them.
const OF_FREE_THREADS: [&str; 3] = ["_Py_MergeZeroLocalRefcount", "_Py_DecRefShared", "_Py_IncRefShared"];

/// Whether a module was compiled for Python without the global lock.
pub(crate) fn is_free_threaded(binary: &Binary) -> bool {
    OF_FREE_THREADS.iter().any(|name| binary.needs(name))
        || binary.needed.iter().filter_map(|name| library_version(name)).any(|(_, free_threaded)| free_threaded)
}

/// Of a Python library's name, the minor version (None for the stable ABI's) and whether it has no global lock.
pub(crate) fn library_version(name: &str) -> Option<(Option<u32>, bool)> {
    let lower = name.rsplit('/').next()?.to_ascii_lowercase();
    let rest = lower.strip_prefix("lib").unwrap_or(&lower).strip_prefix("python3")?;
    let minor = rest.strip_prefix('.').filter(|minor| minor.starts_with(|c: char| c.is_ascii_digit()));
    let rest = minor.unwrap_or(rest);
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let flags = &rest[digits.len()..];
    let ends = flags.trim_start_matches('t');
    (ends.is_empty() || ends.starts_with('.')).then(|| (digits.parse().ok(), flags.starts_with('t')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries() {
        assert_eq!(library_version("libpython3.14.so.1.0"), Some((Some(14), false)));
        assert_eq!(library_version("libpython3.13t.so.1.0"), Some((Some(13), true)));
        assert_eq!(library_version("python312.dll"), Some((Some(12), false)));
        assert_eq!(library_version("python3.dll"), Some((None, false)));
        assert_eq!(library_version("libpng16.so"), None);
        assert_eq!(library_version("libboost_python311.so"), None);
    }
}
