//! The ABI tag in an extension module's file name.

use serde::Serialize;

/// The ABI tag in a file name, such as `cpython-314t-x86_64-linux-gnu`, `cp312-win_amd64` or `abi3`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileTag {
    /// The tag as it stands in the name.
    pub text: String,
    /// CPython's version, such as 314; None for the stable ABI and other implementations.
    pub cpython: Option<u32>,
    /// Built for Python without the global lock.
    pub free_threaded: bool,
    /// Built for a debug build of Python.
    pub debug: bool,
    /// The stable ABI.
    pub stable: bool,
    /// The machine it names.
    pub machine: Option<&'static str>,
}

/// Words for machines in tags, and the machines in Rust's words.
const MACHINES: [(&str, &str); 10] = [
    ("x86_64", "x86_64"),
    ("amd64", "x86_64"),
    ("aarch64", "aarch64"),
    ("arm64", "aarch64"),
    ("i386", "x86"),
    ("i686", "x86"),
    ("win32", "x86"),
    ("riscv64", "riscv64"),
    ("powerpc64le", "powerpc64le"),
    ("s390x", "s390x"),
];

impl FileTag {
    /// The tag of a file name without folders; None if it has none.
    pub fn parse(file: &str) -> Option<Self> {
        let (_, text) = stem(file)?.rsplit_once('.')?;
        let stable = matches!(text, "abi3" | "abi3t");
        let version = text.strip_prefix("cpython-").or_else(|| text.strip_prefix("cp"));
        let version = version.filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        let other = ["pypy", "graalpy"].iter().any(|name| text.starts_with(name));
        if !stable && version.is_none() && !other {
            return None;
        }
        let abi = version.and_then(|rest| rest.split('-').next()).unwrap_or("");
        let digits = abi.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let flags = &abi[digits.len()..];
        Some(Self {
            text: text.to_owned(),
            cpython: digits.parse().ok(),
            free_threaded: flags.contains('t') || text == "abi3t",
            debug: flags.contains('d'),
            stable,
            machine: MACHINES.iter().find(|(word, _)| text.contains(word)).map(|(_, machine)| *machine),
        })
    }
}

/// A file name without the ending of shared libraries; None if it has another one.
fn stem(file: &str) -> Option<&str> {
    [".so", ".pyd", ".dylib"].iter().find_map(|ending| file.strip_suffix(ending))
}

/// The last part of the module's name that a file name stands for.
pub(crate) fn module_name(file: &str) -> &str {
    file.split('.').next().unwrap_or(file)
}

/// Whether a file name is one of a shared library, `libx.so.1` included.
pub(crate) fn is_library_name(file: &str) -> bool {
    let numbered = file.split_once(".so.").is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()));
    numbered || stem(file).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags() {
        let tag = FileTag::parse("x.cpython-314t-x86_64-linux-gnu.so").unwrap();
        assert_eq!((tag.cpython, tag.free_threaded, tag.machine), (Some(314), true, Some("x86_64")));
        let tag = FileTag::parse("x.cp312-win_amd64.pyd").unwrap();
        assert_eq!((tag.cpython, tag.free_threaded, tag.machine), (Some(312), false, Some("x86_64")));
        assert!(FileTag::parse("x.abi3.so").unwrap().stable);
        assert!(FileTag::parse("x.pypy311-pp73-x86_64-linux-gnu.so").unwrap().cpython.is_none());
        for plain in ["x.so", "libx.so.1", "x.y.so", "x.cpu.so", "x.py"] {
            assert_eq!(FileTag::parse(plain), None, "{plain}");
        }
    }
}
