//! `ceval.h` and `cpython/ceval.h`: the evaluation loop, as far as extension modules touch it.

use super::prelude::*;
use crate::capi::support::pending;
use crate::lifetime::thread;
use rustpython_vm::TryFromObject;
use rustpython_vm::builtins::{PyBoundMethod, PyCode, PyDict, PyFunction, PyInt};
use rustpython_vm::function::{ArgMapping, FuncArgs};
use rustpython_vm::scope::Scope;

/// The frame of the Python code that is running, if there is one.
pub(crate) fn frame(vm: &VirtualMachine) -> Option<rustpython_vm::frame::FrameObjectRef> {
    vm.current_frame()
}

/// Runs a code object with globals and locals (NULL: the globals); what it returns.
pub unsafe extern "C" fn PyEval_EvalCode(code: Borrowed, globals: Borrowed, locals: Borrowed) -> New {
    api(|vm| {
        if globals.is_null() {
            return Err(vm.new_system_error("PyEval_EvalCode: NULL globals"));
        }
        let (code, globals) = (code.of::<PyCode>(vm)?, globals.of::<PyDict>(vm)?);
        let locals = locals.opt(vm)?.map(|locals| ArgMapping::try_from_object(vm, locals)).transpose()?;
        let scope = Scope::with_builtins(locals, globals, vm);
        let result = leave(vm, || vm.run_code_obj(code, scope))?;
        Ok(New::of(vm, result))
    })
}

/// Runs a code object as a function with arguments, keyword arguments (names and values in turn), default values and
/// cells; what it returns. Locals, keyword-only default values and cells may be NULL.
pub unsafe extern "C" fn PyEval_EvalCodeEx(
    code: Borrowed,
    globals: Borrowed,
    locals: Borrowed,
    args: *const Block,
    count: c_int,
    keywords: *const Block,
    keyword_count: c_int,
    defaults: *const Block,
    default_count: c_int,
    keyword_defaults: Borrowed,
    closure: Borrowed,
) -> New {
    api(|vm| {
        let objects = |first: *const Block, count: c_int| -> PyResult<Vec<PyObjectRef>> {
            // SAFETY: C's arguments: so many objects, or none and maybe NULL.
            (0..count.max(0) as usize).map(|index| unsafe { retrieve::retrieve(vm, *first.add(index)) }).collect()
        };
        let mut parts = FuncArgs::from(vec![code.get(vm)?, globals.get(vm)?]);
        let defaults = objects(defaults, default_count)?;
        let defaults = (!defaults.is_empty()).then(|| vm.ctx.new_tuple(defaults).into());
        for (name, part) in
            [("argdefs", defaults), ("kwdefaults", keyword_defaults.opt(vm)?), ("closure", closure.opt(vm)?)]
        {
            if let Some(part) = part {
                parts.kwargs.insert(name.into(), part);
            }
        }
        let class: PyObjectRef = vm.ctx.types.function_type.to_owned().into();
        let mut given = FuncArgs::from(objects(args, count)?);
        for pair in objects(keywords, keyword_count * 2)?.chunks_exact(2) {
            given.kwargs.insert(leave(vm, || pair[0].str(vm))?.to_string_lossy().into_owned().into(), pair[1].clone());
        }
        let locals = locals.opt(vm)?.map(|locals| ArgMapping::try_from_object(vm, locals)).transpose()?;
        let result = leave(vm, || {
            let function = class.call(parts, vm)?.downcast::<PyFunction>().map_err(|_| bad_internal_call(vm))?;
            function.invoke_with_locals(given, locals, vm)
        })?;
        Ok(New::of(vm, result))
    })
}

/// Something of the current frame, borrowed; NULL, without an exception, if no Python code is running.
fn lent_by_frame(
    part: impl FnOnce(&VirtualMachine, rustpython_vm::frame::FrameObjectRef) -> PyResult<PyObjectRef>,
) -> Lent {
    api(|vm| {
        let Some(frame) = frame(vm) else { return Ok(Lent::NULL) };
        let object = leave(vm, || part(vm, frame))?;
        Ok(Lent(lend::lend(vm, builtins_block(vm), &object)))
    })
}

/// The block of the builtins' dict, which outlives everything that is lent in its name.
fn builtins_block(vm: &VirtualMachine) -> Block {
    let dict = vm.builtins.dict();
    let owner = types::type_block(vm, vm.ctx.types.module_type).cast();
    lend::lend(vm, owner, dict.as_object())
}

