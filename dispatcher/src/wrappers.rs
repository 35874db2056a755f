//! `wrapper_descriptor` and `method-wrapper` for the special methods of C types: the VM's own can only stand for a function of
//! the VM. Both serve both sorts; what is not ours goes to what the VM had there.

use std::sync::OnceLock;

use rustclad_mapper::abi::text::body_of_doc;
use rustclad_mapper::make_wrappers;
use rustclad_mapper::twins::forms::wrapper::{SpecialMethod, texts};
use rustpython_vm::builtins::{PyGetSet, PyStr, PyType};
use rustpython_vm::function::{Callee, FuncArgs, PyComparisonValue};
use rustpython_vm::object::{MaybeTraverse, TraverseFn};
use rustpython_vm::types::{PyComparisonOp, PyTypeFlags};
use rustpython_vm::{AsObject, Context, Py, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine};

/// A special method bound to an object.
#[derive(Debug)]
struct BoundMethod {
    method: PyRef<SpecialMethod>,
    object: PyObjectRef,
}

impl MaybeTraverse for BoundMethod {
    const HAS_TRAVERSE: bool = true;
    fn try_traverse(&self, traverse: &mut TraverseFn<'_>) {
        traverse(self.method.as_object());
        traverse(&self.object);
    }
}

impl PyPayload for BoundMethod {
    fn class(context: &Context) -> &'static Py<PyType> {
        context.types.method_wrapper_type
    }
}

/// Puts our functions in front of the VM's. Once, before any C type is made.
pub(crate) fn install(vm: &VirtualMachine) {
    install_unbound(vm);
    install_bound(vm);
}

/// Puts a function into a slot of a class from which none derives; what was there goes into a `OnceLock`.
macro_rules! in_front {
    ($class:expr, $slot:ident, $was:ident, $ours:expr) => {
        if let Some(original) = $class.slots.$slot.load() {
            let _ = $was.set(original);
            $class.slots.$slot.store(Some($ours));
        }
    };
}

type Get = fn(&PyObject, Option<&PyObject>, Option<&PyObject>, &VirtualMachine) -> PyResult;
type Call = fn(&PyObject, FuncArgs, &VirtualMachine) -> PyResult;
type VectorCall = fn(&PyObject, Vec<PyObjectRef>, usize, Option<&[PyObjectRef]>, &VirtualMachine) -> PyResult;
type Repr = fn(&PyObject, &VirtualMachine) -> PyResult<PyRef<PyStr>>;
type Hash = fn(&PyObject, &VirtualMachine) -> PyResult<i64>;
type Compare = fn(
    &PyObject,
    &PyObject,
    PyComparisonOp,
    &VirtualMachine,
) -> PyResult<rustpython_vm::function::Either<PyObjectRef, PyComparisonValue>>;

static GET: OnceLock<Get> = OnceLock::new();
static CALL: OnceLock<Call> = OnceLock::new();
static VECTORCALL: OnceLock<VectorCall> = OnceLock::new();
static REPR: OnceLock<Repr> = OnceLock::new();
static CALL_BOUND: OnceLock<Call> = OnceLock::new();
static REPR_BOUND: OnceLock<Repr> = OnceLock::new();
static HASH_BOUND: OnceLock<Hash> = OnceLock::new();
static COMPARE_BOUND: OnceLock<Compare> = OnceLock::new();

/// What the VM had there.
fn was<F: Copy>(original: &OnceLock<F>) -> F {
    *original.get().expect("set before ours")
}

fn install_unbound(vm: &VirtualMachine) {
    let class = vm.ctx.types.wrapper_descriptor_type;
    // As in CPython; finding a method makes no bound one then.
    class.slots.flags.insert(PyTypeFlags::METHOD_DESCRIPTOR);
    in_front!(class, descr_get, GET, get);
    in_front!(class, call, CALL, call);
    in_front!(class, vectorcall, VECTORCALL, vectorcall);
    in_front!(class, repr, REPR, |this, vm| match this.downcast_ref::<SpecialMethod>() {
        Some(method) => {
            let class = method.owner().slot_name();
            Ok(vm.ctx.new_str(format!("<slot wrapper '{}' of '{class}' objects>", method.base.common.name)))
        }
        None => was(&REPR)(this, vm),
    });
    make_wrappers(vm, class, &["__get__", "__call__", "__repr__"]);
    attribute(vm, class, "__objclass__", |_, this| {
        Some(Ok(this.downcast_ref::<SpecialMethod>()?.owner().to_owned().into()))
    });
    attribute(vm, class, "__name__", |_, this| {
        Some(Ok(this.downcast_ref::<SpecialMethod>()?.base.common.name.to_owned().into()))
    });
    attribute(vm, class, "__doc__", |vm, this| Some(Ok(documentation(vm, this.downcast_ref()?, false))));
    attribute(vm, class, "__text_signature__", |vm, this| Some(Ok(documentation(vm, this.downcast_ref()?, true))));
    class.modified();
}

