//! The end of things. C letting go is seen here ([`dealloc`], which `_Py_Dealloc` is), and the twin's death
//! ([`twin_died`]). The rule: while C counts a reference, the block owns one strong reference on its twin.

use rustpython_vm::{PyObject, PyObjectRef};

use crate::abi::layout as c;
use crate::abi::statics::statics;
use crate::heap::block::{self, Block, Header, flag, header, header_of};
use crate::heap::form::Look;
use crate::heap::kind::Kind;
use crate::lifetime::{
    check, collect, due, handle, kept, loans, managed, mirrored, numbers, pointed, thread, watched, weak,
};

/// How deep deallocation may nest before the rest waits.
const NESTING: u32 = 50;

/// Takes one from C's count; ends the block's hold on its twin, or the object, at 0.
///
/// # Safety
/// `block` points to an object whose reference the caller owns.
#[inline]
pub unsafe fn decref(block: Block) {
    // SAFETY: by contract.
    unsafe {
        let count = (*block).ob_refcnt as i32;
        if count > 1 {
            (*block).ob_refcnt -= 1;
        } else if count == 1 {
            (*block).ob_refcnt = 0;
            dealloc(block);
        } else if count == 0 {
            check::underflow(block);
        }
    }
}

/// Drops a reference that may be NULL.
///
/// # Safety
/// The caller owns the reference.
#[inline]
pub unsafe fn xdecref(block: Block) {
    if !block.is_null() {
        // SAFETY: by contract.
        unsafe { decref(block) };
    }
}

/// Ends the block of a number that was C's for a call.
///
/// # Safety
/// `block` has a header, a count of 0 and owns its twin, which lives.
pub(crate) unsafe fn end_of_call(block: Block) {
    // SAFETY: by contract; a number's block has nothing but its value.
    unsafe {
        let busy = flag::BOUND | flag::PINNED | flag::QUEUED;
        if Kind::of(block).is_number() && header(block).is_some_and(|header| !header.has(busy)) {
            return release(block);
        }
        dealloc(block);
    }
}

/// Ends the block of an exact int or float that has no entry in the table of handles. False if it is not one.
///
/// # Safety
/// As for [`release`].
#[inline]
unsafe fn end_plain_number(block: Block, header: &Header) -> bool {
    let statics = statics();
    let known = flag::KNOWN_NUMBER | flag::YOUNG_NUMBER;
    // SAFETY: by contract; the end of an int or float runs no code.
    unsafe {
        let class = (*block).ob_type;
        if (class != statics.long && class != statics.float) || header.has(known) {
            return false;
        }
        let twin = header.twin();
        header.set_twin(std::ptr::null());
        free(block);
        drop(PyObjectRef::from_raw(std::ptr::NonNull::new_unchecked(twin.cast_mut())));
    }
    true
}

/// C's count of `block` has reached 0.
///
/// # Safety
/// `block` points to an object whose count is 0.
pub unsafe fn dealloc(block: Block) {
    let Some(header) = header(block) else {
        // SAFETY: by contract; the memory is the type's own.
        unsafe { dealloc_foreign(block) };
        return;
    };
    if header.twin().is_null() {
        if !header.has(flag::LIVE) && check::is_freed_again(block) {
            return;
        }
        // SAFETY: by contract: nobody refers to it any more.
        unsafe { destroy(block) };
        return;
    }
    if header.has(flag::SHOWN_BYTES) {
        // SAFETY: by contract.
        unsafe { finish_bytes(block, header) };
    }
    if !header.has(flag::OWNS_TWIN) {
        if header.has(flag::MIRRORED) {
            // SAFETY: by contract.
            unsafe { mirrored::let_go(block, header) };
        }
        return; // a block without a count of its own that was borrowed and given back
    }
    if header.has(flag::BOUND | flag::PINNED) {
        header.unset(flag::OWNS_TWIN);
        if header.has(flag::BOUND) {
            header.set(flag::RESTING);
            // SAFETY: by contract.
            unsafe { (*block).ob_refcnt = 1 };
        }
        // SAFETY: OWNS_TWIN stood for this reference.
        unsafe { drop_twin(header.twin()) };
        return;
    }
    if header.has(flag::QUEUED) {
        header.set(flag::GIVEN_BACK);
        return;
    }
    // SAFETY: nobody counts it.
    unsafe {
        if header.has(flag::LENT) && (*header.twin()).strong_count() == 2 {
            due::forget_list(block, header);
        }
        let is_over = thread::context().sweeping.get() || (*header.twin()).strong_count() == 1;
        if is_over && end_plain_number(block, header) {
            return;
        }
        if !kept::keep(block) {
            release(block);
        }
    }
}

