//! `abstract.h`: sequences.

use super::prelude::*;
use crate::heap::block::is_possible;
use crate::twins::forms::list;
use rustpython_vm::builtins::{PyByteArray, PyBytes, PyList, PyMemoryView, PyRange, PyTuple, PyType};
use rustpython_vm::{Py, PyObject, PyPayload as _, VirtualMachine as Vm};
use store::touched;

/// Whether an object's type has `__getitem__` and is no dict.
pub unsafe extern "C" fn PySequence_Check(object: Borrowed) -> c_int {
    // SAFETY: C's arguments.
    match unsafe { Kind::of(object.0) } {
        Kind::Dict => 0,
        Kind::List | Kind::Tuple | Kind::Unicode | Kind::Bytes | Kind::ByteArray => 1,
        // SAFETY: as above; a type's suite is NULL or valid.
        _ => unsafe {
            (*(*object.0).ob_type).tp_as_sequence.as_ref().is_some_and(|suite| suite.sq_item.is_some()).into()
        },
    }
}

/// `len(object)` of a sequence; -1 on error.
pub unsafe extern "C" fn PySequence_Size(object: Borrowed) -> isize {
    // SAFETY: C's arguments.
    if let Some(length) = unsafe { super::abstract_::block_length(object.0) } {
        return length;
    }
    api(|vm| {
        let object = object.held(vm)?;
        leave(vm, || object.sequence_unchecked().length(vm)).map(|length| length as isize)
    })
}

/// [`PySequence_Size`] under its old name.
pub unsafe extern "C" fn PySequence_Length(object: Borrowed) -> isize {
    // SAFETY: C's arguments.
    unsafe { PySequence_Size(object) }
}

/// `a + b` of sequences.
pub unsafe extern "C" fn PySequence_Concat(a: Borrowed, b: Borrowed) -> New {
    api(|vm| {
        let (a, b) = (a.held(vm)?, b.held(vm)?);
        let result = leave(vm, || a.sequence_unchecked().concat(&b, vm))?;
        Ok(New::of(vm, result))
    })
}

/// Raises if a sequence `count` times is more than there is room for: the VM does not come back from trying that.
fn check_repeated(vm: &Vm, object: &PyObject, count: isize) -> PyResult<()> {
    let exact = |class: &rustpython_vm::Py<rustpython_vm::builtins::PyType>| object.class().is(class);
    let (item_size, overflow) = match &vm.ctx.types {
        types if exact(types.list_type) || exact(types.tuple_type) => (size_of::<Block>(), None),
        types if exact(types.bytearray_type) => (1, None),
        types if exact(types.bytes_type) => (1, Some("repeated bytes are too long")),
        types if exact(types.str_type) => (1, Some("repeated string is too long")),
        _ => return Ok(()),
    };
    let items = object.length(vm)?.checked_mul(count.max(0) as usize).filter(|items| isize::try_from(*items).is_ok());
    match (items.and_then(|items| items.checked_mul(item_size)), overflow) {
        (Some(size), _) if is_possible(size) => Ok(()),
        (None, Some(message)) => Err(vm.new_overflow_error(message)),
        _ => Err(vm.no_memory_error()),
    }
}

/// `object * count` of a sequence.
pub unsafe extern "C" fn PySequence_Repeat(object: Borrowed, count: isize) -> New {
    api(|vm| {
        let object = object.held(vm)?;
        check_repeated(vm, &object, count)?;
        let result = leave(vm, || object.sequence_unchecked().repeat(count, vm))?;
        Ok(New::of(vm, result))
    })
}

/// Whether the VM's slots for a class's items count a negative index from the end: those of RustPython's own types do.
fn counts_itself(class: &Py<PyType>) -> bool {
    let own = class.slots.as_sequence.item.load().map(|f| f as usize);
    types::builtin_base(class).is_some_and(|class| class.slots.as_sequence.item.load().map(|f| f as usize) == own)
}

/// An index from the front as the VM's slot takes it: to one that would count a negative index from the end goes one that no
/// sequence has.
fn from_front(object: &PyObject, index: isize) -> isize {
    if index < 0 && counts_itself(object.class()) { isize::MAX } else { index }
}

