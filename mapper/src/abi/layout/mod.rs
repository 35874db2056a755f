//! The structs that C code reads and writes directly, as CPython 3.14 lays them out on 64-bit machines.
//!
//! Field names are CPython's. `layout.tsv` has every offset and size as the C compiler sees them; a test holds each
//! struct here against it, field by field. Nothing in this module has behaviour.
#![allow(non_camel_case_types, missing_docs, reason = "names are CPython's, and its headers tell about them")]

use std::ffi::{c_char, c_int, c_uint, c_void};

mod builtin;
mod datetime;
mod module;
mod object;
mod thread;

pub use builtin::*;
pub use datetime::*;
pub use module::*;
pub use object::*;
pub use thread::*;

/// One field of a struct: its name, byte offset and size.
#[cfg(test)]
pub(crate) type Field = (&'static str, usize, usize);

/// Declares a `repr(C)` struct with public fields, and for the test the places of its fields.
macro_rules! layout {
    (struct $name:ident { $($field:ident: $kind:ty,)* }) => {
        #[repr(C)]
        #[derive(Clone, Copy)]
        pub struct $name { $(pub $field: $kind,)* }

        #[cfg(test)]
        impl $name {
            pub(crate) const FIELDS: &'static [Field] =
                &[$((stringify!($field), std::mem::offset_of!($name, $field), size_of::<$kind>())),*];
        }
    };
}
use layout;

pub type Destructor = unsafe extern "C" fn(*mut PyObject);
pub type FreeFunc = unsafe extern "C" fn(*mut c_void);
pub type UnaryFunc = unsafe extern "C" fn(*mut PyObject) -> *mut PyObject;
pub type BinaryFunc = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;
pub type TernaryFunc = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> *mut PyObject;
pub type Inquiry = unsafe extern "C" fn(*mut PyObject) -> c_int;
pub type HashFunc = unsafe extern "C" fn(*mut PyObject) -> isize;
pub type LenFunc = unsafe extern "C" fn(*mut PyObject) -> isize;
pub type SsizeArgFunc = unsafe extern "C" fn(*mut PyObject, isize) -> *mut PyObject;
pub type SsizeObjArgProc = unsafe extern "C" fn(*mut PyObject, isize, *mut PyObject) -> c_int;
pub type ObjObjProc = unsafe extern "C" fn(*mut PyObject, *mut PyObject) -> c_int;
pub type ObjObjArgProc = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> c_int;
pub type InitProc = ObjObjArgProc;
pub type GetAttrFunc = unsafe extern "C" fn(*mut PyObject, *mut c_char) -> *mut PyObject;
pub type SetAttrFunc = unsafe extern "C" fn(*mut PyObject, *mut c_char, *mut PyObject) -> c_int;
pub type RichCmpFunc = unsafe extern "C" fn(*mut PyObject, *mut PyObject, c_int) -> *mut PyObject;
pub type NewFunc = unsafe extern "C" fn(*mut PyTypeObject, *mut PyObject, *mut PyObject) -> *mut PyObject;
pub type AllocFunc = unsafe extern "C" fn(*mut PyTypeObject, isize) -> *mut PyObject;
pub type VisitProc = unsafe extern "C" fn(*mut PyObject, *mut c_void) -> c_int;
pub type TraverseProc = unsafe extern "C" fn(*mut PyObject, VisitProc, *mut c_void) -> c_int;
pub type SendFunc = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut *mut PyObject) -> c_int;
pub type GetBufferProc = unsafe extern "C" fn(*mut PyObject, *mut Py_buffer, c_int) -> c_int;
pub type ReleaseBufferProc = unsafe extern "C" fn(*mut PyObject, *mut Py_buffer);
pub type VectorcallFunc =
    unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, usize, *mut PyObject) -> *mut PyObject;
pub type Getter = unsafe extern "C" fn(*mut PyObject, *mut c_void) -> *mut PyObject;
pub type Setter = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut c_void) -> c_int;
pub type ModuleInit = unsafe extern "C" fn() -> *mut PyObject;
/// `METH_NOARGS`, `METH_O` and `METH_VARARGS`.
pub type PyCFunction = BinaryFunc;
/// `METH_VARARGS | METH_KEYWORDS`.
pub type PyCFunctionWithKeywords = TernaryFunc;
/// `METH_FASTCALL`.
pub type PyCFunctionFast = unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, isize) -> *mut PyObject;
/// `METH_FASTCALL | METH_KEYWORDS`.
pub type PyCFunctionFastWithKeywords =
    unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, isize, *mut PyObject) -> *mut PyObject;
/// `METH_METHOD | METH_FASTCALL | METH_KEYWORDS`.
pub type PyCMethod =
    unsafe extern "C" fn(*mut PyObject, *mut PyTypeObject, *const *mut PyObject, usize, *mut PyObject) -> *mut PyObject;

/// `METH_*` of `methodobject.h`.
pub mod meth {
    use super::c_int;
    pub const VARARGS: c_int = 0x0001;
    pub const KEYWORDS: c_int = 0x0002;
    pub const NOARGS: c_int = 0x0004;
    pub const O: c_int = 0x0008;
    pub const CLASS: c_int = 0x0010;
    pub const STATIC: c_int = 0x0020;
    pub const COEXIST: c_int = 0x0040;
    pub const FASTCALL: c_int = 0x0080;
    pub const METHOD: c_int = 0x0200;
}

