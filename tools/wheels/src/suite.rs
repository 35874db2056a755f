//! Runs a package's own tests, in as many processes as it takes: one that dies or hangs in a test is followed by
//! another for the rest. `python/board_plugin.py` writes down what happens, as it happens.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::interpreter::Interpreter;
use crate::manifest::Suite;
use crate::prepare::Prepared;
use crate::process::{self, End};

/// What became of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It passed.
    Passed,
    /// It failed.
    Failed,
    /// It said that it has nothing to test here.
    Skipped,
    /// Its process died.
    Crashed,
    /// It took too long.
    TimedOut,
}

impl Outcome {
    /// The word for it in lists.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Crashed => "crashed",
            Self::TimedOut => "timed out",
        }
    }
}

/// One test's result.
#[derive(Clone, Debug, Serialize)]
pub struct TestResult {
    /// What became of it.
    pub outcome: Outcome,
    /// The first line of the reason.
    pub reason: String,
}

/// What became of a suite.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SuiteRun {
    /// Each test that was started, by id.
    pub tests: BTreeMap<String, TestResult>,
    /// Files that pytest could not get tests from, and why.
    pub uncollected: BTreeMap<String, String>,
    /// Why it ended before its end, if it did.
    pub cut_short: Option<String>,
    /// Seconds.
    pub seconds: f64,
}

/// Runs the suite of a prepared package, but for the tests in `left`.
///
/// # Errors
/// If pytest does not even start.
pub fn run(interpreter: &Interpreter, suite: &Suite, prepared: &Prepared, left: &BTreeSet<String>) -> Result<SuiteRun> {
    let mut runner = Runner { interpreter, suite, prepared, left, run: SuiteRun::default(), start: Instant::now() };
    fs::write(runner.file("output.txt"), "")?;
    fs::write(prepared.root.join("board.ini"), format!("[pytest]\n{}\n", suite.settings.join("\n")))?;
    while runner.one_process()? {}
    runner.run.seconds = runner.start.elapsed().as_secs_f64();
    Ok(runner.run)
}

struct Runner<'a> {
    interpreter: &'a Interpreter,
    suite: &'a Suite,
    prepared: &'a Prepared,
    left: &'a BTreeSet<String>,
    run: SuiteRun,
    start: Instant,
}

/// What a process was at when it ended.
enum At {
    Test(String),
    File(String),
    Nothing,
    End,
}

impl Runner<'_> {
    fn file(&self, name: &str) -> PathBuf {
        self.prepared.home.join(name)
    }

    /// Runs what has not been run yet. Says whether something may be left.
    fn one_process(&mut self) -> Result<bool> {
        let done = self.run.tests.keys().chain(self.run.uncollected.keys()).chain(self.left);
        let done: Vec<&str> = done.map(String::as_str).collect();
        fs::write(self.file("done"), done.join("\n"))?;
        fs::write(self.file("log"), "")?;
        let mut command = self.interpreter.command(&self.prepared.root, &self.path());
        command.args(["-m", "pytest", "-p", "board_plugin", "-p", "no:cacheprovider", "-p", "no:faulthandler"]);
        command.args(["--continue-on-collection-errors", "-q", "--tb=short", "-c", "board.ini", "--rootdir", "."]);
        // RustPython loses lone surrogates in literals when it compiles a syntax tree, which pytest would have it do.
        command.arg("--assert=plain");
        command.args(self.suite.leave_out.keys().map(|file| format!("--ignore={file}"))).args(&self.suite.run);
        command.env("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1");
        command.env("BOARD_LOG", self.interpreter.inside(&self.file("log")));
        command.env("BOARD_DONE", self.interpreter.inside(&self.file("done")));
        let end = process::run(&mut command, &self.file("output.txt"), self.watch())?;
        let at = self.read_log()?;
        self.settle(at, &end)
    }

    fn path(&self) -> Vec<PathBuf> {
        let Prepared { root, site, needs, own, .. } = self.prepared;
        vec![root.clone(), site.clone(), needs.clone(), own.clone()]
    }

    /// Stops a process whose log does not grow, or all when their time is over.
    fn watch(&self) -> impl FnMut() -> Option<&'static str> + use<> {
        let (log, start) = (self.file("log"), self.start);
        let (test_limit, limit) = (Duration::from_secs(self.suite.test_limit), Duration::from_secs(self.suite.limit));
        let (mut size, mut grew) = (0, Instant::now());
        move || {
            let now = fs::metadata(&log).map_or(0, |data| data.len());
            if now != size {
                (size, grew) = (now, Instant::now());
            }
            if start.elapsed() > limit {
                return Some("time limit of the suite");
            }
            (grew.elapsed() > test_limit).then_some("time limit")
        }
    }

    fn read_log(&mut self) -> Result<At> {
        let text = String::from_utf8_lossy(&fs::read(self.file("log"))?).into_owned();
        let mut at = At::Nothing;
        for line in text.lines() {
            // The last line may be half-written.
            let Ok(words) = serde_json::from_str::<Vec<serde_json::Value>>(line) else { continue };
            let word = |index: usize| words.get(index).and_then(|word| word.as_str()).unwrap_or_default().to_owned();
            match word(0).as_str() {
                "collect" => at = At::File(word(1)),
                "collected" => at = At::Nothing,
                "uncollected" => {
                    self.run.uncollected.insert(word(1), word(2));
                }
                "start" => at = At::Test(word(1)),
                "end" => {
                    let outcome = words.get(2).cloned().unwrap_or_default();
                    let outcome = serde_json::from_value(outcome).with_context(|| format!("no outcome: {line}"))?;
                    self.run.tests.insert(word(1), TestResult { outcome, reason: word(3) });
                    at = At::Nothing;
                }
                "finish" if !matches!(at, At::Test(_)) => at = At::End,
                _ => {}
            }
        }
        Ok(at)
    }

    /// Writes down what the process died of. Says whether to go on with another.
    fn settle(&mut self, at: At, end: &End) -> Result<bool> {
        let over = self.start.elapsed() > Duration::from_secs(self.suite.limit);
        match at {
            At::Test(name) => {
                let stopped = matches!(end, End::Stopped(_));
                let outcome = if stopped { Outcome::TimedOut } else { Outcome::Crashed };
                self.run.tests.insert(name, TestResult { outcome, reason: end.to_string() });
            }
            At::File(name) => {
                self.run.uncollected.insert(name, end.to_string());
            }
            At::End => return Ok(false),
            At::Nothing if self.run.tests.is_empty() && self.run.uncollected.is_empty() => {
                bail!("pytest did not start ({end})\n{}", tail(&self.file("output.txt")));
            }
            At::Nothing => {
                self.run.cut_short = Some(format!("{end} between tests"));
                return Ok(false);
            }
        }
        if over {
            self.run.cut_short = Some("time limit of the suite".into());
        }
        Ok(!over)
    }
}

/// The last lines of a file.
fn tail(file: &Path) -> String {
    let text = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
