//! `pybuffer.h`: the buffer protocol.

use std::ffi::CString;

use super::prelude::*;
use crate::lifetime::thread;
use crate::twins::forms::bytearray;
use crate::twins::indirect::Memory;
use rustpython_vm::PyObject;
use rustpython_vm::builtins::{PyBytes, PyMemoryView, PyStr};
use rustpython_vm::protocol::{BufferFlags, PyBuffer};

/// Ways to look at C's own memory (`PyMemoryView_FromMemory`), which are no flags.
const READ: c_int = 0x100;
const WRITE: c_int = 0x200;
const WRITABLE: c_int = 1;
const SIMPLE: c_int = 0;
const FORMAT: c_int = 4;
const ND: c_int = 8;
const STRIDES: c_int = 0x10 | ND;
const INDIRECT: c_int = 0x100 | STRIDES;

/// Opens an exact bytearray's buffer, which needs no VM. False if that has to go the long way.
#[inline]
unsafe fn open_bytearray(object: Borrowed, view: *mut c::Py_buffer, flags: c_int) -> bool {
    // SAFETY: by the caller's contract a bytearray; its memory does not move while the view is open.
    unsafe {
        let Some(twin) = handle::twin_of(object.0) else { return false };
        let Some((start, length)) = bytearray::open(twin.downcast_unchecked_ref()) else { return false };
        fill(view, object, start.cast(), length as isize, false, flags);
        (*view).internal = (&raw const bytearray::MARK).cast_mut().cast();
    }
    true
}

/// What a view keeps of a managed buffer.
struct Kept {
    _buffer: PyBuffer,
    /// The block of the bytes that the memory is, or null.
    bytes: Block,
    format: Option<CString>,
    shape: Vec<isize>,
    strides: Vec<isize>,
    suboffsets: Vec<isize>,
}

/// Refuses flags that no exporter takes, and the view that older code leaves out to ask whether there is a buffer.
unsafe fn check_request(object: Borrowed, view: *mut c::Py_buffer, flags: c_int) -> c_int {
    api(|vm| {
        if flags == READ || flags == WRITE {
            return Err(bad_internal_call(vm));
        }
        // SAFETY: C's argument.
        if view.is_null() && unsafe { PyObject_CheckBuffer(object) } != 0 {
            let class = object.get(vm)?.class().name().to_string();
            let function = match class.as_str() {
                "bytearray" => "bytearray_getbuffer",
                "array" => "array_buffer_getbuf",
                _ => "PyBuffer_FillInfo",
            };
            return Err(vm.new_buffer_error(format!("{function}: view==NULL argument is obsolete")));
        }
        Ok(0)
    })
}

/// Opens an object's buffer. 0, or -1 with an exception.
pub unsafe extern "C" fn PyObject_GetBuffer(object: Borrowed, view: *mut c::Py_buffer, flags: c_int) -> c_int {
    // SAFETY: C's arguments.
    unsafe {
        if view.is_null() || flags & !0xFF != 0 {
            let own = Kind::of(object.0) == Kind::Instance && view.is_null();
            if !own && check_request(object, view, flags) < 0 {
                return -1;
            }
        }
        if (*object.0).ob_type == statics().bytes && flags & WRITABLE == 0 {
            let data = object.0.cast::<u8>().add(bytes::DATA);
            let length = (*object.0.cast::<c::PyVarObject>()).ob_size;
            return fill(view, object, data.cast(), length, true, flags);
        }
        if !view.is_null() {
            (*view).obj = std::ptr::null_mut();
        }
        if (*object.0).ob_type == statics().bytearray && open_bytearray(object, view, flags) {
            return 0;
        }
        let suite = (*(*object.0).ob_type).tp_as_buffer;
        if let Some(suite) = suite.as_ref()
            && let Some(get) = suite.bf_getbuffer
        {
            return get(object.0, view, flags);
        }
        api(|vm| open(vm, object, view, flags))
    }
}

const MANAGED: c::GetBufferProc = managed_buffer;

/// `bf_getbuffer` of managed types. 0, or -1 with an exception.
pub(crate) unsafe extern "C" fn managed_buffer(object: Block, view: *mut c::Py_buffer, flags: c_int) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe { open(vm, Borrowed(object), view, flags) })
}