/// Gives back the only reference to what C code has returned: after the outermost return no C code uses what it holds.
///
/// # Safety
/// The reference is the caller's.
pub(crate) unsafe fn end_result(block: Block) {
    // SAFETY: by contract.
    let end = || unsafe { decref(block) };
    if thread::context().depth.get() == 1 { kept::sweeping(end) } else { end() }
}

/// What may have something that Python has not got yet.
const HANDED_ON: u64 = flag::SHOWN_LIST | flag::SHOWN_EXCEPTION | flag::LINKED | flag::LENT;

/// Lets Python have what C code has written into a list, an exception or a bytearray's size.
///
/// # Safety
/// `block` points to an object that is whole.
#[inline]
pub(crate) unsafe fn last_look(block: Block) {
    if header(block).is_some_and(|header| header.has(HANDED_ON)) {
        // SAFETY: by contract.
        unsafe { hand_on(block, Look::Whole) };
    }
}

/// C code has given up bytes that it may have written into: they are Python's now.
#[cold]
unsafe fn finish_bytes(block: Block, header: &block::Header) {
    // SAFETY: by the caller's contract.
    unsafe { hand_on(block, Look::Whole) };
    header.unset(flag::SHOWN_BYTES);
    if header.has(flag::WATCHED) {
        watched::forget(block);
    }
}

/// Hands on to the managed half what C code has written into the block.
///
/// # Safety
/// `block` points to an object that is whole.
pub(crate) unsafe fn hand_on(block: Block, look: Look) {
    // SAFETY: by contract.
    unsafe {
        if let Some(written) = Kind::of(block).form().written {
            written(block, look);
        }
    }
}

/// Drops the strong reference that a block had; Python code that this runs has the lock's absence.
///
/// # Safety
/// The reference is the caller's to drop.
pub(crate) unsafe fn drop_twin(twin: *const PyObject) {
    // SAFETY: by contract.
    managed::drop_managed(unsafe { PyObjectRef::from_raw(std::ptr::NonNull::new_unchecked(twin.cast_mut())) });
}

/// Makes sure that a block's one owner in C is the only one who knows it, so that its value may change; for that it
/// gives up a twin that nobody but the block holds. False if the object is shared.
///
/// # Safety
/// `block` is a str's or bytes'.
pub(crate) unsafe fn make_sole(block: Block) -> bool {
    // SAFETY: by contract; such twins are not weakly referenced, so a count of 1 is the block's own.
    unsafe {
        if (*block).ob_refcnt != 1 {
            return false;
        }
        let Some(header) = header(block) else { return false };
        let Some(twin) = header.twin().as_ref() else { return true };
        if header.has(flag::QUEUED) || !header.has(flag::OWNS_TWIN) || twin.strong_count() > 1 {
            return false;
        }
        handle::untie(twin);
        header.set_twin(std::ptr::null());
        header.unset(flag::OWNS_TWIN);
        drop_twin(twin);
        true
    }
}

/// Makes memory an object that nobody knows yet, with a count of 1: what its header said was of an earlier life.
///
/// # Safety
/// `block` is memory of an object's size that holds no object.
pub(crate) unsafe fn renew(block: Block) {
    // SAFETY: by contract.
    unsafe {
        if let Some(header) = header(block) {
            header.keep_only(flag::LIVE | flag::COLLECTABLE | flag::GUARDED);
            header.set_twin(std::ptr::null());
        }
        (*block).ob_refcnt = 1;
        (*block).ob_overflow = 0;
        (*block).ob_flags = 0;
    }
}

/// Gives an object whose deallocation has begun a count of 1, so that Python code may see it again.
///
/// # Safety
/// `block` points to an object whose count is 0.
pub(crate) unsafe fn revive(block: Block) {
    // SAFETY: by contract.
    unsafe { (*block).ob_refcnt = 1 };
    if let Some(header) = header(block) {
        header.unset(flag::DYING);
    }
}

