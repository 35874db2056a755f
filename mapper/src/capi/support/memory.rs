//! Memory of Rust's for as much as C asks for, which may be more than there is.

use std::alloc::{Layout, alloc_zeroed};

use rustpython_vm::{PyResult, VirtualMachine};

use crate::heap::block::is_possible;

/// Types whose value of zero bits is a value.
pub(crate) trait Zero: Copy {}
impl Zero for u8 {}
impl Zero for u32 {}

/// A copy of bytes that C gave with a size.
///
/// # Errors
/// `MemoryError` for a size that no memory has.
pub(crate) fn copied(vm: &VirtualMachine, bytes: &[u8]) -> PyResult<Vec<u8>> {
    if is_possible(bytes.len()) { Ok(bytes.to_vec()) } else { Err(vm.no_memory_error()) }
}

/// `count` zeros, which take no memory before they are touched.
///
/// # Errors
/// `MemoryError`.
pub(crate) fn zeros<T: Zero>(vm: &VirtualMachine, count: usize) -> PyResult<Vec<T>> {
    let layout = Layout::array::<T>(count).ok().filter(|layout| is_possible(layout.size()));
    let layout = layout.ok_or_else(|| vm.no_memory_error())?;
    if layout.size() == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the layout is that of `count` values, and so is the memory's, which has a size and is given to one vector.
    unsafe {
        let start = alloc_zeroed(layout).cast::<T>();
        if start.is_null() { Err(vm.no_memory_error()) } else { Ok(Vec::from_raw_parts(start, count, count)) }
    }
}
