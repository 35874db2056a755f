//! Sizes, offsets and flags of managed types, as CPython has them: the table's for builtin types, and what follows from
//! their bases for classes made in Python.

use rustpython_vm::builtins::PyType;
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{Py, VirtualMachine};

use crate::abi::layout::{self as c, tpflags};
use crate::abi::type_table::{self, Row};
use crate::twins::types::type_block;

/// `Py_TPFLAGS` of the managed class that may change.
const LIVE: usize = tpflags::IS_ABSTRACT | tpflags::READY;
/// What the table may say that we do in another way.
const OURS: usize = tpflags::STATIC_BUILTIN;
/// `tp_weaklistoffset` and `tp_dictoffset` of classes whose instances have these in front.
const MANAGED_WEAKREF: isize = -32;
const MANAGED_DICT: isize = -1;

/// The table's row of a builtin type.
pub(crate) fn row(class: &Py<PyType>) -> Option<&'static Row> {
    let name = class.slot_name();
    if name.contains('.') { type_table::row(&name) } else { type_table::row(&format!("builtins.{}", &*name)) }
}

/// Sets sizes, offsets and flags of a type's block, whose kind's sizes and flags are there already.
///
/// # Safety
/// `t` is the block of `class`; its base's is filled.
pub(crate) unsafe fn set(vm: &VirtualMachine, t: &mut c::PyTypeObject, class: &Py<PyType>, builtin: bool) {
    if builtin {
        if let Some(row) = row(class) {
            of_row(t, row);
        }
    } else {
        // SAFETY: by contract.
        unsafe { of_base(vm, t, class) };
    }
}

fn of_row(t: &mut c::PyTypeObject, row: &Row) {
    // Our own structs may need more room than CPython's.
    t.tp_basicsize = row.basicsize;
    t.tp_itemsize = row.itemsize;
    t.tp_dictoffset = row.dictoffset;
    t.tp_weaklistoffset = row.weaklistoffset;
    // Where objects have no function there, the field is NULL: they are called by `tp_call`.
    t.tp_vectorcall_offset = row.vectorcall_offset;
    t.tp_flags = t.tp_flags & (LIVE | OURS) | row.flags & !(LIVE | OURS) | tpflags::READY;
}

unsafe fn of_base(vm: &VirtualMachine, t: &mut c::PyTypeObject, class: &Py<PyType>) {
    // SAFETY: by the caller's contract; the others are filled by `type_block`.
    unsafe {
        let Some(base) = t.tp_base.as_ref() else { return };
        // The widest of the bases decides, whichever the VM takes for the first.
        let bases = class.bases.read().as_slice().to_vec();
        let widest =
            bases.iter().map(|base| &*type_block(vm, base)).max_by_key(|base| base.tp_basicsize).unwrap_or(base);
        t.tp_basicsize = t.tp_basicsize.max(widest.tp_basicsize).max(base.tp_basicsize);
        t.tp_itemsize = widest.tp_itemsize;
        let has = |flag| class.slots.flags.has_feature(flag);
        let inherited = |of: fn(&c::PyTypeObject) -> isize| {
            bases.iter().map(|base| of(&*type_block(vm, base))).find(|offset| *offset != 0)
        };
        t.tp_dictoffset = inherited(|base| base.tp_dictoffset).unwrap_or(0);
        if t.tp_dictoffset == 0 && has(PyTypeFlags::HAS_DICT) {
            t.tp_dictoffset = MANAGED_DICT;
        }
        t.tp_weaklistoffset = inherited(|base| base.tp_weaklistoffset).unwrap_or(0);
        if t.tp_weaklistoffset == 0 && has(PyTypeFlags::HAS_WEAKREF) && t.tp_itemsize == 0 {
            t.tp_weaklistoffset = MANAGED_WEAKREF;
        }
        if t.tp_dictoffset == MANAGED_DICT {
            t.tp_flags |= tpflags::MANAGED_DICT;
            if t.tp_itemsize == 0 {
                t.tp_flags |= tpflags::INLINE_VALUES;
            }
        }
        if t.tp_weaklistoffset == MANAGED_WEAKREF {
            t.tp_flags |= tpflags::MANAGED_WEAKREF;
        }
        t.tp_vectorcall_offset = base.tp_vectorcall_offset;
        // A `__call__` of its own takes the second away again.
        t.tp_flags |= widest.tp_flags & tpflags::ITEMS_AT_END | base.tp_flags & tpflags::HAVE_VECTORCALL;
        // As `type.__new__` has it, whatever the base.
        t.tp_flags |= tpflags::HAVE_GC;
    }
}
