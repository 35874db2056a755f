//! What a block is laid out as. A type's block carries its instances' kind in a field that C code does not use, so that
//! finding it is one read.

use crate::abi::layout as c;
use crate::heap::form::{self, Form};
use crate::heap::spare;

/// The layout of a type's instances, and so the way in which they are stored and retrieved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Kind {
    /// Made by C code: what is in it is C's business.
    Instance = 0,
    /// An object head and nothing that C could read: instances of Python classes and of most builtin types.
    Opaque,
    /// `PyLongObject`.
    Long,
    /// `PyFloatObject`.
    Float,
    /// `PyComplexObject`.
    Complex,
    /// `PyUnicodeObject`, in one of its forms.
    Unicode,
    /// `PyBytesObject`.
    Bytes,
    /// `PyByteArrayObject`, which shows the managed buffer.
    ByteArray,
    /// `PyTupleObject`.
    Tuple,
    /// `PyListObject`, a mirror of the managed list once there is one.
    List,
    /// `PyDictObject`, of which C code reads the number of items.
    Dict,
    /// `PySetObject`, of which C code reads the number of items.
    Set,
    /// `PySliceObject`.
    Slice,
    /// `_PyDictViewObject`.
    View,
    /// `PyCFunctionObject`.
    Function,
    /// A module of ours.
    Module,
    /// `PyHeapTypeObject`, or `PyTypeObject` for static types.
    Type,
    /// `PyBaseExceptionObject`.
    Exception,
    /// `PyWeakReference`.
    Weak,
    /// A struct of another builtin type that shows attributes of the managed object (see [`crate::twins::forms::record`]).
    Record,
    /// `PyDateTime_Date`.
    Date,
    /// `PyDateTime_Time`, with room for a time zone.
    Time,
    /// `PyDateTime_DateTime`, with room for a time zone.
    DateTime,
    /// `PyDateTime_Delta`.
    TimeDelta,
    /// One of the structs that begin with `PyDescrObject`.
    Descriptor,
}

impl Kind {
    /// The kind of the instances of a type.
    ///
    /// # Safety
    /// `kind` points to a type that has been made ready.
    #[inline]
    pub unsafe fn of_type(kind: *const c::PyTypeObject) -> Self {
        // SAFETY: only `set` below writes the field, and zero is `Instance`.
        unsafe { std::mem::transmute::<u16, Self>(spare::kind_of_instances(kind)) }
    }

    /// Marks a type's instances as being of this kind.
    ///
    /// # Safety
    /// `kind` points to a type.
    pub unsafe fn set(self, kind: *mut c::PyTypeObject) {
        // SAFETY: by contract.
        unsafe { spare::set_kind_of_instances(kind, self as u16) };
    }

    /// The kind of an object.
    ///
    /// # Safety
    /// `block` points to an object.
    #[inline]
    pub unsafe fn of(block: *const c::PyObject) -> Self {
        // SAFETY: by contract.
        unsafe { Self::of_type((*block).ob_type) }
    }

    /// `tp_basicsize` and `tp_itemsize` of the builtin type of this kind, in bytes.
    pub fn sizes(self) -> (usize, usize) {
        self.form().sizes
    }

    /// What can be done with objects of this kind.
    #[inline]
    pub fn form(self) -> &'static Form {
        form::of(self)
    }

    /// Exact ones are as good as the same when they are equal, so most have no entry in the table of handles.
    #[inline]
    pub fn is_number(self) -> bool {
        matches!(self, Self::Long | Self::Float)
    }

    /// A value without references, whose end runs no code if it is exact.
    #[inline]
    pub fn is_plain(self) -> bool {
        matches!(self, Self::Long | Self::Float | Self::Complex | Self::Unicode | Self::Bytes | Self::ByteArray)
    }

    /// A container that C code reads as a struct.
    #[inline]
    pub fn is_container(self) -> bool {
        matches!(self, Self::List | Self::Tuple | Self::Dict | Self::Set | Self::Slice)
    }

    /// Whether Python can change what C code reads of the object: it is brought up to date at each crossing.
    #[inline]
    pub fn changes(self) -> bool {
        matches!(
            self,
            Self::List | Self::ByteArray | Self::Dict | Self::Set | Self::Weak | Self::Record | Self::Exception
        )
    }

    /// Whether the block shows attributes of the managed object (see [`crate::twins::forms::record`]).
    #[inline]
    pub fn is_record(self) -> bool {
        self as u16 >= Self::Record as u16
    }

    /// The `Py_TPFLAGS_*_SUBCLASS` bit of this kind, or 0.
    pub fn subclass_flag(self) -> usize {
        self.form().subclass_flag
    }

    /// How many kinds there are.
    pub const COUNT: usize = Self::Descriptor as usize + 1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::testing::class;

    fn all() -> impl Iterator<Item = Kind> {
        // SAFETY: the numbers of kinds have no gaps.
        (0..Kind::COUNT as u16).map(|number| unsafe { std::mem::transmute(number) })
    }

    #[test]
    fn a_type_knows_the_kind_of_its_instances() {
        for kind in all() {
            let class = class(kind);
            let object = c::PyObject { ob_refcnt: 1, ob_overflow: 0, ob_flags: 0, ob_type: &raw mut *class };
            // SAFETY: a type and an object of it.
            unsafe {
                assert_eq!(Kind::of_type(class), kind);
                assert_eq!(Kind::of(&raw const object), kind);
            }
        }
        // What C code declares without a kind.
        // SAFETY: every field is a number, a pointer or an optional function.
        let fresh: c::PyTypeObject = unsafe { std::mem::zeroed() };
        // SAFETY: a type.
        assert_eq!(unsafe { Kind::of_type(&raw const fresh) }, Kind::Instance);
    }

    #[test]
    fn kinds_are_told_apart() {
        let those = |is: fn(Kind) -> bool| all().filter(|kind| is(*kind)).collect::<Vec<_>>();
        assert_eq!(those(Kind::is_number), [Kind::Long, Kind::Float]);
        assert_eq!(
            those(Kind::is_record),
            [Kind::Record, Kind::Date, Kind::Time, Kind::DateTime, Kind::TimeDelta, Kind::Descriptor]
        );
        assert!(all().all(|kind| !(kind.is_plain() && kind.is_container())));
        assert!(all().all(|kind| !kind.is_number() || kind.is_plain()));
    }
}
