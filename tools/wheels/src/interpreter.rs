//! The Python that runs scripts and suites: `rustclad`, or CPython 3.14 in a folder to `chroot` into.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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

    /// A path as it is seen by the interpreter.
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
        let mut words: Vec<PathBuf> = Vec::new();
        if let Self::Chroot(folder) = self {
            words.extend(["chroot".into(), folder.clone()]);
        }
        words.extend(["env".into(), "-C".into(), self.inside(home)]);
        if nix::unistd::geteuid().is_root() {
            words.extend(["setpriv", "--inh-caps", DROPPED, "--bounding-set", DROPPED].map(PathBuf::from));
        }
        words.push(match self {
            Self::Rustclad(program) => program.clone(),
            Self::Chroot(_) => "python3.14".into(),
        });
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdin(Stdio::null()).env_clear();
        command.envs(kept(&["PATH", "TMPDIR", "SHELL"])).env("LANG", "C.UTF-8").env("LC_ALL", "C.UTF-8");
        let inside = path.iter().map(|folder| self.inside(folder));
        let home = self.inside(home);
        command.env("HOME", home).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("PYTHONPATH", std::env::join_paths(inside).expect("no colon in a path"));
        if let Self::Rustclad(_) = self {
            self.add_headers(&mut command);
        }
        command
    }

    /// CPython's headers, for packages that compile modules: no CPython's own settings are there to name them.
    fn add_headers(&self, command: &mut Command) {
        let include = crate::root().join("external/cpython/usr/include");
        let folders = [include.join("python3.14"), include];
        command.env("CPATH", std::env::join_paths(folders).expect("no colon in a path"));
    }

    /// Its name in reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rustclad(_) => "rustclad",
            Self::Chroot(_) => "CPython",
        }
    }
}

/// Those of our own environment variables that a child gets.
fn kept(names: &[&'static str]) -> Vec<(&'static str, impl AsRef<OsStr>)> {
    names.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))).collect()
}