/// Opens a managed object's buffer.
unsafe fn open(vm: &VirtualMachine, object: Borrowed, view: *mut c::Py_buffer, flags: c_int) -> PyResult<c_int> {
    let managed = object.get(vm)?;
    if managed.downcast_ref::<PyStr>().is_some() || managed.class().slots.as_buffer.load().is_none() {
        return Err(
            vm.new_type_error(format!("a bytes-like object is required, not '{}'", managed.class().slot_name()))
        );
    }
    let wanted = BufferFlags::from_bits_truncate((flags & 0x1FF) as u32);
    let buffer = leave(vm, || PyBuffer::from_object(vm, &managed, wanted))?;
    if flags & WRITABLE != 0 && buffer.desc.readonly {
        return Err(vm.new_buffer_error("Object is not writable."));
    }
    let memory = Memory::of(&buffer);
    if !memory.suboffsets.is_empty() && flags & INDIRECT != INDIRECT {
        return Err(vm.new_buffer_error("memoryview: underlying buffer requires suboffsets"));
    }
    // A memory view is on the memory of what it was made of.
    let base = if managed.downcastable::<PyMemoryView>() { managed.get_attr("obj", vm)? } else { managed };
    let (bytes, start) = in_block(&base, memory.start);
    let dimensions = memory.shape.len();
    let (length, itemsize) = (buffer.desc.len as isize, buffer.desc.itemsize as isize);
    let readonly = buffer.desc.readonly;
    let format = CString::new(&*memory.format).ok();
    let (shape, strides, suboffsets) = (memory.shape, memory.strides, memory.suboffsets);
    let kept = Box::new(Kept { bytes, format, shape, strides, suboffsets, _buffer: buffer });
    let or_null = |wanted: c_int, list: &Vec<isize>| {
        if flags & wanted == wanted && !list.is_empty() { list.as_ptr().cast_mut() } else { std::ptr::null_mut() }
    };
    // SAFETY: C's arguments; the memory stays where it is while the buffer is open, which `Kept` says.
    unsafe {
        *view = c::Py_buffer {
            buf: start.cast(),
            obj: object.again().0,
            len: length,
            itemsize,
            readonly: c_int::from(readonly),
            ndim: dimensions as c_int,
            format: match &kept.format {
                Some(format) if flags & FORMAT != 0 => format.as_ptr().cast_mut(),
                _ => std::ptr::null_mut(),
            },
            shape: or_null(ND, &kept.shape),
            strides: or_null(STRIDES, &kept.strides),
            suboffsets: or_null(INDIRECT, &kept.suboffsets),
            internal: Box::into_raw(kept).cast(),
        };
    }
    Ok(0)
}

/// Memory of bytes that C counts is their block's, for C code writes there; the block is held.
fn in_block(base: &PyObject, start: *mut u8) -> (Block, *mut u8) {
    let nothing = (std::ptr::null_mut(), start);
    let Some(managed) = base.downcast_ref::<PyBytes>().map(|bytes| bytes.as_bytes()) else { return nothing };
    let offset = (start as usize).wrapping_sub(managed.as_ptr() as usize);
    let Some(block) = handle::block_of(base) else { return nothing };
    // SAFETY: a live block of bytes, which has as many as the managed ones and one more.
    unsafe {
        if handle::count(block) == 0 || (*block).ob_type != statics().bytes || offset > managed.len() {
            return nothing;
        }
        handle::hold(block, base);
        (block, block.cast::<u8>().add(bytes::DATA + offset))
    }
}

/// Fills a view of plain bytes.
unsafe fn fill(
    view: *mut c::Py_buffer,
    object: Borrowed,
    data: *mut c_void,
    length: isize,
    readonly: bool,
    flags: c_int,
) -> c_int {
    // SAFETY: C's arguments; shape and strides point into the view itself.
    unsafe {
        let null = std::ptr::null_mut();
        *view = c::Py_buffer {
            buf: data,
            obj: if object.is_null() { std::ptr::null_mut() } else { object.again().0 },
            len: length,
            itemsize: 1,
            readonly: c_int::from(readonly),
            ndim: 1,
            format: if flags & FORMAT != 0 { c"B".as_ptr().cast_mut() } else { std::ptr::null_mut() },
            shape: if flags & ND != 0 { &raw mut (*view).len } else { null },
            strides: if flags & STRIDES == STRIDES { &raw mut (*view).itemsize } else { null },
            suboffsets: null,
            internal: std::ptr::null_mut(),
        };
    }
    0
}

/// The suite of a type whose buffers C code opens itself.
unsafe fn own_suite(object: Block) -> Option<&'static c::PyBufferProcs> {
    // SAFETY: a live object's type lives, with its suite.
    let suite = unsafe { (*(*object).ob_type).tp_as_buffer.as_ref() };
    suite.filter(|suite| suite.bf_getbuffer.is_some_and(|f| !std::ptr::fn_addr_eq(f, MANAGED)))
}

