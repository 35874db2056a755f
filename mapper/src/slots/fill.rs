//! The slots of managed types' blocks: what C code finds when it looks into a type that Python made.

use std::ffi::c_int;

use rustpython_vm::builtins::PyType;
use rustpython_vm::{AsObject, Py, PyResult, VirtualMachine};

use crate::abi::address::data_address;
use crate::abi::address::exported;
use crate::abi::layout as c;
use crate::abi::text;
use crate::capi::abstract_::PyObject_Call;
use crate::heap::block::Block;
use crate::heap::kind::Kind;
use crate::lifetime::dealloc;
use crate::lifetime::handle;
use crate::lifetime::thread::leave_with;
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
            crate::slots::managed::fill(t, class, class.base.deref(), kind);
            crate::abi::slot_table::inherit(t, t.tp_base);
            return;
        }
        if kind != Kind::Instance {
            t.tp_dealloc = Some(crate::lifetime::dealloc::free_builtin);
        }
        crate::slots::managed::fill(t, class, None, kind);
        let object = &vm.ctx.types.object_type.slots;
        macro_rules! generic {
            ($slot:ident) => {
                class.slots.$slot.load().map(|f| f as usize) == object.$slot.load().map(|f| f as usize)
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
            t.tp_new = Some(object_new);
            t.tp_init = Some(object_init);
        } else if class.heaptype_ext.is_none() && class.slots.new.load().is_some() {
            (t.tp_new, t.tp_init) = crate::slots::owned::for_type(class);
            if generic!(init) {
                t.tp_init = Some(object_init);
            }
        } else {
            t.tp_new = Some(managed_new);
            t.tp_init = Some(managed_init);
        }
    }
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

/// `object`'s `tp_new`, for C types: memory from the type's own allocator. Arguments must have a taker.
unsafe extern "C" fn object_new(class: *mut c::PyTypeObject, args: Block, keywords: Block) -> Block {
    // SAFETY: C's arguments.
    unsafe {
        let given = !tuple::slice(args).is_empty() || !keywords.is_null();
        let own_new = (*class).tp_new.is_none_or(|new| !std::ptr::fn_addr_eq(new, object_new as c::NewFunc));
        let own_init = (*class).tp_init.is_none_or(|init| !std::ptr::fn_addr_eq(init, object_init as c::InitProc));
        if given && (own_new || !own_init) {
            return crate::calls::api::api(|vm| -> PyResult<New> {
                Err(vm.new_type_error(if own_new {
                    "object.__new__() takes exactly one argument (the type to instantiate)".to_owned()
                } else {
                    format!("{}() takes no arguments", text::of_c((*class).tp_name))
                }))
            })
            .0;
        }
        match (*class).tp_alloc {
            Some(alloc) => alloc(class, 0),
            None => crate::twins::heap_type::generic_alloc(class, 0),
        }
    }
}

/// `object`'s `tp_init`.
unsafe extern "C" fn object_init(_: Block, _: Block, _: Block) -> c_int {
    0
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
