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

/// Whether a descriptor is inherited by programs that are started. -1 with an exception.
pub unsafe extern "C" fn _Py_get_inheritable(descriptor: c_int) -> c_int {
    api(|vm| {
        // SAFETY: a system call on a number.
        match unsafe { libc::fcntl(descriptor, libc::F_GETFD) } {
            -1 => os_error(vm),
            flags => Ok(c_int::from(flags & libc::FD_CLOEXEC == 0)),
        }
    })
}

/// Says whether a descriptor is inherited. 0, or -1 with an exception.
pub unsafe extern "C" fn _Py_set_inheritable(descriptor: c_int, inheritable: c_int, _works: *mut c_int) -> c_int {
    api(|vm| {
        let flags = if inheritable != 0 { 0 } else { libc::FD_CLOEXEC };
        // SAFETY: a system call on numbers.
        if unsafe { libc::fcntl(descriptor, libc::F_SETFD, flags) } < 0 { os_error(vm) } else { Ok(0) }
    })
}

/// Reads from a descriptor, as often as signals interrupt it; waits without the C lock. The number of bytes, or -1 with
/// an exception.
pub unsafe extern "C" fn _Py_read(descriptor: c_int, buffer: *mut c_void, count: usize) -> isize {
    // SAFETY: C's arguments.
    api(|vm| transfer(vm, || unsafe { libc::read(descriptor, buffer, count) }))
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
        leave(vm, || vm.check_signals())?;
    }
}
