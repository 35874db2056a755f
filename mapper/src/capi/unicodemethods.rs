//! The string methods of `unicodeobject.h`: joining, splitting, finding and comparing. What needs no more than the
//! characters is done here, the rest by `str`'s own methods.

use super::prelude::*;
use super::support::translating::translated;
use super::unicodeobject::{bad_argument, is_str, made, type_name, unchanged};
use crate::twins::forms::characters::Characters;
use crate::twins::forms::unicode;
use crate::twins::forms::unicode::Width;
use rustpython_vm::builtins::PyBaseExceptionRef;
use std::ops::Range;

/// What the functions here raise for what is no string.
#[cold]
fn not_str(vm: &VirtualMachine, object: Borrowed, what: &str) -> PyBaseExceptionRef {
    match object.get(vm) {
        Ok(object) => {
            let name = crate::capi::support::format::type_name(vm, &object.class().to_owned(), '.');
            vm.new_type_error(format!("{what} must be str, not {name}").trim_start().to_owned())
        }
        Err(error) => error,
    }
}

/// The characters of an argument.
///
/// # Errors
/// `TypeError` if it is no string.
#[inline]
fn text<'a>(vm: &VirtualMachine, string: Borrowed) -> PyResult<Characters<'a>> {
    if !is_str(string) {
        return Err(not_str(vm, string, ""));
    }
    // SAFETY: C keeps its argument for the time of the call.
    Ok(unsafe { Characters::of(string.0) })
}

/// Calls `str`'s method, not a subclass's, on a string.
fn method(vm: &VirtualMachine, string: Borrowed, name: &'static str, args: Vec<PyObjectRef>) -> PyResult<New> {
    text(vm, string)?;
    let args: Vec<_> = std::iter::once(string.get(vm)?).chain(args).collect();
    Ok(New::of(vm, leave(vm, || vm.ctx.types.str_type.as_object().get_attr(name, vm)?.call(args, vm))?))
}

/// An argument that has to be a string, as a managed object.
fn managed(vm: &VirtualMachine, string: Borrowed) -> PyResult {
    text(vm, string)?;
    string.get(vm)
}

/// Strings with a separator between them as a new one.
unsafe fn joined(vm: &VirtualMachine, separator: Option<Block>, parts: &[Block]) -> PyResult<New> {
    // SAFETY: strings, by the callers' checks; the block has room for them all.
    unsafe {
        let separator = separator.filter(|_| parts.len() > 1);
        let (mut length, mut width) = (0usize, Width::Ascii);
        let parts = || {
            parts.iter().enumerate().flat_map(move |(index, part)| {
                separator.filter(|_| index > 0).into_iter().chain(std::iter::once(*part))
            })
        };
        for part in parts() {
            let (more, its_width) = unicode::shape(part);
            length =
                length.checked_add(more).ok_or_else(|| vm.new_overflow_error("strings are too large to concat"))?;
            width = width.max(its_width);
        }
        let whole = made(unicode::new_compact(length, width));
        if !whole.0.is_null() {
            let mut to = unicode::characters(whole.0);
            for part in parts() {
                let part = Characters::of(part);
                part.write(to, width);
                to = to.add(part.len() * width.bytes());
            }
        }
        Ok(whole)
    }
}

/// Two strings joined: in a new one, or one of them if the other is empty.
fn concatenated(vm: &VirtualMachine, left: Borrowed, right: Borrowed) -> PyResult<New> {
    let head = text(vm, left)?;
    if !is_str(right) {
        let name = type_name(right);
        return Err(vm.new_type_error(format!("can only concatenate str (not \"{name}\") to str")));
    }
    // SAFETY: strings.
    unsafe {
        if head.is_empty() {
            Ok(unchanged(right))
        } else if Characters::of(right.0).is_empty() {
            Ok(unchanged(left))
        } else {
            joined(vm, None, &[left.0, right.0])
        }
    }
}

/// Two strings joined in a new one.
pub unsafe extern "C" fn PyUnicode_Concat(left: Borrowed, right: Borrowed) -> New {
    api(|vm| concatenated(vm, left, right))
}

