//! Definitions of what is in a class's dictionary. RustPython's descriptors refer to theirs by `'static` references: the class
//! owns what they refer to, and a descriptor holds its class.

use std::ffi::c_char;
use std::fmt;

use rustclad_mapper::abi::text;
use rustclad_mapper::twins::forms::wrapper::SpecialMethod;
use rustclad_mapper::twins::types::give;
use rustpython_vm::builtins::descriptor::PyMethodDescriptor;
use rustpython_vm::builtins::{PyType, PyTypeRef};
use rustpython_vm::function::{HeapMethodDef, ItemDoc, PyMethodDef, PyMethodFlags, PyNativeFn};
use rustpython_vm::object::{MaybeTraverse, TraverseFn};
use rustpython_vm::{AsObject, Context, Py, PyObjectRef, PyPayload, PyRef, VirtualMachine};

/// Text that lives as long as a class.
pub(crate) fn text_of(class: &Py<PyType>, text: String) -> &'static str {
    let text: &'static String = give(class, Box::new(text));
    text
}

/// A name of an attribute: the VM keeps one string for each for ever.
pub(crate) fn name_of(vm: &VirtualMachine, name: &str) -> &'static str {
    vm.ctx.intern_str(name).as_str()
}

/// A definition's documentation, for as long as its class lives.
pub(crate) fn doc(class: &Py<PyType>, text: *const c_char) -> ItemDoc {
    if text.is_null() {
        return ItemDoc::NONE;
    }
    // SAFETY: a definition's documentation.
    ItemDoc::static_text(text_of(class, unsafe { text::of_c(text) }))
}

/// A method definition around a closure. The class owns both.
pub(crate) fn definition(
    vm: &VirtualMachine,
    class: &Py<PyType>,
    name: &str,
    doc: Option<String>,
    code: Box<dyn PyNativeFn>,
    flags: PyMethodFlags,
) -> PyMethodDef {
    let code = give(class, Box::new(code));
    PyMethodDef {
        name: name_of(vm, name),
        func: &**code,
        flags,
        doc_off: 0,
        doc_len: 0,
        doc_body_pending: false,
        doc: doc.map(|doc| text_of(class, doc)),
    }
}

/// A class as the VM's descriptors refer to theirs: they hold it, or are in its dictionary.
pub(crate) fn static_class(class: &PyTypeRef) -> &'static Py<PyType> {
    // SAFETY: see above.
    unsafe { &*std::ptr::from_ref::<Py<PyType>>(class) }
}

/// A method descriptor that holds its class: the VM's own does not. The VM reads the first field only.
#[repr(C)]
struct Method {
    base: PyMethodDescriptor,
    class: PyTypeRef,
}

impl fmt::Debug for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.base.fmt(f)
    }
}

impl MaybeTraverse for Method {
    const HAS_TRAVERSE: bool = true;
    fn try_traverse(&self, traverse: &mut TraverseFn<'_>) {
        traverse(self.class.as_object());
    }
}

impl PyPayload for Method {
    const PAYLOAD_TYPE_ID: std::any::TypeId = PyMethodDescriptor::PAYLOAD_TYPE_ID;
    fn class(context: &Context) -> &'static Py<PyType> {
        context.types.method_descriptor_type
    }
}

/// The descriptor of a method of instances, of the class `of`.
pub(crate) fn method_descriptor(
    vm: &VirtualMachine,
    class: &PyTypeRef,
    definition: PyMethodDef,
    of: PyTypeRef,
) -> PyObjectRef {
    let definition: &'static PyMethodDef = give(class, Box::new(definition));
    let base = PyMethodDescriptor::new(definition, static_class(class), &vm.ctx);
    PyRef::new_ref(Method { base, class: class.clone() }, of, None).into()
}

/// The descriptor of a method of the class.
pub(crate) fn class_method_descriptor(vm: &VirtualMachine, class: &PyTypeRef, definition: PyMethodDef) -> PyObjectRef {
    let definition: &'static PyMethodDef = give(class, Box::new(definition));
    definition.build_classmethod(&vm.ctx, static_class(class)).into()
}

/// A function that is bound to the class, which it keeps.
pub(crate) fn function(vm: &VirtualMachine, class: &PyTypeRef, definition: PyMethodDef) -> PyObjectRef {
    HeapMethodDef::new(definition).into_ref(&vm.ctx).build_function(vm, Some(class.clone().into())).into()
}

/// An attribute as an object for a class's dictionary. What is there already stays: C code put it there before, or it is
/// the special method of another slot.
pub(crate) fn set(vm: &VirtualMachine, class: &PyTypeRef, name: &str, value: impl Into<PyObjectRef>) {
    let name = vm.ctx.intern_str(name);
    if class.attributes.get(name).is_none() {
        class.set_attr(name, value.into());
    }
}

fn wrapper_class(vm: &VirtualMachine) -> PyTypeRef {
    vm.ctx.types.wrapper_descriptor_type.to_owned()
}

/// Adds a special method to a class.
pub(crate) fn method(vm: &VirtualMachine, class: &PyTypeRef, name: &'static str, code: Box<dyn PyNativeFn>) {
    let definition = definition(vm, class, name, None, code, PyMethodFlags::METHOD);
    let definition: &'static PyMethodDef = give(class, Box::new(definition));
    let base = PyMethodDescriptor::new(definition, static_class(class), &vm.ctx);
    set(vm, class, name, PyRef::new_ref(SpecialMethod::new(base, class.clone()), wrapper_class(vm), None));
}
