//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt as _};
use log::LevelFilter;

use crate::error::{Error, Result};
use rustclad_router::config::Overrides;

/// How to call the program.
pub(crate) const USAGE: &str = "\
usage: rustclad router [OPTION...] [CONFIG]

Carries control events between the instances that CONFIG names (default: monster.cfg), until SIGINT or SIGTERM.
SIGHUP reads CONFIG again. SIGUSR1 logs a line of metrics.

  -b BACKEND.OPTION=VALUE   set an option of a backend, in front of those in CONFIG; may be given often
  -i INSTANCE.OPTION=VALUE  set an option of an instance likewise
  --check                   validate CONFIG, show its map, start nothing
  --graph FILE.svg          draw the map of CONFIG, start nothing; - is standard output
  --monitor                 show instances, channels and the log in the terminal
  --lenient                 go on when a Python module fails
  --log LEVEL               off, error, warn, info (default), debug or trace; without it, RUST_LOG says
  --times                   log with times
  --metrics SECONDS         log a line of metrics every so often
  -v, --version             show the version
  -h, --help                show this
";

/// What is to be done.
#[derive(Debug)]
pub enum Command {
    /// Say how to call the program.
    Help,
    /// Say which version this is.
    Version,
    /// Do something with a configuration.
    Use(Box<Request>),
}

/// What backends take from the command line: whoever makes the registry reads them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The backend `python` goes on without a module that fails to load, instead of not starting.
    pub lenient: bool,
}

/// What is to be done with which configuration.
#[derive(Debug)]
pub struct Request {
    /// The configuration's file.
    pub config: PathBuf,
    /// Options that are set in front of its own.
    pub overrides: Overrides,
    /// What to do.
    pub action: Action,
    /// For backends.
    pub settings: Settings,
    /// What is logged; None is what `RUST_LOG` says, or `info`.
    pub log: Option<LevelFilter>,
    /// Whether log lines have times.
    pub times: bool,
    /// How often metrics are logged.
    pub metrics: Option<Duration>,
}

/// What to do with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Run it.
    Route,
    /// Run it and show what happens in the terminal.
    Monitor,
    /// Validate it and show its map.
    Check,
    /// Draw its map to a file; None is standard output.
    Graph(Option<PathBuf>),
}

impl Command {
    /// What backends take from the command line.
    #[must_use]
    pub fn settings(&self) -> Settings {
        match self {
            Self::Use(request) => request.settings,
            Self::Help | Self::Version => Settings::default(),
        }
    }
}

/// Reads the words after `rustclad router`.
///
/// # Errors
/// [`Error::Usage`] if they are wrong.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Command> {
    read(&mut Parser::from_args(words)).map_err(|error| Error::Usage(error.to_string()))
}

fn read(parser: &mut Parser) -> std::result::Result<Command, lexopt::Error> {
    let mut config = None;
    let mut request = Request {
        config: PathBuf::from("monster.cfg"),
        overrides: Overrides::default(),
        action: Action::Route,
        settings: Settings::default(),
        log: None,
        times: false,
        metrics: None,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Short('v') | Arg::Long("version") => return Ok(Command::Version),
            Arg::Short('b') => {
                let text = parser.value()?.string()?;
                request.overrides.parse_backend(&text).map_err(|error| format!("-b: {error}"))?;
            }
            Arg::Short('i') => {
                let text = parser.value()?.string()?;
                request.overrides.parse_instance(&text).map_err(|error| format!("-i: {error}"))?;
            }
            Arg::Long("check") => choose(&mut request.action, Action::Check)?,
            Arg::Long("monitor") => choose(&mut request.action, Action::Monitor)?,
            Arg::Long("graph") => {
                let file = parser.value()?;
                choose(&mut request.action, Action::Graph((file != "-").then(|| file.into())))?;
            }
            Arg::Long("lenient") => request.settings.lenient = true,
            Arg::Long("log") => request.log = Some(level(&parser.value()?.string()?)?),
            Arg::Long("times") => request.times = true,
            Arg::Long("metrics") => request.metrics = Some(seconds(&parser.value()?.string()?)?),
            Arg::Value(file) if config.is_none() => config = Some(file),
            Arg::Value(file) => return Err(format!("{}: one configuration is enough", file.to_string_lossy()).into()),
            other => return Err(other.unexpected()),
        }
    }
    if let Some(file) = config {
        request.config = file.into();
    }
    Ok(Command::Use(Box::new(request)))
}

fn choose(action: &mut Action, chosen: Action) -> std::result::Result<(), String> {
    if *action != Action::Route && *action != chosen {
        return Err("choose one of --check, --graph and --monitor".into());
    }
    *action = chosen;
    Ok(())
}

fn level(text: &str) -> std::result::Result<LevelFilter, String> {
    text.parse().map_err(|_| format!("--log: {text:?} is not one of off, error, warn, info, debug and trace"))
}

fn seconds(text: &str) -> std::result::Result<Duration, String> {
    let parsed = text.parse().ok().and_then(|it| Duration::try_from_secs_f64(it).ok());
    parsed
        .filter(|it| *it >= Duration::from_millis(1))
        .ok_or_else(|| format!("--metrics: {text:?} is not a number of seconds; the least is 0.001"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(words: &[&str]) -> Request {
        match parse(words.iter().map(OsString::from)) {
            Ok(Command::Use(request)) => *request,
            other => panic!("{words:?}: {other:?}"),
        }
    }

    fn refusal(words: &[&str]) -> String {
        match parse(words.iter().map(OsString::from)) {
            Err(Error::Usage(message)) => message,
            other => panic!("{words:?}: {other:?}"),
        }
    }

    #[test]
    fn defaults() {
        let request = request(&[]);
        assert_eq!(request.config, PathBuf::from("monster.cfg"));
        assert_eq!((request.action, request.settings.lenient), (Action::Route, false));
        assert_eq!((request.log, request.metrics), (None, None));
    }

    #[test]
    fn everything_can_be_given() {
        let words = ["-b", "osc.detect=on", "-i", "desk.root=/x", "--lenient", "--log", "warn", "--metrics", "0.5"];
        let request = request(&[&words[..], &["--monitor", "stage.cfg"]].concat());
        assert_eq!(request.config, PathBuf::from("stage.cfg"));
        assert_eq!(request.action, Action::Monitor);
        assert!(request.settings.lenient);
        assert_eq!(request.log, Some(LevelFilter::Warn));
        assert_eq!(request.metrics, Some(Duration::from_millis(500)));
    }

    #[test]
    fn a_dash_is_standard_output() {
        assert_eq!(request(&["--graph", "-"]).action, Action::Graph(None));
        assert_eq!(request(&["--graph=map.svg"]).action, Action::Graph(Some("map.svg".into())));
    }

    #[test]
    fn refusals_say_what_is_wrong() {
        assert!(refusal(&["--check", "--monitor"]).contains("choose one"));
        assert!(refusal(&["a.cfg", "b.cfg"]).contains("b.cfg"));
        assert!(refusal(&["--log", "loud"]).contains("loud"));
        for wrong in ["0", "-1", "nan", "inf", "1e30", "soon"] {
            assert!(refusal(&[&format!("--metrics={wrong}")]).contains("seconds"), "{wrong}");
        }
        assert!(refusal(&["-b", "nonsense"]).contains("-b"));
        assert!(refusal(&["--nonsense"]).contains("--nonsense"));
    }
}
