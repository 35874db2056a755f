//! The managed half of C function objects: RustPython's own builtin function, extended by the definition that it
//! calls, so that nothing is leaked and `type(f)` is what users expect.

use std::fmt;

use rustclad_mapper::abi::layout as c;
use rustclad_mapper::abi::layout::meth;
use rustclad_mapper::heap::block::Block;
use rustclad_mapper::lifetime::bound::{Bound, Link};
use rustclad_mapper::lifetime::handle;
use rustclad_mapper::twins::forms::function::{self_of, texts};
use rustclad_mapper::twins::retrieve;
use rustclad_mapper::twins::types::method_class;
use rustpython_vm::builtins::{PyStr, PyType};
use rustpython_vm::function::{PyMethodDef, PyMethodFlags, PyNativeFn};
use rustpython_vm::object::{MaybeTraverse, TraverseFn};
use rustpython_vm::{Context, Py, PyObjectRef, PyPayload, PyRef, VirtualMachine};

use crate::calls::{Receiver, closure};

/// A builtin function with the definition that it refers to. `N` is RustPython's payload for such functions, a type
/// that it does not export by name.
#[repr(C)]
pub struct Function<N> {
    base: N,
    /// Outlives `base`, which holds `'static` references into it: fields are dropped in order.
    _definition: Box<Definition>,
}

/// A method definition and what it refers to.
pub(crate) struct Definition {
    method: PyMethodDef,
    _name: Box<str>,
    _doc: Option<Box<str>>,
    _code: Box<dyn PyNativeFn>,
}

impl Definition {
    /// Makes a definition that stays valid as long as the box.
    pub(crate) fn new(name: String, doc: Option<String>, code: Box<dyn PyNativeFn>, flags: PyMethodFlags) -> Box<Self> {
        let name: Box<str> = name.into();
        let doc: Option<Box<str>> = doc.map(Into::into);
        // SAFETY: the boxes' contents do not move, and live as long as the definition that refers to them.
        let (static_name, static_doc, static_code) = unsafe {
            (
                &*std::ptr::from_ref::<str>(&name),
                doc.as_deref().map(|doc| &*std::ptr::from_ref::<str>(doc)),
                &*std::ptr::from_ref::<dyn PyNativeFn>(&*code),
            )
        };
        let method = PyMethodDef {
            name: static_name,
            func: static_code,
            flags,
            doc_off: 0,
            doc_len: 0,
            doc_body_pending: false,
            doc: static_doc,
        };
        Box::new(Self { method, _name: name, _doc: doc, _code: code })
    }

    /// The definition, for as long as the box lives.
    ///
    /// # Safety
    /// The reference is not used after the box is dropped.
    pub(crate) unsafe fn method(&self) -> &'static PyMethodDef {
        // SAFETY: by contract.
        unsafe { &*std::ptr::from_ref(&self.method) }
    }
}

impl<N: fmt::Debug> fmt::Debug for Function<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.base.fmt(f)
    }
}

impl<N: MaybeTraverse> MaybeTraverse for Function<N> {
    const HAS_TRAVERSE: bool = N::HAS_TRAVERSE;
    fn try_traverse(&self, traverse: &mut TraverseFn<'_>) {
        self.base.try_traverse(traverse);
    }
}

impl<N: PyPayload> PyPayload for Function<N> {
    const PAYLOAD_TYPE_ID: std::any::TypeId = N::PAYLOAD_TYPE_ID;
    fn class(context: &Context) -> &'static Py<PyType> {
        context.types.builtin_function_or_method_type
    }
}

/// Makes the managed half of a function's block and ties both.
pub(crate) fn new(vm: &VirtualMachine, block: Block) -> PyObjectRef {
    // SAFETY: the mapper passes a filled function block.
    unsafe {
        let function = &*block.cast::<c::PyCFunctionObject>();
        let (name, doc) = texts(function.m_ml);
        let class = if (*function.m_ml).ml_flags & meth::METHOD != 0 {
            (*block.cast::<c::PyCMethodObject>()).mm_class
        } else {
            std::ptr::null_mut()
        };
        let module = (!function.m_module.is_null())
            .then(|| retrieve::retrieve(vm, function.m_module).ok())
            .flatten()
            .and_then(|module| module.downcast::<PyStr>().ok());
        let this = self_of(vm, block);
        let shown = match &module {
            Some(module) => format!("{}.{name}", module.to_string_lossy()),
            None => name.clone(),
        };
        let receiver = Receiver::Fixed(function.m_self as usize);
        // A function with meaningless flags can be made, but every call of it raises.
        let code = closure(vm, function.m_ml, receiver, class, &shown).unwrap_or_else(|error| failing(&error));
        let definition = Definition::new(name, doc, code, PyMethodFlags::EMPTY);
        let mut base = definition.method().to_function();
        if let Some(module) = module {
            base = base.with_module(vm.ctx.intern_str(module.as_wtf8()));
        }
        if let Some(this) = this {
            base = base.with_module_object(this);
        }
        let payload = Bound { base: Function { base, _definition: definition }, link: Link::new(block) };
        let class =
            if class.is_null() { vm.ctx.types.builtin_function_or_method_type.to_owned() } else { method_class(vm) };
        let object: PyObjectRef = PyRef::new_ref(payload, class, None).into();
        handle::tie(block, &object);
        object
    }
}

/// A function that raises the message of `error` at each call.
fn failing(error: &rustpython_vm::builtins::PyBaseExceptionRef) -> Box<dyn PyNativeFn> {
    let message = error.args().as_slice().first().map_or_else(String::new, |text| {
        text.downcast_ref::<PyStr>().map_or_else(String::new, |text| text.to_string_lossy().into_owned())
    });
    Box::new(move |vm: &VirtualMachine, _: rustpython_vm::function::FuncArgs, _: rustpython_vm::function::Callee| {
        Err(vm.new_system_error(message.clone()))
    })
}
