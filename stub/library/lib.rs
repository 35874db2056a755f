//! `libpython3.14.so.1.0` without Python behind it: every symbol that CPython's library exports, each function one jump
//! through a table, each datum of CPython's size, and [`rustclad_stub_init`], which has both filled in.
//!
//! The build script compiles this file by itself, on top of the list of symbols it makes from `api.tsv`. The library
//! knows nothing of RustPython, allocates nothing and needs no other library.
#![no_std]
#![allow(non_upper_case_globals, non_snake_case, reason = "names are CPython's")]

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::sync::atomic::{AtomicU8, Ordering};

#[cfg(target_arch = "x86_64")]
#[path = "x86_64.rs"]
#[macro_use]
mod arch;

/// Static data that C code may write: CPython's symbols are plain globals.
#[repr(transparent)]
struct Data<T>(UnsafeCell<T>);

// SAFETY: the library never touches the contents itself; who does, holds the mapper's C lock as CPython's users hold the GIL.
unsafe impl<T> Sync for Data<T> {}

/// A name as the library passes it to the two functions of [`rustclad_stub_init`].
type Name = (*const u8, usize);
/// Gives the address that stands behind a function or a `PyExc_*` pointer. Never NULL for a function.
type AddressGetter = unsafe extern "C" fn(name: *const u8, length: usize) -> *const c_void;
/// Fills `size` bytes of static data at `address`.
type DataSetter = unsafe extern "C" fn(name: *const u8, length: usize, address: *mut c_void, size: usize);

/// Jump targets, written once by [`rustclad_stub_init`] before any of the functions can be called.
#[repr(transparent)]
struct Targets(UnsafeCell<[*const c_void; FUNCTIONS]>);

// SAFETY: written once, under `STATE`, before use.
unsafe impl Sync for Targets {}

static TARGETS: Targets = Targets(UnsafeCell::new([core::ptr::null(); FUNCTIONS]));

include!(env!("RUSTCLAD_STUB_SYMBOLS"));

const NEW: u8 = 0;
const RUNNING: u8 = 1;
const DONE: u8 = 2;
static STATE: AtomicU8 = AtomicU8::new(NEW);

/// Fills the jump table, the pointers and the data. Returns 0, or 1 if it was called before: once only, and complete.
///
/// # Safety
/// Both functions must answer for every name of `api.tsv`; no other exported function may run before this one returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rustclad_stub_init(address_of: AddressGetter, set_data: DataSetter) -> i32 {
    if STATE.compare_exchange(NEW, RUNNING, Ordering::Acquire, Ordering::Relaxed).is_err() {
        return 1;
    }
    let targets = TARGETS.0.get().cast::<*const c_void>();
    for (index, (name, length)) in FUNCTION_NAMES.into_iter().enumerate() {
        // SAFETY: `index` is below FUNCTIONS, and STATE makes this the only writer.
        unsafe { targets.add(index).write(address_of(name, length)) };
    }
    for ((name, length), address, size, is_pointer) in data_symbols() {
        // SAFETY: `address` and `size` are those of a `Data` above.
        unsafe {
            if is_pointer {
                address.cast::<*const c_void>().write(address_of(name, length));
            } else {
                set_data(name, length, address, size);
            }
        }
    }
    STATE.store(DONE, Ordering::Release);
    0
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}
