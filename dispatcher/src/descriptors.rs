//! Descriptor types of our own, derived from the VM's, where the VM's cannot carry what C code brings: members
//! (`PyMemberDescr_Type`), and methods that are told the class that defines them (`METH_METHOD`), which bind to
//! CPython's `builtin_method`.

use std::fmt;
use std::sync::OnceLock;

use rustclad_mapper::twins::types::{method_class, show_as};
use rustpython_vm::builtins::descriptor::{
    MemberAccess, MemberKind, PyDescriptorOwned, PyMemberDef, PyMethodDescriptor,
};
use rustpython_vm::builtins::{PyMemberDescriptor, PyMemberFlags, PyType, PyTypeRef};
use rustpython_vm::function::{Callee, FuncArgs, ItemDoc, OptionalArg, PyNativeFn, PySetterValue};
use rustpython_vm::object::{MaybeTraverse, TraverseFn};
use rustpython_vm::types::{PyTypeFlags, PyTypeSlots};
use rustpython_vm::{AsObject, Context, Py, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine};

use crate::definitions::{method as special_method, static_class};
use crate::member::Member;

/// The VM's member descriptor with the member of a block that it stands for. The VM reads the first field only: name,
/// class and documentation.
#[repr(C)]
struct MemberDescriptor {
    base: PyMemberDescriptor,
    member: Member<'static>,
}

impl fmt::Debug for MemberDescriptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.base.fmt(f)
    }
}

impl MaybeTraverse for MemberDescriptor {
    // The VM's own descriptor holds its class and does not say so: no class with one would ever be garbage.
    const HAS_TRAVERSE: bool = true;
    fn try_traverse(&self, traverse: &mut TraverseFn<'_>) {
        traverse(self.base.common.typ.as_object());
    }
}

impl PyPayload for MemberDescriptor {
    const PAYLOAD_TYPE_ID: std::any::TypeId = PyMemberDescriptor::PAYLOAD_TYPE_ID;
    // SAFETY: only objects of our class have this payload.
    unsafe fn validate_downcastable_from(object: &PyObject) -> bool {
        MEMBER.get().is_some_and(|class| object.class().is(class))
    }
    fn class(_: &Context) -> &'static Py<PyType> {
        MEMBER.get().map(static_class).expect("made before the first member")
    }
}

static MEMBER: OnceLock<PyTypeRef> = OnceLock::new();

/// A class like `base`, under the same name.
fn derived(vm: &VirtualMachine, name: &str, base: &Py<PyType>) -> PyTypeRef {
    let flags = base.slots.flags.load() & !PyTypeFlags::from_slice(&[PyTypeFlags::BASETYPE]);
    let slots = PyTypeSlots::new("", flags);
    let class = PyType::new_heap(
        name,
        vec![base.to_owned()],
        Default::default(),
        slots,
        vm.ctx.types.type_type.to_owned(),
        &vm.ctx,
    )
    .expect("a builtin type can be extended from Rust");
    class.slots.flags.remove(PyTypeFlags::HEAPTYPE);
    show_as(vm, &class, base);
    class
}

/// The class of members' descriptors.
fn member_class(vm: &VirtualMachine) -> &'static PyTypeRef {
    MEMBER.get_or_init(|| {
        let class = derived(vm, "member_descriptor", vm.ctx.types.member_descriptor_type);
        class.slots.descr_get.store(Some(member_get));
        class.slots.descr_set.store(Some(member_set));
        special_methods(vm, &class);
        class
    })
}

