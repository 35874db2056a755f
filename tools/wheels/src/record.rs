//! What is recorded beside the board: what CPython 3.14 makes of each suite, and what is known to fail here.
//!
//! Both are tables with tabs: `expected/NAME.tsv` begins with how many tests pass on CPython and then has those that
//! do not; `known/NAME.tsv` has those that pass there and not here, each with a reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::folders;
use crate::suite::{Outcome, SuiteRun};

/// What CPython made of a suite.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// How many tests pass.
    pub passed: usize,
    /// The ids of the others.
    pub others: BTreeSet<String>,
}

/// How a suite fared here, counting only tests that pass on CPython.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Score {
    /// How many pass on CPython.
    pub of: usize,
    /// How many of them pass here.
    pub passed: usize,
    /// How many fail.
    pub failed: usize,
    /// How many end the process, or never end.
    pub crashed: usize,
    /// How many did not get to run, or skipped themselves.
    pub not_run: usize,
    /// Those that should pass and do not, with outcome and reason.
    pub failures: BTreeMap<String, String>,
}

impl Score {
    /// Passed among those that pass on CPython, in percent; cut, so that 100 means all.
    pub fn percent(&self) -> f64 {
        (1000 * self.passed).checked_div(self.of).unwrap_or(0) as f64 / 10.0
    }
}

/// A package's table in `expected` or `known`.
fn file(folder: &str, package: &str) -> PathBuf {
    folders::own().join(folder).join(package).with_extension("tsv")
}

/// Reads what was recorded of a package's suite on CPython.
///
/// # Errors
/// If there is nothing.
pub fn expected(package: &str) -> Result<Expected> {
    let file = file("expected", package);
    let text = fs::read_to_string(&file).with_context(|| format!("no {}: run with --record", file.display()))?;
    let mut expected = Expected::default();
    for line in text.lines() {
        let (outcome, rest) = line.split_once('\t').with_context(|| format!("{}: {line}", file.display()))?;
        if outcome == "passed" {
            expected.passed = rest.parse().with_context(|| format!("{}: {line}", file.display()))?;
        } else {
            expected.others.insert(rest.split('\t').next().unwrap_or_default().to_owned());
        }
    }
    Ok(expected)
}

/// Writes down what CPython made of a suite.
///
/// # Errors
/// If the file cannot be written.
pub fn write_expected(package: &str, run: &SuiteRun) -> Result<()> {
    let passed = run.tests.values().filter(|test| test.outcome == Outcome::Passed).count();
    let mut text = format!("passed\t{passed}\n");
    for (id, test) in run.tests.iter().filter(|(_, test)| test.outcome != Outcome::Passed) {
        text += &format!("{}\t{id}\t{}\n", test.outcome.word(), line(&test.reason));
    }
    for (file, reason) in &run.uncollected {
        text += &format!("not collected\t{file}\t{}\n", line(reason));
    }
    fs::write(file("expected", package), text).context("cannot write what is expected")
}

/// Counts what passed.
pub fn score(expected: &Expected, run: &SuiteRun) -> Score {
    let mut score = Score { of: expected.passed, ..Score::default() };
    for (id, test) in run.tests.iter().filter(|(id, _)| !expected.others.contains(*id)) {
        match test.outcome {
            Outcome::Passed => score.passed += 1,
            Outcome::Failed => score.failed += 1,
            Outcome::Crashed | Outcome::TimedOut => score.crashed += 1,
            Outcome::Skipped => {}
        }
        if test.outcome != Outcome::Passed {
            score.failures.insert(id.clone(), format!("{}: {}", test.outcome.word(), line(&test.reason)));
        }
    }
    for (file, reason) in run.uncollected.iter().filter(|(file, _)| !expected.others.contains(*file)) {
        score.failures.insert(file.clone(), format!("not collected: {}", line(reason)));
    }
    // A test that CPython does not have would else hide one that is missing.
    score.passed = score.passed.min(score.of);
    score.not_run = score.of.saturating_sub(score.passed + score.failed + score.crashed);
    score
}

/// The tests that are known to fail here, with reasons.
pub fn known(package: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(file("known", package)).unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split_once('\t'));
    lines.map(|(id, reason)| (id.to_owned(), reason.to_owned())).collect()
}

/// Writes the known failures anew; reasons that were there stay.
///
/// # Errors
/// If the file cannot be written.
pub fn write_known(package: &str, score: &Score) -> Result<()> {
    let (file, had) = (file("known", package), known(package));
    if score.failures.is_empty() {
        let _ = fs::remove_file(&file);
        return Ok(());
    }
    let line = |(id, why): (&String, &String)| format!("{id}\t{}\n", had.get(id).unwrap_or(why));
    fs::write(&file, score.failures.iter().map(line).collect::<String>()).context("cannot write what is known")
}

/// How a suite differs from what was known: new failures, and those that are gone.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Change {
    /// Tests that fail and were not known to.
    pub new: Vec<String>,
    /// Tests that were known to fail and pass.
    pub gone: Vec<String>,
}

/// Compares a score with the list of known failures.
pub fn change(package: &str, score: &Score) -> Change {
    let known = known(package);
    Change {
        new: score.failures.keys().filter(|id| !known.contains_key(*id)).cloned().collect(),
        gone: known.keys().filter(|id| !score.failures.contains_key(*id)).cloned().collect(),
    }
}

/// One short line of a reason.
fn line(reason: &str) -> String {
    let line: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.chars().take(160).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::TestResult;

    fn run(tests: &[(&str, Outcome)]) -> SuiteRun {
        let test = |(id, outcome): &(&str, Outcome)| {
            ((*id).to_owned(), TestResult { outcome: *outcome, reason: "because".into() })
        };
        SuiteRun { tests: tests.iter().map(test).collect(), ..SuiteRun::default() }
    }

    #[test]
    fn only_tests_that_pass_on_cpython_count() {
        let expected = Expected { passed: 5, others: ["skips".to_owned(), "fails".to_owned()].into() };
        let run = run(&[
            ("a", Outcome::Passed),
            ("b", Outcome::Failed),
            ("c", Outcome::TimedOut),
            ("d", Outcome::Skipped),
            ("skips", Outcome::Passed),
            ("fails", Outcome::Failed),
        ]);
        let score = score(&expected, &run);
        assert_eq!((score.of, score.passed, score.failed, score.crashed, score.not_run), (5, 1, 1, 1, 2));
        assert_eq!(score.failures.keys().collect::<Vec<_>>(), ["b", "c", "d"]);
        assert_eq!(score.percent(), 20.0);
    }
}