/// What `sq_item` gives. Without the C lock.
fn item_at(vm: &Vm, object: &PyObject, index: isize) -> PyResult {
    // These count from the end once more.
    let recounts = object.downcastable::<PyRange>() || object.downcastable::<PyMemoryView>();
    let index = if recounts { index } else { from_front(object, index) };
    // The VM's slot gives bytes, as `b"ab"[1:2]` does, and for others it has other words.
    if recounts
        || object.downcastable::<PyBytes>()
        || object.downcastable::<PyTuple>()
        || object.downcastable::<PyByteArray>()
    {
        return object.get_item(&*PyObjectRef::from(vm.ctx.new_int(index)), vm);
    }
    object.sequence_unchecked().get_item(index, vm)
}

/// What `sq_ass_item` does: None deletes. Without the C lock.
fn set_item_at(vm: &Vm, object: &PyObject, index: isize, value: Option<PyObjectRef>) -> PyResult<()> {
    let index = if object.downcastable::<PyByteArray>() { index } else { from_front(object, index) };
    match value {
        Some(value) => object.sequence_unchecked().set_item(index, value, vm),
        None => object.sequence_unchecked().del_item(index, vm),
    }
}

/// `sq_item` of managed types: the index counts from the front.
pub(crate) unsafe extern "C" fn sq_item(object: Block, index: isize) -> Block {
    let result = api(|vm| {
        let managed = Borrowed(object).held(vm)?;
        Ok(New::of(vm, leave(vm, || item_at(vm, &managed, index))?))
    });
    result.0
}

/// `sq_ass_item` of managed types: NULL deletes. The index counts from the front.
pub(crate) unsafe extern "C" fn sq_ass_item(object: Block, index: isize, value: Block) -> c_int {
    api(|vm| {
        let (managed, value) = (Borrowed(object).held(vm)?, Borrowed(value).opt(vm)?);
        leave(vm, || set_item_at(vm, &managed, index, value))?;
        // SAFETY: C's argument.
        unsafe { touched(vm, object) };
        Ok(0)
    })
}

/// An index that may count from the end, counted from the front, if the length is known.
fn counted(vm: &Vm, object: &PyObject, index: isize) -> PyResult<isize> {
    if index >= 0 {
        return Ok(index);
    }
    let length = object.sequence_unchecked().length_opt(vm).transpose()?;
    Ok(index + length.unwrap_or(0) as isize)
}

/// The sequence suite of an object whose class has a function of C's in a slot: C code calls that without a detour.
unsafe fn suite_of_c<'a>(
    object: Block,
    is_managed: impl FnOnce(&c::PySequenceMethods) -> bool,
) -> Option<&'a c::PySequenceMethods> {
    // SAFETY: C's argument: an object or NULL; a type's suite is null or valid.
    unsafe {
        let suite = (!object.is_null()).then(|| (*(*object).ob_type).tp_as_sequence.as_ref()).flatten()?;
        (!is_managed(suite)).then_some(suite)
    }
}

/// An index counted from the front by a suite's own length; None with an exception.
unsafe fn counted_by(suite: &c::PySequenceMethods, object: Block, index: isize) -> Option<isize> {
    let Some(length) = suite.sq_length.filter(|_| index < 0) else { return Some(index) };
    // SAFETY: C's argument and the slot of its type.
    let length = unsafe { length(object) };
    (length >= 0).then_some(index + length)
}

/// `object[index]` of a sequence.
pub unsafe extern "C" fn PySequence_GetItem(object: Borrowed, index: isize) -> New {
    // SAFETY: C's arguments.
    unsafe {
        if let Some(item) = block_item(object.0, index) {
            return Borrowed(item).again();
        }
        let managed = sq_item as c::SsizeArgFunc;
        let of_c = suite_of_c(object.0, |suite| suite.sq_item.is_none_or(|f| std::ptr::fn_addr_eq(f, managed)));
        if let Some((suite, f)) = of_c.and_then(|suite| Some((suite, suite.sq_item?))) {
            return counted_by(suite, object.0, index).map_or(New::NULL, |index| New(f(object.0, index)));
        }
    }
    api(|vm| {
        let object = object.held(vm)?;
        let item = leave(vm, || item_at(vm, &object, counted(vm, &object, index)?))?;
        Ok(New::of(vm, item))
    })
}

