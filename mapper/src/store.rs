//! Managed object to block. [`store`] gives a new reference to the block that stands for an object, making it by the
//! type's [`Kind`] if there is none. Needs the C lock.

use std::ffi::{CString, c_char};

use rustpython_vm::builtins::{
    PyByteArray, PyBytes, PyCapsule, PyComplex, PyDict, PyFloat, PyInt, PySet, PySlice, PyStr, PyTuple,
};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, VirtualMachine};

use crate::block::{self, Block, flag};
use crate::kind::Kind;
use crate::layout as c;
use crate::types::{statics, type_block};
use crate::{long, pinned, table, unicode};

/// Gives a new reference to the block that stands for `object`.
#[inline]
pub fn store(vm: &VirtualMachine, object: &PyObject) -> Block {
    let class = object.class();
    if class.is(vm.ctx.types.int_type) {
        // SAFETY: the class says so.
        return store_int(vm, unsafe { object.downcast_unchecked_ref::<PyInt>() });
    }
    match table::block_of(object) {
        Some(block) => {
            // SAFETY: tied blocks are live and stand for the object.
            unsafe {
                table::hold(block, object);
                refresh(vm, block, object);
            }
            block
        }
        None => store_new(vm, object),
    }
}

/// Brings what C code reads of an object that can change up to date.
///
/// # Safety
/// `block` is tied to `object`.
#[inline]
pub(crate) unsafe fn refresh(vm: &VirtualMachine, block: Block, object: &PyObject) {
    // SAFETY: by contract.
    unsafe {
        match Kind::of(block) {
            Kind::List => crate::list::lend(vm, block, object),
            Kind::ByteArray => refresh_bytearray(block, object),
            Kind::Dict => refresh_dict(block, object),
            Kind::Record => crate::record::refresh(vm, block, object),
            _ => {}
        }
    }
}

/// Like [`store`], and gives up the managed reference.
#[inline]
pub fn store_owned(vm: &VirtualMachine, object: PyObjectRef) -> Block {
    store(vm, &object)
}

/// Exact ints have no entry in the table: equal ints are as good as the same, and a table entry costs more than a block.
#[inline]
fn store_int(vm: &VirtualMachine, int: &rustpython_vm::Py<PyInt>) -> Block {
    let (block, immortal) = long::new_block(int.as_bigint());
    if !immortal {
        own(block, int.as_object());
    }
    let _ = vm;
    block
}

/// Sets a fresh block's twin, which the block owns from now on.
#[inline]
fn own(block: Block, twin: &PyObject) {
    // SAFETY: fresh blocks have headers.
    let header = unsafe { block::header_of(block) };
    header.twin = twin;
    header.flags |= flag::OWNS_TWIN;
    std::mem::forget(twin.to_owned());
}

/// Allocates a block with a count of 1 and a type; the rest is zero.
///
/// # Safety
/// `kind` is the type's block.
pub unsafe fn new_block(kind: *mut c::PyTypeObject, size: usize) -> Block {
    let made = block::allocate(size, 0);
    assert!(!made.is_null(), "out of memory for a block of {size} bytes");
    // SAFETY: fresh memory of more than an object's size.
    unsafe {
        (*made).ob_refcnt = 1;
        (*made).ob_type = kind;
    }
    made
}

