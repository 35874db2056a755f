//! Makes the table of implemented C API functions from the sources: every `extern "C" fn` in `src/capi/` whose name
//! starts with `Py` or `_Py` stands behind the symbol of its name.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=src/capi");
    let mut functions = Vec::new();
    for entry in fs::read_dir("src/capi").expect("src/capi is part of the project") {
        let path = entry.expect("a readable folder").path();
        let module = path.file_stem().expect("a file name").to_string_lossy().into_owned();
        if module == "mod" || path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        for line in fs::read_to_string(&path).expect("a readable file").lines() {
            if let Some(name) = function_name(line) {
                functions.push((name.to_owned(), module.clone()));
            }
        }
    }
    functions.sort();
    let mut table = format!("static IMPLEMENTED: [(&str, Address); {}] = [\n", functions.len());
    for (name, module) in functions {
        writeln!(table, "(\"{name}\", Address(crate::capi::{module}::{name} as *const c_void)),").expect("a string");
    }
    table.push_str("];\n");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(out.join("implemented.rs"), table).expect("OUT_DIR is writable");
}

/// The name of the C API function that a line defines.
fn function_name(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub unsafe extern \"C\" fn ")?;
    let name = &rest[..rest.find(|c: char| !c.is_alphanumeric() && c != '_')?];
    (name.starts_with("Py") || name.starts_with("_Py")).then_some(name)
}
