//! The terminal while the view has it. What anybody else prints meanwhile, scripts above all, goes to the view's pane.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, PipeReader, Write as _};
use std::os::fd::OwnedFd;
use std::thread;

use nix::unistd::{dup, dup2_stderr, dup2_stdout};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};

use super::pane::Pane;

/// What the view draws on.
pub(crate) type Canvas = Terminal<CrosstermBackend<File>>;

/// A terminal that is taken over.
pub(crate) struct Screen {
    terminal: File,
    /// Standard error, if that was a terminal, too.
    errors: Option<OwnedFd>,
}

impl Screen {
    /// Takes over the terminal that is standard output. What is printed becomes lines of the pane.
    ///
    /// # Errors
    /// If it is no terminal, or does not do what it must.
    pub(crate) fn enter(pane: Pane) -> io::Result<(Self, Canvas)> {
        // A file would get the pictures as text.
        if !io::stdout().is_terminal() {
            return Err(io::Error::other("standard output is none"));
        }
        let errors = io::stderr().is_terminal().then(|| dup(io::stderr())).transpose()?;
        let screen = Self { terminal: File::from(dup(io::stdout())?), errors };
        let canvas = screen.prepare(pane).inspect_err(|_| screen.leave())?;
        Ok((screen, canvas))
    }

    fn prepare(&self, pane: Pane) -> io::Result<Canvas> {
        enable_raw_mode()?;
        execute!(&self.terminal, EnterAlternateScreen)?;
        let canvas = Terminal::new(CrosstermBackend::new(self.terminal.try_clone()?))?;
        let (printed, printer) = io::pipe()?;
        thread::Builder::new().name("printed".into()).spawn(move || collect(printed, pane))?;
        dup2_stdout(&printer)?;
        if self.errors.is_some() {
            dup2_stderr(&printer)?;
        }
        Ok(canvas)
    }

    /// Gives the terminal back as it was. It is the way out, so what fails is left as it is.
    pub(crate) fn leave(&self) {
        let _ = io::stdout().flush();
        let _ = dup2_stdout(&self.terminal);
        if let Some(errors) = &self.errors {
            let _ = dup2_stderr(errors);
        }
        let _ = disable_raw_mode();
        let _ = execute!(&self.terminal, LeaveAlternateScreen, Show);
    }
}

/// Puts lines into the pane until nobody has the other end any more.
fn collect(printed: PipeReader, mut pane: Pane) {
    let mut printed = BufReader::new(printed);
    let mut line = Vec::new();
    while printed.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        let _ = pane.write_all(&line);
        line.clear();
    }
}
