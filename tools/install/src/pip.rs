//! The machine's pip, which knows indexes, versions and wheels.

use std::env;
use std::ffi::{CStr, OsStr, OsString};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};

/// Settings of other Pythons, or of where pip installs: neither is for us.
const UNWANTED: [&str; 9] = [
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONEXECUTABLE",
    "VIRTUAL_ENV",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
    "PIP_USER",
    "PIP_REQUIRE_VIRTUALENV",
];
/// What pip says when the index cannot be reached.
const OF_NETWORKS: [&str; 8] = [
    "NewConnectionError",
    "NameResolutionError",
    "ConnectTimeout",
    "ReadTimeout",
    "Connection broken",
    "ProxyError",
    "Max retries exceeded",
    "Temporary failure in name resolution",
];
/// The minor version of the oldest glibc that wheels for x86-64 name.
const OLDEST_GLIBC: u32 = 5;

/// A way to start pip.
pub(crate) struct Pip(Vec<OsString>);

impl Pip {
    /// The first on `PATH` that works.
    pub(crate) fn find() -> Result<Self> {
        let folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
        let own = env::current_exe().and_then(|path| path.canonicalize()).ok();
        // In an active environment `python3` is this program.
        let foreign = |path: &PathBuf| path.is_file() && path.canonicalize().ok() != own;
        let pythons = folders.iter().map(|folder| folder.join("python3")).filter(foreign);
        let pips = folders.iter().map(|folder| folder.join("pip")).filter(foreign);
        let by_python = pythons.map(|path| vec![path.into(), "-m".into(), "pip".into()]);
        let mut all = by_python.chain(pips.map(|path| vec![path.into()])).map(Self);
        all.find(|pip| {
            let run = pip.command("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
            run.is_ok_and(|status| status.success())
        })
        .ok_or(Error::NoPip)
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(&self.0[0]);
        command.args(&self.0[1..]).arg(verb).stdin(Stdio::null());
        for name in UNWANTED {
            command.env_remove(name);
        }
        command.env("PIP_DISABLE_PIP_VERSION_CHECK", "1").env("PIP_ROOT_USER_ACTION", "ignore");
        command
    }

    /// Installs into the empty folder `target`, showing what pip says.
    pub(crate) fn install<S: AsRef<OsStr>>(&self, target: &Path, words: impl IntoIterator<Item = S>) -> Result<()> {
        let mut command = self.command("install");
        command.args(["--only-binary=:all:", "--implementation", "cp", "--python-version", "3.14", "--no-compile"]);
        // pip holds what a wheel requires against its own version, whatever it was told.
        command.arg("--ignore-requires-python");
        for abi in ["cp314", "abi3", "none"] {
            command.args(["--abi", abi]);
        }
        for platform in platforms() {
            command.args(["--platform", &platform]);
        }
        let said = run(command.arg("--target").arg(target).args(words))?;
        said.map_or(Ok(()), |said| Err(self.explain(&said)))
    }

    /// What pip's messages mean.
    fn explain(&self, said: &str) -> Error {
        let mentions = |words: &[&str]| words.iter().any(|word| said.contains(word));
        if mentions(&OF_NETWORKS) {
            return Error::NoNetwork;
        }
        if let Some((requirement, versions)) = unmet(said) {
            let name: String =
                requirement.chars().take_while(|it| it.is_alphanumeric() || matches!(it, '-' | '_' | '.')).collect();
            return match versions {
                Some(versions) => Error::NoVersion { requirement, versions },
                None if self.knows(&name) => Error::NoWheel { name: requirement, platform: platform() },
                None => Error::NoSuchPackage(name),
            };
        }
        if mentions(&["ResolutionImpossible", "conflicting dependencies"]) {
            return Error::Conflict;
        }
        let error = said.lines().rev().find_map(|line| line.strip_prefix("ERROR: "));
        Error::Pip(error.unwrap_or("see its message above").to_owned())
    }

    /// Whether the index has anything of that name, for whatever Python: what pip passes over, it says in detail.
    fn knows(&self, name: &str) -> bool {
        let mut search = self.command("download");
        search.args(["-vv", "--no-deps", "--only-binary=:all:", "--python-version", "3.14", "--platform", "any"]);
        let Ok(output) = search.arg("--dest").arg(env::temp_dir()).arg(name).output() else { return false };
        let said = String::from_utf8_lossy(&output.stdout);
        ["none of the wheel's tags", "No sources permitted", "Requires-Python"].iter().any(|it| said.contains(it))
    }
}

/// The requirement that pip has no file for, and the versions it knows.
fn unmet(said: &str) -> Option<(String, Option<String>)> {
    let (_, rest) = said.split_once("find a version that satisfies the requirement ")?;
    let (requirement, rest) = rest.split_once(" (from ")?;
    let versions =
        rest.split_once("versions: ").and_then(|(_, rest)| rest.split_once(')')).map(|(versions, _)| versions);
    Some((requirement.to_owned(), versions.filter(|it| *it != "none").map(str::to_owned)))
}

/// Runs pip to its end; what it said on standard error if it failed.
fn run(command: &mut Command) -> Result<Option<String>> {
    let program = PathBuf::from(command.get_program());
    let mut child = command.stderr(Stdio::piped()).spawn().map_err(Error::io("start", &program))?;
    let mut said = String::new();
    let mut pipe = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut line = Vec::new();
    while pipe.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
        // Nobody reading it is no reason to stop half-way.
        let _ = std::io::stderr().write_all(&line);
        said.push_str(&String::from_utf8_lossy(&line));
        line.clear();
    }
    let status = child.wait().map_err(Error::io("wait for", &program))?;
    Ok((!status.success()).then_some(said))
}

/// The platform tags of wheels that run here, best first.
fn platforms() -> Vec<String> {
    let mut tags: Vec<String> =
        (OLDEST_GLIBC..=glibc()).rev().map(|minor| format!("manylinux_2_{minor}_x86_64")).collect();
    tags.extend(["manylinux2014", "manylinux2010", "manylinux1", "linux"].map(|name| format!("{name}_x86_64")));
    tags.push("any".to_owned());
    tags
}

/// The machine, for messages.
fn platform() -> String {
    format!("Linux on {}, glibc 2.{}", env::consts::ARCH, glibc())
}

/// The minor version of the C library.
fn glibc() -> u32 {
    // SAFETY: it gives a constant string.
    let version = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) };
    let minor = version.to_str().ok().and_then(|version| version.split('.').nth(1)?.parse().ok());
    // Rust's standard library needs that one.
    minor.unwrap_or(17)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pip_could_not_meet() {
        let said =
            |from: &str| format!("ERROR: Could not find a version that satisfies the requirement lower>=9 {from}\n");
        assert_eq!(unmet(&said("(from versions: 1.5, 2.0)")), Some(("lower>=9".into(), Some("1.5, 2.0".into()))));
        assert_eq!(unmet(&said("(from upper) (from versions: 1.5)")), Some(("lower>=9".into(), Some("1.5".into()))));
        assert_eq!(unmet(&said("(from versions: none)")), Some(("lower>=9".into(), None)));
        assert_eq!(unmet("ERROR: No matching distribution found for lower>=9"), None);
    }
}
