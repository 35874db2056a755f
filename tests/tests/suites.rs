//! CPython's own tests of its extension modules, with the C modules in place.
//!
//! What fails is listed in `tests/known/suites/NAME.txt`, a test a line with its reason behind ` # `; a list must be
//! exact. `RUSTCLAD_RECORD_KNOWN=1` writes the lists anew and keeps the reasons.

use std::collections::BTreeMap;
use std::fs;

use rustclad_tests::{Rustclad, external, root};

/// Runs a module of tests that needs the given extension modules, and compares what fails with the list.
fn suite(name: &str, extensions: &[&str]) {
    // Some tests import a module of the standard library afresh, past the frozen ones: its sources must be on the path.
    let library = rustpython_pylib::LIB_PATH.into();
    let out = Rustclad::new()
        .python_path([external("suite-modules"), external("suite"), library])
        .args([root().join("tests/python/run_suite.py").as_os_str(), format!("test.{name}").as_ref()])
        .args(extensions)
        .limit(600)
        .run();
    let ran = number_behind(&out.stdout, "ran ");
    assert!(ran > 0, "{name}: no tests\n{}\n--- stderr\n{}", out.stdout, out.stderr);
    let failed: Vec<&str> = out.stdout.lines().filter_map(|line| line.strip_prefix("failed ")).collect();
    let list = root().join(format!("tests/known/suites/{name}.txt"));
    let text = fs::read_to_string(&list).unwrap_or_default();
    let known: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once(" # ")).collect();
    if std::env::var_os("RUSTCLAD_RECORD_KNOWN").is_some() {
        let reason = |test: &&str| format!("{test} # {}\n", known.get(test).unwrap_or(&"reason?"));
        let lines: String = failed.iter().map(reason).collect();
        if lines.is_empty() {
            let _ = fs::remove_file(&list);
        } else {
            fs::write(&list, lines).expect("tests/known can be written");
        }
        return;
    }
    let mut new = failed.iter().filter(|test| !known.contains_key(*test));
    let mut gone = known.keys().filter(|test| !failed.contains(test));
    assert!(
        new.next().is_none() && gone.next().is_none(),
        "{name}: {failed:?} failed, {known:?} were known to\n{}",
        out.stderr
    );
    assert!(failed.len() * 100 <= ran * 3, "{name}: less than 97 % of {ran} tests pass");
}

/// The number that follows `word` in the last line that begins with it; 0 without such a line.
fn number_behind(text: &str, word: &str) -> usize {
    let line = text.lines().rev().find_map(|line| line.strip_prefix(word));
    line.and_then(|line| line.split(',').next()).and_then(|number| number.parse().ok()).unwrap_or(0)
}

macro_rules! suites {
    ($($test:ident $name:literal [$($extension:literal),*];)*) => {
        $(
            #[test]
            fn $test() {
                suite($name, &[$($extension),*]);
            }
        )*
    };
}

suites! {
    bz2 "test_bz2" ["_bz2"];
    lzma "test_lzma" ["_lzma"];
    queue "test_queue" ["_queue"];
    multibytecodec "test_multibytecodec" ["_multibytecodec", "_codecs_jp"];
    codecencodings_cn "test_codecencodings_cn" ["_multibytecodec", "_codecs_cn"];
    codecencodings_hk "test_codecencodings_hk" ["_multibytecodec", "_codecs_hk"];
    codecencodings_iso2022 "test_codecencodings_iso2022" ["_multibytecodec", "_codecs_iso2022"];
    codecencodings_jp "test_codecencodings_jp" ["_multibytecodec", "_codecs_jp"];
    codecencodings_kr "test_codecencodings_kr" ["_multibytecodec", "_codecs_kr"];
    codecencodings_tw "test_codecencodings_tw" ["_multibytecodec", "_codecs_tw"];
    zstd "test_zstd" ["_zstd"];
    hmac "test_hmac" ["_hmac"];
    sqlite3 "test_sqlite3" ["_sqlite3"];
    mmap "test_mmap" ["mmap"];
    xxlimited "test_xxlimited" ["xxlimited", "xxlimited_35"];
    importlib_extension "test_importlib.extension" ["_testmultiphase", "_testsinglephase"];
    nonmodule_cases "test_importlib.extension._test_nonmodule_cases" ["_testmultiphase"];
}
