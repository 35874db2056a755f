//! The slots of builtin types that every object may have, and those that make objects.

use std::ffi::c_int;
use std::mem::transmute;

use rustpython_vm::builtins::{PyStr, PyType};
use rustpython_vm::function::{Either, PyComparisonValue, PySetterValue};
use rustpython_vm::protocol::PyIterReturn;
use rustpython_vm::{AsObject, Py, PyObject, PyResult, VirtualMachine};

use super::{arguments, entry, gone, own, owner, set_owned, status, unary};
use crate::abi::address::exported;
use crate::abi::layout as c;
use crate::calls::api::api;
use crate::heap::block::Block;
use crate::heap::kind::Kind;
use crate::lifetime::handle;
use crate::lifetime::thread::leave;
use crate::slots::special::{finalize, object_init, object_new};
use crate::twins::reference::{Borrowed, New};
use crate::twins::store;

unsafe extern "C" fn tp_repr(this: Block, _: usize, _: usize, number: u32) -> Block {
    unary(this, |object, vm| match owner(number).slots.repr.load() {
        Some(f) => f(object, vm).map(Into::into),
        None => gone(vm, number),
    })
}

unsafe extern "C" fn tp_str(this: Block, _: usize, _: usize, number: u32) -> Block {
    unary(this, |object, vm| match owner(number).slots.str.load() {
        Some(f) => f(object, vm).map(Into::into),
        None => gone(vm, number),
    })
}

/// That of `str`: the text itself.
unsafe extern "C" fn tp_str_of_text(this: Block, _: usize, _: usize, number: u32) -> Block {
    unary(this, |object, vm| match object.downcast_ref::<PyStr>() {
        Some(_) if object.class().is(vm.ctx.types.str_type) => Ok(object.to_owned()),
        Some(text) => Ok(vm.ctx.new_str(text.as_wtf8().to_owned()).into()),
        None => gone(vm, number),
    })
}

unsafe extern "C" fn tp_hash(this: Block, _: usize, _: usize, number: u32) -> isize {
    api(|vm| {
        let object = Borrowed(this).held(vm)?;
        match owner(number).slots.hash.load() {
            Some(f) => {
                let hash = leave(vm, || f(&object, vm))? as isize;
                // SAFETY: C's argument.
                unsafe { remember_hash(this, hash) };
                Ok(hash)
            }
            None => gone(vm, number),
        }
    })
}

/// C code that has had a text or bytes hashed reads the hash from the struct.
unsafe fn remember_hash(block: Block, hash: isize) {
    // SAFETY: by the caller's contract; the kind says what the block is.
    unsafe {
        match Kind::of(block) {
            Kind::Unicode => (*block.cast::<c::PyASCIIObject>()).hash = hash,
            Kind::Bytes => (*block.cast::<c::PyBytesObject>()).ob_shash = hash,
            _ => {}
        }
    }
}

unsafe extern "C" fn tp_call(this: Block, args: Block, kwargs: Block, number: u32) -> Block {
    let result = api(|vm| {
        let object = Borrowed(this).held(vm)?;
        // SAFETY: C's arguments: a tuple, and a dict or NULL.
        let args = unsafe { arguments(vm, args, kwargs)? };
        let Some(f) = owner(number).slots.call.load() else { return gone(vm, number) };
        Ok(New::of(vm, leave(vm, || f(&object, args, vm))?))
    });
    result.0
}

/// An attribute's name.
pub(in crate::slots) fn name_of(vm: &VirtualMachine, name: Block) -> PyResult<rustpython_vm::PyRef<PyStr>> {
    Borrowed(name).get(vm)?.downcast::<PyStr>().map_err(|other| {
        vm.new_type_error(format!("attribute name must be string, not '{}'", other.class().slot_name()))
    })
}

unsafe extern "C" fn tp_getattro(this: Block, name: Block, _: usize, number: u32) -> Block {
    let result = api(|vm| {
        let (object, name) = (Borrowed(this).held(vm)?, name_of(vm, name)?);
        let Some(f) = owner(number).slots.getattro.load() else { return gone(vm, number) };
        Ok(New::of(vm, leave(vm, || f(&object, &name, vm))?))
    });
    result.0
}

/// What a slot that sets and deletes is to do: NULL deletes.
pub(in crate::slots) fn setting(vm: &VirtualMachine, value: Block) -> PyResult<PySetterValue> {
    Ok(Borrowed(value).opt(vm)?.map_or(PySetterValue::Delete, PySetterValue::Assign))
}

