//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt as _};

use crate::error::{Error, Result};
use crate::install::Request;

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Command {
    /// Say how to call the program.
    Help,
    /// Install what is asked for.
    Install(Request),
    /// Remove distributions.
    Uninstall {
        /// Their names.
        names: Vec<String>,
        /// The site folder, if one was given.
        target: Option<PathBuf>,
    },
    /// Show what is installed.
    List {
        /// For programs rather than for people.
        json: bool,
        /// The site folder, if one was given.
        target: Option<PathBuf>,
    },
}

pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Command> {
    let mut parser = Parser::from_args(words);
    read(&mut parser).map_err(|error| Error::Usage(error.to_string()))
}

fn read(parser: &mut Parser) -> std::result::Result<Command, lexopt::Error> {
    let verb = parser.value()?.string()?;
    let mut request = Request::default();
    let mut json = false;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Command::Help),
            Arg::Value(name) => request.names.push(name.string()?),
            Arg::Long("target") | Arg::Short('t') => request.target = Some(parser.value()?.into()),
            Arg::Long("json") if verb == "list" => json = true,
            Arg::Long("yes") | Arg::Short('y') if verb == "uninstall" => {}
            Arg::Long(name) if verb == "install" => {
                let name = name.to_owned();
                install_option(&name, parser, &mut request)?;
            }
            Arg::Short(letter) if verb == "install" => {
                let name = long(letter).ok_or_else(|| argument.unexpected())?;
                install_option(name, parser, &mut request)?;
            }
            other => return Err(other.unexpected()),
        }
    }
    match verb.as_str() {
        "list" if !request.names.is_empty() => Err("list takes no names".into()),
        "list" => Ok(Command::List { json, target: request.target }),
        _ if request.names.is_empty() && request.files.is_empty() => Err(format!("{verb} what? Give a name").into()),
        "uninstall" => Ok(Command::Uninstall { names: request.names, target: request.target }),
        _ => Ok(Command::Install(request)),
    }
}

/// The long name of one of pip's short options.
fn long(letter: char) -> Option<&'static str> {
    Some(match letter {
        'U' => "upgrade",
        'r' => "requirement",
        'q' => "quiet",
        'f' => "find-links",
        'i' => "index-url",
        'c' => "constraint",
        _ => return None,
    })
}

/// Takes an option of `install`, with the value that follows it.
fn install_option(name: &str, parser: &mut Parser, request: &mut Request) -> std::result::Result<(), lexopt::Error> {
    match name {
        "upgrade" => request.upgrade = true,
        "requirement" => request.files.push(parser.value()?.into()),
        "no-deps" => request.no_dependencies = true,
        "no-index" | "pre" | "quiet" => request.passed_on.push(format!("--{name}").into()),
        "find-links" | "index-url" | "extra-index-url" | "constraint" => {
            request.passed_on.extend([format!("--{name}").into(), parser.value()?]);
        }
        _ => return Err(Arg::Long(name).unexpected()),
    }
    Ok(())
}
