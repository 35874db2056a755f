//! `rustclad`: Python that loads extension modules compiled for CPython 3.14. The command line is `python3`'s, which
//! RustPython implements; what differs is here.

mod inspect;

use std::io::{IsTerminal as _, Read as _};
use std::process::ExitCode;

use rustclad_dispatcher::DISPATCHER;
use rustclad_mapper::Mapper;
use rustpython::vm::version::{MAJOR, MICRO, MINOR};
use rustpython::vm::{PyResult, VirtualMachine};
use rustpython::{InterpreterBuilder, InterpreterBuilderExt as _, RunMode, parse_opts};

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == "inspect") {
        return inspect::run(arguments);
    }
    if asks_for_version() {
        println!("Python {MAJOR}.{MINOR}.{MICRO} (Rustclad {})", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    let builder = InterpreterBuilder::new().init_stdlib().init_hook(Mapper::hook(DISPATCHER));
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
