//! `rustclad`: Python that loads extension modules compiled for CPython 3.14. The command line is `python3`'s, which
//! RustPython implements; what differs is here.

mod inspect;
mod router;
mod site;

use std::ffi::OsString;
use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;
use std::process::ExitCode;

use rustclad_dispatcher::DISPATCHER;
use rustclad_mapper::Mapper;
use rustpython::vm::common::rc::PyRc;
use rustpython::vm::version::{MAJOR, MICRO, MINOR};
use rustpython::vm::{PyResult, VirtualMachine};
use rustpython::{InterpreterBuilder, InterpreterBuilderExt as _, RunMode, parse_opts};

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if asks_for_version() {
        println!("Python {MAJOR}.{MINOR}.{MICRO} (Rustclad {})", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    ignore_file_size_signal();
    if let Some(words) = subcommand() {
        return run_subcommand(words);
    }
    let builder = InterpreterBuilder::new()
        .init_stdlib()
        .init_hook(Mapper::hook(DISPATCHER))
        .init_hook(site::add_user_site)
        .init_hook(leave_out_pip);
    // RustPython would read a script on standard input line by line, as at its prompt.
    if !std::io::stdin().is_terminal()
        && let Ok((settings, RunMode::Repl)) = parse_opts()
        && !settings.inspect
        && !settings.interactive
    {
        let code = builder.settings(settings).interpreter().run(run_standard_input);
        return rustpython::vm::host_env::os::exit_code(code);
    }
    rustpython::run(builder)
}

/// The words of `rustclad inspect ...`, `rustclad router ...` and the like. Called as `python3`, as in an environment,
/// the program has no subcommands.
fn subcommand() -> Option<Vec<OsString>> {
    let mut words = std::env::args_os();
    let program = PathBuf::from(words.next()?);
    let words: Vec<OsString> = words.collect();
    let python = program.file_name().is_some_and(|name| name.to_string_lossy().starts_with("python"));
    let ours = |word: &str| matches!(word, "inspect" | "router") || rustclad_install::is_subcommand(word);
    let ours = words.first().and_then(|word| word.to_str()).is_some_and(ours);
    (ours && !python).then_some(words)
}

fn run_subcommand(words: Vec<OsString>) -> ExitCode {
    if words[0] == "inspect" {
        return inspect::run(words.into_iter().skip(1));
    }
    if words[0] == "router" {
        return router::run(words.into_iter().skip(1));
    }
    rustclad_install::run(words).map_or_else(
        |error| {
            eprintln!("rustclad: {error}");
            ExitCode::from(error.status())
        },
        |()| ExitCode::SUCCESS,
    )
}

/// `-m venv` makes environments without pip: `rustclad install` does its work there.
fn leave_out_pip(vm: &mut VirtualMachine) {
    let Some(state) = PyRc::get_mut(&mut vm.state) else { return };
    let arguments = &mut state.config.settings.argv;
    // RustPython's `argv` is the end of the command line, with `-m` in the place of the module's name.
    let words: Vec<String> = std::env::args().collect();
    let before = words.len().saturating_sub(arguments.len());
    let module = words.get(before).map(String::as_str);
    let named = module == Some("venv") || module == Some("-mvenv");
    if named && arguments.first().is_some_and(|word| word == "-m") {
        arguments.insert(1, "--without-pip".to_owned());
    }
}

/// As `python3`: a file that would grow beyond the limit is an `OSError`, not the end of the process.
fn ignore_file_size_signal() {
    // SAFETY: it changes what this signal does, before any thread is there.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// Whether `-V` or `--version` stands among the options before a script, command or module.
fn asks_for_version() -> bool {
    std::env::args_os()
        .skip(1)
        .map_while(|argument| argument.into_string().ok().filter(|it| it.starts_with('-') && it != "-" && it != "--"))
        .take_while(|option| !option.starts_with("-c") && !option.starts_with("-m"))
        .any(|option| option == "--version" || (!option.starts_with("--") && option.contains('V')))
}

/// Runs the program on standard input, as `python3 < script.py` does.
fn run_standard_input(vm: &VirtualMachine) -> PyResult<()> {
    let scope = vm.new_scope_with_main()?;
    // Missing warnings or site leave an interpreter that still works, as in CPython with -S.
    let _ = vm.import("warnings", 0);
    if vm.state.config.settings.import_site {
        let _ = vm.import("site", 0);
    }
    if !vm.state.config.settings.safe_path {
        vm.insert_sys_path(vm.ctx.new_str("").into())?;
    }
    let mut source = Vec::new();
    std::io::stdin()
        .read_to_end(&mut source)
        .map_err(|error| vm.new_os_error(format!("standard input could not be read: {error}")))?;
    let source = String::from_utf8(source)
        .map_err(|error| vm.new_value_error(format!("standard input is not UTF-8: {error}")))?;
    vm.run_string(scope, &source, "<stdin>").map(drop)
}
