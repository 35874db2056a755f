//! `view[key]` and `view[key] = value`.

use num_traits::ToPrimitive;
use rustpython_vm::builtins::{PySlice, PyTuple};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};

use super::view::View;
use super::{formats, items};

/// What a key says.
enum Key {
    Index(isize),
    Slice,
    Indices(Vec<isize>),
    Slices,
    /// No key at all.
    Other,
}

/// A number that may be an index.
fn number(vm: &VirtualMachine, object: &PyObject) -> PyResult<isize> {
    object.try_index(vm)?.as_bigint().to_isize().ok_or_else(|| {
        vm.new_index_error(format!("cannot fit '{}' into an index-sized integer", object.class().slot_name()))
    })
}

fn is_index(object: &PyObject) -> bool {
    object.number().is_index()
}

impl Key {
    /// Reads a key; may run Python code.
    fn of(vm: &VirtualMachine, key: &PyObject) -> PyResult<Self> {
        if is_index(key) {
            return number(vm, key).map(Self::Index);
        }
        if key.downcastable::<PySlice>() {
            return Ok(Self::Slice);
        }
        let Some(tuple) = key.downcast_ref::<PyTuple>() else { return Ok(Self::Other) };
        let tuple = tuple.as_slice();
        if tuple.iter().all(|item| is_index(item)) {
            return tuple.iter().map(|item| number(vm, item)).collect::<PyResult<_>>().map(Self::Indices);
        }
        Ok(if tuple.iter().all(|item| item.downcastable::<PySlice>()) { Self::Slices } else { Self::Other })
    }
}

/// A memory view's memory and a key. Python code that the key runs may release the view, so it has no memory open then.
fn open(vm: &VirtualMachine, view: &PyObject, key: &PyObject) -> PyResult<(View, Key)> {
    let opened = View::open(vm, view)?;
    if key.class().is(vm.ctx.types.int_type) {
        return Ok((opened, Key::of(vm, key)?));
    }
    drop(opened);
    let key = Key::of(vm, key)?;
    Ok((View::open(vm, view)?, key))
}

/// Whether a key stands for the only item of memory without dimensions.
fn is_all(vm: &VirtualMachine, key: &PyObject) -> bool {
    key.is(&vm.ctx.ellipsis) || key.downcast_ref::<PyTuple>().is_some_and(|tuple| tuple.as_slice().is_empty())
}

fn no_dimensions(vm: &VirtualMachine) -> rustpython_vm::builtins::PyBaseExceptionRef {
    vm.new_type_error("invalid indexing of 0-dim memory")
}

/// The place of the item that indices lead to.
fn place(vm: &VirtualMachine, view: &View, indices: &[isize]) -> PyResult<*mut u8> {
    let dimensions = view.dimensions();
    if indices.len() < dimensions {
        return Err(vm.new_not_implemented_error("sub-views are not implemented"));
    }
    if indices.len() > dimensions {
        let count = indices.len();
        return Err(vm.new_type_error(format!("cannot index {dimensions}-dimension view with {count}-element tuple")));
    }
    view.at(vm, indices)
}

/// An item of a memory view. None if the VM's own way is right: for parts of it.
pub(super) fn get(vm: &VirtualMachine, view: &PyObject, key: &PyObject) -> PyResult<Option<PyObjectRef>> {
    if key.downcastable::<PySlice>() {
        return Ok(None);
    }
    let (opened, read) = open(vm, view, key)?;
    let item = |at: *mut u8| {
        let code = formats::code(vm, opened.format())?;
        // SAFETY: an item of the view's.
        unsafe { items::unpack(vm, code, at) }
    };
    if opened.dimensions() == 0 {
        return match is_all(vm, key) {
            true if key.is(&vm.ctx.ellipsis) => Ok(Some(view.to_owned())),
            true => item(opened.start()).map(Some),
            false => Err(no_dimensions(vm)),
        };
    }
    match read {
        Key::Index(index) => {
            formats::code(vm, opened.format())?;
            if opened.dimensions() != 1 {
                return Err(vm.new_not_implemented_error("multi-dimensional sub-views are not implemented"));
            }
            item(opened.at(vm, &[index])?)
        }
        Key::Indices(indices) => {
            formats::code(vm, opened.format())?;
            item(place(vm, &opened, &indices)?)
        }
        Key::Slices => Err(vm.new_not_implemented_error("multi-dimensional slicing is not implemented")),
        Key::Slice | Key::Other => Err(vm.new_type_error("memoryview: invalid slice key")),
    }
    .map(Some)
}

