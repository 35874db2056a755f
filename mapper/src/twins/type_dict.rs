//! `tp_dict`: the dict that the managed class itself keeps its attributes in. C code writes into it, even after
//! `PyType_Ready`; the VM's caches of what classes have must hear of that.

use std::sync::Mutex;

use rustpython_vm::builtins::{PyDict, PyStr, PyStrRef, PyType};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::abi::layout::tpflags::READY;
use crate::heap::block::{Block, flag, header, header_of};
use crate::heap::kind::Kind;
use crate::heap::spare;
use crate::lifetime::thread::leave;
use crate::lifetime::{dealloc, handle};
use crate::twins::reference::Borrowed;
use crate::twins::store;

/// Gives a type its dict. RustPython's own static types have none.
///
/// # Safety
/// `t` is a ready type without one, the block of `class`.
pub(crate) unsafe fn make(vm: &VirtualMachine, t: *mut c::PyTypeObject, class: &Py<PyType>) {
    let Some(own) = class.attributes.as_dict() else { return };
    // SAFETY: a type's block. What C code had put there is in the class's dict by now.
    let early = unsafe { std::mem::replace(&mut (*t).tp_dict, std::ptr::null_mut()) };
    // SAFETY: C's dict.
    unsafe { stand_for(early, own.as_object()) };
    let dict = store::store(vm, own.as_object());
    // SAFETY: a dict's block; the type lives as long as C code may use its dict.
    unsafe {
        header_of(dict).set(flag::TYPE_DICT);
        spare::set_type_of_dict(dict, t);
        (*t).tp_dict = dict;
        dealloc::xdecref(early);
    }
}

/// The dict that C code made goes on as the class's, under the pointer that C code has.
///
/// # Safety
/// `early` is a dict's block, or null.
unsafe fn stand_for(early: Block, own: &PyObject) {
    let Some(header) = header(early).filter(|_| handle::block_of(own).is_none()) else { return };
    let twin = header.twin();
    if !header.has(flag::OWNS_TWIN) || header.has(flag::QUEUED) {
        return;
    }
    handle::untie(twin);
    header.unset(flag::OWNS_TWIN);
    handle::tie(early, own);
    // SAFETY: C counts the block, whose reference on the old dict was given up.
    unsafe {
        handle::adopt(early, own);
        dealloc::drop_twin(twin);
    }
}

/// What C code put into a type's dict before it made the type ready.
///
/// # Errors
/// `TypeError` for a key that is no string.
///
/// # Safety
/// `t` is a type's block.
pub(crate) unsafe fn early(vm: &VirtualMachine, t: *mut c::PyTypeObject) -> PyResult<Vec<(PyStrRef, PyObjectRef)>> {
    // SAFETY: by contract.
    let dict = unsafe { (*t).tp_dict };
    if dict.is_null() {
        return Ok(Vec::new());
    }
    let pairs = Borrowed(dict).of::<PyDict>(vm)?.into_iter();
    pairs.map(|(name, value)| Ok((name.try_into_value(vm)?, value))).collect()
}

/// Sets an attribute of a type that is not ready: it has a dict, but nothing of a class yet. None if the object is
/// something else.
///
/// # Safety
/// `object` is an object.
pub(crate) unsafe fn set_early(
    vm: &VirtualMachine,
    object: Block,
    name: Borrowed,
    value: Borrowed,
) -> Option<PyResult<()>> {
    // SAFETY: by contract.
    unsafe {
        let untied = header(object).is_some_and(|header| header.twin().is_null());
        if !untied || Kind::of(object) != Kind::Type || (*object.cast::<c::PyTypeObject>()).tp_flags & READY != 0 {
            return None;
        }
        let t = object.cast::<c::PyTypeObject>();
        if (*t).tp_dict.is_null() {
            (*t).tp_dict = store::store_owned(vm, vm.ctx.new_dict().into());
        }
        let set = || {
            let (dict, name) = (Borrowed((*t).tp_dict).of::<PyDict>(vm)?, name.get(vm)?);
            let value = value.opt(vm)?;
            leave(vm, || match value {
                Some(value) => dict.set_item(&*name, value, vm),
                None => dict.del_item(&*name, vm),
            })
        };
        Some(set())
    }
}

