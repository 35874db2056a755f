//! Slots that C code writes by hand into a type that is made already, as msgspec does to the classes that its metaclass has
//! just got from `type`. CPython reads a slot whenever it needs it; the VM has slots of its own, which call C's where the
//! type had one when it was made. So the slots that a type began with are remembered, and compared when the call that it was
//! made in calls back or returns, when it is given to a module, and when C code says that it changed. Needs the C lock.

use std::cell::UnsafeCell;

use rustc_hash::FxHashMap;
use rustpython_vm::builtins::PyType;
use rustpython_vm::vm::thread::try_with_current_vm;
use rustpython_vm::{AsObject, Py, VirtualMachine};

use crate::abi::layout as c;
use crate::abi::slot_table;
use crate::heap::block::{Block, header};
use crate::heap::form::Look;
use crate::heap::kind::Kind;
use crate::lifetime::dispatch::dispatcher;
use crate::lifetime::{due, handle, thread};

/// What each of [`slot_table::functions`] holds.
type Slots = Box<[usize]>;

struct Shared(UnsafeCell<Option<FxHashMap<usize, Slots>>>);
// SAFETY: only touched with the C lock held.
unsafe impl Sync for Shared {}
static BEGAN_WITH: Shared = Shared(UnsafeCell::new(None));

fn began_with() -> &'static mut FxHashMap<usize, Slots> {
    // SAFETY: the C lock makes this the only user, and no reference outlives the statement it is used in.
    unsafe { (*BEGAN_WITH.0.get()).get_or_insert_default() }
}

unsafe fn slots(t: *mut c::PyTypeObject) -> Slots {
    // SAFETY: by the callers' contract.
    slot_table::functions().map(|at| unsafe { slot_table::read(t, at) } as usize).collect()
}

/// Remembers the slots of a type that C code has just made, or sees for the first time.
///
/// # Safety
/// `t` is the block of `class`, ready.
pub(crate) unsafe fn begin(t: *mut c::PyTypeObject, class: &Py<PyType>) {
    if thread::context().depth.get() == 0 {
        return;
    }
    // SAFETY: by contract.
    began_with().insert(t as usize, unsafe { slots(t) });
    due::remember_list(t.cast(), class.as_object());
}

/// The slots of a type were changed by us: they are not C's writing.
///
/// # Safety
/// `t` is a type's block.
pub(crate) unsafe fn begin_again(t: *mut c::PyTypeObject) {
    if let Some(known) = began_with().get_mut(&(t as usize)) {
        // SAFETY: by contract.
        *known = unsafe { slots(t) };
    }
}

/// Has the class call what C code has written into the slots of its type since.
///
/// # Safety
/// `t` is the block of `class`, ready.
pub(crate) unsafe fn compare(vm: &VirtualMachine, t: *mut c::PyTypeObject, class: &Py<PyType>) {
    let Some(known) = began_with().get_mut(&(t as usize)) else { return };
    // SAFETY: by contract; zeros are a type without slots, which has room for suites of its own.
    unsafe {
        let now = slots(t);
        if *known == now {
            return;
        }
        let mut written: Box<c::PyHeapTypeObject> = Box::new(std::mem::zeroed());
        let changed: *mut c::PyTypeObject = (&raw mut *written).cast();
        Kind::of_type(t).set(changed);
        for (at, (new, old)) in slot_table::functions().zip(now.iter().zip(known.iter())) {
            if new != old && *new != 0 {
                slot_table::write(changed, at, *new as *mut _);
            }
        }
        *known = now;
        dispatcher().slots(vm, class, changed);
    }
}

/// [`compare`] for a type that the call which made it is done with, or goes on with later.
pub(super) unsafe fn written(block: Block, look: Look) {
    // SAFETY: by contract of the form: a live type.
    unsafe {
        if let Some(class) = handle::twin_of(block).and_then(|twin| twin.downcast_ref::<PyType>()) {
            try_with_current_vm(|vm| compare(vm, block.cast(), class));
        }
    }
    if matches!(look, Look::Whole) && header(block).is_some() {
        forget(block.cast());
    }
}

/// The type ends, or is done.
pub(super) fn forget(t: *mut c::PyTypeObject) {
    began_with().remove(&(t as usize));
}
