//! `structseq.h`: tuples whose items have names.

use super::prelude::*;
use crate::twins::absent;
use crate::twins::forms::structseq::HIDDEN;
use rustpython_vm::builtins::{PyGetSet, PyStr, PyTuple, PyType, PyTypeRef};
use rustpython_vm::types::{PyTypeFlags, PyTypeSlots};
use rustpython_vm::{PyObject, PyPayload, PyRef};

/// `PyStructSequence_Field`.
#[repr(C)]
pub struct Field {
    name: *const c_char,
    doc: *const c_char,
}

/// `PyStructSequence_Desc`.
#[repr(C)]
pub struct Description {
    name: *const c_char,
    doc: *const c_char,
    fields: *mut Field,
    visible: c_int,
}

/// Where a class keeps its fields' names: all of them, those of the tuple first. An unnamed one is empty.
const FIELDS: &str = "__rustclad_fields__";
/// Stands for the name of a field that has none: `PyStructSequence_UnnamedField`, which C code compares by its address.
pub(crate) static UNNAMED: &CStr = c"unnamed field";

/// Makes the class.
unsafe fn new_class(vm: &VirtualMachine, description: *const Description) -> PyResult<PyTypeRef> {
    // SAFETY: C's argument: the fields end with a NULL name.
    unsafe {
        let description = &*description;
        let full = text::of_c(description.name);
        let (module, name) = full.rsplit_once('.').map_or(("builtins", full.as_str()), |(module, name)| (module, name));
        let mut fields = Vec::new();
        let mut field = description.fields;
        while !(*field).name.is_null() {
            let unnamed = (*field).name == UNNAMED.as_ptr();
            let doc = (!(*field).doc.is_null()).then(|| text::of_c((*field).doc));
            fields.push((if unnamed { String::new() } else { text::of_c((*field).name) }, doc));
            field = field.add(1);
        }
        let visible = description.visible.max(0) as usize;
        let base = vm.ctx.types.tuple_type;
        let mut flags = base.slots.flags.load() & !PyTypeFlags::from_slice(&[PyTypeFlags::BASETYPE]);
        if fields.len() > visible {
            flags |= PyTypeFlags::from_slice(&[PyTypeFlags::HAS_DICT]);
        }
        let slots = PyTypeSlots::new("", flags);
        let metaclass = vm.ctx.types.type_type.to_owned();
        let class = PyType::new_heap(name, vec![base.to_owned()], Default::default(), slots, metaclass, &vm.ctx)
            .map_err(|message| vm.new_type_error(message))?;
        let put = |name: &str, value: PyObjectRef| class.set_attr(vm.ctx.intern_str(name), value);
        let int = |value: usize| -> PyObjectRef { vm.ctx.new_int(value).into() };
        put("__module__", vm.ctx.new_str(module).into());
        put(
            "__doc__",
            if description.doc.is_null() { vm.ctx.none() } else { vm.ctx.new_str(text::of_c(description.doc)).into() },
        );
        put("n_sequence_fields", int(visible));
        put("n_fields", int(fields.len()));
        put("n_unnamed_fields", int(fields.iter().filter(|(name, _)| name.is_empty()).count()));
        let names: Vec<PyObjectRef> = fields.iter().map(|(name, _)| vm.ctx.new_str(name.as_str()).into()).collect();
        let named = fields[..visible].iter().zip(&names).filter(|((name, _), _)| !name.is_empty());
        put("__match_args__", vm.ctx.new_tuple(named.map(|(_, name)| name.clone()).collect()).into());
        put(FIELDS, vm.ctx.new_tuple(names).into());
        for (index, (name, doc)) in fields.into_iter().enumerate().filter(|(_, (name, _))| !name.is_empty()) {
            let get = move |this: PyObjectRef, vm: &VirtualMachine| item(vm, &this, index, visible);
            let doc = doc.map_or(rustpython_vm::function::ItemDoc::NONE, |doc| {
                // A class of this kind lives as long as the process.
                rustpython_vm::function::ItemDoc::static_text(Box::leak(doc.into_boxed_str()))
            });
            let getset = PyGetSet::new(&name, &class, &vm.ctx).with_doc(doc).with_get(get);
            put(&name, getset.into_pyobject(vm));
        }
        class.slots.new.store(Some(new_instance));
        class.slots.repr.store(Some(repr));
        put("__repr__", function(vm, &class, "__repr__", |this, vm| Ok(repr(&this, vm)?.into())));
        put("__reduce__", function(vm, &class, "__reduce__", reduce));
        put("__replace__", replace_method(vm, &class));
        Ok(class)
    }
}