/// What is in a dict.
type Contents = Vec<(PyObjectRef, PyObjectRef)>;

/// Dicts that C code has put in place of their types' own, for the time of which those have others' contents: the types'
/// blocks, and what was in their dicts.
static SWAPPED: Mutex<Vec<(usize, Contents)>> = Mutex::new(Vec::new());

/// `PyType_Modified`: the VM forgets what it knows of the class, which has the attributes of another dict if C code has
/// put one in place of the type's own.
///
/// # Safety
/// `t` is the block of `class`.
pub(crate) unsafe fn modified(vm: &VirtualMachine, t: *mut c::PyTypeObject, class: &Py<PyType>) -> PyResult<()> {
    class.modified();
    // SAFETY: by contract.
    let dict = unsafe { (*t).tp_dict };
    let Some(own) = class.attributes.as_dict() else { return Ok(()) };
    if dict.is_null() {
        return Ok(());
    }
    let is_own = header(dict).is_some_and(|header| header.has(flag::TYPE_DICT));
    let saved = {
        let mut swapped = SWAPPED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        swapped.iter().position(|(of, _)| *of == t as usize).map(|at| swapped.swap_remove(at).1)
    };
    let contents = match (is_own, saved) {
        (true, None) => return Ok(()),
        (true, Some(saved)) => saved,
        (false, saved) => {
            let saved = saved.unwrap_or_else(|| own.into_iter().collect());
            SWAPPED.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((t as usize, saved));
            Borrowed(dict).of::<PyDict>(vm)?.into_iter().collect()
        }
    };
    leave(vm, || {
        vm.call_method(own.as_object(), "clear", ())?;
        contents.into_iter().try_for_each(|(name, value)| own.set_item(&*name, value, vm))
    })?;
    class.modified();
    Ok(())
}

/// Makes a dying type's dict a dict like others. NULL is none.
///
/// # Safety
/// `dict` is a type's `tp_dict`.
pub(crate) unsafe fn end(dict: Block) {
    if let Some(header) = header(dict) {
        header.unset(flag::TYPE_DICT);
        // SAFETY: by contract.
        unsafe { spare::set_type_of_dict(dict, std::ptr::null_mut()) };
    }
}

/// Has the VM forget what it knows of a class's attributes, if the dict is a class's: it may be about to change.
#[inline]
pub(crate) fn used(dict: Block) {
    if header(dict).is_some_and(|header| header.has(flag::TYPE_DICT)) {
        forget(dict);
    }
}

/// A key was put into a dict: the VM looks for attributes by the names that it knows.
#[inline]
pub(crate) fn named(vm: &VirtualMachine, dict: Block, key: &PyObject) {
    if header(dict).is_some_and(|header| header.has(flag::TYPE_DICT))
        && let Some(name) = key.downcast_ref::<PyStr>()
    {
        vm.ctx.intern_str(name.as_wtf8());
    }
}

/// As [`named`], for many keys.
pub(crate) fn all_named(vm: &VirtualMachine, block: Block, dict: &Py<PyDict>) {
    if header(block).is_some_and(|header| header.has(flag::TYPE_DICT)) {
        dict.into_iter().for_each(|(key, _)| named(vm, block, &key));
    }
}

#[cold]
fn forget(dict: Block) {
    // SAFETY: `make` set it.
    let t: Block = unsafe { spare::type_of_dict(dict).cast() };
    if let Some(class) = handle::twin_of(t).and_then(|twin| twin.downcast_ref::<PyType>()) {
        class.modified();
    }
}
