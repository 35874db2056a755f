//! `object.h` and `cpython/object.h`: what all objects have. Types are in `typeobject`.

use super::prelude::*;
use rustpython_vm::builtins::{PyBytes, PyStr};
use rustpython_vm::types::PyComparisonOp;

/// `repr(object)`; `<NULL>` for NULL.
pub unsafe extern "C" fn PyObject_Repr(object: Borrowed) -> New {
    api(|vm| match object.opt(vm)? {
        None => Ok(New::of(vm, vm.ctx.new_str("<NULL>"))),
        Some(object) => Ok(New::of(vm, leave(vm, || object.repr(vm))?)),
    })
}

/// `str(object)`; `<NULL>` for NULL.
pub unsafe extern "C" fn PyObject_Str(object: Borrowed) -> New {
    // SAFETY: C's argument.
    if !object.is_null() && unsafe { (*object.0).ob_type } == statics().unicode {
        return object.again();
    }
    api(|vm| match object.opt(vm)? {
        None => Ok(New::of(vm, vm.ctx.new_str("<NULL>"))),
        Some(object) => Ok(New::of(vm, leave(vm, || object.str(vm))?)),
    })
}

/// `ascii(object)`.
pub unsafe extern "C" fn PyObject_ASCII(object: Borrowed) -> New {
    api(|vm| {
        let object = object.get(vm)?;
        Ok(New::of(vm, leave(vm, || object.ascii(vm))?))
    })
}

/// `bytes(object)`.
pub unsafe extern "C" fn PyObject_Bytes(object: Borrowed) -> New {
    api(|vm| {
        let object = object.get(vm)?;
        if object.downcast_ref_if_exact::<PyBytes>(vm).is_some() {
            return Ok(New::of(vm, object));
        }
        let class: PyObjectRef = vm.ctx.types.bytes_type.to_owned().into();
        Ok(New::of(vm, leave(vm, || class.call((object,), vm))?))
    })
}

/// `Py_LT` and its like.
fn operator(vm: &VirtualMachine, op: c_int) -> PyResult<PyComparisonOp> {
    Ok(match op {
        0 => PyComparisonOp::Lt,
        1 => PyComparisonOp::Le,
        2 => PyComparisonOp::Eq,
        3 => PyComparisonOp::Ne,
        4 => PyComparisonOp::Gt,
        5 => PyComparisonOp::Ge,
        _ => return Err(bad_internal_call(vm)),
    })
}

/// What a comparison gives.
pub unsafe extern "C" fn PyObject_RichCompare(a: Borrowed, b: Borrowed, op: c_int) -> New {
    api(|vm| {
        let (a, b, op) = (a.get(vm)?, b.get(vm)?, operator(vm, op)?);
        Ok(New::of(vm, leave(vm, || a.rich_compare(b, op, vm))?))
    })
}

/// Whether a comparison holds: 1, 0, or -1 with an exception. Objects are equal to themselves.
pub unsafe extern "C" fn PyObject_RichCompareBool(a: Borrowed, b: Borrowed, op: c_int) -> c_int {
    if a.0 == b.0 && (op == 2 || op == 3) {
        return c_int::from(op == 2);
    }
    api(|vm| {
        let (a, b, op) = (a.get(vm)?, b.get(vm)?, operator(vm, op)?);
        leave(vm, || a.rich_compare_bool(&b, op, vm)).map(c_int::from)
    })
}

/// A name given as a C string.
unsafe fn name_of(vm: &VirtualMachine, name: *const c_char) -> &'static rustpython_vm::builtins::PyStrInterned {
    // SAFETY: C's argument.
    vm.ctx.intern_str(unsafe { error::text(name) })
}

fn attribute(vm: &VirtualMachine, object: Borrowed, name: Borrowed) -> PyResult {
    let (object, name) = (object.get(vm)?, name.get(vm)?);
    let Some(name) = name.downcast_ref::<PyStr>() else {
        return Err(vm.new_type_error(format!("attribute name must be string, not '{}'", name.class().name())));
    };
    leave(vm, || object.get_attr(name, vm))
}