/// The documentation in a method's definition, or the signature in front of it.
fn documentation(vm: &VirtualMachine, method: &Py<SpecialMethod>, signature: bool) -> PyObjectRef {
    let Some((name, doc)) = texts(vm, method.as_object(), method.base.common.name.as_str()) else {
        return vm.ctx.none();
    };
    let body = body_of_doc(&name, &doc);
    if !signature {
        return vm.ctx.new_str(body).into();
    }
    let head = doc[..doc.len() - body.len()].strip_prefix(name.as_str()).and_then(|rest| rest.strip_suffix("\n--\n\n"));
    head.map_or_else(|| vm.ctx.none(), |head| vm.ctx.new_str(head).into())
}

/// A read-only attribute of both sorts.
fn attribute(
    vm: &VirtualMachine,
    class: &'static Py<PyType>,
    name: &'static str,
    ours: fn(&VirtualMachine, &PyObject) -> Option<PyResult>,
) {
    let key = vm.ctx.intern_str(name);
    let Some(original) = class.attributes.get(key) else { return };
    let get = move |this: PyObjectRef, vm: &VirtualMachine| -> PyResult {
        if let Some(result) = ours(vm, &this) {
            return result;
        }
        let class = this.class().to_owned();
        let found = vm.call_get_descriptor_specific(&original, Some(&this), Some(class.as_object()));
        found.unwrap_or_else(|| Ok(vm.ctx.none()))
    };
    class.set_attr(key, PyGetSet::new(name, class, &vm.ctx).with_get(get).into_pyobject(vm));
}

fn get(this: &PyObject, object: Option<&PyObject>, class: Option<&PyObject>, vm: &VirtualMachine) -> PyResult {
    let Some(method) = this.downcast_ref::<SpecialMethod>() else { return was(&GET)(this, object, class, vm) };
    let Some(object) = object else { return Ok(this.to_owned()) };
    check(vm, method, Some(object), true)?;
    let bound = BoundMethod { method: method.to_owned(), object: object.to_owned() };
    Ok(PyRef::new_ref(bound, vm.ctx.types.method_wrapper_type.to_owned(), None).into())
}

/// A method is for objects of its class.
fn check(vm: &VirtualMachine, method: &SpecialMethod, object: Option<&PyObject>, binds: bool) -> PyResult<()> {
    let (name, class) = (method.base.common.name, method.owner());
    let Some(object) = object else {
        let class = class.slot_name();
        return Err(vm.new_type_error(format!("descriptor '{name}' of '{class}' object needs an argument")));
    };
    if object.class().fast_issubclass(class) {
        return Ok(());
    }
    let (class, other) = (class.slot_name(), object.class().slot_name());
    Err(vm.new_type_error(if binds {
        format!("descriptor '{name}' for '{class}' objects doesn't apply to a '{other}' object")
    } else {
        format!("descriptor '{name}' requires a '{class}' object but received a '{other}'")
    }))
}

fn run(method: &Py<SpecialMethod>, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let definition = method.base.method;
    (definition.func)(vm, args, Callee::named(definition.name).with_instance_arg(true))
}

fn call(this: &PyObject, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
    let Some(method) = this.downcast_ref::<SpecialMethod>() else { return was(&CALL)(this, args, vm) };
    check(vm, method, args.args.first().map(|first| &**first), false)?;
    run(method, args, vm)
}

fn vectorcall(
    this: &PyObject,
    args: Vec<PyObjectRef>,
    count: usize,
    names: Option<&[PyObjectRef]>,
    vm: &VirtualMachine,
) -> PyResult {
    if !this.downcastable::<SpecialMethod>() {
        return was(&VECTORCALL)(this, args, count, names, vm);
    }
    call(this, FuncArgs::from_vectorcall_owned(args, count, names), vm)
}

