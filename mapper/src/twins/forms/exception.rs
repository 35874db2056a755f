//! Exceptions: C code reads and writes the fields of their structs. The block owns what its fields refer to, as in CPython,
//! so that C code may put another reference there; behind the struct it remembers what both sides agreed on last, by
//! which is seen who has changed a field.

use std::cell::RefCell;
use std::mem::offset_of;

use rustc_hash::FxHashMap;
use rustpython_vm::builtins::{PyBaseException, PyTuple, PyType};
use rustpython_vm::function::PySetterValue;
use rustpython_vm::vm::thread::try_with_current_vm;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::abi::layout::{self as c, tpflags};
use crate::abi::type_table::{self, Field};
use crate::heap::block::{Block, capacity, flag, header, header_of};
use crate::heap::form::{Form, Look, Visit};
use crate::lifetime::thread::leave;
use crate::lifetime::{dealloc, handle};
use crate::twins::forms::object::new_block_of;
use crate::twins::types::{builtin_base, type_block};
use crate::twins::{retrieve, store};

/// Exceptions.
pub(super) static FORM: Form = Form {
    sizes: (size_of::<c::PyBaseExceptionObject>(), 0),
    subclass_flag: tpflags::BASE_EXC_SUBCLASS,
    make,
    fill: Some(refresh),
    refresh: Some(refresh),
    touched: Some(refresh),
    written: Some(written),
    free: Some(free),
    each: Some(each),
    clear: Some(clear),
    ..Form::EMPTY
};

const WORD: usize = size_of::<usize>();
/// Where the fields begin.
const FIRST: usize = size_of::<c::PyObject>();
const DICT: usize = offset_of!(c::PyBaseExceptionObject, dict);
const ARGS: usize = offset_of!(c::PyBaseExceptionObject, args);
const TRACEBACK: usize = offset_of!(c::PyBaseExceptionObject, traceback);
const CONTEXT: usize = offset_of!(c::PyBaseExceptionObject, context);
const CAUSE: usize = offset_of!(c::PyBaseExceptionObject, cause);
const SUPPRESS: usize = offset_of!(c::PyBaseExceptionObject, suppress_context);
/// `PyOSErrorObject.written`, which is no attribute as long as nothing was written.
const WRITTEN: usize = 104;
/// `Py_T_OBJECT`, of fields that count what they refer to; all others here are numbers.
const OBJECT: i32 = 6;

/// The struct of a builtin type's exceptions.
struct Struct {
    size: usize,
    /// What the type and its bases add to `PyBaseExceptionObject`.
    fields: Vec<Field>,
    /// The attribute is None, and not missing, as long as it was not set.
    none_is_some: bool,
    /// It has the field [`WRITTEN`].
    counts_written: bool,
}

impl Struct {
    fn of(vm: &VirtualMachine, builtin: &Py<PyType>) -> Self {
        let mut fields = Vec::new();
        let mut size = size_of::<c::PyBaseExceptionObject>();
        let bases = || std::iter::successors(Some(builtin), |class| class.base.deref());
        for base in bases().take_while(|base| !base.is(vm.ctx.exceptions.base_exception_type)) {
            if let Some(row) = type_table::row(&format!("builtins.{}", &*base.slot_name())) {
                size = size.max(row.basicsize as usize);
                fields.extend(row.fields());
            }
        }
        let is = |name: &str| bases().any(|base| &*base.slot_name() == name);
        Self { size, fields, none_is_some: is("StopIteration"), counts_written: is("OSError") }
    }

    /// Whether the word at an offset is a counted reference.
    fn counts(&self, offset: usize) -> bool {
        match offset {
            SUPPRESS => false,
            _ if offset < size_of::<c::PyBaseExceptionObject>() => true,
            _ => self.fields.iter().any(|field| field.offset as usize == offset && field.kind == OBJECT),
        }
    }
}

thread_local! {
    /// By builtin type, which lives for ever. Structs are never given back.
    static STRUCTS: RefCell<FxHashMap<usize, &'static Struct>> = RefCell::default();
}

/// The builtin type that an exception is of.
fn builtin(class: &Py<PyType>) -> &Py<PyType> {
    builtin_base(class).unwrap_or(class)
}

