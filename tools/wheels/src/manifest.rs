//! What is on the board: `wheels.toml`, part of the program.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// The whole list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// What runs the upstream tests, as lines of a requirements file.
    pub pytest: Vec<String>,
    /// The packages, in the order of the report.
    #[serde(rename = "package")]
    pub packages: Vec<Package>,
}

/// A package of the board.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Package {
    /// Its name on the package index.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The module whose import is timed.
    pub import: String,
    /// Its wheel and the wheels it needs, each a line of a requirements file with its hash.
    pub wheels: Vec<String>,
    /// Its own tests, if the board runs them.
    pub suite: Option<Suite>,
}

/// A package's own tests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Suite {
    /// The source archive as a line of a requirements file; without it the tests are in the wheel.
    pub source: Option<String>,
    /// What to unpack from the archive; all else stays out of the way of the installed package.
    #[serde(default)]
    pub unpack: Vec<String>,
    /// Where to install, for tests that lie inside the package.
    #[serde(default = "default_site")]
    pub site: String,
    /// The folder that pytest starts in, which test ids are relative to.
    #[serde(default = "default_root")]
    pub root: String,
    /// What else the tests import, as lines of a requirements file.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Arguments for pytest: which files to run.
    pub run: Vec<String>,
    /// Lines of pytest's settings file.
    #[serde(default)]
    pub settings: Vec<String>,
    /// Files that are not run, each with the reason.
    #[serde(default)]
    pub leave_out: BTreeMap<String, String>,
    /// Seconds that one test may take.
    #[serde(default = "default_test_limit")]
    pub test_limit: u64,
    /// Seconds that all may take.
    #[serde(default = "default_limit")]
    pub limit: u64,
}

fn default_site() -> String {
    "site".into()
}

fn default_root() -> String {
    "tests".into()
}

fn default_test_limit() -> u64 {
    120
}

fn default_limit() -> u64 {
    3600
}

impl Manifest {
    /// The list that this program was built with.
    ///
    /// # Errors
    /// If it is not as it should be.
    pub fn built_in() -> Result<Self> {
        toml::from_str(include_str!("../wheels.toml")).context("wheels.toml")
    }

    /// The packages of these names, or all if there are none.
    ///
    /// # Errors
    /// If a name is not on the list.
    pub fn select(&self, names: &[String]) -> Result<Vec<Package>> {
        for name in names {
            if !self.packages.iter().any(|package| package.name == *name) {
                let known: Vec<_> = self.packages.iter().map(|package| package.name.as_str()).collect();
                bail!("no package {name} on the board, which has {}", known.join(", "));
            }
        }
        let wanted = |package: &&Package| names.is_empty() || names.contains(&package.name);
        Ok(self.packages.iter().filter(wanted).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_requirement_is_pinned_with_a_hash() {
        let manifest = Manifest::built_in().unwrap();
        let of_suite = |suite: &Suite| suite.source.iter().chain(&suite.needs).cloned().collect::<Vec<_>>();
        let suites = manifest.packages.iter().filter_map(|package| package.suite.as_ref()).flat_map(of_suite);
        let wheels = manifest.packages.iter().flat_map(|package| package.wheels.clone());
        for line in manifest.pytest.iter().cloned().chain(wheels).chain(suites) {
            assert!(line.contains("==") && line.contains(" --hash=sha256:"), "{line}");
        }
    }
}
