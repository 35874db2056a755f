//! Views of dicts (`dict.keys()` and its like). mypyc makes such objects itself: their blocks own the dict. That of the VM's
//! own views is not to be had.

use rustpython_vm::{AsObject, PyObject, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::abi::text;
use crate::heap::block::Block;
use crate::heap::form::{Form, Visit};
use crate::lifetime::dealloc::xdecref;
use crate::lifetime::thread::leave;
use crate::twins::forms::object::new_block;
use crate::twins::retrieve::retrieve;

/// Views of dicts.
pub(super) static FORM: Form =
    Form { sizes: (size_of::<View>(), 0), make, value: Some(value), free: Some(free), each: Some(each), ..Form::EMPTY };

/// `_PyDictViewObject`, which CPython keeps to itself.
#[repr(C)]
struct View {
    ob_base: c::PyObject,
    dv_dict: Block,
}

unsafe fn make(_: &VirtualMachine, _: &PyObject, class: *mut c::PyTypeObject) -> Block {
    // SAFETY: an object's class is ready.
    unsafe { new_block(class) }
}

unsafe fn value(vm: &VirtualMachine, block: Block, _: bool) -> PyResult {
    // SAFETY: a view holds a dict; its type has a name.
    let (dict, name) = unsafe {
        let dict = (*block.cast::<View>()).dv_dict;
        if dict.is_null() {
            return Err(vm.new_system_error("a view of no dict"));
        }
        (retrieve(vm, dict)?, text::of_c((*(*block).ob_type).tp_name))
    };
    let method = name.trim_start_matches("dict_").to_owned();
    leave(vm, || vm.call_method(vm.ctx.types.dict_type.as_object(), &method, (dict,)))
}

unsafe fn free(block: Block) {
    // SAFETY: a dying view owns its dict.
    unsafe { xdecref((*block.cast::<View>()).dv_dict) };
}

unsafe fn each(block: Block, visit: &mut Visit<'_>) {
    // SAFETY: a live view.
    visit(unsafe { (*block.cast::<View>()).dv_dict });
}
