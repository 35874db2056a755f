//! The slots of managed types' blocks: what C code finds when it looks into a type that Python made.

use rustpython_vm::builtins::PyType;
use rustpython_vm::{Py, VirtualMachine};

use crate::abi::address::{data_address, exported};
use crate::abi::layout as c;
use crate::abi::slot_table;
use crate::heap::kind::Kind;
pub(crate) use crate::slots::special::FINALIZERS;
use crate::slots::{inherited, owned, rows, tables, traverse};
use crate::twins::types::{derives_from_c, type_block};
use crate::twins::{cycles, type_sizes};

/// Prepares what all types share. Once, when the stub is filled.
pub(crate) fn prepare() {
    let capsule: *mut c::PyTypeObject = data_address("PyCapsule_Type").cast();
    // SAFETY: the stub's data.
    unsafe { (*capsule).tp_dealloc = Some(crate::twins::forms::capsule::dealloc) };
}

/// Whether a `tp_new` is that of classes made in Python with a `__new__` of their own.
pub fn is_of_python(new: c::NewFunc) -> bool {
    std::ptr::fn_addr_eq(new, crate::slots::special::managed_new as c::NewFunc)
}

/// The slots that stand behind a special method: where they lie, and the function of classes made in Python.
pub(crate) fn places(name: &str) -> Vec<(usize, usize)> {
    rows::places(name)
}

/// Sets the slots of a managed type's block.
///
/// # Safety
/// `t` is a type's block, `class` its twin.
pub(crate) unsafe fn fill_managed(vm: &VirtualMachine, t: &mut c::PyTypeObject, class: &Py<PyType>, kind: Kind) {
    // SAFETY: each exported function has the slot's type; a null address is None.
    unsafe {
        t.tp_alloc = std::mem::transmute(exported("PyType_GenericAlloc"));
        t.tp_free = std::mem::transmute(exported("PyObject_Free"));
        own_suites(t);
        let builtin = class.heaptype_ext.is_none();
        let row = if builtin { type_sizes::row(class) } else { None };
        if builtin {
            tables::fill(vm, t, class, row);
            owned::fill(vm, t, owned::lasting(class));
        } else if derives_from_c(class) {
            // What C finds in it is what it would find in its bases, but for what the class defines anew.
            t.tp_dealloc = Some(crate::twins::heap_type::subtype_dealloc);
            if let Some(base) = class.base.deref() {
                inherited::inherit(vm, class, base);
            }
            cycles::prepare(vm, class, t, false);
            for base in &class.mro_collect()[1..] {
                slot_table::inherit_slots(t, type_block(vm, base));
            }
            slot_table::inherit(t, t.tp_base);
            rows::fill(vm, t, class);
        } else {
            rows::fill(vm, t, class);
        }
        if kind != Kind::Instance {
            if t.tp_dealloc.is_none() {
                t.tp_dealloc = Some(crate::lifetime::dealloc::free_builtin);
            }
            if !derives_from_c(class) {
                traverse::fill(t, row);
            }
            if class.slots.as_buffer.load().is_some() && (*t.tp_as_buffer).bf_getbuffer.is_none() {
                (*t.tp_as_buffer).bf_getbuffer = Some(crate::capi::pybuffer::managed_buffer);
            }
        }
    }
}

/// Gives a type's block its suites: behind the type itself, or, for static types, which have no room, elsewhere for ever.
unsafe fn own_suites(t: &mut c::PyTypeObject) {
    // SAFETY: blocks in our range are heap types'; suites are tables of nullable pointers.
    unsafe {
        if crate::heap::block::header(std::ptr::from_mut(t).cast()).is_some() {
            return crate::abi::slot_table::own_suites(std::ptr::from_mut(t).cast());
        }
        let suites: &mut c::PyHeapTypeObject = Box::leak(Box::new(std::mem::zeroed()));
        t.tp_as_async = &mut suites.as_async;
        t.tp_as_number = &mut suites.as_number;
        t.tp_as_mapping = &mut suites.as_mapping;
        t.tp_as_sequence = &mut suites.as_sequence;
        t.tp_as_buffer = &mut suites.as_buffer;
    }
}
