//! `tp_new` and `tp_init` of `object`, as C code calls them: memory from the class's allocator, and arguments that nobody
//! takes. Owns the words of what both refuse.

use std::ffi::c_int;

use rustpython_vm::builtins::{PyStr, PyType};
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, Py, PyObjectRef, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::abi::text;
use crate::calls::api::api;
use crate::capi::dictobject::PyDict_Size;
use crate::heap::block::{Block, header};
use crate::lifetime::handle;
use crate::lifetime::thread::leave;
use crate::twins::forms::tuple;
use crate::twins::heap_type::generic_alloc;
use crate::twins::reference::Borrowed;

/// Whether a call has arguments.
unsafe fn has_arguments(args: Block, keywords: Block) -> bool {
    // SAFETY: C's arguments: a tuple, and a dict or NULL.
    unsafe {
        (!args.is_null() && !tuple::slice(args).is_empty())
            || (!keywords.is_null() && PyDict_Size(Borrowed(keywords)) > 0)
    }
}

/// Whether a class has a special method other than the one that `object` has.
fn has_own(vm: &VirtualMachine, class: &Py<PyType>, name: &'static str) -> bool {
    let name = vm.ctx.intern_str(name);
    let (found, object) = (class.get_attr(name), vm.ctx.types.object_type.get_attr(name));
    found.zip(object).is_some_and(|(found, object)| !found.is(&object))
}

/// The managed half of a class that may have abstract methods: one that was made at run time.
fn abstract_class(class: *mut c::PyTypeObject) -> Option<&'static Py<PyType>> {
    let twin = header(class.cast()).and_then(|_| handle::twin_of(class.cast()))?;
    let class = twin.downcast_ref::<PyType>()?;
    class.slots.flags.has_feature(PyTypeFlags::IS_ABSTRACT).then_some(class)
}

/// Refuses to make an object of a class with abstract methods.
fn refuse_abstract(vm: &VirtualMachine, class: &Py<PyType>) -> PyResult<()> {
    let names: Vec<PyObjectRef> = leave(vm, || {
        let names = class.as_object().get_attr("__abstractmethods__", vm)?;
        vm.builtins.get_attr("sorted", vm)?.call((names,), vm)?.try_into_value(vm)
    })?;
    let names: Vec<String> =
        names.iter().filter_map(|name| Some(name.downcast_ref::<PyStr>()?.to_string_lossy().into_owned())).collect();
    let plural = if names.len() == 1 { "" } else { "s" };
    Err(vm.new_type_error(format!(
        "Can't instantiate abstract class {} without an implementation for abstract method{plural} '{}'",
        class.name(),
        names.join("', '")
    )))
}

/// Refuses arguments that neither the class's `__new__` nor its `__init__` takes.
unsafe fn refuse_arguments(vm: &VirtualMachine, class: *mut c::PyTypeObject) -> PyResult<()> {
    let managed = Borrowed(class.cast()).class(vm)?;
    // SAFETY: a ready type.
    if has_own(vm, &managed, "__new__") || unsafe { (*class).tp_new.is_none() } {
        return Err(vm.new_type_error("object.__new__() takes exactly one argument (the type to instantiate)"));
    }
    if has_own(vm, &managed, "__init__") {
        return Ok(());
    }
    // SAFETY: a type has a name.
    let name = unsafe { text::of_c((*class).tp_name) };
    Err(vm.new_type_error(format!("{name}() takes no arguments")))
}

/// `object`'s `tp_new`: memory from the type's own allocator.
pub(crate) unsafe extern "C" fn new(class: *mut c::PyTypeObject, args: Block, keywords: Block) -> Block {
    // SAFETY: C's arguments.
    unsafe {
        if has_arguments(args, keywords) && api(|vm| refuse_arguments(vm, class).map(|()| 0)) != 0 {
            return std::ptr::null_mut();
        }
        if let Some(managed) = abstract_class(class) {
            api(|vm| refuse_abstract(vm, managed).map(|()| 0));
            return std::ptr::null_mut();
        }
        match (*class).tp_alloc {
            Some(alloc) => alloc(class, 0),
            None => generic_alloc(class, 0),
        }
    }
}

/// `object`'s `tp_init`: takes no arguments, unless only `__new__` is the class's own.
pub(crate) unsafe extern "C" fn init(this: Block, args: Block, keywords: Block) -> c_int {
    // SAFETY: C's arguments.
    if !unsafe { has_arguments(args, keywords) } {
        return 0;
    }
    api(|vm| {
        // SAFETY: C's argument: an object's type is one, and has a name.
        let (class, name) = unsafe { ((*this).ob_type, text::of_c((*(*this).ob_type).tp_name)) };
        let class = Borrowed(class.cast()).class(vm)?;
        if has_own(vm, &class, "__init__") {
            return Err(vm.new_type_error("object.__init__() takes exactly one argument (the instance to initialize)"));
        }
        if !has_own(vm, &class, "__new__") {
            let refused = format!("{name}.__init__() takes exactly one argument (the instance to initialize)");
            return Err(vm.new_type_error(refused));
        }
        Ok(0)
    })
}
