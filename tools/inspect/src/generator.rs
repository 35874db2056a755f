//! Guesses what made an extension module, by what each generator leaves in the file.

use memchr::memmem;
use serde::Serialize;

/// What made an extension module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Generator {
    /// Its name, or `hand-written C`.
    pub name: &'static str,
    /// Its version, where the file tells it.
    pub version: Option<String>,
}

/// Texts that a generator's modules have in them. The first that fits counts: Cython's own modules may mention cffi,
/// and nanobind's and pybind11's names occur in each other's messages.
const MARKS: [(&str, &[&[u8]]); 10] = [
    ("Cython", &[b"_cython_", b"__pyx_capi__", b"cython_runtime", b"__pyx_vtable__"]),
    ("PyO3", &[b"pyo3_runtime.", b"PyO3 modules "]),
    ("nanobind", &[b"__nb_internals_v", b"nb_func_vectorcall", b"nanobind::"]),
    ("pybind11", &[b"pybind11_builtins", b"__pybind11_internals", b"pybind11_object"]),
    ("mypyc", &[b"__mypyc", b"CPyStatics", b"mypyc_"]),
    ("Boost.Python", &[b"Boost.Python.", b"libboost_python"]),
    ("SWIG", &[b"swig_runtime_data", b"SwigPyObject"]),
    ("cffi", &[b"_cffi_backend", b"_cffi_exports"]),
    ("f2py", &[b"F2PY_", b"f2py_"]),
    ("Rust", &[b"/rustc/", b"rustc version "]),
];

/// Guesses what made a library that uses Python.
pub(crate) fn guess(bytes: &[u8]) -> Generator {
    let has = |mark: &&'static [u8]| memmem::find(bytes, mark).is_some();
    let found = MARKS.iter().find(|(_, marks)| marks.iter().any(has));
    let name = found.map_or("hand-written C", |(name, _)| name);
    let version = match name {
        "Cython" => version_after(bytes, b"_cython_", b'_'),
        "PyO3" => version_after(bytes, b"/pyo3-", b'.'),
        "pybind11" => {
            version_after(bytes, b"__pybind11_internals_v", b'.').map(|version| format!("internals {version}"))
        }
        _ => None,
    };
    Generator { name, version }
}

/// The version that follows the first `mark` that a digit follows: numbers with `separator` between them.
fn version_after(bytes: &[u8], mark: &[u8], separator: u8) -> Option<String> {
    let start = memmem::find_iter(bytes, mark)
        .map(|at| at + mark.len())
        .find(|start| bytes.get(*start).is_some_and(u8::is_ascii_digit))?;
    let digits = |byte: &&u8| byte.is_ascii_digit() || **byte == separator;
    let text: Vec<u8> = bytes[start..].iter().take(20).take_while(digits).copied().collect();
    let text = String::from_utf8(text).ok()?.replace(char::from(separator), ".");
    Some(text.trim_end_matches('.').to_owned())
}
