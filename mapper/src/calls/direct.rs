//! Calls from C code to C functions, which need no detour through the VM. Everything that is not plainly such a call is
//! left to the caller, who goes through the managed object.

use std::ffi::c_int;

use rustpython_vm::{PyResult, VirtualMachine};
use smallvec::SmallVec;

use crate::abi::layout as c;
use crate::abi::layout::meth;
use crate::heap::block::Block;
use crate::heap::kind::Kind;
use crate::lifetime::thread::leave;
use crate::lifetime::{dealloc, handle};
use crate::twins::forms::tuple;
use crate::twins::reference::{Borrowed, New};
use crate::twins::{error, retrieve, store};

/// `PY_VECTORCALL_ARGUMENTS_OFFSET`.
const OFFSET: usize = 1 << (usize::BITS - 1);
/// The flags that say how a function is called.
const CALL: c_int = meth::VARARGS | meth::KEYWORDS | meth::NOARGS | meth::O | meth::FASTCALL | meth::METHOD;
const VARARGS_KEYWORDS: c_int = meth::VARARGS | meth::KEYWORDS;
const FASTCALL_KEYWORDS: c_int = meth::FASTCALL | meth::KEYWORDS;
const METHOD: c_int = meth::METHOD | meth::FASTCALL | meth::KEYWORDS;

/// Calls a C function object, or an object whose C type has a vectorcall. None if `callable` is neither.
///
/// # Safety
/// As for `PyObject_Vectorcall`.
#[inline]
pub(crate) unsafe fn vectorcall(
    vm: &VirtualMachine,
    callable: Borrowed,
    args: *const Block,
    nargsf: usize,
    names: Block,
) -> Option<PyResult<New>> {
    if callable.is_null() {
        return None;
    }
    // SAFETY: by contract.
    unsafe {
        match Kind::of(callable.0) {
            Kind::Function => {
                let function = callable.0.cast::<c::PyCFunctionObject>();
                if (*function).m_ml.is_null() || !crate::twins::forms::function::is_of_c(callable.0) {
                    return None; // a builtin of RustPython's
                }
                Some(call_function(vm, callable, args, nargsf & !OFFSET, names))
            }
            Kind::Instance => {
                let slot = crate::calls::calling::vectorcall_function(callable.0)?;
                Some(guarded(vm, callable, || slot(callable.0, args, nargsf, names)))
            }
            _ => None,
        }
    }
}

/// Calls a C function that takes its arguments as a tuple. None if `callable` is none.
///
/// # Safety
/// As for `PyObject_Call`; `kwargs` is a dict that is not empty.
pub(crate) unsafe fn call(
    vm: &VirtualMachine,
    callable: Borrowed,
    args: Borrowed,
    kwargs: Option<Borrowed>,
) -> Option<PyResult<New>> {
    // SAFETY: by contract.
    unsafe {
        if callable.is_null() || Kind::of(callable.0) != Kind::Function {
            return None;
        }
        let (method, this) = target(callable.0)?;
        if (*method).ml_flags & meth::VARARGS == 0 {
            return None;
        }
        if kwargs.is_some() && (*method).ml_flags & meth::KEYWORDS == 0 {
            return Some(Err(wrong_arguments(vm, callable, "takes no keyword arguments")));
        }
        let kwargs = kwargs.map_or(std::ptr::null_mut(), |kwargs| kwargs.0);
        Some(guarded(vm, callable, || with_tuple(method, this, args.0, kwargs)))
    }
}

/// A function's definition and the `self` that it passes.
unsafe fn target(function: Block) -> Option<(*mut c::PyMethodDef, Block)> {
    // SAFETY: a function's block, by the callers' contract.
    unsafe {
        if !crate::twins::forms::function::is_of_c(function) {
            return None;
        }
        let function = function.cast::<c::PyCFunctionObject>();
        let method = (*function).m_ml;
        if method.is_null() {
            return None;
        }
        let is_static = (*method).ml_flags & meth::STATIC != 0;
        Some((method, if is_static { std::ptr::null_mut() } else { (*function).m_self }))
    }
}

/// Calls a `METH_VARARGS` function.
unsafe fn with_tuple(method: *mut c::PyMethodDef, this: Block, args: Block, kwargs: Block) -> Block {
    // SAFETY: the flags say which type the function has.
    unsafe {
        if (*method).ml_flags & meth::KEYWORDS != 0 {
            std::mem::transmute::<*const _, c::PyCFunctionWithKeywords>((*method).ml_meth)(this, args, kwargs)
        } else {
            std::mem::transmute::<*const _, c::PyCFunction>((*method).ml_meth)(this, args)
        }
    }
}

