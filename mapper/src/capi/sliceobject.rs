//! `sliceobject.h`: slices.

use super::prelude::*;

/// A new slice; NULL stands for None.
pub unsafe extern "C" fn PySlice_New(start: Borrowed, stop: Borrowed, step: Borrowed) -> New {
    api(|vm| {
        let class: PyObjectRef = vm.ctx.types.slice_type.to_owned().into();
        let part = |part: Borrowed| part.opt(vm).map(|part| part.unwrap_or_else(|| vm.ctx.none()));
        Ok(New::of(vm, leave(vm, || class.call((part(start)?, part(stop)?, part(step)?), vm))?))
    })
}

/// One part of a slice as an index that is cut to what fits.
unsafe fn part(vm: &VirtualMachine, part: Block, default: isize) -> PyResult<isize> {
    let part = Borrowed(part).get(vm)?;
    if vm.is_none(&part) {
        return Ok(default);
    }
    if !part.number().is_index() {
        return Err(vm.new_type_error("slice indices must be integers or None or have an __index__ method"));
    }
    let index = leave(vm, || part.try_index(vm))?;
    Ok(index.try_to_primitive::<isize>(vm).unwrap_or_else(|_| {
        if index.as_bigint().sign() == malachite_bigint::Sign::Minus { isize::MIN } else { isize::MAX }
    }))
}

/// A slice's parts as numbers. 0, or -1 with an exception.
pub unsafe extern "C" fn PySlice_Unpack(
    slice: Borrowed,
    start: *mut isize,
    stop: *mut isize,
    step: *mut isize,
) -> c_int {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        let fields = &*slice.0.cast::<c::PySliceObject>();
        *step = part(vm, fields.step, 1)?.max(-isize::MAX);
        if *step == 0 {
            return Err(vm.new_value_error("slice step cannot be zero"));
        }
        *start = part(vm, fields.start, if *step < 0 { isize::MAX } else { 0 })?;
        *stop = part(vm, fields.stop, if *step < 0 { isize::MIN } else { isize::MAX })?;
        Ok(0)
    })
}

/// Cuts a slice's parts to a sequence's length; returns how many items it selects.
pub unsafe extern "C" fn PySlice_AdjustIndices(
    length: isize,
    start: *mut isize,
    stop: *mut isize,
    step: isize,
) -> isize {
    // SAFETY: C's arguments.
    unsafe {
        for index in [&mut *start, &mut *stop] {
            if *index < 0 {
                *index += length;
                if *index < 0 {
                    *index = if step < 0 { -1 } else { 0 };
                }
            } else if *index >= length {
                *index = if step < 0 { length - 1 } else { length };
            }
        }
        if step < 0 {
            if *stop < *start { (*start - *stop - 1) / -step + 1 } else { 0 }
        } else if *start < *stop {
            (*stop - *start - 1) / step + 1
        } else {
            0
        }
    }
}

/// A slice's parts, cut to a length, and the number of items. 0, or -1 with an exception.
pub unsafe extern "C" fn PySlice_GetIndicesEx(
    slice: Borrowed,
    length: isize,
    start: *mut isize,
    stop: *mut isize,
    step: *mut isize,
    count: *mut isize,
) -> c_int {
    // SAFETY: C's arguments.
    unsafe {
        if PySlice_Unpack(slice, start, stop, step) < 0 {
            return -1;
        }
        *count = PySlice_AdjustIndices(length, start, stop, *step);
        0
    }
}

/// A slice's parts for a length, by the rules of old: ints only, and -1 without an exception if they are out of range.
pub unsafe extern "C" fn PySlice_GetIndices(
    slice: Borrowed,
    length: isize,
    start: *mut isize,
    stop: *mut isize,
    step: *mut isize,
) -> c_int {
    // SAFETY: C's arguments.
    unsafe {
        let fields = &*slice.0.cast::<c::PySliceObject>();
        let is_none = |part: Block| part == statics().none;
        let read = |part: Block, default: isize, to: *mut isize| {
            if is_none(part) {
                *to = default;
                return true;
            }
            Kind::of(part) == Kind::Long
                && crate::twins::forms::long::to_i64(part).is_some_and(|value| {
                    *to = if value < 0 && to != step { value as isize + length } else { value as isize };
                    true
                })
        };
        if !read(fields.step, 1, step)
            || !read(fields.start, if *step < 0 { length - 1 } else { 0 }, start)
            || !read(fields.stop, if *step < 0 { -1 } else { length }, stop)
        {
            return -1;
        }
        if *stop > length || *start >= length || *step == 0 { -1 } else { 0 }
    }
}

/// A new slice from two numbers.
pub unsafe extern "C" fn _PySlice_FromIndices(start: isize, stop: isize) -> New {
    api(|vm| {
        let class: PyObjectRef = vm.ctx.types.slice_type.to_owned().into();
        Ok(New::of(vm, leave(vm, || class.call((start, stop), vm))?))
    })
}

/// A slice's start, stop and step for a sequence of `length`, which may be greater than any: new references. 0, or -1
/// with an exception.
pub unsafe extern "C" fn _PySlice_GetLongIndices(
    slice: Borrowed,
    length: Borrowed,
    start: *mut Block,
    stop: *mut Block,
    step: *mut Block,
) -> c_int {
    api(|vm| {
        let (slice, length) = (slice.get(vm)?, length.get(vm)?);
        let indices = leave(vm, || vm.call_method(&slice, "indices", (length,)))?;
        let indices: rustpython_vm::builtins::PyTupleRef = leave(vm, || indices.try_into_value(vm))?;
        for (index, to) in indices.as_slice().iter().zip([start, stop, step]) {
            // SAFETY: C's arguments.
            unsafe { *to = New::of(vm, index.clone()).0 };
        }
        Ok(0)
    })
}
