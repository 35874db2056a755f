//! `pylifecycle.h` and `cpython/pylifecycle.h`: starting and ending the interpreter.

use super::prelude::*;
use crate::lifetime::interpreter;
use rustpython_vm::builtins::PyList;
use rustpython_vm::common::rc::PyRc;
use rustpython_vm::function::FuncArgs;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Whether there is an interpreter that is not being taken down. Any thread may ask, at any time.
pub unsafe extern "C" fn Py_IsInitialized() -> c_int {
    c_int::from(!interpreter::is_finalizing())
}

/// Whether the interpreter is being taken down, or is gone. Any thread may ask, at any time.
pub unsafe extern "C" fn Py_IsFinalizing() -> c_int {
    c_int::from(interpreter::is_finalizing())
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

/// An attribute of `sys`, a str or a list of them, as `wchar_t`; kept for ever as it was at the first call. NULL if there
/// is none.
fn wide(attribute: &'static str) -> *const u32 {
    static KNOWN: Mutex<BTreeMap<&'static str, Box<[u32]>>> = Mutex::new(BTreeMap::new());
    infallible(std::ptr::null(), |vm| {
        let value = leave(vm, || vm.sys_module.get_attr(attribute, vm))?;
        let text = match leave(vm, || value.try_to_value::<Vec<PyObjectRef>>(vm)) {
            Ok(parts) if value.downcastable::<PyList>() => {
                let parts = parts.iter().map(|part| Ok(leave(vm, || part.str(vm))?.to_string_lossy().into_owned()));
                let parts: Vec<String> = parts.collect::<PyResult<_>>()?;
                // Of the command line, the name of the program.
                if attribute == "orig_argv" { parts.into_iter().next().unwrap_or_default() } else { parts.join(":") }
            }
            _ => leave(vm, || value.str(vm))?.to_string_lossy().into_owned(),
        };
        let mut known = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(known.entry(attribute).or_insert_with(|| text.chars().map(u32::from).chain([0]).collect()).as_ptr())
    })
}

/// The program as the command line names it.
pub unsafe extern "C" fn Py_GetProgramName() -> *const u32 {
    wide("orig_argv")
}

/// `PYTHONHOME`, or NULL: nothing is looked for there.
pub unsafe extern "C" fn Py_GetPythonHome() -> *const u32 {
    std::ptr::null()
}

/// `sys.executable`.
pub unsafe extern "C" fn Py_GetProgramFullPath() -> *const u32 {
    wide("executable")
}

/// `sys.prefix`.
pub unsafe extern "C" fn Py_GetPrefix() -> *const u32 {
    wide("prefix")
}

/// `sys.exec_prefix`.
pub unsafe extern "C" fn Py_GetExecPrefix() -> *const u32 {
    wide("exec_prefix")
}

/// `sys.path`, its parts joined by colons.
pub unsafe extern "C" fn Py_GetPath() -> *const u32 {
    wide("path")
}

/// Has a function called with `data` when the interpreter ends, after those of the module `atexit`. 0, or -1 with an
/// exception.
pub unsafe extern "C" fn PyUnstable_AtExit(
    _interpreter: *mut c_void,
    function: unsafe extern "C" fn(*mut c_void),
    data: *mut c_void,
) -> c_int {
    let data = data as usize;
    api(|vm| {
        let call = move |vm: &VirtualMachine| {
            let _section = crate::lifetime::thread::enter(vm);
            // SAFETY: C's function, with the lock held.
            unsafe { function(data as *mut c_void) };
        };
        // The VM calls from the front, where Python code puts its own; of C's, too, the last is the first.
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let entry = PyRc::new((vm.new_function("atexit", call).into(), FuncArgs::default()));
        let mut functions = vm.state.atexit_funcs.lock();
        let first = functions.len().saturating_sub(COUNT.fetch_add(1, Ordering::Relaxed));
        functions.insert(first, entry);
        Ok(0)
    })
}

/// Whether a file is a terminal, or stands for one: `-i` was given, and it has no name or that of standard input.
pub unsafe extern "C" fn Py_FdIsInteractive(file: *mut libc::FILE, name: *const c_char) -> c_int {
    // SAFETY: C's arguments.
    let (terminal, name) =
        unsafe { (libc::isatty(libc::fileno(file)) != 0, (!name.is_null()).then(|| text::of_c(name))) };
    if terminal {
        return 1;
    }
    infallible(0, |vm| {
        let flags = leave(vm, || vm.sys_module.get_attr("flags", vm))?;
        let asked: c_int = leave(vm, || flags.get_attr("interactive", vm)?.try_into_value(vm))?;
        Ok(c_int::from(asked != 0 && name.is_none_or(|name| matches!(name.as_str(), "<stdin>" | "???"))))
    })
}
