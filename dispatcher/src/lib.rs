//! Managed functions, methods, descriptors and types that call into C: one calling convention, one place.
//!
//! [`calls`] turns a C method definition into something the VM can call, one closure for each `METH_` convention.
//! [`function`] and [`class`] make the managed halves of C function objects and of C types from it. The mapper asks
//! for them through [`Dispatcher`](rustclad_mapper::Dispatcher), which [`DISPATCHER`] implements; the calls
//! themselves go straight from the VM to C.

pub mod calls;
pub mod class;
mod descriptors;
pub mod function;
pub mod members;
mod names;
pub mod slots;

use rustclad_mapper::block::Block;
use rustclad_mapper::dispatch::ClassParts;
use rustclad_mapper::layout as c;
use rustpython_vm::builtins::PyTypeRef;
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

struct Dispatcher;

/// The dispatcher, for [`Mapper::hook`](rustclad_mapper::Mapper::hook).
pub static DISPATCHER: &dyn rustclad_mapper::Dispatcher = &Dispatcher;

impl rustclad_mapper::Dispatcher for Dispatcher {
    fn prepare(&self, vm: &VirtualMachine) {
        names::install(vm);
    }

    fn function(&self, vm: &VirtualMachine, block: Block) -> PyObjectRef {
        function::new(vm, block)
    }

    fn class(&self, vm: &VirtualMachine, block: *mut c::PyTypeObject, parts: ClassParts) -> PyResult<PyTypeRef> {
        class::new(vm, block, parts)
    }
}
