//! Where log lines go and which there are.

use env_logger::{Builder, Env, Target};
use log::LevelFilter;

use crate::arguments::Request;
use crate::metrics;
use crate::monitor::Pane;

/// Starts to log, to the monitor's pane or to standard error. Each backend logs under its own name.
pub(crate) fn start(request: &Request, pane: Option<Pane>) {
    let mut builder = Builder::from_env(Env::default().default_filter_or("info"));
    if let Some(level) = request.log {
        builder.filter_level(level);
    }
    // Whoever asks for metrics gets them.
    builder.filter_module(metrics::TARGET, LevelFilter::Info);
    if !request.times {
        builder.format_timestamp(None);
    }
    if let Some(pane) = pane {
        builder.target(Target::Pipe(Box::new(pane)));
    }
    // A caller may have a logger already; then that one stays.
    let _ = builder.try_init();
}
