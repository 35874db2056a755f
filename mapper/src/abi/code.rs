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

#[cfg(test)]
mod tests {
    use dynasmrt::{DynasmApi as _, dynasm};

    use super::*;

    /// A function that adds a number to its argument.
    fn adder(number: i32) -> extern "C" fn(usize) -> usize {
        let mut code = assembler();
        // What is in front of the entry is not run.
        dynasm!(code; .arch x64; int3);
        let entry = code.offset();
        dynasm!(code; .arch x64; lea rax, [rdi + number]; ret);
        // SAFETY: the code is that function.
        unsafe { std::mem::transmute(keep(code, entry)) }
    }

    #[test]
    fn assembled_code_is_called_and_stays() {
        let adders: Vec<_> = (0..100).map(adder).collect();
        let sums = std::thread::spawn(move || adders.iter().map(|add| add(1000)).collect::<Vec<_>>());
        assert_eq!(sums.join().unwrap(), (1000..1100).collect::<Vec<_>>());
    }
}
