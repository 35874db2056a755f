//! `abstract.h` and `cpython/abstract.h`: calls, items, iteration, classes. The header's numbers, sequences and
//! mappings are in `number`, `sequence` and `mapping`, the calls of C functions without the VM in `crate::direct`.

use super::prelude::*;
use crate::direct;
use std::sync::atomic::{AtomicU64, Ordering};

use rustpython_vm::builtins::{PyCode, PyDict, PyFunction, PyStr};
use rustpython_vm::bytecode::CodeFlags;
use rustpython_vm::function::FuncArgs;
use rustpython_vm::protocol::{PyIter, PyIterReturn};
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{Py, PyObject};
use smallvec::SmallVec;

/// `PY_VECTORCALL_ARGUMENTS_OFFSET`: the callee may use the slot in front of the arguments.
const OFFSET: usize = 1 << (usize::BITS - 1);

/// Text that C gave, as a managed string.
///
/// # Safety
/// `text` is NUL-terminated.
pub(crate) unsafe fn new_name(vm: &VirtualMachine, text: *const c_char) -> PyResult<rustpython_vm::builtins::PyStrRef> {
    if text.is_null() {
        return Err(vm.new_system_error("null argument to internal routine"));
    }
    // SAFETY: by contract.
    let bytes = unsafe { CStr::from_ptr(text) };
    match bytes.to_str() {
        Ok(text) => Ok(vm.ctx.interned_str(text).map_or_else(|| vm.ctx.new_str(text), |name| name.to_owned())),
        Err(_) => vm.state.codec_registry.decode_text(vm.ctx.new_bytes(bytes.to_bytes().to_vec()).into(), "utf-8", None, vm),
    }
}

/// Brings what C reads of a container up to date after Python code could change it.
///
/// # Safety
/// `block` points to an object.
#[inline]
pub(crate) unsafe fn touched(vm: &VirtualMachine, block: Block) {
    // SAFETY: by contract; each kind has the twin that its name says.
    unsafe {
        match Kind::of(block) {
            Kind::List => crate::list::refresh(vm, block),
            Kind::Dict => {
                if let Some(twin) = table::twin_of(block) {
                    store::refresh_dict(block, twin);
                }
            }
            Kind::Set => {
                if let Some(twin) = table::twin_of(block) {
                    let set = block.cast::<c::PySetObject>();
                    (*set).used = store::set_len(twin, vm);
                    (*set).fill = (*set).used;
                }
            }
            Kind::ByteArray => {
                if let Some(twin) = table::twin_of(block) {
                    store::refresh_bytearray(block, twin);
                }
            }
            _ => {}
        }
    }
}

