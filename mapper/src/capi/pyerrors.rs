//! `pyerrors.h` and `cpython/pyerrors.h`: exceptions. Their parts are in `exceptionparts` and `unicodeerrors`, places in
//! sources in `syntaxlocation`.

use super::abstract_::new_name;
use super::exceptionparts::PyException_GetTraceback;
use super::prelude::*;
use crate::capi::support::names::file_name;
use crate::twins::chaining;
use rustpython_vm::builtins::{PyBaseException, PyBaseExceptionRef, PyTuple, PyType, PyTypeRef};

/// Makes an exception of a class from a value, as raising `class, value` does: an instance stays itself, a tuple is
/// the arguments, None is none.
pub(crate) fn instance(
    vm: &VirtualMachine,
    class: &PyObjectRef,
    value: Option<PyObjectRef>,
) -> PyResult<PyBaseExceptionRef> {
    let class_of_exceptions =
        |class: &&rustpython_vm::Py<PyType>| class.fast_issubclass(vm.ctx.exceptions.base_exception_type);
    let Some(class) = class.downcast_ref::<PyType>().filter(class_of_exceptions) else {
        return Err(vm.new_system_error(format!(
            "_PyErr_SetObject: exception {} is not a BaseException subclass",
            leave(vm, || class.repr(vm))?.to_string_lossy()
        )));
    };
    if let Some(value) = &value
        && value.class().fast_issubclass(class)
        && let Ok(value) = value.clone().downcast::<PyBaseException>()
    {
        return Ok(value);
    }
    let args = match value {
        None => vec![],
        Some(value) if vm.is_none(&value) => vec![],
        Some(value) => match value.downcast_ref_if_exact::<PyTuple>(vm) {
            Some(tuple) => tuple.as_slice().to_vec(),
            None => vec![value],
        },
    };
    let class: PyTypeRef = class.to_owned();
    leave(vm, || vm.invoke_exception(&class, args))
}

/// Raises `class` with a value, which may be NULL.
pub unsafe extern "C" fn PyErr_SetObject(class: Borrowed, value: Borrowed) {
    api(|vm| {
        let raised = instance(vm, &class.get(vm)?, value.opt(vm)?)?;
        // Also one that was raised before.
        chaining::chain_to_handled(vm, &raised);
        error::set_as_it_is(vm, raised);
        Ok(())
    });
}

/// Raises `class` without a value.
pub unsafe extern "C" fn PyErr_SetNone(class: Borrowed) {
    api(|vm| Err(instance(vm, &class.get(vm)?, None)?))
}

/// Raises `class` with a message in UTF-8.
pub unsafe extern "C" fn PyErr_SetString(class: Borrowed, message: *const c_char) {
    // SAFETY: C's arguments.
    api(|vm| Err(instance(vm, &class.get(vm)?, Some(unsafe { new_name(vm, message)? }.into()))?))
}

/// The class of the raised exception, borrowed; NULL if there is none.
pub unsafe extern "C" fn PyErr_Occurred() -> Lent {
    let raised = error::occurred();
    // SAFETY: the thread state owns it.
    if raised.is_null() { Lent::NULL } else { unsafe { Lent((*raised).ob_type.cast()) } }
}

/// Forgets the raised exception.
pub unsafe extern "C" fn PyErr_Clear() {
    error::set_block(std::ptr::null_mut());
}

/// Takes the raised exception away and gives it as class, value and traceback, all new references or NULL.
pub unsafe extern "C" fn PyErr_Fetch(class: *mut Block, value: *mut Block, traceback: *mut Block) {
    let raised = error::take_for_c();
    // SAFETY: C's arguments; the exception's reference becomes `value`'s.
    unsafe {
        *value = raised;
        *class = std::ptr::null_mut();
        *traceback = std::ptr::null_mut();
        if !raised.is_null() {
            *class = (*raised).ob_type.cast();
            handle::incref(*class);
            *traceback = PyException_GetTraceback(Borrowed(raised)).0;
        }
    }
}

