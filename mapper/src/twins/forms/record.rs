//! Blocks of builtin types whose structs C code reads through macros: each field shows an attribute of the managed
//! object. A table says which. Object fields are lent by the block (see [`crate::twins::lend`]).

use std::ffi::c_int;
use std::mem::{offset_of, size_of};
use std::sync::OnceLock;

use rustpython_vm::builtins::{PyCode, PyMemoryView, PyStr, PyTraceback, PyType};
use rustpython_vm::frame::FrameObject;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyPayload as _, VirtualMachine};

use crate::abi::address::exported;
use crate::abi::layout as c;
use crate::heap::block::Block;
use crate::heap::form::{Form, WithTwin};
use crate::lifetime::{handle, loans};
use crate::twins::forms::buffer::{Arrays, PickleBuffer, describe};
use crate::twins::forms::instancemethod::InstanceMethod;
use crate::twins::forms::object::new_block_of;
use crate::twins::lend::lend;
use crate::twins::types::builtin_base;

/// The start of CPython's struct for frames, which it keeps to itself: code generators write `f_lineno`.
#[repr(C)]
pub(crate) struct PyFrameObject {
    ob_base: c::PyObject,
    f_back: Block,
    f_frame: Block,
    f_trace: Block,
    pub(crate) f_lineno: c_int,
    flags: [u8; 8],
    f_extra_locals: Block,
    f_locals_cache: Block,
    f_overwritten_fast_locals: Block,
    /// Where greenlet saves a word of a running frame's.
    saved: usize,
    /// Room for what follows in a frame that is not running.
    f_frame_data: [usize; 15],
}

/// How an attribute is shown.
#[derive(Clone, Copy)]
enum As {
    /// A borrowed pointer; NULL if there is no such attribute.
    Object,
    /// A borrowed pointer; NULL for None, too.
    Optional,
    /// A C `int`.
    Int,
    /// The length of a tuple, as a C `int`.
    Length,
    /// An unsigned number in this many bytes, the highest first.
    Bytes(usize),
    /// One byte: 0 for None, 1 for anything else.
    IsSome,
    /// The function that calls the object; the attribute is not looked at.
    Call,
    /// A C `Py_hash_t` that is not known yet, whatever the attribute is.
    Unhashed,
    /// A C `Py_ssize_t`.
    Size,
    /// How many values a format of `struct` has, as a C `Py_ssize_t`.
    Values,
}

struct Record {
    size: usize,
    fields: &'static [(usize, &'static str, As)],
}

macro_rules! record {
    ($struct:ident: $($field:ident $(+ $more:literal)? = $attribute:literal $how:ident $(($bytes:literal))?),* $(,)?) => {
        Record {
            size: size_of::<c::$struct>(),
            fields: &[$((offset_of!(c::$struct, $field) $(+ $more)?, $attribute, As::$how $(($bytes))?)),*],
        }
    };
}

static CELL: Record = record! { PyCellObject: ob_ref = "cell_contents" Object };
static METHOD: Record = record! { PyMethodObject: im_func = "__func__" Object, im_self = "__self__" Object,
vectorcall = "" Call };
static INSTANCE_METHOD: Record = record! { PyInstanceMethodObject: func = "__func__" Object };
static TRACEBACK: Record = record! { PyTracebackObject:
    tb_next = "tb_next" Optional, tb_lasti = "tb_lasti" Int, tb_lineno = "tb_lineno" Int,
};
static CODE: Record = record! { PyCodeObject:
    co_consts = "co_consts" Object, co_names = "co_names" Object, co_exceptiontable = "co_exceptiontable" Object,
    co_flags = "co_flags" Int, co_argcount = "co_argcount" Int, co_posonlyargcount = "co_posonlyargcount" Int,
    co_kwonlyargcount = "co_kwonlyargcount" Int, co_stacksize = "co_stacksize" Int,
    co_firstlineno = "co_firstlineno" Int, co_nlocals = "co_nlocals" Int, co_ncellvars = "co_cellvars" Length,
    co_nfreevars = "co_freevars" Length, co_filename = "co_filename" Object, co_name = "co_name" Object,
    co_qualname = "co_qualname" Object, co_linetable = "co_linetable" Object,
};
static FUNCTION: Record = record! { PyFunctionObject:
    func_globals = "__globals__" Object, func_builtins = "__builtins__" Object, func_name = "__name__" Object,
    func_qualname = "__qualname__" Object, func_code = "__code__" Object, func_defaults = "__defaults__" Optional,
    func_kwdefaults = "__kwdefaults__" Optional, func_closure = "__closure__" Optional, func_doc = "__doc__" Object,
    func_dict = "__dict__" Object, func_module = "__module__" Object, vectorcall = "" Call,
};
static DATE_FIELDS: Record = record! { PyDateTime_Date:
    hashcode = "__hash__" Unhashed, data = "year" Bytes(2), data + 2 = "month" Bytes(1), data + 3 = "day" Bytes(1),
};
static DATETIME_FIELDS: Record = record! { PyDateTime_DateTime:
    hashcode = "__hash__" Unhashed, hastzinfo = "tzinfo" IsSome, tzinfo = "tzinfo" Object, fold = "fold" Bytes(1),
    data = "year" Bytes(2), data + 2 = "month" Bytes(1), data + 3 = "day" Bytes(1), data + 4 = "hour" Bytes(1),
    data + 5 = "minute" Bytes(1), data + 6 = "second" Bytes(1), data + 7 = "microsecond" Bytes(3),
};
static TIME_FIELDS: Record = record! { PyDateTime_Time:
    hashcode = "__hash__" Unhashed, hastzinfo = "tzinfo" IsSome, tzinfo = "tzinfo" Object, fold = "fold" Bytes(1),
    data = "hour" Bytes(1), data + 1 = "minute" Bytes(1), data + 2 = "second" Bytes(1), data + 3 = "microsecond" Bytes(3),
};
static DELTA_FIELDS: Record = record! { PyDateTime_Delta:
    hashcode = "__hash__" Unhashed, days = "days" Int, seconds = "seconds" Int, microseconds = "microseconds" Int,
};

