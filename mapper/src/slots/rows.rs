//! Which special methods stand behind each slot of a class, and what a class made in Python has there: the C function of
//! the base whose method it inherits, or a function that goes on to the special method.

use std::sync::OnceLock;

use rustpython_vm::builtins::descriptor::PyMethodDescriptor;
use rustpython_vm::builtins::{PyStrInterned, PyType, PyTypeRef};
use rustpython_vm::function::PyMethodFlags;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, VirtualMachine};

use super::{generic, special};
use crate::abi::address::exported;
use crate::abi::code::Address;
use crate::abi::layout as c;
use crate::abi::slot_table::{self, at};
use crate::lifetime::thread::leave;
use crate::twins::types::{is_of_c, type_block};

/// A slot: where it lies, the special methods that stand behind it, and the function that goes on to them. If that is
/// null, it is another slot's business.
pub(super) struct Row {
    pub(super) at: usize,
    names: &'static [&'static str],
    generic: Address,
}

const fn row(at: usize, names: &'static [&'static str], generic: *const ()) -> Row {
    Row { at, names, generic: Address(generic.cast()) }
}

/// Rows for slots whose function has the field's name.
macro_rules! rows {
    ($($suite:ident $field:ident $($name:literal)*;)*) => {
        [$(row(at!($suite, $field), &[$($name),*], generic::$field as *const ())),*]
    };
}

/// In the order in which slots share names: numbers, mappings, sequences.
static ROWS: [Row; 57] = rows! {
    ht_type tp_repr "__repr__";
    ht_type tp_str "__str__";
    ht_type tp_hash "__hash__";
    ht_type tp_call "__call__";
    ht_type tp_getattro "__getattribute__" "__getattr__";
    ht_type tp_setattro "__setattr__" "__delattr__";
    ht_type tp_richcompare "__lt__" "__le__" "__eq__" "__ne__" "__gt__" "__ge__";
    ht_type tp_iter "__iter__";
    ht_type tp_iternext "__next__";
    ht_type tp_descr_get "__get__";
    ht_type tp_descr_set "__set__" "__delete__";
    as_async am_await "__await__";
    as_async am_aiter "__aiter__";
    as_async am_anext "__anext__";
    as_number nb_add "__add__" "__radd__";
    as_number nb_subtract "__sub__" "__rsub__";
    as_number nb_multiply "__mul__" "__rmul__";
    as_number nb_remainder "__mod__" "__rmod__";
    as_number nb_divmod "__divmod__" "__rdivmod__";
    as_number nb_power "__pow__" "__rpow__";
    as_number nb_negative "__neg__";
    as_number nb_positive "__pos__";
    as_number nb_absolute "__abs__";
    as_number nb_bool "__bool__";
    as_number nb_invert "__invert__";
    as_number nb_lshift "__lshift__" "__rlshift__";
    as_number nb_rshift "__rshift__" "__rrshift__";
    as_number nb_and "__and__" "__rand__";
    as_number nb_xor "__xor__" "__rxor__";
    as_number nb_or "__or__" "__ror__";
    as_number nb_int "__int__";
    as_number nb_float "__float__";
    as_number nb_inplace_add "__iadd__";
    as_number nb_inplace_subtract "__isub__";
    as_number nb_inplace_multiply "__imul__";
    as_number nb_inplace_remainder "__imod__";
    as_number nb_inplace_power "__ipow__";
    as_number nb_inplace_lshift "__ilshift__";
    as_number nb_inplace_rshift "__irshift__";
    as_number nb_inplace_and "__iand__";
    as_number nb_inplace_xor "__ixor__";
    as_number nb_inplace_or "__ior__";
    as_number nb_floor_divide "__floordiv__" "__rfloordiv__";
    as_number nb_true_divide "__truediv__" "__rtruediv__";
    as_number nb_inplace_floor_divide "__ifloordiv__";
    as_number nb_inplace_true_divide "__itruediv__";
    as_number nb_index "__index__";
    as_number nb_matrix_multiply "__matmul__" "__rmatmul__";
    as_number nb_inplace_matrix_multiply "__imatmul__";
    as_mapping mp_length "__len__";
    as_mapping mp_subscript "__getitem__";
    as_mapping mp_ass_subscript "__setitem__" "__delitem__";
    as_sequence sq_length "__len__";
    as_sequence sq_item "__getitem__";
    as_sequence sq_ass_item "__setitem__" "__delitem__";
    as_sequence sq_contains "__contains__";
    ht_type tp_finalize "__del__";
};

