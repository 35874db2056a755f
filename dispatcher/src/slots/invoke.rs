//! Calls of C's slots: one function for each signature, which passes the arguments and reads the result.

use std::ffi::{CString, c_int};

use rustclad_mapper::abi::layout as c;
use rustclad_mapper::calls::calling::vectorcall_function;
use rustclad_mapper::heap::block::Block;
use rustclad_mapper::lifetime::thread;
use rustclad_mapper::twins::cycles::saved;
use rustclad_mapper::twins::error;
use rustclad_mapper::twins::passing::Passed;
use rustclad_mapper::twins::types::type_block;
use rustpython_vm::builtins::{PyStr, PyType};
use rustpython_vm::function::FuncArgs;
use rustpython_vm::{Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::calls::{fast_arguments, keyword_block, tuple_block};

/// The object's type.
#[inline]
fn class_of(object: &Passed) -> &'static c::PyTypeObject {
    // SAFETY: a live object's type lives.
    unsafe { &*(*object.block()).ob_type }
}

/// The name of a slot's wrapper, as a `SystemError` about a broken result has it.
fn wrapper(name: &'static str) -> impl Fn() -> String {
    move || format!("<slot wrapper '{name}'>")
}

/// What a slot returned, as the VM's result.
#[inline]
pub(super) fn object_result(vm: &VirtualMachine, result: Block, name: &'static str) -> PyResult {
    // SAFETY: slots give a reference or NULL.
    unsafe {
        if result.is_null() && name == "__get__" {
            return error::attribute(vm, result, wrapper(name));
        }
        error::result(vm, result, wrapper(name))
    }
}

/// What a slot returned that gives -1 for an error.
#[inline]
fn number_result<T: PartialEq + From<i8> + Copy>(vm: &VirtualMachine, result: T, name: &'static str) -> PyResult<T> {
    if result == T::from(-1) && !error::occurred().is_null() {
        return Err(error::fetch(vm, &wrapper(name)()));
    }
    Ok(result)
}

fn status(vm: &VirtualMachine, result: c_int, name: &'static str) -> PyResult<()> {
    error::status(vm, result != 0, wrapper(name))
}

pub(super) fn unary(vm: &VirtualMachine, f: c::UnaryFunc, this: &PyObject, name: &'static str) -> PyResult {
    let _section = thread::enter(vm);
    let this = Passed::new(vm, this);
    // SAFETY: a slot of the object's type, with the C lock.
    object_result(vm, unsafe { f(this.block()) }, name)
}

/// Calls a finalizer.
pub(super) fn finalizer(vm: &VirtualMachine, f: c::Destructor, this: &PyObject) -> PyResult {
    let _section = thread::enter(vm);
    let passed = Passed::new(vm, this);
    // SAFETY: as for `unary`.
    unsafe { f(passed.block()) };
    drop(passed);
    saved(this);
    error::status(vm, !error::occurred().is_null(), wrapper("__del__")).map(|()| vm.ctx.none())
}

pub(super) fn binary(
    vm: &VirtualMachine,
    f: c::BinaryFunc,
    a: &PyObject,
    b: &PyObject,
    name: &'static str,
) -> PyResult {
    let _section = thread::enter(vm);
    let (a, b) = (Passed::new(vm, a), Passed::new(vm, b));
    // SAFETY: as for `unary`.
    object_result(vm, unsafe { f(a.block(), b.block()) }, name)
}

pub(super) fn ternary(
    vm: &VirtualMachine,
    f: c::TernaryFunc,
    a: &PyObject,
    b: Option<&PyObject>,
    third: Option<&PyObject>,
    name: &'static str,
) -> PyResult {
    let _section = thread::enter(vm);
    let (a, b, third) = (Passed::new(vm, a), Passed::opt(vm, b), Passed::opt(vm, third));
    // SAFETY: as for `unary`.
    object_result(vm, unsafe { f(a.block(), b.block(), third.block()) }, name)
}

pub(super) fn inquiry(vm: &VirtualMachine, f: c::Inquiry, this: &PyObject, name: &'static str) -> PyResult<bool> {
    let _section = thread::enter(vm);
    let this = Passed::new(vm, this);
    // SAFETY: as for `unary`.
    Ok(number_result(vm, unsafe { f(this.block()) }, name)? != 0)
}

pub(super) fn length(vm: &VirtualMachine, f: c::LenFunc, this: &PyObject, name: &'static str) -> PyResult<usize> {
    let _section = thread::enter(vm);
    let this = Passed::new(vm, this);
    // SAFETY: as for `unary`.
    let length = number_result(vm, unsafe { f(this.block()) }, name)?;
    usize::try_from(length).map_err(|_| vm.new_value_error("__len__() should return >= 0"))
}

