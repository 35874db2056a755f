//! Managed object to block. [`store`] gives a new reference to the block that stands for an object, making it by the
//! [form](crate::heap::form) of its type's kind if there is none. Needs the C lock.

use rustpython_vm::builtins::{PyInt, PyStr, PyType};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, VirtualMachine};

use crate::abi::statics::statics;
use crate::heap::block::{Block, flag, header_of};
use crate::heap::kind::Kind;
use crate::heap::spare;
use crate::lifetime::{handle, numbers, pinned};
use crate::twins::fields;
use crate::twins::forms::{self, long, unicode};
use crate::twins::types::type_block;

/// Gives a new reference to the block that stands for `object`.
#[inline]
pub fn store(vm: &VirtualMachine, object: &PyObject) -> Block {
    let class = object.class();
    if class.is(vm.ctx.types.int_type) {
        // SAFETY: the class says so.
        return store_int(unsafe { object.downcast_unchecked_ref::<PyInt>() });
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
    store(vm, &object)
}

/// Exact ints that C does not keep have no entry in the table (see [`numbers`]).
#[inline]
fn store_int(int: &rustpython_vm::Py<PyInt>) -> Block {
    if let Some(block) = numbers::find(int.as_object()) {
        // SAFETY: a tied block is live and stands for the object.
        unsafe { handle::hold(block, int.as_object()) };
        return block;
    }
    let (block, immortal) = long::new_block(int.as_bigint());
    if !immortal {
        own(block, int.as_object());
    }
    block
}

/// Sets a fresh block's twin, which the block owns from now on.
#[inline]
fn own(block: Block, twin: &PyObject) {
    // SAFETY: fresh blocks have headers.
    let header = unsafe { header_of(block) };
    header.set_twin(twin);
    header.set(flag::OWNS_TWIN);
    std::mem::forget(twin.to_owned());
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
    if class.is(vm.ctx.types.str_type)
        && object.downcast_ref::<PyStr>().is_some_and(|text| text.as_wtf8().is_empty())
        && let Some(empty) = unicode::empty()
    {
        return empty;
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
        // Floats, like ints, are as good as the same when equal.
        if kind != Kind::Float || class_block != statics().float {
            handle::tie(made, object);
        }
        own(made, object);
        if let Some(fill) = form.fill {
            fill(vm, made, object);
        }
        if spare::links(class_block) {
            fields::linked(made);
            fields::lend(vm, made, object);
        }
        made
    }
}
