//! `osmodule.h`: paths.

use super::prelude::*;
use rustpython_vm::function::FsPath;

/// The str or bytes of a path: the object itself, or what its `__fspath__` gives; a new reference.
pub unsafe extern "C" fn PyOS_FSPath(path: Borrowed) -> New {
    api(|vm| {
        let path = path.get(vm)?;
        let path = leave(vm, || FsPath::try_from_path_like(path, false, vm))?;
        Ok(match path {
            FsPath::Str(text) => New::of(vm, text),
            FsPath::Bytes(bytes) => New::of(vm, bytes),
        })
    })
}
