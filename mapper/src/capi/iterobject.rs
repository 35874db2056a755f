//! `iterobject.h`: iterators over sequences and over calls.

use super::prelude::*;

/// Calls a builtin.
fn builtin(vm: &VirtualMachine, name: &'static str, args: Vec<PyObjectRef>) -> PyResult<New> {
    let function = leave(vm, || vm.builtins.get_attr(name, vm))?;
    Ok(New::of(vm, leave(vm, || function.call(args, vm))?))
}

/// A new iterator over anything with `__getitem__` from 0.
pub unsafe extern "C" fn PySeqIter_New(sequence: Borrowed) -> New {
    api(|vm| {
        let sequence = sequence.get(vm)?;
        let iterator = rustpython_vm::builtins::PySequenceIterator::new(sequence, vm)?;
        Ok(New::of(vm, rustpython_vm::PyPayload::into_pyobject(iterator, vm)))
    })
}

/// A new iterator that calls until the sentinel comes.
pub unsafe extern "C" fn PyCallIter_New(callable: Borrowed, sentinel: Borrowed) -> New {
    api(|vm| builtin(vm, "iter", vec![callable.get(vm)?, sentinel.get(vm)?]))
}