/// Calls a C function object by its flags.
unsafe fn call_function(
    vm: &VirtualMachine,
    callable: Borrowed,
    args: *const Block,
    count: usize,
    names: Block,
) -> PyResult<New> {
    // SAFETY: by the caller's contract; the flags say which type the function has.
    unsafe {
        let Some((method, this)) = target(callable.0) else {
            return Err(crate::twins::reference::bad_internal_call(vm));
        };
        let (flags, code) = ((*method).ml_flags & CALL, (*method).ml_meth);
        let named = if names.is_null() { 0 } else { tuple::slice(names).len() };
        if named > 0 && flags & meth::KEYWORDS == 0 {
            return Err(wrong_arguments(vm, callable, "takes no keyword arguments"));
        }
        let names = if named > 0 { names } else { std::ptr::null_mut() };
        guarded(vm, callable, || match flags {
            meth::NOARGS if count == 0 => {
                std::mem::transmute::<*const _, c::PyCFunction>(code)(this, std::ptr::null_mut())
            }
            meth::O if count == 1 => std::mem::transmute::<*const _, c::PyCFunction>(code)(this, *args),
            meth::NOARGS | meth::O => {
                let expected = if flags == meth::O { "exactly one argument" } else { "no arguments" };
                let wrong = wrong_arguments(vm, callable, &format!("takes {expected} ({count} given)"));
                error::set(vm, wrong);
                std::ptr::null_mut()
            }
            meth::FASTCALL => std::mem::transmute::<*const _, c::PyCFunctionFast>(code)(this, args, count as isize),
            FASTCALL_KEYWORDS => {
                std::mem::transmute::<*const _, c::PyCFunctionFastWithKeywords>(code)(this, args, count as isize, names)
            }
            METHOD => {
                let class = (*callable.0.cast::<c::PyCMethodObject>()).mm_class;
                std::mem::transmute::<*const _, c::PyCMethod>(code)(this, class, args, count, names)
            }
            meth::VARARGS | VARARGS_KEYWORDS => packed(vm, method, this, args, count, names),
            _ => {
                error::set(vm, vm.new_system_error("bad call flags in a C function"));
                std::ptr::null_mut()
            }
        })
    }
}

/// Calls a `METH_VARARGS` function with arguments that are not in a tuple yet.
unsafe fn packed(
    vm: &VirtualMachine,
    method: *mut c::PyMethodDef,
    this: Block,
    args: *const Block,
    count: usize,
    names: Block,
) -> Block {
    // SAFETY: by the callers' contract; the tuple counts its items.
    unsafe {
        let kwargs = if names.is_null() {
            std::ptr::null_mut()
        } else {
            match keyword_dict(vm, args.add(count), names) {
                Ok(dict) => dict,
                Err(raised) => {
                    error::set(vm, raised);
                    return std::ptr::null_mut();
                }
            }
        };
        let items: SmallVec<[Block; 8]> = (0..count).map(|index| *args.add(index)).collect();
        for &item in &items {
            handle::incref(item);
        }
        let tuple = tuple::with_items(&items);
        let result = with_tuple(method, this, tuple, kwargs);
        dealloc::decref(tuple);
        dealloc::xdecref(kwargs);
        result
    }
}

unsafe fn keyword_dict(vm: &VirtualMachine, values: *const Block, names: Block) -> PyResult<Block> {
    let dict = vm.ctx.new_dict();
    // SAFETY: by the callers' contract there is a value for each name.
    unsafe {
        for (index, &name) in tuple::slice(names).iter().enumerate() {
            let name = retrieve::retrieve(vm, name)?;
            let value = retrieve::retrieve(vm, *values.add(index))?;
            dict.set_item(&*name, value, vm)?;
        }
    }
    Ok(store::store_owned(vm, dict.into()))
}

/// Runs a call, unless the stack is nearly used up, and checks the result.
#[inline]
pub(super) unsafe fn guarded(vm: &VirtualMachine, callable: Borrowed, call: impl FnOnce() -> Block) -> PyResult<New> {
    let result = vm.with_recursion("while calling a Python object", || Ok(call()))?;
    // SAFETY: the callee gives a reference or NULL.
    unsafe { checked(vm, result, || callable.get(vm).map_or_else(|_| String::new(), |it| error::describe(vm, &it))) }
}

/// What a C function returned, if it kept the rule: a result, or NULL and an exception, which stays raised.
///
/// # Errors
/// `SystemError` if it did not.
///
/// # Safety
/// `result` is NULL or a reference that the caller owns.
#[inline]
pub(crate) unsafe fn checked(vm: &VirtualMachine, result: Block, what: impl FnOnce() -> String) -> PyResult<New> {
    if result.is_null() != error::occurred().is_null() {
        return Ok(New(result));
    }
    // SAFETY: by contract.
    unsafe { error::result(vm, result, what) }.map(|object| New::of(vm, object))
}

/// `TypeError` that begins with the function's name.
#[cold]
fn wrong_arguments(vm: &VirtualMachine, callable: Borrowed, what: &str) -> rustpython_vm::builtins::PyBaseExceptionRef {
    match function_text(vm, callable) {
        Ok(name) => vm.new_type_error(format!("{name} {what}")),
        Err(error) => error,
    }
}

/// A function's name for messages: `module.name()`, or its `str` if it has none.
pub(crate) fn function_text(vm: &VirtualMachine, callable: Borrowed) -> PyResult<String> {
    let object = callable.get(vm)?;
    crate::lifetime::thread::leave(vm, || {
        let Some(name) = vm.get_attribute_opt(&object, "__qualname__")? else {
            return Ok(object.str(vm)?.to_string_lossy().into_owned());
        };
        let name = leave(vm, || name.str(vm))?.to_string_lossy().into_owned();
        match leave(vm, || vm.get_attribute_opt(&object, "__module__"))? {
            Some(module) if !vm.is_none(&module) => {
                let module = module.str(vm)?.to_string_lossy().into_owned();
                Ok(if module == "builtins" { format!("{name}()") } else { format!("{module}.{name}()") })
            }
            _ => Ok(format!("{name}()")),
        }
    })
}
