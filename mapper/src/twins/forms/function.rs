//! C functions as objects: `PyCFunctionObject` blocks. The managed half, which the dispatcher makes at once, keeps
//! `self` alive; the block counts it only if `self` would not outlive its own block otherwise.

use std::ffi::{CStr, CString, c_void};
use std::sync::OnceLock;

use rustpython_vm::builtins::{PyStr, PyType};
use rustpython_vm::function::PyMethodDef;
use rustpython_vm::{Py, PyObject, PyPayload, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::abi::statics::statics;
use crate::abi::text;
use crate::heap::block::{self, Block, flag, header, header_of};
use crate::heap::form::{Form, Half, Visit};
use crate::lifetime::dealloc::{decref, xdecref};
use crate::lifetime::dispatch::dispatcher;
use crate::lifetime::handle;
use crate::twins::forms::descriptor::{self, Sort};
use crate::twins::forms::object::new_block_of;
use crate::twins::passing::{pass, take_back};
use crate::twins::types::{is_of_c as is_of_c_type, type_block};
use crate::twins::{retrieve, store};

/// C functions.
pub(super) static FORM: Form = Form {
    sizes: (size_of::<c::PyCFunctionObject>(), 0),
    make: new_managed_block,
    wrap,
    free: Some(release_parts),
    each: Some(each_part),
    ..Form::EMPTY
};

/// What stands in every function's block for C code to call, which is known further up. Set once, at start-up.
#[derive(Clone, Copy)]
pub struct Entries {
    /// The vectorcall entry.
    pub vectorcall: c::VectorcallFunc,
    /// `ml_meth` of a builtin function of the VM's, which has no C function.
    pub no_function: c::PyCFunction,
}

static ENTRIES: OnceLock<Entries> = OnceLock::new();

/// Sets the entries.
pub(crate) fn set_entries(entries: Entries) {
    let _ = ENTRIES.set(entries);
}

fn entries() -> &'static Entries {
    ENTRIES.get().expect("set at start-up")
}

/// `ml_meth` of a function of the VM's that has no C function.
pub(super) fn no_function() -> c::PyCFunction {
    entries().no_function
}

/// Functions of C's making: the dispatcher makes and ties the managed half.
unsafe fn wrap(vm: &VirtualMachine, block: Block, _: Half) -> PyResult {
    Ok(dispatcher().function(vm, block))
}

/// Makes a function object from a method definition. `this`, `module` (the name of the defining module) and `class`
/// (for `METH_METHOD`) may be null. Returns a new reference.
///
/// # Errors
/// `SystemError` for a combination of flags that means nothing.
///
/// # Safety
/// `method` stays valid as long as the function; the others are null or borrowed objects.
pub unsafe fn new(
    vm: &VirtualMachine,
    method: *mut c::PyMethodDef,
    this: Block,
    module: Block,
    class: *mut c::PyTypeObject,
) -> PyResult<Block> {
    // SAFETY: by contract; the block is fresh.
    unsafe {
        let has_class = (*method).ml_flags & c::meth::METHOD != 0;
        if has_class && class.is_null() {
            return Err(vm.new_system_error("attempting to create PyCMethod with a METH_METHOD flag but no class"));
        }
        let size = if has_class { size_of::<c::PyCMethodObject>() } else { size_of::<c::PyCFunctionObject>() };
        let made = block::allocate(size, flag::BOUND);
        assert!(!made.is_null(), "out of memory for a function");
        let function = &mut *made.cast::<c::PyCFunctionObject>();
        function.ob_base.ob_refcnt = 1;
        function.ob_base.ob_type = if has_class { statics().method } else { statics().function };
        function.m_ml = method;
        function.m_self = this;
        function.vectorcall = Some(entries().vectorcall);
        if !this.is_null() && header(this).is_some_and(|header| !header.has(flag::BOUND | flag::PINNED)) {
            handle::incref(this);
            header_of(made).set(flag::COUNTS_SELF);
        }
        function.m_module = module;
        if !module.is_null() {
            handle::incref(module);
        }
        if has_class {
            (*made.cast::<c::PyCMethodObject>()).mm_class = class;
            handle::incref(class.cast());
        }
        // The managed half at once: it is what keeps `self` alive.
        let twin = dispatcher().function(vm, made);
        handle::adopt(made, &twin);
        Ok(made)
    }
}

