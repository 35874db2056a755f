//! `genericaliasobject.h`: `list[int]` and its like.

use super::prelude::*;
use rustpython_vm::builtins::PyGenericAlias;

/// A new alias of a class with arguments: a tuple, or the one argument.
pub unsafe extern "C" fn Py_GenericAlias(origin: Borrowed, args: Borrowed) -> New {
    api(|vm| {
        let alias = PyGenericAlias::from_args(origin.get(vm)?, args.get(vm)?, vm)?;
        Ok(New::of(vm, rustpython_vm::PyPayload::into_pyobject(alias, vm)))
    })
}
