//! Bytes: the data lies behind the block's head, with a NUL behind the last byte. C code may write into bytes that it has
//! made, until Python has them and C has not. As long as C counts some that Python has seen, what it has written is handed on
//! to the managed bytes, in place: for both sides they are one memory.

use rustpython_vm::builtins::PyBytes;
use rustpython_vm::{PyObject, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::abi::statics::statics;
use crate::heap::block::{self, Block, flag, header};
use crate::heap::form::{Form, Half, Look, given};
use crate::lifetime::{handle, watched};
use crate::twins::forms::object::allocate_derived;
use crate::twins::forms::payload::bound;

/// Bytes.
pub(super) static FORM: Form = Form {
    sizes: (33, 1),
    subclass_flag: c::tpflags::BYTES_SUBCLASS,
    make,
    value: Some(value),
    wrap,
    wrapped: Some(wrapped),
    written: Some(hand_on),
    ..Form::EMPTY
};

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
    // C code may read the first character of empty bytes, however wide its characters are.
    let made = match length.max(7).checked_add(DATA + 1) {
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
        if length == 0 {
            made.cast::<u8>().add(DATA).cast::<u64>().write(0);
        }
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

unsafe fn wrapped(_: &VirtualMachine, block: Block, _: &PyObject) -> PyResult<()> {
    show(block);
    Ok(())
}

/// Python sees bytes that C counts.
pub(crate) fn show(block: Block) {
    if let Some(header) = header(block) {
        header.set(flag::SHOWN_BYTES);
        watched::watch(block, header);
    }
}

/// Whether the managed bytes are as long as the block's.
pub(crate) unsafe fn has_its_length(block: Block, twin: &PyObject) -> bool {
    // SAFETY: a bytes block and its twin.
    unsafe { twin.downcast_unchecked_ref::<PyBytes>().len() == slice(block).len() }
}

/// Hands on to the managed bytes what C code has written, as far as both are of one length.
unsafe fn hand_on(block: Block, _: Look) {
    // SAFETY: a bytes block and its twin, whose memory has that length. C code may write as long as nobody reads: what it
    // does while somebody does is its own fault here as in CPython.
    unsafe {
        let Some(twin) = handle::twin_of(block) else { return };
        let (now, then) = (slice(block), twin.downcast_unchecked_ref::<PyBytes>().as_bytes());
        if now.len() == then.len() && now != then {
            then.as_ptr().cast_mut().copy_from_nonoverlapping(now.as_ptr(), now.len());
        }
    }
}
