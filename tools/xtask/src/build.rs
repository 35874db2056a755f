//! Builds what the tests and the tour run: the fixtures, in two ways, and the program.

use crate::fetch::SUFFIX;
use crate::shell::{cargo, command, external, quiet, root, run, target};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Compiles every C source in `fixtures/` into `external/fixtures`, and once more for AddressSanitizer.
pub(crate) fn fixtures() -> Result<()> {
    for source in sources()? {
        let name = source.file_stem().context("a fixture without a name")?.to_string_lossy();
        extension(&source, &external("fixtures").join(format!("{name}{SUFFIX}")), &["-O2"])?;
        let sanitized = external("fixtures-asan").join(format!("{name}{SUFFIX}"));
        // No optimisation: the planted error must stay where its author put it.
        extension(&source, &sanitized, &["-O0", "-fsanitize=address", "-fno-omit-frame-pointer"])?;
    }
    Ok(())
}

fn sources() -> Result<Vec<PathBuf>> {
    let mut sources = Vec::new();
    for entry in fs::read_dir(root().join("fixtures"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "c") {
            sources.push(path);
        }
    }
    sources.sort();
    Ok(sources)
}

/// Compiles one C `source` against CPython's headers, unless `module` is newer than it and the header beside it.
pub(crate) fn extension(source: &Path, module: &Path, flags: &[&str]) -> Result<()> {
    let age = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    if age(module) > age(source) && age(module) > age(&source.with_file_name("fixture.h")) {
        return Ok(());
    }
    fs::create_dir_all(module.parent().context("a module without a folder")?)?;
    let include = external("cpython/usr/include");
    let mut gcc = command("gcc");
    gcc.args(["-shared", "-fPIC", "-g", "-Wall", "-Wno-unused-function"]).args(flags);
    // Debian keeps the machine's own part of the headers in a folder of its own, included by a path below this one.
    gcc.arg("-isystem").arg(include.join("python3.14")).arg("-isystem").arg(include);
    quiet(gcc.arg(source).arg("-o").arg(module).args(["-lm", "-pthread"]))
}

/// The program as users get it.
pub(crate) fn rustclad_release() -> Result<PathBuf> {
    run(cargo("build").args(["--release", "--package", "rustclad"]))?;
    Ok(target()?.join("release/rustclad"))
}

/// The program as the tests run it, and a second one, in `external/bin`, that takes each block from malloc.
/// The normal one is built last: it is what stays in the target folder.
pub(crate) fn rustclad_for_tests() -> Result<()> {
    // The whole workspace each time, as in `cargo test`: else crates would be built again for other features.
    run(cargo("build").args(["--workspace", "--features", "rustclad/malloc-blocks"]))?;
    let kept = external("bin/rustclad-malloc");
    fs::create_dir_all(external("bin"))?;
    let built = target()?.join("debug/rustclad");
    // By a new file: the old one may still be running.
    let fresh = kept.with_extension("new");
    fs::copy(&built, &fresh).with_context(|| format!("no {}", built.display()))?;
    fs::rename(fresh, kept)?;
    run(cargo("build").arg("--workspace"))
}