static FRAME: Record = Record { size: size_of::<PyFrameObject>(), fields: &[] };
static VIEW: Record = Record { size: size_of::<c::PyMemoryViewObject>() + size_of::<Arrays>(), fields: &[] };
static PICKLE_BUFFER: Record = Record { size: size_of::<PickleBuffer>(), fields: &[] };
/// `PyStructObject` of `_struct.c`, which `_testbuffer` reads.
static STRUCT: Record = Record { size: 56, fields: &[(16, "size", As::Size), (24, "format", As::Values)] };
static NONE: Record = Record { size: size_of::<c::PyObject>(), fields: &[] };

fn record(vm: &VirtualMachine, class: &Py<PyType>) -> &'static Record {
    let t = &vm.ctx.types;
    let table: [(&Py<PyType>, &'static Record); 8] = [
        (t.bound_method_type, &METHOD),
        (t.function_type, &FUNCTION),
        (t.memoryview_type, &VIEW),
        (t.cell_type, &CELL),
        (t.code_type, &CODE),
        (t.frame_type, &FRAME),
        (t.traceback_type, &TRACEBACK),
        (InstanceMethod::class(&vm.ctx), &INSTANCE_METHOD),
    ];
    match table.iter().find(|(of, _)| class.fast_issubclass(*of)) {
        Some((_, record)) => record,
        None if &*class.slot_name() == "pickle.PickleBuffer" => &PICKLE_BUFFER,
        None if is_struct(class) => &STRUCT,
        None => &NONE,
    }
}

/// Whether a class is `struct.Struct`, whose fields C code reads, or derived from it.
pub(crate) fn is_struct(class: &Py<PyType>) -> bool {
    builtin_base(class).is_some_and(|class| &*class.slot_name() == "_struct.Struct")
}

/// The size of the struct of a class's instances, in bytes.
pub(crate) fn size(vm: &VirtualMachine, class: &Py<PyType>) -> usize {
    record(vm, class).size
}

/// A row for objects whose structs show these fields; `sizes` of its class.
const fn shown(size: usize, fill: WithTwin) -> Form {
    Form { sizes: (size, 0), fill: Some(fill), ..Form::EMPTY }
}

/// Structs of various builtin types.
pub(super) static RECORD: Form = Form { make, refresh: Some(refresh), ..shown(size_of::<c::PyObject>(), fill) };
/// A block with room for our struct, which may be larger than CPython's.
unsafe fn make(vm: &VirtualMachine, object: &PyObject, class: *mut c::PyTypeObject) -> Block {
    // SAFETY: an object's class is ready.
    unsafe { new_block_of(class, size(vm, object.class()).max((*class).tp_basicsize as usize)) }
}

/// `date`.
pub(super) static DATE: Form = shown(size_of::<c::PyDateTime_Date>(), |vm, block, object| {
    // SAFETY: as for `fill`; the block is a date's.
    unsafe { fill_fields(vm, block, object, &DATE_FIELDS) };
});
/// `time`.
pub(super) static TIME: Form = shown(size_of::<c::PyDateTime_Time>(), |vm, block, object| {
    // SAFETY: as for `fill`; the block is a time's.
    unsafe { fill_fields(vm, block, object, &TIME_FIELDS) };
});
/// `datetime`.
pub(super) static DATE_TIME: Form = shown(size_of::<c::PyDateTime_DateTime>(), |vm, block, object| {
    // SAFETY: as for `fill`; the block is a datetime's.
    unsafe { fill_fields(vm, block, object, &DATETIME_FIELDS) };
});
/// `timedelta`.
pub(super) static TIME_DELTA: Form = shown(size_of::<c::PyDateTime_Delta>(), |vm, block, object| {
    // SAFETY: as for `fill`; the block is a timedelta's.
    unsafe { fill_fields(vm, block, object, &DELTA_FIELDS) };
});

/// An attribute as the object's builtin type has it: what a class made in Python puts in front of it is Python code, and not
/// what is in the struct.
fn attribute(vm: &VirtualMachine, object: &PyObject, name: &'static str) -> Option<PyObjectRef> {
    if object.class().heaptype_ext.is_none() {
        return object.get_attr(name, vm).ok();
    }
    let found = builtin_base(object.class())?.get_attr(vm.ctx.intern_str(name))?;
    vm.call_if_get_descriptor(&found, object.to_owned()).ok()
}

