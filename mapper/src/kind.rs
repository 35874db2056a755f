//! What a block is laid out as. A type's block carries its instances' kind in a field that C code does not use, so that
//! finding it is one read.

use crate::layout as c;

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
    /// `PyCFunctionObject`.
    Function,
    /// A module of ours.
    Module,
    /// `PyHeapTypeObject`, or `PyTypeObject` for static types.
    Type,
    /// `PyBaseExceptionObject`.
    Exception,
    /// A struct of another builtin type that shows attributes of the managed object (see [`crate::record`]).
    Record,
    /// `PyDateTime_Date`.
    Date,
    /// `PyDateTime_Time`, with room for a time zone.
    Time,
    /// `PyDateTime_DateTime`, with room for a time zone.
    DateTime,
    /// `PyDateTime_Delta`.
    TimeDelta,
}

impl Kind {
    /// The kind of the instances of a type.
    ///
    /// # Safety
    /// `kind` points to a type that has been made ready.
    #[inline]
    pub unsafe fn of_type(kind: *const c::PyTypeObject) -> Self {
        // SAFETY: only `set` below writes the field, and zero is `Instance`.
        unsafe { std::mem::transmute::<u16, Self>((*kind).tp_versions_used) }
    }

    /// Marks a type's instances as being of this kind.
    ///
    /// # Safety
    /// `kind` points to a type.
    pub unsafe fn set(self, kind: *mut c::PyTypeObject) {
        // SAFETY: by contract.
        unsafe { (*kind).tp_versions_used = self as u16 };
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
        match self {
            Self::Instance | Self::Opaque | Self::Record => (size_of::<c::PyObject>(), 0),
            Self::Long => (24, 4),
            Self::Float => (size_of::<c::PyFloatObject>(), 0),
            Self::Complex => (size_of::<c::PyComplexObject>(), 0),
            Self::Unicode => (size_of::<c::PyUnicodeObject>(), 0),
            Self::Bytes => (33, 1),
            Self::ByteArray => (size_of::<c::PyByteArrayObject>(), 0),
            Self::Tuple => (32, 8),
            Self::List => (size_of::<c::PyListObject>(), 0),
            Self::Dict => (size_of::<c::PyDictObject>(), 0),
            Self::Set => (size_of::<c::PySetObject>(), 0),
            Self::Slice => (size_of::<c::PySliceObject>(), 0),
            Self::Function => (size_of::<c::PyCFunctionObject>(), 0),
            Self::Module => (size_of::<crate::module::ModuleBlock>(), 0),
            Self::Type => (size_of::<c::PyHeapTypeObject>(), 40),
            Self::Exception => (size_of::<c::PyBaseExceptionObject>(), 0),
            Self::Date => (size_of::<c::PyDateTime_Date>(), 0),
            Self::Time => (size_of::<c::PyDateTime_Time>(), 0),
            Self::DateTime => (size_of::<c::PyDateTime_DateTime>(), 0),
            Self::TimeDelta => (size_of::<c::PyDateTime_Delta>(), 0),
        }
    }

    /// Whether the block shows attributes of the managed object (see [`crate::record`]).
    #[inline]
    pub fn is_record(self) -> bool {
        self as u16 >= Self::Record as u16
    }

    /// The `Py_TPFLAGS_*_SUBCLASS` bit of this kind, or 0.
    pub fn subclass_flag(self) -> usize {
        use c::tpflags::*;
        match self {
            Self::Long => LONG_SUBCLASS,
            Self::Unicode => UNICODE_SUBCLASS,
            Self::Bytes => BYTES_SUBCLASS,
            Self::Tuple => TUPLE_SUBCLASS,
            Self::List => LIST_SUBCLASS,
            Self::Dict => DICT_SUBCLASS,
            Self::Type => TYPE_SUBCLASS,
            Self::Exception => BASE_EXC_SUBCLASS,
            _ => 0,
        }
    }
}
