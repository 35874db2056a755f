//! Managed object to block. [`store`] gives a new reference to the block that stands for an object, making it by the
//! [form](crate::heap::form) of its type's kind if there is none. Needs the C lock.

use rustpython_vm::builtins::{PyFloat, PyInt, PyStr, PyType};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, VirtualMachine};

use crate::abi::statics::statics;
use crate::heap::block::{Block, flag, header_of};
use crate::heap::kind::Kind;
use crate::heap::spare;
use crate::lifetime::{handle, numbers, pinned};
use crate::twins::fields;
use crate::twins::forms::{self, bytes, float, long, unicode};
use crate::twins::types::type_block;

/// Gives a new reference to the block that stands for `object`.
#[inline]
pub fn store(vm: &VirtualMachine, object: &PyObject) -> Block {
    if let Some(block) = store_number(vm, object) {
        return block;
    }
    match handle::block_of(object) {
        Some(block) => {
            // SAFETY: tied blocks are live and stand for the object.
            unsafe {
                handle::hold(block, object);
                refresh(vm, block, object);
            }
            block
        }
        None => store_new(vm, object),
    }
}

/// Brings what C code reads of an object that can change up to date: it is passed to C again.
///
/// # Safety
/// `block` is tied to `object`.
#[inline]
pub(crate) unsafe fn refresh(vm: &VirtualMachine, block: Block, object: &PyObject) {
    // SAFETY: by contract.
    unsafe {
        let kind = Kind::of(block);
        if kind.changes()
            && let Some(refresh) = kind.form().refresh
        {
            refresh(vm, block, object);
        }
        if spare::links((*block).ob_type) {
            fields::lend(vm, block, object);
        }
    }
}

/// Brings what C code reads of an object up to date after managed code has had it.
///
/// # Safety
/// `block` is an object.
pub(crate) unsafe fn touched(vm: &VirtualMachine, block: Block) {
    // SAFETY: by contract.
    unsafe {
        if let Some(touched) = Kind::of(block).form().touched
            && let Some(twin) = handle::twin_of(block)
        {
            touched(vm, block, twin);
        }
        if spare::links((*block).ob_type)
            && let Some(twin) = handle::twin_of(block)
        {
            fields::in_step(vm, block, twin);
        }
    }
}

/// Like [`store`], and gives up the managed reference.
#[inline]
pub fn store_owned(vm: &VirtualMachine, object: PyObjectRef) -> Block {
    let made = make_alone(vm, &object);
    if made.is_null() { store(vm, &object) } else { made }
}

/// Bytes that nobody else has are C's own from the start: it may write into them.
#[inline]
fn make_alone(vm: &VirtualMachine, object: &PyObject) -> Block {
    let alone = object.class().is(vm.ctx.types.bytes_type) && object.strong_count() == 1;
    if alone && handle::block_of(object).is_none() {
        // SAFETY: exact bytes.
        return unsafe { (Kind::Bytes.form().make)(vm, object, statics().bytes) };
    }
    std::ptr::null_mut()
}

/// [`store`] for exact ints and floats: those that C does not keep have no entry in the table (see [`numbers`]).
#[inline]
pub(super) fn store_number(vm: &VirtualMachine, object: &PyObject) -> Option<Block> {
    let is_int = object.class().is(vm.ctx.types.int_type);
    if !is_int && !object.class().is(vm.ctx.types.float_type) {
        return None;
    }
    // SAFETY: the class says what it is; a block that is found is live and stands for the object, a fresh one has a header.
    unsafe {
        let small = is_int.then(|| long::small_block(object.downcast_unchecked_ref::<PyInt>().as_bigint())).flatten();
        if small.is_some() {
            return small;
        }
        if let Some(block) = numbers::find(object) {
            handle::hold(block, object);
            return Some(block);
        }
        let block = if is_int {
            long::new_block(object.downcast_unchecked_ref::<PyInt>().as_bigint())
        } else {
            float::from_f64(object.downcast_unchecked_ref::<PyFloat>().to_f64()).expect("memory for a float")
        };
        own(block, object);
        header_of(block).set(flag::UNLISTED_NUMBER);
        Some(block)
    }
}

/// [`store_number`] for a reference that C may keep: then it is found again.
#[inline]
pub(super) fn store_number_for_c(vm: &VirtualMachine, object: &PyObject) -> Option<Block> {
    let block = store_number(vm, object)?;
    // SAFETY: numbers' blocks have headers.
    unsafe {
        if header_of(block).has(flag::UNLISTED_NUMBER) {
            numbers::look_at_return(block);
        }
    }
    Some(block)
}

/// Sets a fresh block's twin, which the block owns from now on.
#[inline]
pub(super) fn own(block: Block, twin: &PyObject) {
    // SAFETY: fresh blocks have headers.
    let header = unsafe { header_of(block) };
    header.set_twin(twin);
    header.set(flag::OWNS_TWIN);
    std::mem::forget(twin.to_owned());
}

/// [`store_new`] for an exact str.
fn store_str(text: &Py<PyStr>) -> Block {
    if text.as_wtf8().is_empty()
        && let Some(empty) = unicode::empty()
    {
        return empty;
    }
    // SAFETY: the type is the text's.
    let made = unsafe { unicode::new_block(text, statics().unicode) };
    handle::tie(made, text.as_object());
    own(made, text.as_object());
    made
}

#[cold]
fn store_new(vm: &VirtualMachine, object: &PyObject) -> Block {
    let class = object.class();
    if let Some(class) = object.downcast_ref::<PyType>() {
        let made = type_block(vm, class).cast();
        // SAFETY: `type_block` tied it.
        unsafe { handle::hold(made, object) };
        return made;
    }
    if class.is(vm.ctx.types.str_type) {
        // SAFETY: the class says so.
        return store_str(unsafe { object.downcast_unchecked_ref() });
    }
    if let Some(kept) = forms::reuse(vm, object) {
        handle::tie(kept, object);
        own(kept, object);
        return kept;
    }
    let class_block = type_block(vm, class);
    // SAFETY: `type_block` gives filled blocks; the block is fresh, and whole before anybody else sees it.
    unsafe {
        let kind = Kind::of_type(class_block);
        let form = kind.form();
        let made = (form.make)(vm, object, class_block);
        if pinned::is_pinning(class_block) || kind == Kind::Module {
            pinned::pin(vm, made, object);
        }
        handle::tie(made, object);
        own(made, object);
        if let Some(fill) = form.fill {
            fill(vm, made, object);
        }
        if kind == Kind::Bytes && class_block != statics().bytes {
            bytes::show(made);
        }
        if spare::links(class_block) {
            fields::linked(made);
            fields::lend(vm, made, object);
        }
        made
    }
}
