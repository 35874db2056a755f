//! What the VM asks of an object's references and its finalizer, where C has a part in it.

use rustpython_vm::builtins::PyType;
use rustpython_vm::vm::thread::try_with_current_vm;
use rustpython_vm::{AsObject as _, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::heap::block::{flag, header};
use crate::heap::kind::Kind;
use crate::heap::spare;
use crate::lifetime::{collect, dealloc, finalizer, graph, handle, mirrored, thread, weak};
use crate::twins::forms::object::made_in_c;
use crate::twins::retrieve::retrieve;
use crate::twins::store::store;
use crate::twins::{fields, heap_type};

/// The objects that an object refers to, those of C's references included.
pub(crate) fn referents(vm: &VirtualMachine, object: &PyObject) -> Vec<PyObjectRef> {
    let mut found = object.gc_get_referents();
    let _section = thread::section(vm);
    let Some(block) = handle::block_of(object).filter(|block| header(*block).is_some()) else { return found };
    // SAFETY: a tied block is live; what it refers to is, too. A managed container's own block refers to nothing new.
    unsafe {
        if header(block).is_some_and(|header| header.has(flag::BOUND)) {
            let mut blocks = Vec::new();
            graph::each_reference(block, &mut |target| blocks.push(target));
            let known = blocks.into_iter().filter(|target| !target.is_null());
            found.extend(known.filter_map(|target| retrieve(vm, target).ok()));
        }
    }
    found
}

/// The VM's `del_needed` slot for classes with a finalizer: whether an object is to be finalized, and not what user code saw
/// of one while its deallocator ran.
pub fn is_to_be_finalized(object: &PyObject) -> bool {
    thread::in_section(|| match handle::block_of(object) {
        Some(block) => {
            let flags = header(block).map(|header| (header.has(flag::DYING), header.has(flag::FINALIZED)));
            if let Some((false, true)) = flags
                && object.strong_count() == 0
            {
                leave_callbacks(object);
            }
            flags.is_none_or(|(dying, finalized)| !dying && !finalized)
        }
        // SAFETY: a type's block is one.
        None => handle::block_of(object.class().as_object())
            .is_none_or(|class| unsafe { Kind::of_type(class.cast()) } != Kind::Instance),
    })
}

/// The VM's `del_needed` slot for classes without a finalizer whose C deallocator clears weak references: it gets those that
/// have a callback. There is nothing else to do.
pub fn leaves_weak_references(object: &PyObject) -> bool {
    if object.class().slots.del.load().is_none_or(|del| !std::ptr::fn_addr_eq(del, finalize as DelFunc)) {
        return is_to_be_finalized(object); // somebody has given the class a `__del__`
    }
    if object.strong_count() == 0 {
        thread::in_section(|| leave_callbacks(object));
    }
    false
}

type DelFunc = fn(&PyObject, &VirtualMachine) -> PyResult<()>;

/// Leaves to an object's C deallocator what the struct has fields for: the callbacks of its weak references, and its dict.
fn leave_callbacks(object: &PyObject) {
    let Some(block) = handle::block_of(object).filter(|block| header(*block).is_some()) else { return };
    // SAFETY: a tied block is an object.
    unsafe {
        if !clears_fields((*block).ob_type) {
            return;
        }
        if spare::links((*block).ob_type) {
            try_with_current_vm(|vm| fields::in_step(vm, block, object));
        }
        if weak::take_out(block, object) {
            fields::has_weak_references(block);
        }
    }
}

/// Whether the deallocator of a type clears weak references or a dict in the struct, as one has to that C code wrote for
/// objects with such fields.
///
/// # Safety
/// `class` is a ready type.
unsafe fn clears_fields(class: *const c::PyTypeObject) -> bool {
    let mut owner = class;
    // SAFETY: by contract; a type's base is ready.
    unsafe {
        if Kind::of_type(class) != Kind::Instance {
            return false;
        }
        while !owner.is_null() && heap_type::is_subtype_dealloc((*owner).tp_dealloc) {
            owner = (*owner).tp_base;
        }
        if owner.is_null() || (*owner).tp_dealloc.is_none() {
            return false;
        }
        (*owner).tp_weaklistoffset != 0 || spare::links(owner)
    }
}

/// Prepares a class for the end of its objects: `finalizes` says whether its type has a finalizer.
///
/// # Safety
/// `t` is the class's block, with its own deallocator or its base's.
pub unsafe fn prepare(vm: &VirtualMachine, class: &Py<PyType>, t: *const c::PyTypeObject, finalizes: bool) {
    let slots = &class.slots;
    // SAFETY: by contract.
    let leaves = unsafe { clears_fields(t) };
    // SAFETY: by contract.
    let by_c = unsafe { Kind::of_type(t) } == Kind::Instance;
    let name = vm.ctx.intern_str("__del__");
    let finalizer = class.get_attr(name);
    // A class made in Python that leaves it to C's finalizer needs no call of its method.
    let of_c = || {
        // SAFETY: a type's block, and that of a type that it derives from.
        let owner = unsafe { made_in_c(t.cast_mut()) };
        handle::twin_of(owner.cast()).and_then(|owner| owner.downcast_ref::<PyType>()?.get_attr(name))
    };
    if finalizes || (by_c && finalizer.as_ref().zip(of_c()).is_some_and(|(finalizer, of_c)| finalizer.is(&of_c))) {
        slots.del.store(Some(finalize));
    } else if leaves && slots.del.load().is_none() {
        slots.del.store(Some(finalize));
        slots.del_needed.store(Some(leaves_weak_references));
        return;
    }
    if by_c && slots.del.load().is_some() {
        let has_finalizer = finalizes || finalizer.is_some();
        slots.del_needed.store(Some(if has_finalizer { is_to_be_finalized } else { leaves_weak_references }));
    }
}

/// An object's finalizer may have saved it.
pub fn saved(object: &PyObject) {
    if let Some(block) = handle::block_of(object) {
        // SAFETY: a tied block is alive.
        unsafe {
            mirrored::saved(block);
            finalizer::saved(block);
        }
    }
}

/// The VM's `del` slot for types with a `tp_finalize`: runs it, once in the object's life.
///
/// # Errors
/// None: what a finalizer raises is printed.
pub fn finalize(object: &PyObject, vm: &VirtualMachine) -> PyResult<()> {
    /// What the VM itself counts meanwhile.
    const OWN: usize = 2;
    let _section = thread::enter(vm);
    let block = store(vm, object);
    // SAFETY: the reference is ours.
    unsafe {
        if collect::finalize(block) {
            collect::save(object.to_owned());
        }
        dealloc::decref(block);
    }
    if object.strong_count() > OWN {
        saved(object);
    }
    if object.strong_count() == OWN && !collect::is_collecting() {
        leave_callbacks(object);
    }
    Ok(())
}
