//! Runs a package's smoke script, which does what the package is for, and compares what it prints with CPython.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::folders;
use crate::interpreter::Interpreter;
use crate::prepare::Prepared;
use crate::process::{self, End};

/// Seconds that a script may take, on machines with much else to do.
const LIMIT: u64 = 300;

/// What became of a smoke script.
#[derive(Clone, Debug, Serialize)]
pub struct Smoke {
    /// Whether it printed what CPython prints, and ended well.
    pub passed: bool,
    /// The first line that differs, or how it ended.
    pub difference: String,
}

/// Runs the script and gives what it printed on standard output and how it ended.
///
/// # Errors
/// If it cannot be started.
pub fn run(interpreter: &Interpreter, prepared: &Prepared) -> Result<(String, End)> {
    let output = prepared.home.join("smoke.txt");
    let _ = fs::remove_file(&output);
    let scratch = prepared.home.join("scratch");
    let _ = fs::remove_dir_all(&scratch);
    fs::create_dir_all(&scratch)?;
    let mut command = interpreter.command(&scratch, &[prepared.site.clone(), prepared.own.clone()]);
    command.arg(interpreter.inside(&prepared.script()));
    let end = process::run(&mut command, &output, process::limit(LIMIT))?;
    let printed = fs::read(&output).context("cannot read the output")?;
    Ok((String::from_utf8_lossy(&printed).into_owned(), end))
}

/// What CPython printed.
///
/// # Errors
/// If it was not recorded.
pub fn expected(package: &str) -> Result<String> {
    let file = recorded(package);
    fs::read_to_string(&file).with_context(|| format!("no {}: run with --record", file.display()))
}

/// Why a script is known to fail, if it is.
pub fn known(package: &str) -> Option<String> {
    fs::read_to_string(folders::own().join("known").join(package).with_extension("smoke")).ok()
}

/// Records what CPython printed.
///
/// # Errors
/// If the file cannot be written.
pub fn record(package: &str, printed: &str) -> Result<()> {
    let file = recorded(package);
    fs::write(&file, printed).with_context(|| format!("cannot write {}", file.display()))
}

/// The file with what CPython printed.
fn recorded(package: &str) -> PathBuf {
    folders::own().join("smoke").join(package).with_extension("out")
}

/// Compares what was printed with what was expected.
pub fn judge(expected: &str, printed: &str, end: &End) -> Smoke {
    let difference = match end {
        End::Code(0) => difference(expected, printed),
        end => format!("{end}: {}", printed.lines().last().unwrap_or_default()),
    };
    Smoke { passed: difference.is_empty(), difference }
}

/// The first line that differs, cut to what one can read.
fn difference(expected: &str, printed: &str) -> String {
    let (mut expected, mut printed) = (expected.lines(), printed.lines());
    loop {
        match (expected.next(), printed.next()) {
            (None, None) => return String::new(),
            (should, is) if should == is => {}
            (should, is) => {
                let is: String = is.unwrap_or("nothing").chars().take(200).collect();
                return format!("{is} instead of {}", should.unwrap_or("nothing"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_told() {
        assert!(judge("a\nb\n", "a\nb\n", &End::Code(0)).passed);
        assert_eq!(judge("a\nb\n", "a\nc\n", &End::Code(0)).difference, "c instead of b");
        assert_eq!(judge("a\nb\n", "a\n", &End::Code(0)).difference, "nothing instead of b");
        assert_eq!(judge("a\n", "a\n", &End::Signal(11)).difference, "SIGSEGV: a");
    }
}
