//! Tests the part of the router that not every build has; times it and has it endure, with `rustclad` as users get it (see
//! `tools/bench/router`).

use crate::build;
use crate::shell::{cargo, external, run};
use anyhow::Result;

/// Tests the feature `midi`, with the ALSA that was fetched.
pub(crate) fn test_midi() -> Result<()> {
    let alsa = external("alsa");
    let libraries = alsa.join("usr/lib/x86_64-linux-gnu");
    let mut test = cargo("test");
    // The whole workspace, so that nothing else is built again for other features.
    test.args(["--workspace", "--features", "rustclad-router/midi", "--test", "midi"]);
    test.env("PKG_CONFIG", alsa.join("usr/bin/pkgconf")).env("PKG_CONFIG_SYSROOT_DIR", alsa);
    test.env("PKG_CONFIG_LIBDIR", libraries.join("pkgconfig")).env("LD_LIBRARY_PATH", libraries);
    run(&mut test)
}

/// Events through the core alone, then what is measured from outside.
pub(crate) fn bench() -> Result<()> {
    run(cargo("bench").args(["--package", "rustclad-router", "--bench", "route"]))?;
    measure(&[])
}

/// Runs for so many seconds.
pub(crate) fn soak(seconds: &str) -> Result<()> {
    measure(&["soak", seconds])
}

fn measure(words: &[&str]) -> Result<()> {
    let program = build::rustclad_release()?;
    let mut bench = cargo("run");
    bench.args(["--release", "--quiet", "--package", "rustclad-router-bench", "--"]).arg(program);
    run(bench.args(words))
}