/// Raises what [`PyErr_Fetch`] gave, or what making an exception of it raises; takes over all three references.
pub unsafe extern "C" fn PyErr_Restore(class: Stolen, value: Stolen, traceback: Stolen) {
    if class.block().is_null() {
        error::set_block(std::ptr::null_mut());
        return;
    }
    api(|vm| {
        let class = class.take(vm)?;
        let value = if value.block().is_null() { None } else { Some(value.take(vm)?) };
        // An instance of another class, be it a subclass, is the argument of a new one.
        let value = match value {
            Some(value) if !value.class().is(&class) && !value.downcastable::<PyTuple>() => {
                if vm.is_none(&value) {
                    None
                } else {
                    Some(vm.ctx.new_tuple(vec![value]).into())
                }
            }
            value => value,
        };
        let raised = instance(vm, &class, value)?;
        if !traceback.block().is_null() {
            let traceback = traceback.take(vm)?;
            leave(vm, || raised.as_object().set_attr("__traceback__", traceback, vm))?;
        }
        error::set_as_it_is(vm, raised);
        Ok(())
    });
}

/// Takes the raised exception; NULL if there is none.
pub unsafe extern "C" fn PyErr_GetRaisedException() -> New {
    New(error::take_for_c())
}

/// Raises an exception, whose reference is taken over; NULL clears.
pub unsafe extern "C" fn PyErr_SetRaisedException(raised: Stolen) {
    error::set_block(raised.into_block());
}

/// The handled exception, a new reference; NULL if there is none.
pub unsafe extern "C" fn PyErr_GetHandledException() -> New {
    infallible(New::NULL, |vm| Ok(chaining::handled(vm).map_or(New::NULL, |handled| New::of(vm, handled))))
}

/// Sets the handled exception; NULL clears it.
pub unsafe extern "C" fn PyErr_SetHandledException(handled: Borrowed) {
    infallible((), |vm| {
        // What Python code handles is with the VM: to put that back is to handle nothing here.
        let is_vms = match (handled.opt(vm)?, vm.current_exception()) {
            (Some(handled), Some(own)) => handled.is(&own) || vm.is_none(&handled),
            (handled, _) => handled.is_none_or(|handled| vm.is_none(&handled)),
        };
        let shown = Borrowed(crate::lifetime::thread::context().shown.get());
        let new = match (is_vms, shown.is_null()) {
            (true, true) => std::ptr::null_mut(),
            (true, false) => shown.again().0,
            _ => handled.again().0,
        };
        // SAFETY: this thread's state owns what is in it.
        unsafe {
            let item = (*crate::lifetime::thread::state()).exc_info;
            dealloc::xdecref(std::mem::replace(&mut (*item).exc_value, new));
        }
        Ok(())
    });
}

/// A printed message and the end of the process.
pub unsafe extern "C" fn Py_FatalError(message: *const c_char) -> ! {
    // SAFETY: C's argument.
    eprintln!("Fatal Python error: {}", unsafe { text::of_c(message) });
    std::process::abort();
}

/// Whether an exception or class is of a class, or of one in a tuple.
pub unsafe extern "C" fn PyErr_GivenExceptionMatches(given: Borrowed, class: Borrowed) -> c_int {
    if given.is_null() || class.is_null() {
        return 0;
    }
    infallible(0, |vm| Ok(c_int::from(matches(&given.get(vm)?, &class.get(vm)?))))
}

fn matches(given: &PyObjectRef, class: &PyObjectRef) -> bool {
    if let Some(classes) = class.downcast_ref::<PyTuple>() {
        return classes.as_slice().iter().any(|class: &PyObjectRef| matches(given, class));
    }
    let given_class = match given.downcast_ref::<PyType>() {
        Some(class) => class,
        None => given.class(),
    };
    match class.downcast_ref::<PyType>() {
        Some(class) => given_class.fast_issubclass(class),
        None => given.is(class),
    }
}

/// Whether the raised exception is of a class, or of one in a tuple.
pub unsafe extern "C" fn PyErr_ExceptionMatches(class: Borrowed) -> c_int {
    // SAFETY: the thread state keeps the exception.
    unsafe { PyErr_GivenExceptionMatches(Borrowed(error::occurred()), class) }
}

