//! Functions of ours in slots of the VM's types, and the methods that stand for slots: classes that are made later take
//! their slots from these.

use std::collections::HashSet;

use rustpython_vm::builtins::{PyType, PyTypeRef};
use rustpython_vm::{AsObject, Py, VirtualMachine};

/// A class and all that derive from it.
pub(crate) fn with_subclasses(class: &Py<PyType>) -> Vec<PyTypeRef> {
    let mut all = vec![class.to_owned()];
    let mut next = 0;
    while next < all.len() {
        let direct: Vec<PyTypeRef> = {
            let weak = all[next].subclasses.read();
            weak.iter().filter_map(|weak| weak.upgrade()?.downcast().ok()).collect()
        };
        all.extend(direct);
        next += 1;
    }
    all
}

/// Puts a function into a slot of a class, and of those that have it from that class; what was there goes into a `OnceLock`.
/// Whether it was the first time.
macro_rules! put_in_front {
    ($class:expr, $slot:ident: $original:expr, $ours:expr) => {
        match $class.slots.$slot.load() {
            Some(original) if $original.set(original).is_ok() => {
                for class in $crate::gaps::wrappers::with_subclasses($class) {
                    if class.slots.$slot.load().is_some_and(|own| std::ptr::fn_addr_eq(own, original)) {
                        class.slots.$slot.store(Some($ours));
                    }
                }
                true
            }
            _ => false,
        }
    };
}
pub(crate) use put_in_front;

/// Makes the wrappers of slots that were set after the class was made.
pub fn make_wrappers(vm: &VirtualMachine, class: &'static Py<PyType>, names: &[&str]) {
    let before: HashSet<_> = class.attributes.interned_names(&vm.ctx).into_iter().map(|name| name.as_str()).collect();
    for name in names {
        class.attributes.remove(vm.ctx.intern_str(*name));
    }
    rustpython_vm::class::add_operators(class, &vm.ctx, &[]);
    // The VM makes those of inherited slots, too.
    for name in class.attributes.interned_names(&vm.ctx) {
        if !before.contains(name.as_str()) && !names.contains(&name.as_str()) {
            class.attributes.remove(name);
        }
    }
}

/// Leaves a class that inherits its `__getitem__` no more of a sequence than where it has that from: the VM takes a method
/// that is not its own wrapper for one of Python's, which makes a sequence of a mapping.
pub fn inherit_item(vm: &VirtualMachine, class: &Py<PyType>) {
    let name = vm.ctx.intern_str("__getitem__");
    let owner = class.mro.read().iter().find(|base| base.attributes.contains(name)).cloned();
    if let Some(owner) = owner.filter(|owner| !owner.is(class)) {
        class.slots.as_sequence.item.store(owner.slots.as_sequence.item.load());
    }
}
