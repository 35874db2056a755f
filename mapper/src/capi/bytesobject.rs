//! `bytesobject.h` and `cpython/bytesobject.h`: bytes.

use super::prelude::*;
use crate::capi::support::memory;
use crate::twins::forms::characters::Characters;
use rustpython_vm::builtins::{PyBaseExceptionRef, PyTuple};

/// The largest size that a pointer's difference can hold, with the head and the NUL around.
const LARGEST: isize = isize::MAX - bytes::DATA as isize - 1;

#[cold]
fn too_large<R: crate::calls::api::CResult>() -> R {
    api(|vm| Err(vm.new_overflow_error("byte string is too large")))
}

/// A new bytes object of a size, for the caller to fill.
#[inline]
fn uninitialized(size: usize) -> New {
    // SAFETY: the callers fill it.
    let made = unsafe { bytes::new_block_uninit(size, statics().bytes) };
    if made.is_null() { no_memory() } else { New(made) }
}

/// A new bytes object with a copy of some bytes.
#[inline]
fn copied(data: &[u8]) -> New {
    let made = uninitialized(data.len());
    if !made.0.is_null() {
        // SAFETY: the block has room.
        unsafe { characters(made.0).copy_from_nonoverlapping(data.as_ptr(), data.len()) };
    }
    made
}

/// Where a bytes object's bytes are.
#[inline]
unsafe fn characters(bytes: Block) -> *mut u8 {
    // SAFETY: a bytes object, by the callers' contract.
    unsafe { bytes.cast::<u8>().add(bytes::DATA) }
}

/// Whether an argument is a bytes object.
#[inline]
fn is_bytes(object: Borrowed) -> bool {
    // SAFETY: C's argument.
    !object.is_null() && unsafe { Kind::of(object.0) } == Kind::Bytes
}

/// A new bytes object with a copy of `size` bytes, or of none if `data` is NULL, for the caller to fill.
pub unsafe extern "C" fn PyBytes_FromStringAndSize(data: *const c_char, size: isize) -> New {
    if size < 0 {
        return api(|vm| Err(vm.new_system_error("Negative size passed to PyBytes_FromStringAndSize")));
    }
    if size > LARGEST {
        return too_large();
    }
    // SAFETY: C's arguments.
    unsafe {
        if data.is_null() {
            return uninitialized(size as usize);
        }
        copied(std::slice::from_raw_parts(data.cast(), size as usize))
    }
}

