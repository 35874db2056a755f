//! `pylifecycle.h`: starting and ending the interpreter.

use super::prelude::*;

/// Whether there is an interpreter: always, for its code runs.
pub unsafe extern "C" fn Py_IsInitialized() -> c_int {
    1
}

/// Whether the interpreter is being taken down.
pub unsafe extern "C" fn Py_IsFinalizing() -> c_int {
    infallible(0, |vm| Ok(c_int::from(vm.state.finalizing.load(std::sync::atomic::Ordering::Relaxed))))
}

/// [`Py_IsFinalizing`] for an interpreter.
pub unsafe extern "C" fn _Py_IsInterpreterFinalizing(_interpreter: *mut c_void) -> c_int {
    // SAFETY: no arguments.
    unsafe { Py_IsFinalizing() }
}

/// Ends the process as `sys.exit` does at the outermost level.
pub unsafe extern "C" fn Py_Exit(status: c_int) -> ! {
    std::process::exit(status);
}

/// Has a function called when the process ends. 0, or -1 if there is no room.
pub unsafe extern "C" fn Py_AtExit(function: extern "C" fn()) -> c_int {
    // SAFETY: C's function, which takes nothing.
    unsafe { libc::atexit(function) }
}

/// The version as `sys.version` begins: that of the CPython whose modules are loaded.
pub unsafe extern "C" fn Py_GetVersion() -> *const c_char {
    c"3.14.0 (Rustclad)".as_ptr()
}

/// `sys.platform`.
pub unsafe extern "C" fn Py_GetPlatform() -> *const c_char {
    c"linux".as_ptr()
}

/// What compiled this program.
pub unsafe extern "C" fn Py_GetCompiler() -> *const c_char {
    c"[rustc]".as_ptr()
}

/// When and from what this program was made.
pub unsafe extern "C" fn Py_GetBuildInfo() -> *const c_char {
    c"rustclad".as_ptr()
}

/// `sys.copyright`.
pub unsafe extern "C" fn Py_GetCopyright() -> *const c_char {
    c"".as_ptr()
}

/// How a signal is handled now.
pub unsafe extern "C" fn PyOS_getsig(signal: c_int) -> libc::sighandler_t {
    // SAFETY: a fresh struct, filled by the system.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(signal, std::ptr::null(), &mut now) < 0 { libc::SIG_ERR } else { now.sa_sigaction }
    }
}

/// Has a signal handled by a function; how it was handled before.
pub unsafe extern "C" fn PyOS_setsig(signal: c_int, handler: libc::sighandler_t) -> libc::sighandler_t {
    // SAFETY: C's arguments.
    unsafe { libc::signal(signal, handler) }
}