/// `Py_TPFLAGS_*` of `object.h`.
pub mod tpflags {
    pub const STATIC_BUILTIN: usize = 1 << 1;
    pub const INLINE_VALUES: usize = 1 << 2;
    pub const MANAGED_WEAKREF: usize = 1 << 3;
    pub const MANAGED_DICT: usize = 1 << 4;
    pub const SEQUENCE: usize = 1 << 5;
    pub const MAPPING: usize = 1 << 6;
    pub const DISALLOW_INSTANTIATION: usize = 1 << 7;
    pub const IMMUTABLETYPE: usize = 1 << 8;
    pub const HEAPTYPE: usize = 1 << 9;
    pub const BASETYPE: usize = 1 << 10;
    pub const HAVE_VECTORCALL: usize = 1 << 11;
    pub const READY: usize = 1 << 12;
    pub const READYING: usize = 1 << 13;
    pub const HAVE_GC: usize = 1 << 14;
    pub const METHOD_DESCRIPTOR: usize = 1 << 17;
    pub const VALID_VERSION_TAG: usize = 1 << 19;
    pub const IS_ABSTRACT: usize = 1 << 20;
    pub const MATCH_SELF: usize = 1 << 22;
    pub const ITEMS_AT_END: usize = 1 << 23;
    pub const LONG_SUBCLASS: usize = 1 << 24;
    pub const LIST_SUBCLASS: usize = 1 << 25;
    pub const TUPLE_SUBCLASS: usize = 1 << 26;
    pub const BYTES_SUBCLASS: usize = 1 << 27;
    pub const UNICODE_SUBCLASS: usize = 1 << 28;
    pub const DICT_SUBCLASS: usize = 1 << 29;
    pub const BASE_EXC_SUBCLASS: usize = 1 << 30;
    pub const TYPE_SUBCLASS: usize = 1 << 31;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// `layout.tsv` by struct: the fields that are whole bytes, with offset and size, and the struct's size.
    fn table() -> BTreeMap<&'static str, BTreeMap<&'static str, (Option<usize>, usize)>> {
        let mut table: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for line in include_str!("layout.tsv").lines().skip(1) {
            let cells: Vec<&str> = line.split('\t').collect();
            if cells[2].contains(':') || cells[1].contains('.') {
                continue; // bit fields and members of members are read through their whole field
            }
            table.entry(cells[0]).or_default().insert(cells[1], (cells[2].parse().ok(), cells[3].parse().unwrap()));
        }
        table
    }

    macro_rules! structs {
        ($($name:ident)*) => { [$((stringify!($name), size_of::<$name>(), $name::FIELDS)),*] };
    }

    #[test]
    fn every_struct_is_laid_out_as_in_c() {
        let structs = structs!(PyObject PyVarObject PyTypeObject PyHeapTypeObject PyNumberMethods PySequenceMethods
            PyMappingMethods PyAsyncMethods PyBufferProcs Py_buffer PyType_Spec PyType_Slot PyMethodDef PyMemberDef
            PyGetSetDef PyLongObject _PyLongValue PyFloatObject PyComplexObject Py_complex PyTupleObject PyListObject
            PyDictObject PySetObject setentry PyASCIIObject PyCompactUnicodeObject PyUnicodeObject PyBytesObject
            PyByteArrayObject PyCFunctionObject PyCMethodObject PyMethodObject PyInstanceMethodObject PySliceObject PyBaseExceptionObject
            PyCellObject PyDescrObject PyMethodDescrObject PyMemberDescrObject PyGetSetDescrObject PyWrapperDescrObject
            PyWeakReference PyCodeObject PyFunctionObject PyTracebackObject PyMemoryViewObject PyDateTime_Date
            PyDateTime_Time PyDateTime_DateTime PyDateTime_Delta PyDateTime_CAPI PyModuleDef PyModuleDef_Base PyModuleDef_Slot PyThreadState
            _PyErr_StackItem);
        let table = table();
        let mut wrong = Vec::new();
        for (name, size, fields) in structs {
            let expected = &table[name];
            if expected["(sizeof)"].1 != size {
                wrong.push(format!("{name} has {size} bytes instead of {}", expected["(sizeof)"].1));
            }
            for &(field, offset, size) in fields {
                let field = if field == "kind" { "type" } else { field };
                // A trailing array of one stands for any number of elements: its declared size is one element.
                match expected.get(field) {
                    Some(&(at, bytes)) if at == Some(offset) && bytes == size => {}
                    other => wrong.push(format!("{name}.{field} is at {offset} with {size} bytes, C has {other:?}")),
                }
            }
            for field in expected.keys().filter(|field| !matches!(**field, "(sizeof)" | "ob_refcnt_full" | "_aligner"))
            {
                let field = if *field == "type" { "kind" } else { field };
                if !fields.iter().any(|(name, ..)| *name == field) {
                    wrong.push(format!("{name}.{field} is missing"));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