/// A new bytes object from a C string.
pub unsafe extern "C" fn PyBytes_FromString(text: *const c_char) -> New {
    // SAFETY: C's argument.
    copied(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// Bytes as they are; a new bytes object from anything with a buffer or of small ints.
pub unsafe extern "C" fn PyBytes_FromObject(object: Borrowed) -> New {
    api(|vm| {
        if object.is_null() {
            return Err(bad_internal_call(vm));
        }
        // SAFETY: C's argument.
        if unsafe { (*object.0).ob_type } == statics().bytes {
            return Ok(object.again());
        }
        if super::unicodeobject::is_str(object) {
            return Err(vm.new_type_error("cannot convert 'str' object to bytes"));
        }
        let object = object.get(vm)?;
        Ok(copied(&leave(vm, || rustpython_vm::byte::bytes_from_object(vm, &object))?))
    })
}

/// [`PyBytes_FromFormat`] with a `va_list`.
pub unsafe extern "C" fn PyBytes_FromFormatV(format: *const c_char, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    unsafe { PyBytes_FromFormat(format, va) }
}

/// A new bytes object from a format.
pub unsafe extern "C" fn PyBytes_FromFormat(format: *const c_char, va: *mut VaList) -> New {
    // SAFETY: C's arguments.
    api(|vm| Ok(copied(&unsafe { crate::capi::support::format::format_bytes(vm, format, &mut *va)? })))
}

/// The length of a bytes object; -1 with an exception.
pub unsafe extern "C" fn PyBytes_Size(bytes: Borrowed) -> isize {
    if is_bytes(bytes) {
        // SAFETY: a bytes object.
        return unsafe { (*bytes.0.cast::<c::PyVarObject>()).ob_size };
    }
    api(|vm| Err(not_bytes(vm, bytes)))
}

#[cold]
fn not_bytes(vm: &VirtualMachine, object: Borrowed) -> PyBaseExceptionRef {
    vm.new_type_error(format!("expected bytes, {} found", super::unicodeobject::type_name(object)))
}

/// The bytes, NUL-terminated; they belong to the object.
pub unsafe extern "C" fn PyBytes_AsString(bytes: Borrowed) -> *mut c_char {
    if is_bytes(bytes) {
        // SAFETY: a bytes object.
        return unsafe { characters(bytes.0).cast() };
    }
    api(|vm| Err(not_bytes(vm, bytes)))
}

/// The bytes' `repr`, in double quotes if that saves escapes and `smart_quotes` is not 0; a new string.
pub unsafe extern "C" fn PyBytes_Repr(bytes: Borrowed, smart_quotes: c_int) -> New {
    // SAFETY: C's argument is a bytes object.
    let data = unsafe { bytes::slice(bytes.0) };
    let quote = if smart_quotes != 0 && data.contains(&b'\'') && !data.contains(&b'"') { b'"' } else { b'\'' };
    let mut text = vec![b'b', quote];
    for &byte in data {
        match byte {
            b'\t' => text.extend(b"\\t"),
            b'\n' => text.extend(b"\\n"),
            b'\r' => text.extend(b"\\r"),
            b'\\' => text.extend(b"\\\\"),
            _ if byte == quote => text.extend([b'\\', byte]),
            b' '..=b'~' => text.push(byte),
            _ => text.extend(format!("\\x{byte:02x}").bytes()),
        }
    }
    text.push(quote);
    super::unicodeobject::made(crate::twins::forms::unicode::from_ascii(&text))
}

/// Replaces `*bytes` by itself and `other` joined, in place if nobody else knows it; NULL with an exception.
pub unsafe extern "C" fn PyBytes_Concat(bytes: *mut Block, other: Borrowed) {
    // SAFETY: C's arguments; the reference in `*bytes` is ours to exchange.
    unsafe {
        if (*bytes).is_null() {
            return;
        }
        if other.is_null() {
            return dealloc::decref(std::mem::replace(&mut *bytes, std::ptr::null_mut()));
        }
        if is_bytes(other) && is_modifiable(*bytes) && *bytes != other.0 {
            let more = bytes::slice(other.0);
            let length = bytes::slice(*bytes).len();
            if _PyBytes_Resize(bytes, (length + more.len()) as isize) == 0 {
                characters(*bytes).add(length).copy_from_nonoverlapping(more.as_ptr(), more.len());
            }
            return;
        }
        let joined = api(|vm| {
            let both = [Borrowed(*bytes), other].map(|part| part.get(vm));
            let [left, right] = both;
            let (left, right) = (left?, right?);
            let read = |part: &PyObjectRef| leave(vm, || part.try_bytes_like(vm, <[u8]>::to_vec));
            match (read(&left), read(&right)) {
                (Ok(left), Ok(right)) => Ok(copied(&[left, right].concat())),
                _ => Err(cannot_concat(vm, &right, &left)),
            }
        });
        dealloc::decref(std::mem::replace(&mut *bytes, joined.0));
    }
}

/// What joining things that are not bytes raises.
pub(crate) fn cannot_concat(vm: &VirtualMachine, part: &PyObjectRef, to: &PyObjectRef) -> PyBaseExceptionRef {
    vm.new_type_error(format!("can't concat {} to {}", part.class().name(), to.class().name()))
}

/// [`PyBytes_Concat`] that takes over the reference to `other`.
pub unsafe extern "C" fn PyBytes_ConcatAndDel(bytes: *mut Block, other: Stolen) {
    // SAFETY: C's arguments.
    unsafe { PyBytes_Concat(bytes, Borrowed(other.block())) };
}

/// A new bytes object without the escapes of Python's bytes literals.
pub unsafe extern "C" fn PyBytes_DecodeEscape(
    data: *const c_char,
    size: isize,
    errors: *const c_char,
    _unicode: isize,
    _encoding: *const c_char,
) -> New {
    if size > LARGEST {
        return too_large();
    }
    api(|vm| {
        // SAFETY: C's arguments.
        let (data, errors) = unsafe {
            let data = vm.ctx.new_bytes(memory::copied(vm, super::unicodeobject::bytes(data, size))?);
            (data, super::unicodecodecs::errors_argument(vm, errors))
        };
        let decoded = leave(vm, || vm.import("_codecs", 0)?.get_attr("escape_decode", vm)?.call((data, errors), vm))?;
        match decoded.downcast_ref::<PyTuple>().and_then(|pair| pair.as_slice().first()) {
            Some(bytes) => Ok(New::of(vm, bytes.clone())),
            None => Err(vm.new_type_error("a codec must return a tuple")),
        }
    })
}

/// The bytes and their number; without `size`, NUL bytes inside are refused. 0, or -1 with an exception.
pub unsafe extern "C" fn PyBytes_AsStringAndSize(bytes: Borrowed, data: *mut *mut c_char, size: *mut isize) -> c_int {
    api(|vm| {
        // SAFETY: C's arguments.
        unsafe {
            if data.is_null() {
                return Err(bad_internal_call(vm));
            }
            if !is_bytes(bytes) {
                return Err(not_bytes(vm, bytes));
            }
            *data = characters(bytes.0).cast();
            if let Some(size) = size.as_mut() {
                *size = (*bytes.0.cast::<c::PyVarObject>()).ob_size;
            } else if bytes::slice(bytes.0).contains(&0) {
                return Err(vm.new_value_error("embedded null byte"));
            }
            Ok(0)
        }
    })
}

/// Whether a bytes object may change: it is an exact one that one owner in C knows and nobody else.
unsafe fn is_modifiable(bytes: Block) -> bool {
    // SAFETY: an object, by the callers' contract.
    unsafe {
        (*bytes).ob_type == statics().bytes
            && (*bytes.cast::<c::PyBytesObject>()).ob_shash == -1
            && dealloc::make_sole(bytes)
    }
}

/// Gives a bytes object that nobody else knows another size. 0, or -1 with an exception and NULL in `*bytes`.
pub unsafe extern "C" fn _PyBytes_Resize(bytes: *mut Block, size: isize) -> c_int {
    // SAFETY: C's arguments; the reference in `*bytes` is ours to exchange.
    unsafe {
        let old = *bytes;
        if !is_bytes(Borrowed(old)) || size < 0 {
            dealloc::xdecref(std::mem::replace(&mut *bytes, std::ptr::null_mut()));
            return api(|vm| Err(bad_internal_call(vm)));
        }
        let held = bytes::slice(old).len();
        if held == size as usize {
            return 0;
        }
        if held == 0 && size > LARGEST {
            dealloc::decref(std::mem::replace(&mut *bytes, std::ptr::null_mut()));
            return too_large();
        }
        if is_modifiable(old)
            && crate::twins::forms::unicode::fits(bytes::DATA + size as usize + 1, crate::heap::block::capacity(old))
        {
            (*old.cast::<c::PyVarObject>()).ob_size = size;
            characters(old).add(size as usize).write(0);
            return 0;
        }
        let new = uninitialized(size as usize);
        if !new.0.is_null() {
            characters(new.0).copy_from_nonoverlapping(characters(old), held.min(size as usize));
        }
        dealloc::decref(old);
        *bytes = new.0;
        if new.0.is_null() { -1 } else { 0 }
    }
}

/// Joins the bytes-like objects of an iterable.
pub unsafe extern "C" fn PyBytes_Join(separator: Borrowed, sequence: Borrowed) -> New {
    api(|vm| {
        if separator.is_null() {
            return Err(bad_internal_call(vm));
        }
        if !is_bytes(separator) {
            let name = super::unicodeobject::type_name(separator);
            return Err(vm.new_type_error(format!("sep: expected bytes, got {name}")));
        }
        let (separator, sequence) = (separator.get(vm)?, sequence.get(vm)?);
        if sequence.class().slots.iter.load().is_none() && !sequence.class().has_attr(vm.ctx.intern_str("__getitem__"))
        {
            return Err(vm.new_type_error("can only join an iterable"));
        }
        let class = vm.ctx.types.bytes_type.as_object();
        Ok(New::of(vm, leave(vm, || class.get_attr("join", vm)?.call((separator, sequence), vm))?))
    })
}

/// Where some bytes are first found in others, counted from `offset`; -1 if they are not.
pub unsafe extern "C" fn _PyBytes_Find(
    data: *const c_char,
    size: isize,
    part: *const c_char,
    part_size: isize,
    offset: isize,
) -> isize {
    // SAFETY: C's arguments.
    unsafe { find(data, size, part, part_size, offset, true) }
}

/// The same for the last place.
pub unsafe extern "C" fn _PyBytes_ReverseFind(
    data: *const c_char,
    size: isize,
    part: *const c_char,
    part_size: isize,
    offset: isize,
) -> isize {
    // SAFETY: C's arguments.
    unsafe { find(data, size, part, part_size, offset, false) }
}

unsafe fn find(
    data: *const c_char,
    size: isize,
    part: *const c_char,
    part_size: isize,
    offset: isize,
    forward: bool,
) -> isize {
    // SAFETY: by the callers' contract.
    let [data, part] = unsafe {
        [super::unicodeobject::bytes(data, size), super::unicodeobject::bytes(part, part_size)].map(Characters::One)
    };
    data.find(part, forward).map_or(-1, |at| at as isize + offset)
}

/// Fills memory with copies of some bytes.
pub unsafe extern "C" fn _PyBytes_Repeat(to: *mut c_char, size: isize, from: *const c_char, from_size: isize) {
    if size <= 0 || from_size <= 0 {
        return;
    }
    // SAFETY: C's arguments, which do not overlap.
    unsafe {
        let (size, from_size) = (size as usize, from_size as usize);
        for at in (0..size).step_by(from_size) {
            to.add(at).copy_from_nonoverlapping(from, from_size.min(size - at));
        }
    }
}
