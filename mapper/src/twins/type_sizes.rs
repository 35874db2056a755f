//! Sizes, offsets and flags of managed types, as CPython has them: the table's for builtin types, and what follows from
//! their bases for classes made in Python.

use rustpython_vm::builtins::PyType;
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{Py, VirtualMachine};

use crate::abi::layout::{self as c, tpflags};
use crate::abi::type_table::{self, Row};
use crate::heap::block::Block;
use crate::heap::kind::Kind;
use crate::lifetime::{handle, thread};
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

/// Whether a type's objects look like its base's.
unsafe fn is_like_base(t: &c::PyTypeObject) -> bool {
    // SAFETY: a ready type's base is NULL or a type.
    let Some(base) = (unsafe { t.tp_base.as_ref() }) else { return false };
    let collected = |t: &c::PyTypeObject| t.tp_flags & tpflags::HAVE_GC != 0;
    let clear = |t: &c::PyTypeObject| t.tp_clear.map(|f| f as usize);
    t.tp_basicsize == base.tp_basicsize
        && t.tp_itemsize == base.tp_itemsize
        && t.tp_dictoffset == base.tp_dictoffset
        && t.tp_weaklistoffset == base.tp_weaklistoffset
        && collected(t) == collected(base)
        && (!collected(t) || clear(t) == clear(base))
}

/// Whether two types that derive from the same one add the same: slots of the same names, a dict and a list of weak references in
/// the same places.
unsafe fn add_the_same(a: &c::PyTypeObject, b: &c::PyTypeObject) -> bool {
    let slots = |t: &c::PyTypeObject| {
        let class = handle::twin_of(std::ptr::from_ref(t).cast_mut().cast())?.downcast_ref::<PyType>()?;
        let names = class.heaptype_ext.as_deref()?.slots.as_ref()?.as_slice();
        Some(names.iter().map(|name| name.to_string_lossy().into_owned()).collect::<Vec<_>>())
    };
    // SAFETY: a ready type's base is NULL or a type.
    let Some(base) = (unsafe { a.tp_base.as_ref() }) else { return false };
    let (of_a, of_b) = (slots(a), slots(b));
    let mut size = base.tp_basicsize;
    for offset in [|t: &c::PyTypeObject| t.tp_dictoffset, |t: &c::PyTypeObject| t.tp_weaklistoffset] {
        if offset(a) == size && offset(b) == size {
            size += size_of::<Block>() as isize;
        }
    }
    if let (Some(of_a), Some(of_b)) = (&of_a, &of_b) {
        if of_a != of_b {
            return false;
        }
        size += (of_a.len() * size_of::<Block>()) as isize;
    }
    std::ptr::eq(base, b.tp_base)
        && a.tp_flags & b.tp_flags & tpflags::HEAPTYPE != 0
        && a.tp_basicsize == size
        && b.tp_basicsize == size
}

/// Why an object of one class cannot become one of another, if C code made a type that one of them derives from: the VM knows
/// only how large structs are.
pub fn refused_change(vm: &VirtualMachine, old: &Py<PyType>, new: &Py<PyType>) -> Option<&'static str> {
    let _section = thread::enter(vm);
    // SAFETY: types' blocks are ready, and so are their bases.
    unsafe {
        let (mut old, mut new) = (type_block(vm, old), type_block(vm, new));
        if [old, new].iter().all(|t| Kind::of_type(*t) != Kind::Instance) {
            return None;
        }
        // Memory of the one sort is not freed as that of the other.
        if ((*old).tp_flags ^ (*new).tp_flags) & tpflags::HAVE_GC != 0 {
            return Some("deallocator");
        }
        for t in [&mut old, &mut new] {
            while is_like_base(&**t) {
                *t = (**t).tp_base;
            }
        }
        (old != new && !add_the_same(&*old, &*new)).then_some("object layout")
    }
}
