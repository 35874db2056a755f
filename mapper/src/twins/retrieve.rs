//! Block to managed object. [`retrieve`] reads a borrowed reference, [`take`] takes one over; both make the managed
//! half if the block has none yet. Needs the C lock.

use rustpython_vm::builtins::{PyTuple, PyType};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::abi::statics::statics;
use crate::heap::block::{Block, Header, annex, flag, header, header_of};
use crate::heap::form::Half;
use crate::heap::form::Look;
use crate::heap::kind::Kind;
use crate::lifetime::{dealloc, handle, numbers, watched};
use crate::twins::absent;
use crate::twins::forms::list::agree;
use crate::twins::forms::{buffer, bytes, long, tuple, unicode};
use crate::twins::{fields, heap_type};

/// The managed object for a block that C lends us.
///
/// # Errors
/// `SystemError` for NULL, and for an object whose deallocation has begun.
///
/// # Safety
/// `block` is NULL or points to an object.
#[inline]
pub unsafe fn retrieve(vm: &VirtualMachine, block: Block) -> PyResult {
    // SAFETY: by contract.
    unsafe {
        if let Some(header) = (!block.is_null()).then(|| header(block)).flatten()
            && let Some(twin) = header.twin().as_ref()
        {
            // C's count keeps the twin; one that it does not count may be on its way to its end on another thread.
            if !header.has(flag::OWNS_TWIN) {
                return retrieve_uncounted(vm, block, header, twin);
            }
            if !header.has(flag::LOOKED_AT) {
                return Ok(twin.to_owned());
            }
            return retrieve_shown(vm, block, header, twin);
        }
        retrieve_new(vm, block)
    }
}

/// The managed object for a block that C code has a pointer to, but no count that is known of.
#[inline(never)]
unsafe fn retrieve_uncounted(vm: &VirtualMachine, block: Block, header: &Header, twin: &PyObject) -> PyResult {
    // SAFETY: by the caller's contract; a twin's pointer is cleared before the twin's memory goes.
    unsafe {
        let Some(twin) = twin.try_to_owned() else {
            if !header.has(flag::BOUND) {
                return Err(vm.new_system_error("an object is used while it is being deallocated"));
            }
            handle::untie(twin);
            header.outrun_twin();
            handle::wake(block);
            return retrieve_new(vm, block);
        };
        if (*block).ob_refcnt > 0 {
            handle::adopt(block, &twin);
        }
        if !header.has(flag::SHOWN) {
            return Ok(twin);
        }
        retrieve_shown(vm, block, header, &twin)
    }
}

/// The managed list, tuple, bytes or exception for a block that C code may have written into since Python saw it, or the
/// number that Python may hand back.
#[inline(never)]
unsafe fn retrieve_shown(vm: &VirtualMachine, block: Block, header: &Header, twin: &PyObject) -> PyResult {
    // SAFETY: by the caller's contract.
    unsafe {
        if header.has(flag::UNLISTED_NUMBER) {
            numbers::look_at_return(block);
            return Ok(twin.to_owned());
        }
        if header.has(flag::SHOWN_EXCEPTION) {
            dealloc::hand_on(block, Look::Whole);
            if header.has(flag::LINKED) {
                fields::in_step(vm, block, twin);
            }
            return Ok(twin.to_owned());
        }
        if header.has(flag::SHOWN_LIST) {
            dealloc::hand_on(block, Look::Whole);
            if !header.has(flag::LENT) && handle::count(block) > 0 {
                watched::watch(block, header);
            }
            return Ok(twin.to_owned());
        }
        if header.has(flag::SHOWN_BYTES) {
            if header.has(flag::BOUND) || bytes::has_its_length(block, twin) {
                dealloc::hand_on(block, Look::Whole);
                return Ok(twin.to_owned());
            }
            return retrieve_changed(vm, block, header, twin);
        }
        if header.has(flag::SHOWN_VIEW) {
            return buffer::narrowed(vm, block, header, twin);
        }
        if !header.has(flag::SHOWN_TUPLE) {
            fields::in_step(vm, block, twin);
            return Ok(twin.to_owned());
        }
        let (mirror, items) = (tuple::slice(block), twin.downcast_unchecked_ref::<PyTuple>());
        if mirror.len() == items.len() && mirror.iter().zip(items).all(|(item, object)| agree(*item, object)) {
            return Ok(twin.to_owned());
        }
        retrieve_changed(vm, block, header, twin)
    }
}

