//! Other projects' own tests, unchanged, under pytest.

use rustclad_tests::{Rustclad, external};

#[test]
fn markupsafe() {
    let printed = Rustclad::new()
        .python_path([external("site"), external("pytest"), external("modules")])
        .args(["-m", "pytest", "-p", "rustpython_workarounds", "-p", "no:cacheprovider", "-q", "-rs"])
        .args(["--rootdir".as_ref(), external("markupsafe-src").as_os_str()])
        .args([external("markupsafe-src/tests")])
        .limit(600)
        .succeed();
    assert!(printed.contains(" passed"), "{printed}");
    // The suite runs each test twice, with the C function and without. One has nothing to do without it, on CPython
    // too; any other skip would be for a C function that is missing.
    assert!(printed.contains("1 skipped") && printed.contains("speedups not active"), "{printed}");
    assert!(!printed.contains("failed"), "{printed}");
}
