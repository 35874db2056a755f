//! Whatever is wrong with a file, loading it is an `ImportError` with path and reason, and the process goes on.

use rustclad_tests::{Rustclad, fixture, module, root, scratch};
use std::fs;
use std::path::{Path, PathBuf};

/// Loads `path` as module `name` and checks that the error is one of path and reason: any of `reasons`.
fn refused(name: &str, path: &Path, reasons: &[&str]) {
    let driver = root().join("tests/python/load.py");
    let printed = Rustclad::new().args([driver.as_os_str(), name.as_ref(), path.as_ref()]).succeed();
    assert!(printed.starts_with("ImportError: "), "no ImportError\n{printed}");
    assert!(printed.ends_with("alive\n"), "not alive\n{printed}");
    let path = path.display().to_string();
    assert!(printed.lines().next().is_some_and(|line| line.contains(&path)), "no path in the message\n{printed}");
    assert!(printed.contains(&format!("name '{name}', path '{path}'")), "no name or path on the error\n{printed}");
    let lower = printed.to_lowercase();
    assert!(reasons.iter().any(|reason| lower.contains(&reason.to_lowercase())), "none of {reasons:?}\n{printed}");
}

/// A file of `bytes` that is named like a module.
fn file(test: &str, bytes: &[u8]) -> PathBuf {
    let path = scratch(test).join("bad.cpython-314-x86_64-linux-gnu.so");
    fs::write(&path, bytes).unwrap();
    path
}

/// A real module with some bytes of its ELF header changed.
fn patched(test: &str, offset: usize, bytes: &[u8]) -> PathBuf {
    let mut elf = fs::read(module("_bz2")).unwrap();
    elf[offset..offset + bytes.len()].copy_from_slice(bytes);
    file(test, &elf)
}

/// A good fixture under the name of another kind of extension module.
fn renamed(test: &str, name: &str) -> PathBuf {
    let path = scratch(test).join(name);
    fs::copy(fixture("conventions"), &path).unwrap();
    path
}

#[test]
fn missing_file() {
    refused("bad", &scratch("missing").join("bad.so"), &["no such file"]);
}

#[test]
fn folder() {
    let folder = scratch("folder").join("bad.so");
    fs::create_dir(&folder).unwrap();
    refused("bad", &folder, &["directory"]);
}

#[test]
fn empty_file() {
    refused("bad", &file("empty", b""), &["empty", "too short"]);
}

#[test]
fn text_file() {
    refused("bad", &file("text", b"print('I am a script')\n".repeat(50).as_slice()), &["ELF"]);
}

#[test]
fn truncated() {
    let elf = fs::read(module("_bz2")).unwrap();
    for size in [1, 4, 16, 52, 63, 64, 120, 1000, elf.len() / 4, elf.len() / 2, elf.len() - 1] {
        refused("_bz2", &file("truncated", &elf[..size]), &["truncated", "too short"]);
    }
}

#[test]
fn elf_of_32_bits() {
    refused("_bz2", &patched("32-bit", 4, &[1]), &["32-bit", "ELFCLASS32"]);
}

#[test]
fn elf_of_the_other_byte_order() {
    refused("_bz2", &patched("big-endian", 5, &[2]), &["endian", "byte order"]);
}

#[test]
fn elf_of_another_machine() {
    refused("_bz2", &patched("aarch64", 18, &183u16.to_le_bytes()), &["machine", "aarch64"]);
}

#[test]
fn elf_that_is_no_library() {
    refused("_bz2", &patched("object", 16, &1u16.to_le_bytes()), &["shared", "library", "dynamic"]);
}

#[test]
fn no_init_function() {
    refused("no_init", &fixture("no_init"), &["PyInit_no_init"]);
}

#[test]
fn init_returns_null() {
    refused("init_null", &fixture("init_null"), &["without raising an exception", "without an exception"]);
}

#[test]
fn init_raises() {
    refused("init_raises", &fixture("init_raises"), &["a reason from C"]);
}

#[test]
fn missing_symbol() {
    refused("missing_symbol", &fixture("missing_symbol"), &["rustclad_no_such_function"]);
}

#[test]
fn tags_of_other_abis() {
    for tag in [
        "cpython-313-x86_64-linux-gnu",
        "cpython-314t-x86_64-linux-gnu",
        "cpython-314-aarch64-linux-gnu",
        "pypy311-pp73-x86_64-linux-gnu",
    ] {
        refused("conventions", &renamed("tag", &format!("conventions.{tag}.so")), &[tag]);
    }
}

#[test]
fn tags_of_this_abi() {
    let driver = root().join("tests/python/load.py");
    for name in ["conventions.so", "conventions.abi3.so", "conventions.cpython-314-x86_64-linux-gnu.so"] {
        let path = renamed("good-tag", name);
        let printed = Rustclad::new().args([driver.as_os_str(), "conventions".as_ref(), path.as_ref()]).succeed();
        assert_eq!(printed, "loaded conventions\nalive\n");
    }
}

#[test]
fn one_after_the_other() {
    let driver = root().join("tests/python/load.py");
    let mut run = Rustclad::new().args([driver]);
    for (name, path) in [
        ("bad", file("all-empty", b"")),
        ("bad", file("all-text", b"text")),
        ("_bz2", patched("all-32-bit", 4, &[1])),
        ("no_init", fixture("no_init")),
        ("init_null", fixture("init_null")),
        ("init_raises", fixture("init_raises")),
        ("missing_symbol", fixture("missing_symbol")),
        ("conventions", fixture("conventions")),
        // A second try meets the library that the first one left loaded.
        ("no_init", fixture("no_init")),
        ("init_null", fixture("init_null")),
        ("conventions", fixture("conventions")),
    ] {
        run = run.args([name.as_ref(), path.as_os_str()]);
    }
    let printed = run.succeed();
    assert_eq!(printed.matches("ImportError: ").count(), 9, "{printed}");
    assert_eq!(printed.matches("loaded conventions\n").count(), 2, "{printed}");
    assert!(printed.ends_with("alive\n"), "{printed}");
}
