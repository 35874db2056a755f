//! The fields that the `__slots__` of a Python class add to the structs of its objects, with the table of members behind
//! the class's block that tells C code where they are.
//!
//! Where C code makes the objects, or a block lives as long as its object, the struct is the place: the class's descriptors
//! are replaced by such as read and write it. Elsewhere the VM's own places are the truth and the fields show them. Behind
//! the struct stands what both sides agreed on last; who differs from that has changed it.

use std::ffi::{CString, c_int};

use rustpython_vm::builtins::{PyMemberDescriptor, PyType};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, VirtualMachine};
use smallvec::SmallVec;

use crate::abi::layout as c;
use crate::heap::block::{self, Block, flag, header};
use crate::heap::kind::Kind;
use crate::heap::spare;
use crate::lifetime::dispatch::{Definition, dispatcher};
use crate::lifetime::{dealloc, handle, managed, pinned, places};
use crate::twins::{retrieve, store};

/// `Py_T_OBJECT_EX`: a reference that may be missing.
const OBJECT_EX: c_int = 16;

/// How many bytes a member's definition takes.
const MEMBER: usize = size_of::<c::PyMemberDef>();

/// How many fields the `__slots__` of a class add.
pub(crate) fn count(class: &Py<PyType>) -> usize {
    let slots = class.heaptype_ext.as_deref().and_then(|parts| parts.slots.as_ref());
    slots.map_or(0, |slots| slots.as_slice().len())
}

/// How many bytes the block of a class takes: its metaclass's struct, and behind it so many members and an empty one.
///
/// # Safety
/// `metaclass` is a ready type.
pub(crate) unsafe fn size_of_type(metaclass: *const c::PyTypeObject, members: usize) -> usize {
    // SAFETY: by contract.
    let own = unsafe { (*metaclass).tp_basicsize as usize };
    own.max(size_of::<c::PyHeapTypeObject>()) + (members + 1) * MEMBER
}

/// The table of members behind a type's block.
///
/// # Safety
/// `t` is a heap type's block, with its metaclass set.
pub(crate) unsafe fn table(t: *mut c::PyTypeObject) -> *mut c::PyMemberDef {
    // SAFETY: by contract.
    unsafe {
        let own = (*(*t).ob_base.ob_base.ob_type).tp_basicsize as usize;
        t.cast::<u8>().add(own.max(size_of::<c::PyHeapTypeObject>())).cast()
    }
}

/// A name as the class has it: private ones have the class's name in front.
fn mangled(class: &Py<PyType>, name: &str) -> String {
    if !name.starts_with("__") || name.ends_with("__") {
        return name.to_owned();
    }
    format!("_{}{name}", class.name().trim_start_matches('_'))
}

/// Fills in the fields of a class made in Python: its size, its members and their names.
///
/// # Safety
/// `t` is the class's block, whose kind, base and size without these fields are set.
pub(crate) unsafe fn fill(vm: &VirtualMachine, t: *mut c::PyTypeObject, class: &Py<PyType>) {
    let Some(slots) = class.heaptype_ext.as_deref().and_then(|parts| parts.slots.clone()) else { return };
    if slots.as_slice().is_empty() {
        return;
    }
    let names: Vec<String> = slots.as_slice().iter().map(|name| mangled(class, &name.to_string_lossy())).collect();
    // SAFETY: by contract; the block has room for the table.
    unsafe {
        let start = ((*t).tp_basicsize + 7) / 8 * 8;
        let members = table(t);
        for (index, name) in names.iter().enumerate() {
            members.add(index).write(c::PyMemberDef {
                name: CString::new(name.as_str()).unwrap_or_default().into_raw(),
                kind: OBJECT_EX,
                offset: start + 8 * index as isize,
                flags: 0,
                doc: std::ptr::null(),
            });
        }
        (*t).tp_basicsize = start + 8 * names.len() as isize;
        (*t).tp_members = members;
        (*t).ob_base.ob_size = names.len() as isize;
        let parts: Vec<PyObjectRef> = names.iter().map(|name| vm.ctx.new_str(name.as_str()).into()).collect();
        (*t.cast::<c::PyHeapTypeObject>()).ht_slots = store::store(vm, vm.ctx.new_tuple(parts).as_object());
        if is_in_struct(t) {
            replace_descriptors(vm, t, class, &names);
        } else if Kind::of_type(t) == Kind::Opaque {
            spare::set_links(t, true);
        }
    }
}

