//! Machine code that is made at run time: thunks of functions that are not implemented, functions that know a number,
//! wrappers of the checking mode. It lives as long as the process, for C code may keep its address. Another machine is an
//! addition here: each function says what its code does, nobody else knows how.

use std::ffi::c_void;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;

use dynasmrt::{AssemblyOffset, DynasmApi, DynasmLabelApi as _, ExecutableBuffer, dynasm, x64::Assembler};

use crate::abi::layout as c;

static KEPT: Mutex<Vec<ExecutableBuffer>> = Mutex::new(Vec::new());

/// How many arguments a function gets in registers; the others lie on the stack.
pub(crate) const REGISTERS: usize = 6;
/// Bytes of code for each of the [`numbered`] functions.
pub(crate) const STEP: usize = 32;

/// A place to assemble code in.
fn assembler() -> Assembler {
    Assembler::new().expect("memory for code")
}

/// Makes assembled code executable, for ever. Returns where it begins.
fn keep(code: Assembler, entry: AssemblyOffset) -> *const c_void {
    let buffer = code.finalize().expect("the code was assembled whole");
    let start = buffer.ptr(entry).cast();
    KEPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(buffer);
    start
}

/// A function that calls `function` with `subject`, whatever its own arguments are. It returns the result where integers
/// are returned, and -1.0 where floating-point numbers are.
pub(crate) fn calls_with<T>(function: unsafe extern "C" fn(&'static T) -> isize, subject: &'static T) -> *const c_void {
    let mut code = assembler();
    let entry = code.offset();
    dynasm!(code
        ; .arch x64
        ; sub rsp, 8
        ; mov rdi, QWORD std::ptr::from_ref(subject) as i64
        ; mov rax, QWORD function as *const () as i64
        ; call rax
        ; movq xmm0, [->minus_one]
        ; add rsp, 8
        ; ret
        ; .align 8
        ; ->minus_one:
        ; .u64 (-1.0f64).to_bits()
    );
    keep(code, entry)
}

/// Functions of three arguments, one every [`STEP`] bytes, as many as the table has places. Each goes on to the function
/// whose address is in the table at its place, with its number, counted from `first`, as a fourth argument.
pub(crate) fn numbered(first: usize, table: &'static [AtomicUsize]) -> *const c_void {
    let mut code = assembler();
    let start = code.offset();
    for (index, place) in table.iter().enumerate() {
        dynasm!(code
            ; .arch x64
            ; .align STEP
            ; mov ecx, (first + index) as i32
            ; mov rax, QWORD place.as_ptr() as i64
            ; jmp QWORD [rax]
        );
    }
    keep(code, start)
}

/// What a function from [`looking`] calls first: with the arguments in the [`REGISTERS`], `mask` and `subject`.
pub(crate) struct Look<T: 'static> {
    pub(crate) function: unsafe extern "C" fn(*const *mut c::PyObject, u64, &'static T),
    pub(crate) mask: u8,
    pub(crate) subject: &'static T,
}

/// What a function from [`looking`] calls last: with the result and the address that it returns to.
pub(crate) type Note = unsafe extern "C" fn(*mut c::PyObject, usize);

/// A function that has `look` called, then `function` with the arguments as they are, and last `note`, if there is one:
/// then `function` has no arguments beyond those in [`REGISTERS`].
pub(crate) fn looking<T>(function: *const c_void, look: &Look<T>, note: Option<Note>) -> *const c_void {
    let mut code = assembler();
    let entry = code.offset();
    push_arguments(&mut code);
    dynasm!(code
        ; .arch x64
        ; mov esi, i32::from(look.mask)
        ; mov rdx, QWORD std::ptr::from_ref(look.subject) as i64
        ; mov rax, QWORD look.function as *const () as i64
        ; call rax
    );
    pop_arguments(&mut code);
    dynasm!(code ; .arch x64 ; mov rax, QWORD function as i64);
    match note {
        Some(note) => dynasm!(code
            ; .arch x64
            ; sub rsp, 8
            ; call rax
            ; mov [rsp], rax
            ; mov rdi, rax
            ; mov rsi, [rsp + 8]
            ; mov rax, QWORD note as *const () as i64
            ; call rax
            ; pop rax
            ; ret
        ),
        // What lies on the stack must stay where it is.
        None => dynasm!(code ; .arch x64 ; jmp rax),
    }
    keep(code, entry)
}

/// Puts the arguments that are in registers onto the stack, and into `rdi` where those for integers are.
fn push_arguments(code: &mut Assembler) {
    dynasm!(code
        ; .arch x64
        ; push r9
        ; push r8
        ; push rcx
        ; push rdx
        ; push rsi
        ; push rdi
        ; mov rdi, rsp
        ; sub rsp, 136
        ; movups [rsp], xmm0
        ; movups [rsp + 16], xmm1
        ; movups [rsp + 32], xmm2
        ; movups [rsp + 48], xmm3
        ; movups [rsp + 64], xmm4
        ; movups [rsp + 80], xmm5
        ; movups [rsp + 96], xmm6
        ; movups [rsp + 112], xmm7
    );
}

/// Takes back what [`push_arguments`] put there.
fn pop_arguments(code: &mut Assembler) {
    dynasm!(code
        ; .arch x64
        ; movups xmm0, [rsp]
        ; movups xmm1, [rsp + 16]
        ; movups xmm2, [rsp + 32]
        ; movups xmm3, [rsp + 48]
        ; movups xmm4, [rsp + 64]
        ; movups xmm5, [rsp + 80]
        ; movups xmm6, [rsp + 96]
        ; movups xmm7, [rsp + 112]
        ; add rsp, 136
        ; pop rdi
        ; pop rsi
        ; pop rdx
        ; pop rcx
        ; pop r8
        ; pop r9
    );
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
    fn numbered_functions_pass_their_arguments_and_number_on() {
        extern "C" fn sum(a: usize, b: usize, third: usize, number: u32) -> usize {
            a + 10 * b + 100 * third + 1000 * number as usize
        }
        let table: &'static [AtomicUsize] = Vec::leak((0..3).map(|_| AtomicUsize::new(0)).collect());
        let start = numbered(7, table) as usize;
        for (place, cell) in table.iter().enumerate() {
            cell.store(sum as *const () as usize, std::sync::atomic::Ordering::Relaxed);
            // SAFETY: the code is that function.
            let f: extern "C" fn(usize, usize, usize) -> usize = unsafe { std::mem::transmute(start + place * STEP) };
            assert_eq!(f(1, 2, 3), 321 + 1000 * (7 + place));
        }
    }

    #[test]
    fn assembled_code_is_called_and_stays() {
        let adders: Vec<_> = (0..100).map(adder).collect();
        let sums = std::thread::spawn(move || adders.iter().map(|add| add(1000)).collect::<Vec<_>>());
        assert_eq!(sums.join().unwrap(), (1000..1100).collect::<Vec<_>>());
    }
}
