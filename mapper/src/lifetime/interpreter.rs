//! The interpreters as C sees them (opaque pointers), and threads that come in from outside.

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};

use rustpython_vm::VirtualMachine;
use rustpython_vm::common::rc::PyRc;
use rustpython_vm::vm::PyGlobalState;
use rustpython_vm::vm::thread::{
    CurrentVmAttachState, ThreadedVirtualMachine, attach_current_thread, release_current_thread, try_with_current_vm,
};

/// `PyInterpreterState`, which is opaque to C code.
struct State {
    id: i64,
    _rest: [usize; 63],
}

/// The states of all interpreters that C code has met, the first one's first. None is ever freed.
static STATES: Mutex<Vec<&'static State>> = Mutex::new(Vec::new());
/// Whether there is more than one.
static ARE_MORE: AtomicBool = AtomicBool::new(false);

/// From which a foreign thread's VM is made.
static SEED: OnceLock<Mutex<ThreadedVirtualMachine>> = OnceLock::new();
/// What the first interpreter's threads share; any thread may look at it.
static MAIN: OnceLock<PyRc<PyGlobalState>> = OnceLock::new();

thread_local! {
    static ATTACHED: Cell<bool> = const { Cell::new(false) };
}

fn states() -> std::sync::MutexGuard<'static, Vec<&'static State>> {
    STATES.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn pointer(state: &'static State) -> *mut c_void {
    std::ptr::from_ref(state).cast_mut().cast()
}

/// The state of an interpreter, made when it is first asked for.
fn state_of(id: i64) -> *mut c_void {
    let mut states = states();
    if let Some(state) = states.iter().find(|state| state.id == id) {
        return pointer(state);
    }
    let state: &'static State = Box::leak(Box::new(State { id, _rest: [0; 63] }));
    states.push(state);
    ARE_MORE.store(states.len() > 1, Ordering::Relaxed);
    pointer(state)
}

/// The first interpreter's state.
pub(crate) fn main_state() -> *mut c_void {
    let first = states().first().copied();
    first.map_or_else(|| state_of(MAIN.get().map_or(0, |main| main.interpreter_id)), pointer)
}

/// The state of the interpreter whose code this thread runs; the first one's if it runs none.
pub(crate) fn state() -> *mut c_void {
    if !ARE_MORE.load(Ordering::Relaxed) {
        return main_state();
    }
    try_with_current_vm(|vm| state_of(vm.state.interpreter_id)).unwrap_or_else(main_state)
}

/// [`state`] if that can have changed since the thread last asked.
#[inline]
pub(crate) fn state_if_many() -> Option<*mut c_void> {
    ARE_MORE.load(Ordering::Relaxed).then(state)
}

/// The state after `state` in the order in which C code met them; null if that is the last.
pub(crate) fn next_state(state: *mut c_void) -> *mut c_void {
    let states = states();
    let at = states.iter().position(|other| pointer(other) == state);
    at.and_then(|index| states.get(index + 1)).map_or(std::ptr::null_mut(), |state| pointer(state))
}

/// The number of the interpreter of a state.
///
/// # Safety
/// `state` is one that C code got from here.
pub(crate) unsafe fn id(state: *mut c_void) -> i64 {
    // SAFETY: by contract.
    unsafe { (*state.cast::<State>()).id }
}

/// Remembers `vm`'s interpreter: the first one is what foreign threads join.
pub(crate) fn remember(vm: &VirtualMachine) {
    MAIN.get_or_init(|| vm.state.clone());
    state_of(vm.state.interpreter_id);
    SEED.get_or_init(|| Mutex::new(vm.new_thread()));
}

/// Whether the first interpreter is being taken down, or is gone.
pub(crate) fn is_finalizing() -> bool {
    MAIN.get().is_some_and(|main| main.finalizing.load(Ordering::Acquire))
}

/// Attaches this thread, which has no VM yet, to the interpreter.
pub(crate) fn attach() {
    let made = attach_current_thread(|| {
        let seed = SEED.get().expect("the mapper was set up before any C code ran");
        let seed = seed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        seed.run(VirtualMachine::new_thread)
    });
    ATTACHED.set(made == CurrentVmAttachState::Attached);
}

/// Whether [`attach`] attached this thread.
pub(crate) fn is_attached_here() -> bool {
    ATTACHED.get()
}

/// Undoes [`attach`].
pub(crate) fn detach() {
    ATTACHED.set(false);
    release_current_thread(CurrentVmAttachState::Attached);
}
