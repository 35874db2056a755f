//! The order in which classes are searched (`__mro__`). RustPython merges the orders of a class's bases, but not that of
//! the bases themselves, which C3 wants as well: `class C(A, B)` may then find `B` first, and what derives from `C` may
//! be refused.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyStrInterned, PyTuple, PyType, PyTypeRef};
use rustpython_vm::function::{FuncArgs, HeapMethodDef, ItemDoc, PyMethodFlags, PySetterValue};
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, Py, PyObject, PyRef, PyResult, VirtualMachine};

use super::wrappers::{inherit_item, put_in_front};

/// The VM's slot that makes objects.
type New = fn(PyTypeRef, FuncArgs, &VirtualMachine) -> PyResult;

/// What `type` does itself.
static ORIGINAL: OnceLock<New> = OnceLock::new();

/// Has classes searched in CPython's order. Once a process.
pub(crate) fn install(vm: &VirtualMachine) {
    let class = vm.ctx.types.type_type;
    if !put_in_front!(class, new: ORIGINAL, new) {
        return;
    }
    // Metaclasses have theirs computed by this method.
    static MRO: OnceLock<PyRef<HeapMethodDef>> = OnceLock::new();
    let method = MRO.get_or_init(|| vm.ctx.new_method_def("mro", mro, PyMethodFlags::METHOD, ItemDoc::NONE));
    class.set_attr(vm.ctx.intern_str("mro"), method.build_method(class, vm).into());
}

/// C3: the merge of the bases' own orders and of the bases as they are given. None if they contradict each other.
fn merged(bases: &[PyTypeRef]) -> Option<Vec<PyTypeRef>> {
    let mut lists: Vec<Vec<PyTypeRef>> = bases.iter().map(|base| base.mro_map_collect(ToOwned::to_owned)).collect();
    lists.push(bases.to_vec());
    let mut order = Vec::new();
    loop {
        lists.retain(|list| !list.is_empty());
        if lists.is_empty() {
            return Some(order);
        }
        let is_behind = |class: &PyTypeRef| lists.iter().any(|list| list[1..].iter().any(|other| other.is(class)));
        let next = lists.iter().map(|list| &list[0]).find(|first| !is_behind(first))?.clone();
        for list in &mut lists {
            if list[0].is(&next) {
                list.remove(0);
            }
        }
        order.push(next);
    }
}

fn contradiction(vm: &VirtualMachine, bases: &[PyTypeRef]) -> rustpython_vm::builtins::PyBaseExceptionRef {
    let names: Vec<String> = bases.iter().map(|base| base.name().to_string()).collect();
    vm.new_type_error(format!(
        "Cannot create a consistent method resolution order (MRO) for bases {}",
        names.join(", ")
    ))
}

/// `type.mro`.
fn mro(class: PyTypeRef, vm: &VirtualMachine) -> PyResult {
    let bases: Vec<PyTypeRef> = class.bases.read().as_slice().to_vec();
    let mut order = vec![class.clone()];
    order.extend(merged(&bases).ok_or_else(|| contradiction(vm, &bases))?);
    Ok(vm.ctx.new_list(order.into_iter().map(Into::into).collect()).into())
}

/// `type.__new__`: the VM makes the class, and its order is set right where the VM's differs.
fn new(metaclass: PyTypeRef, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let original = ORIGINAL.get().expect("set before this function");
    if args.args.len() != 3 {
        return original(metaclass, args, vm);
    }
    let bases = several(&args.args[1]);
    if let Some(bases) = &bases {
        check_layouts(vm, bases)?;
    }
    let made = original(metaclass, args, vm)?;
    if let Some(bases) = bases {
        set_order(vm, &made, &bases)?;
    }
    if let Some(class) = made.downcast_ref::<PyType>() {
        inherit_item(vm, class);
    }
    Ok(made)
}

