//! One file for each form of object: how its block is made and read, and a row for the table of
//! [forms](crate::heap::form).

pub mod buffer;
pub mod bytearray;
pub mod bytes;
pub mod capsule;
pub mod characters;
mod code;
pub mod datetime;
pub mod descriptor;
pub mod dict;
pub(crate) mod exception;
pub(crate) mod float;
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
mod view;
pub(crate) mod weak;
pub mod wrapper;

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
    &view::FORM,
    &function::FORM,
    &module::FORM,
    &super::types::FORM,
    &exception::FORM,
    &weak::FORM,
    &record::RECORD,
    &record::DATE,
    &record::TIME,
    &record::DATE_TIME,
    &record::TIME_DELTA,
    &descriptor::FORM,
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
        return kept::reuse(object, |_, run| run == addresses(tuple.as_slice()));
    }
    if class.is(vm.ctx.types.list_type) {
        let list = object.downcast_ref::<PyList>()?;
        let block = kept::reuse(object, |block, _| list::shows(block, &list.borrow_vec()))?;
        header(block)?.set(flag::SHOWN_LIST);
        remember_list(block, object);
        return Some(block);
    }
    None
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;
    use crate::abi::layout::{self as c, tpflags};

    #[test]
    fn each_kind_has_its_own_row() {
        for (kind, row) in [
            (Kind::Instance, &object::INSTANCE),
            (Kind::Long, &long::FORM),
            (Kind::Unicode, &unicode::FORM),
            (Kind::Tuple, &tuple::FORM),
            (Kind::List, &list::FORM),
            (Kind::Slice, &slice::FORM),
            (Kind::View, &view::FORM),
            (Kind::Type, &crate::twins::types::FORM),
            (Kind::Exception, &exception::FORM),
            (Kind::TimeDelta, &record::TIME_DELTA),
        ] {
            assert!(std::ptr::eq(TABLE[kind as usize], row), "{kind:?}");
        }
    }

    #[test]
    fn sizes_are_those_of_cpythons_structs() {
        for (kind, basic, item) in [
            (Kind::Opaque, size_of::<c::PyObject>(), 0),
            (Kind::Long, offset_of!(c::PyLongObject, long_value) + offset_of!(c::_PyLongValue, ob_digit), 4),
            (Kind::Float, size_of::<c::PyFloatObject>(), 0),
            (Kind::Complex, size_of::<c::PyComplexObject>(), 0),
            (Kind::Unicode, size_of::<c::PyUnicodeObject>(), 0),
            (Kind::Bytes, offset_of!(c::PyBytesObject, ob_sval) + 1, 1),
            (Kind::ByteArray, size_of::<c::PyByteArrayObject>(), 0),
            (Kind::Tuple, offset_of!(c::PyTupleObject, ob_item), 8),
            (Kind::List, size_of::<c::PyListObject>(), 0),
            (Kind::Dict, size_of::<c::PyDictObject>(), 0),
            (Kind::Set, size_of::<c::PySetObject>(), 0),
            (Kind::Slice, size_of::<c::PySliceObject>(), 0),
            (Kind::Function, size_of::<c::PyCFunctionObject>(), 0),
            (Kind::Exception, size_of::<c::PyBaseExceptionObject>(), 0),
            (Kind::Date, size_of::<c::PyDateTime_Date>(), 0),
            (Kind::Time, size_of::<c::PyDateTime_Time>(), 0),
            (Kind::DateTime, size_of::<c::PyDateTime_DateTime>(), 0),
            (Kind::TimeDelta, size_of::<c::PyDateTime_Delta>(), 0),
        ] {
            assert_eq!(TABLE[kind as usize].sizes, (basic, item), "{kind:?}");
        }
    }

    #[test]
    fn fast_checks_of_c_code_find_their_flag() {
        let flags = TABLE.map(|row| row.subclass_flag);
        for (kind, flag) in [
            (Kind::Long, tpflags::LONG_SUBCLASS),
            (Kind::Unicode, tpflags::UNICODE_SUBCLASS),
            (Kind::Bytes, tpflags::BYTES_SUBCLASS),
            (Kind::Tuple, tpflags::TUPLE_SUBCLASS),
            (Kind::List, tpflags::LIST_SUBCLASS),
            (Kind::Dict, tpflags::DICT_SUBCLASS),
            (Kind::Type, tpflags::TYPE_SUBCLASS),
            (Kind::Exception, tpflags::BASE_EXC_SUBCLASS),
        ] {
            assert_eq!(flags[kind as usize], flag, "{kind:?}");
        }
        assert_eq!(flags.iter().filter(|flag| **flag != 0).count(), 8);
    }

    #[test]
    fn what_holds_references_shows_and_drops_them() {
        // A str drops buffers, a weak reference its place in a table: these are no objects.
        let others = [Kind::Unicode as usize, Kind::Weak as usize];
        for (index, row) in TABLE.iter().enumerate().filter(|(index, _)| !others.contains(index)) {
            assert!(row.free.is_none() || row.each.is_some(), "row {index} drops what the collector does not see");
        }
    }
}