/// Fills a block's fields from its twin.
///
/// # Safety
/// `block` is of this kind, `object` its twin.
pub(crate) unsafe fn fill(vm: &VirtualMachine, block: Block, object: &PyObject) {
    // SAFETY: by contract the fields are inside the block.
    unsafe {
        if object.downcastable::<PyMemoryView>() {
            let block = block.cast::<c::PyMemoryViewObject>();
            describe(vm, block.cast(), &raw mut (*block).view, (&raw mut (*block).ob_array).cast(), object);
            (*block).hash = -1;
            return;
        }
        fill_fields(vm, block, object, record(vm, object.class()));
        if let Some(code) = object.downcast_ref::<PyCode>() {
            super::code::fill_variables(vm, block, code);
        } else if let Some(frame) = object.downcast_ref::<FrameObject>() {
            let block = block.cast::<PyFrameObject>();
            let data = (&raw mut (*block).f_frame_data).cast();
            super::code::fill_frame(vm, block.cast(), data, frame);
            (*block).f_frame = data.cast();
        } else if let Some(traceback) = object.downcast_ref::<PyTraceback>() {
            // Not as an attribute: reading that is audited.
            (*block.cast::<c::PyTracebackObject>()).tb_frame = lend(vm, block, traceback.frame.as_object()).cast();
        }
    }
}

/// The address of what calls objects of the VM's, as C's `vectorcall` fields have it.
pub(super) fn call_function() -> usize {
    static FUNCTION: OnceLock<usize> = OnceLock::new();
    *FUNCTION.get_or_init(|| exported("PyObject_Vectorcall") as usize)
}

unsafe fn fill_fields(vm: &VirtualMachine, block: Block, object: &PyObject, record: &Record) {
    for &(offset, name, how) in record.fields {
        // SAFETY: by the caller's contract the fields are inside the block.
        unsafe { fill_field(vm, block, object, block.cast::<u8>().add(offset), name, how) };
    }
}

unsafe fn fill_field(vm: &VirtualMachine, block: Block, object: &PyObject, at: *mut u8, name: &'static str, how: As) {
    let found = || attribute(vm, object, name);
    // SAFETY: by the caller's contract there is such a field.
    unsafe {
        match how {
            As::Object | As::Optional => {
                let found = found().filter(|found| matches!(how, As::Object) || !vm.is_none(found));
                at.cast::<Block>().write(found.map_or(std::ptr::null_mut(), |found| lend(vm, block, &found)));
            }
            As::Int => at.cast::<c_int>().write(found().and_then(|it| it.try_to_value(vm).ok()).unwrap_or(0)),
            As::Bytes(count) => {
                let number: u32 = found().and_then(|it| it.try_to_value(vm).ok()).unwrap_or(0);
                at.copy_from(number.to_be_bytes().as_ptr().add(size_of::<u32>() - count), count);
            }
            As::IsSome => at.write(u8::from(found().is_some_and(|it| !vm.is_none(&it)))),
            As::Size => at.cast::<isize>().write(found().and_then(|it| it.try_to_value(vm).ok()).unwrap_or(0)),
            As::Values => {
                let format = found().and_then(|it| it.downcast::<PyStr>().ok());
                at.cast::<isize>().write(format.map_or(0, |format| values(&format.to_string_lossy())));
            }
            As::Call => at.cast::<usize>().write(call_function()),
            As::Unhashed => at.cast::<isize>().write(-1),
            As::Length => {
                let length = found().and_then(|it| it.length(vm).ok()).unwrap_or(0);
                at.cast::<c_int>().write(length as c_int);
            }
        }
    }
}

/// How many values a format of `struct` has: a string is one however long it is, padding is none.
fn values(format: &str) -> isize {
    let (mut all, mut count) = (0, None);
    for code in format.chars() {
        if let Some(digit) = code.to_digit(10) {
            count = Some(count.unwrap_or(0isize).saturating_mul(10).saturating_add(digit as isize));
            continue;
        }
        let times = count.take().unwrap_or(1);
        all += match code {
            's' | 'p' => 1,
            code if code.is_ascii_alphabetic() && code != 'x' || code == '?' => times,
            _ => 0,
        };
    }
    all
}

/// Brings the block of an object that can change up to date.
unsafe fn refresh(vm: &VirtualMachine, block: Block, object: &PyObject) {
    if !object.class().is(vm.ctx.types.cell_type) {
        return;
    }
    // SAFETY: by contract; a field has an object or NULL.
    unsafe {
        let shown = (*block.cast::<c::PyCellObject>()).ob_ref;
        let shown = if shown.is_null() { None } else { handle::twin_of(shown) };
        let now = attribute(vm, object, "cell_contents");
        if shown.map(std::ptr::from_ref) != now.as_deref().map(std::ptr::from_ref) {
            loans::end(block);
            fill(vm, block, object);
        }
    }
}