/// An attribute.
pub unsafe extern "C" fn PyObject_GetAttr(object: Borrowed, name: Borrowed) -> New {
    api(|vm| Ok(New::of(vm, attribute(vm, object, name)?)))
}

/// An attribute by a name in UTF-8.
pub unsafe extern "C" fn PyObject_GetAttrString(object: Borrowed, name: *const c_char) -> New {
    api(|vm| {
        let object = object.get(vm)?;
        // SAFETY: C's arguments.
        let name = unsafe { name_of(vm, name) };
        Ok(New::of(vm, leave(vm, || object.get_attr(name, vm))?))
    })
}

/// An attribute that may be missing, as 1 and the value, 0 and NULL, or -1 with an exception.
unsafe fn optional(vm: &VirtualMachine, found: PyResult, result: *mut Block) -> PyResult<c_int> {
    // SAFETY: C's argument.
    unsafe { *result = std::ptr::null_mut() };
    match found {
        // SAFETY: C's argument.
        Ok(value) => unsafe {
            *result = New::of(vm, value).0;
            Ok(1)
        },
        Err(error) if error.fast_isinstance(vm.ctx.exceptions.attribute_error) => Ok(0),
        Err(error) => Err(error),
    }
}

/// Puts an attribute into `result`: 1, 0 and NULL if there is none, -1 with an exception.
pub unsafe extern "C" fn PyObject_GetOptionalAttr(object: Borrowed, name: Borrowed, result: *mut Block) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe { optional(vm, attribute(vm, object, name), result) })
}

/// [`PyObject_GetOptionalAttr`] by a name in UTF-8.
pub unsafe extern "C" fn PyObject_GetOptionalAttrString(object: Borrowed, name: *const c_char, result: *mut Block) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        let (object, name) = (object.get(vm)?, name_of(vm, name));
        optional(vm, leave(vm, || object.get_attr(name, vm)), result)
    })
}

/// Whether an attribute is there: 1, 0, or -1 with an exception.
pub unsafe extern "C" fn PyObject_HasAttrWithError(object: Borrowed, name: Borrowed) -> c_int {
    api(|vm| match attribute(vm, object, name) {
        Ok(_) => Ok(1),
        Err(error) if error.fast_isinstance(vm.ctx.exceptions.attribute_error) => Ok(0),
        Err(error) => Err(error),
    })
}

/// [`PyObject_HasAttrWithError`] by a name in UTF-8.
pub unsafe extern "C" fn PyObject_HasAttrStringWithError(object: Borrowed, name: *const c_char) -> c_int {
    api(|vm| {
        // SAFETY: C's arguments.
        let (object, name) = (object.get(vm)?, unsafe { name_of(vm, name) });
        match leave(vm, || object.get_attr(name, vm)) {
            Ok(_) => Ok(1),
            Err(error) if error.fast_isinstance(vm.ctx.exceptions.attribute_error) => Ok(0),
            Err(error) => Err(error),
        }
    })
}

/// Whether an attribute can be had; exceptions count as no.
pub unsafe extern "C" fn PyObject_HasAttr(object: Borrowed, name: Borrowed) -> c_int {
    infallible(0, |vm| Ok(c_int::from(attribute(vm, object, name).is_ok())))
}

/// [`PyObject_HasAttr`] by a name in UTF-8.
pub unsafe extern "C" fn PyObject_HasAttrString(object: Borrowed, name: *const c_char) -> c_int {
    infallible(0, |vm| {
        // SAFETY: C's arguments.
        let (object, name) = (object.get(vm)?, unsafe { name_of(vm, name) });
        Ok(c_int::from(leave(vm, || object.get_attr(name, vm)).is_ok()))
    })
}

/// Sets an attribute, or deletes it if the value is NULL. 0, or -1 with an exception.
pub unsafe extern "C" fn PyObject_SetAttr(object: Borrowed, name: Borrowed, value: Borrowed) -> c_int {
    api(|vm| {
        let (object, name, value) = (object.get(vm)?, name.of::<PyStr>(vm)?, value.opt(vm)?);
        leave(vm, || match value {
            Some(value) => object.set_attr(&*name, value, vm),
            None => object.del_attr(&*name, vm),
        })?;
        Ok(0)
    })
}

