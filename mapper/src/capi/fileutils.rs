//! `fileutils.h` and `cpython/fileutils.h`: files by descriptor, and the file system's encoding.

use super::prelude::*;

/// Raises `OSError` for `errno`.
fn os_error<T>(vm: &VirtualMachine) -> PyResult<T> {
    let error = std::io::Error::last_os_error();
    Err(rustpython_vm::convert::IntoPyException::into_pyexception(error, vm))
}

/// Duplicates a descriptor, not to be inherited. -1 with an exception.
pub unsafe extern "C" fn _Py_dup(descriptor: c_int) -> c_int {
    api(|vm| {
        // SAFETY: a system call on a number.
        match unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 0) } {
            -1 => os_error(vm),
            copy => Ok(copy),
        }
    })
}

/// What the system knows of an open file. 0, or -1 with an exception.
pub unsafe extern "C" fn _Py_fstat(descriptor: c_int, status: *mut libc::stat) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| match unsafe { libc::fstat(descriptor, status) } {
        0 => Ok(0),
        _ => os_error(vm),
    })
}

/// [`_Py_fstat`] without an exception.
pub unsafe extern "C" fn _Py_fstat_noraise(descriptor: c_int, status: *mut libc::stat) -> c_int {
    // SAFETY: C's arguments.
    unsafe { libc::fstat(descriptor, status) }
}

/// Opens a file, not to be inherited. -1 with `errno`.
pub unsafe extern "C" fn _Py_open_noraise(path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: C's arguments.
    unsafe { libc::open(path, flags | libc::O_CLOEXEC) }
}

/// Opens a file, not to be inherited. -1 with an exception.
pub unsafe extern "C" fn _Py_open(path: *const c_char, flags: c_int) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| match unsafe { libc::open(path, flags | libc::O_CLOEXEC) } {
        -1 => os_error(vm),
        descriptor => Ok(descriptor),
    })
}

/// Whether a descriptor is open.
pub unsafe extern "C" fn _Py_IsValidFD(descriptor: c_int) -> c_int {
    // SAFETY: a system call on a number.
    c_int::from(unsafe { libc::fcntl(descriptor, libc::F_GETFD) } >= 0)
}

/// Says whether a descriptor is inherited. 0, or -1 with an exception.
pub unsafe extern "C" fn _Py_set_inheritable(descriptor: c_int, inheritable: c_int, _works: *mut c_int) -> c_int {
    api(|vm| {
        let flags = if inheritable != 0 { 0 } else { libc::FD_CLOEXEC };
        // SAFETY: a system call on numbers.
        if unsafe { libc::fcntl(descriptor, libc::F_SETFD, flags) } < 0 { os_error(vm) } else { Ok(0) }
    })
}

/// Writes to a descriptor, as often as signals interrupt it; waits without the C lock. The number of bytes, or -1 with
/// an exception.
pub unsafe extern "C" fn _Py_write(descriptor: c_int, buffer: *const c_void, count: usize) -> isize {
    // SAFETY: C's arguments.
    api(|vm| transfer(vm, || unsafe { libc::write(descriptor, buffer, count) }))
}

fn transfer(vm: &VirtualMachine, call: impl Fn() -> isize) -> PyResult<isize> {
    loop {
        let (done, interrupted) = leave(vm, || {
            rustpython_vm::vm::thread::allow_threads(vm, || {
                let done = call();
                (done, done < 0 && std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted)
            })
        });
        if done >= 0 {
            return Ok(done);
        }
        if !interrupted {
            return os_error(vm);
        }
        leave(vm, || vm.check_signals().map(drop))?;
    }
}

