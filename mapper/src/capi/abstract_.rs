//! `abstract.h` and `cpython/abstract.h`: calls, items, iteration, classes. The header's numbers, sequences and
//! mappings are in `number`, `sequence` and `mapping`, what the calls have in common in `crate::calls::calling`.

use super::prelude::*;
use crate::calls::calling::{
    OFFSET, call, call_method, call_slot, keyword_names, keywords, objects_until_null, vectorcall, vectorcall_function,
};
use crate::calls::direct;
use crate::capi::sequence::{block_item, change, change_block_item, index_of};
use crate::capi::support::building::Built;
use rustpython_vm::PyObject;
use rustpython_vm::builtins::PyStr;
use rustpython_vm::protocol::{PyIter, PyIterReturn};
use smallvec::SmallVec;

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
        Err(_) => {
            vm.state.codec_registry.decode_text(vm.ctx.new_bytes(bytes.to_bytes().to_vec()).into(), "utf-8", None, vm)
        }
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
        } else if class == statics.list && handle::twin_of(block).is_none() {
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
    // SAFETY: C's arguments.
    if let Some(item) = unsafe { index_of(key.0).and_then(|index| block_item(object.0, index)) } {
        return Borrowed(item).again();
    }
    api(|vm| {
        let (object, key) = (object.held(vm)?, key.held(vm)?);
        let item = leave(vm, || object.get_item(&*key, vm))?;
        Ok(New::of(vm, item))
    })
}

/// `object[key] = value`. Returns 0.
pub unsafe extern "C" fn PyObject_SetItem(object: Borrowed, key: Borrowed, value: Borrowed) -> c_int {
    // SAFETY: C's arguments.
    let done = unsafe { (!value.0.is_null()).then(|| change_block_item(object.0, index_of(key.0), value.0)).flatten() };
    if let Some(done) = done {
        return done;
    }
    api(|vm| {
        let (target, key, value) = (object.held(vm)?, key.held(vm)?, value.get(vm)?);
        leave(vm, || target.set_item(&*key, value, vm))?;
        // SAFETY: C's arguments.
        unsafe { store::touched(vm, object.0) };
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
        unsafe { store::touched(vm, object.0) };
        Ok(0)
    })
}

/// `del object[key]` with a key in UTF-8. Returns 0.
pub unsafe extern "C" fn PyObject_DelItemString(object: Borrowed, key: *const c_char) -> c_int {
    // SAFETY: C's arguments.
    change(object, |vm, target| target.del_item(unsafe { new_name(vm, key)? }.as_object(), vm))
}

