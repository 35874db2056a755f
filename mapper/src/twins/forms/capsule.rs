//! Capsules: a pointer with a name. C makes nearly all of them; the managed half is RustPython's own capsule.

use std::ffi::{CStr, c_char, c_void};

use rustpython_vm::builtins::{PyCapsule, PyStr};
use rustpython_vm::{AsObject, Py, PyObjectRef, PyRef, VirtualMachine};

use crate::abi::address::data_address;
use crate::abi::layout as c;
use crate::abi::text;
use crate::heap::block::{Block, header, header_of};
use crate::lifetime::bound::{Bound, Link};
use crate::lifetime::{dealloc, raised, thread};
use crate::twins::forms::object::new_block_of;
use crate::twins::{retrieve, store};

/// What runs when a capsule ends; it gets the capsule.
pub type CapsuleDestructor = unsafe extern "C" fn(Block);

/// A capsule's block. C code uses functions for all of it.
#[repr(C)]
pub struct CapsuleBlock {
    base: c::PyObject,
    /// The pointer, never NULL while the capsule is valid.
    pub pointer: *mut c_void,
    /// Its name, or NULL. Belongs to whoever made the capsule.
    pub name: *const c_char,
    /// A second pointer for the maker's use.
    pub context: *mut c_void,
    /// What to call at the end.
    pub destructor: Option<CapsuleDestructor>,
}

/// A new capsule with its managed half; a count of 1.
pub fn new(
    vm: &VirtualMachine,
    pointer: *mut c_void,
    name: *const c_char,
    destructor: Option<CapsuleDestructor>,
) -> Block {
    let kind = data_address("PyCapsule_Type").cast();
    // SAFETY: a fresh block of the size asked for; the payload links to it.
    unsafe {
        let block = new_block_of(kind, size_of::<CapsuleBlock>());
        let capsule = &mut *block.cast::<CapsuleBlock>();
        capsule.pointer = pointer;
        capsule.name = name;
        capsule.destructor = destructor;
        // The name's storage is C's and lives at least as long as the capsule: the managed half leaves it out of its
        // own hands and shows none.
        let base = PyCapsule::new(pointer, None, None);
        let class = vm.ctx.types.capsule_type.to_owned();
        let twin: PyObjectRef = PyRef::new_ref(Bound { base, link: Link::new(block) }, class, None).into();
        retrieve::marry(block, twin.as_object(), true);
        block
    }
}

/// The block of a capsule that RustPython made.
///
/// # Safety
/// `kind` is the capsule type's block.
pub(crate) unsafe fn foreign_block(kind: *mut c::PyTypeObject, capsule: &Py<PyCapsule>) -> Block {
    // SAFETY: a fresh block of the size asked for.
    unsafe {
        let block = new_block_of(kind, size_of::<CapsuleBlock>());
        let made = &mut *block.cast::<CapsuleBlock>();
        made.pointer = capsule.pointer();
        made.name = capsule.name().map_or(std::ptr::null(), CStr::as_ptr);
        made.context = capsule.context();
        block
    }
}

/// `tp_dealloc` of capsules.
///
/// # Safety
/// `block` is a capsule's that nobody refers to.
pub(crate) unsafe extern "C" fn dealloc(block: Block) {
    // SAFETY: by contract; the destructor may look at the capsule, which is whole until it returns.
    unsafe {
        if let Some(destructor) = (*block.cast::<CapsuleBlock>()).destructor {
            let raised = raised::take_block();
            destructor(block);
            raised::set_block(raised);
        }
        if header(block).is_some() {
            debug_assert!(header_of(block).twin().is_null());
            dealloc::free(block);
        }
    }
}

/// `repr` of a capsule, with its name.
pub(crate) fn repr(capsule: &rustpython_vm::PyObject, vm: &VirtualMachine) -> rustpython_vm::PyResult<PyRef<PyStr>> {
    let _section = thread::section(vm);
    let block = store::store(vm, capsule);
    // SAFETY: a capsule's block, kept for the time.
    let name = unsafe {
        let name = (*block.cast::<CapsuleBlock>()).name;
        let name = if name.is_null() { "NULL".to_owned() } else { format!("\"{}\"", text::of_c(name)) };
        dealloc::decref(block);
        name
    };
    Ok(vm.ctx.new_str(format!("<capsule object {name} at {:#x}>", capsule.get_id())))
}
