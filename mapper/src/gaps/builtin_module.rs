//! Changing RustPython's built-in modules before an interpreter starts: their definitions are replaced, not the crate.

use std::sync::Mutex;

use rustpython_vm::builtins::{PyModule, PyModuleDef, PyModuleSlots};
use rustpython_vm::common::rc::PyRc;
use rustpython_vm::function::{IntoPyNativeFn, ItemDoc, PyMethodDef, PyMethodFlags};
use rustpython_vm::{Py, PyResult, VirtualMachine};

/// What a module's definition runs to fill the module.
type Exec = fn(&VirtualMachine, &Py<PyModule>) -> PyResult<()>;

/// The VM's own functions that fill the modules that [`fill_with`] changed.
static ORIGINALS: Mutex<Vec<(&str, Exec)>> = Mutex::new(Vec::new());

/// A function of a module.
pub(crate) const fn function<Kind>(name: &'static str, function: impl IntoPyNativeFn<Kind>) -> PyMethodDef {
    PyMethodDef::new_const(name, function, PyMethodFlags::EMPTY, ItemDoc::NONE)
}

/// Replaces functions of a built-in module, or adds them.
pub(crate) fn replace<const N: usize>(vm: &mut VirtualMachine, module: &'static str, functions: [PyMethodDef; N]) {
    change(vm, module, |definition| {
        let mut methods = definition.methods.to_vec();
        for ours in functions {
            match methods.iter_mut().find(|method| method.name == ours.name) {
                Some(method) => *method = PyMethodDef { doc: method.doc, ..ours },
                None => methods.push(ours),
            }
        }
        definition.methods = methods.leak();
    });
}

/// Has `exec` fill a built-in module; it calls [`fill_originally`] first.
pub(crate) fn fill_with(vm: &mut VirtualMachine, module: &'static str, exec: Exec) {
    change(vm, module, |definition| {
        let original = definition.slots.exec.replace(exec);
        let mut originals = ORIGINALS.lock().unwrap_or_else(|it| it.into_inner());
        if let Some(original) = original.filter(|_| !originals.iter().any(|(name, _)| *name == module)) {
            originals.push((module, original));
        }
    });
}

/// Fills a built-in module as the VM does.
pub(crate) fn fill_originally(name: &str, vm: &VirtualMachine, module: &Py<PyModule>) -> PyResult<()> {
    let originals = ORIGINALS.lock().unwrap_or_else(|it| it.into_inner());
    let original = originals.iter().find(|(it, _)| *it == name).map(|(_, original)| *original);
    drop(originals);
    original.map_or(Ok(()), |original| original(vm, module))
}

/// Puts a changed copy of a module's definition in the place of it, under whatever names it is registered.
fn change(vm: &mut VirtualMachine, module: &str, change: impl FnOnce(&mut PyModuleDef)) {
    let Some(state) = PyRc::get_mut(&mut vm.state) else { return };
    let Some(&original) = state.module_defs.get(module) else { return };
    let slots = PyModuleSlots { create: original.slots.create, exec: original.slots.exec };
    let mut ours = PyModuleDef { name: original.name, doc: original.doc, methods: original.methods, slots };
    change(&mut ours);
    // It lives as long as the process: there is one of each interpreter.
    let ours: &'static PyModuleDef = Box::leak(Box::new(ours));
    for definition in state.module_defs.values_mut().filter(|it| std::ptr::eq(**it, original)) {
        *definition = ours;
    }
}
