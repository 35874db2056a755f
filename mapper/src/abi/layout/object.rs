//! Objects, types and the tables that a type is made from (`object.h`, `cpython/object.h`, `methodobject.h`, `descrobject.h`, `pybuffer.h`).

use super::*;

layout! {
    struct PyObject {
        ob_refcnt: u32,
        ob_overflow: u16,
        ob_flags: u16,
        ob_type: *mut PyTypeObject,
    }
}

layout! {
    struct PyVarObject {
        ob_base: PyObject,
        ob_size: isize,
    }
}

layout! {
    struct PyTypeObject {
        ob_base: PyVarObject,
        tp_name: *const c_char,
        tp_basicsize: isize,
        tp_itemsize: isize,
        tp_dealloc: Option<Destructor>,
        tp_vectorcall_offset: isize,
        tp_getattr: Option<GetAttrFunc>,
        tp_setattr: Option<SetAttrFunc>,
        tp_as_async: *mut PyAsyncMethods,
        tp_repr: Option<UnaryFunc>,
        tp_as_number: *mut PyNumberMethods,
        tp_as_sequence: *mut PySequenceMethods,
        tp_as_mapping: *mut PyMappingMethods,
        tp_hash: Option<HashFunc>,
        tp_call: Option<TernaryFunc>,
        tp_str: Option<UnaryFunc>,
        tp_getattro: Option<BinaryFunc>,
        tp_setattro: Option<ObjObjArgProc>,
        tp_as_buffer: *mut PyBufferProcs,
        tp_flags: usize,
        tp_doc: *const c_char,
        tp_traverse: Option<TraverseProc>,
        tp_clear: Option<Inquiry>,
        tp_richcompare: Option<RichCmpFunc>,
        tp_weaklistoffset: isize,
        tp_iter: Option<UnaryFunc>,
        tp_iternext: Option<UnaryFunc>,
        tp_methods: *mut PyMethodDef,
        tp_members: *mut PyMemberDef,
        tp_getset: *mut PyGetSetDef,
        tp_base: *mut PyTypeObject,
        tp_dict: *mut PyObject,
        tp_descr_get: Option<TernaryFunc>,
        tp_descr_set: Option<ObjObjArgProc>,
        tp_dictoffset: isize,
        tp_init: Option<InitProc>,
        tp_alloc: Option<AllocFunc>,
        tp_new: Option<NewFunc>,
        tp_free: Option<FreeFunc>,
        tp_is_gc: Option<Inquiry>,
        tp_bases: *mut PyObject,
        tp_mro: *mut PyObject,
        tp_cache: *mut PyObject,
        tp_subclasses: *mut c_void,
        tp_weaklist: *mut PyObject,
        tp_del: Option<Destructor>,
        tp_version_tag: u32,
        tp_finalize: Option<Destructor>,
        tp_vectorcall: Option<VectorcallFunc>,
        tp_watched: u8,
        tp_versions_used: u16,
    }
}

layout! {
    struct PyHeapTypeObject {
        ht_type: PyTypeObject,
        as_async: PyAsyncMethods,
        as_number: PyNumberMethods,
        as_mapping: PyMappingMethods,
        as_sequence: PySequenceMethods,
        as_buffer: PyBufferProcs,
        ht_name: *mut PyObject,
        ht_slots: *mut PyObject,
        ht_qualname: *mut PyObject,
        ht_cached_keys: *mut c_void,
        ht_module: *mut PyObject,
        _ht_tpname: *mut c_char,
        ht_token: *mut c_void,
        _spec_cache: [usize; 3],
    }
}

