//! The exception that C code handles while it calls back: `sys.exc_info()` and `raise` are to find it.

use std::sync::OnceLock;

use rustpython_vm::VirtualMachine;
use rustpython_vm::builtins::PyBaseExceptionRef;

use crate::heap::block::Block;
use crate::lifetime::thread::{Context, leave_now};

/// Gives the managed exception of a block.
pub(crate) type Read = unsafe fn(&VirtualMachine, Block) -> Option<PyBaseExceptionRef>;

static READ: OnceLock<Read> = OnceLock::new();

/// Sets how an exception is read, which is known further up. Once, at start-up.
pub(crate) fn set_reader(read: Read) {
    let _ = READ.set(read);
}

/// [`crate::lifetime::thread::leave`] while C handles an exception.
#[cold]
pub(crate) fn leave<R>(context: &'static Context, vm: &VirtualMachine, handled: Block, f: impl FnOnce() -> R) -> R {
    let before = context.shown.replace(handled);
    // SAFETY: the thread state owns what it names.
    let exception = READ.get().and_then(|read| unsafe { read(vm, handled) });
    let result = match exception {
        Some(exception) => {
            let outer = vm.current_exception();
            vm.set_exception(Some(exception));
            let result = leave_now(context, Some(vm), f);
            vm.set_exception(outer);
            result
        }
        None => leave_now(context, Some(vm), f),
    };
    context.shown.set(before);
    result
}
