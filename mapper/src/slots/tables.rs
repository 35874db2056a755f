//! `tp_methods`, `tp_members` and `tp_getset` of the VM's static types. C code walks them, calls what it finds there and
//! makes descriptors of it. Each method is a few instructions that add its number and go on to a common function.

use std::ffi::{CString, c_char, c_int, c_void};
use std::sync::atomic::AtomicUsize;
use std::sync::{Mutex, OnceLock};

use rustpython_vm::builtins::{PyStr, PyType};
use rustpython_vm::function::{FuncArgs, PySetterValue};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyResult, VirtualMachine};

use crate::abi::code::{self, STEP};
use crate::abi::layout::{self as c, meth};
use crate::abi::type_table::{self, Row};
use crate::calls::api::api;
use crate::heap::block::Block;
use crate::lifetime::thread::leave;
use crate::slots::owned::arguments;
use crate::twins::forms::descriptor::text;
use crate::twins::reference::{Borrowed, New};
use crate::twins::store;

/// The conventions that C code calls by itself, as CPython has them; all others are shown with arguments in a tuple and a
/// dict.
const BARE: c_int = meth::NOARGS | meth::O;

/// A method of a builtin type. Both live as long as the process.
struct Method {
    descriptor: PyObjectRef,
    flags: c_int,
}

/// The methods by number, and the code of their functions: one run for each so many.
struct Methods {
    all: Vec<&'static Method>,
    code: Vec<usize>,
}

static METHODS: Mutex<Methods> = Mutex::new(Methods { all: Vec::new(), code: Vec::new() });
/// How many functions are made at once.
const RUN: usize = 512;

fn methods() -> std::sync::MutexGuard<'static, Methods> {
    METHODS.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Where each function of a run goes on.
fn calls() -> &'static [AtomicUsize] {
    static CALLS: OnceLock<Vec<AtomicUsize>> = OnceLock::new();
    CALLS.get_or_init(|| (0..RUN).map(|_| AtomicUsize::new(call as *const () as usize)).collect())
}

/// A C function for a method.
fn function(descriptor: PyObjectRef, flags: c_int) -> *const c_void {
    let mut methods = methods();
    let number = methods.all.len();
    if number.is_multiple_of(RUN) {
        let start = code::numbered(number, calls()) as usize;
        methods.code.push(start);
    }
    methods.all.push(Box::leak(Box::new(Method { descriptor, flags })));
    (methods.code[number / RUN] + number % RUN * STEP) as *const c_void
}

/// Behind every method.
unsafe extern "C" fn call(this: Block, args: Block, keywords: Block, number: u32) -> Block {
    let method = methods().all[number as usize];
    let result = api(|vm| {
        // SAFETY: C's arguments, by the convention.
        let given = unsafe {
            match method.flags & BARE {
                meth::NOARGS => FuncArgs::default(),
                meth::O => FuncArgs::from(vec![Borrowed(args).get(vm)?]),
                _ => arguments(vm, args, keywords)?,
            }
        };
        let receiver = Borrowed(this).opt(vm)?;
        let result = leave(vm, || run(vm, method, receiver, given));
        if !this.is_null() {
            // SAFETY: C's argument.
            unsafe { store::touched(vm, this) };
        }
        Ok(New::of(vm, result?))
    });
    result.0
}

fn run(vm: &VirtualMachine, method: &Method, receiver: Option<PyObjectRef>, mut args: FuncArgs) -> PyResult {
    let descriptor = &method.descriptor;
    match receiver {
        Some(class) if method.flags & meth::CLASS != 0 => {
            let bound = vm.call_get_descriptor_specific(descriptor, None, Some(&class));
            bound.unwrap_or_else(|| Ok(descriptor.clone()))?.call(args, vm)
        }
        Some(receiver) if method.flags & meth::STATIC == 0 => {
            args.prepend_arg(receiver);
            descriptor.call(args, vm)
        }
        _ => {
            let bound = vm.call_get_descriptor_specific(descriptor, None, None);
            bound.unwrap_or_else(|| Ok(descriptor.clone()))?.call(args, vm)
        }
    }
}

/// A text that lives as long as the process.
fn keep(text: Option<CString>) -> *const c_char {
    text.map_or(std::ptr::null(), |text| text.into_raw().cast_const())
}

/// A table that ends with an empty entry and lives as long as the process; NULL for none.
fn table<T: Copy>(mut entries: Vec<T>) -> *mut T {
    if entries.is_empty() {
        return std::ptr::null_mut();
    }
    // SAFETY: tables end with an entry of zeros.
    entries.push(unsafe { std::mem::zeroed() });
    entries.leak().as_mut_ptr()
}

