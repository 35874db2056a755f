//! `objimpl.h`: allocating objects.

use super::prelude::*;
use crate::heap::block;
use crate::heap::block::{flag, header};
use crate::lifetime::{stacks, thread};
use crate::twins::heap_type;

/// Memory that may become an object; NULL if there is none.
pub unsafe extern "C" fn PyObject_Malloc(size: usize) -> *mut c_void {
    block::allocate_uninit(size.max(1), flag::RAW).cast()
}

/// [`PyObject_Malloc`] with zeros.
pub unsafe extern "C" fn PyObject_Calloc(count: usize, size: usize) -> *mut c_void {
    match count.checked_mul(size) {
        Some(bytes) => block::allocate(bytes.max(1), flag::RAW).cast(),
        None => std::ptr::null_mut(),
    }
}

/// The same contents in memory of another size; NULL, with the old memory left as it is, if there is none.
pub unsafe extern "C" fn PyObject_Realloc(memory: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: C's arguments: memory of ours, or NULL.
    unsafe {
        if memory.is_null() {
            return PyObject_Malloc(size);
        }
        let old: Block = memory.cast();
        let held = block::capacity(old);
        if size <= held && size >= held / 2 {
            return memory;
        }
        let new = PyObject_Malloc(size);
        if !new.is_null() {
            new.cast::<u8>().copy_from_nonoverlapping(memory.cast(), held.min(size));
            dealloc::free(old);
        }
        new
    }
}

/// Frees what the functions above gave; NULL is left alone.
pub unsafe extern "C" fn PyObject_Free(memory: *mut c_void) {
    if !memory.is_null() && header(memory.cast()).is_some() {
        // SAFETY: C's argument: memory of ours.
        unsafe { dealloc::free(memory.cast()) };
    }
}

/// Makes memory an object with a count of 1, also if it was one before; returns it. A heap type is counted.
pub unsafe extern "C" fn PyObject_Init(object: Block, class: *mut c::PyTypeObject) -> Lent {
    // SAFETY: C's arguments.
    unsafe {
        if object.is_null() {
            return Lent::NULL;
        }
        dealloc::renew(object);
        (*object).ob_type = class;
        if (*class).tp_flags & c::tpflags::HEAPTYPE != 0 {
            handle::incref(class.cast());
        }
        Lent(object)
    }
}

/// [`PyObject_Init`] for an object of `size` variable parts.
pub unsafe extern "C" fn PyObject_InitVar(object: Block, class: *mut c::PyTypeObject, size: isize) -> Lent {
    // SAFETY: C's arguments.
    unsafe {
        if !object.is_null() {
            (*object.cast::<c::PyVarObject>()).ob_size = size;
        }
        PyObject_Init(object, class)
    }
}

/// Memory for an object of a type, with a count of 1; NULL with `MemoryError`.
pub unsafe extern "C" fn _PyObject_New(class: *mut c::PyTypeObject) -> New {
    // SAFETY: C's arguments.
    unsafe { _PyObject_NewVar(class, 0) }
}

/// [`_PyObject_New`] for an object of `size` variable parts.
pub unsafe extern "C" fn _PyObject_NewVar(class: *mut c::PyTypeObject, size: isize) -> New {
    // SAFETY: C's arguments.
    let made = unsafe { heap_type::generic_alloc(class, size) };
    if made.is_null() { no_memory() } else { New(made) }
}

/// [`_PyObject_New`] for a type whose objects the collector looks at.
pub unsafe extern "C" fn _PyObject_GC_New(class: *mut c::PyTypeObject) -> New {
    // SAFETY: C's arguments.
    unsafe { _PyObject_NewVar(class, 0) }
}

/// [`_PyObject_NewVar`] for a type whose objects the collector looks at.
pub unsafe extern "C" fn _PyObject_GC_NewVar(class: *mut c::PyTypeObject, size: isize) -> New {
    if size < 0 {
        return api(|vm| Err(bad_internal_call(vm)));
    }
    // SAFETY: C's arguments.
    unsafe { _PyObject_NewVar(class, size) }
}

/// The same object with another number of variable parts, possibly elsewhere; NULL with `MemoryError`.
pub unsafe extern "C" fn _PyObject_GC_Resize(object: Block, size: isize) -> New {
    // SAFETY: C's arguments: an object of a type of ours, without a twin.
    unsafe {
        let class = (*object).ob_type;
        let Some(bytes) = crate::twins::forms::object::size_with(&*class, size) else { return no_memory() };
        let flags = header(object).map_or(0, |header| header.flags() & !flag::LIVE);
        let moved: Block = PyObject_Realloc(object.cast(), bytes).cast();
        if moved.is_null() {
            return no_memory();
        }
        block::header_of(moved).set(flags | flag::LIVE);
        (*moved.cast::<c::PyVarObject>()).ob_size = size;
        New(moved)
    }
}

/// [`_PyObject_GC_New`] with `extra` bytes of zeros behind the type's own.
pub unsafe extern "C" fn PyUnstable_Object_GC_NewWithExtraData(class: *mut c::PyTypeObject, extra: usize) -> New {
    // SAFETY: C's arguments.
    unsafe {
        let made = block::allocate(extra.saturating_add((*class).tp_basicsize as usize), 0);
        if made.is_null() {
            return no_memory();
        }
        New(PyObject_Init(made, class).0)
    }
}

/// Says that an object is whole: the collector may look at it from now on.
pub unsafe extern "C" fn PyObject_GC_Track(object: Block) {
    if let Some(header) = header(object) {
        header.set(flag::TRACKED);
    }
}

/// Says that an object is about to be taken apart.
pub unsafe extern "C" fn PyObject_GC_UnTrack(object: Block) {
    if let Some(header) = header(object) {
        header.unset(flag::TRACKED);
    }
}

