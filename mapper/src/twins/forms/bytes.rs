//! Bytes: the data lies behind the block's head, with a NUL behind the last byte.

use rustpython_vm::builtins::PyBytes;
use rustpython_vm::{PyObject, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::abi::statics::statics;
use crate::heap::block::{self, Block};
use crate::heap::form::{Form, Half, given};
use crate::twins::forms::object::allocate_derived;
use crate::twins::forms::payload::bound;

/// Bytes.
pub(super) static FORM: Form =
    Form { sizes: (33, 1), subclass_flag: c::tpflags::BYTES_SUBCLASS, make, value: Some(value), wrap, ..Form::EMPTY };

/// Offset of a bytes object's data.
pub const DATA: usize = std::mem::offset_of!(c::PyBytesObject, ob_sval);

/// A bytes block with a count of 1 and no twin. Null if memory is out.
///
/// # Safety
/// `class` is the block of `bytes` or of a subclass.
pub unsafe fn new_block(data: &[u8], class: *mut c::PyTypeObject) -> Block {
    // SAFETY: room for the data and a NUL behind the head.
    unsafe {
        let made = new_block_uninit(data.len(), class);
        if !made.is_null() {
            made.cast::<u8>().add(DATA).copy_from_nonoverlapping(data.as_ptr(), data.len());
        }
        made
    }
}

/// Like [`new_block`] with the data left as it comes. Null if memory is out.
///
/// # Safety
/// As for [`new_block`].
pub unsafe fn new_block_uninit(length: usize, class: *mut c::PyTypeObject) -> Block {
    let made = match length.checked_add(DATA + 1) {
        Some(size) if class == statics().bytes => block::allocate_uninit(size, 0),
        // SAFETY: by contract.
        Some(size) => unsafe { allocate_derived(class, size, length) },
        None => std::ptr::null_mut(),
    };
    if made.is_null() {
        return made;
    }
    // SAFETY: fresh memory of that size.
    unsafe {
        let object = made.cast::<c::PyBytesObject>();
        (*object).ob_base.ob_base = c::PyObject { ob_refcnt: 1, ob_overflow: 0, ob_flags: 0, ob_type: class };
        (*object).ob_base.ob_size = length as isize;
        (*object).ob_shash = -1;
        made.cast::<u8>().add(DATA + length).write(0);
    }
    made
}

/// The bytes of a bytes block.
///
/// # Safety
/// `block` is one and stays alive.
pub unsafe fn slice<'a>(block: Block) -> &'a [u8] {
    // SAFETY: by contract.
    unsafe {
        let length = (*block.cast::<c::PyVarObject>()).ob_size as usize;
        std::slice::from_raw_parts(block.cast::<u8>().add(DATA), length)
    }
}

unsafe fn make(_: &VirtualMachine, object: &PyObject, class: *mut c::PyTypeObject) -> Block {
    // SAFETY: the kind says what the payload is.
    let made = unsafe { new_block(object.downcast_unchecked_ref::<PyBytes>().as_bytes(), class) };
    assert!(!made.is_null(), "memory for bytes that are in memory already");
    made
}

unsafe fn value(vm: &VirtualMachine, block: Block, _: bool) -> PyResult {
    // SAFETY: a bytes block.
    given(vm.ctx.new_bytes(unsafe { slice(block) }.to_vec()))
}

unsafe fn wrap(_: &VirtualMachine, block: Block, half: Half) -> PyResult {
    // SAFETY: as above.
    let data = unsafe { slice(block) }.to_vec();
    Ok(bound(PyBytes::from(data), block, half))
}
