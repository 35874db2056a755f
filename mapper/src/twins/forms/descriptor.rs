//! Descriptors: structs that begin with `PyDescrObject` and lead to a definition. That of a type with tables is the entry of
//! that name in them, which C code may write documentation into; for others the block has one of its own.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use rustpython_vm::builtins::descriptor::MemberAccess;
use rustpython_vm::builtins::{PyMemberDescriptor, PyStr, PyType, PyTypeRef};
use rustpython_vm::{AsObject, Py, PyObject, VirtualMachine};

use crate::abi::layout as c;
use crate::heap::block::Block;
use crate::heap::form::{Form, Visit};
use crate::lifetime::{dealloc, handle};
use crate::twins::forms::function::no_function;
use crate::twins::forms::object::new_block_of;
use crate::twins::forms::record::call_function;
use crate::twins::forms::wrapper::{self, WrapperBase};
use crate::twins::store;
use crate::twins::types::type_block;

/// Descriptors.
pub(super) static FORM: Form = Form {
    sizes: (size_of::<c::PyWrapperDescrObject>(), 0),
    make,
    fill: Some(fill),
    free: Some(free),
    each: Some(each),
    ..Form::EMPTY
};

/// `get` and `set` of properties that are not C's: the closure is the managed descriptor.
type Accessors = (c::Getter, c::Setter);
static ACCESSORS: OnceLock<Accessors> = OnceLock::new();

/// Sets them, which are known further up. Once, at start-up.
pub(crate) fn set_accessors(get: c::Getter, set: c::Setter) {
    let _ = ACCESSORS.set((get, set));
}

fn accessors() -> Accessors {
    *ACCESSORS.get().expect("set at start-up")
}

/// Which struct a descriptor has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// `PyMethodDescrObject`.
    Method,
    /// `PyMemberDescrObject`.
    Member,
    /// `PyGetSetDescrObject`.
    GetSet,
    /// `PyWrapperDescrObject`.
    Wrapper,
}

impl Sort {
    /// That of a descriptor's class.
    pub(crate) fn of(vm: &VirtualMachine, class: &Py<PyType>) -> Self {
        let t = &vm.ctx.types;
        let is = |other: &Py<PyType>| class.fast_issubclass(other);
        if is(t.getset_type) {
            Self::GetSet
        } else if is(t.member_descriptor_type) {
            Self::Member
        } else if is(t.wrapper_descriptor_type) {
            Self::Wrapper
        } else {
            Self::Method
        }
    }
}

/// What a descriptor's block looks like; all of these structs have their definition right behind the common part.
#[repr(C)]
pub(super) struct Descriptor {
    common: c::PyDescrObject,
    pub(super) definition: *const c_void,
    /// `vectorcall`, or `d_wrapped`.
    more: usize,
    /// The definition, if it is the block's own.
    own: *mut Definition,
    /// Where the definition is noted when the block goes, or null.
    note: *const AtomicPtr<WrapperBase>,
}

/// A definition that belongs to a block, with its texts.
#[repr(C)]
struct Definition {
    of: Of,
    _name: CString,
    _doc: Option<CString>,
}

#[repr(C)]
union Of {
    method: c::PyMethodDef,
    member: c::PyMemberDef,
    getset: c::PyGetSetDef,
    none: (),
}

unsafe fn make(_: &VirtualMachine, _: &PyObject, class: *mut c::PyTypeObject) -> Block {
    // SAFETY: an object's class is ready.
    unsafe { new_block_of(class, size_of::<Descriptor>()) }
}

/// The class whose instances a descriptor is for, and its name.
pub(crate) fn place(vm: &VirtualMachine, descriptor: &PyObject) -> Option<(PyTypeRef, String)> {
    let class = descriptor.get_attr("__objclass__", vm).ok()?.downcast::<PyType>().ok()?;
    let name = descriptor.get_attr("__name__", vm).ok()?;
    Some((class, name.downcast_ref::<PyStr>()?.to_string_lossy().into_owned()))
}

unsafe fn fill(vm: &VirtualMachine, block: Block, object: &PyObject) {
    let Some((class, name)) = place(vm, object) else { return };
    // SAFETY: the block is one of `make`'s, and a class's block is filled.
    unsafe {
        let t = type_block(vm, &class);
        let shown = &mut *block.cast::<Descriptor>();
        handle::hold(t.cast(), class.as_object());
        shown.common.d_type = t;
        shown.common.d_name = store::store_owned(vm, vm.ctx.intern_str(name.as_str()).to_owned().into());
        let sort = Sort::of(vm, object.class());
        if sort == Sort::Method {
            shown.more = call_function();
        }
        if sort == Sort::Wrapper
            && let Some(slot) = wrapper::shown(object, t, &name)
        {
            (shown.definition, shown.more, shown.note) = (slot.definition.cast(), slot.wrapped, slot.note);
            return;
        }
        if let Some(definition) = entry(t, sort, &name) {
            shown.definition = definition;
            return;
        }
        let own = Box::into_raw(Box::new(own_definition(vm, object, sort, name)));
        (shown.own, shown.definition) = (own, own.cast_const().cast());
    }
}

