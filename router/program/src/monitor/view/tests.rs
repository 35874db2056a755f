//! What the view draws, on a terminal that is only a buffer.

use std::io::Write as _;
use std::path::Path;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use rustclad_router::config::{ChannelSpec, Config, Instance, Mapping, Place};
use rustclad_router::{Observer as _, Registry, Router};

use super::*;
use crate::monitor::counts::Counter;

fn place() -> Place {
    Place { file: Arc::from(Path::new("test.cfg")), line: 1, column: 1, text: Arc::from("") }
}

/// Instances `desk` and `stage`; the first 30 channels of one go to the other.
fn counts() -> Arc<Counts> {
    let instance = |name: &str| Instance {
        backend: "loopback".into(),
        name: name.into(),
        folder: "".into(),
        options: Vec::new(),
        place: place(),
    };
    let end = |instance, channel: u32| ChannelSpec { instance, channel: format!("fader{channel}") };
    let mapping = |channel| Mapping {
        source: end(0, channel),
        source_place: place(),
        destination: end(1, channel),
        destination_place: place(),
    };
    let config = Config {
        instances: vec![instance("desk"), instance("stage")],
        map: (0..30).map(mapping).collect(),
        ..Config::default()
    };
    let router = Router::new(Registry::new(), &config).expect("the configuration is right");
    Arc::new(Counts::new(&router))
}

struct Screen {
    view: View,
    terminal: Terminal<TestBackend>,
    counts: Arc<Counts>,
    now: Instant,
}

impl Screen {
    fn new() -> Self {
        let terminal = Terminal::new(TestBackend::new(110, 30)).expect("a buffer can be had");
        let mut screen = Self { view: View::new(Pane::default()), terminal, counts: counts(), now: Instant::now() };
        screen.sample(0);
        screen
    }

    fn sample(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
        self.view.sample(&self.counts, self.now);
    }

    fn emit(&self, channel: u32, value: f64, times: usize) {
        let mut counter = Counter(self.counts.clone());
        let desk = self.counts.instances[0].id;
        (0..times).for_each(|_| counter.emitted(desk, channel, value));
    }

    fn press(&mut self, keys: impl IntoIterator<Item = KeyCode>) -> bool {
        let mut end = false;
        for key in keys {
            end |= self.view.key(KeyEvent::from(key));
        }
        end
    }

    fn text(&mut self) -> String {
        self.terminal.draw(|frame| self.view.draw(frame)).expect("a buffer can be drawn on");
        self.terminal.backend().to_string()
    }

    fn line(&mut self, with: &str) -> String {
        let text = self.text();
        text.lines()
            .rev()
            .find(|line| line.contains(with))
            .unwrap_or_else(|| panic!("no {with:?} in\n{text}"))
            .to_owned()
    }
}

#[test]
fn instances_channels_values_and_rates_are_shown() {
    let mut screen = Screen::new();
    screen.emit(3, 0.5, 100);
    screen.sample(1000);
    let line = screen.line("desk.fader3 ");
    assert!(line.contains("██████████░░░░░░░░░░ 0.500"), "{line}");
    assert!(line.contains(" 100"), "{line}");
    let text = screen.text();
    assert!(text.contains("2 instances  60 channels  100/s in  0/s out"), "{text}");
    assert!(
        text.lines().any(|line| line.contains("desk ") && line.contains("loopback") && line.contains("100")),
        "{text}"
    );
}

#[test]
fn a_filter_is_typed_and_cleared() {
    let mut screen = Screen::new();
    screen.press([KeyCode::Char('/')]);
    screen.press("stage.fader29".chars().map(KeyCode::Char));
    assert!(screen.text().contains("filter: stage.fader29_"));
    assert!(screen.text().contains("channels 1/60 /stage.fader29"));
    assert!(!screen.press([KeyCode::Char('q')]), "a q is a letter of the filter");
    screen.press([KeyCode::Enter, KeyCode::Esc]);
    assert!(screen.text().contains("channels 60/60"));
}

#[test]
fn a_selected_instance_chooses_its_channels() {
    let mut screen = Screen::new();
    screen.press([KeyCode::Tab, KeyCode::Tab, KeyCode::Down, KeyCode::Down]);
    let text = screen.text();
    assert!(text.contains("channels 30/60") && !text.contains("desk.fader"), "{text}");
    screen.press([KeyCode::Up, KeyCode::Up]);
    assert!(screen.text().contains("channels 60/60"));
}

#[test]
fn channels_scroll() {
    let mut screen = Screen::new();
    assert!(!screen.text().contains("stage.fader29"));
    screen.press([KeyCode::End]);
    assert!(screen.text().contains("stage.fader29"));
    screen.press([KeyCode::Home]);
    assert!(screen.text().contains("desk.fader0 "));
}

#[test]
fn a_paused_view_stays_as_it_is() {
    let mut screen = Screen::new();
    screen.press([KeyCode::Char('p')]);
    screen.emit(3, 1.0, 5);
    screen.sample(1000);
    assert!(screen.text().contains("PAUSED"));
    assert!(screen.line("desk.fader3 ").contains("0.000"));
    screen.press([KeyCode::Char('p')]);
    screen.sample(1000);
    assert!(screen.line("desk.fader3 ").contains("1.000"));
}

#[test]
fn the_log_is_shown_and_scrolls() {
    let mut screen = Screen::new();
    for number in 0..20 {
        let line = format!("line {number}\x1b[31m\n");
        screen.view.pane.write_all(line.as_bytes()).expect("it takes everything");
    }
    assert!(screen.text().contains("line 19"));
    assert!(!screen.text().contains('\x1b'), "control characters do not reach the terminal");
    screen.press([KeyCode::Tab, KeyCode::PageUp]);
    let text = screen.text();
    assert!(text.contains("line 9") && !text.contains("line 10"), "{text}");
    screen.press([KeyCode::End]);
    assert!(screen.text().contains("line 19"));
}

#[test]
fn odd_values_and_small_terminals_are_drawn() {
    let mut screen = Screen::new();
    for (channel, value) in [(0, f64::NAN), (1, f64::INFINITY), (2, -1.0), (3, 1e300)] {
        screen.emit(channel, value, 1);
    }
    screen.sample(1000);
    for (width, height) in [(1, 1), (3, 5), (20, 10), (110, 30)] {
        screen.terminal = Terminal::new(TestBackend::new(width, height)).expect("a buffer can be had");
        screen.text();
    }
}

#[test]
fn keys_end_it() {
    let mut screen = Screen::new();
    assert!(screen.press([KeyCode::Char('q')]));
    assert!(screen.view.key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)));
    assert!(!screen.view.key(KeyEvent::new(KeyCode::Char('q'), KeyModifiers::CONTROL)));
}
