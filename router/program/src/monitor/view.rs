//! What is drawn, and what keys do to it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Style, Stylize as _};
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph, Row, Table};

use super::counts::{ChannelRow, Counts, Reading};
use super::pane::Pane;
use super::rows::Rows;

/// The time over which events are counted for a rate.
const WINDOW: Duration = Duration::from_millis(500);
/// Rows that a page key moves by.
const PAGE: isize = 10;
/// Cells of a bar.
const BAR: usize = 20;
const LOG_HEIGHT: u16 = 8;

/// Which part keys move in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Focus {
    Instances,
    Channels,
    Log,
}

/// Events a second, by way.
#[derive(Clone, Copy, Debug, Default)]
struct Rate {
    /// From the instance into the router.
    into: f64,
    /// From the router out to the instance.
    out: f64,
}

/// What is shown.
pub(crate) struct View {
    pane: Pane,
    counts: Option<Arc<Counts>>,
    /// By channel row, the latest.
    readings: Vec<Reading>,
    /// By channel row, at the beginning of the window.
    earlier: Vec<Reading>,
    window: Instant,
    channel_rates: Vec<Rate>,
    instance_rates: Vec<Rate>,
    focus: Focus,
    /// Row 0 is all instances.
    instances: Rows,
    channels: Rows,
    /// Lines of the log that are below the last one shown.
    back: usize,
    filter: String,
    /// Whether keys go to the filter.
    typing: bool,
    paused: bool,
}

impl View {
    pub(crate) fn new(pane: Pane) -> Self {
        Self {
            pane,
            counts: None,
            readings: Vec::new(),
            earlier: Vec::new(),
            window: Instant::now(),
            channel_rates: Vec::new(),
            instance_rates: Vec::new(),
            focus: Focus::Channels,
            instances: Rows::default(),
            channels: Rows::default(),
            back: 0,
            filter: String::new(),
            typing: false,
            paused: false,
        }
    }

    /// Takes over what is counted by now, unless the view is paused.
    pub(crate) fn sample(&mut self, counts: &Arc<Counts>, now: Instant) {
        if self.paused {
            return;
        }
        self.readings = counts.channels.iter().map(|row| counts.read(row)).collect();
        if !self.counts.as_ref().is_some_and(|known| Arc::ptr_eq(known, counts)) {
            self.counts = Some(counts.clone());
            self.earlier.clone_from(&self.readings);
            self.window = now;
            self.channel_rates = vec![Rate::default(); counts.channels.len()];
            self.instance_rates = vec![Rate::default(); counts.instances.len()];
        }
        let passed = now.saturating_duration_since(self.window);
        if passed >= WINDOW {
            self.update_rates(counts, passed.as_secs_f64());
            self.earlier.clone_from(&self.readings);
            self.window = now;
        }
    }

    fn update_rates(&mut self, counts: &Counts, seconds: f64) {
        self.instance_rates.fill(Rate::default());
        for (index, row) in counts.channels.iter().enumerate() {
            let (now, earlier) = (self.readings[index], self.earlier[index]);
            let rate = Rate {
                into: now.emitted.wrapping_sub(earlier.emitted) as f64 / seconds,
                out: now.delivered.wrapping_sub(earlier.delivered) as f64 / seconds,
            };
            self.channel_rates[index] = rate;
            let sum = &mut self.instance_rates[row.instance];
            sum.into += rate.into;
            sum.out += rate.out;
        }
    }