/// `del object[key]`. Returns 0.
pub unsafe extern "C" fn PyObject_DelItem(object: Borrowed, key: Borrowed) -> c_int {
    // SAFETY: C's arguments.
    if let Some(done) = unsafe { change_block_item(object.0, index_of(key.0), std::ptr::null_mut()) } {
        return done;
    }
    api(|vm| {
        let (target, key) = (object.held(vm)?, key.held(vm)?);
        leave(vm, || target.del_item(&*key, vm))?;
        // SAFETY: C's arguments.
        unsafe { store::touched(vm, object.0) };
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
            let empty = tuple::new_block(0);
            let result = call(vm, callable, Borrowed(empty), kwargs);
            dealloc::decref(empty);
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
pub unsafe extern "C" fn _PyObject_CallFunction_SizeT(
    callable: Borrowed,
    format: *const c_char,
    va: *mut VaList,
) -> New {
    // SAFETY: C's arguments.
    unsafe { PyObject_CallFunction(callable, format, va) }
}

/// [`PyObject_CallFunction`] under its first name.
pub unsafe extern "C" fn PyEval_CallFunction(callable: Borrowed, format: *const c_char, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    unsafe { PyObject_CallFunction(callable, format, va) }
}

/// Calls a method by name with the arguments that a format and what follows describe.
pub unsafe extern "C" fn PyObject_CallMethod(
    object: Borrowed,
    name: *const c_char,
    format: *const c_char,
    va: *mut VaList,
) -> New {
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
pub unsafe extern "C" fn _PyObject_CallMethod_SizeT(
    object: Borrowed,
    name: *const c_char,
    format: *const c_char,
    va: *mut VaList,
) -> New {
    // SAFETY: C's arguments.
    unsafe { PyObject_CallMethod(object, name, format, va) }
}

/// [`PyObject_CallMethod`] under its first name.
pub unsafe extern "C" fn PyEval_CallMethod(
    object: Borrowed,
    name: *const c_char,
    format: *const c_char,
    va: *mut VaList,
) -> New {
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
    // SAFETY: C's arguments.
    api(|vm| unsafe { call_slot(vm, callable, args, kwargs) })
}

/// Calls `callable` with an array of arguments, those that `names` names last.
pub unsafe extern "C" fn PyObject_Vectorcall(
    callable: Borrowed,
    args: *const Block,
    nargsf: usize,
    names: Borrowed,
) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe { vectorcall(vm, callable, args, nargsf, names.0) })
}

/// Calls the method `name` of `args[0]` with the rest of the array, those that `names` names last.
pub unsafe extern "C" fn PyObject_VectorcallMethod(
    name: Borrowed,
    args: *const Block,
    nargsf: usize,
    names: Block,
) -> New {
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
pub unsafe extern "C" fn PyObject_VectorcallDict(
    callable: Borrowed,
    args: *const Block,
    nargsf: usize,
    kwargs: Borrowed,
) -> New {
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
            let names = tuple::with_items(&names);
            let result = vectorcall(vm, callable, all.as_ptr(), count, names);
            for &value in &all[count..] {
                dealloc::decref(value);
            }
            dealloc::decref(names);
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
pub unsafe extern "C" fn _PyObject_MakeTpCall(
    _state: *mut c::PyThreadState,
    callable: Borrowed,
    args: *const Block,
    count: isize,
    keywords: Borrowed,
) -> New {
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
pub unsafe extern "C" fn _Py_CheckFunctionResult(
    _state: *mut c::PyThreadState,
    callable: Borrowed,
    result: Stolen,
    place: *const c_char,
) -> New {
    api(|vm| {
        // SAFETY: C's arguments.
        unsafe {
            direct::checked(vm, result.into_block(), || match callable.opt(vm) {
                Ok(Some(callable)) => error::describe(vm, &callable),
                _ => text::of_c(place),
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
pub(crate) fn next(vm: &VirtualMachine, iterator: &PyObject) -> PyResult<PyIterReturn> {
    leave(vm, || PyIter::new(iterator).next(vm))
}

/// [`next`] as `tp_iternext` has it, which classes made in Python that are no iterators have, too.
fn next_of(vm: &VirtualMachine, iterator: &PyObject) -> PyResult<PyIterReturn> {
    if !PyIter::check(iterator) {
        return Err(vm.new_type_error(format!("'{}' object is not iterable", iterator.class().slot_name())));
    }
    next(vm, iterator)
}

/// An iterator's next item; NULL, without an exception, at the end.
pub unsafe extern "C" fn PyIter_Next(iterator: Borrowed) -> New {
    api(|vm| match next_of(vm, &*iterator.held(vm)?)? {
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
        let PyIterReturn::Return(found) = next(vm, &iterator)? else { return Ok(0) };
        // SAFETY: C's arguments.
        unsafe { *item = New::of(vm, found).0 };
        Ok(1)
    })
}

/// Sends a value into an iterator. Returns 1 with the next item in `result` (`PYGEN_NEXT`), 0 with the returned value
/// (`PYGEN_RETURN`), or -1.
pub unsafe extern "C" fn PyIter_Send(iterator: Borrowed, value: Borrowed, result: *mut Block) -> c_int {
    // SAFETY: C's arguments; a type's suite is a table of nullable functions.
    unsafe {
        *result = std::ptr::null_mut();
        let suite = (*(*iterator.0).ob_type).tp_as_async.as_ref();
        if Kind::of(iterator.0) == Kind::Instance
            && let Some(send) = suite.and_then(|suite| suite.am_send)
        {
            return send(iterator.0, value.0, result);
        }
    }
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
            leave(vm, || dict.set_item(&*name, value, vm))?;
        }
        Ok(New::of(vm, dict))
    })
}

/// `O&` converter to a size: None leaves it as it is. 1, or 0 with an exception.
pub unsafe extern "C" fn _Py_convert_optional_to_ssize_t(object: Borrowed, to: *mut c_void) -> c_int {
    if object.0 == statics().none {
        return 1;
    }
    let done: c_int = api(|vm| {
        if !object.held(vm)?.number().is_index() {
            let name = object.held(vm)?.class().name().to_string();
            return Err(vm.new_type_error(format!("argument should be integer or None, not {name}")));
        }
        let overflow = Borrowed(types::type_block(vm, vm.ctx.exceptions.overflow_error).cast());
        // SAFETY: C's argument.
        unsafe { to.cast::<isize>().write(super::number::as_isize(vm, object, overflow)?) };
        Ok(1)
    });
    done.max(0)
}