/// The names of keyword arguments: strings.
unsafe fn keyword_names(vm: &VirtualMachine, names: Block) -> PyResult<Vec<PyObjectRef>> {
    // SAFETY: a tuple, by contract.
    unsafe { store::tuple_slice(names) }
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
    Ok(New::of(vm, result))
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
    let code = function.as_object().get_attr("__code__", vm).ok()?.downcast::<PyCode>().ok()?;
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
pub(crate) unsafe fn vectorcall_function(callable: Block) -> Option<c::VectorcallFunc> {
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
fn keywords(vm: &VirtualMachine, kwargs: Borrowed) -> PyResult<Option<(Vec<PyObjectRef>, Vec<PyObjectRef>)>> {
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

/// A tuple of arguments and a dict of keyword arguments, or NULL, as a managed function takes them.
///
/// # Errors
/// `TypeError` for a keyword that is no string; `SystemError` if they are something else.
///
/// # Safety
/// Both are objects or NULL.
pub(crate) unsafe fn call_arguments(vm: &VirtualMachine, args: Block, kwargs: Block) -> PyResult<FuncArgs> {
    let mut values = Vec::new();
    if !args.is_null() {
        // SAFETY: by contract.
        unsafe {
            if Kind::of(args) != Kind::Tuple {
                return Err(bad_internal_call(vm));
            }
            for &item in store::tuple_slice(args) {
                values.push(retrieve::retrieve(vm, item)?);
            }
        }
    }
    let count = values.len();
    let Some((names, mut more)) = keywords(vm, Borrowed(kwargs))? else { return Ok(FuncArgs::from(values)) };
    values.append(&mut more);
    Ok(FuncArgs::from_vectorcall_owned(values, count, Some(&names)))
}

/// Calls with a tuple of arguments and a dict of keyword arguments or NULL.
///
/// # Safety
/// As for `PyObject_Call`.
unsafe fn call(vm: &VirtualMachine, callable: Borrowed, args: Borrowed, kwargs: Borrowed) -> PyResult<New> {
    // SAFETY: by contract.
    unsafe {
        if args.is_null() || Kind::of(args.0) != Kind::Tuple {
            return Err(vm.new_type_error("argument list must be a tuple"));
        }
        let keywords = keywords(vm, kwargs)?;
        if let Some(result) = direct::call(vm, callable, args, keywords.as_ref().map(|_| kwargs)) {
            return result;
        }
        let blocks = store::tuple_slice(args.0);
        let Some((names, values)) = keywords else {
            return vectorcall(vm, callable, blocks.as_ptr(), blocks.len(), std::ptr::null_mut());
        };
        let mut all = SmallVec::<[Block; 8]>::from_slice(blocks);
        all.extend(values.into_iter().map(|value| store::store_owned(vm, value)));
        let names: SmallVec<[Block; 8]> = names.into_iter().map(|name| store::store_owned(vm, name)).collect();
        let names = store::tuple_block(&names);
        let result = vectorcall(vm, callable, all.as_ptr(), blocks.len(), names);
        for &value in &all[blocks.len()..] {
            table::decref(value);
        }
        table::decref(names);
        result
    }
}

/// An object's method as a callable and whether the object is to be passed as its first argument, which saves making a
/// bound method.
fn method(vm: &VirtualMachine, object: &PyObject, name: &Py<PyStr>) -> PyResult<(PyObjectRef, bool)> {
    let class = object.class();
    let generic = vm.ctx.types.object_type.slots.getattro.load();
    if let (Some(getattro), Some(generic)) = (class.slots.getattro.load(), generic)
        && std::ptr::fn_addr_eq(getattro, generic)
        && let Some(found) = vm.ctx.interned_str(name).and_then(|name| class.get_attr(name))
        && found.class().slots.flags.has_feature(PyTypeFlags::METHOD_DESCRIPTOR)
        && !is_class_method(&found)
    {
        return match object.dict().map(|dict| dict.get_item_opt(name, vm)).transpose()?.flatten() {
            Some(own) => Ok((own, false)),
            None => Ok((found, true)),
        };
    }
    object.get_attr(name, vm).map(|found| (found, false))
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
unsafe fn call_method(
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
        table::decref(callable);
        result
    }
}

/// The pointers up to a NULL that a `...ObjArgs` function was called with, behind `first`.
///
/// # Safety
/// `va` has objects and then NULL.
unsafe fn objects_until_null(first: Option<Block>, va: *mut VaList) -> SmallVec<[Block; 8]> {
    let mut all: SmallVec<[Block; 8]> = first.into_iter().collect();
    loop {
        // SAFETY: by contract.
        let next: Block = unsafe { (*va).pointer() };
        if next.is_null() {
            return all;
        }
        all.push(next);
    }
}

/// The arguments that a format describes, as `PyObject_CallFunction` reads it: a tuple stands for its items.
struct Built {
    owner: Block,
    first: Option<Block>,
}

impl Built {
    unsafe fn new(vm: &VirtualMachine, format: *const c_char, va: *mut VaList) -> PyResult<Self> {
        // SAFETY: by the caller's contract.
        unsafe {
            if format.is_null() || *format == 0 {
                return Ok(Self { owner: std::ptr::null_mut(), first: None });
            }
            let owner = super::modsupport::build_value(vm, format, &mut *va)?.0;
            Ok(Self { owner, first: (Kind::of(owner) != Kind::Tuple).then_some(owner) })
        }
    }

    fn blocks(&self) -> &[Block] {
        match &self.first {
            Some(first) => std::slice::from_ref(first),
            None if self.owner.is_null() => &[],
            // SAFETY: what is not `first` is a tuple of ours.
            None => unsafe { store::tuple_slice(self.owner) },
        }
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        // SAFETY: the reference is ours.
        unsafe { lifetime::xdecref(self.owner) };
    }
}

/// The type of an object.
pub unsafe extern "C" fn PyObject_Type(object: Borrowed) -> New {
    api(|vm| {
        if object.is_null() {
            return Err(vm.new_system_error("null argument to internal routine"));
        }
        // SAFETY: C's arguments.
        Ok(Borrowed(unsafe { (*object.0).ob_type }.cast()).again())
    })
}

/// `len(object)`; -1 on error.
pub unsafe extern "C" fn PyObject_Size(object: Borrowed) -> isize {
    // SAFETY: C's arguments.
    if let Some(length) = unsafe { block_length(object.0) } {
        return length;
    }
    api(|vm| {
        let object = object.held(vm)?;
        leave(vm, || object.length(vm)).map(|length| length as isize)
    })
}

/// The length of exact strings, bytes, tuples and unshared lists, whose blocks know it.
///
/// # Safety
/// `block` is NULL or an object.
pub(crate) unsafe fn block_length(block: Block) -> Option<isize> {
    if block.is_null() {
        return None;
    }
    let statics = statics();
    // SAFETY: by contract.
    unsafe {
        let class = (*block).ob_type;
        if class == statics.tuple || class == statics.bytes {
            Some((*block.cast::<c::PyVarObject>()).ob_size)
        } else if class == statics.unicode {
            Some((*block.cast::<c::PyASCIIObject>()).length)
        } else if class == statics.list && table::twin_of(block).is_none() {
            Some((*block.cast::<c::PyVarObject>()).ob_size)
        } else {
            None
        }
    }
}

/// [`PyObject_Size`] under its old name.
pub unsafe extern "C" fn PyObject_Length(object: Borrowed) -> isize {
    // SAFETY: C's arguments.
    unsafe { PyObject_Size(object) }
}

/// `object[key]`.
pub unsafe extern "C" fn PyObject_GetItem(object: Borrowed, key: Borrowed) -> New {
    api(|vm| {
        let (object, key) = (object.held(vm)?, key.held(vm)?);
        let item = leave(vm, || object.get_item(&*key, vm))?;
        Ok(New::of(vm, item))
    })
}

/// `object[key] = value`. Returns 0.
pub unsafe extern "C" fn PyObject_SetItem(object: Borrowed, key: Borrowed, value: Borrowed) -> c_int {
    api(|vm| {
        let (target, key, value) = (object.held(vm)?, key.held(vm)?, value.get(vm)?);
        leave(vm, || target.set_item(&*key, value, vm))?;
        // SAFETY: C's arguments.
        unsafe { touched(vm, object.0) };
        Ok(0)
    })
}

/// `object[key] = value` with a key in UTF-8. Returns 0.
pub(crate) unsafe fn set_item_string(object: Borrowed, key: *const c_char, value: Borrowed) -> c_int {
    api(|vm| {
        // SAFETY: C's arguments.
        let (target, key, value) = (object.held(vm)?, unsafe { new_name(vm, key)? }, value.get(vm)?);
        leave(vm, || target.set_item(key.as_object(), value, vm))?;
        // SAFETY: C's arguments.
        unsafe { touched(vm, object.0) };
        Ok(0)
    })
}

/// `del object[key]` with a key in UTF-8. Returns 0.
pub unsafe extern "C" fn PyObject_DelItemString(object: Borrowed, key: *const c_char) -> c_int {
    api(|vm| {
        // SAFETY: C's arguments.
        let (target, key) = (object.held(vm)?, unsafe { new_name(vm, key)? });
        leave(vm, || target.del_item(key.as_object(), vm))?;
        // SAFETY: C's arguments.
        unsafe { touched(vm, object.0) };
        Ok(0)
    })
}

/// `del object[key]`. Returns 0.
pub unsafe extern "C" fn PyObject_DelItem(object: Borrowed, key: Borrowed) -> c_int {
    api(|vm| {
        let (target, key) = (object.held(vm)?, key.held(vm)?);
        leave(vm, || target.del_item(&*key, vm))?;
        // SAFETY: C's arguments.
        unsafe { touched(vm, object.0) };
        Ok(0)
    })
}

/// `len(object)`, or its `__length_hint__`, or `default`; -1 on error.
pub unsafe extern "C" fn PyObject_LengthHint(object: Borrowed, default: isize) -> isize {
    api(|vm| {
        let object = object.get(vm)?;
        let hint = leave(vm, || vm.length_hint_opt(object))?;
        Ok(hint.map_or(default, |hint| hint as isize))
    })
}

/// `format(object, spec)`; a `spec` of NULL is an empty one.
pub unsafe extern "C" fn PyObject_Format(object: Borrowed, spec: Borrowed) -> New {
    api(|vm| {
        let object = object.held(vm)?;
        let spec = match spec.opt(vm)? {
            None => vm.ctx.empty_str.to_owned(),
            Some(spec) => spec.downcast::<PyStr>().map_err(|spec| {
                vm.new_system_error(format!("Format specifier must be a string, not {}", spec.class().name()))
            })?,
        };
        let text = leave(vm, || vm.format(&object, spec))?;
        Ok(New::of(vm, text))
    })
}

/// Calls `callable` with a tuple of arguments and a dict of keyword arguments or NULL.
pub unsafe extern "C" fn PyObject_Call(callable: Borrowed, args: Borrowed, kwargs: Borrowed) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe { call(vm, callable, args, kwargs) })
}

/// Calls `callable` with a tuple of arguments or, for NULL, none.
pub unsafe extern "C" fn PyObject_CallObject(callable: Borrowed, args: Borrowed) -> New {
    // SAFETY: C's arguments.
    unsafe {
        if args.is_null() {
            return PyObject_CallNoArgs(callable);
        }
        api(|vm| call(vm, callable, args, Borrowed(std::ptr::null_mut())))
    }
}

/// [`PyObject_Call`] under an old name: `args` may be NULL, and both are checked.
pub unsafe extern "C" fn PyEval_CallObjectWithKeywords(callable: Borrowed, args: Borrowed, kwargs: Borrowed) -> New {
    api(|vm| {
        // SAFETY: C's arguments.
        unsafe {
            if !kwargs.is_null() && Kind::of(kwargs.0) != Kind::Dict {
                return Err(vm.new_type_error("keyword list must be a dictionary"));
            }
            if !args.is_null() {
                return call(vm, callable, args, kwargs);
            }
            let empty = store::new_tuple_block(0);
            let result = call(vm, callable, Borrowed(empty), kwargs);
            table::decref(empty);
            result
        }
    })
}

/// Calls `callable` without arguments.
pub unsafe extern "C" fn PyObject_CallNoArgs(callable: Borrowed) -> New {
    let mut free: Block = std::ptr::null_mut();
    let args = std::ptr::from_mut(&mut free).cast_const().wrapping_add(1);
    // SAFETY: C's arguments; the slot in front of none is the callee's to use.
    api(|vm| unsafe { vectorcall(vm, callable, args, OFFSET, std::ptr::null_mut()) })
}

/// Calls `callable` with the arguments that a format and what follows describe (see `Py_BuildValue`).
pub unsafe extern "C" fn PyObject_CallFunction(callable: Borrowed, format: *const c_char, va: *mut VaList) -> New {
    api(|vm| {
        // SAFETY: C's arguments.
        unsafe {
            let args = Built::new(vm, format, va)?;
            let blocks = args.blocks();
            vectorcall(vm, callable, blocks.as_ptr(), blocks.len(), std::ptr::null_mut())
        }
    })
}

/// [`PyObject_CallFunction`] under the name that older headers gave it.
pub unsafe extern "C" fn _PyObject_CallFunction_SizeT(callable: Borrowed, format: *const c_char, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    unsafe { PyObject_CallFunction(callable, format, va) }
}

/// [`PyObject_CallFunction`] under its first name.
pub unsafe extern "C" fn PyEval_CallFunction(callable: Borrowed, format: *const c_char, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    unsafe { PyObject_CallFunction(callable, format, va) }
}

/// Calls a method by name with the arguments that a format and what follows describe.
pub unsafe extern "C" fn PyObject_CallMethod(object: Borrowed, name: *const c_char, format: *const c_char, va: *mut VaList) -> New {
    api(|vm| {
        // SAFETY: C's arguments.
        unsafe {
            if object.is_null() || name.is_null() {
                return Err(vm.new_system_error("null argument to internal routine"));
            }
            let name = new_name(vm, name)?;
            let args = Built::new(vm, format, va)?;
            let mut all = SmallVec::<[Block; 8]>::new();
            all.push(object.0);
            all.extend_from_slice(args.blocks());
            call_method(vm, &name, all.as_ptr(), all.len(), std::ptr::null_mut())
        }
    })
}

/// [`PyObject_CallMethod`] under the name that older headers gave it.
pub unsafe extern "C" fn _PyObject_CallMethod_SizeT(object: Borrowed, name: *const c_char, format: *const c_char, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    unsafe { PyObject_CallMethod(object, name, format, va) }
}

/// [`PyObject_CallMethod`] under its first name.
pub unsafe extern "C" fn PyEval_CallMethod(object: Borrowed, name: *const c_char, format: *const c_char, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    unsafe { PyObject_CallMethod(object, name, format, va) }
}

/// Calls `callable` with the objects that follow, up to NULL.
pub unsafe extern "C" fn PyObject_CallFunctionObjArgs(callable: Borrowed, va: *mut VaList) -> New {
    // SAFETY: C's arguments; the first slot is the callee's to use.
    unsafe {
        let mut all = objects_until_null(Some(std::ptr::null_mut()), va);
        api(|vm| vectorcall(vm, callable, all.as_mut_ptr().add(1), (all.len() - 1) | OFFSET, std::ptr::null_mut()))
    }
}

/// Calls a method by name with the objects that follow, up to NULL.
pub unsafe extern "C" fn PyObject_CallMethodObjArgs(object: Borrowed, name: Borrowed, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    unsafe {
        if object.is_null() {
            return api(|vm| Err(vm.new_system_error("null argument to internal routine")));
        }
        let all = objects_until_null(Some(object.0), va);
        PyObject_VectorcallMethod(name, all.as_ptr(), all.len(), std::ptr::null_mut())
    }
}

/// The number of positional arguments in a vectorcall's `nargsf`.
pub unsafe extern "C" fn PyVectorcall_NARGS(nargsf: usize) -> isize {
    (nargsf & !OFFSET) as isize
}

/// An object's vectorcall function; NULL, without an exception, if it has none.
pub unsafe extern "C" fn PyVectorcall_Function(callable: Borrowed) -> Option<c::VectorcallFunc> {
    // SAFETY: C's arguments.
    unsafe { vectorcall_function(callable.0) }
}

/// Calls an object's vectorcall function with a tuple and a dict or NULL: what `tp_call` is for such types.
pub unsafe extern "C" fn PyVectorcall_Call(callable: Borrowed, args: Borrowed, kwargs: Borrowed) -> New {
    api(|vm| {
        // SAFETY: C's arguments.
        unsafe {
            if vectorcall_function(callable.0).is_none() {
                let name = error::text((*(*callable.0).ob_type).tp_name);
                return Err(vm.new_type_error(format!("'{name}' object does not support vectorcall")));
            }
            call(vm, callable, args, kwargs)
        }
    })
}

/// Calls `callable` with an array of arguments, those that `names` names last.
pub unsafe extern "C" fn PyObject_Vectorcall(callable: Borrowed, args: *const Block, nargsf: usize, names: Borrowed) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe { vectorcall(vm, callable, args, nargsf, names.0) })
}

