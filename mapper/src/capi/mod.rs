//! The C API, one file per CPython header, functions in the header's order. The build script finds every
//! `pub unsafe extern "C" fn` here and puts it behind the exported symbol of its name.
//!
//! Callers are C code that holds the C lock; pointers are valid, or NULL where a description says so. That is what
//! each `unsafe` in these files rests on. Variadic functions get a [`VaList`](crate::abi::va_list::VaList), which the stub's
//! entry builds, so a function and its `V` form are alike.
#![allow(non_snake_case, reason = "names are CPython's")]

pub mod abstract_;
pub mod attribute;
pub mod boolobject;
pub mod bytearrayobject;
pub mod bytesobject;
pub mod ceval;
pub mod classobject;
pub mod code;
pub mod codecs;
pub mod complexobject;
pub mod context;
pub mod critical_section;
pub mod datetime;
pub mod descrobject;
pub mod dictobject;
pub mod exceptionparts;
pub mod fileobject;
pub mod fileutils;
pub mod floatobject;
pub mod funcobject;
pub mod genericaliasobject;
pub mod genobject;
pub mod getargs;
pub mod hashtable;
pub mod import;
pub mod iterobject;
pub mod listobject;
pub mod longbytes;
pub mod longdigits;
pub mod longobject;
pub mod mapping;
pub mod marshal;
pub mod memoryobject;
pub mod methodobject;
pub mod modsupport;
pub mod moduleobject;
pub mod number;
pub mod object;
pub mod objimpl;
pub mod odictobject;
pub mod osmodule;
pub mod parking_lot;
pub mod picklebufobject;
pub mod pybuffer;
pub mod pycapsule;
pub mod pydebug;
pub mod pyerrors;
pub mod pyframe;
pub mod pyhash;
pub mod pylifecycle;
pub mod pymacro;
pub mod pymem;
pub mod pystate;
pub mod pystrtod;
pub mod pythonrun;
pub mod pythread;
pub mod pytime;
pub mod refcount;
pub mod sequence;
pub mod setobject;
pub mod sliceobject;
pub mod structseq;
pub mod support;
pub mod syntaxlocation;
pub mod sysmodule;
pub mod traceback;
pub mod tracemalloc;
pub mod tupleobject;
pub mod typeobject;
pub mod unicodecodecs;
pub mod unicodectype;
pub mod unicodeerrors;
pub mod unicodemethods;
pub mod unicodeobject;
pub mod unicodesystem;
pub mod unicodewriter;
pub mod warnings;
pub mod weakrefobject;

/// What every file here uses.
pub(crate) mod prelude {
    pub(crate) use std::ffi::{CStr, c_char, c_int, c_long, c_void};

    pub(crate) use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

    pub(crate) use crate::abi::address::{data_address, static_block};
    pub(crate) use crate::abi::statics::statics;
    pub(crate) use crate::abi::va_list::VaList;
    pub(crate) use crate::abi::{layout as c, text};
    pub(crate) use crate::calls::api::{api, infallible, no_memory};
    pub(crate) use crate::heap::block::Block;
    pub(crate) use crate::heap::kind::Kind;
    pub(crate) use crate::lifetime::managed::leave_for;
    pub(crate) use crate::lifetime::thread::{leave, leave_with};
    pub(crate) use crate::lifetime::{dealloc, handle};
    pub(crate) use crate::twins::forms::{bytes, tuple};
    pub(crate) use crate::twins::reference::{Borrowed, Lent, New, Stolen, bad_internal_call};
    pub(crate) use crate::twins::{error, lend, retrieve, store, types};
}
