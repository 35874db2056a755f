//! Buffers of C's as Python sees them: a [`PyBuffer`] over a `Py_buffer` that C code filled in.

use std::alloc::{Layout, alloc, dealloc};
use std::borrow::Cow;
use std::ffi::CStr;

use rustpython_vm::builtins::{PyType, PyTypeRef};
use rustpython_vm::common::borrow::{BorrowedValue, BorrowedValueMut};
use rustpython_vm::protocol::{BufferDescriptor, BufferFlags, BufferMethods, PyBuffer};
use rustpython_vm::vm::thread::with_current_vm;
use rustpython_vm::{Py, PyObject, PyObjectRef, PyRef, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::capi;
use crate::gaps::memoryview::formats;
use crate::gaps::memoryview::indirect::Copied;
use crate::gaps::wrappers::make_wrappers;
use crate::lifetime::dealloc::decref;
use crate::lifetime::thread;
use crate::twins::retrieve::retrieve;
use crate::twins::{error, store};

/// A view and where its memory begins and ends. The text of its format, or what stands in for it, follows in the same piece
/// of memory: the VM's buffer has no room for a pointer of ours, but carries the format's.
struct Export {
    view: c::Py_buffer,
    start: *mut u8,
    length: usize,
    format: usize,
    /// What the VM sees instead, if items are behind pointers.
    copy: Option<Box<Copied>>,
}

impl Export {
    fn layout(format: usize) -> Layout {
        let (layout, _) = Layout::new::<Self>().extend(Layout::array::<u8>(format).expect("small")).expect("small");
        layout
    }

    /// The export behind a buffer that [`open`] made.
    fn of(buffer: &PyBuffer) -> *mut Self {
        // SAFETY: `new` put the text right behind the export.
        unsafe { buffer.desc.format.as_ptr().cast_mut().sub(size_of::<Self>()).cast() }
    }
}

static METHODS: BufferMethods = BufferMethods {
    obj_bytes: |buffer| {
        // SAFETY: the memory stays as long as the view is open.
        BorrowedValue::Ref(unsafe {
            let export = &*Export::of(buffer);
            match &export.copy {
                Some(copy) => copy.bytes(),
                None => std::slice::from_raw_parts(export.start, export.length),
            }
        })
    },
    obj_bytes_mut: |buffer| {
        // SAFETY: as above; C code shares it, as it would under CPython.
        BorrowedValueMut::RefMut(unsafe {
            let export = &*Export::of(buffer);
            match &export.copy {
                Some(copy) => copy.bytes_mut(),
                None => std::slice::from_raw_parts_mut(export.start, export.length),
            }
        })
    },
    release: |buffer| {
        with_current_vm(|vm| {
            let _section = thread::enter(vm);
            // SAFETY: called once, for the last share.
            unsafe {
                let export = Export::of(buffer);
                drop((*export).copy.take());
                formats::forget(export.add(1).cast());
                capi::pybuffer::PyBuffer_Release(&mut (*export).view);
                dealloc(export.cast(), Export::layout((*export).format));
            }
        });
    },
    retain: |_| {},
};

/// Shape and strides of a view, which C code may leave out.
///
/// # Safety
/// `view` is open.
unsafe fn dimensions(view: &c::Py_buffer) -> (Vec<isize>, Vec<isize>) {
    // One number, says C code that fills in a block of memory and leaves out its shape.
    let scalar = view.ndim <= 0;
    let dimensions = if scalar && view.len != view.itemsize { 1 } else { view.ndim.max(0) as usize };
    let mut shape = vec![view.len / view.itemsize.max(1); dimensions];
    if !view.shape.is_null() && !scalar {
        // SAFETY: by contract, with `ndim` entries.
        shape.copy_from_slice(unsafe { std::slice::from_raw_parts(view.shape, dimensions) });
    }
    let mut strides = vec![view.itemsize; dimensions];
    if view.strides.is_null() || scalar {
        for index in (1..dimensions).rev() {
            strides[index - 1] = strides[index] * shape[index];
        }
    } else {
        // SAFETY: as above.
        strides.copy_from_slice(unsafe { std::slice::from_raw_parts(view.strides, dimensions) });
    }
    (shape, strides)
}

/// The VM's buffer over an open view, which it takes over and closes at its end. `object` is whose memory it shows.
///
/// # Safety
/// `view` is open; the caller does not use it any more.
pub(crate) unsafe fn open(vm: &VirtualMachine, view: c::Py_buffer, object: PyObjectRef) -> PyBuffer {
    // SAFETY: by contract; shape, strides and suboffsets have `ndim` entries.
    unsafe {
        let itemsize = view.itemsize.max(0) as usize;
        let (shape, mut strides) = dimensions(&view);
        let mut copy = None;
        if !view.suboffsets.is_null() && view.ndim as usize == shape.len() {
            let suboffsets = std::slice::from_raw_parts(view.suboffsets, shape.len()).to_vec();
            if suboffsets.iter().any(|suboffset| *suboffset >= 0) {
                let made = Copied::new(vm, view.buf.cast(), (shape.clone(), strides, suboffsets), itemsize);
                strides = made.steps().to_vec();
                copy = Some(made);
            }
        }
        // What lies in front of the first item, and behind the start of the last.
        let (mut before, mut behind) = (0isize, 0isize);
        for (length, stride) in shape.iter().zip(&strides) {
            let reach = stride * (length - 1).max(0);
            if reach < 0 { before -= reach } else { behind += reach }
        }
        let empty = shape.contains(&0);
        let length = if empty { 0 } else { (before + behind) as usize + itemsize };
        let real = if view.format.is_null() { "B" } else { CStr::from_ptr(view.format).to_str().unwrap_or("B") };
        let stand_in = formats::stand_in(vm, real, itemsize);
        let text = stand_in.as_deref().unwrap_or(real).as_bytes();
        let export = alloc(Export::layout(text.len())).cast::<Export>();
        assert!(!export.is_null(), "out of memory for a buffer");
        let (readonly, len, start) =
            (view.readonly != 0, view.len.max(0) as usize, view.buf.cast::<u8>().wrapping_offset(-before));
        // A slice's start is never NULL, not even that of an empty one.
        let start = if start.is_null() { std::ptr::dangling_mut() } else { start };
        export.write(Export { view, start, length, format: text.len(), copy });
        let place = export.add(1).cast::<u8>();
        place.copy_from_nonoverlapping(text.as_ptr(), text.len());
        if stand_in.is_some() {
            formats::remember(place, real);
        }
        let format = std::slice::from_raw_parts(place, text.len());
        let desc = BufferDescriptor {
            len,
            offset: before,
            readonly,
            itemsize,
            format: Cow::Borrowed(std::str::from_utf8_unchecked(format)),
            dim_desc: shape.iter().zip(strides).map(|(length, stride)| (*length as usize, stride, 0)).collect(),
        };
        PyBuffer::new(object, desc, &METHODS)
    }
}

/// Gives a class whose C code exports buffers the methods that show it to Python: `__buffer__`, and `__release_buffer__` if it
/// wants to know of their end.
pub fn install(vm: &VirtualMachine, class: &PyTypeRef, buffers: &c::PyBufferProcs, is_static: bool) {
    class.slots.as_buffer.store(Some(as_buffer));
    class.slots.has_release_buffer.store(buffers.bf_releasebuffer.is_some());
    // The VM's descriptors take it that their class lives for ever, as C's static types do.
    if !is_static {
        return;
    }
    let class: &'static Py<PyType> = PyRef::leak(class.to_owned());
    make_wrappers(vm, class, &["__buffer__", "__release_buffer__"]);
}

/// The VM's slot for types whose C code exports buffers.
///
/// # Errors
/// What `bf_getbuffer` raises.
pub fn as_buffer(object: &PyObject, flags: BufferFlags, vm: &VirtualMachine) -> PyResult<PyBuffer> {
    let _section = thread::enter(vm);
    let block = store::store(vm, object);
    // SAFETY: a fresh view, filled by `bf_getbuffer` if that succeeds.
    unsafe {
        let mut view: c::Py_buffer = std::mem::zeroed();
        let get = (*(*block).ob_type).tp_as_buffer.as_ref().and_then(|suite| suite.bf_getbuffer);
        let status = match get {
            Some(get) => get(block, &mut view, flags.bits() as i32),
            None => -1,
        };
        decref(block);
        error::status(vm, status != 0, || "<slot wrapper '__buffer__'>".to_owned())?;
        // An exporter may hand on another object's memory, or keep nothing for it.
        let of = if view.obj.is_null() {
            vm.ctx.none()
        } else if view.obj == block {
            object.to_owned()
        } else {
            retrieve(vm, view.obj)?
        };
        Ok(open(vm, view, of))
    }
}