layout! {
    struct PyNumberMethods {
        nb_add: Option<BinaryFunc>,
        nb_subtract: Option<BinaryFunc>,
        nb_multiply: Option<BinaryFunc>,
        nb_remainder: Option<BinaryFunc>,
        nb_divmod: Option<BinaryFunc>,
        nb_power: Option<TernaryFunc>,
        nb_negative: Option<UnaryFunc>,
        nb_positive: Option<UnaryFunc>,
        nb_absolute: Option<UnaryFunc>,
        nb_bool: Option<Inquiry>,
        nb_invert: Option<UnaryFunc>,
        nb_lshift: Option<BinaryFunc>,
        nb_rshift: Option<BinaryFunc>,
        nb_and: Option<BinaryFunc>,
        nb_xor: Option<BinaryFunc>,
        nb_or: Option<BinaryFunc>,
        nb_int: Option<UnaryFunc>,
        nb_reserved: *mut c_void,
        nb_float: Option<UnaryFunc>,
        nb_inplace_add: Option<BinaryFunc>,
        nb_inplace_subtract: Option<BinaryFunc>,
        nb_inplace_multiply: Option<BinaryFunc>,
        nb_inplace_remainder: Option<BinaryFunc>,
        nb_inplace_power: Option<TernaryFunc>,
        nb_inplace_lshift: Option<BinaryFunc>,
        nb_inplace_rshift: Option<BinaryFunc>,
        nb_inplace_and: Option<BinaryFunc>,
        nb_inplace_xor: Option<BinaryFunc>,
        nb_inplace_or: Option<BinaryFunc>,
        nb_floor_divide: Option<BinaryFunc>,
        nb_true_divide: Option<BinaryFunc>,
        nb_inplace_floor_divide: Option<BinaryFunc>,
        nb_inplace_true_divide: Option<BinaryFunc>,
        nb_index: Option<UnaryFunc>,
        nb_matrix_multiply: Option<BinaryFunc>,
        nb_inplace_matrix_multiply: Option<BinaryFunc>,
    }
}

layout! {
    struct PySequenceMethods {
        sq_length: Option<LenFunc>,
        sq_concat: Option<BinaryFunc>,
        sq_repeat: Option<SsizeArgFunc>,
        sq_item: Option<SsizeArgFunc>,
        was_sq_slice: *mut c_void,
        sq_ass_item: Option<SsizeObjArgProc>,
        was_sq_ass_slice: *mut c_void,
        sq_contains: Option<ObjObjProc>,
        sq_inplace_concat: Option<BinaryFunc>,
        sq_inplace_repeat: Option<SsizeArgFunc>,
    }
}

layout! {
    struct PyMappingMethods {
        mp_length: Option<LenFunc>,
        mp_subscript: Option<BinaryFunc>,
        mp_ass_subscript: Option<ObjObjArgProc>,
    }
}

layout! {
    struct PyAsyncMethods {
        am_await: Option<UnaryFunc>,
        am_aiter: Option<UnaryFunc>,
        am_anext: Option<UnaryFunc>,
        am_send: Option<SendFunc>,
    }
}

layout! {
    struct PyBufferProcs {
        bf_getbuffer: Option<GetBufferProc>,
        bf_releasebuffer: Option<ReleaseBufferProc>,
    }
}

layout! {
    struct Py_buffer {
        buf: *mut c_void,
        obj: *mut PyObject,
        len: isize,
        itemsize: isize,
        readonly: c_int,
        ndim: c_int,
        format: *mut c_char,
        shape: *mut isize,
        strides: *mut isize,
        suboffsets: *mut isize,
        internal: *mut c_void,
    }
}

layout! {
    struct PyType_Spec {
        name: *const c_char,
        basicsize: c_int,
        itemsize: c_int,
        flags: c_uint,
        slots: *mut PyType_Slot,
    }
}

layout! {
    struct PyType_Slot {
        slot: c_int,
        pfunc: *mut c_void,
    }
}

layout! {
    struct PyMethodDef {
        ml_name: *const c_char,
        ml_meth: *const c_void,
        ml_flags: c_int,
        ml_doc: *const c_char,
    }
}

layout! {
    struct PyMemberDef {
        name: *const c_char,
        kind: c_int,
        offset: isize,
        flags: c_int,
        doc: *const c_char,
    }
}

layout! {
    struct PyGetSetDef {
        name: *const c_char,
        get: Option<Getter>,
        set: Option<Setter>,
        doc: *const c_char,
        closure: *mut c_void,
    }
}