/// Makes an instance of what is none yet; what that raises takes its place.
pub unsafe extern "C" fn PyErr_NormalizeException(class: *mut Block, value: *mut Block, _traceback: *mut Block) {
    infallible((), |vm| {
        // SAFETY: C's arguments: references that are exchanged.
        unsafe {
            if (*class).is_null() {
                return Ok(());
            }
            let given = Borrowed(*value).opt(vm)?;
            let made = instance(vm, &Borrowed(*class).get(vm)?, given.clone());
            // The class of one that was made just now stays what C said, whatever came of it.
            let is_new = made.as_ref().is_ok_and(|made| given.is_none_or(|given| !given.is(made)));
            let made = store::store_owned(vm, made.unwrap_or_else(|error| error).into());
            dealloc::xdecref(std::mem::replace(&mut *value, made));
            if !is_new {
                handle::incref((*made).ob_type.cast());
                dealloc::xdecref(std::mem::replace(&mut *class, (*made).ob_type.cast()));
            }
        }
        Ok(())
    });
}

/// Raises `TypeError: bad argument type for built-in operation`; returns 0.
pub unsafe extern "C" fn PyErr_BadArgument() -> c_int {
    api(|vm| Err::<(), _>(vm.new_type_error("bad argument type for built-in operation")));
    0
}

/// Raises `MemoryError`; returns NULL.
pub unsafe extern "C" fn PyErr_NoMemory() -> New {
    no_memory()
}

/// Raises `class` with `errno` and its text; returns NULL.
pub unsafe extern "C" fn PyErr_SetFromErrno(class: Borrowed) -> New {
    // SAFETY: C's arguments.
    unsafe { PyErr_SetFromErrnoWithFilenameObject(class, Borrowed(std::ptr::null_mut())) }
}

/// [`PyErr_SetFromErrno`] with a file name, which may be NULL.
pub unsafe extern "C" fn PyErr_SetFromErrnoWithFilenameObject(class: Borrowed, name: Borrowed) -> New {
    // SAFETY: C's arguments.
    unsafe { PyErr_SetFromErrnoWithFilenameObjects(class, name, Borrowed(std::ptr::null_mut())) }
}

/// [`PyErr_SetFromErrno`] with two file names, each of which may be NULL.
pub unsafe extern "C" fn PyErr_SetFromErrnoWithFilenameObjects(
    class: Borrowed,
    name: Borrowed,
    other: Borrowed,
) -> New {
    let code = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
    api(|vm| {
        let text = strerror(code);
        let mut args: Vec<PyObjectRef> = vec![vm.ctx.new_int(code).into(), vm.ctx.new_str(text).into()];
        if let Some(name) = name.opt(vm)? {
            args.push(name);
            if let Some(other) = other.opt(vm)? {
                args.push(vm.ctx.new_int(0).into()); // Windows' error number
                args.push(other);
            }
        }
        let class = class.get(vm)?.downcast::<PyType>().map_err(|_| bad_internal_call(vm))?;
        Err(leave(vm, || vm.invoke_exception(&class, args))?)
    })
}

/// [`PyErr_SetFromErrno`] with a file name in the file system's encoding, which may be NULL.
pub unsafe extern "C" fn PyErr_SetFromErrnoWithFilename(class: Borrowed, name: *const c_char) -> New {
    let code = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
    api(|vm| {
        let mut args: Vec<PyObjectRef> = vec![vm.ctx.new_int(code).into(), vm.ctx.new_str(strerror(code)).into()];
        if !name.is_null() {
            // SAFETY: C's arguments.
            args.push(unsafe { file_name(vm, name) }.into());
        }
        let class = class.get(vm)?.downcast::<PyType>().map_err(|_| bad_internal_call(vm))?;
        Err(leave(vm, || vm.invoke_exception(&class, args))?)
    })
}

/// The C library's text for an error number; 0 is none.
fn strerror(code: c_int) -> String {
    if code == 0 {
        return "Error".to_owned();
    }
    // SAFETY: the text is copied at once.
    unsafe { text::of_c(libc::strerror(code)) }
}

/// Raises an exception with a formatted message; returns NULL.
pub unsafe extern "C" fn PyErr_Format(class: Borrowed, format: *const c_char, va: *mut VaList) -> New {
    api(|vm| {
        // SAFETY: C's arguments.
        let message = unsafe { crate::capi::support::format::format(vm, format, &mut *va)? };
        Err(instance(vm, &class.get(vm)?, Some(vm.ctx.new_str(message).into()))?)
    })
}

/// [`PyErr_Format`] with a `va_list`.
pub unsafe extern "C" fn PyErr_FormatV(class: Borrowed, format: *const c_char, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    unsafe { PyErr_Format(class, format, va) }
}

