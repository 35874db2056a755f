//! How objects are made, initialized and called: `tp_new`, `tp_init` and `tp_call`.

use std::sync::Once;

use rustclad_mapper::abi::layout as c;
use rustclad_mapper::abi::text;
use rustclad_mapper::heap::kind::Kind;
use rustclad_mapper::lifetime::thread;
use rustclad_mapper::slots::fill::is_of_python;
use rustclad_mapper::twins::types::{is_of_c, type_block};
use rustpython_vm::builtins::{PyType, PyTypeRef};
use rustpython_vm::function::{Callee, FuncArgs, PyMethodDef, PyMethodFlags};
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::vm::thread::with_current_vm;
use rustpython_vm::{AsObject as _, Py, PyResult, VirtualMachine};

use super::invoke::{call_by_method, call_object, construct, init};
use super::special::{class_slot, missing};
use crate::definitions::{definition, function, method, set, static_class};

pub(super) fn install(vm: &VirtualMachine, class: &PyTypeRef, t: &c::PyTypeObject) {
    // SAFETY: a type whose kind is known.
    let kind = unsafe { Kind::of_type(t) };
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
    if let Some(f) = t.tp_new {
        let owner = static_class(class);
        let code = move |vm: &VirtualMachine, mut args: FuncArgs, _: Callee| -> PyResult {
            let class = class_to_make(vm, owner, &mut args)?;
            refuse_unsafe(vm, owner, &class, f)?;
            construct(vm, f, &class, args)
        };
        let definition = definition(vm, class, "__new__", None, Box::new(code), PyMethodFlags::STATIC);
        set(vm, class, "__new__", function(vm, class, definition));
    }
    install_init_and_call(vm, class, t);
}

/// The class that `__new__` of a type is to make an object of.
fn class_to_make(vm: &VirtualMachine, owner: &Py<PyType>, args: &mut FuncArgs) -> PyResult<PyTypeRef> {
    let name = owner.slot_name();
    let Some(first) = args.take_positional() else {
        return Err(vm.new_type_error(format!("{name}.__new__(): not enough arguments")));
    };
    let class = first.downcast::<PyType>().map_err(|other| {
        let other = other.class().slot_name().to_string();
        vm.new_type_error(format!("{name}.__new__(X): X is not a type object ({other})"))
    })?;
    if class.fast_issubclass(owner) {
        return Ok(class);
    }
    let other = class.slot_name();
    Err(vm.new_type_error(format!("{name}.__new__({other}): {other} is not a subtype of {name}")))
}

/// Refuses to make an object of a class by another function than the one that the next class has which does not leave it to a
/// `__new__` in Python: a C type's own part of the struct would be left as it comes.
fn refuse_unsafe(vm: &VirtualMachine, owner: &Py<PyType>, class: &Py<PyType>, f: c::NewFunc) -> PyResult<()> {
    if class.slots.flags.has_feature(PyTypeFlags::DISALLOW_INSTANTIATION) {
        return Err(vm.new_type_error(format!("cannot create '{}' instances", class.slot_name())));
    }
    let made_by = {
        let _section = thread::enter(vm);
        let mut t = type_block(vm, class);
        // SAFETY: a type's block and those that it derives from; a type has a name.
        unsafe {
            while !(*t).tp_base.is_null() && (*t).tp_new.is_some_and(is_of_python) {
                t = (*t).tp_base;
            }
            match (*t).tp_new {
                Some(new) if std::ptr::fn_addr_eq(new, f) => return Ok(()),
                Some(_) => Some(text::of_c((*t).tp_name)),
                None => None,
            }
        }
    };
    let (owner, class) = (owner.slot_name(), class.slot_name());
    Err(vm.new_type_error(match made_by {
        Some(made_by) => format!("{owner}.__new__({class}) is not safe, use {made_by}.__new__()"),
        None => format!("cannot create '{class}' instances"),
    }))
}

/// Lets `object.__new__` make objects of C's types, as far as they leave that to `object`; the VM's own makes the others. Once
/// in a process, before any Python code runs.
pub(crate) fn install_object_new(vm: &VirtualMachine) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let object = vm.ctx.types.object_type;
        let Some(vms) = object.attributes.get(vm.ctx.intern_str("__new__")) else { return };
        let code = move |vm: &VirtualMachine, mut args: FuncArgs, _: Callee| -> PyResult {
            let object = vm.ctx.types.object_type;
            args.take_positional(); // what it is bound to
            let of_c = args.args.first().and_then(|first| first.downcast_ref::<PyType>()).is_some_and(is_made_by_c);
            if !of_c {
                return vms.call(args, vm);
            }
            let class = class_to_make(vm, object, &mut args)?;
            let new = {
                let _section = thread::enter(vm);
                // SAFETY: `object`'s block.
                unsafe { (*type_block(vm, object)).tp_new }
            };
            let new = new.ok_or_else(|| missing(vm, "tp_new"))?;
            refuse_unsafe(vm, object, &class, new)?;
            construct(vm, new, &class, args)
        };
        let doc = "Create and return a new object.  See help(type) for accurate signature.".to_owned();
        let definition = definition(vm, object, "__new__", Some(doc), Box::new(code), PyMethodFlags::METHOD);
        let definition: &'static PyMethodDef = Box::leak(Box::new(definition));
        let method = definition.build_bound_method(&vm.ctx, object.to_owned().into(), object);
        object.set_attr(vm.ctx.intern_str("__new__"), method.into());
    });
}

/// Whether C code makes the objects of a class.
fn is_made_by_c(class: &Py<PyType>) -> bool {
    let Some(of_c) = std::iter::successors(Some(class), |class| class.base.deref()).find(|class| is_of_c(class)) else {
        return false;
    };
    with_current_vm(|vm| {
        let _section = thread::enter(vm);
        // SAFETY: a type's block is ready.
        unsafe { Kind::of_type(type_block(vm, of_c)) == Kind::Instance }
    })
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
        class.slots.call.store(Some(|this, args, vm| call_object(vm, this, args)));
        let defining = std::ptr::from_ref(t) as usize;
        let code = move |vm: &VirtualMachine, mut args: FuncArgs, _: Callee| -> PyResult {
            let Some(this) = args.take_positional() else {
                return Err(vm.new_type_error("descriptor '__call__' of an object needs an argument"));
            };
            call_by_method(vm, f, defining, &this, args)
        };
        method(vm, class, "__call__", Box::new(code));
    }
}
