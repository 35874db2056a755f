//! `--monitor`: shows in the terminal what happens.
//!
//! The view has a thread of its own and only reads counts, which the router's thread writes without waiting.

mod counts;
mod pane;
mod rows;
mod screen;
mod view;

use std::io;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event, KeyEventKind};
use rustclad_router::Router;
use signal_hook::consts::SIGTERM;
use signal_hook::low_level::raise;

use self::counts::{Counter, Counts};
pub(crate) use self::pane::Pane;
use self::screen::{Canvas, Screen};
use self::view::View;

/// Time between two pictures.
const FRAME: Duration = Duration::from_millis(100);

/// The view and its thread. The terminal is as before once this ends.
pub(crate) struct Monitor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    counts: Mutex<Arc<Counts>>,
    screen: Screen,
    stop: AtomicBool,
}

impl Monitor {
    /// Takes over the terminal.
    ///
    /// # Errors
    /// If standard output is no terminal, or one that does not do what it must.
    pub(crate) fn start(pane: Pane, router: &mut Router) -> io::Result<Self> {
        let (screen, canvas) = Screen::enter(pane.clone())?;
        let counts = Mutex::new(count(router));
        let shared = Arc::new(Shared { counts, screen, stop: AtomicBool::new(false) });
        let mut monitor = Self { shared: shared.clone(), thread: None };
        stop_at_panic(shared.clone());
        let thread = thread::Builder::new().name("monitor".into());
        monitor.thread = Some(thread.spawn(move || show(canvas, &shared, pane))?);
        Ok(monitor)
    }

    /// Shows the instances and channels that the router has now.
    pub(crate) fn follow(&self, router: &mut Router) {
        *self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner) = count(router);
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let stopped = self.shared.stop.swap(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Its panic has been reported.
            let _ = thread.join();
        }
        // A panic has restored the terminal before its message; a second time would put the cursor on the message.
        if !stopped {
            self.shared.screen.leave();
        }
    }
}

/// Has the router count from now on.
fn count(router: &mut Router) -> Arc<Counts> {
    let counts = Arc::new(Counts::new(router));
    router.observe(Box::new(Counter(counts.clone())));
    counts
}

/// The message of a panic is seen: the terminal is as before, and no picture is drawn over it.
fn stop_at_panic(shared: Arc<Shared>) {
    let say = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !shared.stop.swap(true, Ordering::Relaxed) {
            shared.screen.leave();
        }
        say(panic);
    }));
}

/// The view's thread.
fn show(mut canvas: Canvas, shared: &Shared, pane: Pane) {
    let mut view = View::new(pane);
    let result = show_until_end(&mut canvas, shared, &mut view);
    if let Err(error) = result {
        log::error!(target: crate::target::LOG, "the terminal is gone: {error}");
    }
    if !shared.stop.load(Ordering::Relaxed) {
        // The way out is the same for a key and for a signal.
        let _ = raise(SIGTERM);
    }
}

fn show_until_end(canvas: &mut Canvas, shared: &Shared, view: &mut View) -> io::Result<()> {
    let mut due = Instant::now();
    loop {
        if event::poll(due.saturating_duration_since(Instant::now()))? {
            if let Event::Key(key) = event::read()?
                && key.kind == KeyEventKind::Press
                && view.key(key)
            {
                return Ok(());
            }
            continue;
        }
        if shared.stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        let counts = shared.counts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        view.sample(&counts, Instant::now());
        canvas.draw(|frame| view.draw(frame))?;
        due = Instant::now() + FRAME;
    }
}
