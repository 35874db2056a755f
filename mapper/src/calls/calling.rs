//! Calls from C code of whatever can be called: C functions directly (see [`crate::calls::direct`]), everything else through
//! the VM.

use std::sync::atomic::{AtomicU64, Ordering};

use rustpython_vm::builtins::{PyCode, PyDict, PyFunction, PyStr};
use rustpython_vm::bytecode::CodeFlags;
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};
use smallvec::SmallVec;

use crate::abi::layout as c;
use crate::abi::text;
use crate::abi::va_list::VaList;
use crate::calls::direct;
use crate::heap::block::Block;
use crate::heap::kind::Kind;
use crate::lifetime::dealloc;
use crate::lifetime::thread::leave;
use crate::twins::forms::tuple;
use crate::twins::reference::{Borrowed, New};
use crate::twins::store::touched;
use crate::twins::{retrieve, store};

/// `PY_VECTORCALL_ARGUMENTS_OFFSET`: the callee may use the slot in front of the arguments.
pub(crate) const OFFSET: usize = 1 << (usize::BITS - 1);

/// The names of keyword arguments: strings.
pub(crate) unsafe fn keyword_names(vm: &VirtualMachine, names: Block) -> PyResult<Vec<PyObjectRef>> {
    // SAFETY: a tuple, by contract.
    unsafe { tuple::slice(names) }
        .iter()
        .map(|&name| {
            // SAFETY: a tuple holds objects.
            let name = unsafe { retrieve::retrieve(vm, name)? };
            if name.downcastable::<PyStr>() { Ok(name) } else { Err(vm.new_type_error("keywords must be strings")) }
        })
        .collect()
}

/// Calls anything with vectorcall arguments: C functions directly, everything else through the VM.
///
/// # Safety
/// As for `PyObject_Vectorcall`.
pub(crate) unsafe fn vectorcall(
    vm: &VirtualMachine,
    callable: Borrowed,
    args: *const Block,
    nargsf: usize,
    names: Block,
) -> PyResult<New> {
    // SAFETY: by contract.
    unsafe {
        match direct::vectorcall(vm, callable, args, nargsf, names) {
            Some(result) => result,
            None => call_managed(vm, callable, args, nargsf, names),
        }
    }
}

/// Calls a managed callable with vectorcall arguments.
///
/// # Safety
/// As for `PyObject_Vectorcall`.
pub(crate) unsafe fn call_managed(
    vm: &VirtualMachine,
    callable: Borrowed,
    args: *const Block,
    nargsf: usize,
    names: Block,
) -> PyResult<New> {
    let count = nargsf & !OFFSET;
    let function = callable.held(vm)?;
    // SAFETY: by contract.
    let this = unsafe { bound_to(callable.0) };
    if let Some(this) = this {
        // SAFETY: the callable holds it.
        unsafe { dealloc::last_look(this) };
    }
    let names = if names.is_null() {
        None
    } else {
        // SAFETY: a tuple of names, by contract.
        Some(unsafe { keyword_names(vm, names)? })
    };
    let total = count + names.as_ref().map_or(0, Vec::len);
    // One more, for the `self` that a method puts in front.
    let mut values = Vec::with_capacity(total + 1);
    for index in 0..total {
        // SAFETY: by contract there are as many arguments, the keywords' values last.
        values.push(unsafe { retrieve::retrieve(vm, *args.add(index))? });
    }
    let result = leave(vm, || match function.downcast_ref_if_exact::<PyFunction>(vm) {
        // The VM's own short way for a call that fills every parameter; its vectorcall makes a frame object for each.
        Some(function) if names.is_none() && !vm.use_tracing.get() && takes_exactly(vm, function, count) => {
            function.invoke_exact_args(values, vm)
        }
        _ => function.vectorcall(values, count, names.as_deref(), vm),
    })?;
    for index in 0..total {
        // SAFETY: as above.
        unsafe { touched(vm, *args.add(index)) };
    }
    if let Some(this) = this {
        // SAFETY: the callable holds it.
        unsafe { touched(vm, this) };
    }
    Ok(New::of(vm, result))
}

/// What a builtin method of the VM's is bound to.
unsafe fn bound_to(callable: Block) -> Option<Block> {
    // SAFETY: by the caller's contract.
    unsafe {
        let this = (Kind::of(callable) == Kind::Function).then(|| (*callable.cast::<c::PyCFunctionObject>()).m_self);
        this.filter(|this| !this.is_null())
    }
}

