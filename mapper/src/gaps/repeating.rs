//! `sequence * number`: lists and tuples that would be too long are out of memory, for RustPython's are an overflow.

use std::sync::OnceLock;

use rustpython_vm::builtins::PyType;
use rustpython_vm::protocol::PySequence;
use rustpython_vm::{Py, PyObjectRef, PyResult, VirtualMachine};

use super::wrappers::with_subclasses;

/// The VM's slot that repeats.
type Repeat = fn(PySequence<'_>, isize, &VirtualMachine) -> PyResult;

/// What the VM's types do themselves.
static LIST: OnceLock<Repeat> = OnceLock::new();
static LIST_IN_PLACE: OnceLock<Repeat> = OnceLock::new();
static TUPLE: OnceLock<Repeat> = OnceLock::new();

/// Puts a function into a slot of a class and of those that have it from that class.
macro_rules! put {
    ($class:expr, $slot:ident, $original:expr) => {
        let class: &Py<PyType> = $class;
        if let Some(own) = class.slots.as_sequence.$slot.load().filter(|own| $original.set(*own).is_ok()) {
            for class in with_subclasses(class) {
                if class.slots.as_sequence.$slot.load().is_some_and(|other| std::ptr::fn_addr_eq(other, own)) {
                    let ours: Repeat = |sequence, count, vm| repeat(&$original, sequence, count, vm);
                    class.slots.as_sequence.$slot.store(Some(ours));
                }
            }
        }
    };
}

/// Has lists and tuples look at the length first. Once a process.
pub(crate) fn install(vm: &VirtualMachine) {
    let types = &vm.ctx.types;
    put!(types.list_type, repeat, LIST);
    put!(types.list_type, inplace_repeat, LIST_IN_PLACE);
    put!(types.tuple_type, repeat, TUPLE);
}

fn repeat(
    original: &OnceLock<Repeat>,
    sequence: PySequence<'_>,
    count: isize,
    vm: &VirtualMachine,
) -> PyResult<PyObjectRef> {
    let is_too_long =
        count > 0 && sequence.length(vm)?.checked_mul(count as usize).is_none_or(|it| it > isize::MAX as usize);
    if is_too_long {
        return Err(vm.no_memory_error());
    }
    original.get().expect("set before the slot")(sequence, count, vm)
}
