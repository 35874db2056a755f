//! Objects of the builtin types, as far as macros and code generators read them.

use super::*;

layout! {
    struct PyLongObject {
        ob_base: PyObject,
        long_value: _PyLongValue,
    }
}

layout! {
    struct _PyLongValue {
        lv_tag: usize,
        ob_digit: [u32; 1],
    }
}

layout! {
    struct PyFloatObject {
        ob_base: PyObject,
        ob_fval: f64,
    }
}

layout! {
    struct PyComplexObject {
        ob_base: PyObject,
        cval: Py_complex,
    }
}

layout! {
    struct Py_complex {
        real: f64,
        imag: f64,
    }
}

layout! {
    struct PyTupleObject {
        ob_base: PyVarObject,
        ob_hash: isize,
        ob_item: [*mut PyObject; 1],
    }
}

layout! {
    struct PyListObject {
        ob_base: PyVarObject,
        ob_item: *mut *mut PyObject,
        allocated: isize,
    }
}

layout! {
    struct PyDictObject {
        ob_base: PyObject,
        ma_used: isize,
        _ma_watcher_tag: usize,
        ma_keys: *mut c_void,
        ma_values: *mut c_void,
    }
}

layout! {
    struct PySetObject {
        ob_base: PyObject,
        fill: isize,
        used: isize,
        mask: isize,
        table: *mut setentry,
        hash: isize,
        finger: isize,
        smalltable: [setentry; 8],
        weakreflist: *mut PyObject,
    }
}

layout! {
    struct setentry {
        key: *mut PyObject,
        hash: isize,
    }
}

layout! {
    struct PyASCIIObject {
        ob_base: PyObject,
        length: isize,
        hash: isize,
        state: u32,
    }
}

layout! {
    struct PyCompactUnicodeObject {
        _base: PyASCIIObject,
        utf8_length: isize,
        utf8: *mut c_char,
    }
}

layout! {
    struct PyUnicodeObject {
        _base: PyCompactUnicodeObject,
        data: *mut c_void,
    }
}

layout! {
    struct PyBytesObject {
        ob_base: PyVarObject,
        ob_shash: isize,
        ob_sval: [u8; 1],
    }
}

layout! {
    struct PyByteArrayObject {
        ob_base: PyVarObject,
        ob_alloc: isize,
        ob_bytes: *mut c_char,
        ob_start: *mut c_char,
        ob_exports: isize,
    }
}

layout! {
    struct PyCFunctionObject {
        ob_base: PyObject,
        m_ml: *mut PyMethodDef,
        m_self: *mut PyObject,
        m_module: *mut PyObject,
        m_weakreflist: *mut PyObject,
        vectorcall: Option<VectorcallFunc>,
    }
}

layout! {
    struct PyCMethodObject {
        func: PyCFunctionObject,
        mm_class: *mut PyTypeObject,
    }
}

layout! {
    struct PyMethodObject {
        ob_base: PyObject,
        im_func: *mut PyObject,
        im_self: *mut PyObject,
        im_weakreflist: *mut PyObject,
        vectorcall: Option<VectorcallFunc>,
    }
}

layout! {
    struct PyDescrObject {
        ob_base: PyObject,
        d_type: *mut PyTypeObject,
        d_name: *mut PyObject,
        d_qualname: *mut PyObject,
    }
}

layout! {
    struct PyMethodDescrObject {
        d_common: PyDescrObject,
        d_method: *const PyMethodDef,
        vectorcall: Option<VectorcallFunc>,
    }
}

layout! {
    struct PyMemberDescrObject {
        d_common: PyDescrObject,
        d_member: *const PyMemberDef,
    }
}

layout! {
    struct PyGetSetDescrObject {
        d_common: PyDescrObject,
        d_getset: *const PyGetSetDef,
    }
}

layout! {
    struct PyWrapperDescrObject {
        d_common: PyDescrObject,
        d_base: *const c_void,
        d_wrapped: *const c_void,
    }
}

layout! {
    struct PyInstanceMethodObject {
        ob_base: PyObject,
        func: *mut PyObject,
    }
}

layout! {
    struct PySliceObject {
        ob_base: PyObject,
        start: *mut PyObject,
        stop: *mut PyObject,
        step: *mut PyObject,
    }
}

layout! {
    struct PyBaseExceptionObject {
        ob_base: PyObject,
        dict: *mut PyObject,
        args: *mut PyObject,
        notes: *mut PyObject,
        traceback: *mut PyObject,
        context: *mut PyObject,
        cause: *mut PyObject,
        suppress_context: u8,
    }
}

layout! {
    struct PyCellObject {
        ob_base: PyObject,
        ob_ref: *mut PyObject,
    }
}

layout! {
    struct PyWeakReference {
        ob_base: PyObject,
        wr_object: *mut PyObject,
        wr_callback: *mut PyObject,
        hash: isize,
        wr_prev: *mut PyWeakReference,
        wr_next: *mut PyWeakReference,
        vectorcall: Option<VectorcallFunc>,
    }
}

layout! {
    struct PyCodeObject {
        ob_base: PyVarObject,
        co_consts: *mut PyObject,
        co_names: *mut PyObject,
        co_exceptiontable: *mut PyObject,
        co_flags: c_int,
        co_argcount: c_int,
        co_posonlyargcount: c_int,
        co_kwonlyargcount: c_int,
        co_stacksize: c_int,
        co_firstlineno: c_int,
        co_nlocalsplus: c_int,
        co_framesize: c_int,
        co_nlocals: c_int,
        co_ncellvars: c_int,
        co_nfreevars: c_int,
        co_version: u32,
        co_localsplusnames: *mut PyObject,
        co_localspluskinds: *mut PyObject,
        co_filename: *mut PyObject,
        co_name: *mut PyObject,
        co_qualname: *mut PyObject,
        co_linetable: *mut PyObject,
        co_weakreflist: *mut PyObject,
        co_executors: *mut c_void,
        _co_cached: *mut c_void,
        _co_instrumentation_version: usize,
        _co_monitoring: *mut c_void,
        _co_unique_id: isize,
        _co_firsttraceable: c_int,
        co_extra: *mut c_void,
        co_code_adaptive: [c_char; 1],
    }
}

layout! {
    struct PyFunctionObject {
        ob_base: PyObject,
        func_globals: *mut PyObject,
        func_builtins: *mut PyObject,
        func_name: *mut PyObject,
        func_qualname: *mut PyObject,
        func_code: *mut PyObject,
        func_defaults: *mut PyObject,
        func_kwdefaults: *mut PyObject,
        func_closure: *mut PyObject,
        func_doc: *mut PyObject,
        func_dict: *mut PyObject,
        func_weakreflist: *mut PyObject,
        func_module: *mut PyObject,
        func_annotations: *mut PyObject,
        func_annotate: *mut PyObject,
        func_typeparams: *mut PyObject,
        vectorcall: Option<VectorcallFunc>,
        func_version: u32,
    }
}

layout! {
    struct PyTracebackObject {
        ob_base: PyObject,
        tb_next: *mut PyObject,
        tb_frame: *mut PyObject,
        tb_lasti: c_int,
        tb_lineno: c_int,
    }
}

layout! {
    struct PyMemoryViewObject {
        ob_base: PyVarObject,
        mbuf: *mut PyObject,
        hash: isize,
        flags: c_int,
        exports: isize,
        view: Py_buffer,
        weakreflist: *mut PyObject,
        ob_array: [isize; 1],
    }
}
