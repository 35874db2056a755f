//! `RUSTCLAD_CHECK=1`: each planted fault is reported at its function, its corrected twin is not, and nothing is found
//! in the other fixtures and the real modules but the broken results that two scripts make on purpose.

use rustclad_tests::{Output, Rustclad, root, script};

fn checked(args: &[&str]) -> Output {
    Rustclad::new().env("RUSTCLAD_CHECK", "1").args(args).limit(300).run()
}

/// Calls a function of the fixture `faulty` and gives what the checking mode reports.
fn call(function: &str) -> String {
    let argument = if function.starts_with("decref_borrowed") { "object()" } else { "" };
    let code = format!(
        "import faulty\ntry: faulty.{function}({argument})\nexcept (ValueError, SystemError): pass\nprint('went on')"
    );
    checked(&["-c", &code]).stderr
}

/// Panics unless the fault is reported, and its twin's run is clean.
fn reported(function: &str, fault: &str) {
    let report = call(function);
    let line = report.lines().find(|line| line.contains(fault)).unwrap_or_default();
    let place = format!("{function} (");
    assert!(line.contains(&place) && line.contains("fixtures/faulty.c:"), "{function}: {report}");
    let clean = call(&format!("{function}_right"));
    assert!(!clean.contains("rustclad check"), "{function}_right: {clean}");
}

macro_rules! faults {
    ($($name:ident $fault:literal;)*) => {
        $(
            #[test]
            fn $name() {
                reported(stringify!($name), $fault);
            }
        )*
    };
}

faults! {
    decref_borrowed "one decrement too many: a 'object' object";
    decref_twice "one decrement too many: a 'list' object";
    use_freed "use after free: a 'list' object";
    write_freed "use after free: a 'bytes' object";
    incref_freed "use after free: a 'tuple' object";
    outlived "use after free: a 'int' object";
    stolen "one decrement too many: a 'dict' object";
    forgotten "1 'list' object still counted at exit";
    null_alone "returned NULL without setting an exception";
    both "returned a result with an exception set";
}

/// Runs a script and panics if anything is reported but broken results, which some scripts make on purpose, or find in
/// others' modules: CPython reports the same as `SystemError`. What others' modules do wrong is in `tests/known/NAME.check`.
fn silent(name: &str) {
    let path = script(name);
    let report = checked(&[path.to_str().expect("a path in UTF-8")]).stderr;
    let broken = ["fixtures/use_errors", "fixtures/use_module_state", "use_markupsafe"].contains(&name);
    let on_purpose = |line: &str| {
        line.contains("returned NULL without setting an exception")
            || line.contains("returned a result with an exception set")
    };
    let known = std::fs::read_to_string(root().join("tests/known").join(name).with_extension("check"));
    let known = known.unwrap_or_default();
    let known: Vec<&str> = known.lines().filter(|line| !line.starts_with('#')).collect();
    let reports = report.lines().filter(|line| line.starts_with("rustclad check: ") && !line.ends_with(" report(s)"));
    let found: Vec<&str> = reports.filter(|line| !(broken && on_purpose(line))).collect();
    assert_eq!(found, known, "{name}: what is reported, and what is known to be");
}

mod fixtures {
    rustclad_tests::fixture_scripts!(super::silent);
}

mod modules {
    rustclad_tests::module_scripts!(super::silent);
}
