//! `abstract.h` and `cpython/abstract.h`: calls, numbers, sequences, mappings, iteration.

use super::prelude::*;
use rustpython_vm::function::{FuncArgs, KwArgs};

/// Calls a managed callable with vectorcall arguments.
pub(crate) unsafe fn call_managed(
    vm: &VirtualMachine,
    callable: Borrowed,
    args: *const Block,
    nargsf: usize,
    names: Block,
) -> PyResult<New> {
    let count = nargsf & !(1 << (usize::BITS - 1));
    let function = callable.get(vm)?;
    let mut positional = Vec::with_capacity(count);
    for index in 0..count {
        // SAFETY: `count` arguments, by contract.
        positional.push(unsafe { retrieve::retrieve(vm, *args.add(index))? });
    }
    let arguments = if names.is_null() {
        FuncArgs::from(positional)
    } else {
        let mut keywords = Vec::new();
        // SAFETY: a tuple of names, with as many values behind the positional arguments.
        for (index, name) in unsafe { store::tuple_slice(names) }.iter().enumerate() {
            // SAFETY: as above.
            unsafe {
                let name = retrieve::retrieve(vm, *name)?;
                let text = name.str(vm)?.to_string_lossy().into_owned();
                keywords.push((text, retrieve::retrieve(vm, *args.add(count + index))?));
            }
        }
        FuncArgs::new(positional, keywords.into_iter().collect::<KwArgs>())
    };
    let result = leave(vm, || function.call(arguments, vm))?;
    Ok(New::of(vm, result))
}
