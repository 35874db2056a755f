//! Machine code that is made at run time: thunks of functions that are not implemented, functions that know a number,
//! wrappers of the checking mode. It lives as long as the process, for C code may keep its address.

use std::ffi::c_void;
use std::sync::Mutex;

use dynasmrt::{AssemblyOffset, ExecutableBuffer, x64::Assembler};

static KEPT: Mutex<Vec<ExecutableBuffer>> = Mutex::new(Vec::new());

/// A place to assemble code in.
pub(crate) fn assembler() -> Assembler {
    Assembler::new().expect("memory for code")
}

/// Makes assembled code executable, for ever. Returns where it begins.
pub(crate) fn keep(code: Assembler, entry: AssemblyOffset) -> *const c_void {
    let buffer = code.finalize().expect("the code was assembled whole");
    let start = buffer.ptr(entry).cast();
    KEPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(buffer);
    start
}

/// A function pointer that may be shared between threads.
#[derive(Clone, Copy)]
pub(crate) struct Address(pub(crate) *const c_void);
// SAFETY: it points to code.
unsafe impl Sync for Address {}
