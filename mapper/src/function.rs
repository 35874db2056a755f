//! C functions as objects: `PyCFunctionObject` blocks. The managed half, which the dispatcher makes at once, keeps
//! `self` alive; the block counts it only if `self` would not outlive its own block otherwise.

use rustpython_vm::{PyResult, VirtualMachine};

use crate::block::{self, Block, flag, header, header_of};
use crate::layout as c;
use crate::types::statics;
use crate::{retrieve, store, table};

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
        function.vectorcall = Some(crate::capi::methodobject::vectorcall);
        if !this.is_null() && header(this).is_some_and(|header| header.flags & (flag::BOUND | flag::PINNED) == 0) {
            table::incref(this);
            header_of(made).flags |= flag::COUNTS_SELF;
        }
        function.m_module = module;
        if !module.is_null() {
            table::incref(module);
        }
        if has_class {
            (*made.cast::<c::PyCMethodObject>()).mm_class = class;
            table::incref(class.cast());
        }
        // The managed half at once: it is what keeps `self` alive.
        let twin = crate::dispatch::dispatcher().function(vm, made);
        table::adopt(made, &twin);
        Ok(made)
    }
}

/// Calls `visit` for each reference that a function's block counts.
///
/// # Safety
/// `block` is a function's.
pub(crate) unsafe fn each_part(block: Block, visit: &mut dyn FnMut(Block)) {
    // SAFETY: by contract.
    unsafe {
        let function = &*block.cast::<c::PyCFunctionObject>();
        if header_of(block).flags & flag::COUNTS_SELF != 0 {
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
        if header_of(block).flags & flag::COUNTS_SELF != 0 {
            table::decref(function.m_self);
        }
        crate::lifetime::xdecref(function.m_module);
        if let Some(method) = function.m_ml.as_ref()
            && method.ml_flags & c::meth::METHOD != 0
        {
            crate::lifetime::xdecref((*block.cast::<c::PyCMethodObject>()).mm_class.cast());
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
        let name = crate::error::text((*method).ml_name);
        let doc = (!(*method).ml_doc.is_null()).then(|| crate::error::text((*method).ml_doc));
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

/// Stores the arguments of a call; dropping it gives them back.
pub struct Arguments {
    blocks: smallvec::SmallVec<[Block; 8]>,
}

impl Arguments {
    /// Stores `objects`; the first slot is left free for callees that prepend `self`
    /// (`PY_VECTORCALL_ARGUMENTS_OFFSET`).
    #[inline]
    pub fn new<'a>(vm: &VirtualMachine, objects: impl Iterator<Item = &'a rustpython_vm::PyObjectRef>) -> Self {
        let mut blocks = smallvec::SmallVec::new();
        blocks.push(std::ptr::null_mut());
        blocks.extend(objects.map(|object| store::store(vm, object)));
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
            // SAFETY: each is a reference of ours.
            unsafe { table::decref(block) };
        }
    }
}