/// Replaces `*left` by itself and `right` joined, in place if nobody else knows it; NULL with an exception.
pub unsafe extern "C" fn PyUnicode_Append(left: *mut Block, right: Borrowed) {
    // SAFETY: C's arguments; the reference in `*left` is ours to exchange.
    unsafe {
        if left.is_null() || !is_str(Borrowed(*left)) || !is_str(right) {
            if error::occurred().is_null() {
                let _: c_int = api(|vm| Err(bad_internal_call(vm)));
            }
            if let Some(left) = left.as_mut() {
                dealloc::xdecref(std::mem::replace(left, std::ptr::null_mut()));
            }
            return;
        }
        let (length, width) = unicode::shape(*left);
        let (more, its_width) = unicode::shape(right.0);
        if *left != right.0
            && length > 0
            && more > 0
            && its_width <= width
            && unicode::is_modifiable(*left)
            && let Some(longer) = unicode::resize(*left, length + more)
        {
            let to = unicode::characters(longer).add(length * width.bytes());
            Characters::of(right.0).write(to, width);
            *left = longer;
            return;
        }
        let joined = api(|vm| concatenated(vm, Borrowed(*left), right));
        dealloc::decref(std::mem::replace(&mut *left, joined.0));
    }
}

/// [`PyUnicode_Append`] that takes over the reference to `right`.
pub unsafe extern "C" fn PyUnicode_AppendAndDel(left: *mut Block, right: Stolen) {
    // SAFETY: C's arguments.
    unsafe { PyUnicode_Append(left, Borrowed(right.block())) };
}

/// The arguments of the methods that split: separator or None, and how often.
fn split(vm: &VirtualMachine, string: Borrowed, name: &'static str, separator: Borrowed, most: isize) -> PyResult<New> {
    text(vm, string)?;
    let separator = if separator.is_null() { vm.ctx.none() } else { managed(vm, separator)? };
    method(vm, string, name, vec![separator, vm.ctx.new_int(most.max(-1)).into()])
}

/// Splits a string from the left, at white space if the separator is NULL; a new list.
pub unsafe extern "C" fn PyUnicode_Split(string: Borrowed, separator: Borrowed, most: isize) -> New {
    api(|vm| split(vm, string, "split", separator, most))
}

/// Splits a string into lines, which keep their ends if `keep_ends`; a new list.
pub unsafe extern "C" fn PyUnicode_Splitlines(string: Borrowed, keep_ends: c_int) -> New {
    api(|vm| method(vm, string, "splitlines", vec![vm.ctx.new_bool(keep_ends != 0).into()]))
}

/// Splits a string at the first separator; a new tuple of three.
pub unsafe extern "C" fn PyUnicode_Partition(string: Borrowed, separator: Borrowed) -> New {
    api(|vm| {
        text(vm, string)?;
        method(vm, string, "partition", vec![managed(vm, separator)?])
    })
}

/// Splits a string at the last separator; a new tuple of three.
pub unsafe extern "C" fn PyUnicode_RPartition(string: Borrowed, separator: Borrowed) -> New {
    api(|vm| {
        text(vm, string)?;
        method(vm, string, "rpartition", vec![managed(vm, separator)?])
    })
}

/// Splits a string from the right, at white space if the separator is NULL; a new list.
pub unsafe extern "C" fn PyUnicode_RSplit(string: Borrowed, separator: Borrowed, most: isize) -> New {
    api(|vm| split(vm, string, "rsplit", separator, most))
}

/// Replaces characters by a mapping of their numbers. Those that it maps to None go to an error handler, `strict` if NULL.
pub unsafe extern "C" fn PyUnicode_Translate(string: Borrowed, mapping: Borrowed, errors: *const c_char) -> New {
    api(|vm| {
        text(vm, string)?;
        let mapping = mapping.opt(vm)?.ok_or_else(|| bad_argument(vm))?;
        let string = string.get(vm)?;
        // SAFETY: C's argument.
        let errors = if errors.is_null() { "strict".to_owned() } else { unsafe { crate::abi::text::of_c(errors) } };
        Ok(New::of(vm, leave(vm, || translated(vm, &string, &mapping, &errors))?))
    })
}

