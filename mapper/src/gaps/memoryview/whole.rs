//! Methods that read all of a memory view, and those whose checks the VM leaves out.

use num_traits::{Signed, ToPrimitive};
use rustpython_vm::builtins::descriptor::PyMethodDescriptor;
use rustpython_vm::builtins::{PyGetSet, PyInt, PyList, PyMemoryView, PyStr, PyTuple};
use rustpython_vm::function::{FuncArgs, IntoPyNativeFn, ItemDoc, PyMethodFlags};
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine};

use super::view::View;
use super::{Class, can_open, check_line, formats, items};

/// Puts the methods in the place of the VM's.
pub(super) fn install(vm: &VirtualMachine, class: Class) {
    install_attributes(vm, class);
    let rows: [(&'static str, First); 5] = [
        ("tolist", |vm, view, args| {
            let () = args.clone().bind(vm)?;
            to_list(vm, view).map(Some)
        }),
        ("tobytes", |vm, view, args| to_bytes(vm, view, args.clone()).map(Some)),
        ("cast", check_cast),
        ("count", |vm, view, _| check_line(vm, view).map(|()| None)),
        ("index", check_search),
    ];
    for (name, first) in rows {
        let Some(own) = class.get_attr(vm.ctx.intern_str(name)) else { continue };
        put(vm, class, name, move |view: PyRef<PyMemoryView>, mut args: FuncArgs, vm: &VirtualMachine| {
            // One that cannot be opened, the VM says why or reads it all the same.
            if can_open(vm, view.as_object())
                && let Some(result) = first(vm, view.as_object(), &args)?
            {
                return Ok(result);
            }
            args.prepend_arg(view.into());
            own.call(args, vm)
        });
    }
}

/// What an attribute tells of a memory view's memory.
type Attribute = fn(&VirtualMachine, &View) -> PyObjectRef;

/// Puts attributes in the place of the VM's: the real format, and whether the memory is in one piece.
fn install_attributes(vm: &VirtualMachine, class: Class) {
    let rows: [(&'static str, Attribute); 4] = [
        ("format", |vm, view| vm.ctx.new_str(view.format()).into()),
        ("c_contiguous", |vm, view| vm.ctx.new_bool(view.is_flagged(false)).into()),
        ("f_contiguous", |vm, view| vm.ctx.new_bool(view.is_flagged(true)).into()),
        ("contiguous", |vm, view| vm.ctx.new_bool(view.is_flagged(false) || view.is_flagged(true)).into()),
    ];
    for (name, value) in rows {
        let name = vm.ctx.intern_str(name);
        let Some(own) = class.get_attr(name) else { continue };
        let get = move |view: PyObjectRef, vm: &VirtualMachine| match View::open(vm, &view) {
            Ok(view) => Ok(value(vm, &view)),
            // One that was released, or is shown for the last time.
            Err(_) => match own.class().slots.descr_get.load() {
                Some(get) => get(&own, Some(&view), None, vm),
                None => Err(vm.new_attribute_error(name.as_str())),
            },
        };
        class.set_attr(name, PyGetSet::new(name.as_str(), class, &vm.ctx).with_get(get).into_pyobject(vm));
    }
}

/// What is done in front of the VM's method: what that gives, or None if it is to be called.
type First = fn(&VirtualMachine, &PyObject, &FuncArgs) -> PyResult<Option<PyObjectRef>>;

/// Puts a method into the class, with the documentation of that which was there.
fn put<Kind>(vm: &VirtualMachine, class: Class, name: &'static str, function: impl IntoPyNativeFn<Kind>) {
    let own = class.get_attr(vm.ctx.intern_str(name));
    let own = own.as_ref().and_then(|own| own.downcast_ref::<PyMethodDescriptor>());
    let doc = own.map_or(ItemDoc::NONE, |own| own.method.item_doc());
    let method = vm.ctx.new_method_def(name, function, PyMethodFlags::METHOD, doc);
    class.set_attr(vm.ctx.intern_str(name), method.build_method(class, vm).into());
}

/// `view.tolist()`.
fn to_list(vm: &VirtualMachine, view: &PyObject) -> PyResult {
    let view = View::open(vm, view)?;
    let code = formats::code(vm, view.format())?;
    list(vm, &view, code, 0, view.start())
}

fn list(vm: &VirtualMachine, view: &View, code: u8, dimension: usize, at: *mut u8) -> PyResult {
    if dimension == view.dimensions() {
        // SAFETY: an item of the view's.
        return unsafe { items::unpack(vm, code, at) };
    }
    let indices = 0..view.length(dimension) as isize;
    let item = |index| list(vm, view, code, dimension + 1, view.step(dimension, at, index));
    Ok(vm.ctx.new_list(indices.map(item).collect::<PyResult<Vec<_>>>()?).into())
}

/// `view.tobytes(order)`.
fn to_bytes(vm: &VirtualMachine, view: &PyObject, mut args: FuncArgs) -> PyResult {
    let order: Option<PyObjectRef> = args.take_positional_keyword("order");
    let () = args.bind(vm)?;
    let order = match &order {
        Some(order) if !vm.is_none(order) => {
            let Some(text) = order.downcast_ref::<PyStr>() else {
                let class = order.class().name().to_string();
                return Err(vm.new_type_error(format!("tobytes() argument 'order' must be str or None, not {class}")));
            };
            text.to_str().unwrap_or_default()
        }
        _ => "C",
    };
    let view = View::open(vm, view)?;
    let bytes = match order {
        "C" => view.collect(false),
        "F" => view.collect(true),
        "A" if view.is_in_one_piece(true) => view.as_it_lies(),
        "A" => view.collect(false),
        _ => return Err(vm.new_value_error("order must be 'C', 'F' or 'A'")),
    };
    Ok(vm.ctx.new_bytes(bytes).into())
}

/// What `view.index(value)` refuses.
fn check_search(vm: &VirtualMachine, view: &PyObject, _: &FuncArgs) -> PyResult<Option<PyObjectRef>> {
    match View::open(vm, view)?.dimensions() {
        0 => Err(vm.new_type_error("invalid lookup on 0-dim memory")),
        1 => check_line(vm, view).map(|()| None),
        _ => Err(vm.new_not_implemented_error("multi-dimensional lookup is not implemented")),
    }
}

/// What `view.cast(format, shape)` refuses.
fn check_cast(vm: &VirtualMachine, view: &PyObject, args: &FuncArgs) -> PyResult<Option<PyObjectRef>> {
    let opened = View::open(vm, view)?;
    if !opened.is_flagged(false) {
        return Ok(None); // the VM refuses it
    }
    let shape = args.args.get(1).or_else(|| args.kwargs.get("shape"));
    let is_empty = (0..opened.dimensions()).any(|dimension| opened.length(dimension) == 0);
    if is_empty && (shape.is_some() || opened.dimensions() != 1) {
        return Err(vm.new_type_error("memoryview: cannot cast view with zeros in shape or strides"));
    }
    drop(opened);
    let shape: Vec<PyObjectRef> = match shape {
        Some(shape) => {
            let tuple = shape.downcast_ref::<PyTuple>().map(|tuple| tuple.as_slice().to_vec());
            let items = tuple.or_else(|| shape.downcast_ref::<PyList>().map(|list| list.borrow_vec().to_vec()));
            items.ok_or_else(|| vm.new_type_error("shape must be a list or a tuple"))?
        }
        None => return Ok(None),
    };
    for length in shape {
        let Some(number) = length.downcast_ref::<PyInt>() else { continue };
        if number.as_bigint().to_isize().is_none() && !number.as_bigint().is_negative() {
            return Err(vm.new_overflow_error("Python int too large to convert to C ssize_t"));
        }
    }
    Ok(None)
}