pub(super) fn at_index(
    vm: &VirtualMachine,
    f: c::SsizeArgFunc,
    this: &PyObject,
    index: isize,
    name: &'static str,
) -> PyResult {
    let _section = thread::enter(vm);
    let this = Passed::new(vm, this);
    // SAFETY: as for `unary`.
    object_result(vm, unsafe { f(this.block(), index) }, name)
}

/// An index as `sq_item` wants it: from the front, if the length is known.
pub(super) fn from_front(vm: &VirtualMachine, this: &PyObject, index: isize) -> PyResult<isize> {
    if index >= 0 {
        return Ok(index);
    }
    let block = {
        let _section = thread::enter(vm);
        let held = Passed::new(vm, this);
        let suite = class_of(&held).tp_as_sequence;
        // SAFETY: a type's suite.
        unsafe { suite.as_ref() }.and_then(|suite| suite.sq_length)
    };
    match block {
        Some(f) => Ok(index + length(vm, f, this, "__len__")? as isize),
        None => Ok(index),
    }
}

pub(super) fn set_at_index(
    vm: &VirtualMachine,
    f: c::SsizeObjArgProc,
    this: &PyObject,
    index: isize,
    value: Option<&PyObject>,
    name: &'static str,
) -> PyResult<()> {
    let _section = thread::enter(vm);
    let (this, value) = (Passed::new(vm, this), Passed::opt(vm, value));
    // SAFETY: as for `unary`.
    status(vm, unsafe { f(this.block(), index, value.block()) }, name)
}

pub(super) fn set_item(
    vm: &VirtualMachine,
    f: c::ObjObjArgProc,
    this: &PyObject,
    key: &PyObject,
    value: Option<&PyObject>,
    name: &'static str,
) -> PyResult<()> {
    let _section = thread::enter(vm);
    let (this, key, value) = (Passed::new(vm, this), Passed::new(vm, key), Passed::opt(vm, value));
    // SAFETY: as for `unary`.
    status(vm, unsafe { f(this.block(), key.block(), value.block()) }, name)
}

pub(super) fn contains(vm: &VirtualMachine, f: c::ObjObjProc, this: &PyObject, item: &PyObject) -> PyResult<bool> {
    let _section = thread::enter(vm);
    let (this, item) = (Passed::new(vm, this), Passed::new(vm, item));
    // SAFETY: as for `unary`.
    Ok(number_result(vm, unsafe { f(this.block(), item.block()) }, "__contains__")? != 0)
}

pub(super) fn hash(vm: &VirtualMachine, f: c::HashFunc, this: &PyObject) -> PyResult<i64> {
    let _section = thread::enter(vm);
    let this = Passed::new(vm, this);
    // SAFETY: as for `unary`.
    Ok(number_result(vm, unsafe { f(this.block()) }, "__hash__")? as i64)
}

pub(super) fn compare(vm: &VirtualMachine, f: c::RichCmpFunc, a: &PyObject, b: &PyObject, op: c_int) -> PyResult {
    let _section = thread::enter(vm);
    let (a, b) = (Passed::new(vm, a), Passed::new(vm, b));
    // SAFETY: as for `unary`.
    object_result(vm, unsafe { f(a.block(), b.block(), op) }, "__eq__")
}

/// The next item, or None at the end.
pub(super) fn next(vm: &VirtualMachine, f: c::UnaryFunc, this: &PyObject) -> PyResult<Option<PyObjectRef>> {
    let _section = thread::enter(vm);
    let this = Passed::new(vm, this);
    // SAFETY: as for `unary`.
    let result = unsafe { f(this.block()) };
    if !result.is_null() {
        return object_result(vm, result, "__next__").map(Some);
    }
    match error::take(vm) {
        None => Ok(None),
        Some(error) => Err(error),
    }
}

/// `__call__` of a type whose `tp_call` is `f`. Objects of classes that Python derived from it are called by this method, too, if
/// they do not override it: by what their slots say.
pub(super) fn call_by_method(
    vm: &VirtualMachine,
    f: c::TernaryFunc,
    defining: usize,
    this: &PyObject,
    args: FuncArgs,
) -> PyResult {
    let _section = thread::enter(vm);
    let this = Passed::new(vm, this);
    let class = class_of(&this);
    let inherits = || class.tp_call.is_some_and(|own| std::ptr::fn_addr_eq(own, f));
    if std::ptr::from_ref(class) as usize != defining && inherits() {
        return call_passed(vm, &this, args);
    }
    let (tuple, keywords) = arguments(vm, args)?;
    // SAFETY: as for `unary`.
    object_result(vm, unsafe { f(this.block(), tuple.block(), keywords.block()) }, "__call__")
}