/// Joins the strings of an iterable; a NULL separator is a space.
pub unsafe extern "C" fn PyUnicode_Join(separator: Borrowed, sequence: Borrowed) -> New {
    api(|vm| {
        if sequence.is_null() {
            return Err(vm.new_system_error("null argument to internal routine"));
        }
        // SAFETY: C's arguments; the items live while their owner does.
        unsafe {
            match Kind::of(sequence.0) {
                Kind::Tuple => join(vm, separator, tuple::slice(sequence.0)),
                Kind::List => {
                    crate::twins::forms::list::refresh(vm, sequence.0);
                    join(vm, separator, crate::twins::forms::list::items(sequence.0))
                }
                _ => {
                    let sequence = sequence.get(vm)?;
                    let items = leave(vm, || {
                        let iterator = sequence.get_iter(vm).map_err(|error| {
                            if error.fast_isinstance(vm.ctx.exceptions.type_error) {
                                vm.new_type_error("can only join an iterable")
                            } else {
                                error
                            }
                        })?;
                        iterator.iter::<PyObjectRef>(vm)?.collect::<PyResult<Vec<_>>>()
                    })?;
                    let items: Vec<Block> = items.into_iter().map(|item| store::store_owned(vm, item)).collect();
                    let owner = tuple::with_items(&items);
                    let result = join(vm, separator, &items);
                    dealloc::decref(owner);
                    result
                }
            }
        }
    })
}

/// Joins strings, if that is what they are; a NULL separator is a space.
unsafe fn join(vm: &VirtualMachine, separator: Borrowed, items: &[Block]) -> PyResult<New> {
    // SAFETY: objects, by the caller's contract.
    unsafe {
        if let [item] = items
            && !item.is_null()
            && (**item).ob_type == statics().unicode
        {
            return Ok(Borrowed(*item).again());
        }
        if items.len() > 1 && !separator.is_null() && !is_str(separator) {
            let name = type_name(separator);
            return Err(vm.new_type_error(format!("separator: expected str instance, {name} found")));
        }
        if let Some(index) = items.iter().position(|item| !is_str(Borrowed(*item))) {
            let name = type_name(Borrowed(items[index]));
            return Err(vm.new_type_error(format!("sequence item {index}: expected str instance, {name} found")));
        }
        if separator.is_null() {
            let space = made(unicode::from_ascii(b" "));
            let result = joined(vm, Some(space.0), items);
            dealloc::xdecref(space.0);
            return result;
        }
        joined(vm, Some(separator.0), items)
    }
}

/// [`PyUnicode_Join`] for an array of strings.
pub unsafe extern "C" fn _PyUnicode_JoinArray(separator: Borrowed, items: *const Block, count: isize) -> New {
    // SAFETY: C's arguments.
    api(|vm| unsafe {
        let items = if count > 0 { std::slice::from_raw_parts(items, count as usize) } else { &[] };
        join(vm, separator, items)
    })
}

/// The part of a text that two indices mean, which count from the end if negative; None if they cross.
fn range(length: usize, start: isize, end: isize) -> Option<Range<usize>> {
    let index = |at: isize| if at < 0 { length.saturating_sub(at.unsigned_abs()) } else { at as usize };
    let (start, end) = (index(start), index(end).min(length));
    (start <= end).then_some(start..end)
}

/// Whether a part of a string begins (`direction` -1) or ends (1) with another; -1 with an exception.
pub unsafe extern "C" fn PyUnicode_Tailmatch(
    string: Borrowed,
    part: Borrowed,
    start: isize,
    end: isize,
    direction: c_int,
) -> isize {
    api(|vm| {
        let (text, part) = (text(vm, string)?, text(vm, part)?);
        let Some(range) = range(text.len(), start, end).filter(|range| range.len() >= part.len()) else { return Ok(0) };
        let at = if direction > 0 { range.end - part.len() } else { range.start };
        Ok(isize::from(text.slice(at..at + part.len()).equals(part)))
    })
}

/// An index: -1 if there is none, -2 for an error.
struct Index(isize);

impl crate::calls::api::CResult for Index {
    const ERROR: Self = Self(-2);
}