/// The managed object for a block whose memory C code has used again: Python's stays as it was, this is another one.
unsafe fn retrieve_changed(vm: &VirtualMachine, block: Block, header: &Header, twin: &PyObject) -> PyResult {
    // SAFETY: by the caller's contract.
    unsafe {
        handle::untie(twin);
        header.set_twin(std::ptr::null());
        if header.has(flag::OWNS_TWIN) {
            header.unset(flag::OWNS_TWIN);
            dealloc::drop_twin(twin);
        }
        retrieve_new(vm, block)
    }
}

/// The managed object for a reference that C gives us.
///
/// # Errors
/// As for [`retrieve`].
///
/// # Safety
/// As for [`retrieve`], and the reference is the caller's.
#[inline]
pub unsafe fn take(vm: &VirtualMachine, block: Block) -> PyResult {
    // SAFETY: by contract.
    unsafe {
        if !block.is_null()
            && (*block).ob_refcnt == 1
            && let Some(header) = header(block)
            && header.twin().is_null()
            && let Some(object) = last_value(vm, block)
        {
            // Nobody else knows the block: there is nothing to tie.
            dealloc::end_result(block);
            return object;
        }
        if let Some(object) = unlisted(block) {
            dealloc::decref(block);
            return Ok(object);
        }
        let object = retrieve(vm, block)?;
        dealloc::decref(block);
        Ok(object)
    }
}

/// The managed number of a block that Python gets back with C's reference: nobody asks for its block until it is passed
/// again.
#[inline]
unsafe fn unlisted(block: Block) -> Option<PyObjectRef> {
    let header = (!block.is_null()).then(|| header(block)).flatten()?;
    // SAFETY: such a block owns its twin.
    header.has(flag::UNLISTED_NUMBER).then(|| unsafe { (*header.twin()).to_owned() })
}

#[cold]
unsafe fn retrieve_new(vm: &VirtualMachine, block: Block) -> PyResult {
    if block.is_null() {
        return Err(vm.new_system_error("null argument to internal routine"));
    }
    // SAFETY: by the caller's contract `block` points to an object.
    unsafe {
        let Some(header) = header(block) else {
            if let Some(twin) = handle::foreign_twin(block) {
                return Ok(twin.to_owned());
            }
            if (*block).ob_type.is_null() {
                return Err(vm.new_system_error("a static type is used before PyType_Ready"));
            }
            return new_instance(vm, block);
        };
        // A deallocator may count its object while user code looks at it.
        if header.has(flag::DYING) && (*block).ob_refcnt == 0 {
            return Err(vm.new_system_error("an object is used while it is being deallocated"));
        }
        let kind = Kind::of(block);
        if kind == Kind::Type && (*block.cast::<c::PyTypeObject>()).tp_flags & c::tpflags::READY == 0 {
            // C code took memory for a type and shows it before it is ready.
            heap_type::ready(vm, block.cast())?;
            return retrieve(vm, block);
        }
        let exact = is_exact((*block).ob_type);
        if kind == Kind::List && exact {
            return new_list(vm, block);
        }
        let Some(object) = value_of(vm, block, false) else { return new_instance(vm, block) };
        let object = object?;
        if kind.is_number() {
            header.set_twin(object.as_object());
            if (*block).ob_refcnt > 0 {
                numbers::look_at_return(block);
            }
        } else {
            handle::tie(block, &object);
        }
        if kind == Kind::Tuple {
            header.set(flag::SHOWN_TUPLE);
        }
        if (*block).ob_refcnt > 0 {
            handle::adopt(block, &object);
            if kind == Kind::Bytes {
                bytes::show(block);
            }
        }
        Ok(object)
    }
}

/// A list that C code made: tied before its items are retrieved, for one of them may be the list.
unsafe fn new_list(vm: &VirtualMachine, block: Block) -> PyResult {
    let list: PyObjectRef = vm.ctx.new_list(vec![]).into();
    // SAFETY: the caller's list, which has no twin.
    unsafe {
        handle::tie(block, &list);
        handle::adopt(block, &list);
        wrapped(vm, block, &list)?;
    }
    Ok(list)
}

