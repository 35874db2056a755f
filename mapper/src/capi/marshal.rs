//! `marshal.h`: values in the form of compiled files, by the module `marshal`.

use super::prelude::*;
use crate::capi::support::memory;
use libc::FILE;

/// The value in bytes; a new reference.
pub unsafe extern "C" fn PyMarshal_ReadObjectFromString(data: *const c_char, size: isize) -> New {
    api(|vm| {
        // SAFETY: C's arguments.
        let bytes = memory::copied(vm, unsafe { super::unicodeobject::bytes(data, size) })?;
        let marshal = leave(vm, || vm.import("marshal", 0))?;
        Ok(New::of(vm, leave(vm, || vm.call_method(&marshal, "loads", (vm.ctx.new_bytes(bytes),)))?))
    })
}

/// A value as bytes, a new reference.
pub unsafe extern "C" fn PyMarshal_WriteObjectToString(value: Borrowed, version: c_int) -> New {
    api(|vm| Ok(New::of(vm, dumps(vm, value, version)?)))
}

fn dumps(vm: &VirtualMachine, value: Borrowed, version: c_int) -> PyResult {
    let value = value.get(vm)?;
    let marshal = leave(vm, || vm.import("marshal", 0))?;
    leave(vm, || vm.call_method(&marshal, "dumps", (value, version)))
}

/// So many bytes of a file as a number in little-endian order.
unsafe fn number<const N: usize>(vm: &VirtualMachine, file: *mut FILE) -> PyResult<[u8; N]> {
    let mut bytes = [0; N];
    // SAFETY: C's argument.
    let read = unsafe { libc::fread(bytes.as_mut_ptr().cast(), 1, N, file) };
    if read == N { Ok(bytes) } else { Err(vm.new_eof_error("EOF read where not expected")) }
}

/// The next four bytes of a file as a number; -1 with `EOFError`.
pub unsafe extern "C" fn PyMarshal_ReadLongFromFile(file: *mut FILE) -> c_long {
    // SAFETY: C's argument.
    api(|vm| Ok(c_long::from(i32::from_le_bytes(unsafe { number(vm, file)? }))))
}

/// The next two bytes of a file as a number; -1 with `EOFError`.
pub unsafe extern "C" fn PyMarshal_ReadShortFromFile(file: *mut FILE) -> c_int {
    // SAFETY: C's argument.
    api(|vm| Ok(c_int::from(i16::from_le_bytes(unsafe { number(vm, file)? }))))
}

/// The next value of a file, which is left behind it; a new reference.
pub unsafe extern "C" fn PyMarshal_ReadObjectFromFile(file: *mut FILE) -> New {
    api(|vm| {
        // SAFETY: C's argument.
        let (start, bytes) = unsafe { (libc::ftell(file), rest(file)) };
        let stream = leave(vm, || vm.import("_io", 0)?.get_attr("BytesIO", vm)?.call((vm.ctx.new_bytes(bytes),), vm))?;
        let marshal = leave(vm, || vm.import("marshal", 0))?;
        let value = leave(vm, || vm.call_method(&marshal, "load", (stream.clone(),)))?;
        let used: c_long = leave(vm, || vm.call_method(&stream, "tell", ())?.try_into_value(vm))?;
        // SAFETY: C's argument.
        unsafe { libc::fseek(file, start + used, libc::SEEK_SET) };
        Ok(New::of(vm, value))
    })
}

/// What is left of a file.
unsafe fn rest(file: *mut FILE) -> Vec<u8> {
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    loop {
        // SAFETY: by the caller's contract.
        match unsafe { libc::fread(part.as_mut_ptr().cast(), 1, part.len(), file) } {
            0 => return bytes,
            read => bytes.extend_from_slice(&part[..read]),
        }
    }
}

/// The last value of a file, which may be read to its end; a new reference.
pub unsafe extern "C" fn PyMarshal_ReadLastObjectFromFile(file: *mut FILE) -> New {
    // SAFETY: C's argument.
    unsafe {
        let bytes = rest(file);
        PyMarshal_ReadObjectFromString(bytes.as_ptr().cast(), bytes.len() as isize)
    }
}

/// Writes a number to a file in four bytes.
pub unsafe extern "C" fn PyMarshal_WriteLongToFile(value: c_long, file: *mut FILE, _version: c_int) {
    // SAFETY: C's argument.
    unsafe { libc::fwrite((value as u32).to_le_bytes().as_ptr().cast(), 1, 4, file) };
}

/// Writes a value to a file; what has no such form is written as a mark that says so.
pub unsafe extern "C" fn PyMarshal_WriteObjectToFile(value: Borrowed, file: *mut FILE, version: c_int) {
    infallible((), |vm| {
        let bytes = match dumps(vm, value, version) {
            Ok(bytes) => {
                leave(vm, || bytes.try_into_value::<rustpython_vm::builtins::PyBytesRef>(vm))?.as_bytes().to_vec()
            }
            Err(_) => b"?".to_vec(),
        };
        // SAFETY: C's argument.
        unsafe { libc::fwrite(bytes.as_ptr().cast(), 1, bytes.len(), file) };
        Ok(())
    });
}