    /// Takes a key. True if it says to end.
    pub(crate) fn key(&mut self, key: KeyEvent) -> bool {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return key.code == KeyCode::Char('c');
        }
        if self.typing {
            self.type_filter(key.code);
            return false;
        }
        match key.code {
            KeyCode::Char('q') => return true,
            KeyCode::Char('p') => self.paused = !self.paused,
            KeyCode::Char('/') => self.typing = true,
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Tab => self.focus = self.focus.next(),
            KeyCode::Up => self.go(-1),
            KeyCode::Down => self.go(1),
            KeyCode::PageUp => self.go(-PAGE),
            KeyCode::PageDown => self.go(PAGE),
            KeyCode::Home => self.go(isize::MIN),
            KeyCode::End => self.go(isize::MAX),
            _ => {}
        }
        false
    }

    fn type_filter(&mut self, key: KeyCode) {
        match key {
            KeyCode::Char(letter) => self.filter.push(letter),
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Enter => self.typing = false,
            KeyCode::Esc => {
                self.filter.clear();
                self.typing = false;
            }
            _ => {}
        }
    }

    fn go(&mut self, by: isize) {
        match self.focus {
            Focus::Instances => self.instances.go(by),
            Focus::Channels => self.channels.go(by),
            // Up is back.
            Focus::Log => self.back = self.back.saturating_add_signed(by.saturating_neg()).min(self.pane.len()),
        }
    }

    /// Draws a picture.
    pub(crate) fn draw(&mut self, frame: &mut Frame<'_>) {
        let rows = [Constraint::Length(1), Constraint::Fill(1), Constraint::Length(LOG_HEIGHT), Constraint::Length(1)];
        let [title, body, log, keys] = Layout::vertical(rows).areas(frame.area());
        let columns = [Constraint::Percentage(40), Constraint::Percentage(60)];
        let [instances, channels] = Layout::horizontal(columns).areas(body);
        frame.render_widget(self.title(), title);
        if let Some(counts) = self.counts.clone() {
            self.draw_instances(&counts, frame, instances);
            self.draw_channels(&counts, frame, channels);
        }
        self.draw_log(frame, log);
        frame.render_widget(self.keys(), keys);
    }

    fn title(&self) -> Line<'static> {
        let (instances, channels) = self.counts.as_ref().map_or((0, 0), |it| (it.instances.len(), it.channels.len()));
        let into: f64 = self.instance_rates.iter().map(|rate| rate.into).sum();
        let out: f64 = self.instance_rates.iter().map(|rate| rate.out).sum();
        let paused = if self.paused { "  PAUSED" } else { "" };
        let text = format!(
            "rustclad router  {instances} instances  {channels} channels  {into:.0}/s in  {out:.0}/s out{paused}"
        );
        Line::from(text).bold()
    }

    fn keys(&self) -> Line<'static> {
        if self.typing {
            return Line::from(format!("filter: {}_   Enter keeps it, Esc clears it", self.filter));
        }
        Line::from("q quit   Tab part   arrows, pages select   p pause   / filter").dim()
    }

    fn block(&self, focus: Focus, title: String) -> Block<'static> {
        let block = Block::bordered().title(title);
        if self.focus == focus { block.border_style(Style::new().bold().cyan()) } else { block }
    }

    fn draw_instances(&mut self, counts: &Counts, frame: &mut Frame<'_>, area: Rect) {
        let block = self.block(Focus::Instances, " instances ".into());
        let length = counts.instances.len() + 1;
        // The heading takes a row.
        let shown = self.instances.fit(length, usize::from(block.inner(area).height.saturating_sub(1)));
        let rows = shown.map(|index| {
            let row = match index.checked_sub(1) {
                None => Row::new(["all".to_owned()]),
                Some(index) => {
                    let (it, rate) = (&counts.instances[index], self.instance_rates[index]);
                    Row::new([it.name.clone(), it.backend.clone(), figure(rate.into), figure(rate.out)])
                }
            };
            row.style(marked(index == self.instances.selected))
        });
        let widths = [Constraint::Fill(2), Constraint::Fill(1), Constraint::Length(7), Constraint::Length(7)];
        let heading = Row::new(["instance", "backend", "   in/s", "  out/s"]).dim();
        frame.render_widget(Table::new(rows, widths).header(heading).block(block), area);
    }

    fn draw_channels(&mut self, counts: &Counts, frame: &mut Frame<'_>, area: Rect) {
        let chosen: Vec<usize> = (0..counts.channels.len()).filter(|&it| self.chosen(&counts.channels[it])).collect();
        let filter = if self.filter.is_empty() { String::new() } else { format!("/{} ", self.filter) };
        let block =
            self.block(Focus::Channels, format!(" channels {}/{} {filter}", chosen.len(), counts.channels.len()));
        let shown = self.channels.fit(chosen.len(), usize::from(block.inner(area).height.saturating_sub(1)));
        let rows = shown.map(|index| {
            let channel = chosen[index];
            let (value, rate) = (self.readings[channel].value, self.channel_rates[channel]);
            let label = counts.channels[channel].label.clone();
            // An event of a loopback goes both ways; what is asked is how often the value comes.
            let row = Row::new([label, bar(value), format!("{value:.3}"), figure(rate.into.max(rate.out))]);
            row.style(marked(index == self.channels.selected))
        });
        let widths =
            [Constraint::Fill(1), Constraint::Length(BAR as u16), Constraint::Length(6), Constraint::Length(7)];
        let heading = Row::new(["channel", "", "value", "     /s"]).dim();
        frame.render_widget(Table::new(rows, widths).header(heading).block(block), area);
    }

    /// Is the channel one of the selected instance, with the filter in its name?
    fn chosen(&self, row: &ChannelRow) -> bool {
        (self.instances.selected == 0 || self.instances.selected == row.instance + 1)
            && row.label.contains(&self.filter)
    }

    fn draw_log(&self, frame: &mut Frame<'_>, area: Rect) {
        let block = self.block(Focus::Log, " log ".into());
        let lines = self.pane.lines(usize::from(block.inner(area).height), self.back);
        let lines: Vec<Line<'_>> = lines.into_iter().map(Line::from).collect();
        frame.render_widget(Paragraph::new(lines).block(block), area);
    }
}

impl Focus {
    fn next(self) -> Self {
        match self {
            Self::Instances => Self::Channels,
            Self::Channels => Self::Log,
            Self::Log => Self::Instances,
        }
    }
}

fn marked(selected: bool) -> Style {
    if selected { Style::new().reversed() } else { Style::new() }
}

/// Seven cells, which hold up to 9999999.
fn figure(rate: f64) -> String {
    format!("{rate:>7.0}")
}

fn bar(value: f64) -> String {
    let filled = (value.clamp(0.0, 1.0) * BAR as f64).round() as usize;
    "█".repeat(filled) + &"░".repeat(BAR - filled)
}

#[cfg(test)]
mod tests;