/// `__get__`, `__set__` and `__delete__`: those that the base has do not come to our functions.
fn special_methods(vm: &VirtualMachine, class: &PyTypeRef) {
    let get = |vm: &VirtualMachine, args: FuncArgs, _: Callee| {
        let (this, object, _): (PyObjectRef, PyObjectRef, OptionalArg<PyObjectRef>) = args.bind(vm)?;
        member_get(&this, Some(&*object).filter(|object| !vm.is_none(object)), None, vm)
    };
    let set = |vm: &VirtualMachine, args: FuncArgs, _: Callee| {
        let (this, object, value): (PyObjectRef, PyObjectRef, PyObjectRef) = args.bind(vm)?;
        member_set(&this, object, PySetterValue::Assign(value), vm).map(|()| vm.ctx.none())
    };
    let delete = |vm: &VirtualMachine, args: FuncArgs, _: Callee| {
        let (this, object): (PyObjectRef, PyObjectRef) = args.bind(vm)?;
        member_set(&this, object, PySetterValue::Delete, vm).map(|()| vm.ctx.none())
    };
    let methods: [(&'static str, Box<dyn PyNativeFn>); 3] =
        [("__get__", Box::new(get)), ("__set__", Box::new(set)), ("__delete__", Box::new(delete))];
    for (name, code) in methods {
        special_method(vm, class, name, code);
    }
}

/// The descriptor of a member of `class`.
pub(crate) fn member(vm: &VirtualMachine, class: &PyTypeRef, member: Member<'static>, doc: ItemDoc) -> PyObjectRef {
    let name = member.name;
    let common = PyDescriptorOwned { typ: class.clone(), name: vm.ctx.intern_str(name), qualname: Default::default() };
    // The VM must not take the offset for one into its own object: it never does for items of tuples.
    let base = PyMemberDescriptor {
        common,
        member: PyMemberDef {
            name: name.to_owned(),
            kind: MemberKind::Object,
            offset: 0,
            flags: PyMemberFlags::READONLY,
            doc,
        },
        access: MemberAccess::TupleItem,
    };
    PyRef::new_ref(MemberDescriptor { base, member }, member_class(vm).clone(), None).into()
}

/// The descriptor as ours, and the object, checked for its class.
fn checked<'a>(vm: &VirtualMachine, this: &'a PyObject, object: &PyObject) -> PyResult<&'a Member<'static>> {
    let this: &Py<MemberDescriptor> =
        this.downcast_ref().ok_or_else(|| vm.new_type_error("a member descriptor was expected"))?;
    let class = &this.base.common.typ;
    if !object.class().fast_issubclass(class) {
        return Err(vm.new_type_error(format!(
            "descriptor '{}' for '{}' objects doesn't apply to a '{}' object",
            this.base.common.name,
            class.name(),
            object.class().name()
        )));
    }
    Ok(&this.member)
}

fn member_get(this: &PyObject, object: Option<&PyObject>, _: Option<&PyObject>, vm: &VirtualMachine) -> PyResult {
    match object {
        Some(object) => checked(vm, this, object)?.get(vm, object),
        None => Ok(this.to_owned()),
    }
}

fn member_set(this: &PyObject, object: PyObjectRef, value: PySetterValue, vm: &VirtualMachine) -> PyResult<()> {
    checked(vm, this, &object)?.set(vm, &object, value)
}

/// The class of the descriptors of `METH_METHOD` methods.
pub(crate) fn method_descriptors(vm: &VirtualMachine) -> &'static PyTypeRef {
    static CLASS: OnceLock<PyTypeRef> = OnceLock::new();
    CLASS.get_or_init(|| {
        let class = derived(vm, "method_descriptor", vm.ctx.types.method_descriptor_type);
        class.slots.descr_get.store(Some(method_get));
        class
    })
}

fn method_get(this: &PyObject, object: Option<&PyObject>, _: Option<&PyObject>, vm: &VirtualMachine) -> PyResult {
    let Some(object) = object else { return Ok(this.to_owned()) };
    let method: &Py<PyMethodDescriptor> =
        this.downcast_ref().ok_or_else(|| vm.new_type_error("a method descriptor was expected"))?;
    let class = method.common.typ;
    if !object.class().fast_issubclass(class) {
        return Err(vm.new_type_error(format!(
            "descriptor '{}' for '{}' objects doesn't apply to a '{}' object",
            method.common.name,
            class.name(),
            object.class().name()
        )));
    }
    let bound = method.method.to_bound_method(object.to_owned(), class);
    Ok(PyRef::new_ref(bound, method_class(vm), None).into())
}
