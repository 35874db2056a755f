//! `--check`: the map as a table.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use comfy_table::{Table, presets};
use rustclad_router::config::{ChannelSpec, Config};

use crate::text::printable;

/// The map as a table, and a line that sums up.
pub(crate) fn report(file: &Path, config: &Config) -> String {
    let mut text = String::new();
    if !config.map.is_empty() {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}\n", table(config).trim_fmt());
    }
    let backends: BTreeSet<&str> = config.instances.iter().map(|it| it.backend.as_str()).collect();
    let _ = writeln!(
        text,
        "{}: {}, {}, {}: it can run",
        file.display(),
        counted(backends.len(), "backend"),
        counted(config.instances.len(), "instance"),
        counted(config.map.len(), "mapping"),
    );
    text
}

fn table(config: &Config) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["from", "channel", "backend", "", "to", "channel", "backend"]);
    for mapping in &config.map {
        let [from, from_channel, from_backend] = end(config, &mapping.source);
        let [to, to_channel, to_backend] = end(config, &mapping.destination);
        table.add_row([from, from_channel, from_backend, "->".into(), to, to_channel, to_backend]);
    }
    table
}

fn end(config: &Config, spec: &ChannelSpec) -> [String; 3] {
    let instance = &config.instances[spec.instance];
    [printable(&instance.name), printable(&spec.channel), printable(&instance.backend)]
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