/// Slots that are inherited with their method, but that no method of a class made in Python fills.
static INHERITED: [Row; 4] = [
    row(at!(as_sequence, sq_concat), &["__add__"], std::ptr::null()),
    row(at!(as_sequence, sq_repeat), &["__mul__", "__rmul__"], std::ptr::null()),
    row(at!(as_sequence, sq_inplace_concat), &["__iadd__"], std::ptr::null()),
    row(at!(as_sequence, sq_inplace_repeat), &["__imul__"], std::ptr::null()),
];

/// All rows.
fn rows() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().chain(&INHERITED)
}

/// The rows' names as the VM keeps them.
fn interned(vm: &VirtualMachine, row: &Row) -> &'static [&'static PyStrInterned] {
    static NAMES: OnceLock<Vec<(usize, Vec<&'static PyStrInterned>)>> = OnceLock::new();
    let all = NAMES.get_or_init(|| {
        rows().map(|row| (row.at, row.names.iter().map(|name| vm.ctx.intern_str(*name)).collect())).collect()
    });
    all.iter().find(|(at, _)| *at == row.at).map_or(&[], |(_, names)| names)
}

/// What a class's method says about a slot.
enum Says {
    /// The function that stands in the slot of the class that defines the method.
    Is(usize),
    /// The class that defines the method does it in another slot.
    Elsewhere,
    /// The method must be looked up.
    Generic,
}

/// The class in the MRO that has a name in its dict, and what it has there.
fn find(class: &Py<PyType>, mro: &[PyTypeRef], name: &'static PyStrInterned) -> Option<(PyTypeRef, PyObjectRef)> {
    class.get_attr(name)?;
    mro.iter().find_map(|base| base.attributes.get(name).map(|found| (base.clone(), found)))
}

/// The class whose C function a method calls; None for a method that is none of that sort.
fn wrapped(vm: &VirtualMachine, definer: &PyTypeRef, name: &PyStrInterned, found: &PyObject) -> Option<PyTypeRef> {
    if let Some(method) = found.downcast_ref::<PyMethodDescriptor>() {
        // Only special methods have no convention (see the dispatcher's `definitions`).
        let special = method.method.flags == PyMethodFlags::METHOD && method.common.name.as_str() == name.as_str();
        return if special {
            Some(method.common.typ.to_owned())
        } else {
            definer.heaptype_ext.is_none().then(|| definer.clone())
        };
    }
    if vm.is_none(found) {
        return None;
    }
    if definer.heaptype_ext.is_none() {
        return Some(definer.clone());
    }
    if found.class().is(vm.ctx.types.wrapper_descriptor_type) {
        let own = leave(vm, || found.get_attr("__name__", vm)).ok()?;
        if own.downcast_ref::<rustpython_vm::builtins::PyStr>()?.as_wtf8() != name.as_wtf8() {
            return None;
        }
        return leave(vm, || found.get_attr("__objclass__", vm)).ok()?.downcast().ok();
    }
    None
}

/// What the method `name` says about the slot of a row.
unsafe fn asked(
    vm: &VirtualMachine,
    (class, t): (&Py<PyType>, *mut c::PyTypeObject),
    row: &Row,
    name: &'static PyStrInterned,
    (definer, found): (&PyTypeRef, &PyObject),
) -> Says {
    let Some(of) = wrapped(vm, definer, name, found) else { return Says::Generic };
    if !class.fast_issubclass(of.as_object()) {
        return Says::Generic;
    }
    // SAFETY: blocks of types.
    unsafe {
        let is_own = of.as_object().is(class.as_object());
        if is_own && !is_of_c(class) {
            return Says::Generic;
        }
        let block = if is_own { t } else { type_block(vm, &of) };
        let f = slot_table::read(block, row.at) as usize;
        if f != 0 && !(is_own && f == row.generic.0 as usize) {
            return Says::Is(f);
        }
        // The length is one method of the same sort for sequences and mappings.
        let alike =
            rows().filter(|other| other.at != row.at && !row.generic.0.is_null() && other.generic.0 == row.generic.0);
        if let Some(f) = alike.map(|other| slot_table::read(block, other.at) as usize).find(|f| *f != 0)
            && !is_own
        {
            return Says::Is(f);
        }
        let others = rows().filter(|other| other.at != row.at && interned(vm, other).contains(&name));
        let by_text = row.at == at!(ht_type, tp_getattro) && (*block).tp_getattr.is_some()
            || row.at == at!(ht_type, tp_setattro) && (*block).tp_setattr.is_some();
        let mut others = others.map(|other| slot_table::read(block, other.at));
        if by_text || others.any(|f| !f.is_null()) { Says::Elsewhere } else { Says::Generic }
    }
}

/// Sets one slot anew.
unsafe fn update(vm: &VirtualMachine, class: &Py<PyType>, t: *mut c::PyTypeObject, mro: &[PyTypeRef], row: &Row) {
    let (mut function, mut generic) = (0, false);
    let not_hashable = exported("PyObject_HashNotImplemented") as usize;
    // SAFETY: by the callers' contract.
    unsafe {
        for name in interned(vm, row) {
            let Some((definer, found)) = find(class, mro, name) else { continue };
            if row.at == at!(ht_type, tp_hash) && vm.is_none(&found) {
                function = not_hashable;
                continue;
            }
            match asked(vm, (class, t), row, name, (&definer, &found)) {
                Says::Is(f) if function == 0 || function == f => function = f,
                Says::Elsewhere => {}
                Says::Is(_) | Says::Generic => generic = true,
            }
        }
        if generic {
            function = row.generic.0 as usize;
        } else if function == 0 && row.at == at!(ht_type, tp_iternext) {
            function = special::next_not_implemented as *const () as usize;
        }
        slot_table::write(t, row.at, function as *mut std::ffi::c_void);
        if row.at == at!(ht_type, tp_call) && generic {
            (*t).tp_flags &= !c::tpflags::HAVE_VECTORCALL;
        }
    }
}

/// `tp_new` and `tp_init`: a class whose method is its base's has the base's function.
unsafe fn update_making(vm: &VirtualMachine, class: &Py<PyType>, t: &mut c::PyTypeObject, mro: &[PyTypeRef]) {
    let of_python = |name: &'static str| {
        let found = find(class, mro, vm.ctx.intern_str(name));
        found.is_some_and(|(definer, _)| definer.heaptype_ext.is_some() && !is_of_c(&definer))
    };
    // SAFETY: by the callers' contract.
    let base = unsafe { t.tp_base.as_ref() };
    let (new, init) = base.map_or((None, None), |base| (base.tp_new, base.tp_init));
    let plain = special::holds!(new, special::object_new) && !crate::twins::types::derives_from_c(class);
    t.tp_new = if plain || of_python("__new__") { Some(special::managed_new) } else { new };
    t.tp_init = if plain || of_python("__init__") { Some(special::managed_init) } else { init };
}