/// A method of no arguments.
fn function(
    vm: &VirtualMachine,
    class: &PyTypeRef,
    name: &'static str,
    code: fn(PyObjectRef, &VirtualMachine) -> PyResult,
) -> PyObjectRef {
    // SAFETY: the class lives as long as its methods, which are in its dict.
    let class: &'static rustpython_vm::Py<PyType> = unsafe { &*std::ptr::from_ref::<rustpython_vm::Py<PyType>>(class) };
    vm.ctx
        .new_method_def(
            name,
            code,
            rustpython_vm::function::PyMethodFlags::METHOD,
            rustpython_vm::function::ItemDoc::NONE,
        )
        .build_method(class, vm)
        .into()
}

fn item(vm: &VirtualMachine, this: &PyObjectRef, index: usize, visible: usize) -> PyResult {
    if index < visible {
        let tuple = this.downcast_ref::<PyTuple>().ok_or_else(|| vm.new_type_error("a struct sequence is a tuple"))?;
        let item = tuple.as_slice().get(index).filter(|item| !absent::is(item));
        return Ok(item.cloned().unwrap_or_else(|| vm.ctx.none()));
    }
    let hidden = leave(vm, || this.get_attr(HIDDEN, vm))?;
    leave(vm, || hidden.get_item(&(index - visible), vm))
}

fn names(vm: &VirtualMachine, class: &PyType) -> PyResult<Vec<String>> {
    let names = class.get_attr(vm.ctx.intern_str(FIELDS));
    let names = names.and_then(|names| names.downcast::<PyTuple>().ok()).ok_or_else(|| bad_internal_call(vm))?;
    let text = |name: &PyObjectRef| {
        name.downcast_ref::<PyStr>().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    };
    Ok(names.as_slice().iter().map(text).collect())
}

fn visible(vm: &VirtualMachine, class: &PyType) -> PyResult<usize> {
    let count = class.get_attr(vm.ctx.intern_str("n_sequence_fields")).ok_or_else(|| bad_internal_call(vm))?;
    leave(vm, || count.try_index(vm))?.try_to_primitive(vm)
}

/// `class(sequence, dict)`.
fn new_instance(class: PyTypeRef, args: rustpython_vm::function::FuncArgs, vm: &VirtualMachine) -> PyResult {
    let (sequence, rest): (PyObjectRef, rustpython_vm::function::OptionalArg<PyObjectRef>) = args.bind(vm)?;
    let mut items: Vec<PyObjectRef> =
        leave(vm, || sequence.try_to_value(vm)).map_err(|_| vm.new_type_error("constructor requires a sequence"))?;
    let (names, visible) = (names(vm, &class)?, visible(vm, &class)?);
    if items.len() < visible || items.len() > names.len() {
        let limit = if names.len() == visible {
            format!("a {visible}-sequence")
        } else if items.len() < visible {
            format!("an at least {visible}-sequence")
        } else {
            format!("an at most {}-sequence", names.len())
        };
        let name = full_name(vm, &class)?;
        return Err(vm.new_type_error(format!("{name}() takes {limit} ({}-sequence given)", items.len())));
    }
    let rest = rest.into_option();
    if let Some(rest) = &rest
        && !rest.fast_isinstance(vm.ctx.types.dict_type)
    {
        return Err(vm.new_type_error(format!("{}() takes a dict as second arg, if any", full_name(vm, &class)?)));
    }
    let mut used = 0;
    for name in &names[items.len()..] {
        let given = match &rest {
            Some(dict)
                if leave(vm, || dict.sequence_unchecked().contains(vm.ctx.new_str(name.as_str()).as_object(), vm))? =>
            {
                used += 1;
                Some(leave(vm, || dict.get_item(name.as_str(), vm))?)
            }
            _ => None,
        };
        items.push(given.unwrap_or_else(|| vm.ctx.none()));
    }
    if let Some(rest) = &rest
        && leave(vm, || rest.length(vm))? > used
    {
        return Err(
            vm.new_type_error(format!("{}() got duplicate or unexpected field name(s)", full_name(vm, &class)?))
        );
    }
    new_from(vm, class, items, visible)
}

