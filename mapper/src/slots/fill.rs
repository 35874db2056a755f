//! The slots of managed types' blocks: what C code finds when it looks into a type that Python made.

use std::ffi::{c_int, c_void};

use rustpython_vm::builtins::PyType;
use rustpython_vm::{AsObject, Py, VirtualMachine};

use crate::abi::address::data_address;
use crate::abi::address::exported;
use crate::abi::layout as c;
use crate::capi::abstract_::PyObject_Call;
use crate::heap::block::Block;
use crate::heap::kind::Kind;
use crate::lifetime::dealloc;
use crate::lifetime::handle;
use crate::lifetime::thread::leave_with;
use crate::slots::object;
use crate::twins::forms::tuple;
use crate::twins::reference::{Borrowed, New};

/// Prepares what all types share. Once, when the stub is filled.
pub(crate) fn prepare() {
    let capsule: *mut c::PyTypeObject = data_address("PyCapsule_Type").cast();
    // SAFETY: the stub's data.
    unsafe { (*capsule).tp_dealloc = Some(crate::twins::forms::capsule::dealloc) };
}

/// Sets the slots of a managed type's block.
///
/// # Safety
/// `t` is a type's block, `class` its twin.
pub(crate) unsafe fn fill_managed(vm: &VirtualMachine, t: &mut c::PyTypeObject, class: &Py<PyType>, kind: Kind) {
    // SAFETY: each exported function has the slot's type; a null address is None.
    unsafe {
        macro_rules! set {
            ($($slot:ident = $name:literal),* $(,)?) => { $(t.$slot = std::mem::transmute(exported($name));)* };
        }
        set!(tp_alloc = "PyType_GenericAlloc", tp_free = "PyObject_Free");
        own_suites(t);
        // A class derived in Python from a C type: what C finds in it is what it would find in the base, but for what
        // the class defines anew.
        if class.heaptype_ext.is_some() && crate::twins::types::derives_from_c(class) {
            t.tp_dealloc = Some(crate::twins::heap_type::subtype_dealloc);
            if let Some(base) = class.base.deref() {
                crate::slots::inherited::inherit(vm, class, base);
            }
            crate::twins::cycles::prepare(vm, class, t, false);
            crate::slots::managed::fill(t, class, class.base.deref(), kind);
            crate::abi::slot_table::inherit(t, t.tp_base);
            return;
        }
        if kind != Kind::Instance {
            t.tp_dealloc = Some(crate::lifetime::dealloc::free_builtin);
        }
        if kind != Kind::Instance && t.tp_flags & c::tpflags::HAVE_GC != 0 {
            t.tp_traverse = Some(traverse_builtin);
            t.tp_clear = Some(clear_builtin);
        }
        crate::slots::managed::fill(t, class, None, kind);
        let of_object = &vm.ctx.types.object_type.slots;
        macro_rules! generic {
            ($slot:ident) => {
                class.slots.$slot.load().map(|f| f as usize) == of_object.$slot.load().map(|f| f as usize)
            };
        }
        // C code compares these with the functions' addresses.
        if generic!(getattro) {
            set!(tp_getattro = "PyObject_GenericGetAttr");
        }
        if generic!(setattro) {
            set!(tp_setattro = "PyObject_GenericSetAttr");
        }
        if kind == Kind::Opaque && class.is(vm.ctx.types.object_type) {
            t.tp_new = Some(object::new);
            t.tp_init = Some(object::init);
        } else if class.heaptype_ext.is_none() && class.slots.new.load().is_some() {
            (t.tp_new, t.tp_init) = crate::slots::owned::for_type(class);
            if generic!(init) {
                t.tp_init = Some(object::init);
            }
        } else {
            t.tp_new = Some(managed_new);
            t.tp_init = Some(managed_init);
        }
    }
}

/// `tp_traverse` of managed types, which those of C types that derive from them call: what the block counts. What the half
/// refers to, it shows itself.
unsafe extern "C" fn traverse_builtin(object: Block, visit: c::VisitProc, argument: *mut c_void) -> c_int {
    let mut status = 0;
    let mut each = |target: Block| {
        if status == 0 && !target.is_null() {
            // SAFETY: C's function and its argument.
            status = unsafe { visit(target, argument) };
        }
    };
    // SAFETY: C's argument: an object.
    unsafe {
        if let Some(visit_parts) = Kind::of(object).form().each {
            visit_parts(object, &mut each);
        }
    }
    status
}

/// `tp_clear` of managed types: the VM clears the half.
unsafe extern "C" fn clear_builtin(object: Block) -> c_int {
    // SAFETY: C's argument: an object.
    unsafe {
        if let Some(clear_parts) = Kind::of(object).form().clear {
            clear_parts(object);
        }
    }
    0
}

/// Gives a type's block its suites: behind the type itself, or, for static types, which have no room, elsewhere for ever.
unsafe fn own_suites(t: &mut c::PyTypeObject) {
    // SAFETY: blocks in our range are heap types'; suites are tables of nullable pointers.
    unsafe {
        if crate::heap::block::header(std::ptr::from_mut(t).cast()).is_some() {
            return crate::abi::slot_table::own_suites(std::ptr::from_mut(t).cast());
        }
        let suites: &mut c::PyHeapTypeObject = Box::leak(Box::new(std::mem::zeroed()));
        t.tp_as_async = &mut suites.as_async;
        t.tp_as_number = &mut suites.as_number;
        t.tp_as_mapping = &mut suites.as_mapping;
        t.tp_as_sequence = &mut suites.as_sequence;
        t.tp_as_buffer = &mut suites.as_buffer;
    }
}

/// `tp_new` of managed types: calls the class's `__new__`.
pub(crate) unsafe extern "C" fn managed_new(class: *mut c::PyTypeObject, args: Block, keywords: Block) -> Block {
    // SAFETY: C's arguments: a tuple, and a dict or NULL; the new tuple owns its items.
    unsafe {
        let new = attribute(class.cast(), "__new__");
        if new.is_null() {
            return new;
        }
        let items: Vec<Block> = std::iter::once(class.cast()).chain(tuple::slice(args).iter().copied()).collect();
        for &item in &items {
            handle::incref(item);
        }
        let args = tuple::with_items(&items);
        let made = PyObject_Call(Borrowed(new), Borrowed(args), Borrowed(keywords)).0;
        dealloc::decref(args);
        dealloc::decref(new);
        made
    }
}

/// `tp_init` of managed types: calls the object's `__init__`.
pub(crate) unsafe extern "C" fn managed_init(this: Block, args: Block, keywords: Block) -> c_int {
    // SAFETY: C's arguments: a tuple, and a dict or NULL.
    unsafe {
        let init = attribute(this, "__init__");
        if init.is_null() {
            return -1;
        }
        let result = PyObject_Call(Borrowed(init), Borrowed(args), Borrowed(keywords)).0;
        dealloc::decref(init);
        crate::lifetime::dealloc::xdecref(result);
        if result.is_null() { -1 } else { 0 }
    }
}

/// A new reference to an attribute; null with an exception.
unsafe fn attribute(object: Block, name: &'static str) -> Block {
    crate::calls::api::api(|vm| Ok(New::of(vm, leave_with(vm, Borrowed(object).get(vm)?, |it| it.get_attr(name, vm))?)))
        .0
}
