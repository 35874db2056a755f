//! `cpython/classobject.h` and `cpython/cellobject.h`: bound methods and cells.

use super::prelude::*;
use crate::twins::forms::instancemethod::InstanceMethod;
use rustpython_vm::PyPayload as _;
use rustpython_vm::builtins::PyBoundMethod;

/// A new bound method.
pub unsafe extern "C" fn PyMethod_New(function: Borrowed, this: Borrowed) -> New {
    api(|vm| {
        if this.is_null() {
            return Err(bad_internal_call(vm));
        }
        Ok(New::of(vm, PyBoundMethod::new(this.get(vm)?, function.get(vm)?).into_pyobject(vm)))
    })
}

/// An attribute, borrowed from its object.
fn part(object: Borrowed, name: &'static str) -> Lent {
    api(|vm| {
        let found = leave_with(vm, object.get(vm)?, |it| it.get_attr(name, vm))?;
        Ok(Lent(lend::lend(vm, object.0, &found)))
    })
}

/// The function of a bound method, borrowed.
pub unsafe extern "C" fn PyMethod_Function(method: Borrowed) -> Lent {
    part(method, "__func__")
}

/// The object of a bound method, borrowed.
pub unsafe extern "C" fn PyMethod_Self(method: Borrowed) -> Lent {
    part(method, "__self__")
}

/// A new `instancemethod` around a callable.
pub unsafe extern "C" fn PyInstanceMethod_New(function: Borrowed) -> New {
    api(|vm| Ok(New::of(vm, InstanceMethod { function: function.get(vm)? }.into_pyobject(vm))))
}

/// The callable in an `instancemethod`, borrowed.
pub unsafe extern "C" fn PyInstanceMethod_Function(method: Borrowed) -> Lent {
    api(|vm| Ok(Lent(lend::lend(vm, method.0, &method.of::<InstanceMethod>(vm)?.function))))
}

/// A new cell; NULL leaves it empty.
pub unsafe extern "C" fn PyCell_New(value: Borrowed) -> New {
    api(|vm| {
        let class: PyObjectRef = vm.ctx.types.cell_type.to_owned().into();
        let args: Vec<PyObjectRef> = value.opt(vm)?.into_iter().collect();
        Ok(New::of(vm, leave(vm, || class.call(args, vm))?))
    })
}

/// What is in a cell; NULL, without an exception, if it is empty.
pub unsafe extern "C" fn PyCell_Get(cell: Borrowed) -> New {
    api(|vm| {
        Ok(leave_with(vm, cell.get(vm)?, |it| it.get_attr("cell_contents", vm))
            .map_or(New::NULL, |found| New::of(vm, found)))
    })
}

/// Fills a cell; NULL empties it. 0, or -1 with an exception.
pub unsafe extern "C" fn PyCell_Set(cell_block: Borrowed, value: Borrowed) -> c_int {
    api(|vm| {
        let cell = cell_block.get(vm)?;
        match value.opt(vm)? {
            Some(value) => leave(vm, || cell.set_attr("cell_contents", value, vm))?,
            None => cell.del_attr("cell_contents", vm).or_else(|_| PyResult::Ok(()))?,
        }
        // SAFETY: C's argument, whose field macros read.
        unsafe { crate::twins::store::refresh(vm, cell_block.0, &cell) };
        Ok(0)
    })
}