/// Text of the system as `wchar_t`, for the caller to free with `PyMem_RawFree`, and its length if `size` is not NULL.
/// Bytes that are no UTF-8 become lone surrogates. NULL and a length of -1 if memory is out.
pub unsafe extern "C" fn Py_DecodeLocale(text: *const c_char, size: *mut usize) -> *mut u32 {
    // SAFETY: C's arguments; the copy has room for a 0.
    unsafe {
        let wide = decode(CStr::from_ptr(text).to_bytes());
        if let Some(size) = size.as_mut() {
            *size = wide.len();
        }
        let made = super::pymem::PyMem_RawMalloc((wide.len() + 1) * 4).cast::<u32>();
        if made.is_null() {
            if let Some(size) = size.as_mut() {
                *size = usize::MAX;
            }
            return made;
        }
        made.copy_from_nonoverlapping(wide.as_ptr(), wide.len());
        made.add(wide.len()).write(0);
        made
    }
}

/// UTF-8 with `surrogateescape`.
fn decode(bytes: &[u8]) -> Vec<u32> {
    bytes
        .utf8_chunks()
        .flat_map(|chunk| {
            let escaped = chunk.invalid().iter().map(|byte| 0xDC00 + u32::from(*byte));
            chunk.valid().chars().map(u32::from).chain(escaped)
        })
        .collect()
}

/// [`Py_DecodeLocale`] the other way, for the caller to free with `PyMem_Free`. NULL and the place of what cannot be
/// encoded in `place`, or -1 there if memory is out.
pub unsafe extern "C" fn Py_EncodeLocale(text: *const u32, place: *mut usize) -> *mut c_char {
    // SAFETY: C's arguments; the copy has room for a NUL.
    unsafe {
        let wide = std::slice::from_raw_parts(text, libc::wcslen(text.cast()));
        let encoded = encode(wide);
        let place_of = |value: usize| {
            if let Some(place) = place.as_mut() {
                *place = value;
            }
            std::ptr::null_mut()
        };
        let bytes = match encoded {
            Ok(bytes) => bytes,
            Err(index) => return place_of(index),
        };
        let made = super::pymem::PyMem_Malloc(bytes.len() + 1).cast::<u8>();
        if made.is_null() {
            return place_of(usize::MAX);
        }
        made.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        made.add(bytes.len()).write(0);
        made.cast()
    }
}

/// UTF-8 with `surrogateescape`, or the index of what is no character.
fn encode(wide: &[u32]) -> Result<Vec<u8>, usize> {
    let mut bytes = Vec::with_capacity(wide.len());
    for (index, &unit) in wide.iter().enumerate() {
        match (char::from_u32(unit), unit) {
            (Some(character), _) => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            (None, 0xDC80..=0xDCFF) => bytes.push(unit as u8),
            _ => return Err(index),
        }
    }
    Ok(bytes)
}

/// Opens a file by a path object, not to be inherited. NULL with an exception.
pub unsafe extern "C" fn Py_fopen(path: Borrowed, mode: *const c_char) -> *mut libc::FILE {
    api(|vm| {
        let object = path.get(vm)?;
        let mut encoded = std::ptr::null_mut();
        // SAFETY: C's arguments; the converter gave bytes, whose reference is ours.
        unsafe {
            if super::unicodesystem::PyUnicode_FSConverter(path, &mut encoded) == 0 {
                return Err(error::fetch(vm, "Py_fopen"));
            }
            let name = encoded.cast::<u8>().add(bytes::DATA).cast::<c_char>();
            let (file, failure) = leave(vm, || (libc::fopen(name, mode), std::io::Error::last_os_error()));
            dealloc::decref(encoded);
            if file.is_null() {
                let raised = rustpython_vm::convert::IntoPyException::into_pyexception(failure, vm);
                leave(vm, || raised.as_object().set_attr("filename", object, vm))?;
                return Err(raised);
            }
            libc::fcntl(libc::fileno(file), libc::F_SETFD, libc::FD_CLOEXEC);
            Ok(file)
        }
    })
}

/// Closes what [`Py_fopen`] opened. 0, or `EOF` with `errno`.
pub unsafe extern "C" fn Py_fclose(file: *mut libc::FILE) -> c_int {
    // SAFETY: C's argument.
    unsafe { libc::fclose(file) }
}
