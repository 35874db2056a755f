//! `sysmodule.h` and `audit.h`: the `sys` module.

use super::abstract_::new_name;
use super::prelude::*;
use std::io::Write as _;

/// An attribute of `sys`, borrowed; NULL without an exception if there is none.
pub unsafe extern "C" fn PySys_GetObject(name: *const c_char) -> Lent {
    let raised = error::take_block();
    let found =
        infallible(Lent::NULL, |vm| Ok(attribute(vm, name)?.map_or(Lent::NULL, |found| lend_of_sys(vm, &found))));
    error::set_block(raised);
    found
}

fn attribute(vm: &VirtualMachine, name: *const c_char) -> PyResult<Option<PyObjectRef>> {
    // SAFETY: C's argument.
    let name = unsafe { new_name(vm, name)? };
    leave(vm, || vm.sys_module.dict().get_item_opt(&*name, vm))
}

/// Lent by the module, whose block lives as long as it.
fn lend_of_sys(vm: &VirtualMachine, object: &PyObjectRef) -> Lent {
    let owner = types::type_block(vm, vm.ctx.types.module_type).cast();
    let module = lend::lend(vm, owner, vm.sys_module.as_object());
    Lent(lend::lend(vm, module, object))
}

/// Sets an attribute of `sys`; NULL deletes it. 0, or -1 with an exception.
pub unsafe extern "C" fn PySys_SetObject(name: *const c_char, value: Borrowed) -> c_int {
    api(|vm| {
        // SAFETY: C's argument.
        let name = unsafe { new_name(vm, name)? };
        let dict = vm.sys_module.dict();
        match value.opt(vm)? {
            Some(value) => leave(vm, || dict.set_item(&*name, value, vm))?,
            None => {
                leave(vm, || dict.pop_item(&*name, vm).map(drop))?;
            }
        }
        Ok(0)
    })
}

/// `sys._xoptions`, borrowed.
pub unsafe extern "C" fn PySys_GetXOptions() -> Lent {
    // SAFETY: a literal.
    unsafe { PySys_GetObject(c"_xoptions".as_ptr()) }
}

/// Forgets the warning options of the command line.
pub unsafe extern "C" fn PySys_ResetWarnOptions() {
    infallible((), |vm| leave(vm, || vm.sys_module.set_attr("warnoptions", vm.ctx.new_list(vec![]), vm)));
}

/// Formats as the C library's `printf` does.
unsafe fn printf(format: *const c_char, va: *mut VaList) -> String {
    // As CPython: 1,000 bytes at most.
    let mut text = [0 as c_char; 1001];
    // SAFETY: C's arguments; the layout of `VaList` is the platform's.
    unsafe {
        vsnprintf(text.as_mut_ptr(), text.len(), format, va);
        text::of_c(text.as_ptr())
    }
}

unsafe extern "C" {
    fn vsnprintf(to: *mut c_char, size: usize, format: *const c_char, va: *mut VaList) -> c_int;
}

/// Writes to a stream of `sys`, or to the process's own if that fails.
fn write(name: &'static str, text: String) {
    infallible((), |vm| {
        let stream = leave(vm, || vm.sys_module.get_attr(name, vm))?;
        if leave(vm, || vm.call_method(&stream, "write", (text.clone(),))).is_err() {
            let _ = match name {
                "stdout" => std::io::stdout().write_all(text.as_bytes()),
                _ => std::io::stderr().write_all(text.as_bytes()),
            };
        }
        Ok(())
    });
}

/// Writes to `sys.stdout`, formatted as by `printf`.
pub unsafe extern "C" fn PySys_WriteStdout(format: *const c_char, va: *mut VaList) {
    // SAFETY: C's arguments.
    write("stdout", unsafe { printf(format, va) });
}

/// Writes to `sys.stderr`, formatted as by `printf`.
pub unsafe extern "C" fn PySys_WriteStderr(format: *const c_char, va: *mut VaList) {
    // SAFETY: C's arguments.
    write("stderr", unsafe { printf(format, va) });
}