/// [`PyObject_SetAttr`] by a name in UTF-8.
pub unsafe extern "C" fn PyObject_SetAttrString(object: Borrowed, name: *const c_char, value: Borrowed) -> c_int {
    api(|vm| {
        // SAFETY: C's arguments.
        let (object, name, value) = (object.get(vm)?, unsafe { name_of(vm, name) }, value.opt(vm)?);
        leave(vm, || match value {
            Some(value) => object.set_attr(name, value, vm),
            None => object.del_attr(name, vm),
        })?;
        Ok(0)
    })
}

/// Deletes an attribute. 0, or -1 with an exception.
pub unsafe extern "C" fn PyObject_DelAttr(object: Borrowed, name: Borrowed) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PyObject_SetAttr(object, name, Borrowed(std::ptr::null_mut())) }
}

/// [`PyObject_DelAttr`] by a name in UTF-8.
pub unsafe extern "C" fn PyObject_DelAttrString(object: Borrowed, name: *const c_char) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PyObject_SetAttrString(object, name, Borrowed(std::ptr::null_mut())) }
}

/// The attribute look-up that most types have.
pub unsafe extern "C" fn PyObject_GenericGetAttr(object: Borrowed, name: Borrowed) -> New {
    api(|vm| {
        let (object, name) = (object.get(vm)?, name.of::<PyStr>(vm)?);
        Ok(New::of(vm, leave(vm, || object.generic_getattr(&name, vm))?))
    })
}

/// The attribute setting that most types have; NULL deletes. 0, or -1 with an exception.
pub unsafe extern "C" fn PyObject_GenericSetAttr(object: Borrowed, name: Borrowed, value: Borrowed) -> c_int {
    api(|vm| {
        use rustpython_vm::function::PySetterValue;
        let (object, name) = (object.get(vm)?, name.of::<PyStr>(vm)?);
        let value = value.opt(vm)?.map_or(PySetterValue::Delete, PySetterValue::Assign);
        leave(vm, || object.generic_setattr(&name, value, vm))?;
        Ok(0)
    })
}

/// `tp_iter` of iterators.
pub unsafe extern "C" fn PyObject_SelfIter(object: Borrowed) -> New {
    object.again()
}

/// `hash(object)`; -1 with an exception.
pub unsafe extern "C" fn PyObject_Hash(object: Borrowed) -> isize {
    api(|vm| {
        let object = object.get(vm)?;
        Ok(leave(vm, || object.hash(vm))? as isize)
    })
}

/// `tp_hash` of types whose objects have none: raises `TypeError`.
pub unsafe extern "C" fn PyObject_HashNotImplemented(object: Borrowed) -> isize {
    api(|vm| Err(vm.new_type_error(format!("unhashable type: '{}'", object.get(vm)?.class().name()))))
}

/// Whether an object counts as true: 1, 0, or -1 with an exception.
pub unsafe extern "C" fn PyObject_IsTrue(object: Borrowed) -> c_int {
    api(|vm| {
        let object = object.get(vm)?;
        leave(vm, || object.try_to_bool(vm)).map(c_int::from)
    })
}

/// Whether an object counts as false: 1, 0, or -1 with an exception.
pub unsafe extern "C" fn PyObject_Not(object: Borrowed) -> c_int {
    // SAFETY: C's argument.
    match unsafe { PyObject_IsTrue(object) } {
        -1 => -1,
        truth => 1 - truth,
    }
}

/// Whether an object can be called.
pub unsafe extern "C" fn PyCallable_Check(object: Borrowed) -> c_int {
    if object.is_null() {
        return 0;
    }
    infallible(0, |vm| Ok(c_int::from(object.get(vm)?.is_callable())))
}