/// Whether the blocks of a class's objects live as long as these.
unsafe fn is_in_struct(t: *const c::PyTypeObject) -> bool {
    // SAFETY: by the caller's contract.
    unsafe { Kind::of_type(t) == Kind::Instance || pinned::is_pinning(t) }
}

/// Has a class's attributes read and write the struct.
unsafe fn replace_descriptors(vm: &VirtualMachine, t: *mut c::PyTypeObject, class: &Py<PyType>, names: &[String]) {
    for (index, name) in names.iter().enumerate() {
        let name = vm.ctx.intern_str(name.as_str());
        let is_vms = class.attributes.get(name).is_some_and(|found| found.downcastable::<PyMemberDescriptor>());
        // SAFETY: the table that `fill` wrote, which lives as long as the class.
        let made = unsafe {
            let member = table(t).add(index).cast_const();
            dispatcher().descriptor(vm, &class.to_owned(), t, Definition::Member(member))
        };
        if let Ok(descriptor) = made
            && is_vms
        {
            class.set_attr(name, descriptor);
        }
    }
}

/// Frees what [`fill`] made for a dying class.
///
/// # Safety
/// `t` is a heap type's block that nobody refers to; its metaclass lives.
pub(crate) unsafe fn free_names(t: *mut c::PyTypeObject) {
    // SAFETY: by contract.
    unsafe {
        if made_in_python(t) {
            for index in 0..(*t).ob_base.ob_size as usize {
                drop(CString::from_raw((*(*t).tp_members.add(index)).name.cast_mut()));
            }
        }
    }
}

fn made_in_python(t: *const c::PyTypeObject) -> bool {
    header(t.cast_mut().cast()).is_some_and(|header| header.has(flag::PINNED))
}

/// The classes made in Python that an object's class derives from, itself included, with slots of their own.
///
/// # Safety
/// `class` is a ready type.
unsafe fn slotted(class: *mut c::PyTypeObject) -> impl Iterator<Item = *mut c::PyTypeObject> {
    let next = |class: &*mut c::PyTypeObject| {
        // SAFETY: a type's base is ready.
        let base = unsafe { (**class).tp_base };
        (!base.is_null() && made_in_python(base)).then_some(base)
    };
    let first = made_in_python(class).then_some(class);
    // SAFETY: types.
    std::iter::successors(first, next).filter(|class| unsafe { (**class).ob_base.ob_size > 0 })
}

/// The fields of an object that its classes' slots are, from the last class on.
///
/// # Safety
/// `block` is an object.
pub(crate) unsafe fn fields(block: Block) -> impl Iterator<Item = *mut Block> {
    // SAFETY: by contract; members say where their fields are.
    unsafe {
        slotted((*block).ob_type).flat_map(move |class| {
            let members = std::slice::from_raw_parts((*class).tp_members, (*class).ob_base.ob_size as usize);
            members.iter().map(move |member| block.cast::<u8>().offset(member.offset).cast::<Block>())
        })
    }
}

/// Clears the slots of an object's struct, with what both sides agreed on: the VM's own places stay.
///
/// # Safety
/// `block` is an object whose struct has fields for them.
pub(crate) unsafe fn clear(block: Block) {
    // SAFETY: by contract; the fields own what is in them.
    unsafe {
        if let Some((agreed, room)) = agreement(block) {
            agreed.cast::<u8>().write_bytes(0, room);
        }
        // All are out before code that runs at an end can look at the object again.
        let taken: SmallVec<[Block; 8]> =
            fields(block).map(|field| std::mem::replace(&mut *field, std::ptr::null_mut())).collect();
        taken.into_iter().for_each(|field| dealloc::xdecref(field));
    }
}