/// Writes to `sys.stdout`, formatted as by `PyUnicode_FromFormat`.
pub unsafe extern "C" fn PySys_FormatStdout(format: *const c_char, va: *mut VaList) {
    // SAFETY: C's arguments.
    unsafe { write_format("stdout", format, va) };
}

/// Writes to `sys.stderr`, formatted as by `PyUnicode_FromFormat`.
pub unsafe extern "C" fn PySys_FormatStderr(format: *const c_char, va: *mut VaList) {
    // SAFETY: C's arguments.
    unsafe { write_format("stderr", format, va) };
}

unsafe fn write_format(name: &'static str, format: *const c_char, va: *mut VaList) {
    infallible((), |vm| {
        // SAFETY: by the caller's contract.
        let text = unsafe { crate::capi::support::format::format(vm, format, &mut *va)? };
        let stream = leave(vm, || vm.sys_module.get_attr(name, vm))?;
        leave(vm, || vm.call_method(&stream, "write", (vm.ctx.new_str(text),))).map(drop)
    });
}

/// Raises an auditing event with the arguments that a format describes. 0, or -1 with an exception from a hook.
pub unsafe extern "C" fn PySys_Audit(event: *const c_char, format: *const c_char, va: *mut VaList) -> c_int {
    api(|vm| {
        // SAFETY: C's arguments.
        unsafe {
            let args = if format.is_null() || *format == 0 {
                vec![]
            } else {
                let built = super::support::building::build_value(vm, format, &mut *va)?;
                let built = retrieve::take(vm, built.0)?;
                match built.downcast_ref_if_exact::<rustpython_vm::builtins::PyTuple>(vm) {
                    Some(tuple) => tuple.as_slice().to_vec(),
                    None => vec![built],
                }
            };
            audit(vm, event, args)
        }
    })
}

/// Raises an auditing event with a tuple of arguments, or NULL. 0, or -1 with an exception from a hook.
pub unsafe extern "C" fn PySys_AuditTuple(event: *const c_char, args: Borrowed) -> c_int {
    api(|vm| {
        let args = match args.opt(vm)? {
            None => vec![],
            Some(args) => match args.downcast_ref::<rustpython_vm::builtins::PyTuple>() {
                Some(tuple) => tuple.as_slice().to_vec(),
                None => {
                    let name = args.class().name().to_string();
                    return Err(vm.new_type_error(format!("args must be tuple, got {name}")));
                }
            },
        };
        // SAFETY: C's argument.
        unsafe { audit(vm, event, args) }
    })
}

unsafe fn audit(vm: &VirtualMachine, event: *const c_char, mut args: Vec<PyObjectRef>) -> PyResult<c_int> {
    // SAFETY: by the caller's contract.
    args.insert(0, unsafe { new_name(vm, event)? }.into());
    let audit = leave(vm, || vm.sys_module.get_attr("audit", vm))?;
    leave(vm, || audit.call(args, vm)).map(|_| 0)
}

/// Sets `sys.argv`; puts the first argument's folder in front of `sys.path` if asked to.
pub unsafe extern "C" fn PySys_SetArgvEx(count: c_int, args: *const *const u32, update_path: c_int) {
    infallible((), |vm| {
        // SAFETY: C's arguments: so many strings.
        let text = |index: usize| unsafe {
            retrieve::take(vm, super::unicodeobject::PyUnicode_FromWideChar(*args.add(index), -1).0)
        };
        let mut argv = (0..count.max(0) as usize).map(text).collect::<PyResult<Vec<_>>>()?;
        if argv.is_empty() {
            argv.push(vm.ctx.empty_str.to_owned().into());
        }
        let first = leave(vm, || argv[0].str(vm))?.to_string_lossy().into_owned();
        leave(vm, || vm.sys_module.set_attr("argv", vm.ctx.new_list(argv), vm))?;
        if update_path != 0 {
            let path = leave(vm, || vm.sys_module.get_attr("path", vm))?;
            leave(vm, || vm.call_method(&path, "insert", (0, script_folder(&first))).map(drop))?;
        }
        Ok(())
    });
}

