//! `rustclad` behaves as users of `python3` expect.

use rustclad_tests::{Output, Rustclad, external, scratch};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A file of a test's own.
fn file(test: &str, name: &str, text: &str) -> PathBuf {
    let path = scratch(test).join(name);
    fs::write(&path, text).unwrap();
    path
}

/// Runs `rustclad -c program`.
fn code(program: &str) -> Output {
    Rustclad::new().args(["-c", program]).run()
}

#[test]
fn script_with_arguments() {
    let path = file("script", "show.py", "import sys\nprint(sys.argv[1:], __name__, sys.argv[0] == __file__)\n");
    let printed = Rustclad::new().args([&path]).args(["one", "-c", "--three", "é"]).succeed();
    assert_eq!(printed, "['one', '-c', '--three', 'é'] __main__ True\n");
}

#[test]
fn script_finds_its_neighbours() {
    let path = file("neighbours", "main.py", "import neighbour\nprint(neighbour.VALUE)\n");
    fs::write(path.with_file_name("neighbour.py"), "VALUE = 5\n").unwrap();
    assert_eq!(Rustclad::new().args([path]).succeed(), "5\n");
}

#[test]
fn module_with_arguments() {
    let path = file("module", "shown.py", "import sys\nprint(sys.argv[1:], __name__)\n");
    let folder = path.parent().unwrap().to_owned();
    let printed = Rustclad::new().python_path([folder]).args(["-m", "shown", "-x", "y"]).succeed();
    assert_eq!(printed, "['-x', 'y'] __main__\n");
    let missing = Rustclad::new().args(["-m", "no_such_module"]).run();
    assert_eq!(missing.code, 1);
    assert!(missing.stderr.contains("no_such_module"), "{}", missing.stderr);
}

#[test]
fn command() {
    let printed = Rustclad::new().args(["-c", "import sys; print(sys.argv)", "a", "-b"]).succeed();
    assert_eq!(printed, "['-c', 'a', '-b']\n");
}

#[test]
fn version() {
    for flag in ["-V", "--version"] {
        let printed = Rustclad::new().args([flag]).succeed();
        assert!(printed.starts_with("Python 3.14.") && printed.contains("(Rustclad "), "{printed}");
    }
    assert_eq!(code("import sys; print(sys.version_info[:2])").stdout, "(3, 14)\n");
}

#[test]
fn standard_input() {
    let program = "import sys\nfor word in sys.argv:\n    print(word)\n";
    assert_eq!(Rustclad::new().args(["-", "a"]).stdin(program).succeed(), "-\na\n");
    assert_eq!(Rustclad::new().stdin("print(1 + 1)\nprint('two')\n").succeed(), "2\ntwo\n");
}

#[test]
fn program_reads_standard_input() {
    let printed = Rustclad::new().args(["-c", "print(input().upper())"]).stdin("text\n").succeed();
    assert_eq!(printed, "TEXT\n");
}

#[test]
fn exit_codes() {
    assert_eq!(code("import sys; sys.exit()").code, 0);
    assert_eq!(code("import sys; sys.exit(3)").code, 3);
    assert_eq!(code("raise SystemExit(None)").code, 0);
    assert_eq!(code("import os; os._exit(4)").code, 4);
    let message = code("import sys; sys.exit('so long')");
    assert_eq!((message.code, message.stderr.as_str()), (1, "so long\n"));
}

#[test]
fn file_size_limit() {
    let program = "import resource, tempfile\nresource.setrlimit(resource.RLIMIT_FSIZE, (1000, -1))\n\
                   file = tempfile.TemporaryFile(buffering=0)\ntry: print(file.write(b'x' * 1000), file.write(b'x'))\n\
                   except OSError as error: print(error.strerror)";
    assert_eq!(code(program).stdout, "File too large\n");
}

#[test]
fn uncaught_exception() {
    let path = file("uncaught", "fails.py", "def inner():\n    raise ValueError('why')\n\ninner()\n");
    let out = Rustclad::new().args([&path]).run();
    assert_eq!(out.code, 1);
    assert_eq!(out.stdout, "");
    assert!(out.stderr.starts_with("Traceback (most recent call last):\n"), "{}", out.stderr);
    assert!(out.stderr.trim_end().ends_with("ValueError: why"), "{}", out.stderr);
    for part in ["line 4", "line 2, in inner", &path.display().to_string()] {
        assert!(out.stderr.contains(part), "no {part}\n{}", out.stderr);
    }
}

#[test]
fn error_raised_in_c() {
    let out = code("import _bz2\ndef outer():\n    _bz2.BZ2Decompressor().decompress(b'rubbish, no doubt')\nouter()");
    assert_eq!(out.code, 1);
    assert!(out.stderr.trim_end().ends_with("OSError: Invalid data stream"), "{}", out.stderr);
    assert!(out.stderr.contains("in outer"), "{}", out.stderr);
}

#[test]
fn syntax_error() {
    let out = Rustclad::new().args([file("syntax", "bad.py", "def f(:\n")]).run();
    assert_eq!(out.code, 1);
    assert!(out.stderr.contains("SyntaxError") && out.stderr.contains("line 1"), "{}", out.stderr);
}

#[test]
fn missing_script() {
    let out = Rustclad::new().args(["no_such_script.py"]).run();
    assert_eq!(out.code, 2);
    assert!(out.stderr.contains("can't open file") && out.stderr.contains("no_such_script.py"), "{}", out.stderr);
}

#[test]
fn prompt() {
    // `script` gives the child a terminal, so that it is the prompt with line editing that answers.
    let program = Rustclad::new();
    let shell = format!("'{}' -q", program.path().display());
    let session = "import _bz2\n_bz2.BZ2Compressor(3).compress(b'')\n6 * 7\nfor i in range(2):\n    print('line', i)\n\n1 / 0\nexit(5)\n";
    let available = Command::new("script").arg("--version").output().is_ok_and(|out| out.status.success());
    assert!(available, "the command `script` (util-linux) is needed");
    let out = Rustclad::program("script")
        .python_path([external("modules")])
        .env("TERM", "dumb")
        .args(["-qec", &shell, "/dev/null"])
        .stdin(session)
        .limit(60)
        .run();
    for part in [">>> ", "b''", "42", "line 1", "ZeroDivisionError"] {
        assert!(out.stdout.contains(part), "no {part}\n{}", out.stdout);
    }
    assert_eq!(out.code, 5, "{}", out.stdout);
}
