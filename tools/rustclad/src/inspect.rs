//! `rustclad inspect`: tells which modules and wheels can run here, without an interpreter.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rustclad_inspect::{Host, InspectError, Inspector, Report, printable};
use rustpython::vm::version::{MAJOR, MICRO, MINOR};
use serde_json::{Value, json};

const USAGE: &str = "usage: rustclad inspect [-v] [--json] FILE...";

const HELP: &str = "
Tells whether extension modules (.so, .pyd, .dylib) and wheels (.whl) can run here, in one line for each.
Folders are searched for them, with their subfolders. Nothing is loaded or run.

  -v, --verbose  all that is known about each file
  --json         the same for programs, as one array
  -h, --help     this text
  --             what follows are files, whatever they begin with

`ok, but calls of X raise SystemError` means that the module loads, and works as long as it does not call X.
To run a script named `inspect`, write `rustclad ./inspect`.

Exit status: 0 if all can run, 1 if one cannot, 2 if one cannot be read or the command line is wrong.";

/// All can run.
const FINE: u8 = 0;
/// One cannot run.
const CANNOT_RUN: u8 = 1;
/// One cannot be read, or the command line is wrong.
const TROUBLE: u8 = 2;

/// What the command line asks for.
#[derive(Default)]
struct Options {
    verbose: bool,
    json: bool,
    help: bool,
    paths: Vec<PathBuf>,
}

/// Runs the subcommand with the arguments after its name.
pub(crate) fn run(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    match parse(arguments) {
        Ok(Options { help: true, .. }) => {
            println!("{USAGE}\n{HELP}");
            ExitCode::SUCCESS
        }
        Ok(options) => ExitCode::from(inspect(&options).unwrap_or_else(|error| {
            eprintln!("rustclad inspect: {error:#}");
            TROUBLE
        })),
        Err(error) => {
            eprintln!("rustclad inspect: {error}\n{USAGE}");
            ExitCode::from(TROUBLE)
        }
    }
}

fn parse(arguments: impl Iterator<Item = OsString>) -> anyhow::Result<Options> {
    let mut options = Options::default();
    let mut only_files = false;
    for argument in arguments {
        match argument.to_str() {
            Some(option) if !only_files && option.starts_with('-') => match option {
                "-v" | "--verbose" => options.verbose = true,
                "--json" => options.json = true,
                "-h" | "--help" => options.help = true,
                "--" => only_files = true,
                _ => anyhow::bail!("unknown option {option}"),
            },
            _ => options.paths.push(argument.into()),
        }
    }
    anyhow::ensure!(options.help || !options.paths.is_empty(), "no file is named");
    Ok(options)
}

/// Looks at all files; returns the exit status.
fn inspect(options: &Options) -> anyhow::Result<u8> {
    let implemented = |name: &str| rustclad_mapper::implementation(name).is_some();
    let number = |number: usize| u32::try_from(number).unwrap_or(0);
    let python = (number(MAJOR), number(MINOR), number(MICRO));
    let inspector = Inspector::new(Host::this(python, implemented));
    let mut output = Output { json: options.json, verbose: options.verbose, values: Vec::new(), status: FINE };
    for path in &options.paths {
        match inspector.files(path) {
            Ok(files) => {
                for file in files {
                    output.tell(&file, inspector.inspect(&file))?;
                }
            }
            Err(error) => output.tell(path, Err(error))?,
        }
    }
    if options.json {
        print(&format!("{}\n", serde_json::to_string_pretty(&output.values)?))?;
    }
    Ok(output.status)
}

/// What has been told so far.
struct Output {
    json: bool,
    verbose: bool,
    values: Vec<Value>,
    status: u8,
}

impl Output {
    fn tell(&mut self, path: &Path, result: Result<Report, InspectError>) -> anyhow::Result<()> {
        let path = path.display().to_string();
        match result {
            Ok(report) => self.tell_report(&path, &report),
            Err(error) => {
                self.tell_error(&path, &error);
                Ok(())
            }
        }
    }

    fn tell_report(&mut self, path: &str, report: &Report) -> anyhow::Result<()> {
        self.status = self.status.max(if report.can_run() { FINE } else { CANNOT_RUN });
        if self.json {
            let mut value = serde_json::to_value(report)?;
            value["can_run"] = report.can_run().into();
            value["verdict"] = report.verdict().into();
            self.values.push(value);
            return Ok(());
        }
        let details = if self.verbose { report.details() } else { String::new() };
        print(&format!("{}: {}\n{details}", printable(path), report.verdict()))
    }

    fn tell_error(&mut self, path: &str, error: &InspectError) {
        self.status = TROUBLE;
        if self.json {
            self.values.push(json!({ "path": path, "error": error.to_string() }));
        } else {
            eprintln!("{}: {}", printable(path), printable(&error.to_string()));
        }
    }
}

/// `println!` would panic if nobody reads on.
fn print(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    Ok(std::io::stdout().lock().write_all(text.as_bytes())?)
}
