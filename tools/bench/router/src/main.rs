//! Prints what the library measures, against what the design asks for.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustclad_router_bench::{Sample, dmx, latency, ring, soak};

const USAGE: &str = "usage: rustclad-router-bench PROGRAM [ring | dmx | latency | soak SECONDS]
PROGRAM is `rustclad`; without a word, all but `soak` are measured.";

/// A handler in a ring takes at most this many times as long as in a plain loop.
const RING: f64 = 1.5;
/// 64 universes use at most this much of a core.
const CORES: f64 = 0.5;
/// The router adds at most so much at the 99th percentile.
const ADDED: Duration = Duration::from_micros(200);
/// Events a second while it endures.
const EVENTS: f64 = 100_000.0;
/// By so much may memory differ between two samples, in bytes: what an allocator keeps back varies.
const FLAT: i64 = 4 << 20;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rustclad-router-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<()> {
    match words {
        [program] => {
            show_ring(Path::new(program))?;
            show_dmx(Path::new(program))?;
            show_latency(Path::new(program))
        }
        [program, "ring"] => show_ring(Path::new(program)),
        [program, "dmx"] => show_dmx(Path::new(program)),
        [program, "latency"] => show_latency(Path::new(program)),
        [program, "soak", seconds] => endure(Path::new(program), seconds),
        _ => bail!("I do not know `{}`\n{USAGE}", words.join(" ")),
    }
}

/// Prints a figure, the most it may be, and whether it is that.
fn show(what: &str, value: f64, most: f64, details: &str) {
    let verdict = if value <= most { "ok" } else { "**over**" };
    println!("{what:<44} {value:>8.2}  at most {most:>6.2}  {verdict:<8}  {details}");
}

fn show_ring(program: &Path) -> Result<()> {
    let it = ring(program)?;
    let details = format!("{:.0} ns, {:.0} ns in a plain loop; {:.0} events/s", it.routed, it.plain, it.rate());
    show("handler in a ring, ratio to a plain loop", it.ratio(), RING, &details);
    Ok(())
}

fn show_dmx(program: &Path) -> Result<()> {
    let it = dmx(program, Duration::from_secs(10))?;
    let details = format!("{:.1} frames/s in, {:.1} out", it.sent, it.received);
    show("64 universes of DMX, cores", it.cores, CORES, &details);
    Ok(())
}

fn show_latency(program: &Path) -> Result<()> {
    let it = latency(program, 10_000)?;
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let details = format!(
        "median {:.0}, p99 {:.0}; plain echo: median {:.0}, p99 {:.0}",
        micros(it.routed.median),
        micros(it.routed.p99),
        micros(it.echoed.median),
        micros(it.echoed.p99)
    );
    show("OSC to OSC, added at the 99th percentile, µs", micros(it.added()), micros(ADDED), &details);
    Ok(())
}

/// Runs for so many seconds; fails if memory grows or events get fewer.
fn endure(program: &Path, seconds: &str) -> Result<()> {
    let duration = Duration::from_secs(seconds.parse().context(USAGE)?);
    // Short runs are for trying this out.
    let step = Duration::from_secs(60).min(duration / 4);
    let it = soak(program, duration, step, print_sample)?;
    println!("{:.0} events/s, memory grew by {:.2} MB", it.rate(), it.growth() as f64 / f64::from(1 << 20));
    if it.growth() > FLAT {
        bail!("memory grew by more than {} MB", FLAT >> 20);
    }
    if it.rate() < EVENTS {
        bail!("there were fewer than {EVENTS} events a second");
    }
    Ok(())
}

fn print_sample(sample: &Sample) {
    println!(
        "{:>4} s  {:>7.2} MB  {} descriptors  {} events  {} exceptions",
        sample.at.as_secs(),
        sample.memory as f64 / f64::from(1 << 20),
        sample.descriptors,
        sample.routed,
        sample.raised
    );
}
