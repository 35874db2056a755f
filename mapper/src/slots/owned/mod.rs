//! The slots of builtin types. Each does that type's own work, whatever the object's class overrides: C types call and
//! copy their base's slots. So these functions must know whose they are: each is a few instructions that add a number
//! and go on to a common function, which finds the type by it.

pub(crate) mod containers;
pub(crate) mod number;
pub(crate) mod object;

use std::ffi::{c_int, c_void};
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use rustpython_vm::builtins::PyType;
use rustpython_vm::function::FuncArgs;
use rustpython_vm::{AsObject, Py, PyObject, PyResult, VirtualMachine};

use crate::abi::code::{self, STEP};
use crate::abi::layout as c;
use crate::calls::api::api;
use crate::calls::calling::keywords;
use crate::heap::block::Block;
use crate::lifetime::thread::leave;
use crate::twins::forms::tuple;
use crate::twins::reference::{Borrowed, New};
use crate::twins::retrieve;

/// How many functions are made at once.
const CHUNK: usize = 1024;
/// How often: RustPython has some 300 types, with 20 slots of their own each.
const MOST: usize = 64;

/// Functions that were made together: where their code begins, and by place the common function and the type of each.
struct Chunk {
    code: usize,
    functions: &'static [AtomicUsize],
    owners: Vec<AtomicUsize>,
}

static CHUNKS: [AtomicPtr<Chunk>; MOST] = [const { AtomicPtr::new(std::ptr::null_mut()) }; MOST];

/// How many functions are in use.
static USED: Mutex<usize> = Mutex::new(0);

/// A function that goes on to `common` and tells it whose it is. Builtin types live as long as the process.
pub(super) fn entry(class: &Py<PyType>, common: *const c_void) -> *const c_void {
    let mut used = USED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (number, place) = (*used / CHUNK, *used % CHUNK);
    if place == 0 {
        CHUNKS[number].store(Box::into_raw(Box::new(new_chunk(*used))), Ordering::Release);
    }
    *used += 1;
    // SAFETY: made above, or when its first function was; it is never freed.
    let chunk = unsafe { &*CHUNKS[number].load(Ordering::Acquire) };
    chunk.owners[place].store(std::ptr::from_ref(class) as usize, Ordering::Release);
    chunk.functions[place].store(common as usize, Ordering::Release);
    (chunk.code + place * STEP) as *const c_void
}

fn new_chunk(first: usize) -> Chunk {
    let functions: &'static [AtomicUsize] = Vec::leak((0..CHUNK).map(|_| AtomicUsize::new(0)).collect());
    let code = code::numbered(first, functions) as usize;
    Chunk { code, functions, owners: (0..CHUNK).map(|_| AtomicUsize::new(0)).collect() }
}

/// The type whose function was called.
pub(super) fn owner(number: u32) -> &'static Py<PyType> {
    let (chunk, place) = (number as usize / CHUNK, number as usize % CHUNK);
    // SAFETY: the function with this number is in the chunk, whose owners were stored before it was given away.
    unsafe {
        let chunk = &*CHUNKS[chunk].load(Ordering::Acquire);
        &*(chunk.owners[place].load(Ordering::Acquire) as *const Py<PyType>)
    }
}

/// The arguments of a call as a managed function takes them.
pub(super) unsafe fn arguments(vm: &VirtualMachine, args: Block, kwargs: Block) -> PyResult<FuncArgs> {
    let mut values = Vec::new();
    if !args.is_null() {
        // SAFETY: a tuple, by the caller's contract.
        for &item in unsafe { tuple::slice(args) } {
            // SAFETY: a tuple holds objects.
            values.push(unsafe { retrieve::retrieve(vm, item)? });
        }
    }
    let count = values.len();
    let Some((names, mut more)) = keywords(vm, Borrowed(kwargs))? else { return Ok(FuncArgs::from(values)) };
    values.append(&mut more);
    Ok(FuncArgs::from_vectorcall_owned(values, count, Some(&names)))
}

/// What a function of one object gives.
pub(super) fn unary(this: Block, f: impl FnOnce(&PyObject, &VirtualMachine) -> PyResult) -> Block {
    let result = api(|vm| {
        let object = Borrowed(this).held(vm)?;
        Ok(New::of(vm, leave(vm, || f(&object, vm))?))
    });
    result.0
}

/// What a function of two objects gives.
pub(super) fn binary(a: Block, b: Block, f: impl FnOnce(&PyObject, &PyObject, &VirtualMachine) -> PyResult) -> Block {
    let result = api(|vm| {
        let (a, b) = (Borrowed(a).held(vm)?, Borrowed(b).held(vm)?);
        Ok(New::of(vm, leave(vm, || f(&a, &b, vm))?))
    });
    result.0
}

/// The slot was there when the type was shown to C, and builtin types do not change.
#[cold]
pub(super) fn gone<T>(vm: &VirtualMachine, number: u32) -> PyResult<T> {
    Err(vm.new_system_error(format!("a slot of '{}' is gone", owner(number).slot_name())))
}

/// Whether the VM's slot is there and is not just the base's.
macro_rules! own {
    ($class:expr, $($slot:ident).+) => {
        $class.slots.$($slot).+.load().is_some_and(|f| {
            let of_base = $class.base.deref().and_then(|base| base.slots.$($slot).+.load());
            of_base.is_none_or(|other| f as usize != other as usize)
        })
    };
}
pub(super) use own;

/// Fills in the slots that a builtin type has: functions of its own, and those of its base where the VM's are the base's.
macro_rules! set_owned {
    ($class:expr, $to:expr, $base:expr; $($($slot:ident).+ => $field:ident $f:path;)*) => {
        $(if $crate::slots::owned::own!($class, $($slot).+) {
            $to.$field = std::mem::transmute($crate::slots::owned::entry($class, $f as *const std::ffi::c_void));
        } else if $class.slots.$($slot).+.load().is_some() && let Some(base) = $base {
            $to.$field = base.$field;
        })*
    };
}
pub(super) use set_owned;

/// Sets the slots of a builtin type's block, which has suites.
///
/// # Safety
/// `t` is the block of `class`, whose base's block is filled.
pub(crate) unsafe fn fill(vm: &VirtualMachine, t: &mut c::PyTypeObject, class: &'static Py<PyType>) {
    // SAFETY: by contract.
    unsafe {
        object::fill(vm, t, class);
        number::fill(t, class);
        containers::fill(t, class);
    }
}

/// A builtin type as one that lives for ever.
pub(crate) fn lasting(class: &Py<PyType>) -> &'static Py<PyType> {
    // SAFETY: RustPython's own static types never die.
    unsafe { &*std::ptr::from_ref(class) }
}

/// Runs what returns 0, or -1 with an exception, without the C lock.
pub(super) fn status(vm: &VirtualMachine, f: impl FnOnce() -> PyResult<()>) -> PyResult<c_int> {
    leave(vm, f).map(|()| 0)
}

/// Whether an object is one of the type whose function was called.
pub(super) fn is_owned(object: &PyObject, number: u32) -> bool {
    object.class().fast_issubclass(owner(number).as_object())
}
