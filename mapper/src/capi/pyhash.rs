//! `cpython/pyhash.h`: hashing.

use super::prelude::*;

/// The hash of a float; that of `object` if it is not a number.
pub unsafe extern "C" fn _Py_HashDouble(object: Borrowed, value: f64) -> isize {
    match rustpython_vm::common::hash::hash_float(value) {
        Some(hash) => hash as isize,
        // SAFETY: no memory is touched.
        None => unsafe { PyObject_GenericHash(object) },
    }
}

/// `PyHash_FuncDef`.
#[repr(C)]
pub struct Definition {
    hash: unsafe extern "C" fn(*const c_void, isize) -> isize,
    name: *const c_char,
    hash_bits: c_int,
    seed_bits: c_int,
}
// SAFETY: constant.
unsafe impl Sync for Definition {}
// SAFETY: constant.
unsafe impl Send for Definition {}

/// How the VM hashes bytes: what `sys.hash_info` says.
pub unsafe extern "C" fn PyHash_GetFuncDef() -> *const Definition {
    static DEFINITION: std::sync::OnceLock<Definition> = std::sync::OnceLock::new();
    api(|vm| {
        let info = leave(vm, || vm.sys_module.get_attr("hash_info", vm))?;
        let int = |name: &'static str| leave(vm, || info.get_attr(name, vm)?.try_into_value::<c_int>(vm));
        let name = leave(vm, || info.get_attr("algorithm", vm)?.str(vm))?.to_string_lossy().into_owned();
        let (hash_bits, seed_bits) = (int("hash_bits")?, int("seed_bits")?);
        Ok(std::ptr::from_ref(DEFINITION.get_or_init(|| Definition {
            hash: Py_HashBuffer,
            name: std::ffi::CString::new(name).unwrap_or_default().into_raw(),
            hash_bits,
            seed_bits,
        })))
    })
}

/// The hash of bytes, as `hash(bytes)` gives it.
pub unsafe extern "C" fn Py_HashBuffer(data: *const c_void, length: isize) -> isize {
    infallible(0, |vm| {
        let bytes = match length {
            ..=0 => &[],
            // SAFETY: C's arguments.
            _ => unsafe { std::slice::from_raw_parts(data.cast::<u8>(), length as usize) },
        };
        Ok(leave(vm, || vm.ctx.new_bytes(bytes.to_vec()).as_object().hash(vm))? as isize)
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
    api(|vm| {
        let object = object.held(vm)?;
        let hash = vm.ctx.types.object_type.slots.hash.load().map(|hash| hash(&object, vm)).transpose()?;
        Ok(hash.unwrap_or_default() as isize)
    })
}
