//! The slots of `object`, and those that classes made in Python have besides the ones that go on to a special method.

use std::ffi::c_int;

use rustpython_vm::{AsObject, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::calls::api::{api, infallible};
use crate::capi::abstract_::PyObject_Call;
use crate::heap::block::Block;
use crate::lifetime::finalizer::OfPython;
use crate::lifetime::thread::{leave, leave_with};
use crate::lifetime::{dealloc, handle};
use crate::twins::forms::tuple;
use crate::twins::reference::{Borrowed, New};

/// Whether a slot holds a function of this address.
macro_rules! holds {
    ($slot:expr, $f:expr) => {
        $slot.is_some_and(|own| own as *const () as usize == $f as *const () as usize)
    };
}
pub(super) use holds;

pub(crate) use super::object::{init as object_init, new as object_new};

/// `tp_new` of managed types: calls the class's `__new__`.
pub(crate) unsafe extern "C" fn managed_new(class: *mut c::PyTypeObject, args: Block, keywords: Block) -> Block {
    // SAFETY: C's arguments: a tuple, and a dict or NULL; the new tuple owns its items.
    unsafe {
        let new = attribute(class.cast(), "__new__");
        if new.is_null() {
            return new;
        }
        let items: Vec<Block> = std::iter::once(class.cast()).chain(tuple::slice(args).iter().copied()).collect();
        for &item in &items {
            handle::incref(item);
        }
        let args = tuple::with_items(&items);
        let made = PyObject_Call(Borrowed(new), Borrowed(args), Borrowed(keywords)).0;
        dealloc::decref(args);
        dealloc::decref(new);
        made
    }
}

/// `tp_init` of managed types: calls the object's `__init__`.
pub(crate) unsafe extern "C" fn managed_init(this: Block, args: Block, keywords: Block) -> c_int {
    // SAFETY: C's arguments: a tuple, and a dict or NULL.
    unsafe {
        let init = attribute(this, "__init__");
        if init.is_null() {
            return -1;
        }
        let result = PyObject_Call(Borrowed(init), Borrowed(args), Borrowed(keywords)).0;
        dealloc::decref(init);
        if result.is_null() {
            return -1;
        }
        let is_none = api(|vm| no_result(vm, result).map(|()| 0));
        dealloc::decref(result);
        is_none
    }
}

/// What `__init__` returned must be None.
fn no_result(vm: &VirtualMachine, result: Block) -> PyResult<()> {
    let result = Borrowed(result).held(vm)?;
    if vm.is_none(&result) {
        return Ok(());
    }
    let name = result.class().slot_name().to_string();
    Err(vm.new_type_error(format!("__init__() should return None, not '{name}'")))
}

/// A new reference to an attribute; null with an exception.
unsafe fn attribute(object: Block, name: &'static str) -> Block {
    api(|vm| Ok(New::of(vm, leave_with(vm, Borrowed(object).get(vm)?, |it| it.get_attr(name, vm))?))).0
}

/// `tp_iternext` of classes made in Python that are no iterators: CPython's have a function there, too.
pub(crate) unsafe extern "C" fn next_not_implemented(object: Block) -> Block {
    let result = api(|vm| -> PyResult<New> {
        let name = Borrowed(object).held(vm)?.class().slot_name().to_string();
        Err(vm.new_type_error(format!("'{name}' object is not iterable")))
    });
    result.0
}

/// `tp_finalize` of classes with a `__del__`.
pub(crate) unsafe extern "C" fn finalize(object: Block) {
    infallible((), |vm| {
        let object = Borrowed(object).get(vm)?;
        leave(vm, || {
            let Some(method) = object.class().get_attr(vm.ctx.intern_str("__del__")) else { return };
            let bound = vm.call_get_descriptor_specific(&method, Some(&object), Some(object.class().as_object()));
            let called = bound.unwrap_or_else(|| Ok(method.clone())).and_then(|bound| bound.call((), vm));
            if let Err(error) = called {
                let shown = method.repr(vm).ok();
                let message = shown.map(|shown| format!("Exception ignored while calling deallocator {shown}"));
                vm.run_unraisable(error, message, method);
            }
            drop(object);
        });
        Ok(())
    });
}

/// Has the VM finalize an object of such a class, once in its life.
unsafe extern "C" fn finalize_once(object: Block) {
    infallible((), |vm| {
        let object = Borrowed(object).get(vm)?;
        leave(vm, || object.try_call_finalizer());
        Ok(())
    });
}

/// How objects of classes with a `__del__` are finalized.
pub(crate) const FINALIZERS: OfPython = OfPython { slot: finalize, once: finalize_once };
