//! Sets and frozensets, of which C code reads the number of items.
//!
//! LAYOUT: C code may fill a frozenset that nobody else has, and the VM's cannot be filled. Its payload has what a set's is, and
//! its hash. `prepare` finds out where the first is; if it cannot, frozensets are not filled.

use std::sync::atomic::{AtomicUsize, Ordering};

use rustpython_vm::builtins::{PyFrozenSet, PySet};
use rustpython_vm::{AsObject, Py, PyObject, PyPayload as _, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::heap::block::Block;
use crate::heap::form::{Form, Half, given};
use crate::twins::forms::object::new_block;
use crate::twins::forms::payload::bound;

/// Sets.
pub(super) static FORM: Form = Form {
    sizes: (size_of::<c::PySetObject>(), 0),
    make,
    refresh: Some(refresh),
    touched: Some(refresh),
    value: Some(value),
    wrap,
    ..Form::EMPTY
};

/// The number of items, whatever a subclass's `__len__` says.
pub(crate) fn length(vm: &VirtualMachine, object: &PyObject) -> isize {
    let builtin = match object.downcast_ref::<PySet>() {
        Some(_) => vm.ctx.types.set_type,
        None => vm.ctx.types.frozenset_type,
    };
    debug_assert!(object.downcastable::<PySet>() || object.downcastable::<PyFrozenSet>());
    let count = builtin.slots.as_sequence.length.load();
    count.and_then(|count| count(object.sequence_unchecked(), vm).ok()).unwrap_or(0) as isize
}

/// Where a frozenset's payload has its set, in words; [`UNKNOWN`] before it was found out.
static OPEN: AtomicUsize = AtomicUsize::new(UNKNOWN);
const UNKNOWN: usize = usize::MAX;

/// Finds out where a frozenset has its set: in the one of two words that does not change when it is hashed. Once, when the stub
/// is filled.
pub(crate) fn prepare(vm: &VirtualMachine) {
    const WORD: usize = size_of::<usize>();
    if size_of::<PySet>() != WORD || size_of::<PyFrozenSet>() != 2 * WORD {
        return;
    }
    let Ok(frozen) = PyFrozenSet::from_iter(vm, [vm.ctx.none()]) else { return };
    let frozen = frozen.into_ref(&vm.ctx);
    let words = || -> [usize; 2] {
        let payload = std::ptr::from_ref::<PyFrozenSet>(&frozen).cast::<usize>();
        // SAFETY: the payload is of that size, and nobody else knows it.
        [0, 1].map(|index| unsafe { payload.add(index).read_volatile() })
    };
    let before = words();
    if frozen.as_object().hash(vm).is_err() {
        return;
    }
    let after = words();
    let same: Vec<usize> = (0..2).filter(|&index| before[index] == after[index]).collect();
    if let [index] = same[..] {
        OPEN.store(index, Ordering::Relaxed);
        let found = open(&frozen).is_some_and(|set| set.elements().len() == 1);
        if !found {
            OPEN.store(UNKNOWN, Ordering::Relaxed);
        }
    }
}

/// The set in a frozenset that nobody but the caller has.
pub(crate) fn open(frozen: &Py<PyFrozenSet>) -> Option<&PySet> {
    let index = OPEN.load(Ordering::Relaxed);
    (index != UNKNOWN).then(|| {
        let payload = std::ptr::from_ref::<PyFrozenSet>(frozen).cast::<PySet>();
        // SAFETY: `prepare` found a set's one word there.
        unsafe { &*payload.add(index) }
    })
}

unsafe fn make(vm: &VirtualMachine, object: &PyObject, class: *mut c::PyTypeObject) -> Block {
    // SAFETY: a fresh block of its class's size.
    unsafe {
        let made = new_block(class);
        refresh(vm, made, object);
        made
    }
}

unsafe fn refresh(vm: &VirtualMachine, block: Block, object: &PyObject) {
    // SAFETY: a set's block.
    unsafe {
        let set = block.cast::<c::PySetObject>();
        (*set).used = length(vm, object);
        (*set).fill = (*set).used;
    }
}

unsafe fn value(vm: &VirtualMachine, _: Block, _: bool) -> PyResult {
    given(PySet::default().into_pyobject(vm))
}

unsafe fn wrap(_: &VirtualMachine, block: Block, half: Half) -> PyResult {
    Ok(bound(PySet::default(), block, half))
}
