//! `tupleobject.h` and `cpython/tupleobject.h`: tuples.

use super::prelude::*;
use crate::heap::block::{flag, header};

/// A new tuple of NULLs, for the caller to fill.
pub unsafe extern "C" fn PyTuple_New(size: isize) -> New {
    if size < 0 {
        return api(|vm| Err(bad_internal_call(vm)));
    }
    tuple::try_new_block(size as usize).map_or_else(no_memory, New)
}

/// A tuple's length; -1 with an exception.
pub unsafe extern "C" fn PyTuple_Size(tuple: Borrowed) -> isize {
    // SAFETY: C's argument.
    unsafe {
        if Kind::of(tuple.0) != Kind::Tuple {
            return api(|vm| Err(bad_internal_call(vm)));
        }
        (*tuple.0.cast::<c::PyVarObject>()).ob_size
    }
}

/// An item, borrowed from the tuple; NULL with an exception.
pub unsafe extern "C" fn PyTuple_GetItem(tuple: Borrowed, index: isize) -> Lent {
    api(|vm| {
        // SAFETY: C's argument.
        unsafe {
            if Kind::of(tuple.0) != Kind::Tuple {
                return Err(bad_internal_call(vm));
            }
            let item = usize::try_from(index).ok().and_then(|index| tuple::slice(tuple.0).get(index));
            item.map(|item| Lent(*item)).ok_or_else(|| vm.new_index_error("tuple index out of range"))
        }
    })
}

/// Whether managed code holds a tuple.
fn is_held(tuple: Block) -> bool {
    let own = header(tuple).is_some_and(|header| header.has(flag::OWNS_TWIN));
    handle::twin_of(tuple).is_some_and(|twin| twin.strong_count() > usize::from(own))
}

/// Sets an item of a tuple that nobody else knows yet; takes over the item's reference. 0, or -1 with an exception.
pub unsafe extern "C" fn PyTuple_SetItem(tuple: Borrowed, index: isize, item: Stolen) -> c_int {
    api(|vm| {
        // SAFETY: C's arguments.
        unsafe {
            if Kind::of(tuple.0) != Kind::Tuple || (*tuple.0).ob_refcnt != 1 || is_held(tuple.0) {
                return Err(bad_internal_call(vm));
            }
            let size = (*tuple.0.cast::<c::PyVarObject>()).ob_size;
            if index < 0 || index >= size {
                return Err(vm.new_index_error("tuple assignment index out of range"));
            }
            let slot = tuple::items(tuple.0).add(index as usize);
            dealloc::xdecref(std::mem::replace(&mut *slot, item.into_block()));
            Ok(0)
        }
    })
}

/// A new tuple with some of the items.
pub unsafe extern "C" fn PyTuple_GetSlice(tuple: Borrowed, low: isize, high: isize) -> New {
    api(|vm| {
        // SAFETY: C's arguments.
        unsafe {
            if Kind::of(tuple.0) != Kind::Tuple {
                return Err(bad_internal_call(vm));
            }
            let items = tuple::slice(tuple.0);
            let low = low.clamp(0, items.len() as isize) as usize;
            let high = (high.max(0) as usize).min(items.len()).max(low);
            for &item in &items[low..high] {
                handle::incref(item);
            }
            Ok(New(tuple::with_items(&items[low..high])))
        }
    })
}

/// A new tuple of `count` objects.
pub unsafe extern "C" fn PyTuple_Pack(count: isize, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    unsafe {
        let made = PyTuple_New(count);
        for index in 0..if made.0.is_null() { 0 } else { count as usize } {
            let item: Block = (*va).pointer();
            handle::incref(item);
            tuple::items(made.0).add(index).write(item);
        }
        made
    }
}

/// Gives a tuple that nobody else knows another length. 0, or -1 with an exception and NULL in `*tuple`.
pub unsafe extern "C" fn _PyTuple_Resize(tuple: *mut Block, size: isize) -> c_int {
    // SAFETY: C's arguments; the reference in `*tuple` is ours to give up.
    unsafe {
        let old = *tuple;
        let is_tuple = !old.is_null() && (*old).ob_type == statics().tuple;
        let length = if is_tuple { tuple::slice(old).len() } else { 0 };
        if !is_tuple || (length != 0 && (*old).ob_refcnt != 1) {
            *tuple = std::ptr::null_mut();
            dealloc::xdecref(old);
            return api(|vm| Err(bad_internal_call(vm)));
        }
        if length as isize == size {
            return 0;
        }
        let items = tuple::slice(old);
        let new = PyTuple_New(size).0;
        if !new.is_null() {
            for (index, &item) in items.iter().take(size.max(0) as usize).enumerate() {
                if !item.is_null() {
                    handle::incref(item);
                }
                tuple::items(new).add(index).write(item);
            }
        }
        dealloc::decref(old);
        *tuple = new;
        if new.is_null() { -1 } else { 0 }
    }
}

/// A new tuple of the objects in an array.
pub unsafe extern "C" fn _PyTuple_FromArray(items: *const Block, count: isize) -> New {
    // SAFETY: C's arguments.
    unsafe {
        let items = if count <= 0 { &[] } else { std::slice::from_raw_parts(items, count as usize) };
        for &item in items {
            handle::incref(item);
        }
        New(tuple::with_items(items))
    }
}
