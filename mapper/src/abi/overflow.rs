//! A stack that overflows in C code is reported. The system ends the process without a word, and Rust's own handler, which would
//! say something, is put in again by the VM in a way that it cannot run then.

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

use crate::abi::platform;

/// How far from the top of the stack an access is the stack's: the frame of the function that makes it.
const NEAR: usize = 1 << 16;
/// How large the stack is on which a handler runs.
const ALTERNATE: usize = 1 << 15;
const MESSAGE: &str = "Fatal Python error: stack overflow in C code\n";

/// How the signals were handled before.
static BEFORE: OnceLock<[libc::sigaction; 2]> = OnceLock::new();
const SIGNALS: [c_int; 2] = [libc::SIGSEGV, libc::SIGBUS];

/// Reports overflows from now on. Once.
pub(crate) fn report() {
    // SAFETY: structs of numbers that the system fills; handlers that C code or a program has set stay the next ones.
    unsafe {
        let mut before: [libc::sigaction; 2] = std::mem::zeroed();
        for (signal, before) in SIGNALS.iter().zip(&mut before) {
            libc::sigaction(*signal, std::ptr::null(), before);
        }
        if BEFORE.set(before).is_err() {
            return;
        }
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_fault as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        for signal in SIGNALS {
            libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        }
    }
}

/// Gives this thread a stack for its handlers, `place`, unless it has one. Makes it at the first use.
pub(crate) fn prepare_thread(place: &OnceLock<usize>) {
    // SAFETY: the thread's own setting; the memory is never freed.
    unsafe {
        let mut now: libc::stack_t = std::mem::zeroed();
        if libc::sigaltstack(std::ptr::null(), &raw mut now) == 0 && now.ss_flags & libc::SS_DISABLE != 0 {
            let start = *place.get_or_init(|| platform::reserve_memory(ALTERNATE).unwrap_or(0));
            if start != 0 {
                let stack = libc::stack_t { ss_sp: start as *mut c_void, ss_flags: 0, ss_size: ALTERNATE };
                libc::sigaltstack(&raw const stack, std::ptr::null_mut());
            }
        }
    }
}

/// Says what happened if an access near the stack's top failed. Then the access is made again, with the handler from before.
unsafe extern "C" fn on_fault(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: what the system passes; only what a handler may call is called.
    unsafe {
        let is_overflow = (*info).si_addr().addr().abs_diff(platform::stack_pointer(context)) < NEAR;
        if is_overflow {
            libc::write(2, MESSAGE.as_ptr().cast(), MESSAGE.len());
        }
        let index = usize::from(signal == libc::SIGBUS);
        match BEFORE.get() {
            Some(before) if !is_overflow => libc::sigaction(signal, &raw const before[index], std::ptr::null_mut()),
            _ => {
                let mut default: libc::sigaction = std::mem::zeroed();
                default.sa_sigaction = libc::SIG_DFL;
                libc::sigaction(signal, &raw const default, std::ptr::null_mut())
            }
        };
    }
}
