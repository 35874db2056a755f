//! Writes what the test scripts must print, as real CPython 3.14 prints it. Only for people who have one;
//! the tests themselves compare with the files in the repository.

use crate::shell::{external, output, root};
use crate::{build, fetch};
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The folders of scripts, each with its expected output beside it.
const SCRIPTS: [&str; 2] = ["tests/scripts", "tests/scripts/fixtures"];

/// Runs every script under the CPython in `chroot` and keeps its output.
pub(crate) fn expect(chroot: &Path) -> Result<()> {
    fetch::fetch()?;
    build::fixtures()?;
    let inside = Path::new("tmp/rustclad");
    let home = chroot.join(inside);
    if home.exists() {
        fs::remove_dir_all(&home)?;
    }
    fs::create_dir_all(&home)?;
    for (folder, name) in [
        (external("site"), "site"),
        (external("fixtures"), "fixtures"),
        (root().join("tests/scripts"), "scripts"),
        (root().join("tests/python"), "python"),
    ] {
        // `cp` keeps a folder as it is; the standard library has no such call.
        output(Command::new("cp").arg("-rL").arg(folder).arg(home.join(name)))?;
    }
    for folder in SCRIPTS {
        for entry in fs::read_dir(root().join(folder))? {
            let script = entry?.path();
            if script.extension().is_some_and(|end| end == "py") {
                let within = script.strip_prefix(root().join("tests"))?;
                let mut python = Command::new("chroot");
                python
                    .arg(chroot)
                    .args(["env", "PYTHONPATH=/tmp/rustclad/python:/tmp/rustclad/site:/tmp/rustclad/fixtures"]);
                python.args(["PYTHONDONTWRITEBYTECODE=1", "python3.14"]);
                let printed = output(python.arg(Path::new("/").join(inside).join(within)))?;
                fs::write(script.with_extension("out"), printed).context("cannot write the output")?;
            }
        }
    }
    Ok(())
}
