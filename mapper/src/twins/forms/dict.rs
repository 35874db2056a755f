//! Dicts: C code reads the number of items. The keyword arguments of a call are a dict's block without a managed dict: most
//! C functions only look their own names up, and making a dict costs more than the call. Anything else makes the dict.

use rustpython_vm::builtins::PyDict;
use rustpython_vm::common::wtf8::{Wtf8, Wtf8Buf};
use rustpython_vm::{PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::abi::statics::statics;
use crate::heap::block::Block;
use crate::heap::form::{Form, Half, Visit, given};
use crate::heap::spare;
use crate::lifetime::{dealloc, handle};
use crate::twins::forms::object;
use crate::twins::forms::payload::bound;
use crate::twins::{retrieve, store};

/// Dicts.
pub(super) static FORM: Form = Form {
    sizes: (size_of::<c::PyDictObject>(), 0),
    subclass_flag: c::tpflags::DICT_SUBCLASS,
    make,
    refresh: Some(refresh),
    touched: Some(refresh),
    value: Some(to_managed),
    wrap,
    free: Some(free),
    each: Some(each),
    ..Form::EMPTY
};

/// Names and values in the order of the call; each value's reference is ours.
type Arguments = Vec<(Wtf8Buf, Block)>;

/// A dict's block for the keyword arguments of a call, with a count of 1 and no twin.
pub fn for_call(vm: &VirtualMachine, arguments: impl Iterator<Item = (Wtf8Buf, PyObjectRef)>) -> Block {
    let arguments: Arguments = arguments.map(|(name, value)| (name, store::store_owned(vm, value))).collect();
    // SAFETY: a fresh block of a dict's size.
    unsafe {
        let made = object::new_block_of(statics().dict, size_of::<c::PyDictObject>());
        (*made.cast::<c::PyDictObject>()).ma_used = arguments.len() as isize;
        spare::set_arguments(made, Box::into_raw(Box::new(arguments)).cast());
        made
    }
}

/// The arguments of a block that has not become a dict.
///
/// # Safety
/// `block` is a dict's and stays alive.
pub(crate) unsafe fn arguments<'a>(block: Block) -> Option<&'a Arguments> {
    // SAFETY: by contract; only `for_call` sets them.
    unsafe {
        if handle::twin_of(block).is_some() {
            return None;
        }
        spare::arguments(block).cast::<Arguments>().as_ref()
    }
}

unsafe fn make(vm: &VirtualMachine, object: &PyObject, class: *mut c::PyTypeObject) -> Block {
    // SAFETY: a fresh block of its class's size.
    unsafe {
        let made = object::new_block(class);
        refresh(vm, made, object);
        made
    }
}

/// Brings `ma_used` up to date, which `PyDict_GET_SIZE` reads.
///
/// # Safety
/// `block` is a dict's, `object` its twin.
#[inline]
pub(crate) unsafe fn refresh(_: &VirtualMachine, block: Block, object: &PyObject) {
    // SAFETY: by contract.
    unsafe {
        (*block.cast::<c::PyDictObject>()).ma_used = object.downcast_unchecked_ref::<PyDict>().__len__() as isize;
    }
}

/// The managed dict for a block without a twin.
unsafe fn to_managed(vm: &VirtualMachine, block: Block, _: bool) -> PyResult {
    let dict = vm.ctx.new_dict();
    // SAFETY: by contract; the values are live.
    unsafe {
        for (name, value) in arguments(block).into_iter().flatten() {
            dict.set_item(name.as_ref() as &Wtf8, retrieve::retrieve(vm, *value)?, vm)?;
        }
    }
    given(dict)
}

unsafe fn wrap(_: &VirtualMachine, block: Block, half: Half) -> PyResult {
    Ok(bound(PyDict::default(), block, half))
}

/// Drops what a dying dict's block still has of a call.
unsafe fn free(block: Block) {
    // SAFETY: a dict's block that nobody refers to.
    unsafe {
        let arguments = spare::arguments(block).cast::<Arguments>();
        spare::set_arguments(block, std::ptr::null_mut());
        if !arguments.is_null() {
            for (_, value) in *Box::from_raw(arguments) {
                dealloc::xdecref(value);
            }
        }
    }
}

unsafe fn each(block: Block, visit: &mut Visit<'_>) {
    // SAFETY: a live dict.
    unsafe { arguments(block) }.into_iter().flatten().for_each(|(_, value)| visit(*value));
}
