//! The project's chores, one subcommand each: `fetch`, `tour`, `lint`, `test`, `expect`, `bench`, `bench-router`, `soak`,
//! `wheels`.
//!
//! Each does all it needs to (`test` fetches and builds first), and each may be run again at no cost. What
//! they download or make goes into the ignored folder `external/`; nothing outside the project is touched.

mod bench;
mod build;
mod expect;
mod fetch;
mod lint;
mod router;
mod shell;

use anyhow::{Result, bail};
use std::process::ExitCode;

const HELP: &str = "\
usage: cargo xtask COMMAND
  fetch        get CPython's modules and headers, mosquitto and ALSA (apt) and the wheels (pip) into external/
  tour         build rustclad and run examples/tour.py on real modules
  lint         check the code's layout, warnings and documentation
  test [ARGS]  lint, build everything and pass all tests (ARGS go to `cargo test`; with ARGS, no lint)
  bench        time each way of crossing; RUSTCLAD_REFERENCE=DIR adds CPython and PyPy
  bench-router   time the router: events, handlers, DMX, latency
  soak [SECONDS]  run the router for so long (600) under load; fails if memory grows
  wheels [ARGS]  install published wheels and run their own tests (ARGS: `wheels --help`)
  expect DIR   write the tests' expected output anew, with the CPython 3.14 in chroot DIR";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<()> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["fetch"] => fetch::fetch(),
        ["tour"] => tour(),
        ["lint"] => lint::lint(),
        ["test", rest @ ..] => test(rest),
        ["bench"] => bench::bench(),
        ["bench-router"] => router::bench(),
        ["soak"] => router::soak("600"),
        ["soak", seconds] => router::soak(seconds),
        ["wheels", rest @ ..] => wheels(rest),
        ["expect", chroot] => expect::expect(chroot.as_ref()),
        [] | ["help" | "-h" | "--help"] => {
            println!("{HELP}");
            Ok(())
        }
        _ => bail!("I do not know `{}`\n{HELP}", words.join(" ")),
    }
}

/// Runs the example that shows real modules at work.
fn tour() -> Result<()> {
    fetch::fetch()?;
    let program = build::rustclad_release()?;
    let path = std::env::join_paths([shell::external("modules"), shell::external("site")])?;
    shell::run(shell::command(program).arg(shell::root().join("examples/tour.py")).env("PYTHONPATH", path))
}

/// Puts published wheels on the board, with `rustclad` as users get it.
fn wheels(rest: &[&str]) -> Result<()> {
    fetch::fetch()?;
    let program = build::rustclad_release()?;
    let work = shell::target()?.join("wheels");
    let mut board = shell::cargo("run");
    board.args(["--package", "rustclad-wheels", "--", "--program"]).arg(program).arg("--work").arg(work);
    shell::run(board.args(rest))
}

/// Lints, builds the fixtures and both kinds of `rustclad`, then passes every test of the workspace.
fn test(rest: &[&str]) -> Result<()> {
    // Arguments choose among the tests, so the rest is not wanted.
    if rest.is_empty() {
        lint::lint()?;
    }
    fetch::fetch()?;
    build::fixtures()?;
    build::rustclad_for_tests()?;
    shell::run(shell::cargo("test").arg("--workspace").args(rest))?;
    // Arguments choose among the tests of all builds.
    if rest.is_empty() { router::test_midi() } else { Ok(()) }
}
