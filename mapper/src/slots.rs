//! The slots of managed types' blocks: what C code finds when it looks into a type that Python made.

use std::ffi::c_void;
use std::sync::OnceLock;

use rustpython_vm::builtins::PyType;
use rustpython_vm::{Py, VirtualMachine};

use crate::kind::Kind;
use crate::layout as c;

/// Prepares what all types share. Once, when the stub is filled.
pub(crate) fn prepare() {
    let capsule: *mut c::PyTypeObject = crate::symbols::data_address("PyCapsule_Type").cast();
    // SAFETY: the stub's data.
    unsafe { (*capsule).tp_dealloc = Some(crate::capsule::dealloc) };
}

/// The address under which the stub exports a function. C code compares slots with these.
fn exported(name: &'static str) -> *const c_void {
    static CACHE: OnceLock<std::sync::Mutex<rustc_hash::FxHashMap<&'static str, usize>>> = OnceLock::new();
    let mut cache =
        CACHE.get_or_init(Default::default).lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    *cache.entry(name).or_insert_with(|| {
        crate::symbols::exported_function(name).map_or(0, |address| address as usize)
    }) as *const c_void
}

/// Sets the slots of a managed type's block.
///
/// # Safety
/// `t` is a type's block, `class` its twin.
pub(crate) unsafe fn fill_managed(
    _vm: &VirtualMachine,
    t: &mut c::PyTypeObject,
    class: &Py<PyType>,
    kind: Kind,
) {
    // SAFETY: each exported function has the slot's type; a null address is None.
    unsafe {
        macro_rules! set {
            ($($slot:ident = $name:literal),* $(,)?) => { $(t.$slot = std::mem::transmute(exported($name));)* };
        }
        set!(tp_repr = "PyObject_Repr", tp_str = "PyObject_Str", tp_hash = "PyObject_Hash",
            tp_getattro = "PyObject_GenericGetAttr", tp_setattro = "PyObject_GenericSetAttr",
            tp_richcompare = "PyObject_RichCompare", tp_alloc = "PyType_GenericAlloc", tp_free = "PyObject_Free");
        if kind != Kind::Instance {
            t.tp_dealloc = Some(crate::lifetime::free_builtin);
        }
        if class.slots.call.load().is_some() {
            set!(tp_call = "PyObject_Call");
        }
        if class.slots.iter.load().is_some() {
            set!(tp_iter = "PyObject_GetIter");
        }
    }
}
