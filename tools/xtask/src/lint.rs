//! What is asked of all code of the workspace, tests included: rustfmt's layout, no warning of the compiler or clippy,
//! and documentation whose links lead somewhere, for private items too.

use crate::shell;
use anyhow::Result;

/// Checks it all, the quickest first.
pub(crate) fn lint() -> Result<()> {
    shell::run(shell::cargo_itself().args(["fmt", "--all", "--check"]))?;
    shell::run(shell::cargo("clippy").args(["--workspace", "--all-targets", "--", "-Dwarnings"]))?;
    // What only the sanitizer's build compiles.
    let malloc_blocks = ["-p", "rustclad", "-p", "rustclad-mapper", "--features", "rustclad/malloc-blocks"];
    shell::run(shell::cargo("clippy").args(malloc_blocks).args(["--", "-Dwarnings"]))?;
    let mut doc = shell::cargo("doc");
    doc.args(["--workspace", "--no-deps", "--document-private-items"]);
    shell::run(doc.env("RUSTDOCFLAGS", "-Dwarnings"))
}