/// The folder of a script, as `sys.path` has it in front.
fn script_folder(script: &str) -> String {
    if matches!(script, "" | "-c" | "-m") {
        return String::new();
    }
    let path = std::fs::canonicalize(script).unwrap_or_else(|_| script.into());
    path.parent().map_or_else(String::new, |folder| folder.to_string_lossy().into_owned())
}

/// [`PySys_SetArgvEx`] with the folder.
pub unsafe extern "C" fn PySys_SetArgv(count: c_int, args: *const *const u32) {
    // SAFETY: C's arguments.
    unsafe { PySys_SetArgvEx(count, args, 1) }
}

/// `Py_AuditHookFunction`.
type AuditHook = unsafe extern "C" fn(*const c_char, Block, *mut c_void) -> c_int;

/// Has a C function called for each auditing event, for ever. 0, or -1 with an exception from a hook that refuses.
pub unsafe extern "C" fn PySys_AddAuditHook(hook: AuditHook, data: *mut c_void) -> c_int {
    let data = data as usize;
    api(|vm| {
        let call = move |event: rustpython_vm::builtins::PyStrRef, args: PyObjectRef, vm: &VirtualMachine| {
            let _section = crate::lifetime::thread::enter(vm);
            let name = std::ffi::CString::new(event.to_string_lossy().into_owned()).unwrap_or_default();
            let args = store::store_owned(vm, args);
            // SAFETY: C's function, with the lock held.
            unsafe {
                let status = hook(name.as_ptr(), args, data as *mut c_void);
                dealloc::decref(args);
                error::status(vm, status != 0, || "an audit hook".to_owned())
            }
        };
        let add = leave(vm, || vm.sys_module.get_attr("addaudithook", vm))?;
        leave(vm, || add.call((vm.new_function("audit_hook", call),), vm).map(drop))?;
        Ok(0)
    })
}

/// Adds an option as by `-W`.
pub unsafe extern "C" fn PySys_AddWarnOption(option: *const u32) {
    infallible((), |vm| {
        // SAFETY: C's argument.
        let option = unsafe { retrieve::take(vm, super::unicodeobject::PyUnicode_FromWideChar(option, -1).0)? };
        add_warn_option(vm, option)
    });
}

/// [`PySys_AddWarnOption`] with a str.
pub unsafe extern "C" fn PySys_AddWarnOptionUnicode(option: Borrowed) {
    infallible((), |vm| add_warn_option(vm, option.get(vm)?));
}

fn add_warn_option(vm: &VirtualMachine, option: PyObjectRef) -> PyResult<()> {
    let options = leave(vm, || vm.sys_module.get_attr("warnoptions", vm))?;
    leave(vm, || vm.call_method(&options, "append", (option,))).map(drop)
}

/// Whether `sys.warnoptions` has any.
pub unsafe extern "C" fn PySys_HasWarnOptions() -> c_int {
    infallible(0, |vm| Ok(c_int::from(leave(vm, || vm.sys_module.get_attr("warnoptions", vm)?.length(vm))? > 0)))
}

/// Adds an option as by `-X`.
pub unsafe extern "C" fn PySys_AddXOption(option: *const u32) {
    infallible((), |vm| {
        // SAFETY: C's argument.
        let option = unsafe { retrieve::take(vm, super::unicodeobject::PyUnicode_FromWideChar(option, -1).0)? };
        let option = leave(vm, || option.str(vm))?.to_string_lossy().into_owned();
        let (name, value): (&str, PyObjectRef) = match option.split_once('=') {
            Some((name, value)) => (name, vm.ctx.new_str(value).into()),
            None => (&option, vm.ctx.new_bool(true).into()),
        };
        leave(vm, || vm.sys_module.get_attr("_xoptions", vm)?.set_item(name, value, vm))
    });
}
