//! The board as text and as JSON.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::board::Report;
use crate::page;

/// Writes `board.txt`, `board.json` and `board.html` into `folder`.
///
/// # Errors
/// If they cannot be written.
pub fn write(reports: &[Report], folder: &Path) -> Result<()> {
    let text = text(reports);
    fs::create_dir_all(folder)?;
    let json = serde_json::to_string_pretty(reports)?;
    for (name, content) in [("board.txt", &text), ("board.json", &json), ("board.html", &page::page(reports))] {
        fs::write(folder.join(name), content).with_context(|| format!("cannot write {name}"))?;
    }
    Ok(())
}

/// A table for the terminal, with all that is new below it.
pub fn text(reports: &[Report]) -> String {
    let mut text = String::from(
        "package             version      smoke  passed    of       share  failed crashed not run  seconds\n",
    );
    for report in reports {
        let smoke = if report.smoke.passed { "ok" } else { "FAILED" };
        let _ = write!(text, "{:<19} {:<12} {smoke:<6}", report.name, report.version);
        if let Some(suite) = &report.suite {
            let score = &suite.score;
            let _ = write!(text, " {:>6} {:>5} {:>9.1} %", score.passed, score.of, score.percent());
            let _ =
                write!(text, " {:>7} {:>7} {:>7} {:>8.0}", score.failed, score.crashed, score.not_run, suite.seconds);
        }
        text.push('\n');
    }
    for report in reports {
        details(report, &mut text);
    }
    if reports.iter().any(|report| !report.speed.is_empty()) {
        speeds(reports, &mut text);
    }
    text
}

fn details(report: &Report, text: &mut String) {
    if !report.smoke.passed {
        let _ = writeln!(text, "{}: the smoke script: {}", report.name, report.smoke.difference);
    }
    let Some(suite) = &report.suite else { return };
    if let Some(why) = &suite.cut_short {
        let _ = writeln!(text, "{}: the suite ended early: {why}", report.name);
    }
    for id in &suite.change.new {
        let _ = writeln!(text, "{}: new failure: {id}: {}", report.name, suite.score.failures[id]);
    }
    if !suite.change.gone.is_empty() {
        let gone = suite.change.gone.len();
        let _ = writeln!(text, "{}: {gone} known failures are gone (--record-known mends the list)", report.name);
    }
}

fn speeds(reports: &[Report], text: &mut String) {
    text.push_str("\ntime                         rustclad ms  CPython ms  ratio   aim\n");
    for speed in reports.iter().flat_map(|report| &report.speed) {
        let (here, there) = (speed.rustclad * 1e3, speed.cpython * 1e3);
        let verdict = if speed.ratio <= speed.aim { "" } else { "  over" };
        let _ = writeln!(
            text,
            "{:<28} {here:>11.2} {there:>11.2} {:>6.2} {:>5.1}{verdict}",
            speed.what, speed.ratio, speed.aim
        );
    }
}
