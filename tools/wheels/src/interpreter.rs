//! The Python that runs scripts and suites: `rustclad`, or CPython 3.14 in a folder to `chroot` into.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::folders;

/// Where a chroot's runs have their files, as seen from inside.
const INSIDE: &str = "/tmp/rustclad-wheels";
/// Capabilities that root's tests must not have: a suite that sets the clock is no joke on the machine of its reader.
const DROPPED: &str = "-sys_time,-sys_admin,-sys_boot,-sys_module,-sys_rawio,-net_admin,-mknod,-sys_chroot";

/// A Python to run things with.
#[derive(Clone, Debug)]
pub enum Interpreter {
    /// The program `rustclad`.
    Rustclad(PathBuf),
    /// `python3.14` in this root folder.
    Chroot(PathBuf),
}

impl Interpreter {
    /// The folder for its files: below `work`, or where it can see them.
    pub fn base(&self, work: &Path) -> PathBuf {
        match self {
            Self::Rustclad(_) => work.to_owned(),
            Self::Chroot(folder) => folder.join(INSIDE.trim_start_matches('/')),
        }
    }

    /// A path as the interpreter sees it.
    pub fn inside(&self, path: &Path) -> PathBuf {
        match self {
            Self::Rustclad(_) => path.to_owned(),
            Self::Chroot(folder) => match path.strip_prefix(folder) {
                Ok(rest) => Path::new("/").join(rest),
                Err(_) => path.to_owned(),
            },
        }
    }

    /// A run in the folder `home` that finds modules in `path` and none of the user's settings.
    pub fn command(&self, home: &Path, path: &[PathBuf]) -> Command {
        let words = self.words(home);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdin(Stdio::null()).env_clear();
        command.envs(kept(&["PATH", "TMPDIR", "SHELL"])).env("LANG", "C.UTF-8").env("LC_ALL", "C.UTF-8");
        let inside = path.iter().map(|folder| self.inside(folder));
        command.env("HOME", self.inside(home)).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("PYTHONPATH", std::env::join_paths(inside).expect("no colon in a path"));
        if let Self::Rustclad(_) = self {
            self.add_headers(&mut command);
        }
        command
    }

    /// The command line that starts it in the folder `home`, for root without the [rights](DROPPED) to do harm.
    fn words(&self, home: &Path) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        if let Self::Chroot(folder) = self {
            words.extend(["chroot".into(), folder.into()]);
        }
        words.extend(["env".into(), "-C".into(), self.inside(home).into()]);
        if nix::unistd::geteuid().is_root() {
            words.extend(["setpriv", "--inh-caps", DROPPED, "--bounding-set", DROPPED].map(OsString::from));
        }
        words.push(match self {
            Self::Rustclad(program) => program.into(),
            Self::Chroot(_) => "python3.14".into(),
        });
        words
    }

    /// CPython's headers, for packages that compile modules: no CPython's own settings are there to name them.
    fn add_headers(&self, command: &mut Command) {
        let include = folders::root().join("external/cpython/usr/include");
        let folders = [include.join("python3.14"), include];
        command.env("CPATH", std::env::join_paths(folders).expect("no colon in a path"));
    }
}

/// Those of our own environment variables that a child gets.
fn kept(names: &[&'static str]) -> Vec<(&'static str, impl AsRef<OsStr>)> {
    names.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))).collect()
}
