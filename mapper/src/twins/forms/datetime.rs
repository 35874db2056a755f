//! The classes of `datetime`, whose structs carry their fields (see [`record`](super::record)).

use rustpython_vm::builtins::PyType;
use rustpython_vm::{AsObject, Py, VirtualMachine};

use crate::heap::kind::Kind;
use crate::twins::types;

/// What instances of a class are laid out as, if it is one of `datetime`.
pub(crate) fn kind(vm: &VirtualMachine, class: &Py<PyType>) -> Option<Kind> {
    let name = class.name();
    let kind = match &*name {
        "date" => Kind::Date,
        "time" => Kind::Time,
        "datetime" => Kind::DateTime,
        "timedelta" => Kind::TimeDelta,
        _ => return None,
    };
    let home = types::builtin_module(vm, "_datetime").ok()?;
    home.get_attr(&vm.ctx.new_str(&*name), vm).ok()?.is(class).then_some(kind)
}
