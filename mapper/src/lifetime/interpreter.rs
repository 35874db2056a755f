//! The interpreter as C sees it (an opaque pointer), and threads that come in from outside.

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::{Mutex, OnceLock};

use rustpython_vm::VirtualMachine;
use rustpython_vm::vm::thread::{
    CurrentVmAttachState, ThreadedVirtualMachine, attach_current_thread, release_current_thread,
};

/// Stands for `PyInterpreterState`, which is opaque to C code.
static STATE: [usize; 64] = [0; 64];

/// From which a foreign thread's VM is made.
static SEED: OnceLock<Mutex<ThreadedVirtualMachine>> = OnceLock::new();

thread_local! {
    static ATTACHED: Cell<bool> = const { Cell::new(false) };
}

/// The pointer that C code gets for its interpreter.
pub(crate) fn state() -> *mut c_void {
    std::ptr::from_ref(&STATE).cast_mut().cast()
}

/// Remembers `vm`'s interpreter as the one that foreign threads join.
pub(crate) fn remember(vm: &VirtualMachine) {
    SEED.get_or_init(|| Mutex::new(vm.new_thread()));
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
