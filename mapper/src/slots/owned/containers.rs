//! The suites of sequences and mappings of builtin types.

use std::ffi::c_int;

use rustpython_vm::builtins::{PyByteArray, PyBytes, PyMemoryView, PyRange, PyTuple, PyType};
use rustpython_vm::{Py, PyObject, PyResult, VirtualMachine};

use super::{binary, gone, owner, set_owned, unary};
use crate::abi::layout as c;
use crate::calls::api::api;
use crate::heap::block::Block;
use crate::lifetime::thread::leave;
use crate::twins::reference::{Borrowed, New};
use crate::twins::store::touched;

/// A length as C has it.
fn length(this: Block, f: impl FnOnce(&PyObject, &VirtualMachine) -> PyResult<usize>) -> isize {
    api(|vm| {
        let object = Borrowed(this).held(vm)?;
        leave(vm, || f(&object, vm)).map(|length| length as isize)
    })
}

unsafe extern "C" fn sq_length(this: Block, _: usize, _: usize, number: u32) -> isize {
    length(this, |object, vm| match owner(number).slots.as_sequence.length.load() {
        Some(f) => f(object.sequence_unchecked(), vm),
        None => gone(vm, number),
    })
}

unsafe extern "C" fn mp_length(this: Block, _: usize, _: usize, number: u32) -> isize {
    length(this, |object, vm| match owner(number).slots.as_mapping.length.load() {
        Some(f) => f(object.mapping_unchecked(), vm),
        None => gone(vm, number),
    })
}

unsafe extern "C" fn sq_concat(a: Block, b: Block, _: usize, number: u32) -> Block {
    binary(a, b, |a, b, vm| match owner(number).slots.as_sequence.concat.load() {
        Some(f) => f(a.sequence_unchecked(), b, vm),
        None => gone(vm, number),
    })
}

unsafe extern "C" fn mp_subscript(a: Block, b: Block, _: usize, number: u32) -> Block {
    binary(a, b, |a, b, vm| match owner(number).slots.as_mapping.subscript.load() {
        Some(f) => f(a.mapping_unchecked(), b, vm),
        None => gone(vm, number),
    })
}

unsafe extern "C" fn sq_repeat(this: Block, count: isize, _: usize, number: u32) -> Block {
    unary(this, |object, vm| match owner(number).slots.as_sequence.repeat.load() {
        Some(f) => f(object.sequence_unchecked(), count, vm),
        None => gone(vm, number),
    })
}

/// The index as the VM's slots take it: they would count a negative one from the end, which who calls the slot has done.
fn from_front(index: isize) -> isize {
    if index < 0 { isize::MAX } else { index }
}

unsafe extern "C" fn sq_item(this: Block, index: isize, _: usize, number: u32) -> Block {
    unary(this, |object, vm| {
        // These count from the end.
        let counts = object.downcastable::<PyRange>() || object.downcastable::<PyMemoryView>();
        let index = if counts { index } else { from_front(index) };
        // The VM's slot gives bytes, and for tuples it has other words.
        let byte = |byte: Option<u8>, refused: &'static str| match byte {
            Some(byte) => Ok(vm.ctx.new_int(byte).into()),
            None => Err(vm.new_index_error(refused)),
        };
        if let Some(bytes) = object.downcast_ref::<PyBytes>() {
            return byte(bytes.as_bytes().get(index as usize).copied(), "index out of range");
        }
        if let Some(array) = object.downcast_ref::<PyByteArray>() {
            let found = array.borrow_buf().get(index as usize).copied();
            return byte(found, "bytearray index out of range");
        }
        if let Some(tuple) = object.downcast_ref::<PyTuple>() {
            let item = tuple.as_slice().get(index as usize);
            return item.cloned().ok_or_else(|| vm.new_index_error("tuple index out of range"));
        }
        match owner(number).slots.as_sequence.item.load() {
            Some(f) => f(object.sequence_unchecked(), index, vm),
            None => gone(vm, number),
        }
    })
}

