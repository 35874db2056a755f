//! `listobject.h`: lists. See [`crate::twins::forms::list`] for which side is the truth.

use super::prelude::*;
use crate::twins::forms::list;
use crate::twins::forms::object;
use rustpython_vm::builtins::PyList;

/// A new list of NULLs, for the caller to fill.
pub unsafe extern "C" fn PyList_New(size: isize) -> New {
    if size < 0 {
        return api(|vm| Err(bad_internal_call(vm)));
    }
    // SAFETY: a fresh block of a list's size; the items' memory is zeroed.
    unsafe {
        let Some(made) = object::try_new_block_of(statics().list, size_of::<c::PyListObject>()) else {
            return no_memory();
        };
        if size > 0 {
            if !list::reserve(made, size as usize) {
                dealloc::decref(made);
                return no_memory();
            }
            let fields = made.cast::<c::PyListObject>();
            (*fields).ob_item.write_bytes(0, size as usize);
            (*fields).ob_base.ob_size = size;
        }
        New(made)
    }
}

fn check(vm: &VirtualMachine, object: Borrowed) -> PyResult<()> {
    // SAFETY: C's argument.
    if object.is_null() || unsafe { Kind::of(object.0) } != Kind::List { Err(bad_internal_call(vm)) } else { Ok(()) }
}

/// A list's length; -1 with an exception.
pub unsafe extern "C" fn PyList_Size(list: Borrowed) -> isize {
    // SAFETY: C's argument.
    api(|vm| unsafe {
        check(vm, list)?;
        Ok(list::len(vm, list.0) as isize)
    })
}

unsafe fn item(vm: &VirtualMachine, list: Borrowed, index: isize) -> PyResult<Block> {
    // SAFETY: C's arguments.
    unsafe {
        check(vm, list)?;
        usize::try_from(index)
            .ok()
            .and_then(|index| list::get(vm, list.0, index))
            .ok_or_else(|| vm.new_index_error("list index out of range"))
    }
}

/// An item, borrowed from the list; NULL with an exception.
pub unsafe extern "C" fn PyList_GetItem(list: Borrowed, index: isize) -> Lent {
    // SAFETY: C's arguments.
    unsafe {
        if !list.is_null()
            && Kind::of(list.0) == Kind::List
            && let Some(item) = list::item(list.0, index as usize)
        {
            return Lent(item);
        }
    }
    // SAFETY: C's arguments.
    api(|vm| unsafe { item(vm, list, index) }.map(Lent))
}

/// An item as a new reference; NULL with an exception.
pub unsafe extern "C" fn PyList_GetItemRef(list: Borrowed, index: isize) -> New {
    api(|vm| {
        if check(vm, list).is_err() {
            return Err(vm.new_type_error("expected a list"));
        }
        // SAFETY: as above.
        Ok(Borrowed(unsafe { item(vm, list, index)? }).again())
    })
}

/// Sets an item; takes over its reference. 0, or -1 with an exception.
pub unsafe extern "C" fn PyList_SetItem(list: Borrowed, index: isize, item: Stolen) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        check(vm, list)?;
        let index = usize::try_from(index).ok().filter(|index| *index < list::len(vm, list.0));
        let index = index.ok_or_else(|| vm.new_index_error("list assignment index out of range"))?;
        list::set(vm, list.0, index, item)?;
        Ok(0)
    })
}

/// Inserts an item before an index. 0, or -1 with an exception.
pub unsafe extern "C" fn PyList_Insert(list: Borrowed, index: isize, item: Borrowed) -> c_int {
    // SAFETY: C's arguments; the list takes over the new reference.
    api(|vm| unsafe {
        check(vm, list)?;
        if item.is_null() {
            return Err(bad_internal_call(vm));
        }
        let length = list::len(vm, list.0) as isize;
        let at = if index < 0 { (index + length).max(0) } else { index.min(length) } as usize;
        list::splice(vm, list.0, at..at, &[item.again().0])?;
        Ok(0)
    })
}

/// Appends an item. 0, or -1 with an exception.
pub unsafe extern "C" fn PyList_Append(list: Borrowed, item: Borrowed) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        check(vm, list)?;
        if item.is_null() {
            return Err(bad_internal_call(vm));
        }
        list::append(vm, list.0, item)?;
        Ok(0)
    })
}