unsafe extern "C" fn tp_setattro(this: Block, name: Block, value: Block, number: u32) -> c_int {
    api(|vm| {
        let (object, name, value) = (Borrowed(this).held(vm)?, name_of(vm, name)?, setting(vm, value)?);
        let Some(f) = owner(number).slots.setattro.load() else { return gone(vm, number) };
        status(vm, || f(&object, &name, value, vm))
    })
}

unsafe extern "C" fn tp_richcompare(a: Block, b: Block, op: c_int, number: u32) -> Block {
    let result = api(|vm| {
        let (a, b) = (Borrowed(a).held(vm)?, Borrowed(b).held(vm)?);
        let op = crate::capi::object::operator(vm, op)?;
        let Some(f) = owner(number).slots.richcompare.load() else { return gone(vm, number) };
        let result = leave(vm, || f(&a, &b, op, vm))?;
        Ok(New::of(
            vm,
            match result {
                Either::A(object) => object,
                Either::B(PyComparisonValue::Implemented(holds)) => vm.ctx.new_bool(holds).into(),
                Either::B(PyComparisonValue::NotImplemented) => vm.ctx.not_implemented(),
            },
        ))
    });
    result.0
}

unsafe extern "C" fn tp_iter(this: Block, _: usize, _: usize, number: u32) -> Block {
    unary(this, |object, vm| match owner(number).slots.iter.load() {
        Some(f) => f(object.to_owned(), vm),
        None => gone(vm, number),
    })
}

/// An end with a value, as generators have one, raises it in a `StopIteration`.
unsafe extern "C" fn tp_iternext(this: Block, _: usize, _: usize, number: u32) -> Block {
    let result = api(|vm| {
        let object = Borrowed(this).held(vm)?;
        let Some(f) = owner(number).slots.iternext.load() else { return gone(vm, number) };
        match leave(vm, || f(&object, vm))? {
            PyIterReturn::Return(item) => Ok(New::of(vm, item)),
            PyIterReturn::StopIteration(None) => Ok(New::NULL),
            PyIterReturn::StopIteration(value) => Err(vm.new_stop_iteration(value)),
        }
    });
    result.0
}

/// NULL for no object, or no class.
/// The type whose function was called for an object, or the one of ours that C code sees as that type.
fn owner_of(object: &PyObject, number: u32) -> &Py<PyType> {
    let (class, owner) = (object.class(), owner(number));
    if handle::block_of(class.as_object()) == handle::block_of(owner.as_object()) { class } else { owner }
}

unsafe extern "C" fn tp_descr_get(this: Block, object: Block, class: Block, number: u32) -> Block {
    let result = api(|vm| {
        let this = Borrowed(this).held(vm)?;
        let (object, class) = (Borrowed(object).opt(vm)?, Borrowed(class).opt(vm)?);
        let Some(f) = owner_of(&this, number).slots.descr_get.load() else { return gone(vm, number) };
        Ok(New::of(vm, leave(vm, || f(&this, object.as_deref(), class.as_deref(), vm))?))
    });
    result.0
}

unsafe extern "C" fn tp_descr_set(this: Block, object: Block, value: Block, number: u32) -> c_int {
    api(|vm| {
        let (this, object, value) = (Borrowed(this).held(vm)?, Borrowed(object).get(vm)?, setting(vm, value)?);
        let Some(f) = owner_of(&this, number).slots.descr_set.load() else { return gone(vm, number) };
        status(vm, || f(&this, object, value, vm))
    })
}

/// The builtin type makes an object of the class that C names.
unsafe extern "C" fn tp_new(class: *mut c::PyTypeObject, args: Block, kwargs: Block, number: u32) -> Block {
    let made = api(|vm| {
        let class = Borrowed(class.cast()).class(vm)?;
        // SAFETY: C's arguments: a tuple, and a dict or NULL.
        let args = unsafe { arguments(vm, args, kwargs)? };
        let f = owner(number).slots.new.load();
        let f =
            f.ok_or_else(|| vm.new_type_error(format!("cannot create '{}' instances", owner(number).slot_name())))?;
        Ok(New::of(vm, leave(vm, || f(class, args, vm))?))
    });
    made.0
}

unsafe extern "C" fn tp_init(this: Block, args: Block, kwargs: Block, number: u32) -> c_int {
    api(|vm| {
        let object = Borrowed(this).get(vm)?;
        // SAFETY: C's arguments: a tuple, and a dict or NULL.
        let args = unsafe { arguments(vm, args, kwargs)? };
        if let Some(f) = owner(number).slots.init.load() {
            leave(vm, || f(object.as_object(), args, vm))?;
        }
        // SAFETY: C's argument.
        unsafe { store::touched(vm, this) };
        Ok(0)
    })
}