/// Gives a static type's block its tables.
pub(crate) fn fill(vm: &VirtualMachine, t: &mut c::PyTypeObject, class: &Py<PyType>, row: Option<&Row>) {
    let types = &vm.ctx.types;
    let (mut methods, mut getsets) = (Vec::new(), Vec::new());
    for (name, value) in class.attributes.entries() {
        let Some(name) = name.downcast_ref::<PyStr>().map(|name| name.to_string_lossy().into_owned()) else { continue };
        let is = |other: &Py<PyType>| value.class().is(other);
        if is(types.method_descriptor_type) || is(types.classmethod_descriptor_type) || is(types.staticmethod_type) {
            let known = row.and_then(|row| row.method_flags(&name));
            let sort = if is(types.classmethod_descriptor_type) {
                meth::CLASS
            } else if is(types.staticmethod_type) {
                meth::STATIC
            } else {
                0
            };
            methods.push(method(vm, &name, value, known, sort));
        } else if is(types.getset_type) && row.is_none_or(|row| row.fields().all(|field| field.name != name)) {
            getsets.push(getset(vm, &name, value));
        }
    }
    let members = row.into_iter().flat_map(Row::fields).map(|field| member(vm, class, field)).collect();
    (t.tp_methods, t.tp_getset, t.tp_members) = (table(methods), table(getsets), table(members));
}

fn name_for_c(name: &str) -> *const c_char {
    keep(CString::new(name).ok())
}

fn method(
    vm: &VirtualMachine,
    name: &str,
    descriptor: PyObjectRef,
    known: Option<c_int>,
    sort: c_int,
) -> c::PyMethodDef {
    let bare = known.unwrap_or(0) & BARE;
    let convention = if bare == 0 { meth::VARARGS | meth::KEYWORDS } else { bare };
    let flags = convention | sort | known.unwrap_or(0) & meth::COEXIST;
    let doc = keep(text(vm, &descriptor, "__doc__"));
    c::PyMethodDef { ml_name: name_for_c(name), ml_meth: function(descriptor, flags), ml_flags: flags, ml_doc: doc }
}

fn getset(vm: &VirtualMachine, name: &str, descriptor: PyObjectRef) -> c::PyGetSetDef {
    let doc = keep(text(vm, &descriptor, "__doc__"));
    // The entry has the reference for ever.
    let closure = descriptor.into_raw().as_ptr().cast();
    c::PyGetSetDef { name: name_for_c(name), get: Some(get), set: Some(set), doc, closure }
}

fn member(vm: &VirtualMachine, class: &Py<PyType>, field: type_table::Field) -> c::PyMemberDef {
    let descriptor = class.attributes.get(vm.ctx.intern_str(field.name));
    let doc = keep(descriptor.and_then(|descriptor| text(vm, &descriptor, "__doc__")));
    let type_table::Field { name, kind, offset, flags } = field;
    c::PyMemberDef { name: name_for_c(name), kind, offset, flags, doc }
}

/// The managed descriptor that a closure is.
unsafe fn descriptor<'a>(closure: *mut c_void) -> &'a PyObject {
    // SAFETY: by the caller's contract; who has the definition keeps the descriptor.
    unsafe { &*closure.cast_const().cast::<PyObject>() }
}

/// `get` of a property that is not C's.
pub(crate) unsafe extern "C" fn get(object: Block, closure: *mut c_void) -> Block {
    let result = api(|vm| {
        // SAFETY: the closure is the entry's.
        let (descriptor, object) = (unsafe { descriptor(closure) }, Borrowed(object).get(vm)?);
        let class = object.class().to_owned();
        let found = leave(vm, || vm.call_get_descriptor_specific(descriptor, Some(&object), Some(class.as_object())));
        Ok(New::of(vm, found.unwrap_or_else(|| Ok(descriptor.to_owned()))?))
    });
    result.0
}

/// `set` of a property that is not C's; NULL deletes.
pub(crate) unsafe extern "C" fn set(object: Block, value: Block, closure: *mut c_void) -> c_int {
    api(|vm| {
        // SAFETY: the closure is the entry's.
        let (descriptor, object) = (unsafe { descriptor(closure) }, Borrowed(object).get(vm)?);
        let value: PySetterValue = Borrowed(value).opt(vm)?.map_or(PySetterValue::Delete, PySetterValue::Assign);
        let set = descriptor.class().slots.descr_set.load();
        let set = set.ok_or_else(|| vm.new_attribute_error("readonly attribute"))?;
        leave(vm, || set(descriptor, object, value, vm)).map(|()| 0)
    })
}
