//! The main loop: turns of the router until a signal ends it.

use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustclad_router::config::{self, Config};
use rustclad_router::{Registry, Router, RouterError};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;

use crate::arguments::Request;
use crate::error::{Error, Result};
use crate::metrics::Meter;
use crate::monitor::{Monitor, Pane};
use crate::target::LOG;

/// The router may say sooner itself.
const LONGEST_TURN: Duration = Duration::from_secs(60);

type Signals = SignalDelivery<UnixStream, SignalOnly>;

/// A running router.
struct Service<'a> {
    request: &'a Request,
    /// What the router runs.
    config: Config,
    // It watches the descriptor of `signals`, so it must end first: fields end in this order.
    router: Router,
    signals: Signals,
    meter: Meter,
    monitor: Option<Monitor>,
}

/// Runs a configuration until SIGINT or SIGTERM.
pub(crate) fn run(request: &Request, config: Config, registry: Registry, pane: Option<Pane>) -> Result<()> {
    // Before anything else, so that a signal in the meantime does not end the process halfway.
    let signals = signals().map_err(Error::Signals)?;
    let router = Router::new(registry, &config)?;
    router.wake_on(signals.get_read()).map_err(Error::Signals)?;
    let meter = Meter::new(request.metrics);
    let mut service = Service { request, config, router, signals, meter, monitor: None };
    let result = service.serve(pane);
    // First the terminal, so that what is said at the end is seen.
    service.monitor = None;
    service.router.shutdown();
    result
}

fn signals() -> std::io::Result<Signals> {
    let (read, write) = UnixStream::pair()?;
    SignalDelivery::with_pipe(read, write, SignalOnly, [SIGHUP, SIGINT, SIGTERM, SIGUSR1])
}

impl Service<'_> {
    fn serve(&mut self, pane: Option<Pane>) -> Result<()> {
        self.router.start()?;
        if let Some(pane) = pane {
            self.monitor = Some(Monitor::start(pane, &mut self.router).map_err(Error::Terminal)?);
        }
        log::info!(target: LOG, "{}: runs; SIGINT ends it", self.request.config.display());
        while self.handle_signals() {
            self.router.turn(self.meter.wait().unwrap_or(LONGEST_TURN))?;
            if self.meter.wait().is_some_and(|wait| wait.is_zero()) {
                self.meter.log(self.router.metrics());
            }
        }
        Ok(())
    }

    /// Does what signals ask for; false if one says to end.
    fn handle_signals(&mut self) -> bool {
        for signal in self.signals.pending() {
            match signal {
                SIGHUP => self.reload(),
                SIGUSR1 => self.meter.log(self.router.metrics()),
                _ => return false,
            }
        }
        true
    }

    /// Reads the configuration again; if it is not right, the earlier one goes on.
    fn reload(&mut self) {
        let result = self.change();
        if let Some(monitor) = &self.monitor {
            monitor.follow(&mut self.router);
        }
        match result {
            Ok(()) => log::info!(target: LOG, "{}: was read again and runs", self.request.config.display()),
            Err(error) => self.report(&format!("{error}\nThe earlier configuration goes on.")),
        }
    }

    fn change(&mut self) -> Result<()> {
        let config = config::read(&self.request.config, &self.request.overrides)?;
        match self.router.reload(&config) {
            Ok(()) => {
                self.config = config;
                Ok(())
            }
            Err(error) => {
                if matches!(error, RouterError::Start { .. }) {
                    self.go_back();
                }
                Err(error.into())
            }
        }
    }

    /// Takes up the earlier configuration after another did not start.
    fn go_back(&mut self) {
        if let Err(error) = self.router.reload(&self.config) {
            self.report(&format!(
                "{error}\nA part of the earlier configuration does not start again; restart the program."
            ));
        }
    }

    /// Says that something is wrong, where it can be seen.
    fn report(&self, message: &str) {
        if self.monitor.is_some() {
            log::error!(target: LOG, "{message}");
        } else {
            eprintln!("rustclad router: {message}");
        }
    }
}
