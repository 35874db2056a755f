//! What tests of this room and the next share: memory for blocks without a stub, and types made by hand. All of it is the process's, so such tests run one at a time.

use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use crate::abi::layout as c;
use crate::heap::block::{self, Block};
use crate::heap::kind::Kind;
use crate::heap::lock::{self, Slot};

/// Lets one test at a time have the process's state, which is set up before the first.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    static BEGIN: Once = Once::new();
    // A test that failed leaves blocks behind, which do no harm.
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    BEGIN.call_once(|| {
        lock::prepare();
        block::reserve().expect("a range of addresses");
    });
    guard
}

/// Runs a test that needs memory for blocks and the C lock, and no VM.
pub(crate) fn with_memory<R>(test: impl FnOnce() -> R) -> R {
    static SLOT: Slot = Slot::new();
    struct Held;
    impl Drop for Held {
        fn drop(&mut self) {
            lock::release(&SLOT);
        }
    }
    let _alone = alone();
    lock::acquire(&SLOT, None);
    let _held = Held;
    test()
}

/// A type whose instances are of a kind, for ever.
pub(crate) fn class(kind: Kind) -> &'static mut c::PyTypeObject {
    // SAFETY: every field is a number, a pointer or an optional function.
    let class = Box::leak(Box::new(unsafe { std::mem::zeroed::<c::PyTypeObject>() }));
    class.tp_name = c"tests.Class".as_ptr();
    class.tp_basicsize = size_of::<c::PyObject>() as isize;
    // SAFETY: a type.
    unsafe { kind.set(class) };
    class
}

/// A fresh object of a type, with room for two words behind its head and a count of 0.
pub(crate) fn object(class: *mut c::PyTypeObject) -> Block {
    let block = block::allocate(size_of::<c::PyObject>() + 16, 0);
    // SAFETY: as large as an object.
    unsafe { (*block).ob_type = class };
    block
}
