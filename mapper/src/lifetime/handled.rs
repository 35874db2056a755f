//! The exception that C code handles while it calls back: `sys.exc_info()` and `raise` are to find it.

use std::sync::OnceLock;

use rustpython_vm::VirtualMachine;
use rustpython_vm::builtins::PyBaseExceptionRef;

use crate::abi::statics::statics;
use crate::heap::block::Block;
use crate::lifetime::thread::{Context, leave_now};

/// Gives the managed exception of a block.
pub(crate) type Read = unsafe fn(&VirtualMachine, Block) -> Option<PyBaseExceptionRef>;

static READ: OnceLock<Read> = OnceLock::new();

/// Sets how an exception is read, which is known further up. Once, at start-up.
pub(crate) fn set_reader(read: Read) {
    let _ = READ.set(read);
}

/// The exception that C code handles: the first of the thread state's items that has one. Null if there is none.
unsafe fn topmost(context: &Context) -> Block {
    // SAFETY: this thread's state, whose chain of items C code keeps.
    unsafe {
        let mut item = (*context.state()).exc_info;
        while let Some(here) = item.as_ref() {
            if !here.exc_value.is_null() && here.exc_value != statics().none {
                return here.exc_value;
            }
            item = here.previous_item;
        }
    }
    std::ptr::null_mut()
}

/// [`crate::lifetime::thread::leave`] while C may handle an exception.
#[cold]
pub(crate) fn leave<R>(context: &'static Context, vm: &VirtualMachine, f: impl FnOnce() -> R) -> R {
    // SAFETY: the thread state owns what it names.
    let handled = unsafe { topmost(context) };
    if handled.is_null() || handled == context.shown.get() {
        return leave_now(context, Some(vm), f);
    }
    let before = context.shown.replace(handled);
    // SAFETY: as above.
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