/// Calls the method `name` of `args[0]` with the rest of the array, those that `names` names last.
pub unsafe extern "C" fn PyObject_VectorcallMethod(name: Borrowed, args: *const Block, nargsf: usize, names: Block) -> New {
    api(|vm| {
        let name = name.held(vm)?;
        let name = name.downcast_ref::<PyStr>().ok_or_else(|| name_error(vm, &name))?;
        // SAFETY: C's arguments.
        unsafe { call_method(vm, name, args, nargsf & !OFFSET, names) }
    })
}

/// What a name that is no string raises.
#[cold]
pub(crate) fn name_error(vm: &VirtualMachine, name: &PyObject) -> rustpython_vm::builtins::PyBaseExceptionRef {
    vm.new_type_error(format!("attribute name must be string, not '{}'", name.class().slot_name()))
}

/// Calls `callable` with an array of positional arguments and a dict of keyword arguments or NULL.
pub unsafe extern "C" fn PyObject_VectorcallDict(callable: Borrowed, args: *const Block, nargsf: usize, kwargs: Borrowed) -> New {
    api(|vm| {
        // SAFETY: C's arguments.
        unsafe {
            let count = nargsf & !OFFSET;
            let Some((names, values)) = keywords(vm, kwargs)? else {
                return vectorcall(vm, callable, args, nargsf, std::ptr::null_mut());
            };
            let mut all = SmallVec::<[Block; 8]>::new();
            all.extend((0..count).map(|index| *args.add(index)));
            all.extend(values.into_iter().map(|value| store::store_owned(vm, value)));
            let names: SmallVec<[Block; 8]> = names.into_iter().map(|name| store::store_owned(vm, name)).collect();
            let names = store::tuple_block(&names);
            let result = vectorcall(vm, callable, all.as_ptr(), count, names);
            for &value in &all[count..] {
                table::decref(value);
            }
            table::decref(names);
            result
        }
    })
}

