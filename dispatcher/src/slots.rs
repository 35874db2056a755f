//! The slots of C types, both ways in which Python reaches them: as the VM's slots, plain functions that read the C
//! function from the object's type, and as special methods in the class's dictionary, whose closures hold the
//! function of the type that defines it (so that `super().__repr__()` calls the base's).

use std::ffi::{CString, c_int};

use rustclad_mapper::abi::layout as c;
use rustclad_mapper::abi::layout::tpflags;
use rustclad_mapper::capi::support::export::as_buffer;
use rustclad_mapper::heap::block::Block;
use rustclad_mapper::heap::kind::Kind;
use rustclad_mapper::lifetime::thread;
use rustclad_mapper::twins::cycles::finalize;
use rustclad_mapper::twins::error;
use rustclad_mapper::twins::passing::Passed;
use rustclad_mapper::twins::types::type_block;
use rustpython_vm::builtins::{PyBaseExceptionRef, PyStr, PyType, PyTypeRef};
use rustpython_vm::function::{
    Callee, Either, FuncArgs, HeapMethodDef, PyComparisonValue, PyMethodFlags, PyNativeFn, PySetterValue,
};
use rustpython_vm::protocol::{PyIterReturn, PyMapping, PyNumber, PySequence};
use rustpython_vm::types::PyComparisonOp;
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine};

