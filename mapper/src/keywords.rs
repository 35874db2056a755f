//! The keyword arguments of a call as a dict's block without a managed dict: most C functions only look their own
//! names up, and making a dict costs more than the call. Anything else makes the dict (see `retrieve`).

use rustpython_vm::common::wtf8::Wtf8Buf;
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

use crate::block::Block;
use crate::layout as c;
use crate::types::statics;
use crate::{lifetime, retrieve, store, table};

/// Names and values in the order of the call; each value's reference is ours.
type Record = Vec<(Wtf8Buf, Block)>;

/// A dict's block for the given arguments, with a count of 1 and no twin.
pub fn new_block(vm: &VirtualMachine, arguments: impl Iterator<Item = (Wtf8Buf, PyObjectRef)>) -> Block {
    let record: Record = arguments.map(|(name, value)| (name, store::store_owned(vm, value))).collect();
    // SAFETY: a fresh block of a dict's size; `ma_keys` is opaque to C code.
    unsafe {
        let made = store::new_block(statics().dict, size_of::<c::PyDictObject>());
        let dict = &mut *made.cast::<c::PyDictObject>();
        dict.ma_used = record.len() as isize;
        dict.ma_keys = Box::into_raw(Box::new(record)).cast();
        made
    }
}

/// The arguments of a block that has not become a dict.
///
/// # Safety
/// `block` is a dict's and stays alive.
pub(crate) unsafe fn record<'a>(block: Block) -> Option<&'a Record> {
    // SAFETY: by contract; only `new_block` sets `ma_keys`.
    unsafe {
        if table::twin_of(block).is_some() {
            return None;
        }
        (*block.cast::<c::PyDictObject>()).ma_keys.cast::<Record>().as_ref()
    }
}

/// The managed dict for a block without a twin.
///
/// # Safety
/// `block` is a dict's.
pub(crate) unsafe fn to_managed(vm: &VirtualMachine, block: Block) -> PyResult {
    let dict = vm.ctx.new_dict();
    // SAFETY: by contract; the values are live.
    unsafe {
        for (name, value) in record(block).into_iter().flatten() {
            dict.set_item(name.as_ref() as &rustpython_vm::common::wtf8::Wtf8, retrieve::retrieve(vm, *value)?, vm)?;
        }
    }
    Ok(dict.into())
}

/// Drops what a dying dict's block still has of a call.
///
/// # Safety
/// `block` is a dict's that nobody refers to.
pub(crate) unsafe fn free(block: Block) {
    // SAFETY: by contract.
    unsafe {
        let keys = std::mem::replace(&mut (*block.cast::<c::PyDictObject>()).ma_keys, std::ptr::null_mut());
        if !keys.is_null() {
            for (_, value) in *Box::from_raw(keys.cast::<Record>()) {
                lifetime::xdecref(value);
            }
        }
    }
}