/// The entry of a name in a type's tables.
///
/// # Safety
/// `t` is a type.
pub(crate) unsafe fn entry(t: *const c::PyTypeObject, sort: Sort, name: &str) -> Option<*const c_void> {
    // SAFETY: tables end with a NULL name.
    unsafe {
        match sort {
            Sort::Method => named((*t).tp_methods, |it| (*it).ml_name, name),
            Sort::Member => named((*t).tp_members, |it| (*it).name, name),
            Sort::GetSet => named((*t).tp_getset, |it| (*it).name, name),
            Sort::Wrapper => None,
        }
    }
}

unsafe fn named<T>(mut table: *const T, of: impl Fn(*const T) -> *const c_char, name: &str) -> Option<*const c_void> {
    // SAFETY: by the caller's contract.
    unsafe {
        while !table.is_null() && !of(table).is_null() {
            if CStr::from_ptr(of(table)).to_bytes() == name.as_bytes() {
                return Some(table.cast());
            }
            table = table.add(1);
        }
    }
    None
}

/// A text for C; None if there is none.
pub(crate) fn text(vm: &VirtualMachine, object: &PyObject, attribute: &'static str) -> Option<CString> {
    let found = object.get_attr(attribute, vm).ok()?;
    CString::new(found.downcast_ref::<PyStr>()?.to_string_lossy().into_owned()).ok()
}

fn own_definition(vm: &VirtualMachine, object: &PyObject, sort: Sort, name: String) -> Definition {
    let doc = text(vm, object, "__doc__");
    let doc_at = doc.as_ref().map_or(std::ptr::null(), |doc| doc.as_ptr());
    let text = CString::new(name.as_str()).unwrap_or_default();
    let at = text.as_ptr();
    let of = match sort {
        Sort::GetSet => Of {
            getset: c::PyGetSetDef {
                name: at,
                get: Some(accessors().0),
                set: Some(accessors().1),
                doc: doc_at,
                closure: std::ptr::from_ref(object).cast_mut().cast(),
            },
        },
        Sort::Member => {
            let (kind, offset, flags) = member(object);
            Of { member: c::PyMemberDef { name: at, kind, offset, flags, doc: doc_at } }
        }
        Sort::Method => Of {
            method: c::PyMethodDef {
                ml_name: at,
                ml_meth: no_function() as *const c_void,
                ml_flags: c::meth::VARARGS | c::meth::KEYWORDS,
                ml_doc: doc_at,
            },
        },
        Sort::Wrapper => Of { none: () },
    };
    Definition { of, _name: text, _doc: doc }
}

/// The member kind that reads as None wherever it lies.
const NONE: c_int = 20;

/// Kind, offset and flags of a field that no table knows: one of a struct sequence.
fn member(object: &PyObject) -> (c_int, isize, c_int) {
    const READONLY: c_int = 1;
    if let Some(member) = object.downcast_ref::<PyMemberDescriptor>()
        && matches!(member.access, MemberAccess::TupleItem)
        && member.member.offset >= 0
    {
        let first = std::mem::offset_of!(c::PyTupleObject, ob_item) as isize;
        return (member.member.kind as c_int, first + member.member.offset * 8, READONLY);
    }
    (NONE, 0, READONLY)
}

unsafe fn parts(block: Block) -> [Block; 3] {
    // SAFETY: a descriptor's block.
    let common = unsafe { &(*block.cast::<Descriptor>()).common };
    [common.d_type.cast(), common.d_name, common.d_qualname]
}

unsafe fn each(block: Block, visit: &mut Visit<'_>) {
    // SAFETY: a live descriptor's block.
    unsafe { parts(block) }.into_iter().for_each(visit);
}

unsafe fn free(block: Block) {
    // SAFETY: a dying descriptor's block owns its parts.
    unsafe {
        let shown = &mut *block.cast::<Descriptor>();
        let own = std::mem::replace(&mut shown.own, std::ptr::null_mut());
        if !own.is_null() {
            drop(Box::from_raw(own));
        }
        // The object outlives its block.
        if let Some(note) = shown.note.as_ref() {
            note.store(shown.definition.cast::<WrapperBase>().cast_mut(), Relaxed);
        }
        for part in parts(block) {
            dealloc::xdecref(part);
        }
    }
}