#[cold]
fn store_new(vm: &VirtualMachine, object: &PyObject) -> Block {
    let class = object.class();
    if let Some(class) = object.downcast_ref::<rustpython_vm::builtins::PyType>() {
        let made = type_block(vm, class).cast();
        // SAFETY: `type_block` tied it.
        unsafe { table::hold(made, object) };
        return made;
    }
    if class.is(vm.ctx.types.str_type)
        && object.downcast_ref::<PyStr>().is_some_and(|text| text.as_wtf8().is_empty())
        && let Some(empty) = unicode::empty()
    {
        return empty;
    }
    let class_block = type_block(vm, class);
    // SAFETY: `type_block` gives filled blocks.
    let (kind, size) = unsafe { (Kind::of_type(class_block), (*class_block).tp_basicsize as usize) };
    let size = size.max(kind.sizes().0);
    // SAFETY: each arm allocates what its kind needs and fills it before anybody sees it.
    let made = unsafe {
        match kind {
            Kind::Long => long::new_subclass_block(object, class_block),
            Kind::Float => {
                let made = new_block(class_block, size);
                (*made.cast::<c::PyFloatObject>()).ob_fval = object.downcast_unchecked_ref::<PyFloat>().to_f64();
                made
            }
            Kind::Complex => {
                let made = new_block(class_block, size);
                let value = object.downcast_unchecked_ref::<PyComplex>().to_complex64();
                (*made.cast::<c::PyComplexObject>()).cval = c::Py_complex { real: value.re, imag: value.im };
                made
            }
            Kind::Unicode => unicode::new_block(object.downcast_unchecked_ref::<PyStr>(), class_block),
            Kind::Bytes => bytes_block(object.downcast_unchecked_ref::<PyBytes>().as_bytes(), class_block),
            Kind::ByteArray => {
                let made = new_block(class_block, size);
                refresh_bytearray(made, object);
                made
            }
            Kind::Tuple => {
                let tuple = object.downcast_unchecked_ref::<PyTuple>();
                let items: &[PyObjectRef] = tuple.as_slice();
                let made = new_tuple_block(items.len());
                (*made).ob_type = class_block;
                // Tied before its items are stored: one of them may hold the tuple.
                table::tie(made, object);
                own(made, object);
                if pinned::is_pinning(class_block) {
                    pinned::pin(vm, made, object);
                }
                for (index, item) in items.iter().enumerate() {
                    tuple_items(made).add(index).write(store(vm, item));
                }
                return made;
            }
            Kind::List => {
                let made = new_block(class_block, size);
                // Tied before its items are stored: one of them may be the list.
                table::tie(made, object);
                own(made, object);
                if pinned::is_pinning(class_block) {
                    pinned::pin(vm, made, object);
                }
                crate::list::mirror(vm, made, object.downcast_unchecked_ref());
                return made;
            }
            Kind::Dict => {
                let made = new_block(class_block, size);
                refresh_dict(made, object);
                made
            }
            Kind::Set => {
                let made = new_block(class_block, size);
                let used = set_len(object, vm);
                (*made.cast::<c::PySetObject>()).used = used;
                (*made.cast::<c::PySetObject>()).fill = used;
                made
            }
            Kind::Slice => {
                let slice = object.downcast_unchecked_ref::<PySlice>();
                let made = new_block(class_block, size).cast::<c::PySliceObject>();
                (*made).start = slice.start.as_ref().map_or_else(|| store(vm, &vm.ctx.none()), |it| store(vm, it));
                (*made).stop = store(vm, &slice.stop);
                (*made).step = slice.step.as_ref().map_or_else(|| store(vm, &vm.ctx.none()), |it| store(vm, it));
                made.cast()
            }
            Kind::Exception => new_block(class_block, size),
            Kind::Instance if class.fast_issubclass(vm.ctx.types.capsule_type) => {
                let capsule = object.downcast_unchecked_ref::<PyCapsule>();
                crate::capsule::foreign_block(class_block, capsule)
            }
            Kind::Function => crate::function::new_managed_block(vm, object, class_block),
            _ => new_block(class_block, size),
        }
    };
    // SAFETY: a fresh block of a ready type.
    unsafe {
        if pinned::is_pinning(class_block) || kind == Kind::Module {
            pinned::pin(vm, made, object);
        }
    }
    // Floats, like ints, are as good as the same when equal.
    if kind != Kind::Float || class_block != statics().float {
        table::tie(made, object);
    }
    own(made, object);
    if kind.is_record() {
        // SAFETY: the block is of its class's size.
        unsafe { crate::record::fill(vm, made, object, kind) };
    }
    made
}

/// The number of items in a set or frozenset.
pub(crate) fn set_len(object: &PyObject, vm: &VirtualMachine) -> isize {
    match object.downcast_ref::<PySet>() {
        Some(set) => set.as_object().length(vm).unwrap_or(0) as isize,
        None => object.length(vm).unwrap_or(0) as isize,
    }
}

