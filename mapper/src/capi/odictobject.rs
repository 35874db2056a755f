//! `cpython/odictobject.h`: ordered dicts, by the methods of their class.

use super::prelude::*;
use crate::twins::forms::dict;

/// A new, empty `OrderedDict`.
pub unsafe extern "C" fn PyODict_New() -> New {
    api(|vm| {
        let class: PyObjectRef = types::of_builtin_module(vm, "_collections", "OrderedDict")?.into();
        Ok(New::of(vm, leave(vm, || class.call((), vm))?))
    })
}

/// Sets a value, or removes it if there is none, by the class's own method.
fn change(object: Borrowed, key: Borrowed, value: Option<Borrowed>) -> c_int {
    api(|vm| {
        let (twin, key) = (object.get(vm)?, key.get(vm)?);
        match value {
            Some(value) => {
                let value = value.get(vm)?;
                leave(vm, || twin.set_item(&*key, value, vm))?;
            }
            None => leave(vm, || twin.del_item(&*key, vm))?,
        }
        // SAFETY: a dict's block and its twin.
        unsafe { dict::refresh(vm, object.0, &twin) };
        Ok(0)
    })
}

/// Sets a value; a new key comes last. 0, or -1 with an exception.
pub unsafe extern "C" fn PyODict_SetItem(object: Borrowed, key: Borrowed, value: Borrowed) -> c_int {
    change(object, key, Some(value))
}

/// Removes a key; `KeyError` if there is none. 0, or -1 with an exception.
pub unsafe extern "C" fn PyODict_DelItem(object: Borrowed, key: Borrowed) -> c_int {
    change(object, key, None)
}