unsafe extern "C" fn sq_inplace_concat(a: Block, b: Block, _: usize, number: u32) -> Block {
    let result = api(|vm| {
        let (this, other) = (Borrowed(a).held(vm)?, Borrowed(b).held(vm)?);
        let Some(f) = owner(number).slots.as_sequence.inplace_concat.load() else { return gone(vm, number) };
        let result = leave(vm, || f(this.sequence_unchecked(), &other, vm))?;
        // SAFETY: C's argument.
        unsafe { touched(vm, a) };
        Ok(New::of(vm, result))
    });
    result.0
}

unsafe extern "C" fn sq_inplace_repeat(a: Block, count: isize, _: usize, number: u32) -> Block {
    let result = api(|vm| {
        let this = Borrowed(a).held(vm)?;
        let Some(f) = owner(number).slots.as_sequence.inplace_repeat.load() else { return gone(vm, number) };
        let result = leave(vm, || f(this.sequence_unchecked(), count, vm))?;
        // SAFETY: C's argument.
        unsafe { touched(vm, a) };
        Ok(New::of(vm, result))
    });
    result.0
}

/// NULL deletes.
unsafe extern "C" fn sq_ass_item(this: Block, index: isize, value: Block, number: u32) -> c_int {
    api(|vm| {
        let (object, value) = (Borrowed(this).held(vm)?, Borrowed(value).opt(vm)?);
        let Some(f) = owner(number).slots.as_sequence.ass_item.load() else { return gone(vm, number) };
        // A bytearray counts from the end.
        let index = if object.downcastable::<PyByteArray>() { index } else { from_front(index) };
        leave(vm, || f(object.sequence_unchecked(), index, value, vm))?;
        // SAFETY: C's argument.
        unsafe { touched(vm, this) };
        Ok(0)
    })
}

/// NULL deletes.
unsafe extern "C" fn mp_ass_subscript(this: Block, key: Block, value: Block, number: u32) -> c_int {
    api(|vm| {
        let (object, key, value) = (Borrowed(this).held(vm)?, Borrowed(key).held(vm)?, Borrowed(value).opt(vm)?);
        let Some(f) = owner(number).slots.as_mapping.ass_subscript.load() else { return gone(vm, number) };
        leave(vm, || f(object.mapping_unchecked(), &key, value, vm))?;
        // SAFETY: C's argument.
        unsafe { touched(vm, this) };
        Ok(0)
    })
}

unsafe extern "C" fn sq_contains(this: Block, item: Block, _: usize, number: u32) -> c_int {
    api(|vm| {
        let (object, item) = (Borrowed(this).held(vm)?, Borrowed(item).held(vm)?);
        match owner(number).slots.as_sequence.contains.load() {
            Some(f) => leave(vm, || f(object.sequence_unchecked(), &item, vm)).map(c_int::from),
            None => gone(vm, number),
        }
    })
}

/// # Safety
/// As for [`fill`](super::fill).
pub(super) unsafe fn fill(t: &mut c::PyTypeObject, class: &'static Py<PyType>) {
    // SAFETY: by contract; each function has the slot's type, but for the number that its entry adds.
    unsafe {
        let base = t.tp_base.as_ref();
        let (sequence, mapping) = (&mut *t.tp_as_sequence, &mut *t.tp_as_mapping);
        let of_base = base.and_then(|base| base.tp_as_sequence.as_ref());
        set_owned! { class, sequence, of_base;
            as_sequence.length => sq_length sq_length;
            as_sequence.concat => sq_concat sq_concat;
            as_sequence.repeat => sq_repeat sq_repeat;
            as_sequence.item => sq_item sq_item;
            as_sequence.ass_item => sq_ass_item sq_ass_item;
            as_sequence.contains => sq_contains sq_contains;
            as_sequence.inplace_concat => sq_inplace_concat sq_inplace_concat;
            as_sequence.inplace_repeat => sq_inplace_repeat sq_inplace_repeat;
        }
        let of_base = base.and_then(|base| base.tp_as_mapping.as_ref());
        set_owned! { class, mapping, of_base;
            as_mapping.length => mp_length mp_length;
            as_mapping.subscript => mp_subscript mp_subscript;
            as_mapping.ass_subscript => mp_ass_subscript mp_ass_subscript;
        }
    }
}