/// Closes a view; one that is closed, or was never opened, is left alone.
pub unsafe extern "C" fn PyBuffer_Release(view: *mut c::Py_buffer) {
    // SAFETY: C's argument.
    unsafe {
        let object = (*view).obj;
        if object.is_null() {
            return;
        }
        if std::ptr::eq((*view).internal.cast(), &raw const bytearray::MARK) {
            if let Some(twin) = handle::twin_of(object) {
                bytearray::close(twin.downcast_unchecked_ref());
            }
        } else if let Some(suite) = own_suite(object) {
            if let Some(release) = suite.bf_releasebuffer {
                release(object, view);
            }
        } else if !(*view).internal.is_null() {
            let kept = Box::from_raw((*view).internal.cast::<Kept>());
            (*view).internal = std::ptr::null_mut();
            dealloc::xdecref(kept.bytes);
            thread::outside(|| drop(kept));
        }
        (*view).obj = std::ptr::null_mut();
        dealloc::decref(object);
    }
}

/// Whether an object has a buffer.
pub unsafe extern "C" fn PyObject_CheckBuffer(object: Borrowed) -> c_int {
    // SAFETY: C's argument.
    let own = unsafe { (*(*object.0).ob_type).tp_as_buffer.as_ref().is_some_and(|suite| suite.bf_getbuffer.is_some()) };
    if own {
        return 1;
    }
    infallible(0, |vm| Ok(c_int::from(object.get(vm)?.class().slots.as_buffer.load().is_some())))
}

/// Fills a view of plain bytes, for a type's own `bf_getbuffer`. 0, or -1 with an exception.
pub unsafe extern "C" fn PyBuffer_FillInfo(
    view: *mut c::Py_buffer,
    object: Borrowed,
    data: *mut c_void,
    length: isize,
    readonly: c_int,
    flags: c_int,
) -> c_int {
    if view.is_null() {
        return api(|vm| Err(vm.new_buffer_error("PyBuffer_FillInfo: view==NULL argument is obsolete")));
    }
    if flags == READ || flags == WRITE {
        return api(|vm| Err(bad_internal_call(vm)));
    }
    if flags & WRITABLE != 0 && readonly == 1 {
        return api(|vm| Err(vm.new_buffer_error("Object is not writable.")));
    }
    // SAFETY: C's arguments.
    unsafe { fill(view, object, data, length, readonly != 0, flags) }
}

/// Whether a view's memory is one piece in C's order (`C`), Fortran's (`F`) or either (`A`).
pub unsafe extern "C" fn PyBuffer_IsContiguous(view: *const c::Py_buffer, order: c_char) -> c_int {
    // SAFETY: C's argument.
    unsafe {
        let view = &*view;
        if !view.suboffsets.is_null() {
            return 0;
        }
        let c_order = || view.len == 0 || view.strides.is_null() || in_order(view, true);
        // Without strides, items lie in C's order, which is Fortran's, too, if only one dimension is longer than 1.
        let fortran = || {
            view.len == 0
                || if view.strides.is_null() {
                    view.ndim <= 1 || long_dimensions(view) <= 1
                } else {
                    in_order(view, false)
                }
        };
        c_int::from(match order as u8 {
            b'C' => c_order(),
            b'F' => fortran(),
            b'A' => c_order() || fortran(),
            _ => false,
        })
    }
}

/// How many dimensions of a view have more than one item.
unsafe fn long_dimensions(view: &c::Py_buffer) -> usize {
    // SAFETY: C's view, which has a shape.
    unsafe { std::slice::from_raw_parts(view.shape, view.ndim as usize) }.iter().filter(|length| **length > 1).count()
}

/// Whether a view's strides are those of items in one piece, the last dimension fastest if it is C's order.
unsafe fn in_order(view: &c::Py_buffer, c_order: bool) -> bool {
    let dimensions = view.ndim.max(0) as usize;
    let mut step = view.itemsize;
    (0..dimensions).all(|index| {
        let index = if c_order { dimensions - 1 - index } else { index };
        // SAFETY: C's view, whose lists have an entry a dimension.
        let (length, stride) = unsafe { (*view.shape.add(index), *view.strides.add(index)) };
        let fits = length <= 1 || stride == step;
        step *= length;
        fits
    })
}