/// Raises an exception with a formatted message, the raised one as its cause; returns NULL.
pub unsafe extern "C" fn _PyErr_FormatFromCause(class: Borrowed, format: *const c_char, va: *mut VaList) -> New {
    api(|vm| {
        let cause = error::take(vm);
        // SAFETY: C's arguments.
        let message = unsafe { crate::capi::support::format::format(vm, format, &mut *va)? };
        let raised = instance(vm, &class.get(vm)?, Some(vm.ctx.new_str(message).into()))?;
        if let Some(cause) = cause {
            error::chain(&raised, cause);
        }
        Err(raised)
    })
}

/// Raises `ImportError` with a message, a module name and a path, which may be NULL; returns NULL.
pub unsafe extern "C" fn PyErr_SetImportError(message: Borrowed, name: Borrowed, path: Borrowed) -> New {
    let class = data_address("PyExc_ImportError").cast::<Block>();
    // SAFETY: C's arguments; the stub's pointer to the class.
    unsafe { PyErr_SetImportErrorSubclass(Borrowed(*class), message, name, path) }
}

fn leave_new(vm: &VirtualMachine, class: PyTypeRef, args: Vec<PyObjectRef>) -> PyResult<PyBaseExceptionRef> {
    leave(vm, || vm.invoke_exception(&class, args))
}

/// Raises `SystemError` for a call that breaks the rules.
pub unsafe extern "C" fn PyErr_BadInternalCall() {
    api(|vm| Err(bad_internal_call(vm)))
}

/// [`PyErr_BadInternalCall`] with the place in the C source.
pub unsafe extern "C" fn _PyErr_BadInternalCall(file: *const c_char, line: c_int) {
    // SAFETY: C's arguments.
    let file = unsafe { text::of_c(file) };
    api(|vm| Err(vm.new_system_error(format!("{file}:{line}: bad argument to internal function"))))
}

/// A new exception class `module.name` with a base (`Exception` if NULL, or a tuple) and attributes (a dict or NULL).
pub unsafe extern "C" fn PyErr_NewException(name: *const c_char, base: Borrowed, dict: Borrowed) -> New {
    // SAFETY: C's arguments.
    unsafe { PyErr_NewExceptionWithDoc(name, std::ptr::null(), base, dict) }
}

/// [`PyErr_NewException`] with documentation, which may be NULL.
pub unsafe extern "C" fn PyErr_NewExceptionWithDoc(
    name: *const c_char,
    doc: *const c_char,
    base: Borrowed,
    dict: Borrowed,
) -> New {
    api(|vm| {
        let no_module = || vm.new_system_error("PyErr_NewException: name must be module.class");
        // SAFETY: C's arguments.
        if unsafe { !CStr::from_ptr(name).to_bytes().contains(&b'.') } {
            return Err(no_module());
        }
        // SAFETY: as above.
        let full_name = unsafe { new_name(vm, name)? }.to_string_lossy().into_owned();
        let (module, short) = full_name.rsplit_once('.').ok_or_else(no_module)?;
        let base = base.opt(vm)?.unwrap_or_else(|| vm.ctx.exceptions.exception_type.to_owned().into());
        let bases = if base.downcast_ref::<PyTuple>().is_some() { base } else { vm.ctx.new_tuple(vec![base]).into() };
        let attributes: PyObjectRef = match dict.opt(vm)? {
            Some(dict) => leave(vm, || vm.call_method(&dict, "copy", ()))?,
            None => vm.ctx.new_dict().into(),
        };
        leave(vm, || attributes.set_item("__module__", vm.ctx.new_str(module).into(), vm))?;
        if !doc.is_null() {
            // SAFETY: C's arguments.
            leave(vm, || attributes.set_item("__doc__", unsafe { new_name(vm, doc)? }.into(), vm))?;
        }
        let type_type: PyObjectRef = vm.ctx.types.type_type.to_owned().into();
        let class = leave(vm, || type_type.call((vm.ctx.new_str(short), bases, attributes), vm))?;
        Ok(New::of(vm, class))
    })
}

/// Prints the raised exception as one that nobody can handle, and forgets it. `object` says where it happened.
pub unsafe extern "C" fn PyErr_WriteUnraisable(object: Borrowed) {
    infallible((), |vm| {
        let object = object.opt(vm)?.unwrap_or_else(|| vm.ctx.none());
        if let Some(raised) = error::take(vm) {
            leave(vm, || vm.run_unraisable(raised, None, object));
        }
        Ok(())
    });
}