/// Calls `callable` with one argument.
pub unsafe extern "C" fn PyObject_CallOneArg(callable: Borrowed, argument: Borrowed) -> New {
    // SAFETY: C's arguments; the first slot is the callee's to use.
    unsafe {
        let mut all = [std::ptr::null_mut(), argument.0];
        api(|vm| vectorcall(vm, callable, all.as_mut_ptr().add(1), 1 | OFFSET, std::ptr::null_mut()))
    }
}

/// Calls through `tp_call` with an array of arguments: what [`PyObject_Vectorcall`] does for types without a
/// vectorcall. `keywords` is a dict, a tuple of names or NULL.
pub unsafe extern "C" fn _PyObject_MakeTpCall(_state: *mut c::PyThreadState, callable: Borrowed, args: *const Block, count: isize, keywords: Borrowed) -> New {
    // SAFETY: C's arguments.
    unsafe {
        if !keywords.is_null() && Kind::of(keywords.0) == Kind::Dict {
            PyObject_VectorcallDict(callable, args, count as usize, keywords)
        } else {
            PyObject_Vectorcall(callable, args, count as usize, keywords)
        }
    }
}

/// Checks what a C function returned: `SystemError` if it failed without an exception or succeeded with one. Takes
/// over the result's reference and returns it; `place` names the function if `callable` is NULL.
pub unsafe extern "C" fn _Py_CheckFunctionResult(_state: *mut c::PyThreadState, callable: Borrowed, result: Stolen, place: *const c_char) -> New {
    api(|vm| {
        // SAFETY: C's arguments.
        unsafe {
            direct::checked(vm, result.into_block(), || match callable.opt(vm) {
                Ok(Some(callable)) => crate::describe(vm, &callable),
                _ => error::text(place),
            })
        }
    })
}

