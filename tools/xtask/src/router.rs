//! Times the router and has it endure, with `rustclad` as users get it: see `tools/bench/router`.

use crate::build;
use crate::shell::{cargo, run};
use anyhow::Result;

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