/// Whether a Python function has so many parameters, all of which a call by position can fill. What was found out is
/// kept by the function's version, which the VM changes with its code.
fn takes_exactly(vm: &VirtualMachine, function: &Py<PyFunction>, count: usize) -> bool {
    const NEVER: u32 = u32::MAX;
    static KNOWN: [AtomicU64; 256] = [const { AtomicU64::new(0) }; 256];
    let version = function.get_version_for_current_state();
    if version == 0 {
        return false;
    }
    let place = &KNOWN[version as usize % KNOWN.len()];
    let known = place.load(Ordering::Relaxed);
    let parameters = if (known >> 32) as u32 == version {
        known as u32
    } else {
        let found = parameters(vm, function).unwrap_or(NEVER);
        place.store(u64::from(version) << 32 | u64::from(found), Ordering::Relaxed);
        found
    };
    parameters == count as u32 && parameters != NEVER
}

/// The number of a function's parameters, if all can be given by position and none collects the rest.
#[cold]
fn parameters(vm: &VirtualMachine, function: &Py<PyFunction>) -> Option<u32> {
    let code = leave(vm, || function.as_object().get_attr("__code__", vm)).ok()?.downcast::<PyCode>().ok()?;
    let flags = code.flags;
    (flags.contains(CodeFlags::OPTIMIZED)
        && !flags.intersects(CodeFlags::VARARGS | CodeFlags::VARKEYWORDS)
        && code.kwonlyarg_count == 0)
        .then_some(code.arg_count)
}

/// Whether a callable can be called by `PyVectorcall_Call`: what `PyVectorcall_Function` returns for it.
///
/// # Safety
/// `callable` is an object.
pub unsafe fn vectorcall_function(callable: Block) -> Option<c::VectorcallFunc> {
    // SAFETY: by contract; the type's flag says that the field is there.
    unsafe {
        let class = (*callable).ob_type;
        if (*class).tp_flags & c::tpflags::HAVE_VECTORCALL == 0 || (*class).tp_vectorcall_offset <= 0 {
            return None;
        }
        callable.cast::<u8>().offset((*class).tp_vectorcall_offset).cast::<Option<c::VectorcallFunc>>().read()
    }
}

/// The keyword arguments of a dict: names and values.
pub(crate) fn keywords(
    vm: &VirtualMachine,
    kwargs: Borrowed,
) -> PyResult<Option<(Vec<PyObjectRef>, Vec<PyObjectRef>)>> {
    if kwargs.is_null() {
        return Ok(None);
    }
    let dict = kwargs.of::<PyDict>(vm)?;
    let pairs: (Vec<_>, Vec<_>) = dict.into_iter().unzip();
    if !pairs.0.iter().all(|name| name.downcastable::<PyStr>()) {
        return Err(vm.new_type_error("keywords must be strings"));
    }
    Ok((!pairs.0.is_empty()).then_some(pairs))
}

/// Calls with a tuple of arguments and a dict of keyword arguments or NULL.
///
/// # Safety
/// As for `PyObject_Call`.
pub(crate) unsafe fn call(vm: &VirtualMachine, callable: Borrowed, args: Borrowed, kwargs: Borrowed) -> PyResult<New> {
    // SAFETY: by contract.
    unsafe {
        if args.is_null() || Kind::of(args.0) != Kind::Tuple {
            return Err(vm.new_type_error("argument list must be a tuple"));
        }
        let keywords = keywords(vm, kwargs)?;
        if let Some(result) = direct::call(vm, callable, args, keywords.as_ref().map(|_| kwargs)) {
            return result;
        }
        with_array(vm, tuple::slice(args.0), keywords, |args, count, names| {
            vectorcall(vm, callable, args, count, names)
        })
    }
}

/// Calls an object's own vectorcall function, whatever its class has put in front of it (`PyVectorcall_Call`).
///
/// # Safety
/// As for `PyObject_Call`.
pub(crate) unsafe fn call_slot(
    vm: &VirtualMachine,
    callable: Borrowed,
    args: Borrowed,
    kwargs: Borrowed,
) -> PyResult<New> {
    // SAFETY: by contract; a type's offset lies in its objects.
    unsafe {
        let class = &*(*callable.0).ob_type;
        let place = callable.0.cast::<u8>().offset(class.tp_vectorcall_offset).cast::<Option<c::VectorcallFunc>>();
        let Some(Some(slot)) = (class.tp_vectorcall_offset > 0).then(|| place.read()) else {
            let name = text::of_c(class.tp_name);
            return Err(vm.new_type_error(format!("'{name}' object does not support vectorcall")));
        };
        let keywords = keywords(vm, kwargs)?;
        with_array(vm, tuple::slice(args.0), keywords, |args, count, names| {
            direct::guarded(vm, callable, || slot(callable.0, args, count, names))
        })
    }
}

