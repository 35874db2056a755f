//! Descriptors of slots (`PyWrapperDescrObject`): the special methods of C types, and what the structs of all of them show. Each
//! name has one definition for all types, as in CPython; C code may put another in its place.

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fmt;
use std::ptr::{null, null_mut};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::Relaxed};

use rustpython_vm::builtins::descriptor::PyMethodDescriptor;
use rustpython_vm::builtins::{PyType, PyTypeRef};
use rustpython_vm::object::{MaybeTraverse, TraverseFn};
use rustpython_vm::types::SLOT_DEFS;
use rustpython_vm::{AsObject, Context, Py, PyObject, PyPayload, VirtualMachine};

use crate::abi::layout as c;
use crate::abi::{slot_table, text};
use crate::heap::block::Block;
use crate::lifetime::{handle, thread};
use crate::twins::forms::descriptor::Descriptor;
use crate::twins::forms::function::no_function;

/// `struct wrapperbase`, the definition of a special method's descriptor.
#[repr(C)]
pub(crate) struct WrapperBase {
    name: *const c_char,
    offset: c_int,
    function: *const c_void,
    wrapper: *const c_void,
    doc: *const c_char,
    flags: c_int,
    name_strobj: Block,
}

/// A special method of a C type: a method descriptor that holds its class (the VM's own does not), whose class is
/// `wrapper_descriptor`. The VM reads the first field only.
#[repr(C)]
pub struct SpecialMethod {
    /// What the VM sees: name, class and function.
    pub base: PyMethodDescriptor,
    class: PyTypeRef,
    /// The C function behind it.
    wrapped: AtomicUsize,
    /// The definition that its block had last; null if it had none.
    definition: AtomicPtr<WrapperBase>,
}

impl SpecialMethod {
    /// The payload of a special method of `class`, which `base` refers to.
    pub fn new(base: PyMethodDescriptor, class: PyTypeRef) -> Self {
        Self { base, class, wrapped: AtomicUsize::new(0), definition: AtomicPtr::new(null_mut()) }
    }

    /// The class whose objects it is for.
    pub fn owner(&self) -> &Py<PyType> {
        &self.class
    }
}

impl fmt::Debug for SpecialMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.base.fmt(f)
    }
}

impl MaybeTraverse for SpecialMethod {
    const HAS_TRAVERSE: bool = true;
    fn try_traverse(&self, traverse: &mut TraverseFn<'_>) {
        traverse(self.class.as_object());
    }
}

impl PyPayload for SpecialMethod {
    const PAYLOAD_TYPE_ID: std::any::TypeId = PyMethodDescriptor::PAYLOAD_TYPE_ID;
    // SAFETY: of the objects with the VM's payload, only ours are of this class.
    unsafe fn validate_downcastable_from(object: &PyObject) -> bool {
        object.class().is(Context::genesis().types.wrapper_descriptor_type)
    }
    fn class(context: &Context) -> &'static Py<PyType> {
        context.types.wrapper_descriptor_type
    }
}

/// The slots that stand behind a special method, by name: where they lie, and the function of classes made in Python.
type Places = fn(&str) -> Vec<(usize, usize)>;
static PLACES: OnceLock<Places> = OnceLock::new();

/// Sets them, which are known further up. Once, at start-up.
pub(crate) fn set_places(places: Places) {
    let _ = PLACES.set(places);
}

fn places(name: &str) -> Vec<(usize, usize)> {
    PLACES.get().expect("set at start-up")(name)
}

/// The function that a type has for a special method.
///
/// # Safety
/// `t` is a type.
unsafe fn function_of(t: *const c::PyTypeObject, name: &str) -> usize {
    // SAFETY: by contract.
    let mut functions = places(name).into_iter().map(|(at, _)| unsafe { slot_table::read(t.cast_mut(), at) } as usize);
    functions.find(|f| *f != 0).unwrap_or(0)
}