/// Takes back the count that [`revive`] gave. False if somebody holds the object: then it lives on.
///
/// # Safety
/// `block` points to an object that was revived.
pub(crate) unsafe fn end_again(block: Block) -> bool {
    // SAFETY: by contract; a twin's pointer is cleared before its memory goes.
    unsafe {
        if (*block).ob_refcnt > 1 {
            (*block).ob_refcnt -= 1;
            return false;
        }
        let Some(header) = header(block) else {
            (*block).ob_refcnt = 0;
            return true;
        };
        if let Some(twin) = header.twin().as_ref()
            && header.has(flag::OWNS_TWIN)
        {
            header.unset(flag::OWNS_TWIN);
            if twin.strong_count() > 1 {
                (*block).ob_refcnt = 0;
                drop_twin(twin);
                return false;
            }
            // The count keeps the twin's death from ending the block a second time.
            drop_twin(twin);
        }
        (*block).ob_refcnt = 0;
        if let Some(header) = block::header(block) {
            header.set(flag::DYING);
        }
        true
    }
}

/// Frees the block of a managed object that C let go.
///
/// # Safety
/// Nobody counts the block; it has a header and a twin that it owns.
pub(crate) unsafe fn release(block: Block) {
    // SAFETY: by contract.
    unsafe {
        let header = header_of(block);
        let twin = header.twin();
        if header.has(flag::KNOWN_NUMBER | flag::YOUNG_NUMBER) {
            numbers::forget(block);
        }
        if end_plain_number(block, header) {
            return;
        }
        last_look(block);
        if (*block).ob_refcnt > 0 {
            return; // what its fields show leads back to it
        }
        handle::untie(twin);
        header.set_twin(std::ptr::null());
        header.set(flag::MIRROR);
        destroy(block);
        // Python code may run, for whom what ends now is not the end of all.
        kept::not_sweeping(|| drop_twin(twin));
    }
}

/// Ends a block that has no twin: what its type says, deferred if this nests too deep (3.14's trashcan macros are
/// empty, so nobody else would).
///
/// # Safety
/// The block is whole and nobody refers to it.
pub(crate) unsafe fn destroy(block: Block) {
    let nesting = &thread::context().nesting;
    if nesting.get() >= NESTING {
        thread::context().waiting.borrow_mut().push(block as usize);
        return;
    }
    nesting.set(nesting.get() + 1);
    // SAFETY: by the caller's contract.
    unsafe { destroy_now(block) };
    nesting.set(nesting.get() - 1);
    if nesting.get() == 0 {
        destroy_waiting();
    }
}

/// Ends what [`destroy`] put off on this thread.
fn destroy_waiting() {
    let context = thread::context();
    loop {
        let Some(next) = context.waiting.borrow_mut().pop() else { return };
        context.nesting.set(1);
        // SAFETY: put there by `destroy`.
        unsafe { destroy_now(next as Block) };
        context.nesting.set(0);
    }
}

unsafe fn destroy_now(block: Block) {
    // SAFETY: by the caller's contract the block is whole and nobody refers to it.
    unsafe {
        let Some(header) = header(block) else { return dealloc_foreign(block) };
        if header.has(flag::LENDS | flag::SHOWN_WEAKLY) {
            loans::end(block);
            weak::ended(block);
        }
        if !header.has(flag::MIRROR)
            && let Some(dealloc) = dealloc_of_c((*block).ob_type)
        {
            header.set(flag::DYING);
            block::disown(block);
            dealloc(block);
            return;
        }
        free_builtin(block);
    }
}

/// A type's `tp_dealloc`, unless it is ours for builtin layouts.
///
/// # Safety
/// `class` is a type.
pub(crate) unsafe fn dealloc_of_c(class: *const c::PyTypeObject) -> Option<c::Destructor> {
    // SAFETY: by contract.
    let dealloc = unsafe { (*class).tp_dealloc };
    dealloc.filter(|dealloc| !std::ptr::fn_addr_eq(*dealloc, free_builtin as c::Destructor))
}

