//! `object.h` and `cpython/object.h`: what all objects have. Attributes and dicts are in `attribute`, types in
//! `typeobject`.

use super::prelude::*;
use crate::lifetime::{finalizer, weak};
use crate::twins::forms::unicode;
use rustpython_vm::PyObject;
use rustpython_vm::builtins::PyBytes;
use rustpython_vm::types::PyComparisonOp;

/// An object's type, borrowed from it.
pub unsafe extern "C" fn Py_TYPE(object: Borrowed) -> Lent {
    // SAFETY: C's argument.
    unsafe { Lent(handle::type_of(object.0).cast()) }
}

/// The text that stands for NULL.
fn null_text() -> New {
    unicode::from_ascii(b"<NULL>").map_or(New::NULL, New)
}

/// `repr(object)`; `<NULL>` for NULL.
pub unsafe extern "C" fn PyObject_Repr(object: Borrowed) -> New {
    if object.is_null() {
        return null_text();
    }
    api(|vm| {
        let object = object.held(vm)?;
        let text = leave_for(vm, [&*object], || object.repr(vm))?;
        Ok(New::of(vm, text))
    })
}

/// `str(object)`; `<NULL>` for NULL.
pub unsafe extern "C" fn PyObject_Str(object: Borrowed) -> New {
    if object.is_null() {
        return null_text();
    }
    // SAFETY: C's argument.
    if unsafe { (*object.0).ob_type } == statics().unicode {
        return object.again();
    }
    api(|vm| {
        let object = object.held(vm)?;
        let text = leave_for(vm, [&*object], || object.str(vm))?;
        Ok(New::of(vm, text))
    })
}

/// `ascii(object)`; `<NULL>` for NULL.
pub unsafe extern "C" fn PyObject_ASCII(object: Borrowed) -> New {
    if object.is_null() {
        return null_text();
    }
    api(|vm| {
        let object = object.held(vm)?;
        let text = leave_for(vm, [&*object], || object.ascii(vm))?;
        Ok(New::of(vm, text))
    })
}

/// An object as bytes: by `__bytes__`, as a buffer or from an iterable of ints; `<NULL>` for NULL. Unlike `bytes()` it
/// takes no count and no string.
pub unsafe extern "C" fn PyObject_Bytes(object: Borrowed) -> New {
    // SAFETY: C's argument; a block of text is made of text.
    unsafe {
        if object.is_null() {
            return New(bytes::new_block(b"<NULL>", statics().bytes));
        }
        if (*object.0).ob_type == statics().bytes {
            return object.again();
        }
    }
    api(|vm| {
        let object = object.held(vm)?;
        let made = leave(vm, || bytes_of(vm, &object))?;
        Ok(New::of(vm, made))
    })
}

fn bytes_of(vm: &VirtualMachine, object: &PyObject) -> PyResult {
    if let Some(method) = object.lookup_special(vm.ctx.intern_str("__bytes__"), vm)? {
        let made = leave(vm, || method.call((), vm))?;
        if made.downcastable::<PyBytes>() {
            return Ok(made);
        }
        return Err(vm.new_type_error(format!("__bytes__ returned non-bytes (type {})", made.class().slot_name())));
    }
    let class = object.class();
    let is_buffer = class.slots.as_buffer.load().is_some();
    let is_iterable = class.slots.iter.load().is_some() || object.sequence_unchecked().check();
    if !is_buffer && (object.downcastable::<rustpython_vm::builtins::PyStr>() || !is_iterable) {
        return Err(vm.new_type_error(format!("cannot convert '{}' object to bytes", class.slot_name())));
    }
    leave(vm, || vm.ctx.types.bytes_type.as_object().call((object.to_owned(),), vm))
}

/// `Py_EQ` and `Py_NE`.
const EQUAL: c_int = 2;
const NOT_EQUAL: c_int = 3;