/// Calls an object by its own vectorcall function, if its type says that it has one, else by `tp_call`.
pub(super) fn call_object(vm: &VirtualMachine, this: &PyObject, args: FuncArgs) -> PyResult {
    let _section = thread::enter(vm);
    call_passed(vm, &Passed::new(vm, this), args)
}

fn call_passed(vm: &VirtualMachine, this: &Passed, args: FuncArgs) -> PyResult {
    // SAFETY: an object's type is ready; functions are called as their slots say, with the C lock.
    unsafe {
        let block = this.block();
        let result = if let Some(f) = vectorcall_function(block) {
            let (blocks, names) = fast_arguments(vm, &args.args, &args.kwargs);
            f(block, blocks.as_ptr(), args.args.len(), names.block())
        } else {
            let Some(f) = (*(*block).ob_type).tp_call else {
                return Err(vm.new_type_error("the type has no tp_call slot"));
            };
            let (tuple, keywords) = arguments(vm, args)?;
            f(block, tuple.block(), keywords.block())
        };
        object_result(vm, result, "__call__")
    }
}

/// Arguments as `tp_call`, `tp_new` and `tp_init` take them: a tuple, and a dict or NULL.
fn arguments(vm: &VirtualMachine, args: FuncArgs) -> PyResult<(Passed, Passed)> {
    let tuple = Passed::owned(tuple_block(vm, &args.args));
    Ok((tuple, Passed::owned(keyword_block(vm, args.kwargs)?)))
}

pub(super) fn init(vm: &VirtualMachine, f: c::InitProc, this: &PyObject, args: FuncArgs) -> PyResult<()> {
    let _section = thread::enter(vm);
    let this = Passed::new(vm, this);
    let (tuple, keywords) = arguments(vm, args)?;
    // SAFETY: as for `unary`.
    status(vm, unsafe { f(this.block(), tuple.block(), keywords.block()) }, "__init__")
}

pub(super) fn construct(vm: &VirtualMachine, f: c::NewFunc, class: &Py<PyType>, args: FuncArgs) -> PyResult {
    let _section = thread::enter(vm);
    let block = type_block(vm, class);
    let (tuple, keywords) = arguments(vm, args)?;
    // SAFETY: as for `unary`; the class is alive as long as its managed half, which the caller has.
    object_result(vm, unsafe { f(block, tuple.block(), keywords.block()) }, "__new__")
}

pub(super) fn set_attribute(
    vm: &VirtualMachine,
    f: c::ObjObjArgProc,
    this: &PyObject,
    name: &PyObject,
    value: Option<&PyObject>,
) -> PyResult<()> {
    set_item(vm, f, this, name, value, "__setattr__")
}

/// An attribute's name as the slots of old take it.
fn name_text(vm: &VirtualMachine, name: &PyObject) -> PyResult<CString> {
    let text = name.downcast_ref::<PyStr>().map(|name| name.as_bytes().to_vec());
    let text =
        text.ok_or_else(|| vm.new_type_error(format!("attribute name must be string, not '{}'", name.class().name())))?;
    CString::new(text).map_err(|_| vm.new_value_error("embedded null character"))
}

pub(super) fn get_by_text(vm: &VirtualMachine, f: c::GetAttrFunc, this: &PyObject, name: &PyObject) -> PyResult {
    let name = name_text(vm, name)?;
    let _section = thread::enter(vm);
    let this = Passed::new(vm, this);
    // SAFETY: as for `unary`; the text outlives the call.
    object_result(vm, unsafe { f(this.block(), name.as_ptr().cast_mut()) }, "__getattribute__")
}

pub(super) fn set_by_text(
    vm: &VirtualMachine,
    f: c::SetAttrFunc,
    this: &PyObject,
    name: &PyObject,
    value: Option<&PyObject>,
) -> PyResult<()> {
    let name = name_text(vm, name)?;
    let _section = thread::enter(vm);
    let (this, value) = (Passed::new(vm, this), Passed::opt(vm, value));
    // SAFETY: as for `unary`; the text outlives the call.
    status(vm, unsafe { f(this.block(), name.as_ptr().cast_mut(), value.block()) }, "__setattr__")
}