/// Where an item is: `indices` has one number a dimension.
pub unsafe extern "C" fn PyBuffer_GetPointer(view: *const c::Py_buffer, indices: *const isize) -> *mut c_void {
    // SAFETY: C's arguments: each list has an entry a dimension.
    unsafe {
        let view = &*view;
        let mut at = view.buf.cast::<u8>();
        for dimension in 0..view.ndim as usize {
            at = at.offset(*view.strides.add(dimension) * *indices.add(dimension));
            if !view.suboffsets.is_null() && *view.suboffsets.add(dimension) >= 0 {
                at = at.cast::<*mut u8>().read().offset(*view.suboffsets.add(dimension));
            }
        }
        at.cast()
    }
}

/// The size of an item of a format, in bytes; -1 with an exception.
pub unsafe extern "C" fn PyBuffer_SizeFromFormat(format: *const c_char) -> isize {
    api(|vm| {
        // SAFETY: C's argument.
        let format = unsafe { text::of_c(format) };
        let size = leave(vm, || vm.import("struct", 0)?.get_attr("calcsize", vm)?.call((format,), vm))?;
        leave(vm, || size.try_index(vm))?.try_to_primitive::<isize>(vm)
    })
}

/// Calls `each` with the place of every item of a view, the last dimension fastest in C's order, the first in Fortran's.
unsafe fn each_item(view: &c::Py_buffer, order: c_char, mut each: impl FnMut(*mut u8)) {
    // SAFETY: C's view, open and complete (or of bytes in one piece).
    unsafe {
        let dimensions = view.ndim.max(0) as usize;
        if view.shape.is_null() {
            for offset in (0..view.len).step_by(view.itemsize.max(1) as usize) {
                each(view.buf.cast::<u8>().offset(offset));
            }
            return;
        }
        let mut in_one_piece = vec![0; dimensions];
        let mut view = *view;
        if view.strides.is_null() {
            let itemsize = view.itemsize as c_int;
            PyBuffer_FillContiguousStrides(view.ndim, view.shape, in_one_piece.as_mut_ptr(), itemsize, b'C' as c_char);
            view.strides = in_one_piece.as_mut_ptr();
        }
        let shape = std::slice::from_raw_parts(view.shape, dimensions);
        if shape.contains(&0) {
            return;
        }
        let mut indices = vec![0isize; dimensions];
        loop {
            each(PyBuffer_GetPointer(&view, indices.as_ptr()).cast());
            let mut rolled = 0;
            loop {
                if rolled == dimensions {
                    return;
                }
                let dimension = if order as u8 == b'F' { rolled } else { dimensions - 1 - rolled };
                indices[dimension] += 1;
                if indices[dimension] < shape[dimension] {
                    break;
                }
                indices[dimension] = 0;
                rolled += 1;
            }
        }
    }
}

/// Copies a view's items into one piece of `length` bytes. 0, or -1 with an exception.
pub unsafe extern "C" fn PyBuffer_ToContiguous(
    to: *mut c_void,
    view: *const c::Py_buffer,
    length: isize,
    order: c_char,
) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        if length != (*view).len {
            return Err(vm.new_value_error("PyBuffer_ToContiguous: len != view->len"));
        }
        let (size, mut to) = ((*view).itemsize as usize, to.cast::<u8>());
        if PyBuffer_IsContiguous(view, order) != 0 {
            to.copy_from_nonoverlapping((*view).buf.cast(), length as usize);
            return Ok(0);
        }
        each_item(&*view, order, |item| {
            to.copy_from_nonoverlapping(item, size);
            to = to.add(size);
        });
        Ok(0)
    })
}

/// Copies one piece of `length` bytes into a view's items. 0.
pub unsafe extern "C" fn PyBuffer_FromContiguous(
    view: *const c::Py_buffer,
    from: *const c_void,
    length: isize,
    order: c_char,
) -> c_int {
    // SAFETY: C's arguments.
    unsafe {
        let (size, mut from) = ((*view).itemsize as usize, from.cast::<u8>());
        let length = length.clamp(0, (*view).len) as usize;
        if PyBuffer_IsContiguous(view, order) != 0 {
            std::ptr::copy(from, (*view).buf.cast(), length);
            return 0;
        }
        let mut left = length / size.max(1);
        each_item(&*view, order, |item| {
            if left > 0 {
                std::ptr::copy(from, item, size);
                from = from.add(size);
                left -= 1;
            }
        });
        0
    }
}

