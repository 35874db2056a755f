//! The context of exceptions: what is raised while another exception is handled has that one as its `__context__`.
//!
//! CPython sets it where an exception is raised, and never again. The VM sets it where an exception without a traceback comes
//! to a Python frame: too late for what C raised while it handled something itself, and wrong for what C put back as it was
//! (`PyErr_SetRaisedException`). So what C raises gets its context here, and where the VM is about to set another one, that
//! is put right as soon as the VM has: by its monitoring events, the first thing that it does afterwards.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rustpython_vm::builtins::{PyBaseException, PyBaseExceptionRef};
use rustpython_vm::function::FuncArgs;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, VirtualMachine};

use crate::abi::statics::statics;
use crate::lifetime::{managed, thread};
use crate::twins::error;

/// How far a chain of contexts is followed: it may be a ring.
const LONGEST: usize = 1000;
/// The VM's events that follow when it has set a context: `EXCEPTION_HANDLED` and `PY_UNWIND`.
const EVENTS: [usize; 2] = [12, 13];
const MASK: u32 = 1 << EVENTS[0] | 1 << EVENTS[1];

/// An exception on its way to a Python frame.
struct Awaited {
    raised: PyBaseExceptionRef,
    context: Option<PyBaseExceptionRef>,
    /// What has the exception as its context; the VM takes it for a ring and cuts there.
    before: Option<PyBaseExceptionRef>,
    interpreter: i64,
}

static AWAITED: Mutex<Vec<Awaited>> = Mutex::new(Vec::new());
static IS_AWAITED: AtomicBool = AtomicBool::new(false);

/// The exception that is handled now: by C code, or by Python code that it was called from.
pub(crate) fn handled(vm: &VirtualMachine) -> Option<PyBaseExceptionRef> {
    // SAFETY: this thread's state, whose chain of items C code keeps, and which owns what it names.
    unsafe {
        let mut item = (*thread::state()).exc_info;
        while let Some(here) = item.as_ref() {
            let value = here.exc_value;
            if !value.is_null() && value != statics().none {
                // What the VM was shown, it knows; so it knows of what Python code handles since then, too.
                let newer = if value == thread::context().shown.get() { vm.current_exception() } else { None };
                return newer.or_else(|| error::read(vm, value));
            }
            item = here.previous_item;
        }
    }
    vm.current_exception().or_else(|| handled_around(vm))
}

/// What Python code handles that a generator was called from: the VM has an empty entry for the generator.
fn handled_around(vm: &VirtualMachine) -> Option<PyBaseExceptionRef> {
    let found = vm.sys_module.get_attr("exception", vm).ok()?.call((), vm).ok()?;
    found.downcast().ok()
}

/// What has `raised` as its context, from `first` on.
fn before(first: &PyBaseExceptionRef, raised: &Py<PyBaseException>) -> Option<PyBaseExceptionRef> {
    let mut at = first.clone();
    for _ in 0..LONGEST {
        let next = at.__context__()?;
        if next.is(raised) {
            return Some(at);
        }
        at = next;
    }
    None
}

/// Gives an exception that C code raises its context.
pub(crate) fn chain_to_handled(vm: &VirtualMachine, raised: &PyBaseExceptionRef) {
    let Some(handled) = handled(vm).filter(|handled| !handled.is(raised)) else { return };
    if let Some(before) = before(&handled, raised) {
        before.set_context(None);
    }
    replace(raised, Some(handled));
}

/// [`chain_to_handled`] for what a body of ours raises. It has a traceback or a context, or is on its way, if it was raised
/// before.
pub(crate) fn raise(vm: &VirtualMachine, raised: &PyBaseExceptionRef) {
    if IS_AWAITED.load(Ordering::Relaxed) && take(raised.as_object()).is_some() {
        return;
    }
    if raised.__traceback__().is_none() && raised.__context__().is_none() {
        chain_to_handled(vm, raised);
    }
}

/// Sets a context; the one before may end by it.
fn replace(raised: &Py<PyBaseException>, context: Option<PyBaseExceptionRef>) {
    let old = raised.__context__();
    raised.set_context(context);
    if let Some(old) = old {
        managed::drop_managed(old.into());
    }
}

fn awaited() -> std::sync::MutexGuard<'static, Vec<Awaited>> {
    AWAITED.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Takes an exception out of those that are on their way, and forgets those that nobody else has any more: exceptions have no
/// weak references.
fn take(raised: &PyObject) -> Option<Awaited> {
    let mut all = awaited();
    let found = all.iter().position(|other| other.raised.is(raised)).map(|index| all.swap_remove(index));
    let (gone, kept): (Vec<_>, Vec<_>) =
        std::mem::take(&mut *all).into_iter().partition(|other| other.raised.as_object().strong_count() == 1);
    *all = kept;
    IS_AWAITED.store(!all.is_empty(), Ordering::Relaxed);
    drop(all);
    if !gone.is_empty() {
        thread::outside(|| drop(gone));
    }
    found
}

/// Has an exception that C code gives to the VM keep its context.
pub(crate) fn keep(vm: &VirtualMachine, raised: &PyBaseExceptionRef) {
    // With a traceback, the VM takes it for one that was raised before.
    if let Some(handled) = vm.current_exception()
        && raised.__traceback__().is_none()
        && !handled.is(raised)
    {
        let (before, context) = (before(&handled, raised), raised.__context__());
        if before.is_some() || context.as_ref().is_none_or(|context| !context.is(&handled)) {
            watch(vm, raised, context, before);
        }
    }
}

#[cold]
fn watch(
    vm: &VirtualMachine,
    raised: &PyBaseExceptionRef,
    context: Option<PyBaseExceptionRef>,
    before: Option<PyBaseExceptionRef>,
) {
    drop(take(raised.as_object()));
    let callback: PyObjectRef = vm.new_function("keep_context", arrived).into();
    let mut state = vm.state.monitoring.lock();
    // A place for a tool that no program uses.
    let Some(tool) = state.tool_names.iter().rposition(Option::is_none) else { return };
    state.global_events[tool] |= MASK;
    for event in EVENTS {
        state.callbacks.entry((tool, event)).or_insert_with(|| callback.clone());
    }
    drop(state);
    vm.state.monitoring_events.store(vm.state.monitoring_events.load() | MASK);
    awaited().push(Awaited { raised: raised.clone(), context, before, interpreter: vm.state.interpreter_id });
    IS_AWAITED.store(true, Ordering::Relaxed);
}

/// The VM has set the context of an exception: a callback of its events.
fn arrived(args: FuncArgs, vm: &VirtualMachine) {
    if let Some(raised) = args.args.get(2).and_then(|it| it.downcast_ref::<PyBaseException>())
        && let Some(found) = take(raised.as_object())
    {
        replace(raised, found.context);
        if let Some(before) = found.before {
            replace(&before, Some(raised.to_owned()));
        }
    }
    if awaited().iter().all(|other| other.interpreter != vm.state.interpreter_id) {
        stop(vm);
    }
}

/// Asks for no more events.
fn stop(vm: &VirtualMachine) {
    let mut ours = Vec::new();
    let mut state = vm.state.monitoring.lock();
    for tool in 0..state.tool_names.len() {
        if state.tool_names[tool].is_none() {
            state.global_events[tool] &= !MASK;
            ours.extend(EVENTS.iter().filter_map(|event| state.callbacks.remove(&(tool, *event))));
        }
    }
    let all = state.global_events.iter().chain(state.local_events.values()).fold(0, |all, one| all | one);
    drop(state);
    vm.state.monitoring_events.store(all);
    drop(ours);
}