/// An instance of a class of ours from its items, all of them.
fn new_from(vm: &VirtualMachine, class: PyTypeRef, mut items: Vec<PyObjectRef>, visible: usize) -> PyResult {
    let hidden = items.split_off(visible);
    let dict = (!hidden.is_empty()).then(|| vm.ctx.new_dict());
    if let Some(dict) = &dict {
        leave(vm, || dict.set_item(HIDDEN, vm.ctx.new_tuple(hidden).into(), vm))?;
    }
    Ok(PyRef::new_ref(PyTuple::new_unchecked(items.into_boxed_slice()), class, dict).into())
}

/// A class's name with its module.
fn full_name(vm: &VirtualMachine, class: &rustpython_vm::Py<PyType>) -> PyResult<String> {
    let module = class.__module__(vm)?;
    let module =
        module.downcast_ref::<PyStr>().map_or_else(String::new, |module| format!("{}.", module.to_string_lossy()));
    Ok(format!("{module}{}", class.name()))
}

fn repr(this: &PyObject, vm: &VirtualMachine) -> PyResult<PyRef<PyStr>> {
    let class = this.class();
    let tuple = this.downcast_ref::<PyTuple>().ok_or_else(|| bad_internal_call(vm))?;
    let mut parts = Vec::new();
    let names = names(vm, class)?;
    let mut named = names.iter().filter(|name| !name.is_empty());
    for (index, item) in tuple.as_slice().iter().enumerate().take(visible(vm, class)?) {
        let Some(name) = named.next() else {
            let class = full_name(vm, class)?;
            let wrong = format!("In structseq_repr(), member {index} name is NULL for type {class}");
            return Err(vm.new_system_error(wrong));
        };
        parts.push(format!("{name}={}", leave(vm, || item.repr(vm))?.to_string_lossy()));
    }
    Ok(vm.ctx.new_str(format!("{}({})", full_name(vm, class)?, parts.join(", "))))
}

fn reduce(this: PyObjectRef, vm: &VirtualMachine) -> PyResult {
    let class = this.class().to_owned();
    let (names, visible) = (names(vm, &class)?, visible(vm, &class)?);
    let rest = vm.ctx.new_dict();
    for (index, name) in names.iter().enumerate().skip(visible) {
        leave(vm, || rest.set_item(name.as_str(), item(vm, &this, index, visible)?, vm))?;
    }
    let tuple = this.downcast_ref::<PyTuple>().map_or_else(Vec::new, |tuple| tuple.as_slice().to_vec());
    let args = vm.ctx.new_tuple(vec![vm.ctx.new_tuple(tuple).into(), rest.into()]);
    Ok(vm.ctx.new_tuple(vec![class.into(), args.into()]).into())
}

