//! Where log lines go, which there are, and what they look like.

use std::io::Write as _;

use env_logger::{Builder, Env, Target};
use log::LevelFilter;

use crate::arguments::Request;
use crate::metrics;
use crate::monitor::Pane;

/// Starts to log, to the monitor's pane or to standard error.
pub(crate) fn start(request: &Request, pane: Option<Pane>) {
    let mut builder = Builder::from_env(Env::default().default_filter_or("info"));
    if let Some(level) = request.log {
        builder.filter_level(level);
    }
    // Whoever asks for metrics gets them.
    builder.filter_module(metrics::TARGET, LevelFilter::Info);
    let times = request.times;
    builder.format(move |line, record| {
        if times {
            write!(line, "{} ", line.timestamp())?;
        }
        let (style, level) = (line.default_level_style(record.level()), record.level());
        // What goes on in further lines belongs to the first.
        let message = record.args().to_string().replace('\n', "\n    ");
        writeln!(line, "[{style}{level}{style:#} {}] {message}", speaker(record.target()))
    });
    if let Some(pane) = pane {
        builder.target(Target::Pipe(Box::new(pane)));
    }
    // A caller may have a logger already; then that one stays.
    let _ = builder.try_init();
}

/// Who speaks, as configurations name it: a backend, if the target is a module of one. `dmx` is what artnet and sacn share.
fn speaker(target: &str) -> &str {
    match target.strip_prefix("rustclad_router::backends::") {
        Some(path) => path.split_once("::").map_or(path, |(backend, _)| backend),
        None if target.starts_with("rustclad_router_python") => "python",
        None => target,
    }
}

#[cfg(test)]
mod tests {
    use super::speaker;

    #[test]
    fn backends_speak_under_their_names() {
        assert_eq!(speaker("rustclad_router::backends::osc::instance"), "osc");
        assert_eq!(speaker("rustclad_router::backends::loopback"), "loopback");
        assert_eq!(speaker("rustclad_router_python::instance"), "python");
        assert_eq!(speaker("router"), "router");
        assert_eq!(speaker("rumqttc::v5::eventloop"), "rumqttc::v5::eventloop");
    }
}
