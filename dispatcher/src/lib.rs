//! Managed functions, methods, descriptors and types that call into C: one calling convention, one place.
//!
//! [`calls`] turns a C method definition into something the VM can call, one closure for each `METH_` convention.
//! [`function`] and [`class`] make the managed halves of C function objects and of C types from it. The mapper asks
//! for them through [`Dispatcher`](rustclad_mapper::Dispatcher), which [`DISPATCHER`] implements; the calls
//! themselves go straight from the VM to C.

pub mod calls;
pub mod class;
mod definitions;
mod descriptors;
pub mod function;
mod member;
pub mod members;
mod names;
mod properties;
pub mod slots;
mod wrappers;

use rustclad_mapper::abi::layout as c;
use rustclad_mapper::abi::text;
use rustclad_mapper::heap::block::Block;
use rustclad_mapper::lifetime::dispatch::{ClassParts, Definition};
use rustpython_vm::builtins::{PyType, PyTypeRef};
use rustpython_vm::function::PySetterValue;
use rustpython_vm::{Py, PyObjectRef, PyResult, VirtualMachine};

use crate::member::Member;

struct Dispatcher;

/// The dispatcher, for [`Mapper::hook`](rustclad_mapper::Mapper::hook).
pub static DISPATCHER: &dyn rustclad_mapper::Dispatcher = &Dispatcher;

impl rustclad_mapper::Dispatcher for Dispatcher {
    fn start(&self, vm: &VirtualMachine) {
        slots::start(vm);
    }

    fn prepare(&self, vm: &VirtualMachine) {
        names::install(vm);
        wrappers::install(vm);
        slots::prepare();
    }

    fn function(&self, vm: &VirtualMachine, block: Block) -> PyObjectRef {
        function::new(vm, block)
    }

    fn class(&self, vm: &VirtualMachine, block: *mut c::PyTypeObject, parts: ClassParts) -> PyResult<PyTypeRef> {
        class::new(vm, block, parts)
    }

    unsafe fn slots(&self, vm: &VirtualMachine, class: &Py<PyType>, block: *mut c::PyTypeObject) {
        // SAFETY: by contract.
        unsafe { slots::install_written(vm, class, block) }
    }

    unsafe fn descriptor(
        &self,
        vm: &VirtualMachine,
        class: &PyTypeRef,
        block: *mut c::PyTypeObject,
        definition: Definition,
    ) -> PyResult {
        // SAFETY: by contract.
        unsafe {
            match definition {
                Definition::Method(method) => class::instance_method(vm, class, block, method),
                Definition::ClassMethod(method) => class::class_method(vm, class, block, method),
                Definition::Member(member) => Ok(members::member(vm, class, &*member, 0)),
                Definition::GetSet(property) => Ok(properties::getset(vm, class, &*property)),
            }
        }
    }

    unsafe fn member(&self, vm: &VirtualMachine, at: Block, member: &c::PyMemberDef) -> PyResult {
        // SAFETY: by contract.
        unsafe { Member::new(member, 0, &text::of_c(member.name)).read(vm, at) }
    }

    unsafe fn set_member(
        &self,
        vm: &VirtualMachine,
        at: Block,
        member: &c::PyMemberDef,
        value: PySetterValue,
    ) -> PyResult<()> {
        // SAFETY: by contract.
        unsafe { Member::new(member, 0, &text::of_c(member.name)).write(vm, at, value) }
    }
}