use crate::calls::{keyword_block, tuple_block};
use crate::class::{leaked_definition, set, static_class};

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
fn object_result(vm: &VirtualMachine, result: Block, name: &'static str) -> PyResult {
    // SAFETY: slots give a reference or NULL.
    unsafe { error::result(vm, result, wrapper(name)) }
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

#[cold]
fn missing(vm: &VirtualMachine, name: &'static str) -> PyBaseExceptionRef {
    vm.new_type_error(format!("the type has no {name} slot"))
}

// What the closures and the plain functions share: one function for each signature of a slot.

fn unary(vm: &VirtualMachine, f: c::UnaryFunc, this: &PyObject, name: &'static str) -> PyResult {
    let _section = thread::enter(vm);
    let this = Passed::new(vm, this);
    // SAFETY: a slot of the object's type, with the C lock.
    object_result(vm, unsafe { f(this.block()) }, name)
}

fn binary(vm: &VirtualMachine, f: c::BinaryFunc, a: &PyObject, b: &PyObject, name: &'static str) -> PyResult {
    let _section = thread::enter(vm);
    let (a, b) = (Passed::new(vm, a), Passed::new(vm, b));
    // SAFETY: as for `unary`.
    object_result(vm, unsafe { f(a.block(), b.block()) }, name)
}

fn ternary(
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

fn inquiry(vm: &VirtualMachine, f: c::Inquiry, this: &PyObject, name: &'static str) -> PyResult<bool> {
    let _section = thread::enter(vm);
    let this = Passed::new(vm, this);
    // SAFETY: as for `unary`.
    Ok(number_result(vm, unsafe { f(this.block()) }, name)? != 0)
}

fn length(vm: &VirtualMachine, f: c::LenFunc, this: &PyObject, name: &'static str) -> PyResult<usize> {
    let _section = thread::enter(vm);
    let this = Passed::new(vm, this);
    // SAFETY: as for `unary`.
    let length = number_result(vm, unsafe { f(this.block()) }, name)?;
    usize::try_from(length).map_err(|_| vm.new_value_error("__len__() should return >= 0"))
}

fn at_index(vm: &VirtualMachine, f: c::SsizeArgFunc, this: &PyObject, index: isize, name: &'static str) -> PyResult {
    let _section = thread::enter(vm);
    let this = Passed::new(vm, this);
    // SAFETY: as for `unary`.
    object_result(vm, unsafe { f(this.block(), index) }, name)
}

/// An index as `sq_item` wants it: from the front, if the length is known.
fn from_front(vm: &VirtualMachine, this: &PyObject, index: isize) -> PyResult<isize> {
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

fn set_at_index(
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

fn set_item(
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

fn contains(vm: &VirtualMachine, f: c::ObjObjProc, this: &PyObject, item: &PyObject) -> PyResult<bool> {
    let _section = thread::enter(vm);
    let (this, item) = (Passed::new(vm, this), Passed::new(vm, item));
    // SAFETY: as for `unary`.
    Ok(number_result(vm, unsafe { f(this.block(), item.block()) }, "__contains__")? != 0)
}

fn hash(vm: &VirtualMachine, f: c::HashFunc, this: &PyObject) -> PyResult<i64> {
    let _section = thread::enter(vm);
    let this = Passed::new(vm, this);
    // SAFETY: as for `unary`.
    Ok(number_result(vm, unsafe { f(this.block()) }, "__hash__")? as i64)
}

fn compare(vm: &VirtualMachine, f: c::RichCmpFunc, a: &PyObject, b: &PyObject, op: c_int) -> PyResult {
    let _section = thread::enter(vm);
    let (a, b) = (Passed::new(vm, a), Passed::new(vm, b));
    // SAFETY: as for `unary`.
    object_result(vm, unsafe { f(a.block(), b.block(), op) }, "__eq__")
}

/// The next item, or None at the end.
fn next(vm: &VirtualMachine, f: c::UnaryFunc, this: &PyObject) -> PyResult<Option<PyObjectRef>> {
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

fn call(vm: &VirtualMachine, f: c::TernaryFunc, this: &PyObject, args: FuncArgs) -> PyResult {
    let _section = thread::enter(vm);
    let this = Passed::new(vm, this);
    let (tuple, keywords) = arguments(vm, args)?;
    // SAFETY: as for `unary`.
    object_result(vm, unsafe { f(this.block(), tuple.block(), keywords.block()) }, "__call__")
}

/// Arguments as `tp_call`, `tp_new` and `tp_init` take them: a tuple, and a dict or NULL.
fn arguments(vm: &VirtualMachine, args: FuncArgs) -> PyResult<(Passed, Passed)> {
    let tuple = Passed::owned(tuple_block(vm, &args.args));
    Ok((tuple, Passed::owned(keyword_block(vm, args.kwargs)?)))
}

fn init(vm: &VirtualMachine, f: c::InitProc, this: &PyObject, args: FuncArgs) -> PyResult<()> {
    let _section = thread::enter(vm);
    let this = Passed::new(vm, this);
    let (tuple, keywords) = arguments(vm, args)?;
    // SAFETY: as for `unary`.
    status(vm, unsafe { f(this.block(), tuple.block(), keywords.block()) }, "__init__")
}

fn construct(vm: &VirtualMachine, f: c::NewFunc, class: &Py<PyType>, args: FuncArgs) -> PyResult {
    let _section = thread::enter(vm);
    let block = type_block(vm, class);
    let (tuple, keywords) = arguments(vm, args)?;
    // SAFETY: as for `unary`; the class is alive as long as its managed half, which the caller has.
    object_result(vm, unsafe { f(block, tuple.block(), keywords.block()) }, "__new__")
}

fn set_attribute(
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

fn get_by_text(vm: &VirtualMachine, f: c::GetAttrFunc, this: &PyObject, name: &PyObject) -> PyResult {
    let name = name_text(vm, name)?;
    let _section = thread::enter(vm);
    let this = Passed::new(vm, this);
    // SAFETY: as for `unary`; the text outlives the call.
    object_result(vm, unsafe { f(this.block(), name.as_ptr().cast_mut()) }, "__getattribute__")
}

fn set_by_text(
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

/// `self` and the arguments of a special method, checked for their number.
fn split<'a, const N: usize>(
    vm: &VirtualMachine,
    args: &'a FuncArgs,
    name: &str,
) -> PyResult<(&'a PyObject, &'a [PyObjectRef; N])> {
    let Some((this, rest)) = args.args.split_first() else {
        return Err(vm.new_type_error(format!("descriptor '{name}' of an object needs an argument")));
    };
    let given = rest.len();
    let rest: &[PyObjectRef; N] = rest.try_into().map_err(|_| {
        let plural = if N == 1 { "" } else { "s" };
        vm.new_type_error(format!("expected {N} argument{plural}, got {given}"))
    })?;
    if !args.kwargs.is_empty() {
        return Err(vm.new_type_error(format!("wrapper {name}() takes no keyword arguments")));
    }
    Ok((this, rest))
}

/// Adds a special method to a class.
pub(crate) fn method(vm: &VirtualMachine, class: &PyTypeRef, name: &'static str, code: Box<dyn PyNativeFn>) {
    let definition = leaked_definition(name.to_owned(), None, code, PyMethodFlags::METHOD);
    let object = HeapMethodDef::new(definition).into_ref(&vm.ctx).build_method(static_class(class), vm);
    set(vm, class, name, object);
}

/// A special method from a closure over `vm, args`.
macro_rules! special {
    ($vm:expr, $class:expr, $name:literal, |$cvm:ident, $this:ident, [$($arg:ident),*]| $body:expr) => {
        method($vm, $class, $name, Box::new(move |$cvm: &VirtualMachine, args: FuncArgs, _: Callee| -> PyResult {
            let ($this, [$($arg),*]) = split($cvm, &args, $name)?;
            $body
        }))
    };
}

/// Gives a class the slots that its type defines.
///
/// # Safety
/// `block` is the type's, with only what it defines itself.
pub(crate) unsafe fn install(vm: &VirtualMachine, class: &PyTypeRef, block: *mut c::PyTypeObject) -> PyResult<()> {
    // SAFETY: by contract; suites are null or valid.
    unsafe {
        let t = &*block;
        install_creation(vm, class, t);
        install_basic(vm, class, t);
        install_iteration(vm, class, t);
        if t.tp_finalize.is_some() {
            class.slots.del.store(Some(finalize));
            special!(vm, class, "__del__", |vm, this, []| finalize(this, vm).map(|()| vm.ctx.none()));
        }
        if t.tp_as_buffer.as_ref().is_some_and(|suite| suite.bf_getbuffer.is_some()) {
            class.slots.as_buffer.store(Some(as_buffer));
        }
        if let Some(suite) = t.tp_as_number.as_ref() {
            install_number(vm, class, suite);
        }
        if let Some(suite) = t.tp_as_sequence.as_ref() {
            install_sequence(vm, class, suite);
        }
        if let Some(suite) = t.tp_as_mapping.as_ref() {
            install_mapping(vm, class, suite);
        }
        if let Some(suite) = t.tp_as_async.as_ref() {
            for (f, name) in
                [(suite.am_await, "__await__"), (suite.am_aiter, "__aiter__"), (suite.am_anext, "__anext__")]
            {
                if let Some(f) = f {
                    unary_method(vm, class, name, f);
                }
            }
        }
    }
    Ok(())
}

fn unary_method(vm: &VirtualMachine, class: &PyTypeRef, name: &'static str, f: c::UnaryFunc) {
    let code = move |vm: &VirtualMachine, args: FuncArgs, _: Callee| -> PyResult {
        let (this, []) = split(vm, &args, name)?;
        unary(vm, f, this, name)
    };
    method(vm, class, name, Box::new(code));
}

fn install_creation(vm: &VirtualMachine, class: &PyTypeRef, t: &c::PyTypeObject) {
    // SAFETY: a type and its base, whose kinds are known.
    let (kind, base) = unsafe { (Kind::of_type(t), Kind::of_type(t.tp_base)) };
    if t.tp_new.is_none() && kind != Kind::Instance {
        // Objects of a builtin type's kind are made by that type.
        return install_init_and_call(vm, class, t);
    }
    class.slots.new.store(Some(|class, args, vm| {
        // The class's own block: a class derived in Python has its base's function there.
        // SAFETY: a ready type.
        match unsafe { (*type_block(vm, &class)).tp_new } {
            Some(f) => construct(vm, f, &class, args),
            None => Err(vm.new_type_error(format!("cannot create '{}' instances", class.slot_name()))),
        }
    }));
    // `object.__new__` refuses to make objects of C's: what a type inherits from `object`, it calls under its own name.
    // SAFETY: as above.
    let inherited = if kind == Kind::Instance && base == Kind::Opaque { unsafe { (*t.tp_base).tp_new } } else { None };
    let inherited = inherited.filter(|_| t.tp_flags & tpflags::DISALLOW_INSTANTIATION == 0);
    if let Some(f) = t.tp_new.or(inherited) {
        let owner = static_class(class);
        let code = move |vm: &VirtualMachine, mut args: FuncArgs, _: Callee| -> PyResult {
            let name = owner.name();
            let Some(first) = args.take_positional() else {
                return Err(vm.new_type_error(format!("{name}.__new__(): not enough arguments")));
            };
            let Ok(class) = first.downcast::<PyType>() else {
                return Err(vm.new_type_error(format!("{name}.__new__(X): X is not a type object")));
            };
            if !class.fast_issubclass(owner) {
                let other = class.name();
                return Err(vm.new_type_error(format!("{name}.__new__({other}): {other} is not a subtype of {name}")));
            }
            construct(vm, f, &class, args)
        };
        let definition = leaked_definition("__new__".to_owned(), None, Box::new(code), PyMethodFlags::STATIC);
        let function = HeapMethodDef::new(definition).into_ref(&vm.ctx).build_function(vm, Some(class.clone().into()));
        set(vm, class, "__new__", function);
    }
    install_init_and_call(vm, class, t);
}

fn install_init_and_call(vm: &VirtualMachine, class: &PyTypeRef, t: &c::PyTypeObject) {
    if let Some(f) = t.tp_init {
        class.slots.init.store(Some(|this, args, vm| match class_slot(vm, this, |t| t.tp_init) {
            Some(f) => init(vm, f, this, args),
            None => Err(missing(vm, "tp_init")),
        }));
        let code = move |vm: &VirtualMachine, mut args: FuncArgs, _: Callee| -> PyResult {
            let Some(this) = args.take_positional() else {
                return Err(vm.new_type_error("descriptor '__init__' of an object needs an argument"));
            };
            init(vm, f, &this, args).map(|()| vm.ctx.none())
        };
        method(vm, class, "__init__", Box::new(code));
    }
    if let Some(f) = t.tp_call {
        class.slots.call.store(Some(|this, args, vm| match class_slot(vm, this, |t| t.tp_call) {
            Some(f) => call(vm, f, this, args),
            None => Err(missing(vm, "tp_call")),
        }));
        let code = move |vm: &VirtualMachine, mut args: FuncArgs, _: Callee| -> PyResult {
            let Some(this) = args.take_positional() else {
                return Err(vm.new_type_error("descriptor '__call__' of an object needs an argument"));
            };
            call(vm, f, &this, args)
        };
        method(vm, class, "__call__", Box::new(code));
    }
}

/// A slot of an object's class, read from its block.
#[inline]
fn class_slot<F>(vm: &VirtualMachine, this: &PyObject, slot: impl FnOnce(&c::PyTypeObject) -> Option<F>) -> Option<F> {
    let _section = thread::enter(vm);
    // SAFETY: a type's block is ready.
    slot(unsafe { &*type_block(vm, this.class()) })
}

fn text_slot(
    vm: &VirtualMachine,
    this: &PyObject,
    f: Option<c::UnaryFunc>,
    name: &'static str,
) -> PyResult<PyRef<PyStr>> {
    let f = f.ok_or_else(|| missing(vm, name))?;
    unary(vm, f, this, name)?
        .downcast::<PyStr>()
        .map_err(|other| vm.new_type_error(format!("{name} returned non-string (type {})", other.class().name())))
}

fn install_basic(vm: &VirtualMachine, class: &PyTypeRef, t: &c::PyTypeObject) {
    if let Some(f) = t.tp_repr {
        class.slots.repr.store(Some(|this, vm| text_slot(vm, this, class_slot(vm, this, |t| t.tp_repr), "__repr__")));
        unary_method(vm, class, "__repr__", f);
    // SAFETY: a type whose kind is known.
    } else if matches!(unsafe { Kind::of_type(t) }, Kind::Exception | Kind::ByteArray) {
        crate::names::install_repr(class);
    }
    if let Some(f) = t.tp_str {
        class.slots.str.store(Some(|this, vm| text_slot(vm, this, class_slot(vm, this, |t| t.tp_str), "__str__")));
        unary_method(vm, class, "__str__", f);
    }
    if let Some(f) = t.tp_hash {
        if rustclad_mapper::is_exported(f as *const _, "PyObject_HashNotImplemented") {
            class
                .slots
                .hash
                .store(Some(|this, vm| Err(vm.new_type_error(format!("unhashable type: '{}'", this.class().name())))));
            set(vm, class, "__hash__", vm.ctx.none());
        } else {
            class.slots.hash.store(Some(|this, vm| match class_slot(vm, this, |t| t.tp_hash) {
                Some(f) => hash(vm, f, this),
                None => Err(missing(vm, "tp_hash")),
            }));
            special!(vm, class, "__hash__", |vm, this, []| Ok(vm.ctx.new_int(hash(vm, f, this)?).into()));
        }
    }
    if let Some(f) = t.tp_richcompare {
        class.slots.richcompare.store(Some(|this, other, op, vm| match class_slot(vm, this, |t| t.tp_richcompare) {
            Some(f) => compare(vm, f, this, other, operator(op)).map(Either::A),
            None => Ok(Either::B(PyComparisonValue::NotImplemented)),
        }));
        for (op, name) in ["__lt__", "__le__", "__eq__", "__ne__", "__gt__", "__ge__"].into_iter().enumerate() {
            let code = move |vm: &VirtualMachine, args: FuncArgs, _: Callee| -> PyResult {
                let (this, [other]) = split(vm, &args, name)?;
                compare(vm, f, this, other, op as c_int)
            };
            method(vm, class, name, Box::new(code));
        }
        if t.tp_hash.is_none() {
            set(vm, class, "__hash__", vm.ctx.none());
            class
                .slots
                .hash
                .store(Some(|this, vm| Err(vm.new_type_error(format!("unhashable type: '{}'", this.class().name())))));
        }
    }
    if let Some(f) = t.tp_getattro
        && !rustclad_mapper::is_exported(f as *const _, "PyObject_GenericGetAttr")
    {
        class.slots.getattro.store(Some(|this, name, vm| match class_slot(vm, this, |t| t.tp_getattro) {
            Some(f) => binary(vm, f, this, name.as_object(), "__getattribute__"),
            None => Err(missing(vm, "tp_getattro")),
        }));
        special!(vm, class, "__getattribute__", |vm, this, [name]| binary(vm, f, this, name, "__getattribute__"));
    }
    if let Some(f) = t.tp_setattro
        && !rustclad_mapper::is_exported(f as *const _, "PyObject_GenericSetAttr")
    {
        class.slots.setattro.store(Some(|this, name, value, vm| {
            let f = class_slot(vm, this, |t| t.tp_setattro).ok_or_else(|| missing(vm, "tp_setattro"))?;
            match &value {
                PySetterValue::Assign(value) => set_attribute(vm, f, this, name.as_object(), Some(value)),
                PySetterValue::Delete => set_attribute(vm, f, this, name.as_object(), None),
            }
        }));
        special!(vm, class, "__setattr__", |vm, this, [name, value]| {
            set_attribute(vm, f, this, name, Some(value)).map(|()| vm.ctx.none())
        });
        special!(vm, class, "__delattr__", |vm, this, [name]| {
            set_attribute(vm, f, this, name, None).map(|()| vm.ctx.none())
        });
    }
    if t.tp_getattro.is_none()
        && let Some(f) = t.tp_getattr
    {
        class.slots.getattro.store(Some(|this, name, vm| match class_slot(vm, this, |t| t.tp_getattr) {
            Some(f) => get_by_text(vm, f, this, name.as_object()),
            None => Err(missing(vm, "tp_getattr")),
        }));
        special!(vm, class, "__getattribute__", |vm, this, [name]| get_by_text(vm, f, this, name));
    }
    if t.tp_setattro.is_none()
        && let Some(f) = t.tp_setattr
    {
        class.slots.setattro.store(Some(|this, name, value, vm| {
            let f = class_slot(vm, this, |t| t.tp_setattr).ok_or_else(|| missing(vm, "tp_setattr"))?;
            match &value {
                PySetterValue::Assign(value) => set_by_text(vm, f, this, name.as_object(), Some(value)),
                PySetterValue::Delete => set_by_text(vm, f, this, name.as_object(), None),
            }
        }));
        special!(vm, class, "__setattr__", |vm, this, [name, value]| {
            set_by_text(vm, f, this, name, Some(value)).map(|()| vm.ctx.none())
        });
        special!(vm, class, "__delattr__", |vm, this, [name]| {
            set_by_text(vm, f, this, name, None).map(|()| vm.ctx.none())
        });
    }
    if let Some(f) = t.tp_descr_get {
        class.slots.descr_get.store(Some(|this, object, owner, vm| {
            let f = class_slot(vm, this, |t| t.tp_descr_get).ok_or_else(|| missing(vm, "tp_descr_get"))?;
            ternary(vm, f, this, object, owner, "__get__")
        }));
        special!(vm, class, "__get__", |vm, this, [object, owner]| {
            let some = |it: &PyObjectRef| (!vm.is_none(it)).then(|| it.clone());
            ternary(vm, f, this, some(object).as_deref(), some(owner).as_deref(), "__get__")
        });
    }
    if let Some(f) = t.tp_descr_set {
        class.slots.descr_set.store(Some(|this, object, value, vm| {
            let f = class_slot(vm, this, |t| t.tp_descr_set).ok_or_else(|| missing(vm, "tp_descr_set"))?;
            match &value {
                PySetterValue::Assign(value) => set_item(vm, f, this, &object, Some(value), "__set__"),
                PySetterValue::Delete => set_item(vm, f, this, &object, None, "__delete__"),
            }
        }));
        special!(vm, class, "__set__", |vm, this, [object, value]| {
            set_item(vm, f, this, object, Some(value), "__set__").map(|()| vm.ctx.none())
        });
        special!(vm, class, "__delete__", |vm, this, [object]| {
            set_item(vm, f, this, object, None, "__delete__").map(|()| vm.ctx.none())
        });
    }
}

/// `Py_LT` and its like.
fn operator(op: PyComparisonOp) -> c_int {
    match op {
        PyComparisonOp::Lt => 0,
        PyComparisonOp::Le => 1,
        PyComparisonOp::Eq => 2,
        PyComparisonOp::Ne => 3,
        PyComparisonOp::Gt => 4,
        PyComparisonOp::Ge => 5,
    }
}

fn install_iteration(vm: &VirtualMachine, class: &PyTypeRef, t: &c::PyTypeObject) {
    if let Some(f) = t.tp_iter {
        if rustclad_mapper::is_exported(f as *const _, "PyObject_SelfIter") {
            class.slots.iter.store(Some(|this, _| Ok(this)));
        } else {
            class.slots.iter.store(Some(|this, vm| match class_slot(vm, &this, |t| t.tp_iter) {
                Some(f) => unary(vm, f, &this, "__iter__"),
                None => Err(missing(vm, "tp_iter")),
            }));
        }
        unary_method(vm, class, "__iter__", f);
    }
    if let Some(f) = t.tp_iternext {
        class.slots.iternext.store(Some(|this, vm| match class_slot(vm, this, |t| t.tp_iternext) {
            // The end may also be a StopIteration that is raised.
            Some(f) => match next(vm, f, this) {
                Ok(None) => Ok(PyIterReturn::StopIteration(None)),
                Ok(Some(item)) => Ok(PyIterReturn::Return(item)),
                Err(error) => PyIterReturn::from_pyresult(Err(error), vm),
            },
            None => Err(missing(vm, "tp_iternext")),
        }));
        special!(vm, class, "__next__", |vm, this, []| {
            next(vm, f, this)?.ok_or_else(|| vm.new_stop_iteration(None))
        });
    }
}

/// A binary number slot: the VM's two slots (both get the operands in C's order), `__x__` and `__rx__`.
macro_rules! binary_slots {
    ($vm:ident, $class:ident, $suite:ident: $($c:ident $left:ident $right:ident $name:literal $reflected:literal)*) => {$(
        if let Some(f) = $suite.$c {
            $class.slots.as_number.$left.store(Some(|a, b, vm| match number_slot(vm, a, |suite| suite.$c) {
                Some(f) => binary(vm, f, a, b, $name),
                None => Ok(vm.ctx.not_implemented()),
            }));
            $class.slots.as_number.$right.store(Some(|a, b, vm| match number_slot(vm, b, |suite| suite.$c) {
                Some(f) => binary(vm, f, a, b, $reflected),
                None => Ok(vm.ctx.not_implemented()),
            }));
            special!($vm, $class, $name, |vm, this, [other]| binary(vm, f, this, other, $name));
            special!($vm, $class, $reflected, |vm, this, [other]| binary(vm, f, other, this, $reflected));
        }
    )*};
}

/// An in-place number slot.
macro_rules! inplace_slots {
    ($vm:ident, $class:ident, $suite:ident: $($c:ident $slot:ident $name:literal)*) => {$(
        if let Some(f) = $suite.$c {
            $class.slots.as_number.$slot.store(Some(|a, b, vm| match number_slot(vm, a, |suite| suite.$c) {
                Some(f) => binary(vm, f, a, b, $name),
                None => Ok(vm.ctx.not_implemented()),
            }));
            special!($vm, $class, $name, |vm, this, [other]| binary(vm, f, this, other, $name));
        }
    )*};
}

/// A unary number slot.
macro_rules! unary_slots {
    ($vm:ident, $class:ident, $suite:ident: $($c:ident $slot:ident $name:literal)*) => {$(
        if let Some(f) = $suite.$c {
            $class.slots.as_number.$slot.store(Some(|number: PyNumber<'_>, vm| {
                match number_slot(vm, number.obj, |suite| suite.$c) {
                    Some(f) => unary(vm, f, number.obj, $name),
                    None => Err(missing(vm, $name)),
                }
            }));
            unary_method($vm, $class, $name, f);
        }
    )*};
}

fn number_slot<F>(
    vm: &VirtualMachine,
    this: &PyObject,
    slot: impl FnOnce(&c::PyNumberMethods) -> Option<F>,
) -> Option<F> {
    // SAFETY: a type's suite is null or valid.
    class_slot(vm, this, |t| unsafe { t.tp_as_number.as_ref() }.and_then(slot))
}

fn install_number(vm: &VirtualMachine, class: &PyTypeRef, suite: &c::PyNumberMethods) {
    binary_slots!(vm, class, suite:
        nb_add add right_add "__add__" "__radd__"
        nb_subtract subtract right_subtract "__sub__" "__rsub__"
        nb_multiply multiply right_multiply "__mul__" "__rmul__"
        nb_remainder remainder right_remainder "__mod__" "__rmod__"
        nb_divmod divmod right_divmod "__divmod__" "__rdivmod__"
        nb_lshift lshift right_lshift "__lshift__" "__rlshift__"
        nb_rshift rshift right_rshift "__rshift__" "__rrshift__"
        nb_and and right_and "__and__" "__rand__"
        nb_xor xor right_xor "__xor__" "__rxor__"
        nb_or or right_or "__or__" "__ror__"
        nb_floor_divide floor_divide right_floor_divide "__floordiv__" "__rfloordiv__"
        nb_true_divide true_divide right_true_divide "__truediv__" "__rtruediv__"
        nb_matrix_multiply matrix_multiply right_matrix_multiply "__matmul__" "__rmatmul__");
    inplace_slots!(vm, class, suite:
        nb_inplace_add inplace_add "__iadd__"
        nb_inplace_subtract inplace_subtract "__isub__"
        nb_inplace_multiply inplace_multiply "__imul__"
        nb_inplace_remainder inplace_remainder "__imod__"
        nb_inplace_lshift inplace_lshift "__ilshift__"
        nb_inplace_rshift inplace_rshift "__irshift__"
        nb_inplace_and inplace_and "__iand__"
        nb_inplace_xor inplace_xor "__ixor__"
        nb_inplace_or inplace_or "__ior__"
        nb_inplace_floor_divide inplace_floor_divide "__ifloordiv__"
        nb_inplace_true_divide inplace_true_divide "__itruediv__"
        nb_inplace_matrix_multiply inplace_matrix_multiply "__imatmul__");
    unary_slots!(vm, class, suite:
        nb_negative negative "__neg__"
        nb_positive positive "__pos__"
        nb_absolute absolute "__abs__"
        nb_invert invert "__invert__"
        nb_int int "__int__"
        nb_float float "__float__"
        nb_index index "__index__");
    if let Some(f) = suite.nb_bool {
        class.slots.as_number.boolean.store(Some(|number: PyNumber<'_>, vm| {
            match number_slot(vm, number.obj, |suite| suite.nb_bool) {
                Some(f) => inquiry(vm, f, number.obj, "__bool__"),
                None => Ok(true),
            }
        }));
        special!(vm, class, "__bool__", |vm, this, []| Ok(vm.ctx.new_bool(inquiry(vm, f, this, "__bool__")?).into()));
    }
    if let Some(f) = suite.nb_power {
        class.slots.as_number.power.store(Some(|a, b, third, vm| match number_slot(vm, a, |suite| suite.nb_power) {
            Some(f) => ternary(vm, f, a, Some(b), Some(third), "__pow__"),
            None => Ok(vm.ctx.not_implemented()),
        }));
        class.slots.as_number.right_power.store(Some(|a, b, third, vm| {
            match number_slot(vm, b, |suite| suite.nb_power) {
                Some(f) => ternary(vm, f, a, Some(b), Some(third), "__rpow__"),
                None => Ok(vm.ctx.not_implemented()),
            }
        }));
        special!(vm, class, "__pow__", |vm, this, [other]| {
            ternary(vm, f, this, Some(other), Some(&vm.ctx.none()), "__pow__")
        });
        special!(vm, class, "__rpow__", |vm, this, [other]| {
            ternary(vm, f, other, Some(this), Some(&vm.ctx.none()), "__rpow__")
        });
    }
}

fn sequence_slot<F>(
    vm: &VirtualMachine,
    this: &PyObject,
    slot: impl FnOnce(&c::PySequenceMethods) -> Option<F>,
) -> Option<F> {
    // SAFETY: a type's suite is null or valid.
    class_slot(vm, this, |t| unsafe { t.tp_as_sequence.as_ref() }.and_then(slot))
}

/// An argument as an index.
fn index(vm: &VirtualMachine, value: &PyObject) -> PyResult<isize> {
    value.try_index(vm)?.try_to_primitive::<isize>(vm)
}

fn install_sequence(vm: &VirtualMachine, class: &PyTypeRef, suite: &c::PySequenceMethods) {
    let slots = &class.slots.as_sequence;
    if let Some(f) = suite.sq_length {
        slots.length.store(Some(|sequence: PySequence<'_>, vm| {
            let f = sequence_slot(vm, sequence.obj, |suite| suite.sq_length).ok_or_else(|| missing(vm, "sq_length"))?;
            length(vm, f, sequence.obj, "__len__")
        }));
        special!(vm, class, "__len__", |vm, this, []| Ok(vm.ctx.new_int(length(vm, f, this, "__len__")?).into()));
    }
    if let Some(f) = suite.sq_concat {
        slots.concat.store(Some(|sequence: PySequence<'_>, other, vm| {
            let f = sequence_slot(vm, sequence.obj, |suite| suite.sq_concat).ok_or_else(|| missing(vm, "sq_concat"))?;
            binary(vm, f, sequence.obj, other, "__add__")
        }));
        special!(vm, class, "__add__", |vm, this, [other]| binary(vm, f, this, other, "__add__"));
    }
    if let Some(f) = suite.sq_repeat {
        slots.repeat.store(Some(|sequence: PySequence<'_>, count, vm| {
            let f = sequence_slot(vm, sequence.obj, |suite| suite.sq_repeat).ok_or_else(|| missing(vm, "sq_repeat"))?;
            at_index(vm, f, sequence.obj, count, "__mul__")
        }));
        special!(vm, class, "__mul__", |vm, this, [count]| at_index(vm, f, this, index(vm, count)?, "__mul__"));
        special!(vm, class, "__rmul__", |vm, this, [count]| at_index(vm, f, this, index(vm, count)?, "__rmul__"));
    }
    if let Some(f) = suite.sq_item {
        slots.item.store(Some(|sequence: PySequence<'_>, at, vm| {
            let f = sequence_slot(vm, sequence.obj, |suite| suite.sq_item).ok_or_else(|| missing(vm, "sq_item"))?;
            at_index(vm, f, sequence.obj, from_front(vm, sequence.obj, at)?, "__getitem__")
        }));
        special!(vm, class, "__getitem__", |vm, this, [at]| {
            at_index(vm, f, this, from_front(vm, this, index(vm, at)?)?, "__getitem__")
        });
    }
    if let Some(f) = suite.sq_ass_item {
        slots.ass_item.store(Some(|sequence: PySequence<'_>, at, value: Option<PyObjectRef>, vm| {
            let f =
                sequence_slot(vm, sequence.obj, |suite| suite.sq_ass_item).ok_or_else(|| missing(vm, "sq_ass_item"))?;
            set_at_index(vm, f, sequence.obj, from_front(vm, sequence.obj, at)?, value.as_deref(), "__setitem__")
        }));
        special!(vm, class, "__setitem__", |vm, this, [at, value]| {
            let at = from_front(vm, this, index(vm, at)?)?;
            set_at_index(vm, f, this, at, Some(value), "__setitem__").map(|()| vm.ctx.none())
        });
        special!(vm, class, "__delitem__", |vm, this, [at]| {
            let at = from_front(vm, this, index(vm, at)?)?;
            set_at_index(vm, f, this, at, None, "__delitem__").map(|()| vm.ctx.none())
        });
    }
    if let Some(f) = suite.sq_contains {
        slots.contains.store(Some(|sequence: PySequence<'_>, item, vm| {
            let f =
                sequence_slot(vm, sequence.obj, |suite| suite.sq_contains).ok_or_else(|| missing(vm, "sq_contains"))?;
            contains(vm, f, sequence.obj, item)
        }));
        special!(vm, class, "__contains__", |vm, this, [item]| Ok(vm
            .ctx
            .new_bool(contains(vm, f, this, item)?)
            .into()));
    }
    if let Some(f) = suite.sq_inplace_concat {
        special!(vm, class, "__iadd__", |vm, this, [other]| binary(vm, f, this, other, "__iadd__"));
    }
    if let Some(f) = suite.sq_inplace_repeat {
        special!(vm, class, "__imul__", |vm, this, [count]| at_index(vm, f, this, index(vm, count)?, "__imul__"));
    }
}

