//! The rule that no Python code runs under the C lock: another thread may hold what that code waits for, and want the C lock.
//! Whoever calls the VM leaves the lock first (see [`thread::leave`]). In debug builds and in the checking mode, Python code that
//! begins while its thread holds the lock, and C code that is entered from managed code without having been left, are
//! reported with both stacks, Python's and the machine's, and end the process. Elsewhere such code begins without the lock all
//! the same: dropping an exception can end whatever a frame of its traceback holds.

use std::sync::OnceLock;

use rustpython_vm::function::FuncArgs;
use rustpython_vm::protocol::PyIterReturn;
use rustpython_vm::vm::thread::try_with_current_vm;
use rustpython_vm::{PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::lifetime::{check, thread};

/// Whether the rule is watched.
#[inline]
pub(crate) fn is_watched() -> bool {
    cfg!(debug_assertions) || check::is_on()
}

type GenericMethod = fn(&PyObject, FuncArgs, &VirtualMachine) -> PyResult;
type VectorCallFunc = fn(&PyObject, Vec<PyObjectRef>, usize, Option<&[PyObjectRef]>, &VirtualMachine) -> PyResult;
type IterNextFunc = fn(&PyObject, &VirtualMachine) -> PyResult<PyIterReturn>;

/// The VM's own slots, in front of which ours stand: a Python function's call, and a generator's next step.
static CALL: OnceLock<GenericMethod> = OnceLock::new();
static VECTORCALL: OnceLock<VectorCallFunc> = OnceLock::new();
static NEXT: OnceLock<IterNextFunc> = OnceLock::new();

/// Puts our functions in front of the VM's slots through which Rust code begins Python code. Once.
pub(crate) fn prepare(vm: &VirtualMachine) {
    let function = &vm.ctx.types.function_type.slots;
    if let (Some(own), Some(vector)) = (function.call.load(), function.vectorcall.load())
        && CALL.set(own).is_ok()
        && VECTORCALL.set(vector).is_ok()
    {
        function.call.store(Some(call));
        function.vectorcall.store(Some(vectorcall));
    }
    let generator = &vm.ctx.types.generator_type.slots;
    if let Some(own) = generator.iternext.load()
        && NEXT.set(own).is_ok()
    {
        generator.iternext.store(Some(next));
    }
}

fn call(this: &PyObject, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let call = CALL.get().expect("set before this function");
    without_lock(this, vm, || call(this, args, vm))
}

fn vectorcall(
    this: &PyObject,
    args: Vec<PyObjectRef>,
    count: usize,
    names: Option<&[PyObjectRef]>,
    vm: &VirtualMachine,
) -> PyResult {
    let call = VECTORCALL.get().expect("set before this function");
    without_lock(this, vm, || call(this, args, count, names, vm))
}

fn next(this: &PyObject, vm: &VirtualMachine) -> PyResult<PyIterReturn> {
    let next = NEXT.get().expect("set before this function");
    without_lock(this, vm, || next(this, vm))
}

/// Begins Python code, without the lock in any case.
#[inline]
fn without_lock<R>(what: &PyObject, vm: &VirtualMachine, begin: impl FnOnce() -> R) -> R {
    if thread::holds_lock() {
        return under_lock(what, vm, begin);
    }
    begin()
}

#[cold]
fn under_lock<R>(what: &PyObject, vm: &VirtualMachine, begin: impl FnOnce() -> R) -> R {
    if is_watched() {
        let name = what.get_attr("__qualname__", vm).and_then(|name| name.str(vm));
        let name = name.map_or_else(|_| "?".to_owned(), |name| name.to_string_lossy().into_owned());
        broken(&format!("Python code begins under the C lock: {name}"));
    }
    thread::leave(vm, begin)
}

/// C code was entered from managed code by a thread that had not left C.
#[cold]
pub(crate) fn entered_again() {
    if is_watched() {
        broken("C code is entered again under the C lock: it was not left before managed code ran");
    }
}

/// Reports with both stacks and ends the process.
#[cold]
fn broken(what: &str) {
    eprintln!("rustclad check: {what}");
    try_with_current_vm(|vm| {
        eprintln!("Python stack, the innermost call first:");
        let mut frame: Option<PyObjectRef> = vm.current_frame().map(Into::into);
        while let Some(at) = frame.filter(|frame| !vm.is_none(frame)) {
            let show = |path: [&'static str; 2]| {
                let mut found = at.clone();
                for name in path.into_iter().filter(|name| !name.is_empty()) {
                    found = found.get_attr(name, vm)?;
                }
                PyResult::Ok(found.str(vm)?.to_string_lossy().into_owned())
            };
            let (file, name) = (show(["f_code", "co_filename"]), show(["f_code", "co_qualname"]));
            let line = show(["f_lineno", ""]);
            let known = |text: PyResult<String>| text.unwrap_or_else(|_| "?".to_owned());
            eprintln!("  {}:{} {}", known(file), known(line), known(name));
            frame = at.get_attr("f_back", vm).ok();
        }
    });
    eprintln!("machine stack:\n{:?}", backtrace::Backtrace::new());
    // SAFETY: ends the process.
    unsafe { libc::_exit(check::EXIT_CODE) };
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::lifetime::testing::{python, with_vm};

    const SOURCE: &str = "def f(): return 7\ndef g(): yield 8\nboth = lambda: (f(), next(g()))";

    #[test]
    fn python_code_runs_where_c_was_left() {
        with_vm(|vm| {
            prepare(vm);
            let both = python(vm, SOURCE, "both");
            let _section = thread::enter(vm);
            let result = thread::leave(vm, || both.call((), vm)).and_then(|it| it.repr(vm));
            assert_eq!(result.map(|it| it.to_string()).ok().as_deref(), Some("(7, 8)"));
        });
    }

    /// The rule's breach ends the process, so it is another one that breaks it: this test, told to.
    #[test]
    fn python_code_under_the_lock_is_reported() {
        const TOLD: &str = "RUSTCLAD_TEST_BREAKS_THE_RULE";
        if std::env::var_os(TOLD).is_some() {
            return with_vm(|vm| {
                prepare(vm);
                let f = python(vm, SOURCE, "f");
                let _section = thread::enter(vm);
                let _ = f.call((), vm);
            });
        }
        let name = "lifetime::under_lock::tests::python_code_under_the_lock_is_reported";
        let program = std::env::current_exe().expect("a test knows its own path");
        let output = Command::new(program).args(["--exact", name, "--nocapture"]).env(TOLD, "1").output().unwrap();
        let report = String::from_utf8_lossy(&output.stderr).into_owned();
        if is_watched() {
            assert_eq!(output.status.code(), Some(check::EXIT_CODE), "{report}");
            assert!(report.contains("Python code begins under the C lock: f"), "{report}");
            assert!(report.contains("machine stack:"), "{report}");
        } else {
            assert!(output.status.success(), "{report}");
        }
    }
}
