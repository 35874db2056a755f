//! `--graph`: the map as a picture.

use std::collections::BTreeMap;

use layout::adt::dag::NodeHandle;
use layout::backends::svg::SVGWriter;
use layout::core::base::Orientation;
use layout::core::color::Color;
use layout::core::style::StyleAttr;
use layout::std_shapes::render::get_shape_size;
use layout::std_shapes::shapes::{Arrow, Element, ShapeKind};
use layout::topo::layout::VisualGraph;
use rustclad_router::config::{Config, Instance};

use crate::bundle::Bundle;
use crate::text::printable;

const FONT: usize = 14;
/// With more edges than this the layout is not optimized, which would take minutes for some hundreds.
const OPTIMIZED: usize = 60;
/// How many lines a label of an edge has at most.
const LINES: usize = 8;

/// The map of a configuration as SVG: a node for each instance, an edge for each pair with mappings.
pub(crate) fn svg(config: &Config) -> String {
    let mut graph = VisualGraph::new(Orientation::LeftToRight);
    let nodes: Vec<NodeHandle> = config.instances.iter().map(|it| graph.add_node(node(it))).collect();
    let edges = edges(config);
    let plain = edges.len() > OPTIMIZED;
    for ((source, destination), label) in edges {
        graph.add_edge(Arrow::simple(&label), nodes[source], nodes[destination]);
    }
    let mut writer = SVGWriter::new();
    // The layout does not take a graph without nodes. Its last step, which would move nodes nearer to each other, panics
    // for about one map in 500.
    let without_last_step = true;
    if !nodes.is_empty() {
        graph.do_it(false, plain, without_last_step, &mut writer);
    }
    writer.finalize()
}

fn node(instance: &Instance) -> Element {
    let text = format!("{}\n{}", printable(&instance.name), printable(&instance.backend));
    let shape = ShapeKind::Box(text);
    let size = get_shape_size(Orientation::LeftToRight, &shape, FONT, false);
    let look = StyleAttr::new(Color::fast("black"), 1, Some(Color::fast("aliceblue")), 4, FONT);
    Element::create(shape, look, Orientation::LeftToRight, size)
}

/// Labels by source and destination.
fn edges(config: &Config) -> BTreeMap<(usize, usize), String> {
    let mut pairs: BTreeMap<(usize, usize), Vec<(&str, &str)>> = BTreeMap::new();
    for mapping in &config.map {
        let ends = (mapping.source.instance, mapping.destination.instance);
        pairs.entry(ends).or_default().push((&mapping.source.channel, &mapping.destination.channel));
    }
    pairs.into_iter().map(|(ends, pairs)| (ends, label(pairs))).collect()
}

fn label(pairs: Vec<(&str, &str)>) -> String {
    let bundles = Bundle::sum_up(pairs);
    let shown = if bundles.len() > LINES { LINES - 1 } else { LINES };
    let mut lines: Vec<String> = bundles.iter().take(shown).map(|bundle| printable(&bundle.to_string())).collect();
    if bundles.len() > shown {
        lines.push(format!("and {} more", bundles.len() - shown));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use rustclad_router::config::{ChannelSpec, Mapping, Place};

    use super::*;

    fn config(names: &[&str], map: &[(usize, &str, usize, &str)]) -> Config {
        let place = Place { file: Arc::from(Path::new("test.cfg")), line: 1, column: 1, text: Arc::from("") };
        let instance = |name: &&str| Instance {
            backend: "loopback".into(),
            name: (*name).into(),
            folder: "".into(),
            options: Vec::new(),
            place: place.clone(),
        };
        let end = |instance, channel: &str| ChannelSpec { instance, channel: channel.into() };
        let mapping = |&(source, from, destination, to): &(usize, &str, usize, &str)| Mapping {
            source: end(source, from),
            source_place: place.clone(),
            destination: end(destination, to),
            destination_place: place.clone(),
        };
        Config {
            instances: names.iter().map(instance).collect(),
            map: map.iter().map(mapping).collect(),
            ..Config::default()
        }
    }

    /// The texts of the picture, which must be well-formed.
    fn texts(config: &Config) -> Vec<String> {
        let svg = svg(config);
        let document = roxmltree::Document::parse(&svg).unwrap_or_else(|error| panic!("{error}\n{svg}"));
        let spans = document.descendants().filter(|node| node.has_tag_name((SVG, "tspan")));
        spans.map(|node| node.text().unwrap_or_default().to_owned()).collect()
    }

    const SVG: &str = "http://www.w3.org/2000/svg";

    #[test]
    fn instances_and_bundles_are_drawn() {
        let names: Vec<String> = (1..=16).map(|number| number.to_string()).collect();
        let map: Vec<_> = names.iter().map(|name| (0, name.as_str(), 1, name.as_str())).collect();
        let texts = texts(&config(&["desk", "stage"], &map));
        for expected in ["desk", "stage", "loopback", "1..16 -> 1..16 (16)"] {
            assert!(texts.iter().any(|text| text == expected), "{expected}: {texts:?}");
        }
    }

    #[test]
    fn a_label_has_few_lines() {
        let names: Vec<String> = (0..40).map(|number| format!("x{}", number * 7)).collect();
        let map: Vec<_> = names.iter().map(|name| (0, name.as_str(), 1, "y")).collect();
        let texts = texts(&config(&["desk", "stage"], &map));
        assert!(texts.iter().any(|text| text == "and 33 more"), "{texts:?}");
    }

    #[test]
    fn hostile_names_are_well_formed() {
        let hostile = "</text><script>&amp;\"'\x00\x1b\n\u{fffe}]]>\u{202e}";
        let texts =
            texts(&config(&[hostile, "b", ""], &[(0, hostile, 1, "\u{7f}"), (1, "<!--", 0, ""), (0, "", 0, "")]));
        assert!(texts.iter().any(|text| text.contains("</text><script>&amp;\"'")), "{texts:?}");
    }

    /// What the layout makes of shapes of all kinds: loops, ways back, parts without edges.
    #[test]
    fn any_map_is_drawn() {
        texts(&config(&[], &[]));
        let mut random = fastrand::Rng::with_seed(14);
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        for _ in 0..200 {
            let count = random.usize(1..=names.len());
            let map: Vec<_> = (0..random.usize(0..150))
                .map(|_| (random.usize(0..count), names[random.usize(0..10)], random.usize(0..count), "x"))
                .collect();
            texts(&config(&names[..count], &map));
        }
    }
}
