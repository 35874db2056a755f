//! The slots of C types, both ways in which Python reaches them: as the VM's slots, plain functions that read the C
//! function from the object's type, and as special methods in the class's dictionary, whose closures hold the
//! function of the type that defines it (so that `super().__repr__()` calls the base's).

mod attributes;
mod basic;
mod class_attribute;
mod creation;
mod invoke;
mod iteration;
mod mapping;
mod number;
mod sequence;
mod special;

use std::collections::HashSet;

use rustclad_mapper::abi::layout as c;
use rustclad_mapper::capi::support::export;
use rustclad_mapper::twins::forms::wrapper::note_functions;
use rustpython_vm::builtins::{PyType, PyTypeRef};
use rustpython_vm::{Py, PyResult, VirtualMachine};

use self::special::special;

/// Prepares what all classes have of `object`, before any Python code runs.
pub(crate) fn start(vm: &VirtualMachine) {
    creation::install_object_new(vm);
    class_attribute::install(vm);
}

/// C code is about to be loaded.
pub(crate) fn prepare() {
    class_attribute::prepare();
}

/// Gives a class slots that C code has written into its type. They bring no special methods: in CPython, too, those come when
/// a type is made ready.
///
/// # Safety
/// `block` is a type with those slots alone.
pub(crate) unsafe fn install_written(vm: &VirtualMachine, class: &Py<PyType>, block: *mut c::PyTypeObject) {
    let before: HashSet<_> = class.attributes.interned_names(&vm.ctx).into_iter().map(|name| name.as_str()).collect();
    // SAFETY: by contract.
    let _ = unsafe { install(vm, &class.to_owned(), block) };
    for name in class.attributes.interned_names(&vm.ctx) {
        if !before.contains(name.as_str()) {
            class.attributes.remove(name);
        }
    }
    class.modified();
}

/// Gives a class the slots that its type defines.
///
/// # Safety
/// `block` is the type's, with only what it defines itself.
pub(crate) unsafe fn install(vm: &VirtualMachine, class: &PyTypeRef, block: *mut c::PyTypeObject) -> PyResult<()> {
    // SAFETY: by contract; suites are null or valid.
    unsafe {
        let t = &*block;
        creation::install(vm, class, t);
        basic::install(vm, class, t);
        attributes::install(vm, class, t);
        iteration::install(vm, class, t);
        if let Some(f) = t.tp_finalize {
            special!(vm, class, "__del__", |vm, this, []| invoke::finalizer(vm, f, this));
        }
        if let Some(suite) = t.tp_as_buffer.as_ref().filter(|suite| suite.bf_getbuffer.is_some()) {
            export::install(vm, class, suite, t.tp_flags & c::tpflags::HEAPTYPE == 0);
        }
        // The first to define a special method keeps it: numbers go before mappings, mappings before sequences.
        if let Some(suite) = t.tp_as_number.as_ref() {
            number::install(vm, class, suite);
        }
        if let Some(suite) = t.tp_as_mapping.as_ref() {
            mapping::install(vm, class, suite);
        }
        if let Some(suite) = t.tp_as_sequence.as_ref() {
            sequence::install(vm, class, suite);
        }
        if let Some(suite) = t.tp_as_async.as_ref() {
            iteration::install_async(vm, class, suite);
        }
        note_functions(class, block);
    }
    Ok(())
}