/// Fills in the strides of items that lie in one piece.
pub unsafe extern "C" fn PyBuffer_FillContiguousStrides(
    dimensions: c_int,
    shape: *const isize,
    strides: *mut isize,
    itemsize: c_int,
    order: c_char,
) {
    let dimensions = dimensions.max(0) as usize;
    let mut step = itemsize as isize;
    for index in 0..dimensions {
        let index = if order as u8 == b'F' { index } else { dimensions - 1 - index };
        // SAFETY: C's arguments: an entry a dimension.
        unsafe {
            *strides.add(index) = step;
            step *= *shape.add(index);
        }
    }
}

/// Copies the bytes of one object's buffer into another's. 0, or -1 with an exception.
pub unsafe extern "C" fn PyObject_CopyData(to: Borrowed, from: Borrowed) -> c_int {
    const FULL: c_int = 0x11D;
    const FULL_READ_ONLY: c_int = 0x11C;
    // SAFETY: C's arguments; fresh views, closed at the end.
    unsafe {
        let (mut target, mut source): (c::Py_buffer, c::Py_buffer) = (std::mem::zeroed(), std::mem::zeroed());
        if PyObject_CheckBuffer(to) == 0 || PyObject_CheckBuffer(from) == 0 {
            let wrong = "both destination and source must be bytes-like objects";
            return api(|vm| Err(vm.new_type_error(wrong)));
        }
        if PyObject_GetBuffer(to, &mut target, FULL) != 0 {
            return -1;
        }
        if PyObject_GetBuffer(from, &mut source, FULL_READ_ONLY) != 0 {
            PyBuffer_Release(&mut target);
            return -1;
        }
        let status = api(|vm| {
            if target.len < source.len {
                return Err(vm.new_buffer_error("destination is too small to receive data from source"));
            }
            let mut bytes = vec![0u8; source.len as usize];
            let fortran = b'F' as c_char;
            let both = PyBuffer_IsContiguous(&target, fortran) != 0 && PyBuffer_IsContiguous(&source, fortran) != 0;
            let order = if both { fortran } else { b'C' as c_char };
            PyBuffer_ToContiguous(bytes.as_mut_ptr().cast(), &source, source.len, order);
            Ok(PyBuffer_FromContiguous(&target, bytes.as_ptr().cast(), source.len, order))
        });
        PyBuffer_Release(&mut source);
        PyBuffer_Release(&mut target);
        status
    }
}

/// The memory of an object, opened and closed again. 0, or -1 with an exception.
unsafe fn glance(object: Borrowed, memory: *mut *mut c_void, size: *mut isize, flags: c_int) -> c_int {
    // SAFETY: C's arguments; a `Py_buffer` may be all zero.
    unsafe {
        if object.is_null() || memory.is_null() || size.is_null() {
            return api(|vm| Err(vm.new_system_error("null argument to internal routine")));
        }
        let mut view: c::Py_buffer = std::mem::zeroed();
        if PyObject_GetBuffer(object, &mut view, flags) < 0 {
            return -1;
        }
        *memory = view.buf;
        *size = view.len;
        PyBuffer_Release(&mut view);
        0
    }
}

/// An object's memory without keeping it open: from before there were views. 0, or -1 with an exception.
pub unsafe extern "C" fn PyObject_AsReadBuffer(object: Borrowed, memory: *mut *mut c_void, size: *mut isize) -> c_int {
    // SAFETY: C's arguments.
    unsafe { glance(object, memory, size, SIMPLE) }
}

/// [`PyObject_AsReadBuffer`].
pub unsafe extern "C" fn PyObject_AsCharBuffer(object: Borrowed, memory: *mut *mut c_void, size: *mut isize) -> c_int {
    // SAFETY: C's arguments.
    unsafe { glance(object, memory, size, SIMPLE) }
}

/// [`PyObject_AsReadBuffer`] for memory that may be written to.
pub unsafe extern "C" fn PyObject_AsWriteBuffer(object: Borrowed, memory: *mut *mut c_void, size: *mut isize) -> c_int {
    // SAFETY: C's arguments.
    let status = unsafe { glance(object, memory, size, WRITABLE) };
    if status < 0 && !object.is_null() {
        error::set_block(std::ptr::null_mut());
        return api(|vm| Err(vm.new_type_error("expected a writable bytes-like object")));
    }
    status
}

/// Whether an object's memory can be read.
pub unsafe extern "C" fn PyObject_CheckReadBuffer(object: Borrowed) -> c_int {
    let (mut memory, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: C's argument.
    let status = unsafe { glance(object, &mut memory, &mut size, SIMPLE) };
    if status < 0 {
        error::set_block(std::ptr::null_mut());
    }
    c_int::from(status == 0)
}
