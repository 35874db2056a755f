//! Whether two buffers are equal: the same shape, and items that are equal by their values, whatever their formats.

use rustpython_vm::buffer::{FormatSpec, new_struct_error};
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

use super::view::View;
use super::{formats, items};

/// How the items of two buffers are compared.
enum Items {
    /// They have the same native format.
    Same(u8),
    /// Their values are compared.
    Values(FormatSpec, FormatSpec),
}

/// Whether two buffers are equal.
pub(super) fn are_equal(vm: &VirtualMachine, a: &View, b: &View) -> PyResult<bool> {
    if !a.has_shape_of(b) {
        return Ok(false);
    }
    let items = match (formats::native(a.format()), formats::native(b.format())) {
        (Some(code), Some(other)) if code == other => Items::Same(code),
        _ => {
            let (Some(of_a), Some(of_b)) = (spec(vm, a), spec(vm, b)) else { return Ok(false) };
            Items::Values(of_a, of_b)
        }
    };
    let is_whole = |view: &View, code: u8| view.itemsize() == items::size(code) && view.is_in_one_piece(false);
    if let Items::Same(code) = items
        && items::has_one_form(code)
        && is_whole(a, code)
        && is_whole(b, code)
    {
        return Ok(a.piece() == b.piece());
    }
    walk(vm, &items, (a, a.start()), (b, b.start()), 0)
}

/// How the `struct` module reads a buffer's items, if it does.
fn spec(vm: &VirtualMachine, view: &View) -> Option<FormatSpec> {
    // The VM reads more than CPython's module.
    let format = view.format();
    if format.bytes().any(|code| b"gOuwT{".contains(&code)) {
        return None;
    }
    FormatSpec::parse(format.as_bytes(), vm).ok()
}

fn walk(
    vm: &VirtualMachine,
    items: &Items,
    (a, at_a): (&View, *mut u8),
    (b, at_b): (&View, *mut u8),
    dimension: usize,
) -> PyResult<bool> {
    if dimension == a.dimensions() {
        return match items {
            // SAFETY: items of both buffers.
            Items::Same(code) => unsafe { items::are_equal(vm, *code, at_a, at_b) },
            Items::Values(of_a, of_b) => vm.bool_eq(&*value(vm, of_a, a, at_a)?, &*value(vm, of_b, b, at_b)?),
        };
    }
    for index in 0..a.length(dimension) as isize {
        let (next_a, next_b) = (a.step(dimension, at_a, index), b.step(dimension, at_b, index));
        if !walk(vm, items, (a, next_a), (b, next_b), dimension + 1)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// An item's value, a tuple if it has several.
fn value(vm: &VirtualMachine, spec: &FormatSpec, view: &View, at: *mut u8) -> PyResult<PyObjectRef> {
    let size = spec.size();
    if size > view.itemsize() {
        return Err(new_struct_error(vm, format!("unpack_from requires a buffer of at least {size} bytes")));
    }
    // SAFETY: an item is at least as long as its format.
    let values = spec.unpack(unsafe { std::slice::from_raw_parts(at, size) }, vm)?;
    Ok(match values.as_slice() {
        [value] => value.clone(),
        _ => values.into(),
    })
}
