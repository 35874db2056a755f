//! Module definitions (`moduleobject.h`).

use super::*;

layout! {
    struct PyModuleDef {
        m_base: PyModuleDef_Base,
        m_name: *const c_char,
        m_doc: *const c_char,
        m_size: isize,
        m_methods: *mut PyMethodDef,
        m_slots: *mut PyModuleDef_Slot,
        m_traverse: Option<TraverseProc>,
        m_clear: Option<Inquiry>,
        m_free: Option<FreeFunc>,
    }
}

layout! {
    struct PyModuleDef_Base {
        ob_base: PyObject,
        m_init: Option<ModuleInit>,
        m_index: isize,
        m_copy: *mut PyObject,
    }
}

layout! {
    struct PyModuleDef_Slot {
        slot: c_int,
        value: *mut c_void,
    }
}

/// A module's block (`PyModuleObject` of CPython's `internal/pycore_moduleobject.h`, up to its name). C code uses functions
/// for all of it.
#[repr(C)]
pub struct ModuleBlock {
    pub ob_base: PyObject,
    pub md_dict: *mut PyObject,
    /// What it was made from, or NULL.
    pub md_def: *mut PyModuleDef,
    /// `m_size` bytes, or NULL.
    pub md_state: *mut c_void,
    pub md_weaklist: *mut PyObject,
    pub md_name: *mut PyObject,
}
