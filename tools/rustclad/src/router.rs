//! `rustclad router`: the event router, with Python scripts that find what `rustclad` finds.

use std::ffi::OsString;
use std::process::ExitCode;

use rustclad_dispatcher::DISPATCHER;
use rustclad_mapper::Mapper;
use rustclad_router::Registry;
use rustclad_router_program::Settings;
use rustclad_router_python::Python;
use rustpython::vm::{Interpreter, Settings as PythonSettings};
use rustpython::{InterpreterBuilder, InterpreterBuilderExt as _};

/// Runs the words after `router`.
pub(crate) fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    rustclad_router_program::main(words, |settings: Settings| {
        let mut registry = Registry::new();
        let settings = rustclad_router_python::Settings { lenient: settings.lenient };
        registry.add("python", move || Box::new(Python::new(settings, interpreter)));
        registry
    })
}

/// The main interpreter: as that of a script, but the router has the signals.
fn interpreter() -> Interpreter {
    let mut settings = PythonSettings::default();
    settings.install_signal_handlers = false;
    settings.write_bytecode = std::env::var_os("PYTHONDONTWRITEBYTECODE").is_none_or(|it| it.is_empty());
    let path = std::env::var_os("PYTHONPATH").unwrap_or_default();
    settings.path_list.extend(std::env::split_paths(&path).map(|folder| folder.to_string_lossy().into_owned()));
    InterpreterBuilder::new()
        .settings(settings)
        .init_stdlib()
        .init_hook(Mapper::hook(DISPATCHER))
        .init_hook(crate::site::add_user_site)
        .interpreter()
}
