//! How objects are made, initialized and called: `tp_new`, `tp_init` and `tp_call`.

use rustclad_mapper::abi::layout as c;
use rustclad_mapper::abi::layout::tpflags;
use rustclad_mapper::heap::kind::Kind;
use rustclad_mapper::twins::types::type_block;
use rustpython_vm::builtins::{PyType, PyTypeRef};
use rustpython_vm::function::{Callee, FuncArgs, PyMethodFlags};
use rustpython_vm::{PyResult, VirtualMachine};

use super::invoke::{call, construct, init};
use super::special::{class_slot, missing};
use crate::definitions::{definition, function, method, set, static_class};

pub(super) fn install(vm: &VirtualMachine, class: &PyTypeRef, t: &c::PyTypeObject) {
    // SAFETY: a type and its base, whose kinds are known.
    let (kind, base) = unsafe { (Kind::of_type(t), Kind::of_type(t.tp_base)) };
    if t.tp_new.is_none() && kind != Kind::Instance {
        // Objects of a builtin type's kind are made by that type.
        return install_init_and_call(vm, class, t);
    }
    class.slots.new.store(Some(|class, args, vm| {
        // The class's own block: a class derived in Python has its base's function there.
        // SAFETY: a ready type.
        match unsafe { (*type_block(vm, &class)).tp_new } {
            Some(f) => construct(vm, f, &class, args),
            None => Err(vm.new_type_error(format!("cannot create '{}' instances", class.slot_name()))),
        }
    }));
    // `object.__new__` refuses to make objects of C's: what a type inherits from `object`, it calls under its own name.
    // SAFETY: as above.
    let inherited = if kind == Kind::Instance && base == Kind::Opaque { unsafe { (*t.tp_base).tp_new } } else { None };
    let inherited = inherited.filter(|_| t.tp_flags & tpflags::DISALLOW_INSTANTIATION == 0);
    if let Some(f) = t.tp_new.or(inherited) {
        let owner = static_class(class);
        let code = move |vm: &VirtualMachine, mut args: FuncArgs, _: Callee| -> PyResult {
            let name = owner.name();
            let Some(first) = args.take_positional() else {
                return Err(vm.new_type_error(format!("{name}.__new__(): not enough arguments")));
            };
            let Ok(class) = first.downcast::<PyType>() else {
                return Err(vm.new_type_error(format!("{name}.__new__(X): X is not a type object")));
            };
            if !class.fast_issubclass(owner) {
                let other = class.name();
                return Err(vm.new_type_error(format!("{name}.__new__({other}): {other} is not a subtype of {name}")));
            }
            construct(vm, f, &class, args)
        };
        let definition = definition(vm, class, "__new__", None, Box::new(code), PyMethodFlags::STATIC);
        set(vm, class, "__new__", function(vm, class, definition));
    }
    install_init_and_call(vm, class, t);
}

fn install_init_and_call(vm: &VirtualMachine, class: &PyTypeRef, t: &c::PyTypeObject) {
    if let Some(f) = t.tp_init {
        class.slots.init.store(Some(|this, args, vm| match class_slot(vm, this, |t| t.tp_init) {
            Some(f) => init(vm, f, this, args),
            None => Err(missing(vm, "tp_init")),
        }));
        let code = move |vm: &VirtualMachine, mut args: FuncArgs, _: Callee| -> PyResult {
            let Some(this) = args.take_positional() else {
                return Err(vm.new_type_error("descriptor '__init__' of an object needs an argument"));
            };
            init(vm, f, &this, args).map(|()| vm.ctx.none())
        };
        method(vm, class, "__init__", Box::new(code));
    }
    if let Some(f) = t.tp_call {
        class.slots.call.store(Some(|this, args, vm| match class_slot(vm, this, |t| t.tp_call) {
            Some(f) => call(vm, f, this, args),
            None => Err(missing(vm, "tp_call")),
        }));
        let code = move |vm: &VirtualMachine, mut args: FuncArgs, _: Callee| -> PyResult {
            let Some(this) = args.take_positional() else {
                return Err(vm.new_type_error("descriptor '__call__' of an object needs an argument"));
            };
            call(vm, f, &this, args)
        };
        method(vm, class, "__call__", Box::new(code));
    }
}
