//! `tp_new` and `tp_init` of builtin types. A C type calls its base's with itself as the class, so these functions must
//! know whose they are: each is a few instructions that add the type's number and go on to a common function.

use std::ffi::{c_int, c_void};
use std::mem::transmute;
use std::sync::{Mutex, OnceLock};

use rustpython_vm::builtins::PyType;
use rustpython_vm::function::FuncArgs;
use rustpython_vm::{AsObject, Py, PyResult, VirtualMachine};

use crate::abi::code::{self, STEP};
use crate::abi::layout as c;
use crate::calls::api::api;
use crate::calls::calling::keywords;
use crate::heap::block::Block;
use crate::lifetime::thread::leave;
use crate::twins::forms::tuple;
use crate::twins::reference::{Borrowed, New};
use crate::twins::{retrieve, store};

/// How many builtin types there may be: RustPython has some 300.
const MOST: usize = 1024;

/// The types by number. Builtin types live as long as the process.
static OWNERS: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// Where the functions of a slot begin, one every [`STEP`] bytes.
fn entries(cell: &OnceLock<usize>, common: *const c_void) -> usize {
    *cell.get_or_init(|| code::numbered(MOST, common) as usize)
}

/// The two functions of a builtin type.
pub(crate) fn for_type(class: &Py<PyType>) -> (Option<c::NewFunc>, Option<c::InitProc>) {
    static NEW: OnceLock<usize> = OnceLock::new();
    static INIT: OnceLock<usize> = OnceLock::new();
    let number = {
        let mut owners = OWNERS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        owners.push(std::ptr::from_ref(class) as usize);
        owners.len() - 1
    };
    assert!(number < MOST, "more builtin types than functions for them");
    let (new, init) = (entries(&NEW, new as *const c_void), entries(&INIT, init as *const c_void));
    // SAFETY: code of this type, made above.
    unsafe {
        (
            Some(transmute::<usize, c::NewFunc>(new + number * STEP)),
            Some(transmute::<usize, c::InitProc>(init + number * STEP)),
        )
    }
}

fn owner(number: u32) -> &'static Py<PyType> {
    let owners = OWNERS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    // SAFETY: put there by `for_type`.
    unsafe { &*(owners[number as usize] as *const Py<PyType>) }
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

/// Behind every `tp_new`: the builtin type makes an object of the class.
unsafe extern "C" fn new(class: *mut c::PyTypeObject, args: Block, kwargs: Block, number: u32) -> Block {
    let made = api(|vm| {
        let class = Borrowed(class.cast()).class(vm)?;
        // SAFETY: C's arguments: a tuple, and a dict or NULL.
        let args = unsafe { arguments(vm, args, kwargs)? };
        let f = owner(number).slots.new.load();
        let f =
            f.ok_or_else(|| vm.new_type_error(format!("cannot create '{}' instances", owner(number).slot_name())))?;
        Ok(New::of(vm, leave(vm, || f(class, args, vm))?))
    });
    made.0
}

/// Behind every `tp_init`: the builtin type initialises the object.
unsafe extern "C" fn init(this: Block, args: Block, kwargs: Block, number: u32) -> c_int {
    api(|vm| {
        let object = Borrowed(this).get(vm)?;
        // SAFETY: C's arguments: a tuple, and a dict or NULL.
        let args = unsafe { arguments(vm, args, kwargs)? };
        if let Some(f) = owner(number).slots.init.load() {
            leave(vm, || f(object.as_object(), args, vm))?;
        }
        // SAFETY: C's argument.
        unsafe { store::touched(vm, this) };
        Ok(0)
    })
}