/// Sets the order of a new class with several bases right.
fn set_order(vm: &VirtualMachine, made: &PyObject, bases: &[PyTypeRef]) -> PyResult<()> {
    let order = merged(bases);
    let Some(class) = made.downcast_ref::<PyType>().filter(|class| class.class().is(vm.ctx.types.type_type)) else {
        return Ok(()); // asked by its metaclass's `mro`
    };
    let order = order.ok_or_else(|| contradiction(vm, bases))?;
    let is_same = class.mro.read().iter().skip(1).map(|it| it.get_id()).eq(order.iter().map(|it| it.get_id()));
    if !is_same {
        class.mro.write().splice(1.., order);
        class.modified();
        set_slots_anew(vm, class)?;
    }
    Ok(())
}

/// The bases, if they are more than one, all different and all classes: what else is wrong with them, the VM says.
fn several(bases: &PyObject) -> Option<Vec<PyTypeRef>> {
    let bases = bases.downcast_ref::<PyTuple>()?.as_slice();
    if bases.len() < 2 || (1..bases.len()).any(|index| bases[..index].iter().any(|other| other.is(&bases[index]))) {
        return None;
    }
    bases.iter().map(|base| base.downcast_ref::<PyType>().map(ToOwned::to_owned)).collect()
}

/// The nearest class that a class derives from, or itself, whose objects have more in them than its base's: the VM's own does not
/// see `__slots__`. What else has a place of its own in the VM's objects is none of the class's.
fn solid<'a>(vm: &VirtualMachine, class: &'a Py<PyType>) -> &'a Py<PyType> {
    let slots = vm.ctx.intern_str("__slots__");
    let adds = |class: &Py<PyType>, base: &Py<PyType>| {
        (class.slots.basicsize, class.slots.itemsize) != (base.slots.basicsize, base.slots.itemsize)
            || (class.slots.member_count != base.slots.member_count && class.attributes.contains(slots))
    };
    let mut solid = class;
    while let Some(base) = solid.base.deref().filter(|base| !adds(solid, base)) {
        solid = base;
    }
    solid
}

/// Of the bases' layouts, one must extend all others.
fn check_layouts(vm: &VirtualMachine, bases: &[PyTypeRef]) -> PyResult<()> {
    if bases.iter().any(|base| !base.slots.flags.has_feature(PyTypeFlags::BASETYPE)) {
        return Ok(()); // the VM says so
    }
    let mut winner = solid(vm, &bases[0]);
    for base in &bases[1..] {
        let candidate = solid(vm, base);
        if candidate.fast_issubclass(winner) {
            winner = candidate;
        } else if !winner.fast_issubclass(candidate) {
            return Err(vm.new_type_error("multiple bases have instance lay-out conflict"));
        }
    }
    Ok(())
}

/// The VM has set the slots by the other order: it does so again when the class gets the attributes, which it then has from
/// its bases as before.
fn set_slots_anew(vm: &VirtualMachine, class: &Py<PyType>) -> PyResult<()> {
    let Some(set) = vm.ctx.types.type_type.slots.setattro.load() else { return Ok(()) };
    let inherited: Vec<PyTypeRef> = class.mro.read().iter().skip(1).cloned().collect();
    let mut known: Vec<&'static PyStrInterned> = class.attributes.interned_names(&vm.ctx);
    for base in inherited.iter().filter(|base| !base.is(vm.ctx.types.object_type)) {
        for name in base.attributes.interned_names(&vm.ctx) {
            if known.iter().any(|other| other.is(name)) || !is_operator(name.as_str()) {
                continue;
            }
            known.push(name);
            if let Some(value) = base.attributes.get(name) {
                set(class.as_object(), name, PySetterValue::Assign(value), vm)?;
                class.attributes.remove(name);
            }
        }
    }
    class.modified();
    Ok(())
}

/// Whether a name may have a slot.
fn is_operator(name: &str) -> bool {
    const DATA: [&str; 7] = ["__dict__", "__weakref__", "__module__", "__doc__", "__slots__", "__new__", "__class__"];
    name.starts_with("__") && name.ends_with("__") && !DATA.contains(&name)
}