/// The index of the first (`direction` 1) or last (-1) occurrence in a part of a string; -1 if there is none, -2 with
/// an exception.
pub unsafe extern "C" fn PyUnicode_Find(
    string: Borrowed,
    part: Borrowed,
    start: isize,
    end: isize,
    direction: c_int,
) -> isize {
    let found = api(|vm| {
        let (text, part) = (text(vm, string)?, text(vm, part)?);
        let found = range(text.len(), start, end)
            .and_then(|range| Some(range.start + text.slice(range).find(part, direction > 0)?));
        Ok(Index(found.map_or(-1, |at| at as isize)))
    });
    found.0
}

/// The same for one character.
pub unsafe extern "C" fn PyUnicode_FindChar(
    string: Borrowed,
    point: u32,
    start: isize,
    end: isize,
    direction: c_int,
) -> isize {
    // SAFETY: C's argument is a string.
    let text = unsafe { Characters::of(string.0) };
    range(text.len(), start, end)
        .and_then(|range| Some(range.start + text.slice(range).find_character(point, direction > 0)?))
        .map_or(-1, |at| at as isize)
}

/// How often a string occurs in a part of another; -1 with an exception.
pub unsafe extern "C" fn PyUnicode_Count(string: Borrowed, part: Borrowed, start: isize, end: isize) -> isize {
    api(|vm| {
        let (text, part) = (text(vm, string)?, text(vm, part)?);
        Ok(range(text.len(), start, end).map_or(0, |range| text.slice(range).count(part) as isize))
    })
}

/// Replaces up to `most` occurrences, all if negative.
pub unsafe extern "C" fn PyUnicode_Replace(string: Borrowed, old: Borrowed, new: Borrowed, most: isize) -> New {
    api(|vm| {
        text(vm, string)?;
        method(vm, string, "replace", vec![managed(vm, old)?, managed(vm, new)?, vm.ctx.new_int(most.max(-1)).into()])
    })
}

/// Compares two strings: -1, 0 or 1; -1 with an exception if one is no string.
pub unsafe extern "C" fn PyUnicode_Compare(left: Borrowed, right: Borrowed) -> c_int {
    if is_str(left) && is_str(right) {
        // SAFETY: strings.
        return unsafe { Characters::of(left.0).compare(Characters::of(right.0)) } as c_int;
    }
    api(|vm| Err(vm.new_type_error(format!("Can't compare {} and {}", type_name(left), type_name(right)))))
}

/// Compares a string with Latin-1 text: -1, 0 or 1.
pub unsafe extern "C" fn PyUnicode_CompareWithASCIIString(string: Borrowed, text: *const c_char) -> c_int {
    // SAFETY: C's arguments.
    unsafe { Characters::of(string.0).compare(Characters::One(CStr::from_ptr(text).to_bytes())) as c_int }
}

/// Whether a string is equal to ASCII text.
pub unsafe extern "C" fn _PyUnicode_EqualToASCIIString(string: Borrowed, text: *const c_char) -> c_int {
    // SAFETY: C's arguments.
    unsafe { c_int::from(Characters::of(string.0).equals(Characters::One(CStr::from_ptr(text).to_bytes()))) }
}

/// Whether a string is equal to UTF-8 text.
pub unsafe extern "C" fn PyUnicode_EqualToUTF8(string: Borrowed, text: *const c_char) -> c_int {
    // SAFETY: C's arguments.
    c_int::from(unsafe { equals_utf8(string, CStr::from_ptr(text).to_bytes()) })
}

/// Whether a string is equal to UTF-8 text of `size` bytes.
pub unsafe extern "C" fn PyUnicode_EqualToUTF8AndSize(string: Borrowed, text: *const c_char, size: isize) -> c_int {
    // SAFETY: C's arguments.
    c_int::from(unsafe { equals_utf8(string, super::unicodeobject::bytes(text, size)) })
}

unsafe fn equals_utf8(string: Borrowed, other: &[u8]) -> bool {
    // SAFETY: the callers' argument is a string.
    let text = unsafe { Characters::of(string.0) };
    if other.is_ascii() {
        return text.equals(Characters::One(other));
    }
    // Not equal to what is no UTF-8, nor as UTF-8 writes surrogates.
    std::str::from_utf8(other).is_ok_and(|other| {
        let mut points = other.chars();
        (0..text.len()).all(|index| points.next().map(u32::from) == text.get(index)) && points.next().is_none()
    })
}