fn install_bound(vm: &VirtualMachine) {
    let class = vm.ctx.types.method_wrapper_type;
    in_front!(class, call, CALL_BOUND, |this, args, vm| match this.downcast_ref::<BoundMethod>() {
        Some(bound) => {
            let mut args = args;
            args.prepend_arg(bound.object.clone());
            run(&bound.method, args, vm)
        }
        None => was(&CALL_BOUND)(this, args, vm),
    });
    in_front!(class, repr, REPR_BOUND, |this, vm| match this.downcast_ref::<BoundMethod>() {
        Some(bound) => {
            let (name, class, at) =
                (bound.method.base.common.name, bound.object.class().slot_name(), bound.object.get_id());
            Ok(vm.ctx.new_str(format!("<method-wrapper '{name}' of {class} object at {at:#x}>")))
        }
        None => was(&REPR_BOUND)(this, vm),
    });
    in_front!(class, hash, HASH_BOUND, |this, vm| match this.downcast_ref::<BoundMethod>() {
        Some(bound) => match (bound.method.as_object().get_id() ^ bound.object.get_id()) as i64 {
            -1 => Ok(-2),
            hash => Ok(hash),
        },
        None => was(&HASH_BOUND)(this, vm),
    });
    in_front!(class, richcompare, COMPARE_BOUND, compare_bound);
    make_wrappers(
        vm,
        class,
        &["__call__", "__repr__", "__hash__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"],
    );
    install_attributes_of_bound(vm, class);
    class.modified();
}

fn compare_bound(
    this: &PyObject,
    other: &PyObject,
    op: PyComparisonOp,
    vm: &VirtualMachine,
) -> PyResult<rustpython_vm::function::Either<PyObjectRef, PyComparisonValue>> {
    use rustpython_vm::function::Either;
    match (this.downcast_ref::<BoundMethod>(), other.downcast_ref::<BoundMethod>()) {
        (None, None) => was(&COMPARE_BOUND)(this, other, op, vm),
        (Some(a), Some(b)) => {
            let equal = a.method.is(&b.method) && a.object.is(&b.object);
            let value = match op {
                PyComparisonOp::Eq => PyComparisonValue::Implemented(equal),
                PyComparisonOp::Ne => PyComparisonValue::Implemented(!equal),
                _ => PyComparisonValue::NotImplemented,
            };
            Ok(Either::B(value))
        }
        _ => Ok(Either::B(PyComparisonValue::NotImplemented)),
    }
}

fn install_attributes_of_bound(vm: &VirtualMachine, class: &'static Py<PyType>) {
    attribute(vm, class, "__self__", |_, this| Some(Ok(this.downcast_ref::<BoundMethod>()?.object.clone())));
    attribute(vm, class, "__name__", |vm, this| of_method(vm, this, "__name__"));
    attribute(vm, class, "__objclass__", |vm, this| of_method(vm, this, "__objclass__"));
    attribute(vm, class, "__qualname__", |vm, this| of_method(vm, this, "__qualname__"));
    attribute(vm, class, "__doc__", |vm, this| of_method(vm, this, "__doc__"));
    attribute(vm, class, "__text_signature__", |vm, this| of_method(vm, this, "__text_signature__"));
    let key = vm.ctx.intern_str("__reduce__");
    let Some(original) = class.attributes.get(key) else { return };
    let reduce = move |this: PyObjectRef, vm: &VirtualMachine| -> PyResult {
        let Some(bound) = this.downcast_ref::<BoundMethod>() else { return original.call((this,), vm) };
        let name = bound.method.base.common.name.to_owned().into();
        let args = vm.ctx.new_tuple(vec![bound.object.clone(), name]).into();
        Ok(vm.ctx.new_tuple(vec![vm.builtins.get_attr("getattr", vm)?, args]).into())
    };
    class.set_attr(key, vm.new_method("__reduce__", class, reduce).into());
}

/// What a bound method has of its method.
fn of_method(vm: &VirtualMachine, this: &PyObject, name: &'static str) -> Option<PyResult> {
    Some(this.downcast_ref::<BoundMethod>()?.method.as_object().get_attr(name, vm))
}