/// Whether `object[i]` of a type with `__index__` works: whether its type has `nb_index`.
pub unsafe extern "C" fn PyIndex_Check(object: Borrowed) -> c_int {
    // SAFETY: C's arguments.
    if unsafe { Kind::of(object.0) } == Kind::Long {
        return 1;
    }
    infallible(0, |vm| Ok(object.held(vm)?.number().is_index().into()))
}

/// `iter(object)`.
pub unsafe extern "C" fn PyObject_GetIter(object: Borrowed) -> New {
    api(|vm| {
        let object = object.get(vm)?;
        let iterator: PyObjectRef = leave(vm, || object.get_iter(vm))?.into();
        Ok(New::of(vm, iterator))
    })
}

/// `aiter(object)`.
pub unsafe extern "C" fn PyObject_GetAIter(object: Borrowed) -> New {
    api(|vm| {
        let object = object.held(vm)?;
        let iterator = leave(vm, || object.get_aiter(vm))?;
        Ok(New::of(vm, iterator))
    })
}

/// Whether an object is an iterator.
pub unsafe extern "C" fn PyIter_Check(object: Borrowed) -> c_int {
    infallible(0, |vm| Ok(PyIter::check(&*object.held(vm)?).into()))
}

/// Whether an object is an asynchronous iterator.
pub unsafe extern "C" fn PyAIter_Check(object: Borrowed) -> c_int {
    infallible(0, |vm| Ok(object.held(vm)?.class().has_attr(vm.ctx.intern_str("__anext__")).into()))
}

