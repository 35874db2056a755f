//! Addresses of the static types and singletons that are compared again and again.

use crate::abi::address::data_address;
use crate::abi::layout as c;

/// Addresses of the static types and singletons that are compared again and again. Filled when the stub's data is.
#[derive(Clone, Copy)]
pub struct Statics {
    pub(crate) long: *mut c::PyTypeObject,
    pub(crate) float: *mut c::PyTypeObject,
    pub(crate) unicode: *mut c::PyTypeObject,
    pub(crate) bytes: *mut c::PyTypeObject,
    pub(crate) bytearray: *mut c::PyTypeObject,
    pub(crate) tuple: *mut c::PyTypeObject,
    pub(crate) list: *mut c::PyTypeObject,
    pub(crate) dict: *mut c::PyTypeObject,
    pub(crate) module: *mut c::PyTypeObject,
    pub(crate) type_: *mut c::PyTypeObject,
    pub(crate) object: *mut c::PyTypeObject,
    pub(crate) function: *mut c::PyTypeObject,
    pub(crate) method: *mut c::PyTypeObject,
    pub(crate) frame: *mut c::PyTypeObject,
    pub(crate) traceback: *mut c::PyTypeObject,
    pub(crate) none: *mut c::PyObject,
    pub(crate) true_: *mut c::PyObject,
    pub(crate) false_: *mut c::PyObject,
}

static mut STATICS: Statics = {
    let null = std::ptr::null_mut();
    Statics {
        long: null,
        float: null,
        unicode: null,
        bytes: null,
        bytearray: null,
        tuple: null,
        list: null,
        dict: null,
        module: null,
        type_: null,
        object: null,
        function: null,
        method: null,
        frame: null,
        traceback: null,
        none: std::ptr::null_mut(),
        true_: std::ptr::null_mut(),
        false_: std::ptr::null_mut(),
    }
};

/// The static types' addresses.
#[inline]
pub fn statics() -> &'static Statics {
    // SAFETY: written once by `fill`, before any C code runs.
    unsafe { &*std::ptr::addr_of!(STATICS) }
}

/// Remembers the addresses of the static types, once they all have one.
pub(crate) fn fill() {
    let of = |name| data_address(name).cast::<c::PyTypeObject>();
    // SAFETY: before any C code runs, on one thread.
    unsafe {
        STATICS = Statics {
            long: of("PyLong_Type"),
            float: of("PyFloat_Type"),
            unicode: of("PyUnicode_Type"),
            bytes: of("PyBytes_Type"),
            bytearray: of("PyByteArray_Type"),
            tuple: of("PyTuple_Type"),
            list: of("PyList_Type"),
            dict: of("PyDict_Type"),
            module: of("PyModule_Type"),
            type_: of("PyType_Type"),
            object: of("PyBaseObject_Type"),
            function: of("PyCFunction_Type"),
            method: of("PyCMethod_Type"),
            frame: of("PyFrame_Type"),
            traceback: of("PyTraceBack_Type"),
            none: data_address("_Py_NoneStruct").cast(),
            true_: data_address("_Py_TrueStruct").cast(),
            false_: data_address("_Py_FalseStruct").cast(),
        };
    }
}