/// Frees an object of a type whose objects the collector looks at.
pub unsafe extern "C" fn PyObject_GC_Del(memory: *mut c_void) {
    // SAFETY: C's arguments.
    unsafe { PyObject_Free(memory) };
}

/// Whether an object's type says that the collector looks at its objects, and at this one.
pub unsafe extern "C" fn PyObject_IS_GC(object: Block) -> c_int {
    // SAFETY: C's arguments.
    unsafe {
        let class = &*(*object).ob_type;
        let this = class.tp_is_gc.is_none_or(|is_gc| is_gc(object) != 0);
        c_int::from(class.tp_flags & c::tpflags::HAVE_GC != 0 && this)
    }
}

/// Whether the collector looks at an object.
pub unsafe extern "C" fn PyObject_GC_IsTracked(object: Block) -> c_int {
    // SAFETY: C's arguments.
    unsafe {
        if PyObject_IS_GC(object) == 0 {
            return 0;
        }
        if Kind::of(object) != Kind::Instance
            && let Some(twin) = handle::twin_of(object)
        {
            return twin.is_gc_tracked().into();
        }
    }
    header(object).is_some_and(|header| header.has(flag::TRACKED)).into()
}

/// Whether an object's finalizer ran.
pub unsafe extern "C" fn PyObject_GC_IsFinalized(object: Block) -> c_int {
    let flagged = header(object).is_some_and(|header| header.has(flag::FINALIZED));
    (flagged || handle::twin_of(object).is_some_and(rustpython_vm::PyObject::gc_finalized)).into()
}

/// Where an object's type keeps its list of weak references; NULL if it has none.
pub unsafe extern "C" fn PyObject_GET_WEAKREFS_LISTPTR(object: Block) -> *mut Block {
    // SAFETY: C's arguments; every block has a field of CPython's at that place in front.
    unsafe {
        match (*(*object).ob_type).tp_weaklistoffset {
            0 => std::ptr::null_mut(),
            offset => object.cast::<u8>().offset(offset).cast(),
        }
    }
}

/// `PyObjectArenaAllocator`.
#[repr(C)]
pub struct ArenaAllocator {
    context: *mut c_void,
    allocate: unsafe extern "C" fn(*mut c_void, usize) -> *mut c_void,
    free: unsafe extern "C" fn(*mut c_void, *mut c_void, usize),
}

unsafe extern "C" fn map(_context: *mut c_void, size: usize) -> *mut c_void {
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: an anonymous mapping at an address of the system's choice.
    let memory = unsafe { libc::mmap(std::ptr::null_mut(), size, access, kind, -1, 0) };
    if memory == libc::MAP_FAILED { std::ptr::null_mut() } else { memory }
}

unsafe extern "C" fn unmap(_context: *mut c_void, memory: *mut c_void, size: usize) {
    if size == stacks::SIZE {
        // SAFETY: greenlet's argument, a stack of ours.
        return unsafe { stacks::end(thread::context(), memory) };
    }
    // SAFETY: C's arguments: a mapping of `map`'s.
    unsafe { libc::munmap(memory, size) };
}

/// The functions that get large pieces of memory from the system.
pub unsafe extern "C" fn PyObject_GetArenaAllocator(allocator: *mut ArenaAllocator) {
    // SAFETY: C's argument.
    unsafe { allocator.write(ArenaAllocator { context: std::ptr::null_mut(), allocate: map, free: unmap }) };
}

/// Collects garbage, unless collection is switched off. The number of objects that were found, or -1.
pub unsafe extern "C" fn PyGC_Collect() -> isize {
    api(|vm| {
        if !vm.state.gc.is_enabled() {
            return Ok(0);
        }
        let gc = leave(vm, || vm.import("gc", 0))?;
        let found = leave(vm, || vm.call_method(&gc, "collect", ()))?;
        leave(vm, || found.try_into_value(vm))
    })
}

/// Switches automatic collection on. Whether it was on.
pub unsafe extern "C" fn PyGC_Enable() -> c_int {
    infallible(0, |vm| {
        let was = vm.state.gc.is_enabled();
        vm.state.gc.enable();
        Ok(was.into())
    })
}

/// Switches automatic collection off. Whether it was on.
pub unsafe extern "C" fn PyGC_Disable() -> c_int {
    infallible(0, |vm| {
        let was = vm.state.gc.is_enabled();
        vm.state.gc.disable();
        Ok(was.into())
    })
}

/// Whether automatic collection is on.
pub unsafe extern "C" fn PyGC_IsEnabled() -> c_int {
    infallible(0, |vm| Ok(vm.state.gc.is_enabled().into()))
}

/// Whether a type's objects can have weak references.
pub unsafe extern "C" fn PyType_SUPPORTS_WEAKREFS(t: *mut c::PyTypeObject) -> c_int {
    infallible(0, |vm| {
        let class = Borrowed(t.cast()).class(vm)?;
        Ok(c_int::from(class.slots.flags.has_feature(rustpython_vm::types::PyTypeFlags::HAS_WEAKREF)))
    })
}

/// Calls a function with each object that the collector knows, borrowed, until it returns 0.
pub unsafe extern "C" fn PyUnstable_GC_VisitObjects(
    visit: unsafe extern "C" fn(Block, *mut c_void) -> c_int,
    argument: *mut c_void,
) {
    infallible((), |vm| {
        for object in vm.state.gc.get_objects(None) {
            let block = store::store_owned(vm, object);
            // SAFETY: C's function; the reference is ours.
            let goes_on = unsafe {
                let goes_on = visit(block, argument);
                dealloc::decref(block);
                goes_on
            };
            if goes_on == 0 {
                break;
            }
        }
        Ok(())
    });
}