/// A slot that the VM has as a special method only.
macro_rules! by_name {
    ($($f:ident $name:literal;)*) => {$(
        unsafe extern "C" fn $f(this: Block, _: usize, _: usize, number: u32) -> Block {
            unary(this, |object, vm| match owner(number).get_attr(vm.ctx.intern_str($name)) {
                Some(method) => method.call((object.to_owned(),), vm),
                None => gone(vm, number),
            })
        }
    )*};
}

by_name! {
    str_method "__str__";
    am_await "__await__";
    am_aiter "__aiter__";
    am_anext "__anext__";
}

/// # Safety
/// As for [`fill`](super::fill).
pub(super) unsafe fn fill(vm: &VirtualMachine, t: &mut c::PyTypeObject, class: &'static Py<PyType>) {
    // SAFETY: by contract; each function has the slot's type, but for the number that its entry adds.
    unsafe {
        let base = t.tp_base.as_ref();
        set_owned! { class, t, base;
            repr => tp_repr tp_repr;
            str => tp_str tp_str;
            hash => tp_hash tp_hash;
            call => tp_call tp_call;
            getattro => tp_getattro tp_getattro;
            setattro => tp_setattro tp_setattro;
            richcompare => tp_richcompare tp_richcompare;
            iter => tp_iter tp_iter;
            iternext => tp_iternext tp_iternext;
            descr_get => tp_descr_get tp_descr_get;
            descr_set => tp_descr_set tp_descr_set;
            new => tp_new tp_new;
        }
        // The VM makes `type` before slots are inherited.
        if let Some(base) = base.filter(|_| t.tp_hash.is_none() && t.tp_richcompare.is_none()) {
            (t.tp_hash, t.tp_richcompare) = (base.tp_hash, base.tp_richcompare);
        }
        fill_str(vm, t, class);
        fill_exported(vm, t, class);
        fill_init(t, class);
        if own!(class, del) {
            t.tp_finalize = Some(finalize);
        } else if let Some(base) = base {
            t.tp_finalize = base.tp_finalize;
        }
        let (suite, types) = (&mut *t.tp_as_async, &vm.ctx.types);
        if [types.generator_type, types.coroutine_type, types.async_generator].iter().any(|it| class.is(*it)) {
            suite.am_send = transmute(exported("PyIter_Send"));
        }
        for (field, name, f) in [
            (&mut suite.am_await, "__await__", am_await as *const _),
            (&mut suite.am_aiter, "__aiter__", am_aiter as *const _),
            (&mut suite.am_anext, "__anext__", am_anext as *const _),
        ] {
            if class.get_attr(vm.ctx.intern_str(name)).is_some() {
                *field = transmute(entry(class, f));
            }
        }
    }
}

/// `tp_str` of types whose text the VM makes without a slot.
unsafe fn fill_str(vm: &VirtualMachine, t: &mut c::PyTypeObject, class: &'static Py<PyType>) {
    let name = vm.ctx.intern_str("__str__");
    let of_base = class.base.deref().and_then(|base| base.get_attr(name));
    let is_own = class.get_attr(name).zip(of_base).is_some_and(|(own, of_base)| !own.is(&of_base));
    // SAFETY: as for `fill`.
    unsafe {
        if class.is(vm.ctx.types.str_type) {
            t.tp_str = transmute(entry(class, tp_str_of_text as *const _));
        } else if is_own && !own!(class, str) {
            t.tp_str = transmute(entry(class, str_method as *const _));
        }
    }
}

/// What C code compares with the addresses of functions.
unsafe fn fill_exported(vm: &VirtualMachine, t: &mut c::PyTypeObject, class: &Py<PyType>) {
    // SAFETY: each exported function has the slot's type; a null address is None.
    unsafe {
        let none = rustpython_vm::types::hash_not_implemented as *const () as usize;
        if class.slots.hash.load().is_some_and(|f| f as usize == none) {
            t.tp_hash = transmute(exported("PyObject_HashNotImplemented"));
        }
        if class.is(vm.ctx.types.object_type) {
            t.tp_getattro = transmute(exported("PyObject_GenericGetAttr"));
            t.tp_setattro = transmute(exported("PyObject_GenericSetAttr"));
            t.tp_new = Some(object_new);
        }
    }
}

/// `tp_init`: that of `object` where the VM has none.
unsafe fn fill_init(t: &mut c::PyTypeObject, class: &'static Py<PyType>) {
    // SAFETY: as for `fill`.
    unsafe {
        let Some(base) = t.tp_base.as_ref() else {
            t.tp_init = Some(object_init);
            return;
        };
        t.tp_init = if own!(class, init) { transmute(entry(class, tp_init as *const _)) } else { base.tp_init };
    }
}