/// How many bytes an object needs behind its struct for what both sides agreed on, if the VM has its slots.
///
/// # Safety
/// `class` is a ready type.
pub(crate) unsafe fn room(class: *mut c::PyTypeObject) -> usize {
    // SAFETY: by contract.
    unsafe {
        if !spare::links(class) || Kind::of_type(class) != Kind::Opaque {
            return 0;
        }
        slotted(class).map(|class| 8 * (*class).ob_base.ob_size as usize).sum()
    }
}

/// Where an object has what both sides agreed on, and how many bytes that is. None if it has nothing of the kind.
unsafe fn agreement(block: Block) -> Option<(*mut Block, usize)> {
    // SAFETY: by the caller's contract.
    unsafe {
        let class = (*block).ob_type;
        let start = ((*class).tp_basicsize as usize).next_multiple_of(8);
        let room = room(class);
        let is_there = room > 0 && block::is_ours(block) && block::capacity(block) >= start + room;
        is_there.then(|| (block.cast::<u8>().add(start).cast(), room))
    }
}

/// Brings the slots of an object that the VM has and its struct in step.
///
/// # Safety
/// `block` is an object's with [`room`], `twin` its half.
pub(crate) unsafe fn in_step(vm: &VirtualMachine, block: Block, twin: &PyObject) {
    // SAFETY: by contract.
    unsafe {
        let Some((mut agreed, _)) = agreement(block) else { return };
        let class = (*block).ob_type;
        for owner in slotted(class) {
            let Some(managed) = handle::twin_of(owner.cast()).and_then(|twin| twin.downcast_ref::<PyType>()) else {
                return;
            };
            let members = (*owner).ob_base.ob_size as usize;
            let first = managed.slots.member_count - members;
            for index in 0..members {
                let field = block.cast::<u8>().offset((*(*owner).tp_members.add(index)).offset).cast::<Block>();
                one_in_step(vm, twin, first + index, field, agreed);
                agreed = agreed.add(1);
            }
        }
    }
}

unsafe fn one_in_step(vm: &VirtualMachine, twin: &PyObject, number: usize, field: *mut Block, agreed: *mut Block) {
    let old = places::get(vm, twin, number);
    // SAFETY: by the caller's contract: the fields own what is in them.
    unsafe {
        if *field != *agreed {
            let value = if (*field).is_null() { None } else { retrieve::retrieve(vm, *field).ok() };
            *agreed = *field;
            places::set(vm, twin, number, value);
        } else {
            let shown = if (*field).is_null() { None } else { handle::twin_of(*field) };
            let same = match (&old, shown) {
                (Some(old), Some(shown)) => shown.is(old),
                (None, None) => (*field).is_null(),
                _ => false,
            };
            if !same {
                let value = old.as_ref().map_or(std::ptr::null_mut(), |old| store::store(vm, old));
                let before = std::mem::replace(&mut *field, value);
                *agreed = value;
                dealloc::xdecref(before);
            }
        }
    }
    old.into_iter().for_each(managed::drop_managed);
}

/// Copies the members of a type that C code makes behind its block, where C code looks for them. Offsets that count from
/// the type's own part of the struct become such as count from its beginning.
///
/// # Safety
/// `t` has room for its members, and its metaclass is set.
pub(crate) unsafe fn copy_members(t: *mut c::PyTypeObject, base: *const c::PyTypeObject) {
    const RELATIVE_OFFSET: c_int = 8;
    // SAFETY: by contract.
    unsafe {
        let (from, to, members) = ((*t).tp_members, table(t), length((*t).tp_members));
        (*t).ob_base.ob_size = members as isize;
        if from.is_null() {
            return;
        }
        to.copy_from_nonoverlapping(from, members);
        (*t).tp_members = to;
        let base = ((*base).tp_basicsize + 15) / 16 * 16;
        for index in 0..members {
            let member = &mut *to.add(index);
            if member.flags & RELATIVE_OFFSET != 0 {
                member.flags &= !RELATIVE_OFFSET;
                member.offset += base;
            }
        }
    }
}

/// How many members a table has, up to the one without a name. NULL is none.
///
/// # Safety
/// `members` is NULL or such a table.
pub(crate) unsafe fn length(members: *const c::PyMemberDef) -> usize {
    // SAFETY: by contract.
    (0..).take_while(|index| unsafe { !members.is_null() && !(*members.add(*index)).name.is_null() }).count()
}
