//! The methods that stand for slots of the VM's types: classes that are made later take their slots from these.

use std::collections::HashSet;

use rustpython_vm::builtins::PyType;
use rustpython_vm::{Py, VirtualMachine};

/// Makes the wrappers of slots that were set after the class was made.
pub(crate) fn make_wrappers(vm: &VirtualMachine, class: &'static Py<PyType>, names: &[&str]) {
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