/// The item of an exact tuple or list at an index within it.
pub(super) unsafe fn block_item(block: Block, index: isize) -> Option<Block> {
    if block.is_null() {
        return None;
    }
    // SAFETY: by the callers' contract.
    unsafe {
        let class = (*block).ob_type;
        let is_list = class == statics().list;
        let items = if is_list {
            list::items(block)
        } else if class == statics().tuple {
            tuple::slice(block)
        } else {
            return None;
        };
        let index = usize::try_from(if index < 0 { index + items.len() as isize } else { index }).ok()?;
        if is_list { list::item(block, index) } else { items.get(index).copied().filter(|item| !item.is_null()) }
    }
}

/// The value of a key that is an exact int.
pub(super) unsafe fn index_of(key: Block) -> Option<isize> {
    // SAFETY: by the callers' contract.
    unsafe {
        let is_int = !key.is_null() && (*key).ob_type == statics().long;
        is_int.then(|| crate::twins::forms::long::to_i64(key)).flatten().map(|index| index as isize)
    }
}

/// Sets the item of an exact list at an index within it, or removes it for NULL. None if it is another object or index.
pub(super) unsafe fn change_block_item(object: Block, index: Option<isize>, value: Block) -> Option<c_int> {
    // SAFETY: by the callers' contract; the list takes over the new reference.
    unsafe {
        if object.is_null() || (*object).ob_type != statics().list || !list::has_its_length(object) {
            return None;
        }
        let (index, length) = (index?, list::items(object).len());
        let index = usize::try_from(if index < 0 { index + length as isize } else { index }).ok()?;
        (index < length).then(|| {
            api(|vm| {
                if value.is_null() {
                    list::splice(vm, object, index..index + 1, &[])?;
                } else {
                    list::set(vm, object, index, Stolen::new(Borrowed(value).again().0))?;
                }
                Ok(0)
            })
        })
    }
}

/// `object[start:stop]` of a sequence.
pub unsafe extern "C" fn PySequence_GetSlice(object: Borrowed, start: isize, stop: isize) -> New {
    api(|vm| {
        let object = object.held(vm)?;
        let result = leave(vm, || object.sequence_unchecked().get_slice(start, stop, vm))?;
        Ok(New::of(vm, result))
    })
}

/// Changes a sequence, and what C reads of it.
pub(super) fn change(object: Borrowed, change: impl FnOnce(&Vm, &PyObject) -> PyResult<()>) -> c_int {
    api(|vm| {
        let target = object.held(vm)?;
        leave(vm, || change(vm, &target).map(drop))?;
        // SAFETY: C's arguments.
        unsafe { touched(vm, object.0) };
        Ok(0)
    })
}

/// `object[index] = value` of a sequence, or `del object[index]` for NULL. Returns 0.
pub unsafe extern "C" fn PySequence_SetItem(object: Borrowed, index: isize, value: Borrowed) -> c_int {
    // SAFETY: C's arguments.
    if let Some(done) = unsafe { change_block_item(object.0, Some(index), value.0) } {
        return done;
    }
    // SAFETY: C's arguments.
    unsafe {
        let managed = sq_ass_item as c::SsizeObjArgProc;
        let of_c = suite_of_c(object.0, |suite| suite.sq_ass_item.is_none_or(|f| std::ptr::fn_addr_eq(f, managed)));
        if let Some((suite, f)) = of_c.and_then(|suite| Some((suite, suite.sq_ass_item?))) {
            return counted_by(suite, object.0, index).map_or(-1, |index| f(object.0, index, value.0));
        }
    }
    api(|vm| {
        let value = value.opt(vm)?;
        let target = object.held(vm)?;
        // Who has no slot is not asked for a length.
        let has_slot = target.class().slots.as_sequence.ass_item.load().is_some();
        let counted = || if has_slot { counted(vm, &target, index) } else { Ok(index) };
        leave(vm, || set_item_at(vm, &target, counted()?, value))?;
        // SAFETY: C's arguments.
        unsafe { touched(vm, object.0) };
        Ok(0)
    })
}