/// The definition that stands in the block of a builtin function of the VM's, for C code that reads its name and flags.
#[repr(C)]
struct Shown {
    method: c::PyMethodDef,
    _name: CString,
}

/// Calls something with the VM's payload of builtin functions, a type that it does not export by name.
fn with_payload<N: PyPayload, R>(
    _: impl Fn(&'static PyMethodDef) -> N,
    object: &PyObject,
    read: impl FnOnce(&N) -> R,
) -> Option<R> {
    object.downcast_ref::<N>().map(|native| read(native))
}

/// The definition in a C type's table that a method bound to an object or a class comes from: C code calls what stands there. Those
/// that are told their class have functions of another struct.
fn definition_of_c(vm: &VirtualMachine, name: &CStr, this: &PyObject) -> Option<*mut c::PyMethodDef> {
    let text = name.to_str().ok()?;
    let key = vm.ctx.interned_str(text)?;
    let of = |class: &Py<PyType>| class.mro_collect().into_iter().find(|class| class.attributes.contains(key));
    let class = this.downcast_ref::<PyType>().and_then(of).or_else(|| of(this.class()))?;
    if !is_of_c_type(&class) {
        return None;
    }
    // SAFETY: a class's block is filled; its tables live as long as it, which the method holds.
    unsafe {
        let entry = descriptor::entry(type_block(vm, &class), Sort::Method, text)?.cast::<c::PyMethodDef>();
        ((*entry).ml_flags & c::meth::METHOD == 0).then_some(entry.cast_mut())
    }
}

/// The block of a builtin function of the VM's, with a count of 1 and no twin yet.
///
/// # Safety
/// `class` is the block of its class.
pub(crate) unsafe fn new_managed_block(vm: &VirtualMachine, object: &PyObject, class: *mut c::PyTypeObject) -> Block {
    let text = |name: &'static str| {
        let found = object.get_attr(name, vm).ok()?;
        found.downcast_ref::<PyStr>().map(|text| text.to_string_lossy().into_owned())
    };
    let name = CString::new(text("__name__").unwrap_or_default()).unwrap_or_default();
    let this = with_payload(PyMethodDef::to_function, object, |native| native.get_self().map(ToOwned::to_owned));
    // SAFETY: a fresh block of the size asked for; the definition lives as long as the block.
    unsafe {
        let made = new_block_of(class, size_of::<c::PyCMethodObject>());
        let shown = Box::new(Shown {
            method: c::PyMethodDef {
                ml_name: name.as_ptr(),
                ml_meth: entries().no_function as *const c_void,
                ml_flags: c::meth::VARARGS | c::meth::KEYWORDS,
                ml_doc: std::ptr::null(),
            },
            _name: name,
        });
        let function = &mut *made.cast::<c::PyCFunctionObject>();
        let of_c = this.as_ref().and_then(|this| definition_of_c(vm, &shown._name, this.as_ref()?));
        function.m_ml = of_c.unwrap_or_else(|| Box::into_raw(shown).cast());
        function.vectorcall = Some(entries().vectorcall);
        if let Some(this) = this.flatten() {
            function.m_self = store::store_owned(vm, this);
            header_of(made).set(flag::COUNTS_SELF);
        }
        if let Ok(module) = object.get_attr("__module__", vm)
            && !vm.is_none(&module)
        {
            function.m_module = store::store_owned(vm, module);
        }
        made
    }
}

/// Whether a function's block is of one that C code made.
///
/// # Safety
/// `block` is a function's.
pub(crate) unsafe fn is_of_c(block: Block) -> bool {
    header(block).is_some_and(|header| header.has(flag::BOUND))
}

