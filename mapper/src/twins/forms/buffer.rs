//! Descriptions of memory in the blocks of objects that have a buffer open: memory views and pickle buffers.

use std::collections::BTreeSet;
use std::ffi::{CString, c_char, c_int};
use std::sync::Mutex;

use rustpython_vm::protocol::{BufferFlags, PyBuffer};
use rustpython_vm::{PyObject, VirtualMachine};

use crate::abi::layout as c;
use crate::heap::block::Block;

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

/// Room for the shape and the strides of a buffer with as many dimensions as there may be (`PyBUF_MAX_NDIM`).
pub(crate) type Arrays = [isize; 2 * 64];

/// Describes a memory view's memory in its own `Py_buffer`, without opening it: the memory view has.
///
/// # Safety
/// `arrays` is the start of [`Arrays`].
pub(crate) unsafe fn describe(vm: &VirtualMachine, view: *mut c::Py_buffer, arrays: *mut isize, object: &PyObject) {
    let Ok(buffer) = PyBuffer::from_object(vm, object, BufferFlags::from_bits_truncate(FULL_RO)) else { return };
    let desc = &buffer.desc;
    let dimensions = desc.dim_desc.len();
    // SAFETY: by contract; the memory stays where it is while the memory view has it open.
    unsafe {
        let (shape, strides) = (arrays, arrays.add(dimensions));
        for (index, (length, stride, _)) in desc.dim_desc.iter().enumerate() {
            shape.add(index).write(*length as isize);
            strides.add(index).write(*stride);
        }
        *view = c::Py_buffer {
            buf: start(&buffer).cast(),
            obj: std::ptr::null_mut(),
            len: desc.len as isize,
            itemsize: desc.itemsize as isize,
            readonly: c_int::from(desc.readonly),
            ndim: dimensions as c_int,
            format: lasting(&desc.format).cast_mut(),
            shape,
            strides,
            suboffsets: std::ptr::null_mut(),
            internal: std::ptr::null_mut(),
        };
    }
}

/// Where a buffer's first element is.
pub(crate) unsafe fn start(buffer: &PyBuffer) -> *mut u8 {
    let start =
        if buffer.desc.readonly { buffer.obj_bytes().as_ptr().cast_mut() } else { buffer.obj_bytes_mut().as_mut_ptr() };
    // SAFETY: the exporter says so.
    unsafe { start.offset(buffer.desc.offset) }
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