/// `del object[index]` of a sequence. Returns 0.
pub unsafe extern "C" fn PySequence_DelItem(object: Borrowed, index: isize) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PySequence_SetItem(object, index, Borrowed(std::ptr::null_mut())) }
}

/// `object[start:stop] = value` of a sequence, or `del object[start:stop]` for NULL. Returns 0.
pub unsafe extern "C" fn PySequence_SetSlice(object: Borrowed, start: isize, stop: isize, value: Borrowed) -> c_int {
    api(|vm| {
        let (target, value) = (object.held(vm)?, value.opt(vm)?);
        leave(vm, || match value {
            Some(value) => target.sequence_unchecked().set_slice(start, stop, value, vm),
            None => target.sequence_unchecked().del_slice(start, stop, vm),
        })?;
        // SAFETY: C's arguments.
        unsafe { touched(vm, object.0) };
        Ok(0)
    })
}

/// `del object[start:stop]` of a sequence. Returns 0.
pub unsafe extern "C" fn PySequence_DelSlice(object: Borrowed, start: isize, stop: isize) -> c_int {
    change(object, |vm, target| target.sequence_unchecked().del_slice(start, stop, vm))
}

/// `tuple(object)`; an exact tuple is returned as it is.
pub unsafe extern "C" fn PySequence_Tuple(object: Borrowed) -> New {
    // SAFETY: C's arguments.
    if !object.is_null() && unsafe { (*object.0).ob_type } == statics().tuple {
        return object.again();
    }
    api(|vm| {
        let object = object.held(vm)?;
        let result = leave(vm, || object.sequence_unchecked().tuple(vm))?;
        Ok(New::of(vm, result))
    })
}

/// `list(object)`.
pub unsafe extern "C" fn PySequence_List(object: Borrowed) -> New {
    api(|vm| {
        let object = object.held(vm)?;
        let result = leave(vm, || list(vm, &object))?;
        Ok(New::of(vm, result))
    })
}

fn list(vm: &Vm, object: &PyObject) -> PyResult<rustpython_vm::PyRef<PyList>> {
    if let Some(tuple) = object.downcast_ref_if_exact::<PyTuple>(vm) {
        return Ok(vm.ctx.new_list(tuple.as_slice().to_vec()));
    }
    let made = PyList::default().into_ref(&vm.ctx);
    leave(vm, || vm.call_method(made.as_object(), "extend", (object.to_owned(),)).map(drop))?;
    Ok(made)
}

/// `object` if it is a list or tuple, else a new list of its items; an object that is not iterable gives a `TypeError`
/// with `message`.
pub unsafe extern "C" fn PySequence_Fast(object: Borrowed, message: *const c_char) -> New {
    api(|vm| {
        if object.is_null() {
            return Err(vm.new_system_error("null argument to internal routine"));
        }
        // SAFETY: C's arguments.
        let class = unsafe { (*object.0).ob_type };
        if class == statics().list || class == statics().tuple {
            // SAFETY: as above. The caller reads the items by macro.
            unsafe { touched(vm, object.0) };
            return Ok(object.again());
        }
        // SAFETY: as above.
        Ok(New::of(vm, iterated(vm, &*object.get(vm)?, &unsafe { text::of_c(message) })?))
    })
}

/// A new list of an iterable's items; an object that is not iterable gives a `TypeError` with `message`.
pub(super) fn iterated(vm: &Vm, source: &PyObject, message: &str) -> PyResult<rustpython_vm::PyRef<PyList>> {
    leave(vm, || {
        let iterator: PyObjectRef = source
            .to_owned()
            .get_iter(vm)
            .map_err(|error| {
                let is_type_error = error.fast_isinstance(vm.ctx.exceptions.type_error);
                if is_type_error { vm.new_type_error(message.to_owned()) } else { error }
            })?
            .into();
        list(vm, &iterator)
    })
}

