//! Paths and child processes. An error names the command that failed, so that it can be tried by hand.

use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("xtask is two folders below the root").to_owned()
}

/// `name` in the folder of things downloaded or made.
pub(crate) fn external(name: impl AsRef<Path>) -> PathBuf {
    root().join("external").join(name)
}

/// Makes `folder` anew, and empty.
pub(crate) fn fresh(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// A command that runs with `chroot` as its root folder.
pub(crate) fn inside(chroot: &Path) -> Command {
    let mut command = Command::new("chroot");
    command.arg(chroot);
    command
}

/// Cargo's folder of build results, wherever the user put it.
pub(crate) fn target() -> Result<PathBuf> {
    let me = std::env::current_exe()?;
    let target = me.ancestors().nth(2).context("xtask runs outside of a target folder")?;
    Ok(target.to_owned())
}

/// A command that runs in the workspace's folder.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// The cargo that runs this program.
pub(crate) fn cargo_itself() -> Command {
    command(std::env::var_os("CARGO").unwrap_or("cargo".into()))
}

/// `cargo verb` as this workspace needs it: the locked versions, and no complaint about Rust 1.95.
pub(crate) fn cargo(verb: &str) -> Command {
    let mut cargo = cargo_itself();
    cargo.args([verb, "--locked", "--ignore-rust-version"]);
    cargo
}

/// Runs `command` to its end, with its output on ours.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start: {}", line(command)))?;
    if !status.success() {
        bail!("failed ({status}): {}", line(command));
    }
    Ok(())
}

/// Runs `command` in silence; what it printed is shown only if it fails.
pub(crate) fn quiet(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

/// Runs `command` and gives its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let out = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start: {}", line(command)))?;
    let stdout = String::from_utf8_lossy(&out.stdout).into_owned();
    if !out.status.success() {
        let stderr = String::from_utf8_lossy(&out.stderr);
        bail!("failed ({}): {}\n{stdout}{stderr}", out.status, line(command));
    }
    Ok(stdout)
}

/// The command as one would type it.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
