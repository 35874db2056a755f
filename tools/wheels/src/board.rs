//! One package after the other: install, smoke script, suite, speed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;

use crate::interpreter::Interpreter;
use crate::manifest::{Manifest, Package, Suite};
use crate::prepare::{Prepared, Sources};
use crate::process::End;
use crate::record::{self, Change, Score};
use crate::smoke::{self, Smoke};
use crate::speed::{self, Speed};
use crate::suite;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program `rustclad`.
    pub rustclad: PathBuf,
    /// The folder for everything that is made.
    pub work: PathBuf,
    /// A root folder with CPython 3.14: if there is one, things are timed here and there.
    pub reference: Option<PathBuf>,
    /// Whether to leave out the suites.
    pub smoke_only: bool,
}

/// What became of a package.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its smoke script.
    pub smoke: Smoke,
    /// Its own tests.
    pub suite: Option<SuiteReport>,
    /// Times, beside CPython's.
    pub speed: Vec<Speed>,
}

/// What became of a package's own tests.
#[derive(Clone, Debug, Serialize)]
pub struct SuiteReport {
    /// How many passed.
    pub score: Score,
    /// What is new, and what is gone.
    pub change: Change,
    /// Why it ended before its end, if it did.
    pub cut_short: Option<String>,
    /// How long it took.
    pub seconds: f64,
}

impl Report {
    /// Whether nothing is worse than was known.
    pub fn holds(&self) -> bool {
        self.smoke.passed && self.suite.as_ref().is_none_or(|suite| suite.change.new.is_empty())
    }
}

impl Plan {
    fn sources(&self) -> Sources<'_> {
        Sources { rustclad: &self.rustclad, archives: self.work.join("archives") }
    }

    fn chroot(&self) -> Option<Interpreter> {
        self.reference.clone().map(Interpreter::Chroot)
    }

    /// The package's own tests, if they are to be run.
    fn suite<'a>(&self, package: &'a Package) -> Option<&'a Suite> {
        package.suite.as_ref().filter(|_| !self.smoke_only)
    }

    /// Installs a package and runs what is planned under `rustclad`. With `record_known` the list of known failures is
    /// written anew rather than compared with.
    ///
    /// # Errors
    /// If it cannot be installed or nothing starts; that tests fail is no error.
    pub fn run(&self, manifest: &Manifest, package: &Package, record_known: bool) -> Result<Report> {
        let rustclad = Interpreter::Rustclad(self.rustclad.clone());
        let suite = self.suite(package);
        let prepared = self.sources().prepare(manifest, package, &rustclad, &self.work, suite)?;
        let (printed, end) = smoke::run(&rustclad, &prepared)?;
        let smoke = smoke::judge(&smoke::expected(&package.name)?, &printed, &end);
        let suite =
            suite.map(|suite| run_suite(&package.name, suite, &rustclad, &prepared, record_known)).transpose()?;
        let speed = if smoke.passed { self.time(manifest, package, (&rustclad, &prepared))? } else { Vec::new() };
        Ok(Report { name: package.name.clone(), version: package.version.clone(), smoke, suite, speed })
    }

    /// Times a package here and in the reference folder, if there is one.
    fn time(&self, manifest: &Manifest, package: &Package, rustclad: speed::Side<'_>) -> Result<Vec<Speed>> {
        let Some(chroot) = self.chroot() else { return Ok(Vec::new()) };
        let prepared = self.sources().prepare(manifest, package, &chroot, &self.work, None)?;
        speed::speed(package, rustclad, (&chroot, &prepared))
    }

    /// Records what CPython in the reference folder makes of a package.
    ///
    /// # Errors
    /// If it cannot be installed, or its smoke script fails there.
    pub fn record(&self, manifest: &Manifest, package: &Package) -> Result<()> {
        let chroot = self.chroot().context("recording needs --reference")?;
        let suite = self.suite(package);
        let prepared = self.sources().prepare(manifest, package, &chroot, &self.work, suite)?;
        let (printed, end) = smoke::run(&chroot, &prepared)?;
        ensure!(end == End::Code(0), "{}: the smoke script: {end}\n{printed}", package.name);
        smoke::record(&package.name, &printed)?;
        if let Some(suite) = suite {
            let run = suite::run(&chroot, suite, &prepared, &BTreeSet::new())?;
            if let Some(why) = run.cut_short {
                bail!("{}: the suite ended early: {why}", package.name);
            }
            record::write_expected(&package.name, &run)?;
        }
        Ok(())
    }
}

/// Runs a package's own tests and compares what fails with the list of known failures, or writes that list anew.
fn run_suite(
    package: &str,
    suite: &Suite,
    rustclad: &Interpreter,
    prepared: &Prepared,
    record_known: bool,
) -> Result<SuiteReport> {
    let expected = record::expected(package)?;
    // What does not pass on CPython says nothing about us, and takes time.
    let run = suite::run(rustclad, suite, prepared, &expected.others)?;
    let score = record::score(&expected, &run);
    if record_known {
        record::write_known(package, &score)?;
    }
    let change = record::change(package, &score);
    Ok(SuiteReport { score, change, cut_short: run.cut_short, seconds: run.seconds })
}

/// The folder of results below cargo's `target`.
pub fn default_work(target: &Path) -> PathBuf {
    target.join("wheels")
}
