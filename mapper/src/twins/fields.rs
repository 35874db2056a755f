//! The fields of an instance's struct that CPython fills by itself: the pointer to its dict (`tp_dictoffset`), and the list
//! of its weak references (`tp_weaklistoffset`). The managed half has both of its own; they are brought in step when the
//! object crosses. Only for types of C's that have such a field in their struct.
//!
//! What both sides agreed on last about the dict stands in front of the block, where objects with a managed dict have
//! theirs: who differs from that has changed it. The list's field says only whether there are weak references.

use std::cell::RefCell;

use rustpython_vm::builtins::{PyDict, PyDictRef};
use rustpython_vm::vm::thread::try_with_current_vm;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, VirtualMachine};

use crate::abi::layout::{self as c, tpflags};
use crate::heap::block::{Block, flag, header};
use crate::heap::form::Look;
use crate::heap::kind::Kind;
use crate::heap::spare;
use crate::lifetime::{dealloc, due, handle, managed};
use crate::twins::{retrieve, slotted, store};

/// Notes whether the objects of a type that C code makes have such a field.
///
/// # Safety
/// `class` is a type that has inherited what its bases have.
pub(crate) unsafe fn note(class: *mut c::PyTypeObject) {
    // SAFETY: by contract; a type's base is ready.
    unsafe {
        let (t, base) = (&*class, &*(*class).tp_base);
        let own_dict = t.tp_dictoffset != base.tp_dictoffset && t.tp_flags & tpflags::MANAGED_DICT == 0;
        let own_list = t.tp_weaklistoffset != base.tp_weaklistoffset && t.tp_weaklistoffset != 0;
        spare::set_links(class, own_dict || own_list || spare::links(base));
    }
}

/// Where an object's struct has the pointer to its dict. None if it has none.
///
/// # Safety
/// `block` is an object.
pub(crate) unsafe fn dict_field(block: Block) -> Option<*mut Block> {
    // SAFETY: by contract; the type says where the field is.
    unsafe {
        let class = &*(*block).ob_type;
        if !spare::links(class) || matches!(class.tp_dictoffset, 0 | -1) || class.tp_flags & tpflags::MANAGED_DICT != 0
        {
            return None;
        }
        let offset = match class.tp_dictoffset {
            from_end @ ..0 => {
                let items = (*block.cast::<c::PyVarObject>()).ob_size.abs();
                (class.tp_basicsize + items * class.tp_itemsize + 7) / 8 * 8 + from_end
            }
            offset => offset,
        };
        Some(block.cast::<u8>().offset(offset).cast())
    }
}

/// Where an object's struct has its list of weak references.
unsafe fn list_field(block: Block) -> Option<*mut Block> {
    // SAFETY: by the caller's contract; the type says where the field is.
    unsafe {
        let offset = (*(*block).ob_type).tp_weaklistoffset;
        // That of a managed list stands in front of the block; memory of other allocators has nothing there.
        let is_there = offset > 0 || (offset < 0 && crate::heap::block::is_ours(block));
        is_there.then(|| block.cast::<u8>().offset(offset).cast())
    }
}

/// How many words in front of an object the dict is that both sides agreed on. It is not counted.
const AGREED: usize = 3;

/// The dict's block that both sides agreed on last; null for none. None for memory that has no room for it.
unsafe fn agreed(block: Block) -> Option<*mut Block> {
    // SAFETY: a block of ours has the place in front.
    crate::heap::block::is_ours(block).then(|| unsafe { block.cast::<Block>().sub(AGREED) })
}

/// The dict that a half of an object is to have: what C code has put into the struct, else a new one.
///
/// # Safety
/// `block` is an object without a half, of a class whose objects have a dict.
pub(crate) unsafe fn first_dict(vm: &VirtualMachine, block: Block) -> PyDictRef {
    // SAFETY: by contract.
    unsafe {
        if let Some(field) = dict_field(block)
            && !(*field).is_null()
            && let Ok(Ok(dict)) = retrieve::retrieve(vm, *field).map(PyObjectRef::downcast::<PyDict>)
        {
            if let Some(agreed) = agreed(block) {
                *agreed = *field;
            }
            return dict;
        }
    }
    vm.ctx.new_dict()
}

/// Marks a block, which has got a half, as one whose fields have to be looked at.
///
/// # Safety
/// `block` is an object.
#[inline]
pub(crate) unsafe fn linked(block: Block) {
    // SAFETY: by contract.
    if unsafe { spare::links((*block).ob_type) }
        && let Some(header) = header(block)
    {
        header.set(flag::LINKED);
    }
}

thread_local! {
    /// The objects that wait for [`in_step`], with their halves, while it is at work on this thread.
    static WAITING: RefCell<Option<Vec<(usize, PyObjectRef)>>> = const { RefCell::new(None) };
}