/// Points a bytearray's block at the managed buffer, which moves when the array grows.
///
/// # Safety
/// `block` is a bytearray's, `object` its twin.
pub unsafe fn refresh_bytearray(block: Block, object: &PyObject) {
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

/// Brings `ma_used` up to date, which `PyDict_GET_SIZE` reads.
///
/// # Safety
/// `block` is a dict's, `object` its twin.
#[inline]
pub unsafe fn refresh_dict(block: Block, object: &PyObject) {
    // SAFETY: by contract.
    unsafe {
        (*block.cast::<c::PyDictObject>()).ma_used = object.downcast_unchecked_ref::<PyDict>().__len__() as isize;
    }
}

/// A bytes block with a count of 1 and no twin.
///
/// # Safety
/// `kind` is the block of `bytes` or of a subclass.
pub unsafe fn bytes_block(data: &[u8], kind: *mut c::PyTypeObject) -> Block {
    // SAFETY: room for the data and a NUL behind the head.
    unsafe {
        let made = bytes_block_uninit(data.len(), kind);
        if !made.is_null() {
            made.cast::<u8>().add(BYTES_DATA).copy_from_nonoverlapping(data.as_ptr(), data.len());
        }
        made
    }
}

/// Offset of a bytes object's data.
pub const BYTES_DATA: usize = std::mem::offset_of!(c::PyBytesObject, ob_sval);

/// Like [`bytes_block`] with the data left as it comes. Null if memory is out.
///
/// # Safety
/// As for [`bytes_block`].
pub unsafe fn bytes_block_uninit(length: usize, kind: *mut c::PyTypeObject) -> Block {
    let made = block::allocate_uninit(BYTES_DATA + length + 1, 0);
    if made.is_null() {
        return made;
    }
    // SAFETY: fresh memory of that size.
    unsafe {
        let object = made.cast::<c::PyBytesObject>();
        (*object).ob_base.ob_base = c::PyObject { ob_refcnt: 1, ob_overflow: 0, ob_flags: 0, ob_type: kind };
        (*object).ob_base.ob_size = length as isize;
        (*object).ob_shash = -1;
        made.cast::<u8>().add(BYTES_DATA + length).write(0);
    }
    made
}

/// A tuple block with a count of 1 and no twin, which takes over a reference to each item.
pub fn tuple_block(items: &[Block]) -> Block {
    let made = new_tuple_block(items.len());
    // SAFETY: room for the items.
    unsafe { tuple_items(made).copy_from_nonoverlapping(items.as_ptr(), items.len()) };
    made
}

/// A tuple block with a count of 1, no twin and NULL for items.
#[inline]
pub fn new_tuple_block(length: usize) -> Block {
    let made = block::allocate_uninit(TUPLE_ITEMS + length * size_of::<Block>(), 0);
    assert!(!made.is_null(), "out of memory for a tuple of {length} items");
    // SAFETY: fresh memory of that size.
    unsafe {
        let object = made.cast::<c::PyTupleObject>();
        (*object).ob_base.ob_base = c::PyObject { ob_refcnt: 1, ob_overflow: 0, ob_flags: 0, ob_type: statics().tuple };
        (*object).ob_base.ob_size = length as isize;
        (*object).ob_hash = -1;
        tuple_items(made).write_bytes(0, length);
    }
    made
}

const TUPLE_ITEMS: usize = std::mem::offset_of!(c::PyTupleObject, ob_item);

/// A tuple's items.
///
/// # Safety
/// `tuple` is a tuple's block.
#[inline]
pub unsafe fn tuple_items(tuple: Block) -> *mut Block {
    // SAFETY: by contract.
    unsafe { tuple.cast::<u8>().add(TUPLE_ITEMS).cast() }
}

/// Makes the last `count` items of a tuple ones that are not part of it, as struct sequences have them. Nothing but this
/// sets a tuple's `ob_hash`, and C code does not read it.
///
/// # Safety
/// `tuple` is a tuple's block with so many items.
pub(crate) unsafe fn hide_items(tuple: Block, count: usize) {
    if count > 0 {
        // SAFETY: by contract.
        unsafe {
            (*tuple.cast::<c::PyVarObject>()).ob_size -= count as isize;
            (*tuple.cast::<c::PyTupleObject>()).ob_hash = count as isize;
        }
    }
}

/// The items that [`hide_items`] hid.
///
/// # Safety
/// `tuple` is a tuple's block and stays alive.
pub(crate) unsafe fn hidden_items<'a>(tuple: Block) -> &'a [Block] {
    // SAFETY: by contract.
    unsafe {
        let count = (*tuple.cast::<c::PyTupleObject>()).ob_hash.max(0) as usize;
        let size = (*tuple.cast::<c::PyVarObject>()).ob_size as usize;
        std::slice::from_raw_parts(tuple_items(tuple).add(size), count)
    }
}

/// A tuple's items as a slice.
///
/// # Safety
/// `tuple` is a tuple's block and stays alive.
#[inline]
pub unsafe fn tuple_slice<'a>(tuple: Block) -> &'a [Block] {
    // SAFETY: by contract.
    unsafe { std::slice::from_raw_parts(tuple_items(tuple), (*tuple.cast::<c::PyVarObject>()).ob_size as usize) }
}

/// A NUL-terminated copy of a managed string, if it has no NUL inside.
pub fn c_string(text: &str) -> Option<CString> {
    CString::new(text).ok()
}
