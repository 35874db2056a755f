//! The stub's other side: answers for every symbol that `libpython3.14` exports. What is implemented is found in a
//! table that the build script makes from the sources of `capi/`; anything else gets a thunk that names the symbol.

use std::ffi::c_void;

use rustclad_stub::{Kind as SymbolKind, SYMBOLS, Symbol, symbol};

use crate::abi::address::exported;
use crate::abi::code::{self, Address};
use crate::twins::error;

include!(concat!(env!("OUT_DIR"), "/implemented.rs"));

/// The function behind a symbol, if it is implemented.
pub fn implementation(name: &str) -> Option<*const c_void> {
    let found = IMPLEMENTED.binary_search_by(|(other, _)| (*other).cmp(name)).ok()?;
    Some(IMPLEMENTED[found].1.0)
}

/// How many functions of the table are implemented, and how many there are.
pub fn coverage() -> (usize, usize) {
    let functions = SYMBOLS.iter().filter(|symbol| symbol.kind == SymbolKind::Function);
    let (mut done, mut all) = (0, 0);
    for function in functions {
        all += 1;
        done += usize::from(implementation(function.name).is_some());
    }
    (done, all)
}

/// A function that raises `SystemError: Rustclad does not implement NAME` and returns the symbol's error value.
pub(crate) fn thunk(symbol: &'static Symbol) -> *const c_void {
    code::calls_with(not_implemented, symbol)
}

/// Behind every thunk: raises, and gives the value that the C function returns on error, in the register for integers.
unsafe extern "C" fn not_implemented(symbol: &'static Symbol) -> isize {
    let raised = rustpython_vm::vm::thread::try_with_current_vm(|vm| {
        error::set(vm, vm.new_system_error(format!("Rustclad does not implement {}", symbol.name)));
    });
    if raised.is_none() || symbol.error == "-" {
        eprintln!("rustclad: a C extension called {}, which Rustclad does not implement", symbol.name);
    }
    symbol.error.parse().unwrap_or(0)
}

/// Whether a name is one of the table's, with the table's own copy of it.
pub(crate) fn known(name: &str) -> Option<&'static Symbol> {
    symbol(name)
}

/// Whether an address that C code put into a slot is that of an exported function.
pub fn is_exported(address: *const c_void, name: &'static str) -> bool {
    std::ptr::eq(exported(name), address) || implementation(name).is_some_and(|own| std::ptr::eq(own, address))
}