/// An iterator's next item.
fn next(vm: &VirtualMachine, iterator: &PyObject) -> PyResult<PyIterReturn> {
    leave(vm, || PyIter::new(iterator).next(vm))
}

/// An iterator's next item; NULL, without an exception, at the end.
pub unsafe extern "C" fn PyIter_Next(iterator: Borrowed) -> New {
    api(|vm| match next(vm, &*iterator.held(vm)?)? {
        PyIterReturn::Return(item) => Ok(New::of(vm, item)),
        PyIterReturn::StopIteration(_) => Ok(New::NULL),
    })
}

/// Puts an iterator's next item into `item`. Returns 1, or 0 with NULL at the end.
pub unsafe extern "C" fn PyIter_NextItem(iterator: Borrowed, item: *mut Block) -> c_int {
    // SAFETY: C's arguments.
    unsafe { *item = std::ptr::null_mut() };
    api(|vm| {
        let iterator = iterator.held(vm)?;
        if !PyIter::check(&iterator) {
            let message = format!("expected an iterator, got '{}'", iterator.class().slot_name());
            return Err(vm.new_type_error(message));
        }
        match next(vm, &iterator)? {
            PyIterReturn::Return(found) => {
                // SAFETY: C's arguments.
                unsafe { *item = New::of(vm, found).0 };
                Ok(1)
            }
            PyIterReturn::StopIteration(_) => Ok(0),
        }
    })
}