/// `Py_LT` and its like.
pub(crate) fn operator(vm: &VirtualMachine, op: c_int) -> PyResult<PyComparisonOp> {
    Ok(match op {
        0 => PyComparisonOp::Lt,
        1 => PyComparisonOp::Le,
        EQUAL => PyComparisonOp::Eq,
        NOT_EQUAL => PyComparisonOp::Ne,
        4 => PyComparisonOp::Gt,
        5 => PyComparisonOp::Ge,
        _ => return Err(bad_internal_call(vm)),
    })
}

/// Compares two exact ints, or two exact strings for equality, without their managed halves.
unsafe fn compare_blocks(a: Block, b: Block, op: c_int) -> Option<bool> {
    if a.is_null() || b.is_null() {
        return None;
    }
    // SAFETY: objects, by the callers' contract; the types say what is in them.
    unsafe {
        let class = (*a).ob_type;
        if class != (*b).ob_type {
            return None;
        }
        if class == statics().long {
            let (a, b) = (crate::twins::forms::long::to_i64(a)?, crate::twins::forms::long::to_i64(b)?);
            return Some(match op {
                0 => a < b,
                1 => a <= b,
                EQUAL => a == b,
                NOT_EQUAL => a != b,
                4 => a > b,
                5 => a >= b,
                _ => return None,
            });
        }
        if class != statics().unicode || !(op == EQUAL || op == NOT_EQUAL) {
            return None;
        }
        let ((length, width), other) = (unicode::shape(a), unicode::shape(b));
        // Equal strings have the same width: it is the narrowest that holds them.
        let equal = (length, width) == other && {
            let bytes = length * width.bytes();
            let text = |block| std::slice::from_raw_parts(unicode::characters(block).cast_const(), bytes);
            text(a) == text(b)
        };
        Some(equal == (op == EQUAL))
    }
}

/// What a comparison gives.
pub unsafe extern "C" fn PyObject_RichCompare(a: Borrowed, b: Borrowed, op: c_int) -> New {
    // SAFETY: C's arguments.
    if let Some(result) = unsafe { compare_blocks(a.0, b.0, op) } {
        return Borrowed(if result { statics().true_ } else { statics().false_ }).again();
    }
    api(|vm| {
        let (a, b, op) = (a.held(vm)?, b.held(vm)?, operator(vm, op)?);
        let result = leave_for(vm, [&*a, &*b], || PyObject::rich_compare(&a, &b, op, vm))?;
        Ok(New::of(vm, result))
    })
}

/// Whether a comparison holds: 1, 0, or -1 with an exception. Objects are equal to themselves.
pub unsafe extern "C" fn PyObject_RichCompareBool(a: Borrowed, b: Borrowed, op: c_int) -> c_int {
    if a.0 == b.0 && !a.is_null() && (op == EQUAL || op == NOT_EQUAL) {
        return c_int::from(op == EQUAL);
    }
    // SAFETY: C's arguments.
    if let Some(result) = unsafe { compare_blocks(a.0, b.0, op) } {
        return result.into();
    }
    api(|vm| {
        let (a, b, op) = (a.held(vm)?, b.held(vm)?, operator(vm, op)?);
        leave_for(vm, [&*a, &*b], || a.rich_compare_bool(&b, op, vm)).map(c_int::from)
    })
}

/// `tp_iter` of iterators: the object itself.
pub unsafe extern "C" fn PyObject_SelfIter(object: Borrowed) -> New {
    object.again()
}

/// `hash(object)`; -1 with an exception.
pub unsafe extern "C" fn PyObject_Hash(object: Borrowed) -> isize {
    // SAFETY: C's argument.
    let is_text = !object.is_null() && unsafe { (*object.0).ob_type } == statics().unicode;
    if is_text {
        // SAFETY: a string's block.
        let known = unsafe { (*object.0.cast::<c::PyASCIIObject>()).hash };
        if known != -1 {
            return known;
        }
    }
    api(|vm| {
        let held = object.held(vm)?;
        if !is_text {
            return leave_for(vm, [&*held], || held.hash(vm)).map(|hash| hash as isize);
        }
        let hash = leave_for(vm, [&*held], || held.hash(vm))? as isize;
        // SAFETY: a string's block.
        unsafe { (*object.0.cast::<c::PyASCIIObject>()).hash = hash };
        Ok(hash)
    })
}