/// Sets all slots of a class that was made in Python.
///
/// # Safety
/// `t` is the block of `class`, with suites of its own, and its base's is filled.
pub(super) unsafe fn fill(vm: &VirtualMachine, t: &mut c::PyTypeObject, class: &Py<PyType>) {
    let mro = class.mro_collect();
    // SAFETY: by contract.
    unsafe {
        for row in rows() {
            update(vm, class, t, &mro, row);
        }
        update_making(vm, class, t, &mro);
    }
}

/// Sets the slots behind which a method of this name stands anew; all of them for no name.
///
/// # Safety
/// `t` is the block of `class`, a type that may be changed.
pub(super) unsafe fn refresh(
    vm: &VirtualMachine,
    t: *mut c::PyTypeObject,
    class: &Py<PyType>,
    name: Option<&'static PyStrInterned>,
) {
    let mro = class.mro_collect();
    // SAFETY: by contract.
    unsafe {
        for row in rows().filter(|row| name.is_none_or(|name| interned(vm, row).contains(&name))) {
            update(vm, class, t, &mro, row);
        }
        let making = name.is_none_or(|name| matches!(name.as_str(), "__new__" | "__init__"));
        if making && !is_of_c(class) {
            update_making(vm, class, &mut *t, &mro);
        }
    }
}

/// The slots that stand behind a special method: where they lie, and the function of classes made in Python.
pub(super) fn places(name: &str) -> Vec<(usize, usize)> {
    let more = match name {
        "__init__" => Some((at!(ht_type, tp_init), special::managed_init as *const () as usize)),
        "__getattribute__" => Some((at!(ht_type, tp_getattr), 0)),
        "__setattr__" | "__delattr__" => Some((at!(ht_type, tp_setattr), 0)),
        "__buffer__" => Some((at!(as_buffer, bf_getbuffer), 0)),
        "__release_buffer__" => Some((at!(as_buffer, bf_releasebuffer), 0)),
        _ => None,
    };
    let known = rows().filter(|row| row.names.contains(&name)).map(|row| (row.at, row.generic.0 as usize));
    known.chain(more).collect()
}

/// Whether a method of this name stands behind a slot.
pub(super) fn is_special(name: &str) -> bool {
    matches!(name, "__new__" | "__init__") || rows().any(|row| row.names.contains(&name))
}