/// Brings both sides in step: what C code has put into the struct is the half's from now on, and the other way round. What
/// the fields refer to may have such fields, too, and lead back: one object after the other.
///
/// # Safety
/// `block` is an object, `twin` its half.
#[cold]
pub(crate) unsafe fn in_step(vm: &VirtualMachine, block: Block, twin: &PyObject) {
    let waits = WAITING.with_borrow_mut(|waiting| match waiting {
        Some(waiting) => {
            waiting.push((block as usize, twin.to_owned()));
            true
        }
        None => {
            *waiting = Some(Vec::new());
            false
        }
    });
    if waits {
        return;
    }
    // SAFETY: by contract; what waits is looked at if it is tied still.
    unsafe {
        one_in_step(vm, block, twin);
        while let Some((block, twin)) = WAITING.with_borrow_mut(|waiting| waiting.as_mut().and_then(Vec::pop)) {
            if handle::block_of(&twin) == Some(block as Block) {
                one_in_step(vm, block as Block, &twin);
            }
            managed::drop_managed(twin);
        }
    }
    WAITING.set(None);
}

unsafe fn one_in_step(vm: &VirtualMachine, block: Block, twin: &PyObject) {
    // SAFETY: by the caller's contract.
    unsafe {
        if let (Some(field), Some(agreed)) = (dict_field(block), agreed(block)) {
            if *field != *agreed {
                take_dict(vm, block, twin, field, agreed);
            } else {
                show_dict(vm, twin, field, agreed);
            }
        }
        slotted::in_step(vm, block, twin);
        if let Some(field) = list_field(block).filter(|_| Kind::of(block) != Kind::Opaque) {
            let has = twin.weak_count().is_some_and(|count| count > 0);
            // C code looks at nothing but whether it is NULL.
            *field = if has { block } else { std::ptr::null_mut() };
        }
    }
}

/// C code has put another dict into the struct, or has taken it out.
unsafe fn take_dict(vm: &VirtualMachine, block: Block, twin: &PyObject, field: *mut Block, agreed: *mut Block) {
    // SAFETY: by the caller's contract.
    unsafe {
        *agreed = *field;
        let dict = if (*field).is_null() { vm.ctx.new_dict() } else { first_dict(vm, block) };
        let old = twin.dict();
        let _ = twin.set_dict(Some(dict));
        if let Some(old) = old {
            managed::drop_managed(old.into());
        }
    }
}

/// Python has given the object another dict, or its first attributes.
unsafe fn show_dict(vm: &VirtualMachine, twin: &PyObject, field: *mut Block, agreed: *mut Block) {
    let Some(dict) = twin.dict() else { return };
    // SAFETY: by the caller's contract.
    unsafe {
        let known = if (*agreed).is_null() { None } else { handle::twin_of(*agreed) };
        let same = match known {
            Some(known) => known.is(dict.as_object()),
            None => (*agreed).is_null() && dict.__len__() == 0,
        };
        if !same {
            let old = std::mem::replace(&mut *field, store::store(vm, dict.as_object()));
            *agreed = *field;
            dealloc::xdecref(old);
        }
    }
    managed::drop_managed(dict.into());
}

/// [`in_step`] for an object that C code gets: what it writes into the struct is looked at when it calls back or returns.
///
/// # Safety
/// As for [`in_step`].
#[cold]
pub(crate) unsafe fn lend(vm: &VirtualMachine, block: Block, twin: &PyObject) {
    // SAFETY: by contract.
    unsafe { in_step(vm, block, twin) };
    due::remember_list(block, twin);
}

/// Hands on what C code has written into an object's struct.
///
/// # Safety
/// `block` is an object.
pub(crate) unsafe fn written(block: Block, _: Look) {
    // SAFETY: by contract; the reference keeps the half while the VM has it.
    unsafe {
        if let Some(header) = header(block).filter(|header| header.has(flag::LINKED))
            && let Some(twin) = header.twin().as_ref().and_then(PyObject::try_to_owned)
        {
            try_with_current_vm(|vm| in_step(vm, block, &twin));
            managed::drop_managed(twin);
        }
    }
}

/// Says in an object's struct that it has weak references, for its deallocator to clear them.
///
/// # Safety
/// `block` is an object.
pub(crate) unsafe fn has_weak_references(block: Block) {
    // SAFETY: by contract.
    unsafe {
        if let Some(field) = list_field(block) {
            *field = block;
        }
    }
}

/// Clears the dict's field of a dying object for types without a deallocator of their own, as CPython does.
///
/// # Safety
/// `block` is a dying object of a class that derives from `base`, whose deallocator knows its own fields.
pub(crate) unsafe fn clear_dict(block: Block, base: *const c::PyTypeObject) {
    // SAFETY: by contract.
    unsafe {
        if !base.is_null() && (*base).tp_dictoffset != 0 {
            return;
        }
        if let Some(field) = dict_field(block) {
            dealloc::xdecref(std::mem::replace(&mut *field, std::ptr::null_mut()));
        }
    }
}