/// [`value_of`] for a block that nobody else knows, with a short way for what functions return most.
#[inline]
unsafe fn last_value(vm: &VirtualMachine, block: Block) -> Option<PyResult> {
    // SAFETY: by the caller's contract; the types say what is in the block.
    unsafe {
        let class = (*block).ob_type;
        if class == statics().long {
            return Some(Ok(long::to_managed(vm, block)));
        }
        if class == statics().unicode {
            return Some(Ok(unicode::to_managed(vm, block).into()));
        }
        value_of(vm, block, true)
    }
}

/// A managed object with the value of a block of a builtin kind; None for objects that have an identity of their own.
/// `sole` says that nobody else knows the block, which ends.
unsafe fn value_of(vm: &VirtualMachine, block: Block, sole: bool) -> Option<PyResult> {
    // SAFETY: by the caller's contract.
    unsafe {
        let value = Kind::of(block).form().value.filter(|_| is_exact((*block).ob_type))?;
        Some(value(vm, block, sole))
    }
}

/// An item of a container that nobody else knows and that ends, or what stands for one that C has not filled in: what only the
/// container counts needs no twin.
///
/// # Safety
/// `block` is NULL or a live object.
pub(crate) unsafe fn last_item(vm: &VirtualMachine, block: Block) -> PyResult {
    // SAFETY: by contract.
    unsafe {
        if block.is_null() {
            return Ok(absent::object(vm));
        }
        if (*block).ob_refcnt == 1
            && header(block).is_some_and(|header| header.twin().is_null())
            && let Some(object) = value_of(vm, block, true)
        {
            return object;
        }
        retrieve(vm, block)
    }
}

/// Whether a type with a builtin kind of objects is that builtin type itself.
unsafe fn is_exact(kind: *mut c::PyTypeObject) -> bool {
    // SAFETY: `kind` is a type's block. Outside of our range are the stub's static types and C's, which derive from them.
    unsafe { header(kind.cast()).is_none() && (*kind).tp_base == statics().object }
}

/// Does what is left to do when a half is tied.
unsafe fn wrapped(vm: &VirtualMachine, block: Block, twin: &PyObject) -> PyResult<()> {
    // SAFETY: by the caller's contract.
    unsafe { Kind::of(block).form().wrapped.map_or(Ok(()), |wrapped| wrapped(vm, block, twin)) }
}

/// Makes the managed half of an object whose contents are C's business.
unsafe fn new_instance(vm: &VirtualMachine, block: Block) -> PyResult {
    // SAFETY: by the caller's contract `block` is an object, so its type is one.
    unsafe {
        // C code may use a type that it never made ready, as long as it needs nothing of it.
        heap_type::ready(vm, (*block).ob_type)?;
        let class = retrieve(vm, (*block).ob_type.cast())?
            .downcast::<PyType>()
            .map_err(|_| vm.new_system_error("an object's type is not a type"))?;
        heap_type::note_offsets(&class, (*block).ob_type);
        let kind = Kind::of(block);
        let has_dict = class.slots.flags.has_feature(rustpython_vm::types::PyTypeFlags::HAS_DICT);
        let dict = has_dict.then(|| fields::first_dict(vm, block));
        let header = header(block).unwrap_or_else(|| annex(block));
        header.set(flag::BOUND);
        fields::linked(block);
        let twin = (kind.form().wrap)(vm, block, Half { class, dict })?;
        if kind == Kind::Function {
            return Ok(twin); // the dispatcher tied it
        }
        handle::tie(block, &twin);
        if (*block).ob_refcnt > 0 {
            handle::adopt(block, &twin);
        }
        wrapped(vm, block, &twin)?;
        if header.has(flag::LINKED) {
            // C code may have filled its fields already.
            fields::in_step(vm, block, &twin);
        }
        Ok(twin)
    }
}

/// Ties a managed object to the block that was made with it, which has a count of 1 already: both live for each other.
///
/// # Safety
/// `block` has a header, a count of 1 and no twin; `twin`'s payload links to it if `bound`.
pub unsafe fn marry(block: Block, twin: &PyObject, bound: bool) {
    // SAFETY: by contract.
    unsafe {
        if bound {
            header_of(block).set(flag::BOUND);
        }
        handle::tie(block, twin);
        handle::adopt(block, twin);
    }
}