/// `dir(object)`; of the current scope for NULL.
pub unsafe extern "C" fn PyObject_Dir(object: Borrowed) -> New {
    api(|vm| {
        let dir = vm.builtins.get_attr("dir", vm)?;
        let args: Vec<PyObjectRef> = object.opt(vm)?.into_iter().collect();
        Ok(New::of(vm, leave(vm, || dir.call(args, vm))?))
    })
}

/// Tells an object's weak references that it ends. The managed half has done so when C hears of the end.
pub unsafe extern "C" fn PyObject_ClearWeakRefs(_object: Borrowed) {}

/// An object's dict, as a new reference.
pub unsafe extern "C" fn PyObject_GenericGetDict(object: Borrowed, _context: *mut c_void) -> New {
    api(|vm| {
        let object = object.get(vm)?;
        match object.dict() {
            Some(dict) => Ok(New::of(vm, dict)),
            None => Err(vm.new_attribute_error(format!("'{}' object has no attribute '__dict__'", object.class().name()))),
        }
    })
}

/// Whether two references are to the same object.
pub unsafe extern "C" fn Py_Is(a: Borrowed, b: Borrowed) -> c_int {
    c_int::from(a.0 == b.0)
}

/// Whether it is None.
pub unsafe extern "C" fn Py_IsNone(object: Borrowed) -> c_int {
    c_int::from(object.0 == crate::link::static_block("_Py_NoneStruct"))
}

/// Whether it is True.
pub unsafe extern "C" fn Py_IsTrue(object: Borrowed) -> c_int {
    c_int::from(object.0 == crate::link::static_block("_Py_TrueStruct"))
}

/// Whether it is False.
pub unsafe extern "C" fn Py_IsFalse(object: Borrowed) -> c_int {
    c_int::from(object.0 == crate::link::static_block("_Py_FalseStruct"))
}

/// One of the constants of `Py_CONSTANT_*`, borrowed for ever; NULL with an exception for another number.
pub unsafe extern "C" fn Py_GetConstantBorrowed(constant: std::ffi::c_uint) -> Block {
    static EMPTY: std::sync::OnceLock<[usize; 3]> = std::sync::OnceLock::new();
    api(|vm| {
        let name = match constant {
            0 => "_Py_NoneStruct",
            1 => "_Py_FalseStruct",
            2 => "_Py_TrueStruct",
            3 => "_Py_EllipsisObject",
            4 => "_Py_NotImplementedStruct",
            5 | 6 => return Ok(crate::long::from_i64(i64::from(constant) - 5)),
            7..=9 => {
                let empty = EMPTY.get_or_init(|| {
                    let objects: [PyObjectRef; 3] =
                        [vm.ctx.empty_str.to_owned().into(), vm.ctx.empty_bytes.clone().into(), vm.ctx.empty_tuple.clone().into()];
                    objects.map(|object| {
                        let block = store::store(vm, &object);
                        // SAFETY: a live block, which keeps its twin from now on.
                        unsafe { table::immortalize(block) };
                        block as usize
                    })
                });
                return Ok(empty[constant as usize - 7] as Block);
            }
            _ => return Err(bad_internal_call(vm)),
        };
        Ok(crate::link::static_block(name))
    })
}

/// [`Py_GetConstantBorrowed`] as a new reference.
pub unsafe extern "C" fn Py_GetConstant(constant: std::ffi::c_uint) -> New {
    // SAFETY: C's argument.
    let block = unsafe { Py_GetConstantBorrowed(constant) };
    if block.is_null() { New::NULL } else { Borrowed(block).again() }
}

/// Whether nobody but the caller can reach an object: C counts one reference and no managed code holds the twin.
pub unsafe extern "C" fn PyUnstable_Object_IsUniquelyReferenced(object: Borrowed) -> c_int {
    // SAFETY: C's argument.
    c_int::from(unsafe {
        (*object.0).ob_refcnt == 1 && table::twin_of(object.0).is_none_or(|twin| twin.strong_count() == 1)
    })
}

/// [`PyUnstable_Object_IsUniquelyReferenced`] for an argument: managed code always holds those.
pub unsafe extern "C" fn PyUnstable_Object_IsUniqueReferencedTemporary(_object: Borrowed) -> c_int {
    0
}
