//! `rustclad`: Python that loads extension modules compiled for CPython 3.14. The command line is `python3`'s.

use rustclad_dispatcher::DISPATCHER;
use rustclad_mapper::Mapper;
use rustpython::{InterpreterBuilder, InterpreterBuilderExt};

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    rustpython::run(InterpreterBuilder::new().init_stdlib().init_hook(Mapper::hook(DISPATCHER)))
}