/// Special methods that the VM has no slots for, and their documentation.
const MORE: [(&str, &str); 3] = [
    ("__await__", "__await__($self, /)\n--\n\nReturn an iterator to be used in await expression."),
    ("__aiter__", "__aiter__($self, /)\n--\n\nReturn an awaitable, that resolves in asynchronous iterator."),
    ("__anext__", "__anext__($self, /)\n--\n\nReturn a value or raise StopAsyncIteration."),
];

/// The definition of a name.
fn common(name: &str) -> Option<*mut WrapperBase> {
    static ALL: OnceLock<HashMap<&'static str, AtomicPtr<WrapperBase>>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let named = SLOT_DEFS.iter().map(|def| (def.name, def.doc)).chain(MORE);
        let mut all = HashMap::new();
        for (name, doc) in named {
            all.entry(name).or_insert_with(|| AtomicPtr::new(Box::into_raw(Box::new(definition(name, doc)))));
        }
        all
    });
    all.get(name).map(|found| found.load(Relaxed))
}

fn definition(name: &str, doc: &str) -> WrapperBase {
    /// `PyWrapperFlag_KEYWORDS`.
    const KEYWORDS: c_int = 1;
    let text = |text: &str| CString::new(text).map_or(null(), |text| text.into_raw().cast_const());
    let (offset, function) = places(name).first().copied().unwrap_or_default();
    WrapperBase {
        name: text(name),
        offset: offset as c_int,
        function: function as *const c_void,
        wrapper: no_function() as *const c_void,
        doc: text(doc),
        flags: if matches!(name, "__init__" | "__call__") { KEYWORDS } else { 0 },
        name_strobj: null_mut(),
    }
}

/// What a wrapper's struct shows besides the common part: the definition and the function. And where the definition is to be
/// noted when the block goes.
pub(super) struct Shown {
    pub(super) definition: *mut WrapperBase,
    pub(super) wrapped: usize,
    pub(super) note: *const AtomicPtr<WrapperBase>,
}

/// What the struct of a descriptor shows that belongs to `t`; None for a name that no slot has.
///
/// # Safety
/// `t` is a type.
pub(super) unsafe fn shown(object: &PyObject, t: *const c::PyTypeObject, name: &str) -> Option<Shown> {
    let definition = common(name)?;
    Some(match object.downcast_ref::<SpecialMethod>() {
        Some(method) => Shown {
            definition: Some(method.definition.load(Relaxed)).filter(|own| !own.is_null()).unwrap_or(definition),
            wrapped: method.wrapped.load(Relaxed),
            note: &raw const method.definition,
        },
        // SAFETY: by contract.
        None => Shown { definition, wrapped: unsafe { function_of(t, name) }, note: null() },
    })
}

/// Notes the functions behind the special methods of a class whose block has only what it defines itself.
///
/// # Safety
/// `block` is the class's.
pub unsafe fn note_functions(class: &Py<PyType>, block: *const c::PyTypeObject) {
    for (_, value) in class.attributes.entries() {
        if let Some(method) = value.downcast_ref::<SpecialMethod>() {
            // SAFETY: by contract.
            method.wrapped.store(unsafe { function_of(block, method.base.common.name.as_str()) }, Relaxed);
        }
    }
}

/// Name and documentation in the definition of a wrapper, as C code left it; None for a name that no slot has, or no
/// documentation.
pub fn texts(vm: &VirtualMachine, object: &PyObject, name: &str) -> Option<(String, String)> {
    let _section = thread::section(vm);
    let kept = || {
        let kept = object.downcast_ref::<SpecialMethod>()?.definition.load(Relaxed);
        (!kept.is_null()).then_some(kept)
    };
    // SAFETY: a descriptor's block; definitions live as long as what refers to them.
    unsafe {
        let shown = handle::block_of(object).map(|block| (*block.cast::<Descriptor>()).definition);
        let shown = shown.filter(|shown| !shown.is_null()).map(|shown| shown.cast::<WrapperBase>().cast_mut());
        let definition = &*shown.or_else(kept).or_else(|| common(name))?;
        if definition.doc.is_null() {
            return None;
        }
        let name = if definition.name.is_null() { c"" } else { CStr::from_ptr(definition.name) };
        Some((name.to_string_lossy().into_owned(), text::of_c(definition.doc)))
    }
}