/// `tp_hash` of types whose objects have none: raises `TypeError`.
pub unsafe extern "C" fn PyObject_HashNotImplemented(object: Borrowed) -> isize {
    api(|vm| Err(vm.new_type_error(format!("unhashable type: '{}'", object.held(vm)?.class().slot_name()))))
}

/// Whether an object counts as true, if its block alone tells.
unsafe fn block_truth(block: Block) -> Option<bool> {
    let statics = statics();
    if block == statics.true_ {
        return Some(true);
    }
    if block == statics.false_ || block == statics.none {
        return Some(false);
    }
    // SAFETY: NULL or an object, by the callers' contract; the types say what is in it.
    unsafe {
        if !block.is_null() && (*block).ob_type == statics.long {
            return Some(crate::twins::forms::long::parts(block).0 != 0);
        }
        super::abstract_::block_length(block).map(|length| length != 0)
    }
}

/// Whether an object counts as true: 1, 0, or -1 with an exception.
pub unsafe extern "C" fn PyObject_IsTrue(object: Borrowed) -> c_int {
    // SAFETY: C's argument.
    if let Some(truth) = unsafe { block_truth(object.0) } {
        return truth.into();
    }
    api(|vm| {
        let object = object.get(vm)?;
        leave_for(vm, [&*object], || object.clone().try_to_bool(vm)).map(c_int::from)
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
    infallible(0, |vm| Ok(object.held(vm)?.is_callable().into()))
}

/// `dir(object)`; the names in the current scope for NULL.
pub unsafe extern "C" fn PyObject_Dir(object: Borrowed) -> New {
    api(|vm| {
        let dir = leave(vm, || vm.builtins.get_attr("dir", vm))?;
        let args: Vec<PyObjectRef> = object.opt(vm)?.into_iter().collect();
        let names = leave(vm, || dir.call(args, vm))?;
        Ok(New::of(vm, names))
    })
}

/// Ends an object's weak references and calls their callbacks. What they raise is printed.
pub unsafe extern "C" fn PyObject_ClearWeakRefs(object: Borrowed) {
    infallible((), |vm| {
        if let Some(twin) = handle::twin_of(object.0) {
            let twin = twin.to_owned();
            leave(vm, || {
                twin.clear_weak_refs();
                drop(twin);
            });
        }
        for (weak, callback) in weak::waiting(object.0) {
            leave(vm, || {
                if let Err(error) = callback.call((weak,), vm) {
                    vm.run_unraisable(
                        error,
                        Some("Exception ignored while calling weakref callback".to_owned()),
                        callback,
                    );
                }
            });
        }
        Ok(())
    });
}

/// Ends an object's weak references; their callbacks are not called.
pub unsafe extern "C" fn PyUnstable_Object_ClearWeakRefsNoCallbacks(object: Borrowed) {
    infallible((), |vm| {
        let mut callbacks = weak::waiting(object.0);
        if let Some(twin) = handle::twin_of(object.0) {
            callbacks.extend(twin.gc_clear_weakrefs_collect_callbacks());
        }
        leave(vm, || drop(callbacks));
        Ok(())
    });
}

/// Marks an object as being in its `repr`. 1 if it was already, 0 if not.
pub unsafe extern "C" fn Py_ReprEnter(object: Borrowed) -> c_int {
    api(|vm| {
        let id = object.held(vm)?.get_id();
        Ok((!vm.repr_guards.borrow_mut().insert(id)).into())
    })
}

/// Ends what [`Py_ReprEnter`] began.
pub unsafe extern "C" fn Py_ReprLeave(object: Borrowed) {
    infallible((), |vm| {
        vm.repr_guards.borrow_mut().remove(&object.held(vm)?.get_id());
        Ok(())
    });
}

/// Writes `repr(object)`, or with `Py_PRINT_RAW` (1) its `str`, to a C stream. 0, or -1 with an exception.
pub unsafe extern "C" fn PyObject_Print(object: Borrowed, stream: *mut libc::FILE, flags: c_int) -> c_int {
    api(|vm| {
        // SAFETY: C's argument.
        let count = if object.is_null() { 1 } else { unsafe { (*object.0).ob_refcnt } };
        let text = match object {
            _ if object.is_null() => "<nil>".to_owned(),
            _ if count == 0 => format!("<refcnt 0 at {:#x}>", object.0 as usize),
            _ => {
                let object = object.get(vm)?;
                let text = leave(vm, || if flags & 1 != 0 { object.str(vm) } else { object.repr(vm) })?;
                text.to_string_lossy().into_owned()
            }
        };
        // SAFETY: C's stream.
        let written = leave(vm, || unsafe { libc::fwrite(text.as_ptr().cast(), 1, text.len(), stream) });
        if written == text.len() { Ok(0) } else { Err(vm.new_last_os_error()) }
    })
}

/// Writes what is known of an object to standard error.
pub unsafe extern "C" fn _PyObject_Dump(object: Borrowed) {
    if object.is_null() {
        eprintln!("<object at NULL>");
        return;
    }
    // SAFETY: C's argument.
    let (address, count, class) =
        unsafe { (object.0 as usize, (*object.0).ob_refcnt, text::of_c((*(*object.0).ob_type).tp_name)) };
    eprintln!("object address  : {address:#x}\nobject refcount : {count}\nobject type name: {class}");
    infallible((), |vm| {
        let object = object.held(vm)?;
        let text = leave_for(vm, [&*object], || object.repr(vm))?;
        eprintln!("object repr     : {}", text.to_string_lossy());
        Ok(())
    });
}

/// An object's name for messages about calls: `module.name()`.
pub unsafe extern "C" fn _PyObject_FunctionStr(object: Borrowed) -> New {
    api(|vm| {
        let text = crate::calls::direct::function_text(vm, object)?;
        Ok(New::of(vm, vm.ctx.new_str(text)))
    })
}

/// Runs an object's `tp_finalize`, unless it ran before.
pub unsafe extern "C" fn PyObject_CallFinalizer(object: Block) {
    // SAFETY: C's argument.
    unsafe { finalizer::call_for_c(object) };
}

/// Runs the `tp_finalize` of an object whose `tp_dealloc` was called. 0, or -1 if somebody holds it again: then it lives
/// on, and the deallocator has to return at once.
pub unsafe extern "C" fn PyObject_CallFinalizerFromDealloc(object: Block) -> c_int {
    // SAFETY: C's argument: an object with a count of 0.
    if unsafe { finalizer::call_from_dealloc(object) } { 0 } else { -1 }
}

/// The memory behind an object's fixed part, for types with `Py_TPFLAGS_ITEMS_AT_END`; NULL with `TypeError` for others.
pub unsafe extern "C" fn PyObject_GetItemData(object: Block) -> *mut c_void {
    // SAFETY: C's argument.
    unsafe {
        let class = (*object).ob_type;
        if (*class).tp_flags & c::tpflags::ITEMS_AT_END == 0 {
            let name = text::of_c((*class).tp_name);
            return api(|vm| Err(vm.new_type_error(format!("type '{name}' does not have Py_TPFLAGS_ITEMS_AT_END"))));
        }
        object.cast::<u8>().offset((*class).tp_basicsize).cast()
    }
}

/// Whether two references are to the same object.
pub unsafe extern "C" fn Py_Is(a: Borrowed, b: Borrowed) -> c_int {
    c_int::from(a.0 == b.0)
}

/// Whether it is None.
pub unsafe extern "C" fn Py_IsNone(object: Borrowed) -> c_int {
    c_int::from(object.0 == statics().none)
}

/// Whether it is True.
pub unsafe extern "C" fn Py_IsTrue(object: Borrowed) -> c_int {
    c_int::from(object.0 == statics().true_)
}

/// Whether it is False.
pub unsafe extern "C" fn Py_IsFalse(object: Borrowed) -> c_int {
    c_int::from(object.0 == statics().false_)
}

/// One of the constants of `Py_CONSTANT_*`, borrowed for ever; NULL with an exception for another number.
pub unsafe extern "C" fn Py_GetConstantBorrowed(constant: std::ffi::c_uint) -> Lent {
    static EMPTY: std::sync::OnceLock<[usize; 3]> = std::sync::OnceLock::new();
    api(|vm| {
        let name = match constant {
            0 => "_Py_NoneStruct",
            1 => "_Py_FalseStruct",
            2 => "_Py_TrueStruct",
            3 => "_Py_EllipsisObject",
            4 => "_Py_NotImplementedStruct",
            5 | 6 => return Ok(Lent(crate::twins::forms::long::from_i64(i64::from(constant) - 5))),
            7..=9 => {
                let empty = EMPTY.get_or_init(|| {
                    let objects: [PyObjectRef; 3] = [
                        vm.ctx.empty_str.to_owned().into(),
                        vm.ctx.empty_bytes.clone().into(),
                        vm.ctx.empty_tuple.clone().into(),
                    ];
                    objects.map(|object| {
                        let block = store::store(vm, &object);
                        // SAFETY: a live block, which keeps its twin from now on.
                        unsafe { handle::immortalize(block) };
                        block as usize
                    })
                });
                return Ok(Lent(empty[constant as usize - 7] as Block));
            }
            _ => return Err(bad_internal_call(vm)),
        };
        Ok(Lent(static_block(name)))
    })
}

/// [`Py_GetConstantBorrowed`] as a new reference.
pub unsafe extern "C" fn Py_GetConstant(constant: std::ffi::c_uint) -> New {
    // SAFETY: C's argument.
    let block = unsafe { Py_GetConstantBorrowed(constant).0 };
    if block.is_null() { New::NULL } else { Borrowed(block).again() }
}

/// Whether nobody but the caller can reach an object: C counts one reference and no managed code holds the twin.
pub unsafe extern "C" fn PyUnstable_Object_IsUniquelyReferenced(object: Borrowed) -> c_int {
    // SAFETY: C's argument.
    c_int::from(unsafe {
        (*object.0).ob_refcnt == 1 && handle::twin_of(object.0).is_none_or(|twin| twin.strong_count() == 1)
    })
}

/// [`PyUnstable_Object_IsUniquelyReferenced`] for an argument: managed code always holds those.
pub unsafe extern "C" fn PyUnstable_Object_IsUniqueReferencedTemporary(_object: Borrowed) -> c_int {
    0
}

/// Asks for reference counts that are not always exact. They always are: 0, nothing is changed.
pub unsafe extern "C" fn PyUnstable_Object_EnableDeferredRefcount(_object: Borrowed) -> c_int {
    0
}

/// Whether an object's count never changes.
pub unsafe extern "C" fn PyUnstable_IsImmortal(object: Borrowed) -> c_int {
    // SAFETY: C's argument.
    unsafe { handle::is_immortal(object.0) }.into()
}

/// Adds a reference to an object that may be dying. 1, or 0 if it is.
pub unsafe extern "C" fn PyUnstable_TryIncRef(object: Borrowed) -> c_int {
    // SAFETY: C's argument.
    unsafe {
        if (*object.0).ob_refcnt == 0 {
            return 0;
        }
        handle::incref(object.0);
    }
    1
}

/// Prepares an object for [`PyUnstable_TryIncRef`]: with one lock there is nothing to do.
pub unsafe extern "C" fn PyUnstable_EnableTryIncRef(_object: Borrowed) {}

/// Makes memory that was an object before, or never was, an object with a count of 1.
pub unsafe extern "C" fn _Py_NewReference(object: Block) {
    // SAFETY: C's argument.
    unsafe { dealloc::renew(object) };
}

/// [`_Py_NewReference`].
pub unsafe extern "C" fn _Py_NewReferenceNoTotal(object: Block) {
    // SAFETY: C's argument.
    unsafe { dealloc::renew(object) };
}

/// Brings an object that is being deallocated back, with a count of 1.
pub unsafe extern "C" fn _Py_ResurrectReference(object: Block) {
    // SAFETY: C's argument.
    unsafe { dealloc::revive(object) };
}