/// `__replace__(**changes)`: a copy with some fields changed.
fn replace_method(vm: &VirtualMachine, class: &PyTypeRef) -> PyObjectRef {
    let code = |this: PyObjectRef, mut args: rustpython_vm::function::FuncArgs, vm: &VirtualMachine| -> PyResult {
        let class = this.class().to_owned();
        if !args.args.is_empty() {
            return Err(vm.new_type_error("__replace__() takes no positional arguments"));
        }
        let (names, visible) = (names(vm, &class)?, visible(vm, &class)?);
        if names.iter().any(String::is_empty) {
            let class = full_name(vm, &class)?;
            let wrong = format!("__replace__() is not supported for {class} because it has unnamed field(s)");
            return Err(vm.new_type_error(wrong));
        }
        let mut items = Vec::new();
        for (index, name) in names.iter().enumerate() {
            items.push(match args.kwargs.shift_remove(name.as_str()) {
                Some(changed) => changed,
                None => item(vm, &this, index, visible)?,
            });
        }
        if !args.kwargs.is_empty() {
            let names: Vec<PyObjectRef> =
                args.kwargs.keys().map(|name| vm.ctx.new_str(name.as_str().unwrap_or_default()).into()).collect();
            let names = vm.ctx.new_list(names);
            let names = leave(vm, || names.as_object().repr(vm))?;
            return Err(vm.new_type_error(format!("Got unexpected field name(s): {}", names.to_string_lossy())));
        }
        new_from(vm, class, items, visible)
    };
    // SAFETY: as for `function`.
    let class: &'static rustpython_vm::Py<PyType> = unsafe { &*std::ptr::from_ref::<rustpython_vm::Py<PyType>>(class) };
    let flags = rustpython_vm::function::PyMethodFlags::METHOD;
    let doc = rustpython_vm::function::ItemDoc::NONE;
    vm.ctx.new_method_def("__replace__", code, flags, doc).build_method(class, vm).into()
}

/// A new class from a description.
pub unsafe extern "C" fn PyStructSequence_NewType(description: *mut Description) -> New {
    // SAFETY: C's argument; a class's block, whose documentation is freed with it.
    api(|vm| unsafe {
        let made = New::of(vm, new_class(vm, description)?);
        if !(*description).doc.is_null() {
            (*made.0.cast::<c::PyTypeObject>()).tp_doc = libc::strdup((*description).doc);
        }
        Ok(made)
    })
}

/// A new, empty struct sequence, to be filled by [`PyStructSequence_SetItem`].
pub unsafe extern "C" fn PyStructSequence_New(class: *mut c::PyTypeObject) -> New {
    api(|vm| {
        let managed = Borrowed(class.cast()).class(vm)?;
        let count = names(vm, &managed)?.len();
        let made = tuple::try_new_block(count).ok_or_else(|| vm.no_memory_error())?;
        // SAFETY: a fresh tuple; a class's block, which lives as long as its objects.
        unsafe {
            (*made).ob_type = class;
            tuple::hide(made, count - visible(vm, &managed)?);
            handle::incref(class.cast());
        }
        Ok(New(made))
    })
}

/// Sets an item, whose reference is taken over.
pub unsafe extern "C" fn PyStructSequence_SetItem(sequence: Borrowed, index: isize, value: Stolen) {
    // SAFETY: C's arguments: an index below the number of fields.
    unsafe { tuple::items(sequence.0).offset(index).write(value.into_block()) };
}

/// An item, borrowed.
pub unsafe extern "C" fn PyStructSequence_GetItem(sequence: Borrowed, index: isize) -> Lent {
    // SAFETY: C's arguments: an index below the number of fields.
    Lent(unsafe { tuple::items(sequence.0).offset(index).read() })
}

/// Makes a static type, whose memory is C's, from a description. 0, or -1 with an exception.
pub unsafe extern "C" fn PyStructSequence_InitType2(t: *mut c::PyTypeObject, description: *mut Description) -> c_int {
    api(|vm| {
        // SAFETY: C's arguments: memory of a type's size, which stays.
        unsafe {
            let class = new_class(vm, description)?;
            handle::immortalize(t.cast());
            handle::tie_foreign(t.cast(), class.clone().into());
            types::fill(vm, t, &class, None);
            ((*t).tp_name, (*t).tp_doc) = ((*description).name, (*description).doc);
            (*t).tp_flags &= !c::tpflags::HEAPTYPE;
        }
        Ok(0)
    })
}

/// [`PyStructSequence_InitType2`] whose failure shows by the exception alone.
pub unsafe extern "C" fn PyStructSequence_InitType(t: *mut c::PyTypeObject, description: *mut Description) {
    // SAFETY: C's arguments.
    unsafe { PyStructSequence_InitType2(t, description) };
}
