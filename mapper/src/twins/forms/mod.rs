//! One file for each form of object: how its block is made and read, and a row for the table of
//! [forms](crate::heap::form).

pub mod buffer;
pub mod bytearray;
pub mod bytes;
pub mod capsule;
pub mod characters;
pub mod datetime;
pub mod dict;
mod float;
pub mod function;
pub mod instancemethod;
pub mod list;
pub mod long;
pub mod module;
pub mod object;
mod payload;
pub mod record;
pub mod set;
mod slice;
pub mod structseq;
pub mod tuple;
pub mod unicode;

use rustpython_vm::builtins::{PyList, PyTuple};
use rustpython_vm::{AsObject as _, PyObject, PyObjectRef, VirtualMachine};

use crate::heap::block::{Block, flag, header};
use crate::heap::form::Form;
use crate::heap::kind::Kind;
use crate::lifetime::due::remember_list;
use crate::lifetime::kept;

/// The rows, in the order of [`Kind`].
pub(crate) static TABLE: [&Form; Kind::COUNT] = [
    &object::INSTANCE,
    &object::OPAQUE,
    &long::FORM,
    &float::FLOAT,
    &float::COMPLEX,
    &unicode::FORM,
    &bytes::FORM,
    &bytearray::FORM,
    &tuple::FORM,
    &list::FORM,
    &dict::FORM,
    &set::FORM,
    &slice::FORM,
    &function::FORM,
    &module::FORM,
    &super::types::FORM,
    &object::EXCEPTION,
    &record::RECORD,
    &record::DATE,
    &record::TIME,
    &record::DATE_TIME,
    &record::TIME_DELTA,
];

/// A run of managed objects as addresses.
pub(super) fn addresses(objects: &[PyObjectRef]) -> &[usize] {
    // SAFETY: a reference is one pointer, and addresses have no validity of their own.
    unsafe { std::slice::from_raw_parts(objects.as_ptr().cast(), objects.len()) }
}

/// How many bytes a plain value's block takes, about.
const PLAIN_ITEM: usize = 96;

/// Whether a block is of a value that holds nothing, of the builtin type itself: its end runs no code.
///
/// # Safety
/// `item` is NULL or an object.
unsafe fn is_plain_item(item: Block) -> bool {
    // SAFETY: by contract; outside of the range of blocks are the exported types.
    unsafe { !item.is_null() && Kind::of(item).is_plain() && header((*item).ob_type.cast()).is_none() }
}

/// The block of an exact list or tuple that C code has seen before, if it has the same items still: a count of 1, no twin.
pub(super) fn reuse(vm: &VirtualMachine, object: &PyObject) -> Option<Block> {
    let class = object.class();
    if class.is(vm.ctx.types.tuple_type) {
        let tuple = object.downcast_ref::<PyTuple>()?;
        return kept::reuse(object, |run| run == addresses(tuple.as_slice()));
    }
    if class.is(vm.ctx.types.list_type) {
        let list = object.downcast_ref::<PyList>()?;
        let block = kept::reuse(object, |run| run == addresses(&list.borrow_vec()))?;
        header(block)?.set(flag::SHOWN_LIST);
        remember_list(block, object);
        return Some(block);
    }
    None
}