fn layout(vm: &VirtualMachine, class: &Py<PyType>) -> &'static Struct {
    let builtin = builtin(class);
    let known = |structs: &mut FxHashMap<usize, &'static Struct>| -> &'static Struct {
        let made = || -> &'static Struct { Box::leak(Box::new(Struct::of(vm, builtin))) };
        structs.entry(std::ptr::from_ref(builtin) as usize).or_insert_with(made)
    };
    STRUCTS.with_borrow_mut(known)
}

unsafe fn make(vm: &VirtualMachine, object: &PyObject, class: *mut c::PyTypeObject) -> Block {
    let size = layout(vm, object.class()).size;
    // SAFETY: an object's class is ready; the block has room for what it remembers.
    unsafe {
        let made = new_block_of(class, size.max((*class).tp_basicsize as usize) + WORD + size - FIRST);
        header_of(made).set(flag::SHOWN_EXCEPTION);
        // At the end of the memory, of which there may be more than was asked for and made zero.
        let agreed = made.cast::<u8>().add(agreed_at(made, size));
        agreed.write_bytes(0, size - FIRST);
        made
    }
}

/// A block for an exception that is raised and that no C code has yet: mostly none ever asks for it. It has no contents
/// before [`complete`] is called. None if there is more to it than arguments.
pub(crate) fn bare(vm: &VirtualMachine, object: &PyObject) -> Option<Block> {
    let raised = object.downcast_ref::<PyBaseException>()?;
    let class = object.class();
    let is_plain = class.heaptype_ext.is_none()
        && layout(vm, class).size == size_of::<c::PyBaseExceptionObject>()
        && raised.__traceback__().is_none()
        && raised.__context__().is_none();
    if !is_plain || handle::block_of(object).is_some() {
        return None;
    }
    // SAFETY: the class says what it is, and `type_block` gives filled blocks.
    unsafe {
        let made = make(vm, object, type_block(vm, class));
        handle::tie(made, object);
        store::own(made, object);
        Some(made)
    }
}

/// Gives a [`bare`] block its contents, for C code is about to get it. NULL is none.
pub(crate) fn complete(vm: &VirtualMachine, block: Block) {
    // SAFETY: the thread state's exception, or C's argument.
    unsafe {
        if let Some(header) = header(block)
            && header.has(flag::SHOWN_EXCEPTION)
            && (*block.cast::<c::PyBaseExceptionObject>()).args.is_null()
            && let Some(twin) = header.twin().as_ref()
        {
            refresh(vm, block, twin);
        }
    }
}

/// Where a block remembers what both sides agreed on.
unsafe fn agreed_at(block: Block, size: usize) -> usize {
    // SAFETY: `make` allocated the block.
    (unsafe { capacity(block) } - (size - FIRST)) / WORD * WORD
}

/// The word at an offset, and what both sides agreed on last. None if the block is not one of [`make`]'s.
unsafe fn word(block: Block, offset: usize, layout: &Struct) -> Option<(*mut usize, *mut usize)> {
    if !header(block).is_some_and(|header| header.has(flag::SHOWN_EXCEPTION)) {
        return None;
    }
    // SAFETY: `make` allocated the struct and as much behind it.
    unsafe {
        let memory = block.cast::<u8>();
        let agreed = memory.add(agreed_at(block, layout.size));
        Some((memory.add(offset).cast(), agreed.add(offset - FIRST).cast()))
    }
}

/// What the managed exception has in a field.
enum Value {
    Object(Option<PyObjectRef>),
    Number(isize),
    /// There is no such attribute: what is in the field is C's.
    Unknown,
}

fn value(vm: &VirtualMachine, object: &PyObject, layout: &Struct, offset: usize) -> Value {
    let Some(raised) = object.downcast_ref::<PyBaseException>() else { return Value::Number(0) };
    Value::Object(match offset {
        DICT => object.dict().filter(|dict| dict.__len__() > 0).map(Into::into),
        ARGS => Some(raised.args().into()),
        TRACEBACK => raised.__traceback__().map(Into::into),
        CONTEXT => raised.__context__().map(Into::into),
        CAUSE => raised.__cause__().map(Into::into),
        SUPPRESS => {
            return Value::Number(
                attribute(vm, object, "__suppress_context__").is_some_and(|it| it.is(&vm.ctx.true_value)).into(),
            );
        }
        WRITTEN if layout.counts_written => {
            let written = attribute(vm, object, "characters_written").and_then(|it| it.try_to_value(vm).ok());
            return Value::Number(written.unwrap_or(-1));
        }
        _ => {
            let Some(field) = layout.fields.iter().find(|field| field.offset as usize == offset) else {
                return Value::Unknown;
            };
            if builtin(object.class()).get_attr(vm.ctx.intern_str(field.name)).is_none() {
                return Value::Unknown;
            }
            let found = attribute(vm, object, field.name);
            if field.kind != OBJECT {
                return Value::Number(found.and_then(|it| it.try_to_value(vm).ok()).unwrap_or(0));
            }
            found.filter(|found| layout.none_is_some || !vm.is_none(found))
        }
    })
}

