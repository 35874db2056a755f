//! `instancemethod`, which only C code makes and the VM does not have: it binds any callable as a function in a class
//! binds, also one that is no descriptor itself.

use rustpython_vm::builtins::{PyBoundMethod, PyStr, PyType};
use rustpython_vm::class::PyClassImpl;
use rustpython_vm::common::wtf8::Wtf8Buf;
use rustpython_vm::function::{FuncArgs, PyComparisonValue, PyMethodDef};
use rustpython_vm::object::{Traverse, TraverseFn};
use rustpython_vm::types::{
    Callable, Comparable, Constructor, GetAttr, GetDescriptor, PyComparisonOp, PyTypeFlags, PyTypeSlots, Representable,
};
use rustpython_vm::{
    AsObject as _, Context, Py, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine, pyclass,
};

/// A callable that becomes a method when it is found in an object's class.
#[pyclass(module = false, name = "instancemethod", traverse = "manual")]
#[derive(Debug, PyPayload)]
pub(crate) struct InstanceMethod {
    pub(crate) function: PyObjectRef,
}

// SAFETY: the one reference, once.
unsafe impl Traverse for InstanceMethod {
    fn traverse(&self, visit: &mut TraverseFn<'_>) {
        self.function.traverse(visit);
    }
}

// What `#[pyclass]` would write here does not compile with debug assertions while the VM is built without them.
impl PyClassImpl for InstanceMethod {
    const TP_FLAGS: PyTypeFlags = PyTypeFlags::from_slice(&[PyTypeFlags::IMMUTABLETYPE]);
    const METHOD_DEFS: &'static [PyMethodDef] = &[];

    fn impl_extend_class(context: &'static Context, class: &'static Py<PyType>) {
        let function = |this: PyRef<Self>| this.function.clone();
        let doc = |this: PyRef<Self>, vm: &VirtualMachine| this.function.get_attr("__doc__", vm);
        class.set_attr(context.intern_str("__func__"), context.new_readonly_getset("__func__", class, function).into());
        class.set_attr(context.intern_str("__doc__"), context.new_readonly_getset("__doc__", class, doc).into());
    }

    fn extend_slots(slots: &mut PyTypeSlots) {
        slots.new.store(Some(Self::slot_new));
        slots.call.store(Some(Self::slot_call));
        slots.descr_get.store(Some(Self::descr_get));
        slots.getattro.store(Some(Self::slot_getattro));
        slots.richcompare.store(Some(Self::slot_richcompare));
        slots.repr.store(Some(Self::slot_repr));
    }
}

impl Constructor for InstanceMethod {
    type Args = FuncArgs;

    fn py_new(_: &Py<PyType>, args: FuncArgs, vm: &VirtualMachine) -> PyResult<Self> {
        if !args.kwargs.is_empty() {
            return Err(vm.new_type_error("instancemethod() takes no keyword arguments"));
        }
        let [function] = args.args.as_slice() else {
            let given = args.args.len();
            return Err(vm.new_type_error(format!("instancemethod expected 1 argument, got {given}")));
        };
        if !function.is_callable() {
            return Err(vm.new_type_error("first argument must be callable"));
        }
        Ok(Self { function: function.clone() })
    }
}

impl Callable for InstanceMethod {
    type Args = FuncArgs;

    fn call(this: &Py<Self>, args: FuncArgs, vm: &VirtualMachine) -> PyResult {
        this.function.call(args, vm)
    }
}

impl GetDescriptor for InstanceMethod {
    fn descr_get(this: &PyObject, object: Option<&PyObject>, _: Option<&PyObject>, vm: &VirtualMachine) -> PyResult {
        let function = Self::_as_pyref(this, vm)?.function.clone();
        match object {
            Some(object) if !vm.is_none(object) => {
                Ok(PyBoundMethod::new(object.to_owned(), function).into_pyobject(vm))
            }
            _ => Ok(function),
        }
    }
}

impl GetAttr for InstanceMethod {
    fn getattro(this: &Py<Self>, name: &Py<PyStr>, vm: &VirtualMachine) -> PyResult {
        match vm.ctx.interned_str(name).and_then(|name| this.class().get_attr(name)) {
            Some(found) => vm.call_if_get_descriptor(&found, this.to_owned().into()),
            None => this.function.get_attr(name, vm),
        }
    }
}

impl Comparable for InstanceMethod {
    fn cmp(this: &Py<Self>, other: &PyObject, how: PyComparisonOp, vm: &VirtualMachine) -> PyResult<PyComparisonValue> {
        how.eq_only(|| match other.downcast_ref::<Self>() {
            Some(other) => vm.bool_eq(&this.function, &other.function).map(PyComparisonValue::Implemented),
            None => Ok(PyComparisonValue::NotImplemented),
        })
    }
}

impl Representable for InstanceMethod {
    fn repr_wtf8(this: &Py<Self>, vm: &VirtualMachine) -> PyResult<Wtf8Buf> {
        let name = vm.get_attribute_opt(&this.function, "__name__")?;
        let mut text = Wtf8Buf::from("<instancemethod ");
        match name.as_ref().and_then(|name| name.downcast_ref::<PyStr>()) {
            Some(name) => text.push_wtf8(name.as_wtf8()),
            None => text.push_str("?"),
        }
        text.push_str(&format!(" at {:#x}>", this.get_id()));
        Ok(text)
    }
}
