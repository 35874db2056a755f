//! Calls that wait for the main thread (`Py_AddPendingCall`). They come from any thread, and from threads without a VM,
//! and go through the VM's own channel for such things, which it looks at between instructions.

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

use rustpython_vm::VirtualMachine;
use rustpython_vm::signal::{UserSignalSender, user_signal_channel};

use crate::lifetime::thread;
use crate::twins::error;

/// A function that waits; -1 says that it raised an exception.
pub(crate) type Call = unsafe extern "C" fn(*mut c_void) -> c_int;

static SENDER: OnceLock<UserSignalSender> = OnceLock::new();

/// Makes `vm`, the main thread's, listen. The first one counts.
pub(crate) fn install(vm: &mut VirtualMachine) {
    let (sender, receiver) = user_signal_channel();
    if SENDER.set(sender).is_ok() {
        vm.set_user_signal_channel(receiver);
    }
}

/// Has a function called on the main thread. False if that has ended.
pub(crate) fn add(function: Call, argument: *mut c_void) -> bool {
    let argument = argument as usize;
    let call = move |vm: &VirtualMachine| {
        let section = thread::enter(vm);
        // SAFETY: C's function and its argument.
        let failed = unsafe { function(argument as *mut c_void) } != 0;
        let result = if failed { Err(error::fetch(vm, "a pending call")) } else { Ok(()) };
        drop(section);
        result
    };
    SENDER.get().is_some_and(|sender| sender.send(Box::new(call)).is_ok())
}
