//! Other projects' own tests, unchanged, under pytest.

use rustclad_tests::{Rustclad, external, root};

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
    // Skipped tests would be those of the C function: it must be there.
    assert!(!printed.contains("skipped") && !printed.contains("failed"), "{printed}");
    assert!(root().join("tests/python/rustpython_workarounds.py").exists());
}
