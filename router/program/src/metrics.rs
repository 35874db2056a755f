//! A line of metrics, every so often or on request.

use std::time::{Duration, Instant};

use rustclad_router::Metrics;

/// The log target of these lines.
pub(crate) const TARGET: &str = "metrics";

/// Knows when a line is due, and what was counted at the last one.
pub(crate) struct Meter {
    every: Option<Duration>,
    started: Instant,
    last: Instant,
    counted: Metrics,
}

impl Meter {
    pub(crate) fn new(every: Option<Duration>) -> Self {
        let now = Instant::now();
        Self { every, started: now, last: now, counted: Metrics::default() }
    }

    /// How long no line is due; None if none ever is.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.every.map(|every| every.saturating_sub(self.last.elapsed()))
    }

    /// Logs a line: figures since the start, and rates since the last line.
    pub(crate) fn log(&mut self, metrics: Metrics) {
        let since = self.last.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
        let rate = |now: u64, before: u64| ((now - before) as f64 / since).round();
        log::info!(
            target: TARGET,
            "{:.1} s: {} turns, {} events ({}/s), {} routed ({}/s), {} overruns",
            self.started.elapsed().as_secs_f64(),
            metrics.turns,
            metrics.events,
            rate(metrics.events, self.counted.events),
            metrics.routed,
            rate(metrics.routed, self.counted.routed),
            metrics.overruns,
        );
        self.last = Instant::now();
        self.counted = metrics;
    }
}
