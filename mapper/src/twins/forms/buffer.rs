//! Descriptions of memory in the blocks of objects that have a buffer open: memory views and pickle buffers.

use std::collections::BTreeSet;
use std::ffi::{CString, c_char, c_int};
use std::sync::Mutex;

use rustpython_vm::builtins::{PyBytes, PyMemoryView, PySlice};
use rustpython_vm::protocol::{BufferFlags, PyBuffer};
use rustpython_vm::{PyObject, PyObjectRef, PyPayload as _, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::gaps::memoryview::MOST_DIMENSIONS;
use crate::gaps::memoryview::indirect::Memory;
use crate::heap::block::{Block, Header, flag};
use crate::lifetime::thread::leave;
use crate::lifetime::{dealloc, handle, managed};
use crate::twins::forms::bytes;
use crate::twins::lend::lend;

/// `PyBUF_FULL_RO`.
const FULL_RO: u32 = 0x11C;

/// `PyPickleBufferObject`, with room for the numbers that its `Py_buffer` points to.
#[repr(C)]
pub(crate) struct PickleBuffer {
    ob_base: c::PyObject,
    pub(crate) view: c::Py_buffer,
    weakrefs: Block,
    pub(crate) arrays: Arrays,
}

/// Room for the shape, the strides and the suboffsets of a buffer with as many dimensions as there may be (`PyBUF_MAX_NDIM`).
pub(crate) type Arrays = [isize; 3 * MOST_DIMENSIONS];

/// Where memory that a memory view shows of bytes is in their block, if C has them: for C both are one memory. The view's
/// block, `owner`, borrows it.
unsafe fn in_block(vm: &VirtualMachine, owner: Block, object: &PyObject, start: *mut u8) -> Option<*mut u8> {
    let object = object.downcast_ref::<PyMemoryView>()?.viewed_object();
    let data = object.downcast_ref::<PyBytes>()?.as_bytes();
    let offset = (start as usize).wrapping_sub(data.as_ptr() as usize);
    if offset > data.len() || handle::block_of(object).is_none() {
        return None;
    }
    let block = lend(vm, owner, object);
    // SAFETY: the block of bytes, borrowed.
    unsafe { bytes::has_its_length(block, object).then(|| block.cast::<u8>().add(bytes::DATA + offset)) }
}

/// Describes the memory of a memory view, whose block is `owner`, in its own `Py_buffer`, without opening it: the memory view
/// has.
///
/// # Safety
/// `arrays` is the start of [`Arrays`].
pub(crate) unsafe fn describe(
    vm: &VirtualMachine,
    owner: Block,
    view: *mut c::Py_buffer,
    arrays: *mut isize,
    object: &PyObject,
) {
    let Ok(buffer) = PyBuffer::from_object(vm, object, BufferFlags::from_bits_truncate(FULL_RO)) else { return };
    let memory = Memory::of(&buffer);
    if memory.shape.len() > MOST_DIMENSIONS {
        return;
    }
    let mut at = arrays;
    let mut put = |list: &[isize]| {
        if list.is_empty() {
            return std::ptr::null_mut();
        }
        let place = at;
        // SAFETY: by contract there is room for three lists of as many numbers as a buffer has dimensions.
        unsafe {
            place.copy_from_nonoverlapping(list.as_ptr(), list.len());
            at = at.add(list.len());
        }
        place
    };
    let (shape, strides, suboffsets) = (put(&memory.shape), put(&memory.strides), put(&memory.suboffsets));
    // SAFETY: by contract; the memory stays where it is while the memory view has it open.
    unsafe {
        let start = in_block(vm, owner, object, memory.start).unwrap_or(memory.start);
        *view = c::Py_buffer {
            buf: start.cast(),
            obj: std::ptr::null_mut(),
            len: buffer.desc.len as isize,
            itemsize: buffer.desc.itemsize as isize,
            readonly: c_int::from(buffer.desc.readonly),
            ndim: memory.shape.len() as c_int,
            format: lasting(&memory.format).cast_mut(),
            shape,
            strides,
            suboffsets,
            internal: std::ptr::null_mut(),
        };
    }
}

/// A format as a C string that lives as long as the process. There are not many different ones.
pub(crate) fn lasting(format: &str) -> *const c_char {
    static KNOWN: Mutex<BTreeSet<CString>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let format = CString::new(format).unwrap_or_default();
    match known.get(&format) {
        Some(known) => known.as_ptr(),
        None => {
            let text = format.as_ptr();
            known.insert(format);
            text
        }
    }
}

/// The managed view for a block whose `Py_buffer` C code may have narrowed or closed to writing since, as `_pickle` does: then
/// it is another one, of that part.
///
/// # Safety
/// `block` is a memory view's, `twin` its twin.
pub(crate) unsafe fn narrowed(vm: &VirtualMachine, block: Block, header: &Header, twin: &PyObject) -> PyResult {
    let twin = twin.to_owned();
    let mut arrays: Arrays = [0; _];
    // SAFETY: by contract; zeros are a view of nothing.
    unsafe {
        let mut known: c::Py_buffer = std::mem::zeroed();
        describe(vm, block, &mut known, arrays.as_mut_ptr(), &twin);
        let now = &(*block.cast::<c::PyMemoryViewObject>()).view;
        let (size, start) = (known.itemsize, now.buf as isize - known.buf as isize);
        let is_part = || {
            let is_row = now.ndim == 1 && known.ndim == 1 && size > 0 && *known.strides == size;
            is_row && start >= 0 && now.len >= 0 && start % size == 0 && start + now.len <= known.len
        };
        let is_narrowed = (now.buf, now.len) != (known.buf, known.len) && is_part();
        let is_closed = now.readonly != 0 && known.readonly == 0;
        let part = if is_narrowed {
            let at = |bytes: isize| PyObjectRef::from(vm.ctx.new_int(bytes / size));
            let part = PySlice { start: Some(at(start)), stop: at(start + now.len), step: None }.into_pyobject(vm);
            leave(vm, || twin.get_item(&*part, vm))?
        } else if is_closed {
            twin.clone()
        } else {
            return Ok(twin);
        };
        let part = if is_closed { leave(vm, || vm.call_method(&part, "toreadonly", ()))? } else { part };
        handle::untie(&*twin);
        header.set_twin(std::ptr::null());
        if header.has(flag::OWNS_TWIN) {
            header.unset(flag::OWNS_TWIN);
            dealloc::drop_twin(&*twin);
        }
        managed::drop_managed(twin);
        handle::tie(block, &part);
        if (*block).ob_refcnt > 0 {
            handle::adopt(block, &part);
        }
        Ok(part)
    }
}
