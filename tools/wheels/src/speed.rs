//! Times some of what the packages are for, beside CPython. Runs take turns, and the best of each counts: what else the
//! machine does slows both.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::interpreter::Interpreter;
use crate::manifest::Package;
use crate::prepare::Prepared;
use crate::process;

/// How often the interpreters take turns.
const ROUNDS: usize = 5;
/// How many times CPython's time an import may take.
const IMPORT_AIM: f64 = 4.0;

/// What `python/speed.py` can time, by package, and how many times CPython's time it may take.
const TASKS: [(&str, &str, f64); 3] = [
    ("orjson", "orjson.loads of 1 MB", 5.0),
    ("lxml", "lxml.etree.parse of 5 MB", 1.2),
    ("pillow", "pillow's resize", 1.2),
];

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Speed {
    /// What was timed.
    pub what: String,
    /// Seconds here.
    pub rustclad: f64,
    /// Seconds on CPython.
    pub cpython: f64,
    /// Here as a multiple of CPython.
    pub ratio: f64,
    /// What the ratio should be at most.
    pub aim: f64,
}

/// An interpreter and the package as installed for it.
pub type Side<'a> = (&'a Interpreter, &'a Prepared);

/// Times a package.
///
/// # Errors
/// If a run fails.
pub fn speed(package: &Package, rustclad: Side<'_>, cpython: Side<'_>) -> Result<Vec<Speed>> {
    let import = |side: &Side<'_>| {
        // The one without an import is the start of the interpreter.
        let with = wall(python(side).args(["-c", &format!("import {}", package.import)]))?;
        Ok(with - wall(python(side).args(["-c", "pass"]))?)
    };
    let mut lines = vec![turns(format!("import {}", package.import), IMPORT_AIM, rustclad, cpython, import)?];
    for (_, what, aim) in TASKS.iter().filter(|(name, ..)| *name == package.name) {
        let task = |side: &Side<'_>| {
            let script = side.0.inside(&side.1.own.join("speed.py"));
            seconds(python(side).arg(script).arg(&package.name))
        };
        lines.push(turns((*what).to_owned(), *aim, rustclad, cpython, task)?);
    }
    Ok(lines)
}

/// Lets both interpreters do what `time` times, in turns.
fn turns(
    what: String,
    aim: f64,
    rustclad: Side<'_>,
    cpython: Side<'_>,
    time: impl Fn(&Side<'_>) -> Result<f64>,
) -> Result<Speed> {
    let (mut here, mut there) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..ROUNDS {
        here = here.min(time(&rustclad)?);
        there = there.min(time(&cpython)?);
    }
    Ok(Speed { what, rustclad: here, cpython: there, ratio: here / there, aim })
}

fn python((interpreter, prepared): &Side<'_>) -> Command {
    interpreter.command(&prepared.home, std::slice::from_ref(&prepared.site))
}

/// How long a process takes.
fn wall(command: &mut Command) -> Result<f64> {
    let start = Instant::now();
    process::output(command)?;
    Ok(start.elapsed().as_secs_f64())
}

/// The number that a process prints.
fn seconds(command: &mut Command) -> Result<f64> {
    process::output(command)?.trim().parse().context("speed.py printed no number")
}
