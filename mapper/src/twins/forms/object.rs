//! Objects of which C code reads nothing but the head, and those whose contents are C's own business.

use rustpython_vm::builtins::PyBaseObject;
use rustpython_vm::{PyObject, PyResult, VirtualMachine};

use crate::abi::layout::{self as c, tpflags};
use crate::heap::block::{self, Block, flag, header};
use crate::heap::form::{Form, Half, Visit, through};
use crate::heap::spare;
use crate::twins::forms::capsule;
use crate::twins::forms::payload::bound;
use crate::twins::{fields, slotted};

/// Objects of the VM's that have no struct.
pub(super) static OPAQUE: Form = Form {
    make: make_opaque,
    written: Some(fields::written),
    free: Some(clear_linked),
    each: Some(each_linked),
    clear: Some(clear_linked),
    ..Form::EMPTY
};

/// Objects of C's making.
pub(super) static INSTANCE: Form = Form {
    make: make_instance,
    written: Some(fields::written),
    each: Some(each_of_instance),
    clear: Some(clear_instance),
    ..Form::EMPTY
};

impl Form {
    /// An object head, no references, made and wrapped as `object` is.
    pub(in crate::twins) const EMPTY: Self = Self::bare(make, wrap);
}

/// A block of at least `size` bytes with a count of 1 and a type; the rest is zero. None if memory is out.
///
/// # Safety
/// `class` is the type's block.
pub unsafe fn try_new_block_of(class: *mut c::PyTypeObject, size: usize) -> Option<Block> {
    let made = block::allocate(size, 0);
    if made.is_null() {
        return None;
    }
    // SAFETY: fresh memory of more than an object's size.
    unsafe {
        (*made).ob_refcnt = 1;
        (*made).ob_type = class;
    }
    Some(made)
}

/// [`try_new_block_of`] for sizes that a program can have.
///
/// # Safety
/// As above.
pub unsafe fn new_block_of(class: *mut c::PyTypeObject, size: usize) -> Block {
    // SAFETY: by contract.
    unsafe { try_new_block_of(class, size) }.expect("memory for an object's block")
}

/// A block for an object of a class: of the class's size, or of its kind's if that is more.
///
/// # Safety
/// `class` is a ready type's block.
pub unsafe fn new_block(class: *mut c::PyTypeObject) -> Block {
    // SAFETY: by contract.
    unsafe {
        let least = crate::heap::kind::Kind::of_type(class).sizes().0;
        new_block_of(class, ((*class).tp_basicsize as usize).max(least))
    }
}

/// How many bytes an object with `items` variable parts has. None if that is more than a number holds.
pub(crate) fn size_with(class: &c::PyTypeObject, items: isize) -> Option<usize> {
    // One item more than asked for: CPython keeps a sentinel behind the last.
    let extra = if class.tp_itemsize == 0 { 0 } else { items.checked_add(1)?.checked_mul(class.tp_itemsize)? };
    usize::try_from(class.tp_basicsize.checked_add(extra)?).ok()
}

/// Memory for an object with a value of `size` bytes, of a class derived from the builtin type that has the value: with
/// the fields that the class has in its struct, which are zero. Null if there is none.
///
/// # Safety
/// `class` is a ready type's block.
pub(super) unsafe fn allocate_derived(class: *mut c::PyTypeObject, size: usize, items: usize) -> Block {
    // SAFETY: by contract.
    let whole = isize::try_from(items).ok().and_then(|items| size_with(unsafe { &*class }, items));
    whole.map_or(std::ptr::null_mut(), |whole| block::allocate(whole.max(size), 0))
}

unsafe fn make(_: &VirtualMachine, _: &PyObject, class: *mut c::PyTypeObject) -> Block {
    // SAFETY: an object's class is ready.
    unsafe { new_block(class) }
}

unsafe fn make_opaque(_: &VirtualMachine, _: &PyObject, class: *mut c::PyTypeObject) -> Block {
    // SAFETY: an object's class is ready.
    unsafe {
        let size = ((*class).tp_basicsize as usize).max(size_of::<c::PyObject>()).next_multiple_of(8);
        new_block_of(class, size + slotted::room(class))
    }
}

unsafe fn clear_linked(block: Block) {
    // SAFETY: by the caller's contract.
    unsafe {
        if spare::links((*block).ob_type) {
            slotted::clear(block);
        }
    }
}

unsafe fn each_linked(block: Block, visit: &mut Visit<'_>) {
    // SAFETY: by the caller's contract.
    unsafe {
        if spare::links((*block).ob_type) {
            slotted::fields(block).for_each(|field| visit(*field));
        }
    }
}

unsafe fn wrap(_: &VirtualMachine, block: Block, half: Half) -> PyResult {
    Ok(bound(PyBaseObject, block, half))
}

/// C makes nearly all of these: what the VM made is a capsule, or an object of a class that derives from C's.
unsafe fn make_instance(vm: &VirtualMachine, object: &PyObject, class: *mut c::PyTypeObject) -> Block {
    match object.downcast_ref() {
        // SAFETY: the capsule's class.
        Some(capsule) => unsafe { capsule::foreign_block(class, capsule) },
        // SAFETY: as for `make`.
        None => unsafe { make(vm, object, class) },
    }
}

/// The C type that a class derives from, or the class itself if it is none that Python made.
///
/// # Safety
/// `class` is a ready type.
pub unsafe fn made_in_c(class: *mut c::PyTypeObject) -> *mut c::PyTypeObject {
    let mut owner = class;
    // SAFETY: by contract; a type's base is ready.
    unsafe {
        while header(owner.cast()).is_some_and(|header| header.has(flag::PINNED)) && !(*owner).tp_base.is_null() {
            owner = (*owner).tp_base;
        }
    }
    owner
}

unsafe fn each_of_instance(block: Block, visit: &mut Visit<'_>) {
    // SAFETY: by the caller's contract; types are ready.
    unsafe {
        let class = (*block).ob_type;
        // A class derived in Python does not visit itself, if the C type that it is derived from is static.
        let owner = made_in_c(class);
        let traverse = (*class).tp_traverse.filter(|_| (*class).tp_flags & tpflags::HAVE_GC != 0);
        slotted::fields(block).for_each(|field| visit(*field));
        if owner != class && ((*owner).tp_flags & tpflags::HEAPTYPE == 0 || traverse.is_none()) {
            visit(class.cast());
        }
        if let Some(traverse) = traverse
            && header(block).is_some_and(|header| header.has(flag::TRACKED | flag::PINNED))
        {
            through(visit, |function, argument| traverse(block, function, argument));
        }
    }
}

unsafe fn clear_instance(block: Block) {
    // SAFETY: by the caller's contract.
    unsafe {
        slotted::clear(block);
        if let Some(clear) = (*(*block).ob_type).tp_clear {
            clear(block);
        }
    }
}
