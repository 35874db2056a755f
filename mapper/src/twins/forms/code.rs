//! What the structs of code objects and frames have beside attributes of theirs.

use std::ffi::c_int;
use std::mem::size_of;

use rustpython_vm::builtins::PyCode;
use rustpython_vm::frame::FrameObject;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, VirtualMachine};

use crate::abi::layout as c;
use crate::heap::block::Block;
use crate::twins::lend::lend;

/// Kinds of local variables (`cpython/code.h`).
const LOCAL: u8 = 0x20;
const CELL: u8 = 0x40;
const FREE: u8 = 0x80;

/// Fills in the variables of a code object: locals, cells that are no arguments, and free ones.
///
/// # Safety
/// `block` is a code object's.
pub(super) unsafe fn fill_variables(vm: &VirtualMachine, block: Block, code: &PyCode) {
    let code = &code.code;
    let mut names: Vec<PyObjectRef> = Vec::new();
    let mut kinds = Vec::new();
    for name in &code.varnames {
        let is_cell = code.cellvars.iter().any(|cell| std::ptr::eq(*cell, *name));
        names.push((*name).to_owned().into());
        kinds.push(if is_cell { LOCAL | CELL } else { LOCAL });
    }
    for name in &code.cellvars {
        if !code.varnames.iter().any(|local| std::ptr::eq(*local, *name)) {
            names.push((*name).to_owned().into());
            kinds.push(CELL);
        }
    }
    for name in &code.freevars {
        names.push((*name).to_owned().into());
        kinds.push(FREE);
    }
    if code.localspluskinds.len() == kinds.len() {
        kinds = code.localspluskinds.to_vec();
    }
    let count = names.len() as c_int;
    let (names, kinds): (PyObjectRef, PyObjectRef) = (vm.ctx.new_tuple(names).into(), vm.ctx.new_bytes(kinds).into());
    // SAFETY: by contract.
    unsafe {
        let block = block.cast::<c::PyCodeObject>();
        (*block).co_nlocalsplus = count;
        (*block).co_framesize = count + (*block).co_stacksize + (size_of::<Running>() / size_of::<usize>()) as c_int;
        (*block).co_localsplusnames = lend(vm, block.cast(), &names);
        (*block).co_localspluskinds = lend(vm, block.cast(), &kinds);
    }
}

/// The start of `_PyInterpreterFrame` (`internal/pycore_interpframe_structs.h`): what a frame is about while it runs.
#[repr(C)]
struct Running {
    executable: usize,
    previous: *mut Self,
    function: usize,
    globals: Block,
    builtins: Block,
    locals: Block,
    frame: Block,
    instruction: usize,
    stack: usize,
    return_offset: u16,
    owner: u8,
    visited: u8,
}

/// Marks a reference that nobody counts.
const UNCOUNTED: usize = 1;
/// Says that the frame object itself has the data.
const OWN: u8 = 1;

/// Fills in what a frame is about, in the room that the block has for it.
///
/// # Safety
/// `data` is that room, in `block`.
pub(super) unsafe fn fill_frame(vm: &VirtualMachine, block: Block, data: *mut u8, frame: &FrameObject) {
    let (code, globals, builtins) = (frame.iframe().code(), frame.iframe().globals(), frame.iframe().builtins());
    let lent = |object: &PyObject| lend(vm, block, object);
    // SAFETY: by contract.
    unsafe {
        data.cast::<Running>().write(Running {
            executable: lent(code.as_object()) as usize | UNCOUNTED,
            previous: std::ptr::null_mut(),
            function: UNCOUNTED,
            globals: lent(globals.as_object()),
            builtins: lent(builtins),
            locals: std::ptr::null_mut(),
            frame: block,
            instruction: 0,
            stack: 0,
            return_offset: 0,
            owner: OWN,
            visited: 0,
        });
    }
}
