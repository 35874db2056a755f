//! `tp_traverse` and `tp_clear` of managed types. C types that derive from them call these from their own; so do programs
//! that look at what refers to what.

use std::ffi::{c_int, c_void};

use rustpython_vm::builtins::{PyDict, PyFrozenSet, PyList, PySet, PyTuple};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, VirtualMachine};

use crate::abi::layout::{self as c, tpflags};
use crate::abi::type_table::Row;
use crate::calls::api::infallible;
use crate::heap::block::Block;
use crate::heap::form::Visit;
use crate::heap::kind::Kind;
use crate::lifetime::thread::leave;
use crate::lifetime::{graph, handle};
use crate::twins::lend::lend;
use crate::twins::store;
use crate::twins::types::{derives_from_c, is_of_c};

/// `Py_tp_traverse` and `Py_tp_clear`.
const TRAVERSE: c_int = 71;
const CLEAR: c_int = 51;

/// Sets both as CPython has them.
pub(crate) fn fill(t: &mut c::PyTypeObject, row: Option<&Row>) {
    let collected = t.tp_flags & tpflags::HAVE_GC != 0;
    let has = |slot| match row {
        Some(row) => row.has_slot(slot),
        None => collected,
    };
    t.tp_traverse = has(TRAVERSE).then_some(traverse as c::TraverseProc);
    t.tp_clear = has(CLEAR).then_some(clear as c::Inquiry);
}

/// What Python sees an object refer to, in the order in which CPython visits it: what a class made in Python adds comes first.
fn items(object: &PyObject, kind: Kind) -> Vec<PyObjectRef> {
    let mut all = Vec::new();
    let values = |dict: &Py<PyDict>| dict.into_iter().map(|(_, value)| value).collect::<Vec<_>>();
    // The function of a C type that derives from the VM's is C's own, and asks for what the VM's has.
    let of_python =
        object.class().heaptype_ext.is_some() && !is_of_c(object.class()) && !derives_from_c(object.class());
    let is_container = matches!(kind, Kind::List | Kind::Tuple | Kind::Dict | Kind::Set);
    if of_python && is_container {
        all.extend(object.dict().map(|dict| values(&dict)).unwrap_or_default());
        all.push(object.class().to_owned().into());
    }
    if is_container {
        all.extend(contents(object));
    } else if matches!(kind, Kind::Opaque | Kind::Slice | Kind::Record) {
        let dict = object.dict();
        for item in object.gc_get_referents() {
            match dict.as_ref().filter(|dict| of_python && item.is(dict.as_object())) {
                Some(dict) => all.extend(values(dict)),
                None => all.push(item),
            }
        }
    }
    all
}

/// The items of a container.
fn contents(object: &PyObject) -> Vec<PyObjectRef> {
    if let Some(list) = object.downcast_ref::<PyList>() {
        return list.borrow_vec().iter().rev().cloned().collect();
    }
    if let Some(tuple) = object.downcast_ref::<PyTuple>() {
        return tuple.as_slice().iter().rev().cloned().collect();
    }
    if let Some(dict) = object.downcast_ref::<PyDict>() {
        let text = |key: &PyObjectRef| key.downcast_ref::<rustpython_vm::builtins::PyStr>().is_some();
        let pairs: Vec<_> = dict.into_iter().collect();
        // Text refers to nothing.
        let all_text = pairs.iter().all(|(key, _)| text(key));
        return pairs
            .into_iter()
            .flat_map(|(key, value)| [value].into_iter().chain((!all_text).then_some(key)))
            .collect();
    }
    if let Some(set) = object.downcast_ref::<PySet>() {
        return set.elements();
    }
    object.downcast_ref::<PyFrozenSet>().map(|set| set.elements()).unwrap_or_default()
}

/// The references that a block counts as one of its kind.
unsafe fn each_own(block: Block, visit: &mut Visit<'_>) {
    // SAFETY: by the caller's contract: an object.
    unsafe {
        if let Some(each) = Kind::of(block).form().each {
            each(block, visit);
        }
    }
}

/// `tp_traverse`: a collection is told what the block itself counts.
unsafe extern "C" fn traverse(block: Block, visit: c::VisitProc, argument: *mut c_void) -> c_int {
    if graph::is_reading() {
        // SAFETY: C's arguments.
        unsafe { each_own(block, &mut |target| _ = (!target.is_null()).then(|| visit(target, argument))) };
        return 0;
    }
    infallible(0, |vm| {
        let mut seen = Vec::new();
        // SAFETY: C's arguments; what is visited is kept by the block.
        unsafe {
            match handle::twin_of(block) {
                Some(twin) => seen.extend(items(twin, Kind::of(block)).iter().map(|item| lend(vm, block, item))),
                None => each_own(block, &mut |target| seen.push(target)),
            }
            if seen.is_empty() {
                each_own(block, &mut |target| seen.push(target));
            }
            for item in seen {
                let result = if item.is_null() { 0 } else { visit(item, argument) };
                if result != 0 {
                    return Ok(result);
                }
            }
        }
        Ok(0)
    })
}

/// Empties a container.
fn empty(vm: &VirtualMachine, object: &PyObject) {
    if let Some(list) = object.downcast_ref::<PyList>() {
        let items = std::mem::take(&mut *list.borrow_vec_mut());
        leave(vm, || drop(items));
    } else if object.downcastable::<PyDict>() || object.downcastable::<PySet>() {
        let class = if object.downcastable::<PyDict>() { vm.ctx.types.dict_type } else { vm.ctx.types.set_type };
        if let Some(clear) = class.get_attr(vm.ctx.intern_str("clear")) {
            let _ = leave(vm, || clear.call((object.to_owned(),), vm));
        }
    }
}

/// `tp_clear`: during a collection the VM clears the managed half itself.
unsafe extern "C" fn clear(block: Block) -> c_int {
    infallible(0, |vm| {
        // SAFETY: C's argument.
        unsafe {
            if !crate::lifetime::collect::is_clearing()
                && let Some(twin) = handle::twin_of(block).map(|twin| twin.to_owned())
            {
                empty(vm, &twin);
                store::touched(vm, block);
            }
            if let Some(clear) = Kind::of(block).form().clear {
                clear(block);
            }
        }
        Ok(0)
    })
}
