//! `cpython/pyhash.h`: hashing.

use super::prelude::*;

/// The hash of bytes, as `hash(bytes)` gives it.
pub unsafe extern "C" fn Py_HashBuffer(data: *const c_void, length: isize) -> isize {
    infallible(0, |vm| {
        // SAFETY: C's arguments.
        let bytes =
            if length <= 0 { &[] } else { unsafe { std::slice::from_raw_parts(data.cast::<u8>(), length as usize) } };
        Ok(vm.ctx.new_bytes(bytes.to_vec()).as_object().hash(vm)? as isize)
    })
}

/// The hash of an address.
pub unsafe extern "C" fn Py_HashPointer(pointer: *const c_void) -> isize {
    // Objects are aligned: the low bits say nothing.
    let hash = (pointer as usize).rotate_right(4) as isize;
    if hash == -1 { -2 } else { hash }
}

/// The hash of an object that has none but its identity.
pub unsafe extern "C" fn PyObject_GenericHash(object: Borrowed) -> isize {
    // SAFETY: no memory is touched.
    unsafe { Py_HashPointer(object.0.cast()) }
}
