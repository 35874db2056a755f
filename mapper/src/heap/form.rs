//! The table of forms: for each [`Kind`] one row that says what can be done with its objects. The rows stand in the files
//! of `twins/forms`; the table is set at start-up, so that memory and lifetimes can be written without knowing them. A new
//! kind of object is one file and one row there.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

use rustpython_vm::builtins::{PyDictRef, PyTypeRef};
use rustpython_vm::{PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::heap::block::Block;
use crate::heap::kind::Kind;

/// Gets each reference that a block counts; null is none.
pub type Visit<'a> = dyn FnMut(Block) + 'a;
/// What is done to a block and its twin.
pub type WithTwin<R = ()> = unsafe fn(&VirtualMachine, Block, &PyObject) -> R;
/// What brings a block up to date with its twin as far as it is looked at. Whether it is wholly.
pub type CatchUp = unsafe fn(&VirtualMachine, Block, &PyObject, Look) -> bool;

/// The managed half of an object that C code made: its class and its dict, if the class has one.
pub struct Half {
    /// The class.
    pub class: PyTypeRef,
    /// The instance's dict.
    pub dict: Option<PyDictRef>,
}

/// A container's block that is kept for the next time although nobody holds it: it shows plain values only.
pub struct Reusable {
    /// The addresses of the managed items that it shows, in their order, if the block does not remember them itself; their
    /// blocks keep them alive.
    pub run: Box<[usize]>,
    /// How many bytes it holds, about.
    pub bytes: usize,
}

/// How much of a container is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// All of it.
    Whole,
    /// Of a long one a part, another one each turn: what it costs has a bound.
    Part(usize),
}

/// What can be done with the objects of one kind. `block` is always one of the kind, whole and alive, `object` its twin;
/// all need the C lock.
pub struct Form {
    /// `tp_basicsize` and `tp_itemsize` of the builtin type, in bytes.
    pub sizes: (usize, usize),
    /// Its `Py_TPFLAGS_*_SUBCLASS` bit, or 0.
    pub subclass_flag: usize,
    /// Makes the block of a managed object that has none, with a count of 1; the class's block is given. What refers to
    /// other objects is left empty for `fill`.
    pub make: unsafe fn(&VirtualMachine, &PyObject, *mut c::PyTypeObject) -> Block,
    /// Fills in what refers to other objects. The block is tied already, for one of them may lead back to it.
    pub fill: Option<WithTwin>,
    /// Brings what C code reads up to date: the object is passed to C again.
    pub refresh: Option<WithTwin>,
    /// The same after managed code has had the object while C code goes on.
    pub touched: Option<WithTwin>,
    /// A managed object with the value of a block of the exact builtin type, which may be about to end, known to nobody else.
    /// None for objects with an identity of their own.
    pub value: Option<unsafe fn(&VirtualMachine, Block, bool) -> PyResult>,
    /// The managed half of an object that C code made, of a class of this kind: the VM sees the builtin type's payload.
    pub wrap: unsafe fn(&VirtualMachine, Block, Half) -> PyResult,
    /// What is left to do when the half is tied to the block.
    pub wrapped: Option<WithTwin<PyResult<()>>>,
    /// Managed code has run while C has the object: brings it up to date as far as it is looked at. Whether it is wholly.
    pub caught_up: Option<CatchUp>,
    /// Hands on to the managed half what C code has written into the block.
    pub written: Option<unsafe fn(Block, Look)>,
    /// What is to be known of a block that C gave up and that may be kept for the next time without its twin, if it may.
    pub reusable: Option<unsafe fn(Block, &PyObject) -> Option<Reusable>>,
    /// Takes an item out of what the block shows, and gives its reference back: the managed half has it no more.
    pub lose: Option<unsafe fn(Block, Block)>,
    /// Drops what a dying block holds.
    pub free: Option<unsafe fn(Block)>,
    /// Calls `visit` for each reference that the block counts.
    pub each: Option<unsafe fn(Block, &mut Visit<'_>)>,
    /// Breaks the cycles of a block that is garbage.
    pub clear: Option<unsafe fn(Block)>,
}

impl Form {
    /// The row of a kind that has an object head and no references: what is made and wrapped by these functions.
    pub const fn bare(
        make: unsafe fn(&VirtualMachine, &PyObject, *mut c::PyTypeObject) -> Block,
        wrap: unsafe fn(&VirtualMachine, Block, Half) -> PyResult,
    ) -> Self {
        Self {
            sizes: (size_of::<c::PyObject>(), 0),
            subclass_flag: 0,
            make,
            fill: None,
            refresh: None,
            touched: None,
            value: None,
            wrap,
            wrapped: None,
            caught_up: None,
            written: None,
            reusable: None,
            lose: None,
            free: None,
            each: None,
            clear: None,
        }
    }
}

static TABLE: AtomicPtr<[&'static Form; Kind::COUNT]> = AtomicPtr::new(std::ptr::null_mut());

/// Sets the table, before any block is made.
pub fn set(table: &'static [&'static Form; Kind::COUNT]) {
    TABLE.store(std::ptr::from_ref(table).cast_mut(), Ordering::Release);
}

/// The row of a kind.
#[inline]
pub fn of(kind: Kind) -> &'static Form {
    let table = TABLE.load(Ordering::Relaxed);
    debug_assert!(!table.is_null(), "the table of forms is set at start-up");
    // SAFETY: `set` ran before any block was made, the table lives for ever, and it has a row for each kind.
    unsafe { (*table).get_unchecked(kind as usize) }
}

/// A managed object, as rows give it.
pub fn given(object: impl Into<PyObjectRef>) -> PyResult {
    Ok(object.into())
}

/// Calls C code that traverses, with a function and an argument that lead to `visit`.
pub fn through<R>(visit: &mut Visit<'_>, traverse: impl FnOnce(c::VisitProc, *mut c_void) -> R) -> R {
    unsafe extern "C" fn visited(object: Block, argument: *mut c_void) -> c_int {
        // SAFETY: `through` passes its visitor, which outlives the call.
        unsafe { (*argument.cast::<&mut Visit<'_>>())(object) };
        0
    }
    let mut visit = visit;
    traverse(visited, (&raw mut visit).cast())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_c_code_visits_comes_to_the_visitor() {
        let mut seen = Vec::new();
        let done = through(&mut |block| seen.push(block as usize), |visit, argument| {
            // SAFETY: as C code calls it; the visitor looks at addresses only.
            (1..4).map(|address| unsafe { visit(std::ptr::without_provenance_mut(address), argument) }).sum::<c_int>()
        });
        assert_eq!((done, seen), (0, vec![1, 2, 3]));
    }
}
