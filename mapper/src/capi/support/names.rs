//! File names that C gives.

use std::ffi::{CStr, c_char};

use rustpython_vm::VirtualMachine;
use rustpython_vm::builtins::PyStrRef;

/// A file name in the file system's encoding: what is not UTF-8 comes through as lone surrogates. Empty for NULL.
///
/// # Safety
/// `text` is NULL or NUL-terminated.
pub(crate) unsafe fn file_name(vm: &VirtualMachine, text: *const c_char) -> PyStrRef {
    if text.is_null() {
        return vm.ctx.new_str("");
    }
    // SAFETY: by contract.
    let bytes = unsafe { CStr::from_ptr(text) };
    if let Ok(text) = bytes.to_str() {
        return vm.ctx.new_str(text);
    }
    let errors = vm.ctx.new_utf8_str("surrogateescape");
    let bytes = vm.ctx.new_bytes(bytes.to_bytes().to_vec()).into();
    let decoded = vm.state.codec_registry.decode_text(bytes, "utf-8", Some(errors), vm);
    decoded.unwrap_or_else(|_| vm.ctx.new_str(""))
}