/// The builtins that are in force, borrowed.
pub unsafe extern "C" fn PyEval_GetBuiltins() -> Lent {
    api(|vm| {
        let found = frame(vm).map(|frame| frame.f_builtins()).filter(|found| found.downcastable::<PyDict>());
        match found {
            Some(dict) => Ok(Lent(lend::lend(vm, builtins_block(vm), &dict))),
            None => Ok(Lent(builtins_block(vm))),
        }
    })
}

/// The globals of the running Python code, borrowed; NULL, without an exception, if there is none.
pub unsafe extern "C" fn PyEval_GetGlobals() -> Lent {
    lent_by_frame(|_, frame| Ok(frame.f_globals().into()))
}

/// The locals of the running Python code, borrowed; `SystemError` if there is none.
pub unsafe extern "C" fn PyEval_GetLocals() -> Lent {
    api(|vm| {
        let Some(frame) = frame(vm) else { return Err(vm.new_system_error("frame does not exist")) };
        let locals = leave(vm, || frame.f_locals(vm))?;
        Ok(Lent(lend::lend(vm, builtins_block(vm), &locals)))
    })
}

/// The frame of the running Python code, borrowed; NULL, without an exception, if there is none.
pub unsafe extern "C" fn PyEval_GetFrame() -> Lent {
    lent_by_frame(|_, frame| Ok(frame.into()))
}

/// The builtins that are in force.
pub unsafe extern "C" fn PyEval_GetFrameBuiltins() -> New {
    // SAFETY: no arguments.
    Borrowed(unsafe { PyEval_GetBuiltins() }.0).again()
}

/// The globals of the running Python code; NULL, without an exception, if there is none.
pub unsafe extern "C" fn PyEval_GetFrameGlobals() -> New {
    api(|vm| Ok(frame(vm).map_or(New::NULL, |frame| New::of(vm, frame.f_globals()))))
}

/// The locals of the running Python code; `SystemError` if there is none.
pub unsafe extern "C" fn PyEval_GetFrameLocals() -> New {
    api(|vm| {
        let Some(frame) = frame(vm) else { return Err(vm.new_system_error("frame does not exist")) };
        let locals = leave(vm, || frame.f_locals(vm))?;
        Ok(New::of(vm, locals))
    })
}

/// Adds the running code's `from __future__` flags to `flags`. Whether there are any flags now.
pub unsafe extern "C" fn PyEval_MergeCompilerFlags(flags: *mut c_int) -> c_int {
    /// `PyCF_MASK`: the bits of a code object's flags that stand for `__future__` features.
    const FEATURES: c_int = 0x1fe_0000;
    infallible(0, |vm| {
        let own = match frame(vm) {
            None => 0,
            Some(frame) => {
                let flags = leave(vm, || frame.f_code().as_object().get_attr("co_flags", vm))?;
                flags.downcast_ref::<PyInt>().map_or(Ok(0), |flags| flags.try_to_primitive::<c_int>(vm))?
            }
        };
        // SAFETY: C's argument, whose first field is `cf_flags`.
        unsafe {
            *flags |= own & FEATURES;
            Ok((*flags != 0).into())
        }
    })
}

/// Has `function(argument)` called on the main thread, between two instructions of Python code. 0, or -1 if there is no
/// main thread any more. Needs no lock.
pub unsafe extern "C" fn Py_AddPendingCall(function: pending::Call, argument: *mut c_void) -> c_int {
    if pending::add(function, argument) { 0 } else { -1 }
}

/// Makes the calls that wait for the main thread, if this is it. 0, or -1 with an exception.
pub unsafe extern "C" fn Py_MakePendingCalls() -> c_int {
    api(|vm| leave(vm, || vm.check_signals()).map(|()| 0))
}

/// How many Python calls may nest.
pub unsafe extern "C" fn Py_GetRecursionLimit() -> c_int {
    infallible(1000, |vm| Ok(vm.recursion_limit.get() as c_int))
}

/// Sets how many Python calls may nest.
pub unsafe extern "C" fn Py_SetRecursionLimit(limit: c_int) {
    infallible((), |vm| {
        vm.recursion_limit.set(limit.max(1) as usize);
        // SAFETY: this thread's state.
        unsafe { (*thread::state()).py_recursion_limit = limit };
        Ok(())
    });
}

