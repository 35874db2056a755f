//! The mapper's one way to the dispatcher: a trait that the dispatcher implements and that is set at start-up. Only
//! making things goes through it; calls of the things made do not.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyStrRef, PyType, PyTypeRef};
use rustpython_vm::function::PySetterValue;
use rustpython_vm::{Py, PyObjectRef, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::heap::block::Block;

/// Makes the managed functions and types that call into C.
pub trait Dispatcher: Send + Sync {
    /// Called for each interpreter, before any Python code runs in it.
    fn start(&self, vm: &VirtualMachine);

    /// Called once, before any C code runs.
    fn prepare(&self, vm: &VirtualMachine);

    /// The managed half of a C function object (`PyCFunctionObject`), tied to the block. The block's contents are
    /// set and do not change.
    fn function(&self, vm: &VirtualMachine, block: Block) -> PyObjectRef;

    /// The managed half of a type that C code made: `block` has all slots and tables filled in, inherited ones too.
    ///
    /// # Errors
    /// What making the class raises: layout conflicts, a metaclass that refuses.
    fn class(&self, vm: &VirtualMachine, block: *mut c::PyTypeObject, parts: ClassParts) -> PyResult<PyTypeRef>;

    /// Has a class call the slots of `block`, which C code has written into the type of the class.
    ///
    /// # Safety
    /// `block` is a type with those slots alone.
    unsafe fn slots(&self, vm: &VirtualMachine, class: &Py<PyType>, block: *mut c::PyTypeObject);

    /// A descriptor for a class, which C code puts where it likes. `block` is the class's.
    ///
    /// # Errors
    /// `SystemError` for a combination of flags that means nothing.
    ///
    /// # Safety
    /// The definition stays valid as long as the descriptor.
    unsafe fn descriptor(
        &self,
        vm: &VirtualMachine,
        class: &PyTypeRef,
        block: *mut c::PyTypeObject,
        definition: Definition,
    ) -> PyResult;

    /// Reads a member of the struct at `at`, an object.
    ///
    /// # Errors
    /// `AttributeError` if there is nothing in it.
    ///
    /// # Safety
    /// The struct has the member.
    unsafe fn member(&self, vm: &VirtualMachine, at: Block, member: &c::PyMemberDef) -> PyResult;

    /// Writes a member of the struct at `at`, an object.
    ///
    /// # Errors
    /// What converting the value raises; `AttributeError` for a member that must not change.
    ///
    /// # Safety
    /// The struct has the member.
    unsafe fn set_member(
        &self,
        vm: &VirtualMachine,
        at: Block,
        member: &c::PyMemberDef,
        value: PySetterValue,
    ) -> PyResult<()>;
}

/// What a descriptor is made from.
#[derive(Clone, Copy)]
pub enum Definition {
    /// A method of instances.
    Method(*mut c::PyMethodDef),
    /// A method of the class.
    ClassMethod(*mut c::PyMethodDef),
    /// A field of the struct.
    Member(*const c::PyMemberDef),
    /// A getter and a setter.
    GetSet(*const c::PyGetSetDef),
}

/// What a class is made from besides its block.
pub struct ClassParts {
    /// The name without module.
    pub name: String,
    /// Its bases, at least one.
    pub bases: Vec<PyTypeRef>,
    /// The one of them that decides on the layout of instances.
    pub base: PyTypeRef,
    /// Its metaclass.
    pub metaclass: PyTypeRef,
    /// The module's name, if the type's name had one.
    pub module: Option<String>,
    /// What C code put into its dict before: it is not to be replaced.
    pub attributes: Vec<(PyStrRef, PyObjectRef)>,
}

static DISPATCHER: OnceLock<&'static dyn Dispatcher> = OnceLock::new();

/// Sets the dispatcher; the first call counts.
pub(crate) fn set(dispatcher: &'static dyn Dispatcher) {
    let _ = DISPATCHER.set(dispatcher);
}

/// The dispatcher.
pub(crate) fn dispatcher() -> &'static dyn Dispatcher {
    *DISPATCHER.get().expect("the mapper was set up with a dispatcher")
}
