//! Definitions that live as long as the process: RustPython's classes and descriptors refer to theirs for ever.

use std::ffi::c_char;

use rustclad_mapper::abi::text;
use rustpython_vm::builtins::{PyType, PyTypeRef};
use rustpython_vm::function::{HeapMethodDef, ItemDoc, PyMethodDef, PyMethodFlags, PyNativeFn};
use rustpython_vm::{Py, PyObjectRef, PyPayload, VirtualMachine};

/// Text that lives as long as the process: RustPython's types refer to their names for ever.
pub(crate) fn leak(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

/// A definition's documentation, for as long as the program runs.
pub(crate) fn doc(text: *const c_char) -> ItemDoc {
    if text.is_null() {
        return ItemDoc::NONE;
    }
    // SAFETY: a definition's documentation.
    ItemDoc::static_text(leak(unsafe { text::of_c(text) }))
}

/// A method definition around a closure. It lives as long as the process, as its class's methods may.
pub(crate) fn leaked_definition(
    name: String,
    doc: Option<String>,
    code: Box<dyn PyNativeFn>,
    flags: PyMethodFlags,
) -> PyMethodDef {
    PyMethodDef {
        name: leak(name),
        func: Box::leak(code),
        flags,
        doc_off: 0,
        doc_len: 0,
        doc_body_pending: false,
        doc: doc.map(leak),
    }
}

/// A class for as long as the program runs: descriptors hold a reference of this type to theirs, which they keep alive
/// by being in its dictionary.
pub(crate) fn static_class(class: &PyTypeRef) -> &'static Py<PyType> {
    // SAFETY: see above.
    unsafe { &*std::ptr::from_ref::<Py<PyType>>(class) }
}

/// An attribute as an object for a class's dictionary.
pub(crate) fn set(vm: &VirtualMachine, class: &PyTypeRef, name: &str, value: impl Into<PyObjectRef>) {
    class.set_attr(vm.ctx.intern_str(name), value.into());
}

/// Adds a special method to a class.
pub(crate) fn method(vm: &VirtualMachine, class: &PyTypeRef, name: &'static str, code: Box<dyn PyNativeFn>) {
    let definition = leaked_definition(name.to_owned(), None, code, PyMethodFlags::METHOD);
    let object = HeapMethodDef::new(definition).into_ref(&vm.ctx).build_method(static_class(class), vm);
    set(vm, class, name, object);
}
