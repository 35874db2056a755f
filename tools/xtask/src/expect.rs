//! Writes what the test scripts must print, as real CPython 3.14 prints it. Only for people who have one;
//! the tests themselves compare with the files in the repository.

use crate::shell::{external, fresh, inside, output, quiet, root};
use crate::{build, fetch};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The folders of scripts, each with its expected output beside it.
const SCRIPTS: [&str; 2] = ["tests/scripts", "tests/scripts/fixtures"];

/// Where the scripts and what they import lie in the chroot.
const HOME: &str = "tmp/rustclad";

/// Runs every script under the CPython in `chroot` and keeps its output.
pub(crate) fn expect(chroot: &Path) -> Result<()> {
    fetch::fetch()?;
    build::fixtures()?;
    copy_into(chroot)?;
    for folder in SCRIPTS {
        for entry in fs::read_dir(root().join(folder))? {
            let script = entry?.path();
            if script.extension().is_some_and(|end| end == "py") {
                let printed = output(&mut python(chroot, &script)?)?;
                fs::write(script.with_extension("out"), printed).context("cannot write the output")?;
            }
        }
    }
    Ok(())
}

/// Copies the scripts and what they import into `chroot`.
fn copy_into(chroot: &Path) -> Result<()> {
    let home = chroot.join(HOME);
    fresh(&home)?;
    for (folder, name) in [
        (external("site"), "site"),
        (external("fixtures"), "fixtures"),
        (root().join("tests/scripts"), "scripts"),
        (root().join("tests/python"), "python"),
    ] {
        // `cp` keeps a folder as it is; the standard library has no such call.
        quiet(Command::new("cp").arg("-rL").arg(folder).arg(home.join(name)))?;
    }
    Ok(())
}

/// The run of the copy of `script` in `chroot`.
fn python(chroot: &Path, script: &Path) -> Result<Command> {
    let home = Path::new("/").join(HOME);
    let path = std::env::join_paths(["python", "site", "fixtures"].map(|name| home.join(name)))?;
    let mut python = inside(chroot);
    python.args(["env", "PYTHONDONTWRITEBYTECODE=1", "python3.14"]).env("PYTHONPATH", path);
    python.arg(home.join(script.strip_prefix(root().join("tests"))?));
    Ok(python)
}
