//! One package after the other: install, smoke script, suite, speed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::interpreter::Interpreter;
use crate::manifest::{Manifest, Package};
use crate::prepare::{Prepared, Sources};
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
    /// A root folder with CPython 3.14, to compare speed with.
    pub reference: Option<PathBuf>,
    /// Whether to leave out the suites.
    pub smoke_only: bool,
    /// Whether to time things, which needs the reference.
    pub speed: bool,
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

    /// Installs a package and runs what is planned under `rustclad`. With `record_known` the list of known failures is
    /// written anew rather than compared with.
    ///
    /// # Errors
    /// If it cannot be installed or nothing starts; that tests fail is no error.
    pub fn run(&self, manifest: &Manifest, package: &Package, record_known: bool) -> Result<Report> {
        let rustclad = Interpreter::Rustclad(self.rustclad.clone());
        let prepared = self.sources().prepare(manifest, package, &rustclad, &self.work, !self.smoke_only)?;
        let (printed, end) = smoke::run(&rustclad, &prepared)?;
        let smoke = smoke::judge(&smoke::expected(&package.name)?, &printed, &end);
        let suite = match &package.suite {
            Some(_) if !self.smoke_only => Some(self.suite(package, &rustclad, &prepared, record_known)?),
            _ => None,
        };
        let speed =
            if self.speed && smoke.passed { self.time(manifest, package, (&rustclad, &prepared))? } else { vec![] };
        Ok(Report { name: package.name.clone(), version: package.version.clone(), smoke, suite, speed })
    }

    fn suite(
        &self,
        package: &Package,
        rustclad: &Interpreter,
        prepared: &Prepared,
        record_known: bool,
    ) -> Result<SuiteReport> {
        let suite = package.suite.as_ref().context("a package with tests")?;
        let expected = record::expected(&package.name)?;
        // What does not pass on CPython says nothing about us, and takes time.
        let run = suite::run(rustclad, suite, prepared, &expected.others)?;
        let score = record::score(&expected, &run);
        if record_known {
            record::write_known(&package.name, &score)?;
        }
        let change = record::change(&package.name, &score);
        Ok(SuiteReport { score, change, cut_short: run.cut_short, seconds: run.seconds })
    }

    fn time(&self, manifest: &Manifest, package: &Package, rustclad: speed::Side<'_>) -> Result<Vec<Speed>> {
        let Some(chroot) = self.chroot() else { return Ok(Vec::new()) };
        let prepared = self.sources().prepare(manifest, package, &chroot, &self.work, false)?;
        speed::speed(package, rustclad, (&chroot, &prepared))
    }

    /// Records what CPython in the reference folder makes of a package.
    ///
    /// # Errors
    /// If it cannot be installed, or its smoke script fails there.
    pub fn record(&self, manifest: &Manifest, package: &Package) -> Result<()> {
        let chroot = self.chroot().context("recording needs --reference")?;
        let prepared = self.sources().prepare(manifest, package, &chroot, &self.work, !self.smoke_only)?;
        let (printed, end) = smoke::run(&chroot, &prepared)?;
        anyhow::ensure!(end == crate::process::End::Code(0), "{}: {end}\n{printed}", package.name);
        smoke::record(&package.name, &printed)?;
        if let (Some(suite), false) = (&package.suite, self.smoke_only) {
            let run = suite::run(&chroot, suite, &prepared, &BTreeSet::new())?;
            anyhow::ensure!(run.cut_short.is_none(), "{}: {:?}", package.name, run.cut_short);
            record::write_expected(&package.name, &run)?;
        }
        Ok(())
    }
}

/// The folder of results below cargo's `target`.
pub fn default_work(target: &Path) -> PathBuf {
    target.join("wheels")
}