/// Prints the raised exception with its traceback, and forgets it.
pub unsafe extern "C" fn PyErr_Print() {
    // SAFETY: no arguments that matter.
    unsafe { PyErr_PrintEx(1) }
}

/// [`PyErr_Print`], setting `sys.last_exc` if asked to. `SystemExit` ends the process.
pub unsafe extern "C" fn PyErr_PrintEx(set_last: c_int) {
    infallible((), |vm| {
        let Some(raised) = error::take(vm) else { return Ok(()) };
        if raised.fast_isinstance(vm.ctx.exceptions.system_exit) {
            let code = leave(vm, || vm.handle_exit_exception(raised));
            std::process::exit(code as i32);
        }
        if set_last != 0 {
            leave(vm, || vm.sys_module.set_attr("last_exc", raised.clone(), vm))?;
        }
        leave(vm, || vm.print_exception(&raised));
        Ok(())
    });
}

/// Prints an exception with its traceback.
pub unsafe extern "C" fn PyErr_DisplayException(raised: Borrowed) {
    infallible((), |vm| {
        let raised = raised.of::<PyBaseException>(vm)?;
        leave(vm, || vm.print_exception(&raised));
        Ok(())
    });
}

/// Runs the handlers of signals that have come in. 0, or -1 if one raised.
pub unsafe extern "C" fn PyErr_CheckSignals() -> c_int {
    api(|vm| leave(vm, || vm.check_signals()).map(|()| 0))
}

/// Acts as if SIGINT had come in.
pub unsafe extern "C" fn PyErr_SetInterrupt() {
    // SAFETY: a signal to ourselves.
    unsafe { libc::raise(libc::SIGINT) };
}

/// The handled exception as class, value and traceback, all new references or NULL.
pub unsafe extern "C" fn PyErr_GetExcInfo(class: *mut Block, value: *mut Block, traceback: *mut Block) {
    // SAFETY: C's arguments.
    unsafe {
        let handled = PyErr_GetHandledException().0;
        *value = handled;
        *class = std::ptr::null_mut();
        *traceback = std::ptr::null_mut();
        if !handled.is_null() {
            *class = Borrowed((*handled).ob_type.cast()).again().0;
            *traceback = PyException_GetTraceback(Borrowed(handled)).0;
        }
    }
}

/// Sets the handled exception to `value`; takes over all three references.
pub unsafe extern "C" fn PyErr_SetExcInfo(class: Stolen, value: Stolen, traceback: Stolen) {
    // SAFETY: C's arguments.
    unsafe { PyErr_SetHandledException(Borrowed(value.block())) };
    drop((class, value, traceback));
}

/// Prints the raised exception as one that nobody can handle, with a formatted text that says where it came from.
pub unsafe extern "C" fn PyErr_FormatUnraisable(format: *const c_char, va: *mut VaList) {
    infallible((), |vm| {
        let Some(raised) = error::take(vm) else { return Ok(()) };
        let text = match format.is_null() {
            true => None,
            false => Some(
                // SAFETY: C's arguments.
                unsafe { crate::capi::support::format::format(vm, format, &mut *va)? }.to_string_lossy().into_owned(),
            ),
        };
        leave(vm, || vm.run_unraisable(raised, text, vm.ctx.none()));
        Ok(())
    });
}

/// Raises `raised` (a reference that is taken over, or NULL), as the context of what is raised already.
pub unsafe extern "C" fn _PyErr_ChainExceptions1(raised: Stolen) {
    if raised.block().is_null() {
        return;
    }
    infallible((), |vm| {
        match error::take(vm) {
            None => error::set_block(raised.into_block()),
            Some(newer) => {
                let older = raised.take(vm)?.downcast::<PyBaseException>().map_err(|_| bad_internal_call(vm))?;
                newer.set_context(Some(older));
                error::set_as_it_is(vm, newer);
            }
        }
        Ok(())
    });
}

/// A printed message with the function it came from, and the end of the process.
pub unsafe extern "C" fn _Py_FatalErrorFunc(function: *const c_char, message: *const c_char) -> ! {
    // SAFETY: C's arguments.
    let (function, message) = unsafe { (text::of_c(function), text::of_c(message)) };
    eprintln!("Fatal Python error: {function}: {message}");
    std::process::abort();
}