/// Whether two strings are equal: 1, 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicode_Equal(left: Borrowed, right: Borrowed) -> c_int {
    if is_str(left) && is_str(right) {
        // SAFETY: strings.
        return unsafe { _PyUnicode_Equal(left, right) };
    }
    api(|vm| {
        let (wrong, which) = if is_str(left) { (right, "second argument") } else { (left, "first argument") };
        Err(not_str(vm, wrong, which))
    })
}

/// Whether two strings are equal.
pub unsafe extern "C" fn _PyUnicode_Equal(left: Borrowed, right: Borrowed) -> c_int {
    // SAFETY: C's arguments are strings.
    c_int::from(left.0 == right.0 || unsafe { Characters::of(left.0).equals(Characters::of(right.0)) })
}

/// Compares two strings by `Py_LT` to `Py_GE`: True, False or, if one is no string, NotImplemented.
pub unsafe extern "C" fn PyUnicode_RichCompare(left: Borrowed, right: Borrowed, operation: c_int) -> New {
    api(|vm| {
        if !is_str(left) || !is_str(right) {
            return Ok(New::of(vm, vm.ctx.not_implemented()));
        }
        // SAFETY: strings.
        let order = unsafe { Characters::of(left.0).compare(Characters::of(right.0)) };
        let result = match operation {
            0 => order.is_lt(),
            1 => order.is_le(),
            2 => order.is_eq(),
            3 => order.is_ne(),
            4 => order.is_gt(),
            5 => order.is_ge(),
            _ => return Err(bad_argument(vm)),
        };
        Ok(New::of(vm, vm.ctx.new_bool(result)))
    })
}

/// `string % args`.
pub unsafe extern "C" fn PyUnicode_Format(string: Borrowed, args: Borrowed) -> New {
    api(|vm| {
        if string.is_null() || args.is_null() {
            return Err(bad_internal_call(vm));
        }
        text(vm, string)?;
        method(vm, string, "__mod__", vec![args.get(vm)?])
    })
}

/// Whether a string contains another: 1, 0, or -1 with an exception.
pub unsafe extern "C" fn PyUnicode_Contains(string: Borrowed, part: Borrowed) -> c_int {
    api(|vm| {
        if !is_str(part) {
            let name = type_name(part);
            return Err(vm.new_type_error(format!("'in <string>' requires string as left operand, not {name}")));
        }
        Ok(c_int::from(text(vm, string)?.find(text(vm, part)?, true).is_some()))
    })
}

/// Whether a string could be a name.
pub unsafe extern "C" fn PyUnicode_IsIdentifier(string: Borrowed) -> c_int {
    infallible(0, |vm| Ok(c_int::from(string.of::<rustpython_vm::builtins::PyStr>(vm)?.isidentifier())))
}

/// A string with ASCII digits for all decimal digits and spaces for all white space, up to the first other character
/// that is not ASCII, which becomes `?`.
pub unsafe extern "C" fn _PyUnicode_TransformDecimalAndSpaceToASCII(string: Borrowed) -> New {
    use super::unicodectype::{_PyUnicode_IsWhitespace, _PyUnicode_ToDecimalDigit};
    api(|vm| {
        if !is_str(string) {
            return Err(bad_internal_call(vm));
        }
        // SAFETY: a string.
        unsafe {
            if unicode::shape(string.0).1 == Width::Ascii {
                return Ok(string.again());
            }
            let all = Characters::of(string.0);
            let mut out = Vec::with_capacity(all.len());
            for index in 0..all.len() {
                let point = all.get(index).unwrap_or(0);
                let decimal = _PyUnicode_ToDecimalDigit(point);
                match point {
                    0..0x7f => out.push(point as u8),
                    _ if _PyUnicode_IsWhitespace(point) != 0 => out.push(b' '),
                    _ if decimal >= 0 => out.push(b'0' + decimal as u8),
                    _ => {
                        out.push(b'?');
                        break;
                    }
                }
            }
            Ok(made(unicode::from_ascii(&out)))
        }
    })
}
