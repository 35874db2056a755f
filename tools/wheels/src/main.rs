//! The command line of the board.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use lexopt::{Arg, Parser, ValueExt as _};
use rustclad_wheels::board::{Plan, Report, default_work};
use rustclad_wheels::manifest::Manifest;
use rustclad_wheels::report;

const USAGE: &str = "\
usage: rustclad-wheels [NAME...] [OPTION...]
Installs published wheels, runs a script and their own tests with rustclad, and writes what passed as text, JSON and HTML.
  --smoke            the scripts only, not the packages' own tests
  --reference DIR    a root folder with CPython 3.14: times things here and there
  --record           with --reference: write down what CPython makes of the scripts and tests
  --record-known     write the lists of known failures anew
  --program FILE     the rustclad to test (else the one beside this program)
  --work DIR         where to work (else target/wheels)
";

struct Words {
    plan: Plan,
    names: Vec<String>,
    record: bool,
    record_known: bool,
}

fn main() -> ExitCode {
    match parse().and_then(run) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("rustclad-wheels: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn parse() -> Result<Words> {
    let mut parser = Parser::from_env();
    let own = std::env::current_exe()?;
    let built = own.parent().context("a program in a folder")?;
    let target = built.parent().context("cargo's target folder")?;
    let rustclad = built.join("rustclad");
    let plan = Plan { rustclad, work: default_work(target), reference: None, smoke_only: false };
    let mut words = Words { plan, names: Vec::new(), record: false, record_known: false };
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => {
                print!("{USAGE}");
                std::process::exit(0);
            }
            Arg::Long("smoke") => words.plan.smoke_only = true,
            Arg::Long("record") => words.record = true,
            Arg::Long("record-known") => words.record_known = true,
            Arg::Long("reference") => words.plan.reference = Some(absolute(parser.value()?.into())?),
            Arg::Long("program") => words.plan.rustclad = absolute(parser.value()?.into())?,
            Arg::Long("work") => words.plan.work = absolute(parser.value()?.into())?,
            Arg::Value(name) => words.names.push(name.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(words)
}

fn absolute(path: PathBuf) -> Result<PathBuf> {
    std::path::absolute(&path).with_context(|| path.display().to_string())
}

/// Whether all is at least as good as was known.
fn run(words: Words) -> Result<bool> {
    let manifest = Manifest::built_in()?;
    let packages = manifest.select(&words.names)?;
    if words.record {
        for package in &packages {
            eprintln!("{}: what CPython makes of it ...", package.name);
            words.plan.record(&manifest, package)?;
        }
        return Ok(true);
    }
    let mut reports: Vec<Report> = Vec::new();
    let mut failed = false;
    for package in &packages {
        eprintln!("{} ...", package.name);
        match words.plan.run(&manifest, package, words.record_known) {
            Ok(report) => reports.push(report),
            Err(error) => {
                failed = true;
                eprintln!("{}: {error:#}", package.name);
            }
        }
        // Each time, for those who look while it runs.
        report::write(&reports, &words.plan.work)?;
    }
    print!("{}", report::text(&reports));
    Ok(!failed && reports.iter().all(Report::holds))
}
