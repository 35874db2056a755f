//! The places that the VM's objects have for `__slots__`, by number: the first of a class's own comes after its base's.

use std::sync::{Mutex, PoisonError};

use rustpython_vm::builtins::descriptor::{MemberAccess, MemberKind, PyDescriptorOwned, PyMemberDef};
use rustpython_vm::builtins::{PyMemberDescriptor, PyMemberFlags};
use rustpython_vm::function::{ItemDoc, PySetterValue};
use rustpython_vm::object::dict_member_offset;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyPayload, PyRef, VirtualMachine};

/// A place as a descriptor that any object with so many accepts. They lie in front of the pointer to the dict, in the order
/// of their numbers.
fn place(vm: &VirtualMachine, number: usize) -> PyRef<PyMemberDescriptor> {
    static PLACES: Mutex<Vec<PyRef<PyMemberDescriptor>>> = Mutex::new(Vec::new());
    let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
    while places.len() <= number {
        let offset = dict_member_offset() - (size_of::<usize>() * (places.len() + 1)) as isize;
        let common = PyDescriptorOwned {
            typ: vm.ctx.types.object_type.to_owned(),
            name: vm.ctx.intern_str("slot"),
            qualname: Default::default(),
        };
        let flags = PyMemberFlags::empty();
        let member =
            PyMemberDef { name: "slot".to_owned(), kind: MemberKind::ObjectEx, offset, flags, doc: ItemDoc::NONE };
        places.push(PyMemberDescriptor { common, member, access: MemberAccess::Offset }.into_ref(&vm.ctx));
    }
    places[number].clone()
}

/// What is in one of an object's places.
pub(crate) fn get(vm: &VirtualMachine, object: &PyObject, number: usize) -> Option<PyObjectRef> {
    let place = place(vm, number);
    let read = place.class().slots.descr_get.load()?;
    read(place.as_object(), Some(object), None, vm).ok()
}

/// Puts something into one of an object's places, or empties it.
pub(crate) fn set(vm: &VirtualMachine, object: &PyObject, number: usize, value: Option<PyObjectRef>) {
    let place = place(vm, number);
    let value = value.map_or(PySetterValue::Delete, PySetterValue::Assign);
    if let Some(write) = place.class().slots.descr_set.load() {
        let _ = write(place.as_object(), object.to_owned(), value, vm);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifetime::testing::{python, with_vm};

    #[test]
    fn places_are_where_the_vm_has_its_slots() {
        with_vm(|vm| {
            let code = "class A:\n __slots__ = 'a', 'b'\nclass B(A):\n __slots__ = 'c'\no = B(); o.a = 1; o.c = 3";
            let object = python(vm, code, "o");
            let number = |number| get(vm, &object, number).and_then(|found| found.try_into_value::<i32>(vm).ok());
            assert_eq!([0, 1, 2].map(number), [Some(1), None, Some(3)]);
            set(vm, &object, 1, Some(vm.ctx.new_int(2).into()));
            set(vm, &object, 0, None);
            let b = object.get_attr("b", vm).and_then(|found| found.try_into_value::<i32>(vm));
            assert_eq!((b.ok(), object.get_attr("a", vm).is_err()), (Some(2), true));
        });
    }
}