/// An attribute as the builtin type has it, which runs no Python code.
fn attribute(vm: &VirtualMachine, object: &PyObject, name: &'static str) -> Option<PyObjectRef> {
    let descriptor = builtin(object.class()).get_attr(vm.ctx.intern_str(name))?;
    vm.call_if_get_descriptor(&descriptor, object.to_owned()).ok()
}

/// Brings a block up to date, after C's own changes were handed on.
unsafe fn refresh(vm: &VirtualMachine, block: Block, object: &PyObject) {
    let layout = layout(vm, object.class());
    let mut given_up: smallvec::SmallVec<[Block; 4]> = smallvec::SmallVec::new();
    // SAFETY: by contract; offsets are inside the struct.
    unsafe {
        hand_on(vm, block, object, layout);
        let chain = prepare_chain(vm, object);
        for offset in (FIRST..layout.size).step_by(WORD) {
            let Some((at, agreed)) = word(block, offset, layout) else { return };
            let new = match value(vm, object, layout, offset) {
                Value::Unknown => continue,
                Value::Number(number) => number as usize,
                Value::Object(None) => 0,
                Value::Object(Some(object)) => {
                    let there = *at as Block;
                    if !there.is_null() && handle::twin_of(there).is_some_and(|twin| twin.is(&object)) {
                        continue;
                    }
                    store::store(vm, &object) as usize
                }
            };
            if layout.counts(offset) && *at != 0 {
                given_up.push(*at as Block);
            }
            (*at, *agreed) = (new, new);
        }
        given_up.extend(chain);
        given_up.into_iter().for_each(|block| dealloc::decref(block));
    }
}

/// Stores an exception's traceback and its contexts, the last one first: none is stored from inside of another, for there
/// may be very many. The references are the caller's.
unsafe fn prepare_chain(vm: &VirtualMachine, object: &PyObject) -> Vec<Block> {
    let Some(raised) = object.downcast_ref::<PyBaseException>() else { return Vec::new() };
    let next = |it: &PyObjectRef| match it.downcast_ref::<PyBaseException>() {
        Some(raised) => raised.__context__().map(PyObjectRef::from),
        None => attribute(vm, it, "tb_next").filter(|next| !vm.is_none(next)),
    };
    let mut blocks = Vec::new();
    for first in [raised.__context__().map(PyObjectRef::from), raised.__traceback__().map(PyObjectRef::from)] {
        let mut links: Vec<PyObjectRef> = Vec::new();
        let mut link = first;
        while let Some(found) = link
            && handle::block_of(&found).is_none()
            && links.len() < 1 << 16
        {
            link = next(&found);
            links.push(found);
        }
        if links.len() > 1 {
            blocks.extend(links.iter().rev().map(|link| store::store(vm, link)));
        }
    }
    blocks
}

/// Hands on what C code has written into a block.
unsafe fn written(block: Block, _: Look) {
    let Some(twin) = handle::twin_of(block) else { return };
    let twin = twin.to_owned();
    // SAFETY: by contract.
    try_with_current_vm(|vm| unsafe { hand_on(vm, block, &twin, layout(vm, twin.class())) });
}

unsafe fn hand_on(vm: &VirtualMachine, block: Block, object: &PyObject, layout: &Struct) {
    let mut suppress = None;
    // SAFETY: by contract; a field has an object or NULL.
    unsafe {
        for offset in (FIRST..layout.size).step_by(WORD) {
            let Some((at, agreed)) = word(block, offset, layout) else { return };
            if *at == *agreed {
                continue;
            }
            *agreed = *at;
            if offset == SUPPRESS {
                suppress = Some(*at as u8 != 0);
                continue;
            }
            let value = match *at {
                number if !layout.counts(offset) => Some(vm.ctx.new_int(number as isize).into()),
                0 => None,
                there => retrieve::retrieve(vm, there as Block).ok(),
            };
            // What does not fit is C's own business, as in CPython.
            let _ = set(vm, object, layout, offset, value);
            if offset == CAUSE {
                // Setting the managed cause says that the context is not to be shown; C code writes that itself.
                suppress = word(block, SUPPRESS, layout).map(|(at, _)| *at as u8 != 0);
            }
        }
        if let Some(suppress) = suppress {
            let _ = set_attribute(vm, object, "__suppress_context__", Some(vm.ctx.new_bool(suppress).into()));
        }
    }
}