/// Calls with an array of arguments and the names of the last ones.
unsafe fn with_array<R>(
    vm: &VirtualMachine,
    blocks: &[Block],
    keywords: Option<(Vec<PyObjectRef>, Vec<PyObjectRef>)>,
    call: impl FnOnce(*const Block, usize, Block) -> R,
) -> R {
    // SAFETY: by the caller's contract.
    unsafe {
        let Some((names, values)) = keywords else {
            return call(blocks.as_ptr(), blocks.len(), std::ptr::null_mut());
        };
        let mut all = SmallVec::<[Block; 8]>::from_slice(blocks);
        all.extend(values.into_iter().map(|value| store::store_owned(vm, value)));
        let names: SmallVec<[Block; 8]> = names.into_iter().map(|name| store::store_owned(vm, name)).collect();
        let names = tuple::with_items(&names);
        let result = call(all.as_ptr(), blocks.len(), names);
        for &value in &all[blocks.len()..] {
            dealloc::decref(value);
        }
        dealloc::decref(names);
        result
    }
}

/// An object's method as a callable and whether the object is to be passed as its first argument, which saves making a
/// bound method.
pub(crate) fn method(vm: &VirtualMachine, object: &PyObject, name: &Py<PyStr>) -> PyResult<(PyObjectRef, bool)> {
    let class = object.class();
    let generic = vm.ctx.types.object_type.slots.getattro.load();
    if let (Some(getattro), Some(generic)) = (class.slots.getattro.load(), generic)
        && std::ptr::fn_addr_eq(getattro, generic)
        && let Some(found) = vm.ctx.interned_str(name).and_then(|name| class.get_attr(name))
        && found.class().slots.flags.has_feature(PyTypeFlags::METHOD_DESCRIPTOR)
        && !is_class_method(&found)
    {
        return match object.dict().map(|dict| leave(vm, || dict.get_item_opt(name, vm))).transpose()?.flatten() {
            Some(own) => Ok((own, false)),
            None => Ok((found, true)),
        };
    }
    leave(vm, || object.get_attr(name, vm)).map(|found| (found, false))
}

/// Whether a method descriptor passes its first argument's class on instead.
fn is_class_method(descriptor: &PyObject) -> bool {
    descriptor
        .downcast_ref::<rustpython_vm::builtins::descriptor::PyMethodDescriptor>()
        .is_some_and(|found| found.method.flags.contains(rustpython_vm::function::PyMethodFlags::CLASS))
}

/// Calls a method. `args[0]` is the object.
///
/// # Safety
/// `args` has `count` objects and as many more as `names`, a tuple or NULL, has.
pub(crate) unsafe fn call_method(
    vm: &VirtualMachine,
    name: &Py<PyStr>,
    args: *const Block,
    count: usize,
    names: Block,
) -> PyResult<New> {
    // SAFETY: by contract.
    unsafe {
        let object = Borrowed(*args).held(vm)?;
        let (found, unbound) = leave(vm, || method(vm, &object, name))?;
        drop(object);
        let callable = store::store_owned(vm, found);
        let result = if unbound {
            vectorcall(vm, Borrowed(callable), args, count, names)
        } else {
            let result = vectorcall(vm, Borrowed(callable), args.add(1), count - 1, names);
            touched(vm, *args);
            result
        };
        dealloc::decref(callable);
        result
    }
}

/// The pointers up to a NULL that a `...ObjArgs` function was called with, behind `first`.
///
/// # Safety
/// `va` has objects and then NULL.
#[inline]
pub(crate) unsafe fn objects_until_null(first: Option<Block>, va: *mut VaList) -> SmallVec<[Block; 8]> {
    let mut all = SmallVec::<[Block; 8]>::new();
    if let Some(first) = first {
        all.push(first);
    }
    loop {
        // SAFETY: by contract.
        let next: Block = unsafe { (*va).pointer() };
        if next.is_null() {
            return all;
        }
        all.push(next);
    }
}
