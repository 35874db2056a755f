//! What depends on the operating system and the machine: reserving memory, fencing other threads, loading libraries
//! by descriptor, suffixes of extension modules. Linux on x86-64 is what is tested.

use std::ffi::CString;
use std::io;
use std::sync::atomic::AtomicI32;

/// The machine that libraries must be made for, as their headers and as messages name it.
pub(crate) const ELF_MACHINE: u16 = goblin::elf::header::EM_X86_64;
pub(crate) const MACHINE: &str = "64-bit x86-64";

/// File name endings of extension modules, in the order in which CPython 3.14 looks for them.
pub(crate) const EXTENSION_SUFFIXES: [&str; 3] =
    [concat!(".cpython-314-", "x86_64-linux-gnu", ".so"), ".abi3.so", ".so"];

/// Reserves `size` bytes of zeroed memory that costs nothing until it is touched; returns its address.
pub(crate) fn reserve_memory(size: usize) -> io::Result<usize> {
    // SAFETY: an anonymous mapping at an address of the system's choice touches nobody's memory.
    let address = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if address == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(address as usize) }
}

/// How many bytes of memory the machine has, the disk's share included.
pub(crate) fn memory_of_machine() -> usize {
    // SAFETY: the system fills a struct of numbers.
    let (done, info) = unsafe {
        let mut info: libc::sysinfo = std::mem::zeroed();
        (libc::sysinfo(&raw mut info), info)
    };
    if done < 0 { usize::MAX } else { (info.totalram + info.totalswap) as usize * info.mem_unit as usize }
}

/// Tells the system that the whole pages of a range are not needed any more; they read as zero afterwards.
#[cfg_attr(feature = "malloc-blocks", expect(dead_code, reason = "blocks come from malloc"))]
pub(crate) fn discard_memory(start: usize, size: usize) {
    let first = start.next_multiple_of(4096);
    let end = (start + size) & !4095;
    if end > first {
        // SAFETY: the pages lie inside a free slot of the reserved range.
        unsafe { libc::madvise(first as *mut _, end - first, libc::MADV_DONTNEED) };
    }
}

const MEMBARRIER_PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
const MEMBARRIER_REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

/// Asks for the right to use [`fence_all_threads`]. False where the system has no such thing.
pub(crate) fn register_fence() -> bool {
    // SAFETY: the system call has no memory arguments.
    unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0 }
}

/// A full memory fence on every running thread of the process.
pub(crate) fn fence_all_threads() {
    // SAFETY: the system call has no memory arguments.
    unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_PRIVATE_EXPEDITED, 0, 0) };
}

/// Loads a shared library from bytes, its symbols visible to libraries loaded later. Never unloaded.
pub(crate) fn load_image(name: &str, image: &[u8]) -> io::Result<libloading::os::unix::Library> {
    use std::io::Write as _;
    use std::os::fd::{AsRawFd as _, FromRawFd as _};
    let c_name = CString::new(name).map_err(io::Error::other)?;
    // SAFETY: plain system call; the descriptor is ours alone.
    let mut file = unsafe {
        let descriptor = libc::memfd_create(c_name.as_ptr(), libc::MFD_CLOEXEC);
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        std::fs::File::from_raw_fd(descriptor)
    };
    file.write_all(image)?;
    load(&format!("/proc/self/fd/{}", file.as_raw_fd()), libc::RTLD_NOW | libc::RTLD_GLOBAL).map_err(io::Error::other)
}

/// The `RTLD_*` flags that extension modules are loaded with (`sys.setdlopenflags`).
pub(crate) static DLOPEN_FLAGS: AtomicI32 = AtomicI32::new(libc::RTLD_NOW);

/// Loads a shared library from a path with the given `RTLD_*` flags.
pub(crate) fn load(path: &str, flags: i32) -> Result<libloading::os::unix::Library, libloading::Error> {
    // SAFETY: running the library's initialisers is what the caller asks for.
    unsafe { libloading::os::unix::Library::open(Some(path), flags) }
}

/// The thread's identity as `threading.get_ident` gives it.
pub(crate) fn thread_id() -> usize {
    // SAFETY: no arguments.
    unsafe { libc::pthread_self() as usize }
}

/// The system's number for the thread.
pub(crate) fn native_thread_id() -> usize {
    // SAFETY: no arguments.
    unsafe { libc::syscall(libc::SYS_gettid) as usize }
}

/// Where the stack's top was when a signal came.
///
/// # Safety
/// `context` is what the system gave the signal's handler.
pub(crate) unsafe fn stack_pointer(context: *mut std::ffi::c_void) -> usize {
    // SAFETY: by contract.
    unsafe { (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs[libc::REG_RSP as usize] as usize }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_memory_is_zero_and_discarded_pages_are_again() {
        const PAGE: usize = 4096;
        let start = reserve_memory(4 * PAGE).unwrap();
        // SAFETY: the memory is the test's own.
        let memory = unsafe { std::slice::from_raw_parts_mut(start as *mut u8, 4 * PAGE) };
        assert!(memory.iter().all(|byte| *byte == 0));
        memory.fill(1);
        discard_memory(start + 1, 3 * PAGE);
        // Only pages two and three were in the range as a whole.
        assert!(memory[..PAGE].iter().chain(&memory[3 * PAGE..]).all(|byte| *byte == 1));
        assert!(memory[PAGE..3 * PAGE].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn the_machine_has_memory() {
        assert!((1 << 20..=usize::MAX).contains(&memory_of_machine()));
        assert!(reserve_memory(usize::MAX / 2).is_err());
    }

    #[test]
    fn threads_have_numbers_of_their_own() {
        let here = (thread_id(), native_thread_id());
        let there = std::thread::spawn(|| (thread_id(), native_thread_id())).join().unwrap();
        assert_eq!(here, (thread_id(), native_thread_id()));
        assert!(here.0 != there.0 && here.1 != there.1);
    }
}
