//! `__doc__` of descriptors and functions: C code writes into their definitions, long after they were made.

use std::ffi::CStr;

use rustpython_vm::builtins::{PyGetSet, PyStr, PyType, PyTypeRef};
use rustpython_vm::{AsObject, Py, PyObject, PyObjectRef, PyPayload as _, PyResult, VirtualMachine};

use crate::abi::layout::{self as c, tpflags};
use crate::abi::text;
use crate::lifetime::{handle, thread};
use crate::twins::forms::descriptor::{self, Sort};
use crate::twins::forms::function;
use crate::twins::types::type_block;

/// Has `__doc__` tell what is in the definitions. Once, when the stub is filled.
pub(crate) fn install(vm: &VirtualMachine) {
    let t = &vm.ctx.types;
    for class in [
        t.getset_type,
        t.member_descriptor_type,
        t.method_descriptor_type,
        t.classmethod_descriptor_type,
        t.builtin_function_or_method_type,
    ] {
        let name = vm.ctx.intern_str("__doc__");
        let Some(original) = class.attributes.get(name) else { continue };
        let doc = move |this: PyObjectRef, vm: &VirtualMachine| -> PyResult {
            if let Some(text) = in_definition(vm, &this) {
                return Ok(vm.ctx.new_str(text).into());
            }
            let class = this.class().to_owned();
            let found = vm.call_get_descriptor_specific(&original, Some(&this), Some(class.as_object()));
            found.unwrap_or_else(|| Ok(vm.ctx.none()))
        };
        let getset = PyGetSet::new("__doc__", class, &vm.ctx).with_get(doc).into_pyobject(vm);
        class.set_attr(name, getset);
    }
}

/// The text in the definition that C code knows, without the signature in front.
fn in_definition(vm: &VirtualMachine, this: &PyObject) -> Option<String> {
    let is_function = this.class().fast_issubclass(vm.ctx.types.builtin_function_or_method_type);
    let place = if is_function { place_of_method(vm, this) } else { descriptor::place(vm, this) };
    let sort = if is_function { Sort::Method } else { Sort::of(vm, this.class()) };
    let _section = thread::section(vm);
    // SAFETY: definitions live as long as what was made of them.
    unsafe {
        let function = handle::block_of(this).filter(|block| is_function && function::is_of_c(*block));
        let (name, doc) = match function {
            Some(block) => {
                let method = &*(*block.cast::<c::PyCFunctionObject>()).m_ml;
                (method.ml_name, method.ml_doc)
            }
            None => {
                let (class, name) = place?;
                of_entry(handle::block_of(class.as_object())?.cast(), sort, &name)?
            }
        };
        if doc.is_null() {
            return None;
        }
        let (name, doc) = (CStr::from_ptr(name).to_string_lossy(), text::of_c(doc));
        if sort != Sort::Method {
            return Some(doc);
        }
        // No text behind a signature is none.
        Some(text::body_of_doc(&name, &doc).to_owned()).filter(|body| !body.is_empty())
    }
}

/// The class that has the definition of a bound method, and its name.
fn place_of_method(vm: &VirtualMachine, this: &PyObject) -> Option<(PyTypeRef, String)> {
    let receiver = this.get_attr("__self__", vm).ok()?;
    let name = this.get_attr("__name__", vm).ok()?.downcast::<PyStr>().ok()?.to_string_lossy().into_owned();
    let key = vm.ctx.intern_str(name.as_str());
    let of = |class: &Py<PyType>| class.mro_collect().into_iter().find(|class| class.attributes.contains(key));
    let class = receiver.downcast_ref::<PyType>().and_then(of).or_else(|| of(receiver.class()))?;
    Some((class, name))
}

/// Name and documentation of an entry in a type's tables.
unsafe fn of_entry(
    t: *const c::PyTypeObject,
    sort: Sort,
    name: &str,
) -> Option<(*const std::ffi::c_char, *const std::ffi::c_char)> {
    // SAFETY: by the caller's contract.
    unsafe {
        let entry = descriptor::entry(t, sort, name)?;
        Some(match sort {
            Sort::Method => {
                let method = &*entry.cast::<c::PyMethodDef>();
                (method.ml_name, method.ml_doc)
            }
            Sort::Member => {
                let member = &*entry.cast::<c::PyMemberDef>();
                (member.name, member.doc)
            }
            _ => {
                let property = &*entry.cast::<c::PyGetSetDef>();
                (property.name, property.doc)
            }
        })
    }
}

/// The members of `type` that tell sizes, as Python sees them: what C code finds.
pub(crate) fn show_sizes(vm: &VirtualMachine) {
    let class: &'static Py<PyType> = vm.ctx.types.type_type;
    let read = |name: &'static str, of: fn(&c::PyTypeObject) -> isize| {
        let get = move |this: PyTypeRef, vm: &VirtualMachine| -> isize {
            let _section = thread::section(vm);
            // SAFETY: a type's block is filled.
            of(unsafe { &*type_block(vm, &this) })
        };
        let getset = PyGetSet::new(name, class, &vm.ctx).with_get(get).into_pyobject(vm);
        class.set_attr(vm.ctx.intern_str(name), getset);
    };
    read("__basicsize__", |t| t.tp_basicsize);
    read("__itemsize__", |t| t.tp_itemsize);
    read("__dictoffset__", |t| t.tp_dictoffset);
    read("__weakrefoffset__", |t| t.tp_weaklistoffset);
    let flags = |this: PyTypeRef, vm: &VirtualMachine| -> usize {
        let _section = thread::section(vm);
        let live = this.slots.flags.load().bits() as usize & tpflags::IS_ABSTRACT;
        // SAFETY: a type's block is filled.
        let shown = unsafe { (*type_block(vm, &this)).tp_flags };
        shown & !tpflags::IS_ABSTRACT | live
    };
    let getset = PyGetSet::new("__flags__", class, &vm.ctx).with_get(flags).into_pyobject(vm);
    class.set_attr(vm.ctx.intern_str("__flags__"), getset);
}