/// Sets what a key leads to.
pub(super) fn set(vm: &VirtualMachine, view: &PyObject, key: &PyObject, value: Option<PyObjectRef>) -> PyResult<()> {
    let (opened, read) = open(vm, view, key)?;
    let code = formats::code(vm, opened.format())?;
    if opened.is_readonly() {
        return Err(vm.new_type_error("cannot modify read-only memory"));
    }
    let value = value.ok_or_else(|| vm.new_type_error("cannot delete memory"))?;
    let indices = match (opened.dimensions(), read) {
        (0, _) if is_all(vm, key) => Vec::new(),
        (0, _) => return Err(no_dimensions(vm)),
        (1, Key::Index(index)) => vec![index],
        (_, Key::Index(_)) => return Err(vm.new_not_implemented_error("sub-views are not implemented")),
        (1, Key::Slice) => {
            drop(opened);
            return set_slice(vm, view, key, &value);
        }
        (_, Key::Indices(indices)) => indices,
        (_, Key::Slice | Key::Slices) => {
            let only = "memoryview slice assignments are currently restricted to ndim = 1";
            return Err(vm.new_not_implemented_error(only));
        }
        (_, Key::Other) => return Err(vm.new_type_error("memoryview: invalid slice key")),
    };
    let at = place(vm, &opened, &indices)?;
    if items::is_plain(vm, &value) {
        let bytes = items::pack(vm, opened.format(), code, &value)?;
        write(&bytes[..items::size(code)], at);
        return Ok(());
    }
    // Python code that makes a number of the value may release the view.
    let format = opened.format().to_owned();
    drop(opened);
    let bytes = items::pack(vm, &format, code, &value)?;
    let opened = View::open(vm, view)?;
    write(&bytes[..items::size(code)], place(vm, &opened, &indices)?);
    Ok(())
}

/// Writes an item.
fn write(bytes: &[u8], at: *mut u8) {
    // SAFETY: an item of a view that is open, and as long as its format says.
    unsafe { at.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
}

/// Sets items of a view of one dimension to those of another buffer.
fn set_slice(vm: &VirtualMachine, view: &PyObject, slice: &PyObject, value: &PyObject) -> PyResult<()> {
    let source = View::open(vm, value)?;
    let slice = slice.downcast_ref::<PySlice>().ok_or_else(|| vm.new_type_error("memoryview: invalid slice key"))?;
    let slice = slice.to_saturated(vm)?;
    let target = View::open(vm, view)?;
    let (first, length) = slice.adjust_indices_start(target.length(0));
    let is_alike = source.dimensions() == 1
        && source.length(0) == length
        && source.itemsize() == target.itemsize()
        && formats::are_same(source.format(), target.format());
    if !is_alike {
        return Err(vm.new_value_error("memoryview assignment: lvalue and rvalue have different structures"));
    }
    let itemsize = target.itemsize();
    // Items that lie behind each other are written at once; what may overlap is read before it is written.
    let bytes = source.collect(false);
    if slice.step() == 1 && target.is_in_one_piece(false) && length > 0 {
        write(&bytes, target.step(0, target.start(), first));
        return Ok(());
    }
    for (number, item) in bytes.chunks_exact(itemsize.max(1)).enumerate() {
        write(item, target.step(0, target.start(), first + number as isize * slice.step()));
    }
    Ok(())
}
