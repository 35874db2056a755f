//! Blocks that live as long as their twins although the VM makes those: modules, by whose address caches are keyed, and
//! objects of C types that derive from the VM's and add fields or a deallocator of their own. A weak reference tells of
//! a module's end; the others have a keeper in a place that their class has for it, which ends with them.

use std::sync::OnceLock;

use rustpython_vm::builtins::{PyBaseObject, PyType, PyWeak};
use rustpython_vm::function::{HeapMethodDef, ItemDoc, PyMethodFlags};
use rustpython_vm::{AsObject, PyObject, PyRef, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::abi::layout::tpflags;
use crate::heap::block::{Block, flag, header, header_of};
use crate::heap::kind::Kind;
use crate::heap::spare;
use crate::lifetime::bound::{Bound, Link};
use crate::lifetime::{dealloc, handle, places, thread};

/// Whether the blocks of a class's objects are to be pinned.
///
/// # Safety
/// `class` is a ready type.
#[inline]
pub unsafe fn is_pinning(class: *const c::PyTypeObject) -> bool {
    // SAFETY: by contract.
    unsafe { spare::pins(class) }
}

/// Finds out what [`is_pinning`] tells of a type that C code makes.
///
/// # Safety
/// `class` is a type whose kind and base are set, with nothing inherited yet.
pub(crate) unsafe fn note(class: *mut c::PyTypeObject) {
    // SAFETY: by contract.
    unsafe {
        let (t, base) = (&*class, &*(*class).tp_base);
        let made_by_the_vm = !matches!(Kind::of_type(class), Kind::Instance | Kind::Type | Kind::Function);
        // Structs of variable size are declared with one item.
        let grown = t.tp_basicsize > (base.tp_basicsize + base.tp_itemsize + 7) / 8 * 8;
        if is_pinning(base) || (made_by_the_vm && (grown || t.tp_dealloc.is_some())) {
            spare::set_pins(class, true);
        }
    }
}

/// Lets a class made in Python do as its base.
///
/// # Safety
/// Both are types.
pub(crate) unsafe fn inherit(class: *mut c::PyTypeObject, base: *const c::PyTypeObject) {
    // SAFETY: by contract.
    unsafe {
        spare::set_pins(class, spare::pins(base));
        spare::set_links(class, spare::links(base));
    }
}

/// The number of the place in which objects of a class have the [keeper](keep) of their block: the one that the first C
/// type with a struct of its own has.
unsafe fn place_of_keeper(class: *const c::PyTypeObject) -> Option<usize> {
    // SAFETY: by the caller's contract; a type's base is one.
    unsafe {
        let mut first = class;
        while is_pinning((*first).tp_base) {
            first = (*first).tp_base;
        }
        let managed = handle::twin_of(first.cast_mut().cast())?.downcast_ref::<PyType>()?;
        managed.slots.member_count.checked_sub(1)
    }
}

/// Gives an object its keeper, a managed object that nobody else has: it is bound to the block, shows the collector what the
/// struct refers to, and its end, which is part of the object's, is the block's.
unsafe fn keep(vm: &VirtualMachine, block: Block, twin: &PyObject) {
    // SAFETY: by the caller's contract.
    if let Some(place) = unsafe { place_of_keeper((*block).ob_type) } {
        let keeper = Bound { base: PyBaseObject, link: Link::new(block) };
        let keeper = PyRef::new_ref(keeper, vm.ctx.types.object_type.to_owned(), None);
        places::set(vm, twin, place, Some(keeper.into()));
    }
}

/// Pins a fresh block to its twin: of a module, or of a class that [pins](is_pinning).
///
/// # Safety
/// `block` is of the twin's class, and tied to it or about to be.
pub(crate) unsafe fn pin(vm: &VirtualMachine, block: Block, twin: &PyObject) {
    // SAFETY: by contract.
    unsafe {
        let class = (*block).ob_type;
        if is_pinning(class) {
            keep(vm, block, twin);
        } else if watch(vm, block, twin).is_err() {
            return;
        }
        header_of(block).set(flag::PINNED);
        // The deallocator will give up a reference to a heap type, as for objects of C's making.
        let has_deallocator = is_pinning(class) || dealloc::dealloc_of_c(class).is_some();
        if has_deallocator && (*class).tp_flags & tpflags::HEAPTYPE != 0 {
            handle::hold(class.cast(), twin.class().as_object());
        }
    }
}

/// Has the block of a managed object last as long as the object, for C code that goes on using it without a count. True if
/// it does: the object must be one that can be weakly referenced.
pub(crate) fn outlast(vm: &VirtualMachine, block: Block) -> bool {
    let Some(header) = header(block) else { return true };
    if header.has(flag::BOUND | flag::PINNED) {
        return true;
    }
    // SAFETY: a twin's pointer is cleared before its memory goes; the caller counts the block.
    let Some(twin) = (unsafe { header.twin().as_ref() }) else { return false };
    let lasts = watch(vm, block, twin).is_ok();
    if lasts {
        header.set(flag::PINNED);
    }
    lasts
}

/// Ends the block when the twin ends.
///
/// # Errors
/// `TypeError` if the twin cannot be weakly referenced.
pub(crate) fn watch(vm: &VirtualMachine, block: Block, twin: &PyObject) -> PyResult<()> {
    // The VM never frees a closure's captures: the block's address comes as what the function is bound to.
    static ENDED: OnceLock<PyRef<HeapMethodDef>> = OnceLock::new();
    let ended = ENDED.get_or_init(|| vm.ctx.new_method_def("ended", ended, PyMethodFlags::EMPTY, ItemDoc::NONE));
    let callback = ended.build_function(vm, Some(vm.ctx.new_int(block as usize).into()));
    let weak = twin.downgrade(Some(callback.into()), vm)?;
    // `ended` drops it.
    std::mem::forget(weak);
    Ok(())
}

/// The callback of the weak reference: ends a block whose twin ends.
fn ended(block: usize, weak: PyRef<PyWeak>, vm: &VirtualMachine) {
    let _section = thread::enter(vm);
    let block = block as Block;
    // SAFETY: the twin is on its way out but still there. C counts no reference, or the block would hold it; a collection
    // may, and ends the block when it gives that back.
    unsafe {
        let header = header_of(block);
        if let Some(twin) = header.twin().as_ref() {
            handle::untie(twin);
            header.set_twin(std::ptr::null());
            header.set(flag::FINALIZED); // the VM did
            if !is_pinning((*block).ob_type) && Kind::of(block) != Kind::Module {
                header.set(flag::MIRROR); // and ends what is not C's
            }
            if (*block).ob_refcnt == 0 {
                dealloc::destroy(block);
            }
        }
        drop(PyRef::<PyWeak>::from_raw(&raw const *weak));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heap::testing::{class, object};
    use crate::lifetime::testing::{python, with_vm};

    unsafe extern "C" fn end(_: Block) {}

    /// A type derived from another, with so many bytes more.
    fn derive(base: *mut c::PyTypeObject, kind: Kind, more: isize) -> &'static mut c::PyTypeObject {
        let class = class(kind);
        class.tp_base = base;
        class.tp_basicsize += more;
        class
    }

    fn pins(class: &mut c::PyTypeObject) -> bool {
        // SAFETY: a type with a base.
        unsafe {
            note(class);
            is_pinning(class)
        }
    }

    #[test]
    fn types_that_add_something_to_the_vms_pin() {
        let list = class(Kind::List);
        assert!(!pins(derive(list, Kind::List, 0)));
        assert!(pins(derive(list, Kind::List, 8)));
        assert!(!pins(derive(list, Kind::Instance, 8)), "C makes its objects");
        let ending = derive(list, Kind::List, 0);
        ending.tp_dealloc = Some(end);
        assert!(pins(ending));
        assert!(pins(derive(ending, Kind::List, 0)), "as its base");
        let inheriting = class(Kind::List);
        // SAFETY: both are types.
        unsafe {
            inherit(inheriting, ending);
            assert!(is_pinning(inheriting));
        }
    }

    #[test]
    fn a_pinned_block_ends_with_its_twin() {
        with_vm(|vm| {
            let twin = python(vm, "class A: pass\na = A()", "a");
            let section = thread::enter(vm);
            let block = object(class(Kind::Opaque));
            handle::tie(block, &twin);
            // SAFETY: the block is tied to the twin; its slot stays when it goes.
            unsafe {
                pin(vm, block, &twin);
                assert!(header_of(block).has(flag::PINNED));
                handle::hold(block, &twin);
                dealloc::decref(block);
                assert!(header_of(block).has(flag::LIVE) && !header_of(block).has(flag::OWNS_TWIN));
                drop(section);
                drop(twin);
                assert!(!header_of(block).has(flag::LIVE));
            }
        });
    }

    #[test]
    fn what_cannot_be_weakly_referenced_is_not_pinned() {
        with_vm(|vm| {
            let twin: rustpython_vm::PyObjectRef = vm.ctx.new_tuple(vec![vm.ctx.none()]).into();
            let _section = thread::enter(vm);
            let block = object(class(Kind::Opaque));
            // SAFETY: the test's block.
            unsafe {
                pin(vm, block, &twin);
                assert!(!header_of(block).has(flag::PINNED));
                dealloc::destroy(block);
            }
        });
    }
}
