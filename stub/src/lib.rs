//! The library that impersonates `libpython3.14`, as bytes to load, and the table it was made from.
//!
//! [`IMAGE`] is a complete shared library with the soname [`SONAME`]: every symbol that CPython 3.14 exports, functions
//! as jumps through a table, data of CPython's sizes. Its one symbol of our own, [`INIT_SYMBOL`], fills both.
//! Nothing here knows RustPython; the mapper loads the image and answers for the symbols.

use std::ffi::c_void;

/// The name that extension modules ask the dynamic loader for.
pub const SONAME: &str = "libpython3.14.so.1.0";

/// The shared library's bytes.
pub static IMAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/libpython3.14.so.1.0"));

/// The name of the library's [`Init`] function, NUL included.
pub const INIT_SYMBOL: &[u8] = b"rustclad_stub_init\0";

/// Fills the jump table and the data, once. Returns 0, or 1 if it had been called before.
///
/// The first argument gives the address behind a function or a `PyExc_*` pointer, by name and length; the second one
/// fills static data, by name, length, address and size in bytes.
pub type Init = unsafe extern "C" fn(
    address_of: unsafe extern "C" fn(*const u8, usize) -> *const c_void,
    set_data: unsafe extern "C" fn(*const u8, usize, *mut c_void, usize),
) -> i32;

/// What a symbol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A function.
    Function,
    /// Static data of a given size.
    Data,
    /// An address without a size.
    Label,
}

/// One row of the table: a symbol that CPython's library exports.
#[derive(Clone, Copy, Debug)]
pub struct Symbol {
    /// The symbol's name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// For data, its size in bytes; 0 otherwise.
    pub size: usize,
    /// The header that declares it, or `-`.
    pub header: &'static str,
    /// The C prototype, or `-` where it is not known.
    pub prototype: &'static str,
    /// The result's ownership: `new`, `borrowed`, or `-` where it is no object.
    pub result: &'static str,
    /// The numbers, from 1, of the arguments whose reference the function takes over in any case, or `-`.
    pub steals: &'static str,
    /// What the function returns when it raised: `NULL`, `-1`, `-1.0`, `-2`, or `-` if it cannot.
    pub error: &'static str,
    /// The first version of the limited API that has it, such as `3.2`, or `-` if it is in none.
    pub limited_api_since: &'static str,
}

/// Every symbol, in the order of `api.tsv`, which is alphabetical.
pub static SYMBOLS: &[Symbol] = &include!(concat!(env!("OUT_DIR"), "/table.rs"));

/// Looks a symbol up by name.
pub fn symbol(name: &str) -> Option<&'static Symbol> {
    SYMBOLS.binary_search_by(|symbol| symbol.name.cmp(name)).ok().map(|index| &SYMBOLS[index])
}