/// How often `value` occurs; -1 on error.
pub unsafe extern "C" fn PySequence_Count(object: Borrowed, value: Borrowed) -> isize {
    api(|vm| {
        let (object, value) = (object.held(vm)?, value.held(vm)?);
        leave(vm, || object.sequence_unchecked().count(&value, vm)).map(|count| count as isize)
    })
}

/// `value in object`: 1, 0 or -1.
pub unsafe extern "C" fn PySequence_Contains(object: Borrowed, value: Borrowed) -> c_int {
    api(|vm| {
        let object = object.held(vm)?;
        // NULL is nowhere where there is nothing to compare it with.
        if value.is_null() && matches!(leave(vm, || object.length_opt(vm)), Some(Ok(0))) {
            return Ok(0);
        }
        let value = value.held(vm)?;
        leave(vm, || object.sequence_unchecked().contains(&value, vm)).map(c_int::from)
    })
}

/// [`PySequence_Contains`] under its old name.
pub unsafe extern "C" fn PySequence_In(object: Borrowed, value: Borrowed) -> c_int {
    // SAFETY: C's arguments.
    unsafe { PySequence_Contains(object, value) }
}

/// The first index of `value`; `ValueError` and -1 if there is none.
pub unsafe extern "C" fn PySequence_Index(object: Borrowed, value: Borrowed) -> isize {
    api(|vm| {
        let (object, value) = (object.held(vm)?, value.held(vm)?);
        leave(vm, || object.sequence_unchecked().index(&value, vm)).map(|index| index as isize)
    })
}

/// What `+=` and `*=` of a sequence do: a class made in Python has no slot for a method that it overrides, though the VM has
/// its base's.
enum InPlace {
    /// The slot's work, or what the VM does without.
    Slot,
    /// That of the slot for a new object.
    New,
    /// The number's, which calls the method.
    Number,
}

unsafe fn in_place(object: Borrowed, slots: impl Fn(&c::PySequenceMethods) -> (bool, bool)) -> InPlace {
    // SAFETY: by the caller's contract: an object or NULL; types are ready.
    let (class, suite) = unsafe {
        let Some(head) = object.0.as_ref() else { return InPlace::Slot };
        (&*head.ob_type, (*head.ob_type).tp_as_sequence.as_ref())
    };
    let overrides = crate::heap::block::header(std::ptr::from_ref(class).cast_mut().cast())
        .is_some_and(|header| header.has(crate::heap::block::flag::PINNED));
    match suite.map(slots) {
        Some((false, true)) if overrides => InPlace::New,
        Some((false, false)) if overrides => InPlace::Number,
        _ => InPlace::Slot,
    }
}

/// `a += b` of sequences: what `a` becomes.
pub unsafe extern "C" fn PySequence_InPlaceConcat(a: Borrowed, b: Borrowed) -> New {
    // SAFETY: C's argument.
    let way = unsafe { in_place(a, |t| (t.sq_inplace_concat.is_some(), t.sq_concat.is_some())) };
    let operator: super::number::Binary = match way {
        InPlace::Slot => |vm, a, b| a.sequence_unchecked().inplace_concat(b, vm),
        InPlace::New => |vm, a, b| a.sequence_unchecked().concat(b, vm),
        InPlace::Number => |vm, a, b| vm._iadd(a, b),
    };
    super::number::in_place(a, b, operator)
}

/// `object *= count` of a sequence: what `object` becomes.
pub unsafe extern "C" fn PySequence_InPlaceRepeat(object: Borrowed, count: isize) -> New {
    api(|vm| {
        let target = object.held(vm)?;
        check_repeated(vm, &target, count)?;
        // SAFETY: C's argument.
        let way = unsafe { in_place(object, |t| (t.sq_inplace_repeat.is_some(), t.sq_repeat.is_some())) };
        let result = leave(vm, || match way {
            InPlace::Slot => target.sequence_unchecked().inplace_repeat(count, vm),
            InPlace::New => target.sequence_unchecked().repeat(count, vm),
            InPlace::Number => vm._imul(&target, &PyObjectRef::from(vm.ctx.new_int(count))),
        })?;
        // SAFETY: C's arguments.
        unsafe { touched(vm, object.0) };
        Ok(New::of(vm, result))
    })
}