/// Looks whether the stack has room for another nested call; `RecursionError` if it has not. 0, or -1 with an exception.
pub unsafe extern "C" fn Py_EnterRecursiveCall(place: *const c_char) -> c_int {
    // SAFETY: C's argument.
    api(|vm| vm.with_recursion(unsafe { text::of_c(place) }.trim_start(), || Ok(0)))
}

/// Ends a nested call: as the stack itself is measured, there is nothing to count.
pub unsafe extern "C" fn Py_LeaveRecursiveCall() {}

/// [`Py_EnterRecursiveCall`] with a thread state.
pub unsafe extern "C" fn _Py_CheckRecursiveCall(_state: *mut c::PyThreadState, place: *const c_char) -> c_int {
    // SAFETY: C's argument.
    unsafe { Py_EnterRecursiveCall(place) }
}

/// What to call a callable in messages, borrowed from it: its own name, or its type's.
pub unsafe extern "C" fn PyEval_GetFuncName(function: Borrowed) -> *const c_char {
    api(|vm| {
        let held = function.get(vm)?;
        let held =
            if held.downcastable::<PyBoundMethod>() { leave(vm, || held.get_attr("__func__", vm))? } else { held };
        // SAFETY: C's argument.
        unsafe {
            if Kind::of(function.0) == Kind::Function {
                let method = (*function.0.cast::<c::PyCFunctionObject>()).m_ml;
                if !method.is_null() {
                    return Ok((*method).ml_name);
                }
            } else if !held.downcastable::<PyFunction>() {
                return Ok((*(*function.0).ob_type).tp_name);
            }
            let name = leave(vm, || held.get_attr("__name__", vm))?;
            let name = lend::lend(vm, function.0, &name);
            crate::twins::forms::unicode::utf8(vm, name).map(|(text, _)| text)
        }
    })
}

/// What to put behind [`PyEval_GetFuncName`]: `()` for functions, ` object` for others.
pub unsafe extern "C" fn PyEval_GetFuncDesc(function: Borrowed) -> *const c_char {
    api(|vm| {
        let held = function.held(vm)?;
        let is_function = held.downcastable::<PyFunction>() || held.downcastable::<PyBoundMethod>();
        // SAFETY: C's argument.
        let is_builtin = unsafe { Kind::of(function.0) } == Kind::Function;
        Ok(if is_function || is_builtin { c"()".as_ptr() } else { c" object".as_ptr() })
    })
}

/// Gives the lock up, for work that touches no objects; returns this thread's state.
pub unsafe extern "C" fn PyEval_SaveThread() -> *mut c::PyThreadState {
    thread::save()
}

/// Takes the lock again.
pub unsafe extern "C" fn PyEval_RestoreThread(_state: *mut c::PyThreadState) {
    thread::restore();
}

/// Threads are always ready.
pub unsafe extern "C" fn PyEval_InitThreads() {}

/// Whether threads are ready: yes.
pub unsafe extern "C" fn PyEval_ThreadsInitialized() -> c_int {
    1
}

/// Makes this thread able to use the API, with a state that was made for it or that [`PyEval_ReleaseThread`] put aside.
pub unsafe extern "C" fn PyEval_AcquireThread(_state: *mut c::PyThreadState) {
    thread::ensure();
}

/// Undoes [`PyEval_AcquireThread`]; the state is kept.
pub unsafe extern "C" fn PyEval_ReleaseThread(_state: *mut c::PyThreadState) {
    thread::save();
}

/// An index of a slice, if it is one: None leaves `index` alone. 1, or 0 with an exception.
pub unsafe extern "C" fn _PyEval_SliceIndex(object: Borrowed, index: *mut isize) -> c_int {
    if object.0 == statics().none {
        return 1;
    }
    // SAFETY: C's arguments.
    unsafe { _PyEval_SliceIndexNotNone(object, index) }
}

/// [`_PyEval_SliceIndex`] where None is not allowed.
pub unsafe extern "C" fn _PyEval_SliceIndexNotNone(object: Borrowed, index: *mut isize) -> c_int {
    // 0 is this function's error value: -1 becomes that.
    let done: c_int = api(|vm| {
        if !object.held(vm)?.number().is_index() {
            return Err(vm.new_type_error("slice indices must be integers or None or have an __index__ method"));
        }
        // SAFETY: C's argument.
        unsafe { *index = super::number::as_isize(vm, object, Borrowed(std::ptr::null_mut()))? };
        Ok(1)
    });
    done.max(0)
}