/// Sets what the managed exception has in a field.
fn set(
    vm: &VirtualMachine,
    object: &PyObject,
    layout: &Struct,
    offset: usize,
    value: Option<PyObjectRef>,
) -> PyResult<()> {
    let Some(raised) = object.downcast_ref::<PyBaseException>() else { return Ok(()) };
    let exception = |value: Option<PyObjectRef>| value.and_then(|it| it.downcast::<PyBaseException>().ok());
    match offset {
        DICT => {
            let dict = value.and_then(|it| it.downcast().ok());
            let _ = object.set_dict(Some(dict.unwrap_or_else(|| vm.ctx.new_dict())));
        }
        ARGS => {
            let args = value.filter(|it| it.downcast_ref::<PyTuple>().is_some());
            return set_attribute(vm, object, "args", Some(args.unwrap_or_else(|| vm.ctx.empty_tuple.clone().into())));
        }
        TRACEBACK => leave(vm, || raised.set_traceback(value.and_then(|it| it.downcast().ok()))),
        CONTEXT => leave(vm, || raised.set_context(exception(value))),
        CAUSE => leave(vm, || raised.set_cause(exception(value))),
        _ => {
            if let Some(field) = layout.fields.iter().find(|field| field.offset as usize == offset) {
                let value = value.or_else(|| (field.kind == OBJECT).then(|| vm.ctx.none()));
                return set_attribute(vm, object, field.name, value);
            }
        }
    }
    Ok(())
}

/// Sets an attribute of the builtin type.
fn set_attribute(
    vm: &VirtualMachine,
    object: &PyObject,
    name: &'static str,
    value: Option<PyObjectRef>,
) -> PyResult<()> {
    let Some(descriptor) = builtin(object.class()).get_attr(vm.ctx.intern_str(name)) else { return Ok(()) };
    let Some(set) = descriptor.class().slots.descr_set.load() else { return Ok(()) };
    let value = value.map_or(PySetterValue::Delete, PySetterValue::Assign);
    leave(vm, || set(&descriptor, object.to_owned(), value, vm))
}

/// Calls `act` for each counted field.
unsafe fn each_field(block: Block, mut act: impl FnMut(*mut usize, *mut usize)) {
    // SAFETY: the block's type is one of exceptions; its twin may be gone, so the type's block tells of the struct.
    unsafe {
        let Some(layout) = layout_of_block(block) else { return };
        for offset in (FIRST..layout.size).step_by(WORD).filter(|offset| layout.counts(*offset)) {
            let Some((at, agreed)) = word(block, offset, layout) else { return };
            if *at != 0 {
                act(at, agreed);
            }
        }
    }
}

unsafe fn layout_of_block(block: Block) -> Option<&'static Struct> {
    // SAFETY: by the caller's contract.
    let class = handle::twin_of(unsafe { (*block).ob_type }.cast())?;
    let class = class.downcast_ref::<PyType>()?;
    try_with_current_vm(|vm| layout(vm, class))
}

unsafe fn each(block: Block, visit: &mut Visit<'_>) {
    // SAFETY: a live exception's block.
    unsafe { each_field(block, |at, _| visit(*at as Block)) };
}

/// Drops what the fields refer to.
unsafe fn clear(block: Block) {
    let mut given_up: smallvec::SmallVec<[Block; 8]> = smallvec::SmallVec::new();
    // SAFETY: an exception's block; each field's reference is taken out before it is dropped.
    unsafe {
        each_field(block, |at, agreed| {
            given_up.push(*at as Block);
            (*at, *agreed) = (0, 0);
        });
        given_up.into_iter().for_each(|block| dealloc::decref(block));
    }
}

unsafe fn free(block: Block) {
    // SAFETY: a dying exception's block.
    unsafe { clear(block) };
}
