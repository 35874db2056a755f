//! The router with Python scripts. Each row of the table of its Python backend has a configuration, a script and what
//! that must print in `tests/router/python`.

use std::fs;
use std::path::PathBuf;

use rustclad_tests::{Output, Rustclad, external, root, scratch};

fn folder() -> PathBuf {
    root().join("tests/router/python")
}

/// Runs `rustclad router` on a configuration of the folder.
fn route(name: &str) -> Output {
    let config = folder().join(name).with_extension("cfg");
    Rustclad::new().args(["router", "--log", "warn"]).args([config]).run()
}

/// Runs it and compares what the script printed.
fn prints(name: &str) -> Output {
    let out = route(name);
    let expected = fs::read_to_string(folder().join(name).with_extension("out")).expect("each row has its output");
    let printed = out.stdout.replace(&format!("{}/", folder().display()), "");
    assert_eq!(printed, expected, "--- stderr\n{}", out.stderr);
    assert_eq!(out.code, 0, "--- stderr\n{}", out.stderr);
    out
}

#[test]
fn output() {
    let out = prints("output");
    assert!(out.stderr.contains("channels() does not know all channels"), "{}", out.stderr);
}

#[test]
fn handlers() {
    prints("handler");
}

#[test]
fn intervals() {
    prints("intervals");
}

#[test]
fn sockets() {
    let out = prints("sockets");
    assert!(out.stderr.contains("is managed with another socket already"), "{}", out.stderr);
    assert!(out.stderr.contains("a managed socket was closed"), "{}", out.stderr);
}

#[test]
fn a_socket_that_was_closed_is_told_of() {
    let out = prints("closed");
    assert_eq!(out.stderr.matches("a managed socket was closed; it is managed no more").count(), 1, "{}", out.stderr);
}

#[test]
fn cleanup() {
    let out = prints("cleanup");
    assert!(out.stderr.contains("SystemError: a cleanup handler may raise"), "{}", out.stderr);
}

#[test]
fn values() {
    prints("values");
}

#[test]
fn threads() {
    prints("threads");
}

#[test]
fn garbage_is_collected_in_each_instance() {
    prints("garbage");
}

#[test]
fn reload() {
    let scratch = scratch("router-reload");
    for name in ["reload.cfg", "reload.py", "reloaded.py", "reload_ends.py"] {
        fs::copy(folder().join(name), scratch.join(name)).expect("the temporary folder can be written");
    }
    let config = scratch.join("reload.cfg");
    let run = Rustclad::new().env("ROUTER_CONFIG", &config).args(["router", "--log", "warn"]).args([&config]);
    let out = run.limit(30).run();
    let expected = fs::read_to_string(folder().join("reload.out")).expect("it has its output");
    assert_eq!((out.stdout, out.code), (expected, 0), "--- stderr\n{}", out.stderr);
    let _ = fs::remove_dir_all(scratch);
}

#[test]
fn native_modules_have_a_state_for_each_instance() {
    let path = [external("suite-modules"), external("router")];
    let config = folder().join("native.cfg");
    let out = Rustclad::new().python_path(path).args(["router", "--log", "warn"]).args([config]).run();
    let expected = fs::read_to_string(folder().join("native.out")).expect("it has its output");
    assert_eq!((out.stdout, out.code), (expected, 0), "--- stderr\n{}", out.stderr);
}

/// While `--monitor` has the terminal, what a script prints is a line of its log, and no picture is disturbed.
#[test]
fn printing_does_not_disturb_the_monitor() {
    let program = Rustclad::new().path();
    let config = folder().join("monitor.cfg");
    let words = format!("stty rows 40 cols 120; exec '{}' router --monitor '{}'", program.display(), config.display());
    // `script` gives it a terminal.
    let out = Rustclad::program("script").args(["-qec", &words, "/dev/null"]).run();
    assert_eq!(out.code, 0, "{}", out.stdout);
    let (_, shown) = out.stdout.split_once("\x1b[?1049h").expect("it goes to the other screen");
    let (pictures, after) = shown.split_once("\x1b[?1049l").expect("it goes back");
    // Blanks are not drawn.
    for line in ["script:prints", "script:complains", "child:prints"] {
        assert!(pictures.contains(line), "no {line:?} in {pictures:?}");
    }
    assert!(!pictures.contains('\n'), "something was printed past the view: {pictures:?}");
    assert!(after.contains("the last word"), "{after:?}");
}

/// What must be refused at the start, and what is said.
#[test]
fn refused() {
    let cases = [
        ("no_module", "module nowhere cannot be imported", "ModuleNotFoundError: No module named 'nowhere'"),
        ("broken_module", "module broken cannot be imported", "ZeroDivisionError: division by zero"),
        ("no_handler", "the handler broken_handlers.nothing cannot be used", "has no attribute 'nothing'"),
        ("no_function", "the handler broken_handlers.number cannot be used", "'int' objects cannot be called"),
        ("unloaded", "the handler json.dumps cannot be used", "module json is not loaded"),
        ("backend_option", "the python backend has no options of its own", "backend_option.cfg:2:1"),
        ("unknown_option", "there is no such option here", "unknown_option.cfg:3:1"),
    ];
    for (name, message, detail) in cases {
        let out = route(&format!("refused/{name}"));
        assert_eq!(out.code, 1, "{name}\n--- stderr\n{}", out.stderr);
        for text in [message, detail] {
            assert!(out.stderr.contains(text), "{name}: no {text:?}\n--- stderr\n{}", out.stderr);
        }
        let lenient = !name.ends_with("option");
        if lenient {
            let config = folder().join("refused").join(name).with_extension("cfg");
            let out = Rustclad::new().args(["router", "--lenient"]).args([config]).run();
            assert_eq!((out.code, out.stdout.as_str()), (0, "went on\n"), "{name}\n--- stderr\n{}", out.stderr);
            assert!(out.stderr.contains(detail), "{name}\n--- stderr\n{}", out.stderr);
        }
    }
}
