//! References as types: what a C API function borrows, takes over and gives.

use rustpython_vm::builtins::{PyBaseExceptionRef, PyTypeRef};
use rustpython_vm::{PyObject, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine};

use crate::heap::block::{Block, flag, header};
use crate::lifetime::{dealloc, handle};
use crate::twins::{retrieve, store};

/// An argument that C lends for the time of the call. May be NULL where the function's description says so.
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Borrowed(pub Block);

impl Borrowed {
    /// Whether it is NULL.
    #[inline]
    pub fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// The managed object.
    ///
    /// # Errors
    /// `SystemError` for NULL.
    #[inline]
    pub fn get(self, vm: &VirtualMachine) -> PyResult {
        // SAFETY: C lends an object or NULL.
        unsafe { retrieve::retrieve(vm, self.0) }
    }

    /// The managed object for the time of the call, without counting it where C's own reference keeps it alive.
    ///
    /// # Errors
    /// `SystemError` for NULL.
    #[inline]
    pub fn held<'a>(self, vm: &VirtualMachine) -> PyResult<Held<'a>> {
        if !self.0.is_null()
            && let Some(header) = header(self.0)
            && header.has(flag::OWNS_TWIN)
        {
            // SAFETY: C keeps the object for the time of the call, and a counted block that owns its twin keeps that.
            unsafe {
                if (*self.0).ob_refcnt > 0
                    && !header.has(flag::SHOWN)
                    && let Some(twin) = header.twin().as_ref()
                {
                    return Ok(Held::Lent(twin));
                }
            }
        }
        self.get(vm).map(Held::Owned)
    }

    /// The managed object, or None for NULL.
    ///
    /// # Errors
    /// `SystemError` for an object that is being deallocated.
    #[inline]
    pub fn opt(self, vm: &VirtualMachine) -> PyResult<Option<PyObjectRef>> {
        if self.0.is_null() { Ok(None) } else { self.get(vm).map(Some) }
    }

    /// The managed object as one of type `T` or a subclass.
    ///
    /// # Errors
    /// `SystemError`, as `PyErr_BadInternalCall` raises it, if it is NULL or something else.
    #[inline]
    pub fn of<T: PyPayload>(self, vm: &VirtualMachine) -> PyResult<PyRef<T>> {
        self.get(vm)?.downcast().map_err(|_| bad_internal_call(vm))
    }

    /// The managed type.
    ///
    /// # Errors
    /// `SystemError` if it is no type.
    pub fn class(self, vm: &VirtualMachine) -> PyResult<PyTypeRef> {
        self.of(vm)
    }

    /// Another reference to the same object, for C to own.
    #[inline]
    pub fn again(self) -> New {
        // SAFETY: C lends an object.
        unsafe { handle::incref(self.0) };
        New(self.0)
    }
}

/// A managed object that an argument stands for, for no longer than the call.
pub enum Held<'a> {
    /// C's reference to the block keeps it alive.
    Lent(&'a PyObject),
    /// It has a reference of its own.
    Owned(PyObjectRef),
}

impl std::ops::Deref for Held<'_> {
    type Target = PyObject;

    #[inline]
    fn deref(&self) -> &PyObject {
        match self {
            Self::Lent(object) => object,
            Self::Owned(object) => object,
        }
    }
}

/// An argument whose reference the function takes over, whether it succeeds or not. May be NULL. Dropped, it is given
/// up.
#[repr(transparent)]
pub struct Stolen(Block);

impl Stolen {
    /// Takes a reference over.
    ///
    /// # Safety
    /// The reference is the caller's to give.
    pub(crate) unsafe fn new(block: Block) -> Self {
        Self(block)
    }

    /// The block, still owned by `self`.
    #[inline]
    pub fn block(&self) -> Block {
        self.0
    }

    /// The block, whose reference is the caller's now.
    #[inline]
    pub fn into_block(self) -> Block {
        let block = self.0;
        std::mem::forget(self);
        block
    }

    /// The managed object; the reference is given up.
    ///
    /// # Errors
    /// `SystemError` for NULL.
    #[inline]
    pub fn take(self, vm: &VirtualMachine) -> PyResult {
        // SAFETY: the reference is ours.
        unsafe { retrieve::take(vm, self.into_block()) }
    }
}

impl Drop for Stolen {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the reference is ours.
        unsafe { dealloc::xdecref(self.0) };
    }
}

/// A result whose reference C owns. NULL says that an exception is set.
#[repr(transparent)]
#[derive(Debug)]
#[must_use = "somebody has to own the reference"]
pub struct New(pub Block);

impl New {
    /// No object.
    pub const NULL: Self = Self(std::ptr::null_mut());

    /// A new reference to an argument that may be NULL.
    pub fn of_opt(argument: Borrowed) -> Self {
        if argument.is_null() { Self::NULL } else { argument.again() }
    }

    /// A new reference to the block of a managed object.
    #[inline]
    pub fn of(vm: &VirtualMachine, object: impl Into<PyObjectRef>) -> Self {
        let object = object.into();
        match store::store_number_for_c(vm, &object) {
            Some(number) => Self(number),
            None => Self(store::store_owned(vm, object)),
        }
    }
}

/// A result that C borrows from somebody who keeps it (see [`crate::twins::lend`]). NULL if there is none.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct Lent(pub Block);

impl Lent {
    /// No object.
    pub const NULL: Self = Self(std::ptr::null_mut());
}

/// What `PyErr_BadInternalCall` raises.
#[cold]
pub fn bad_internal_call(vm: &VirtualMachine) -> PyBaseExceptionRef {
    vm.new_system_error("bad argument to internal function")
}
