//! Bytearrays and their open views. The VM counts in each bytearray how many buffers show its memory, which does not
//! move as long as there are any. A buffer object of the VM's for each view that C opens would cost more than the call
//! that opens it, so views count themselves there.
//!
//! LAYOUT: where the count lies is the VM's secret. `prepare` finds it out by watching a bytearray while a buffer is
//! open; if it cannot, views take the long way (see `capi::pybuffer`).

use std::ffi::c_char;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustpython_vm::builtins::PyByteArray;
use rustpython_vm::protocol::{BufferFlags, PyBuffer};
use rustpython_vm::vm::thread::try_with_current_vm;
use rustpython_vm::{AsObject, Py, PyObject, VirtualMachine};

use crate::abi::layout as c;
use crate::heap::block::Block;
use crate::heap::form::{Form, Look};
use crate::lifetime::handle;
use crate::twins::forms::object::new_block;

/// Bytearrays. C makes none but through the VM.
pub(super) static FORM: Form = Form {
    sizes: (size_of::<c::PyByteArrayObject>(), 0),
    make,
    refresh: Some(refresh),
    touched: Some(refresh),
    written: Some(written),
    caught_up: Some(caught_up),
    ..Form::EMPTY
};

unsafe fn make(vm: &VirtualMachine, object: &PyObject, class: *mut c::PyTypeObject) -> Block {
    // SAFETY: a fresh block of its class's size.
    unsafe {
        let made = new_block(class);
        refresh(vm, made, object);
        made
    }
}

/// Points a bytearray's block at the managed buffer, which moves when the array grows.
///
/// # Safety
/// `block` is a bytearray's, `object` its twin.
pub(crate) unsafe fn refresh(_: &VirtualMachine, block: Block, object: &PyObject) {
    // SAFETY: by contract.
    unsafe {
        let array = object.downcast_unchecked_ref::<PyByteArray>();
        let mut buffer = array.borrow_buf_mut();
        // C code relies on a NUL behind the last byte; an open buffer's memory must not move, and has its NUL.
        let length = buffer.len();
        if buffer.capacity() == length {
            buffer.reserve_exact(1);
        }
        buffer.spare_capacity_mut()[0].write(0);
        let start = buffer.as_mut_ptr().cast::<c_char>();
        let made = block.cast::<c::PyByteArrayObject>();
        (*made).ob_base.ob_size = length as isize;
        (*made).ob_alloc = buffer.capacity() as isize;
        (*made).ob_bytes = start;
        (*made).ob_start = start;
    }
}

/// C code has made the bytearray shorter by hand (`Py_SET_SIZE`), as it may where it has the only reference.
unsafe fn written(block: Block, _: Look) {
    // SAFETY: by contract.
    unsafe {
        let length = (*block.cast::<c::PyVarObject>()).ob_size;
        let Some(array) = handle::twin_of(block).and_then(|twin| twin.downcast_ref::<PyByteArray>()) else { return };
        if length >= 0 && (length as usize) < array.borrow_buf().len() {
            try_with_current_vm(|vm| {
                // While its memory is looked at elsewhere, CPython would not have it shorter either.
                let _ = array.resize(length, vm);
                refresh(vm, block, array.as_object());
            });
        }
    }
}

unsafe fn caught_up(vm: &VirtualMachine, block: Block, object: &PyObject, _: Look) -> bool {
    // SAFETY: by contract.
    unsafe { refresh(vm, block, object) };
    true
}

/// The count's offset in the payload, in bytes; [`UNKNOWN`] before it was found out.
static OFFSET: AtomicUsize = AtomicUsize::new(UNKNOWN);
const UNKNOWN: usize = usize::MAX;

/// Finds out where the count is. Once, when the stub is filled.
pub(crate) fn prepare(vm: &VirtualMachine) {
    let array = vm.ctx.new_bytearray(vec![0; 8]);
    let words = || -> Vec<usize> {
        let payload = std::ptr::from_ref::<PyByteArray>(&array).cast::<usize>();
        // SAFETY: inside the payload, which nobody else knows; padding reads as something.
        (0..size_of::<PyByteArray>() / size_of::<usize>())
            .map(|index| unsafe { payload.add(index).read_volatile() })
            .collect()
    };
    let closed = words();
    let Ok(one) = PyBuffer::from_object(vm, array.as_object(), BufferFlags::SIMPLE) else { return };
    let open = words();
    let Ok(two) = PyBuffer::from_object(vm, array.as_object(), BufferFlags::SIMPLE) else { return };
    let twice = words();
    drop((one, two));
    let again = words();
    let counts = |index: &usize| closed[*index] == 0 && open[*index] == 1 && twice[*index] == 2 && again[*index] == 0;
    let found: Vec<usize> = (0..closed.len()).filter(counts).collect();
    if let [index] = found[..] {
        OFFSET.store(index * size_of::<usize>(), Ordering::Relaxed);
    }
}

/// The number of a bytearray's open views.
#[inline]
fn exports(array: &Py<PyByteArray>) -> Option<&AtomicUsize> {
    let offset = OFFSET.load(Ordering::Relaxed);
    (offset != UNKNOWN).then(|| {
        let payload = std::ptr::from_ref::<PyByteArray>(array).cast::<u8>();
        // SAFETY: `prepare` saw the VM count there; it is one word, and aligned.
        unsafe { &*payload.add(offset).cast::<AtomicUsize>() }
    })
}

/// Opens a bytearray: where its memory is, and its length in bytes. None if that cannot be done here.
#[inline]
pub(crate) fn open(array: &Py<PyByteArray>) -> Option<(*mut u8, usize)> {
    // Counted before the look at the memory: whoever resizes holds the lock and saw no view before he took it.
    exports(array)?.fetch_add(1, Ordering::SeqCst);
    let bytes = array.borrow_buf();
    Some((bytes.as_ptr().cast_mut(), bytes.len()))
}

/// Closes what [`open`] opened.
#[inline]
pub(crate) fn close(array: &Py<PyByteArray>) {
    if let Some(exports) = exports(array) {
        exports.fetch_sub(1, Ordering::Release);
    }
}

/// What a view has in `internal` that was opened here.
pub(crate) static MARK: u8 = 0;