/// Frees a block of a builtin layout with the references it holds. Also these types' `tp_dealloc`.
///
/// # Safety
/// `block` is of a builtin kind, without a twin, and nobody refers to it.
pub unsafe extern "C" fn free_builtin(block: Block) {
    // SAFETY: by contract.
    unsafe {
        if let Some(free_parts) = Kind::of(block).form().free {
            free_parts(block);
        }
        if header(block).is_some() {
            free(block);
        }
    }
}

/// Gives a block's memory back. The block must not be used any more.
///
/// # Safety
/// `block` is one of ours and nothing refers to it.
#[inline]
pub(crate) unsafe fn free(block: Block) {
    // SAFETY: by contract.
    unsafe {
        let header = header_of(block);
        if !header.twin().is_null() || header.has(flag::CALLBACKS) {
            lose_ties(block, header);
        }
        if header.has(flag::COLLECTABLE | flag::GUARDED | flag::WATCHED) {
            if header.has(flag::WATCHED) {
                watched::forget(block);
            }
            if header.has(flag::COLLECTABLE) {
                collect::gone();
            }
            if header.has(flag::GUARDED) {
                return check::keep_aside(block);
            }
        }
        block::free_now(block);
    }
}

/// Parts a block that is freed from the half that user code saw while the deallocator ran, and drops callbacks of weak
/// references that it has not asked for. Who kept that half has an object without a struct.
#[cold]
fn lose_ties(block: Block, header: &Header) {
    for (weak, callback) in weak::waiting(block) {
        managed::drop_managed(callback);
        managed::drop_managed(weak.into());
    }
    let twin = header.twin();
    if twin.is_null() {
        return;
    }
    handle::untie(twin);
    header.outrun_twin();
    if header.has(flag::OWNS_TWIN) {
        header.unset(flag::OWNS_TWIN);
        // SAFETY: OWNS_TWIN stood for this reference. Its end says nothing to the block any more, whatever runs then.
        unsafe {
            (*block).ob_refcnt = 0;
            drop_twin(twin);
        }
    }
}

/// The end of an object without a header: static ones are immortal and get their count back, others are their type's.
unsafe fn dealloc_foreign(block: Block) {
    // SAFETY: by the caller's contract.
    unsafe {
        if handle::foreign_twin(block).is_some() {
            handle::immortalize(block);
        } else if let Some(dealloc) = (*(*block).ob_type).tp_dealloc {
            dealloc(block);
        }
    }
}

/// The twin of a [`flag::BOUND`] block is being dropped. Runs on any thread, with or without a VM; on the way here, C code
/// may have taken hold of the block, which has another twin then.
pub(crate) fn bound_twin_died(block: Block, generation: u16) {
    thread::in_section(|| {
        if header(block).is_some_and(|header| header.generation() == generation) {
            twin_died(block);
        }
    });
}

/// The twin of a block is being dropped. Runs on any thread, with or without a VM.
pub fn twin_died(block: Block) {
    thread::in_section(|| {
        let Some(header) = header(block) else { return };
        // SAFETY: bound blocks have headers and outlive their twins.
        unsafe {
            handle::untie(header.twin());
            header.set_twin(std::ptr::null());
            header.unset(flag::OWNS_TWIN);
            if header.has(flag::PINNED) {
                header.set(flag::FINALIZED); // the VM did
            }
            handle::wake(block);
            if header.has(flag::MIRRORED) {
                return mirrored::twin_died(block, header);
            }
            if (*block).ob_refcnt == 0 {
                destroy(block);
            }
        }
    });
}

/// Counts live blocks by type name, the retention cache emptied first.
pub fn live_blocks() -> std::collections::BTreeMap<String, usize> {
    pointed::flush();
    kept::flush();
    loans::revalidate();
    // What was lent may be kept now.
    kept::flush();
    let mut counts = std::collections::BTreeMap::new();
    block::for_each_live(|block, header| {
        // SAFETY: live blocks that are objects have a type with a name.
        let name = unsafe {
            let kind = (*block).ob_type;
            if header.has(flag::RAW) || kind.is_null() {
                "(memory)".to_owned()
            } else {
                std::ffi::CStr::from_ptr((*kind).tp_name).to_string_lossy().into_owned()
            }
        };
        *counts.entry(name).or_insert(0) += 1;
    });
    counts
}

#[cfg(test)]
mod tests;