/// Raises `KeyError` with exactly this key, also if it is a tuple.
pub unsafe extern "C" fn _PyErr_SetKeyError(key: Borrowed) {
    api(|vm| Err(vm.new_key_error(key.get(vm)?)))
}

/// Raises an exception of a class derived from `ImportError`, with a message, a module name and a path, which may be
/// NULL; returns NULL.
pub unsafe extern "C" fn PyErr_SetImportErrorSubclass(
    class: Borrowed,
    message: Borrowed,
    name: Borrowed,
    path: Borrowed,
) -> New {
    api(|vm| {
        let base = vm.ctx.exceptions.import_error;
        let class = class.get(vm)?.downcast::<PyType>().ok().filter(|class| class.fast_issubclass(base));
        let class = class.ok_or_else(|| vm.new_type_error("expected a subclass of ImportError"))?;
        let message = message.opt(vm)?.ok_or_else(|| vm.new_type_error("expected a message argument"))?;
        let raised = leave_new(vm, class, vec![message])?;
        for (attribute, value) in [("name", name), ("path", path)] {
            if let Some(value) = value.opt(vm)? {
                leave(vm, || raised.as_object().set_attr(attribute, value, vm))?;
            }
        }
        Err(raised)
    })
}

/// Acts as if a signal had come in, if Python code handles it. 0, or -1 for a number that is no signal.
pub unsafe extern "C" fn PyErr_SetInterruptEx(signal: c_int) -> c_int {
    if !(1..=64).contains(&signal) {
        return -1;
    }
    infallible(0, |vm| {
        let handler = leave(vm, || vm.import("_signal", 0))?;
        let handler = leave(vm, || vm.call_method(&handler, "getsignal", (signal,)))?;
        if handler.is_callable()
            && let Ok(signal) = rustpython_vm::signal::SignalNum::try_from(signal)
        {
            rustpython_vm::signal::set_interrupt_ex(signal)?;
        }
        Ok(0)
    })
}

/// Has a byte written to a descriptor when a signal comes in; -1 for no more. The one before, or -1.
pub unsafe extern "C" fn PySignal_SetWakeupFd(descriptor: c_int) -> c_int {
    infallible(-1, |vm| {
        let signal = leave(vm, || vm.import("_signal", 0))?;
        leave(vm, || vm.call_method(&signal, "set_wakeup_fd", (descriptor.max(-1),))?.try_into_value(vm))
    })
}

/// Prints an exception with its traceback, `traceback` if it has none. The class is in it anyway.
pub unsafe extern "C" fn PyErr_Display(_class: Borrowed, value: Borrowed, traceback: Borrowed) {
    infallible((), |vm| {
        let raised = value.of::<PyBaseException>(vm)?;
        if let Some(traceback) = traceback.opt(vm)?
            && raised.__traceback__().is_none()
        {
            raised.set_traceback(traceback.downcast().ok());
        }
        leave(vm, || vm.print_exception(&raised));
        Ok(())
    });
}

/// What `except*` raises after its clauses: of `raised`, a list of exceptions and None, what came from the clauses and
/// what is left of `original`. A new reference, None if there is nothing.
pub unsafe extern "C" fn PyUnstable_Exc_PrepReraiseStar(original: Borrowed, raised: Borrowed) -> New {
    api(|vm| {
        let refuse = |message: String| Err(vm.new_type_error(message));
        let Some(original) = original.opt(vm)?.and_then(|it| it.downcast::<PyBaseException>().ok()) else {
            return refuse("orig must be an exception instance".to_owned());
        };
        let Some(raised) = raised.opt(vm)?.and_then(|it| it.downcast::<rustpython_vm::builtins::PyList>().ok()) else {
            return refuse("excs must be a list of exception instances".to_owned());
        };
        let items = raised.borrow_vec().to_vec();
        let wrong = |item: &PyObjectRef| !vm.is_none(item) && !item.downcastable::<PyBaseException>();
        if let Some(index) = items.iter().position(wrong) {
            return refuse(format!("item {index} of excs is not an exception"));
        }
        if original.__traceback__().is_none() {
            return Err(vm.new_value_error("orig must be a raised exception"));
        }
        let star = rustpython_vm::exceptions::prep_reraise_star;
        Ok(New::of(vm, leave(vm, || star(original.as_object(), raised.as_object(), vm))?))
    })
}