/// A new list with some of the items.
pub unsafe extern "C" fn PyList_GetSlice(list: Borrowed, low: isize, high: isize) -> New {
    // SAFETY: C's arguments; `push` takes over the references.
    api(|vm| unsafe {
        check(vm, list)?;
        list::refresh(vm, list.0);
        let items = list::items(list.0);
        let low = low.clamp(0, items.len() as isize) as usize;
        let high = (high.max(0) as usize).min(items.len()).max(low);
        let made = PyList_New(0);
        if made.0.is_null() || !list::reserve(made.0, high - low) {
            return Err(vm.no_memory_error());
        }
        for &item in &items[low..high] {
            let pushed = list::push(made.0, Borrowed(item).again().0, None);
            debug_assert!(pushed, "there is room");
        }
        Ok(made)
    })
}

/// Replaces some of the items by those of an iterable; NULL removes them. 0, or -1 with an exception.
pub unsafe extern "C" fn PyList_SetSlice(list: Borrowed, low: isize, high: isize, other: Borrowed) -> c_int {
    // SAFETY: C's arguments; the list takes over the new references.
    api(|vm| unsafe {
        check(vm, list)?;
        // Itself, as it is now.
        let copy = if other.0 == list.0 { PyList_AsTuple(list) } else { New::of_opt(other) };
        if copy.0.is_null() && !other.is_null() {
            return Ok(-1);
        }
        let other = Stolen::new(copy.0);
        let new: Vec<Block> = match Borrowed(other.block()).opt(vm)? {
            Some(other) => super::sequence::iterated(vm, &other, "can only assign an iterable")?
                .borrow_vec()
                .iter()
                .map(|object| store::store(vm, object))
                .collect(),
            None => vec![],
        };
        let length = list::len(vm, list.0);
        let low = low.clamp(0, length as isize) as usize;
        let high = (high.max(0) as usize).min(length).max(low);
        list::splice(vm, list.0, low..high, &new)?;
        Ok(0)
    })
}

/// Calls a method of `list` itself on the managed list, whatever a subclass has for it, then brings the block up to date.
unsafe fn method(vm: &VirtualMachine, list: Borrowed, name: &'static str, args: Vec<PyObjectRef>) -> PyResult<c_int> {
    let twin = list.of::<PyList>(vm)?;
    let args: Vec<PyObjectRef> = std::iter::once(twin.into()).chain(args).collect();
    leave(vm, || vm.ctx.types.list_type.as_object().get_attr(name, vm)?.call(args, vm).map(drop))?;
    // SAFETY: C's argument.
    unsafe { list::refresh(vm, list.0) };
    Ok(0)
}

/// Sorts a list. 0, or -1 with an exception.
pub unsafe extern "C" fn PyList_Sort(list: Borrowed) -> c_int {
    // SAFETY: C's argument.
    api(|vm| unsafe { method(vm, list, "sort", vec![]) })
}

/// Reverses a list. 0, or -1 with an exception.
pub unsafe extern "C" fn PyList_Reverse(list: Borrowed) -> c_int {
    // SAFETY: C's argument.
    api(|vm| unsafe { method(vm, list, "reverse", vec![]) })
}

/// Empties a list. 0, or -1 with an exception.
pub unsafe extern "C" fn PyList_Clear(list: Borrowed) -> c_int {
    // SAFETY: C's argument.
    unsafe { PyList_SetSlice(list, 0, isize::MAX, Borrowed(std::ptr::null_mut())) }
}

/// Appends the items of an iterable. 0, or -1 with an exception.
pub unsafe extern "C" fn PyList_Extend(list: Borrowed, iterable: Borrowed) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        check(vm, list)?;
        let iterable = iterable.get(vm)?;
        method(vm, list, "extend", vec![iterable])
    })
}

/// [`PyList_Extend`] with None for a result.
pub unsafe extern "C" fn _PyList_Extend(list: Borrowed, iterable: Borrowed) -> New {
    // SAFETY: C's arguments.
    if unsafe { PyList_Extend(list, iterable) } < 0 { New::NULL } else { Borrowed(statics().none).again() }
}

/// A new tuple with the items.
pub unsafe extern "C" fn PyList_AsTuple(list: Borrowed) -> New {
    // SAFETY: C's argument; the tuple takes over the references.
    api(|vm| unsafe {
        check(vm, list)?;
        list::refresh(vm, list.0);
        let items = list::items(list.0);
        for &item in items {
            handle::incref(item);
        }
        Ok(New(tuple::with_items(items)))
    })
}
