//! The suite of sequences.

use rustclad_mapper::abi::layout as c;
use rustpython_vm::builtins::PyTypeRef;
use rustpython_vm::protocol::PySequence;
use rustpython_vm::{PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::invoke::{at_index, binary, contains, from_front, length, set_at_index};
use super::special::{class_slot, missing, special};

fn sequence_slot<F>(
    vm: &VirtualMachine,
    this: &PyObject,
    slot: impl FnOnce(&c::PySequenceMethods) -> Option<F>,
) -> Option<F> {
    // SAFETY: a type's suite is null or valid.
    class_slot(vm, this, |t| unsafe { t.tp_as_sequence.as_ref() }.and_then(slot))
}

/// An argument as an index.
fn index(vm: &VirtualMachine, value: &PyObject) -> PyResult<isize> {
    value.try_index(vm)?.try_to_primitive::<isize>(vm)
}

pub(super) fn install(vm: &VirtualMachine, class: &PyTypeRef, suite: &c::PySequenceMethods) {
    install_whole(vm, class, suite);
    install_items(vm, class, suite);
    install_inplace(vm, class, suite);
}

/// What is done with a sequence as a whole.
fn install_whole(vm: &VirtualMachine, class: &PyTypeRef, suite: &c::PySequenceMethods) {
    let slots = &class.slots.as_sequence;
    if let Some(f) = suite.sq_length {
        slots.length.store(Some(|sequence: PySequence<'_>, vm| {
            let f = sequence_slot(vm, sequence.obj, |suite| suite.sq_length).ok_or_else(|| missing(vm, "sq_length"))?;
            length(vm, f, sequence.obj, "__len__")
        }));
        special!(vm, class, "__len__", |vm, this, []| Ok(vm.ctx.new_int(length(vm, f, this, "__len__")?).into()));
    }
    if let Some(f) = suite.sq_concat {
        slots.concat.store(Some(|sequence: PySequence<'_>, other, vm| {
            let f = sequence_slot(vm, sequence.obj, |suite| suite.sq_concat).ok_or_else(|| missing(vm, "sq_concat"))?;
            binary(vm, f, sequence.obj, other, "__add__")
        }));
        special!(vm, class, "__add__", |vm, this, [other]| binary(vm, f, this, other, "__add__"));
    }
    if let Some(f) = suite.sq_repeat {
        slots.repeat.store(Some(|sequence: PySequence<'_>, count, vm| {
            let f = sequence_slot(vm, sequence.obj, |suite| suite.sq_repeat).ok_or_else(|| missing(vm, "sq_repeat"))?;
            at_index(vm, f, sequence.obj, count, "__mul__")
        }));
        special!(vm, class, "__mul__", |vm, this, [count]| at_index(vm, f, this, index(vm, count)?, "__mul__"));
        special!(vm, class, "__rmul__", |vm, this, [count]| at_index(vm, f, this, index(vm, count)?, "__rmul__"));
    }
}

/// What is done with items.
fn install_items(vm: &VirtualMachine, class: &PyTypeRef, suite: &c::PySequenceMethods) {
    let slots = &class.slots.as_sequence;
    if let Some(f) = suite.sq_item {
        slots.item.store(Some(|sequence: PySequence<'_>, at, vm| {
            let f = sequence_slot(vm, sequence.obj, |suite| suite.sq_item).ok_or_else(|| missing(vm, "sq_item"))?;
            at_index(vm, f, sequence.obj, from_front(vm, sequence.obj, at)?, "__getitem__")
        }));
        special!(vm, class, "__getitem__", |vm, this, [at]| {
            at_index(vm, f, this, from_front(vm, this, index(vm, at)?)?, "__getitem__")
        });
    }
    if let Some(f) = suite.sq_ass_item {
        slots.ass_item.store(Some(|sequence: PySequence<'_>, at, value: Option<PyObjectRef>, vm| {
            let f =
                sequence_slot(vm, sequence.obj, |suite| suite.sq_ass_item).ok_or_else(|| missing(vm, "sq_ass_item"))?;
            set_at_index(vm, f, sequence.obj, from_front(vm, sequence.obj, at)?, value.as_deref(), "__setitem__")
        }));
        special!(vm, class, "__setitem__", |vm, this, [at, value]| {
            let at = from_front(vm, this, index(vm, at)?)?;
            set_at_index(vm, f, this, at, Some(value), "__setitem__").map(|()| vm.ctx.none())
        });
        special!(vm, class, "__delitem__", |vm, this, [at]| {
            let at = from_front(vm, this, index(vm, at)?)?;
            set_at_index(vm, f, this, at, None, "__delitem__").map(|()| vm.ctx.none())
        });
    }
    if let Some(f) = suite.sq_contains {
        slots.contains.store(Some(|sequence: PySequence<'_>, item, vm| {
            let f =
                sequence_slot(vm, sequence.obj, |suite| suite.sq_contains).ok_or_else(|| missing(vm, "sq_contains"))?;
            contains(vm, f, sequence.obj, item)
        }));
        special!(vm, class, "__contains__", |vm, this, [item]| Ok(vm
            .ctx
            .new_bool(contains(vm, f, this, item)?)
            .into()));
    }
}

fn install_inplace(vm: &VirtualMachine, class: &PyTypeRef, suite: &c::PySequenceMethods) {
    let slots = &class.slots.as_sequence;
    if let Some(f) = suite.sq_inplace_concat {
        slots.inplace_concat.store(Some(|sequence: PySequence<'_>, other, vm| {
            let f = sequence_slot(vm, sequence.obj, |suite| suite.sq_inplace_concat);
            binary(vm, f.ok_or_else(|| missing(vm, "sq_inplace_concat"))?, sequence.obj, other, "__iadd__")
        }));
        special!(vm, class, "__iadd__", |vm, this, [other]| binary(vm, f, this, other, "__iadd__"));
    }
    if let Some(f) = suite.sq_inplace_repeat {
        slots.inplace_repeat.store(Some(|sequence: PySequence<'_>, count, vm| {
            let f = sequence_slot(vm, sequence.obj, |suite| suite.sq_inplace_repeat);
            at_index(vm, f.ok_or_else(|| missing(vm, "sq_inplace_repeat"))?, sequence.obj, count, "__imul__")
        }));
        special!(vm, class, "__imul__", |vm, this, [count]| at_index(vm, f, this, index(vm, count)?, "__imul__"));
    }
}