/// Sends a value into an iterator. Returns 1 with the next item in `result` (`PYGEN_NEXT`), 0 with the returned value
/// (`PYGEN_RETURN`), or -1.
pub unsafe extern "C" fn PyIter_Send(iterator: Borrowed, value: Borrowed, result: *mut Block) -> c_int {
    // SAFETY: C's arguments.
    unsafe { *result = std::ptr::null_mut() };
    api(|vm| {
        let (iterator, value) = (iterator.held(vm)?, value.get(vm)?);
        let sent = if vm.is_none(&value) && PyIter::check(&iterator) {
            next(vm, &iterator)?
        } else {
            PyIterReturn::from_pyresult(leave(vm, || vm.call_method(&iterator, "send", (value,))), vm)?
        };
        let (status, object) = match sent {
            PyIterReturn::Return(object) => (1, object),
            PyIterReturn::StopIteration(object) => (0, vm.unwrap_or_none(object)),
        };
        // SAFETY: C's arguments.
        unsafe { *result = New::of(vm, object).0 };
        Ok(status)
    })
}

/// Whether `derived` is a subclass of `class`, a class or a tuple of them, as `issubclass` has it. 1, 0 or -1.
pub unsafe extern "C" fn PyObject_IsSubclass(derived: Borrowed, class: Borrowed) -> c_int {
    api(|vm| {
        let (derived, class) = (derived.held(vm)?, class.held(vm)?);
        leave(vm, || derived.is_subclass(&class, vm)).map(c_int::from)
    })
}

/// Whether `object` is an instance of `class`, a class or a tuple of them, as `isinstance` has it. 1, 0 or -1.
pub unsafe extern "C" fn PyObject_IsInstance(object: Borrowed, class: Borrowed) -> c_int {
    api(|vm| {
        let (object, class) = (object.held(vm)?, class.held(vm)?);
        if object.class().is(&*class) {
            return Ok(1);
        }
        leave(vm, || object.is_instance(&class, vm)).map(c_int::from)
    })
}

/// The keyword arguments of a vectorcall as a new dict.
pub unsafe extern "C" fn _PyStack_AsDict(values: *const Block, names: Borrowed) -> New {
    api(|vm| {
        let dict = vm.ctx.new_dict();
        // SAFETY: C's arguments: as many values as names.
        for (index, name) in unsafe { keyword_names(vm, names.0)? }.into_iter().enumerate() {
            // SAFETY: as above.
            let value = unsafe { retrieve::retrieve(vm, *values.add(index))? };
            dict.set_item(&*name, value, vm)?;
        }
        Ok(New::of(vm, dict))
    })
}
