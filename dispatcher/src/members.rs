//! Members of C types: fields of the block as attributes (`PyMemberDef`).

use std::ffi::c_int;

use rustclad_mapper::abi::layout as c;
use rustclad_mapper::abi::text;
use rustpython_vm::builtins::PyTypeRef;
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

use crate::definitions::{doc, name_of, set};
use crate::descriptors;
use crate::member::Member;

const RELATIVE_OFFSET: c_int = 8;

/// Adds attributes for the type's members.
///
/// # Safety
/// `t` is a type whose table lives as long as it.
pub(crate) unsafe fn add_members(vm: &VirtualMachine, class: &PyTypeRef, t: &c::PyTypeObject) -> PyResult<()> {
    let mut next = t.tp_members;
    // SAFETY: the table ends with a NULL name.
    unsafe {
        while !next.is_null() && !(*next).name.is_null() {
            let definition = &*next;
            next = next.add(1);
            let name = text::of_c(definition.name);
            if matches!(name.as_str(), "__dictoffset__" | "__weaklistoffset__" | "__vectorcalloffset__") {
                continue;
            }
            let base = if definition.flags & RELATIVE_OFFSET == 0 { 0 } else { relative_base(t) };
            set(vm, class, &name, member(vm, class, definition, base));
        }
    }
    Ok(())
}

/// The descriptor of a member whose offset counts from `base`.
///
/// # Safety
/// The definition's texts are valid.
pub(crate) unsafe fn member(
    vm: &VirtualMachine,
    class: &PyTypeRef,
    definition: &c::PyMemberDef,
    base: isize,
) -> PyObjectRef {
    // SAFETY: by contract.
    let name = name_of(vm, &unsafe { text::of_c(definition.name) });
    descriptors::member(vm, class, Member::new(definition, base, name), doc(class, definition.doc))
}

/// Where a type's own fields begin (PEP 697).
unsafe fn relative_base(t: &c::PyTypeObject) -> isize {
    // SAFETY: a type's base is ready.
    (unsafe { (*t.tp_base).tp_basicsize } + 15) / 16 * 16
}