/// Calls `visit` for each reference that a function's block counts.
///
/// # Safety
/// `block` is a function's.
pub(crate) unsafe fn each_part(block: Block, visit: &mut Visit<'_>) {
    // SAFETY: by contract.
    unsafe {
        let function = &*block.cast::<c::PyCFunctionObject>();
        if header_of(block).has(flag::COUNTS_SELF) {
            visit(function.m_self);
        }
        visit(function.m_module);
        if let Some(method) = function.m_ml.as_ref()
            && method.ml_flags & c::meth::METHOD != 0
        {
            visit((*block.cast::<c::PyCMethodObject>()).mm_class.cast());
        }
    }
}

/// Drops what a dying function's block holds.
///
/// # Safety
/// `block` is a function's that nobody refers to.
pub(crate) unsafe fn release_parts(block: Block) {
    // SAFETY: by contract.
    unsafe {
        let function = &*block.cast::<c::PyCFunctionObject>();
        if header_of(block).has(flag::COUNTS_SELF) {
            decref(function.m_self);
        }
        xdecref(function.m_module);
        if let Some(method) = function.m_ml.as_ref()
            && method.ml_flags & c::meth::METHOD != 0
        {
            xdecref((*block.cast::<c::PyCMethodObject>()).mm_class.cast());
        }
        let is_own = function.m_ml.as_ref().is_some_and(|it| it.ml_meth == entries().no_function as *const c_void);
        if !is_of_c(block) && is_own {
            drop(Box::from_raw(function.m_ml.cast::<Shown>()));
        }
    }
}

/// The managed object behind a function's `self`, for the managed half to keep.
///
/// # Safety
/// `block` is a function's.
pub unsafe fn self_of(vm: &VirtualMachine, block: Block) -> Option<rustpython_vm::PyObjectRef> {
    // SAFETY: by contract.
    unsafe {
        let this = (*block.cast::<c::PyCFunctionObject>()).m_self;
        (!this.is_null()).then(|| retrieve::retrieve(vm, this).ok()).flatten()
    }
}

/// A method definition's name and documentation. Conventions with a fixed number of arguments have a signature even
/// if the text does not say so.
///
/// # Safety
/// `method` is a valid definition.
pub unsafe fn texts(method: *const c::PyMethodDef) -> (String, Option<String>) {
    // SAFETY: by contract.
    unsafe {
        let name = text::of_c((*method).ml_name);
        let doc = (!(*method).ml_doc.is_null()).then(|| text::of_c((*method).ml_doc));
        let has_signature =
            doc.as_deref().is_some_and(|doc| doc.starts_with(&format!("{name}(")) && doc.contains(")\n--\n\n"));
        let signature = match (*method).ml_flags & !(c::meth::CLASS | c::meth::STATIC | c::meth::COEXIST) {
            _ if has_signature => return (name, doc),
            c::meth::NOARGS => "($self, /)",
            c::meth::O => "($self, object, /)",
            _ => return (name, doc),
        };
        let doc = format!("{name}{signature}\n--\n\n{}", doc.unwrap_or_default());
        (name, Some(doc))
    }
}

/// Passes the arguments of a call, whose objects the caller keeps; dropping it takes them back.
pub struct Arguments {
    blocks: smallvec::SmallVec<[Block; 8]>,
}

impl Arguments {
    /// Passes `objects`; the first slot is left free for callees that prepend `self`
    /// (`PY_VECTORCALL_ARGUMENTS_OFFSET`).
    #[inline]
    pub fn new<'a>(vm: &VirtualMachine, objects: impl Iterator<Item = &'a rustpython_vm::PyObjectRef>) -> Self {
        let mut blocks = smallvec::SmallVec::new();
        blocks.push(std::ptr::null_mut());
        blocks.extend(objects.map(|object| pass(vm, object)));
        Self { blocks }
    }

    /// The arguments.
    #[inline]
    pub fn as_ptr(&self) -> *const Block {
        // SAFETY: the free slot is always there.
        unsafe { self.blocks.as_ptr().add(1) }
    }

    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.blocks.len() - 1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Drop for Arguments {
    #[inline]
    fn drop(&mut self) {
        for &block in &self.blocks[1..] {
            // SAFETY: passed above, and the caller keeps the objects.
            unsafe { take_back(block) };
        }
    }
}
