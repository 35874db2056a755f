//! `cpython/context.h`: context variables, on top of `_contextvars`. The VM keeps each thread's entered contexts on a
//! stack.

use super::abstract_::new_name;
use super::prelude::*;

/// Something of the module `_contextvars`.
fn of_module(vm: &VirtualMachine, name: &'static str) -> PyResult {
    leave(vm, || types::builtin_module(vm, "_contextvars")?.get_attr(name, vm))
}

/// An argument that must be of a class of `_contextvars`.
///
/// # Errors
/// `TypeError` with CPython's words.
fn checked(vm: &VirtualMachine, object: Borrowed, class: &'static str) -> PyResult {
    let object = object.get(vm)?;
    if object.class().is(&of_module(vm, class)?) {
        return Ok(object);
    }
    Err(vm.new_type_error(format!("an instance of {class} was expected")))
}

/// A new, empty context.
pub unsafe extern "C" fn PyContext_New() -> New {
    api(|vm| Ok(New::of(vm, leave(vm, || of_module(vm, "Context")?.call((), vm))?)))
}

/// A new context with the variables of another.
pub unsafe extern "C" fn PyContext_Copy(context: Borrowed) -> New {
    api(|vm| {
        let context = checked(vm, context, "Context")?;
        Ok(New::of(vm, leave(vm, || vm.call_method(&context, "copy", ()))?))
    })
}

/// A new context with this thread's variables.
pub unsafe extern "C" fn PyContext_CopyCurrent() -> New {
    api(|vm| Ok(New::of(vm, leave(vm, || of_module(vm, "copy_context")?.call((), vm))?)))
}

/// Makes a context this thread's. 0, or -1 with `RuntimeError` if it is entered already.
pub unsafe extern "C" fn PyContext_Enter(context: Borrowed) -> c_int {
    api(|vm| {
        let context = checked(vm, context, "Context")?;
        if vm.context_stack.borrow().iter().any(|entered| entered.is(&context)) {
            let shown = leave(vm, || context.repr(vm))?;
            let shown = shown.to_string_lossy();
            return Err(vm.new_runtime_error(format!("cannot enter context: {shown} is already entered")));
        }
        // The VM's own way in and out again refuses what another thread is in, and tells the context its depth.
        leave(vm, || vm.call_method(&context, "run", (vm.ctx.types.object_type.to_owned(),)).map(drop))?;
        vm.context_stack.borrow_mut().push(context);
        Ok(0)
    })
}

/// Leaves the context that this thread entered last. 0, or -1 with `RuntimeError` if that is another one.
pub unsafe extern "C" fn PyContext_Exit(context: Borrowed) -> c_int {
    api(|vm| {
        let context = checked(vm, context, "Context")?;
        if vm.context_stack.borrow_mut().pop_if(|last| last.is(&context)).is_some() {
            return Ok(0);
        }
        if vm.context_stack.borrow().iter().any(|entered| entered.is(&context)) {
            let message = "cannot exit context: thread state references a different context object";
            return Err(vm.new_runtime_error(message));
        }
        let shown = leave(vm, || context.repr(vm))?;
        let shown = shown.to_string_lossy();
        Err(vm.new_runtime_error(format!("cannot exit context: {shown} has not been entered")))
    })
}

/// A new context variable with a name in UTF-8 and a default value, which may be NULL.
pub unsafe extern "C" fn PyContextVar_New(name: *const c_char, default: Borrowed) -> New {
    api(|vm| {
        // SAFETY: C's argument.
        let name = unsafe { new_name(vm, name)? };
        let mut args = rustpython_vm::function::FuncArgs::from(vec![name.into()]);
        if let Some(default) = default.opt(vm)? {
            args.kwargs.insert("default".into(), default);
        }
        Ok(New::of(vm, leave(vm, || of_module(vm, "ContextVar")?.call(args, vm))?))
    })
}

/// Puts a variable's value into `result`, a new reference: else `default`, the variable's own default, or NULL. 0, or -1
/// with an exception.
pub unsafe extern "C" fn PyContextVar_Get(variable: Borrowed, default: Borrowed, result: *mut Block) -> c_int {
    // SAFETY: C's argument.
    unsafe { *result = std::ptr::null_mut() };
    api(|vm| {
        let variable = checked(vm, variable, "ContextVar")?;
        let found = match default.opt(vm)? {
            Some(default) => Ok(leave(vm, || vm.call_method(&variable, "get", (default,)))?),
            None => vm.call_method(&variable, "get", ()),
        };
        match found {
            // SAFETY: C's argument.
            Ok(found) => unsafe { *result = New::of(vm, found).0 },
            Err(error) if error.fast_isinstance(vm.ctx.exceptions.lookup_error) => {}
            Err(error) => return Err(error),
        }
        Ok(0)
    })
}

/// Sets a variable; a new token that can undo it.
pub unsafe extern "C" fn PyContextVar_Set(variable: Borrowed, value: Borrowed) -> New {
    api(|vm| {
        let variable = checked(vm, variable, "ContextVar")?;
        let value = value.get(vm)?;
        Ok(New::of(vm, leave(vm, || vm.call_method(&variable, "set", (value,)))?))
    })
}

/// Undoes what gave a token. 0, or -1 with an exception.
pub unsafe extern "C" fn PyContextVar_Reset(variable: Borrowed, token: Borrowed) -> c_int {
    api(|vm| {
        let variable = checked(vm, variable, "ContextVar")?;
        let token = checked(vm, token, "Token")?;
        leave(vm, || vm.call_method(&variable, "reset", (token,)).map(drop))?;
        Ok(0)
    })
}
