//! With each block from malloc, AddressSanitizer sees what C does to it: nothing wrong in the fixtures, and a
//! planted use after free in one of them.

use rustclad_tests::{Output, Rustclad, external, root, script};
use std::process::Command;

/// Runs the malloc build of the program under the fixtures' sanitizer.
fn sanitized(args: &[&str]) -> Output {
    let library = Command::new("gcc").arg("-print-file-name=libasan.so").output().expect("gcc runs");
    let library = String::from_utf8(library.stdout).expect("a path in UTF-8");
    Rustclad::program(external("bin/rustclad-malloc"))
        .python_path([external("fixtures-asan")])
        .env("LD_PRELOAD", library.trim())
        // What lives at exit is for the leak tests; RustPython leaves much to the system.
        .env("ASAN_OPTIONS", "detect_leaks=0:abort_on_error=0:exitcode=99")
        .args(args)
        .limit(600)
        .run()
}

/// Runs a fixture's script and panics if the sanitizer has anything to say.
fn clean(name: &str) {
    let out = sanitized(&[script(name).to_str().expect("a path in UTF-8")]);
    let report = &out.stderr;
    // A script that is known to end early does so here, too.
    let known = root().join("tests/known").join(name).with_extension("diff");
    let listed = std::fs::read_to_string(known).unwrap_or_default();
    let code_is_right = out.code == 0 || listed.lines().any(|line| line == format!("exit code {}", out.code));
    assert!(code_is_right && !report.contains("AddressSanitizer"), "{name}: exit code {}\n{report}", out.code);
}

mod fixtures {
    rustclad_tests::fixture_scripts!(super::clean);
}

#[test]
fn use_after_free_is_reported() {
    let out = sanitized(&["-c", "import use_after_free; print(use_after_free.read_dead_block())"]);
    assert_eq!(out.code, 99, "{}{}", out.stdout, out.stderr);
    for part in ["heap-use-after-free", "read_dead_block", "use_after_free.c"] {
        assert!(out.stderr.contains(part), "no {part}\n{}", out.stderr);
    }
}

#[test]
fn the_same_fixture_is_clean_without_the_error() {
    let out = sanitized(&["-c", "import use_after_free; print(use_after_free.read_live_block())"]);
    assert_eq!((out.code, out.stdout.as_str()), (0, "3.5\n"), "{}", out.stderr);
}