fn mapping_slot<F>(
    vm: &VirtualMachine,
    this: &PyObject,
    slot: impl FnOnce(&c::PyMappingMethods) -> Option<F>,
) -> Option<F> {
    // SAFETY: a type's suite is null or valid.
    class_slot(vm, this, |t| unsafe { t.tp_as_mapping.as_ref() }.and_then(slot))
}

fn install_mapping(vm: &VirtualMachine, class: &PyTypeRef, suite: &c::PyMappingMethods) {
    let slots = &class.slots.as_mapping;
    if let Some(f) = suite.mp_length {
        slots.length.store(Some(|mapping: PyMapping<'_>, vm| {
            let f = mapping_slot(vm, mapping.obj, |suite| suite.mp_length).ok_or_else(|| missing(vm, "mp_length"))?;
            length(vm, f, mapping.obj, "__len__")
        }));
        special!(vm, class, "__len__", |vm, this, []| Ok(vm.ctx.new_int(length(vm, f, this, "__len__")?).into()));
    }
    if let Some(f) = suite.mp_subscript {
        slots.subscript.store(Some(|mapping: PyMapping<'_>, key, vm| {
            let f =
                mapping_slot(vm, mapping.obj, |suite| suite.mp_subscript).ok_or_else(|| missing(vm, "mp_subscript"))?;
            binary(vm, f, mapping.obj, key, "__getitem__")
        }));
        special!(vm, class, "__getitem__", |vm, this, [key]| binary(vm, f, this, key, "__getitem__"));
    }
    if let Some(f) = suite.mp_ass_subscript {
        slots.ass_subscript.store(Some(|mapping: PyMapping<'_>, key, value: Option<PyObjectRef>, vm| {
            let f = mapping_slot(vm, mapping.obj, |suite| suite.mp_ass_subscript)
                .ok_or_else(|| missing(vm, "mp_ass_subscript"))?;
            set_item(vm, f, mapping.obj, key, value.as_deref(), "__setitem__")
        }));
        special!(vm, class, "__setitem__", |vm, this, [key, value]| {
            set_item(vm, f, this, key, Some(value), "__setitem__").map(|()| vm.ctx.none())
        });
        special!(vm, class, "__delitem__", |vm, this, [key]| {
            set_item(vm, f, this, key, None, "__delitem__").map(|()| vm.ctx.none())
        });
    }
}
