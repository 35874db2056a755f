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

use crate::heap::form::Form;
use crate::heap::kind::Kind;

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
