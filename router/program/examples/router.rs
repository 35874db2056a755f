//! The router with the backends of its own crate, as a program.

use std::process::ExitCode;

use rustclad_router::Registry;

fn main() -> ExitCode {
    rustclad_router_program::main(std::env::args_os().skip(1), |_settings| Registry::new())
}
