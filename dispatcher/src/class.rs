//! The managed half of C types: a RustPython class whose dictionary has the type's methods, members, properties and
//! special methods, and whose slots call the C ones.

use rustclad_mapper::abi::layout as c;
use rustclad_mapper::abi::layout::{meth, tpflags};
use rustclad_mapper::abi::text;
use rustclad_mapper::gaps::wrappers::inherit_item;
use rustclad_mapper::heap::kind::Kind;
use rustclad_mapper::lifetime::dispatch::ClassParts;
use rustclad_mapper::lifetime::pinned::is_pinning;
use rustclad_mapper::lifetime::thread;
use rustclad_mapper::twins::forms::function::texts;
use rustclad_mapper::twins::forms::module;
use rustclad_mapper::twins::types::{begin_class_of_c, give};
use rustpython_vm::builtins::{PyStaticMethod, PyType, PyTypeRef};
use rustpython_vm::function::{ItemDoc, PyMethodDef, PyMethodFlags};
use rustpython_vm::types::{PyTypeFlags, PyTypeSlots};
use rustpython_vm::{AsObject, Py, PyPayload, PyResult, VirtualMachine};

use crate::calls::{Receiver, closure};
use crate::definitions::{self, class_method_descriptor, method_descriptor};
use crate::names::qualified;
use crate::{descriptors, members, properties, slots};

/// Makes the class for a type's block, which has only what the type defines itself.
pub(crate) fn new(vm: &VirtualMachine, block: *mut c::PyTypeObject, parts: ClassParts) -> PyResult<PyTypeRef> {
    // SAFETY: the mapper passes a type under construction.
    let t = unsafe { &*block };
    // The class owns its name from the moment that it exists.
    let owned_name = Box::new(full_name(&parts));
    // SAFETY: a box's content does not move, and is given to the class below.
    let full_name: &'static str = unsafe { &*std::ptr::from_ref(owned_name.as_str()) };
    let mut managed = PyTypeSlots::new(full_name, flags(t, &parts.bases));
    // SAFETY: NULL or text.
    let own_doc = (!t.tp_doc.is_null()).then(|| Box::new(unsafe { text::of_c(t.tp_doc) }));
    // SAFETY: as for the name.
    let static_doc: Option<&'static str> = own_doc.as_ref().map(|text| unsafe { &*std::ptr::from_ref(text.as_str()) });
    managed.doc = static_doc.map_or(ItemDoc::NONE, ItemDoc::static_text);
    let managed_doc = static_doc.map(|text| text::body_of_doc(&parts.name, text));
    // SAFETY: as above; a base's block is ready.
    unsafe { lay_out(t, &parts.base, &mut managed) };
    // The VM takes the first base for the one that decides on the layout.
    let first = if parts.base.is(&parts.bases[0]) { parts.bases.clone() } else { vec![parts.base] };
    let in_order = first.len() == parts.bases.len();
    let class = PyType::new_heap(full_name, first, Default::default(), managed, parts.metaclass, &vm.ctx)
        .map_err(|message| vm.new_type_error(message))?;
    begin_class_of_c(&class);
    for (name, value) in parts.attributes {
        class.set_attr(vm.ctx.intern_str(name.as_wtf8()), value);
    }
    give(&class, owned_name);
    own_doc.map(|text| give(&class, text));
    if !in_order {
        let bases = parts.bases.into_iter().map(Into::into).collect();
        thread::leave(vm, || class.as_object().set_attr("__bases__", vm.ctx.new_tuple(bases), vm))?;
    }
    if let Some(names) = class.heaptype_ext.as_deref() {
        *names.qualname.write() = vm.ctx.new_str(parts.name);
    }
    // SAFETY: the tables of the type live as long as it.
    unsafe {
        slots::install(vm, &class, block)?;
        add_methods(vm, &class, t)?;
        members::add_members(vm, &class, t)?;
        properties::add_getsets(vm, &class, t);
    }
    inherit_item(vm, &class);
    inherit_subscript(&class, t);
    // What the type defines under these names stays.
    for (name, text) in [("__module__", parts.module.as_deref()), ("__doc__", managed_doc)] {
        if let Some(text) = text
            && !class.attributes.contains(vm.ctx.intern_str(name))
        {
            definitions::set(vm, &class, name, vm.ctx.new_str(text));
        }
    }
    definitions::set(vm, &class, "__doc__", vm.ctx.none());
    if t.tp_flags & tpflags::IMMUTABLETYPE != 0 {
        class.slots.flags.insert(PyTypeFlags::IMMUTABLETYPE);
    }
    Ok(class)
}

/// Leaves a type that adds a sequence's items to a mapping the mapping's: the VM takes what it says under the same name
/// for both.
fn inherit_subscript(class: &Py<PyType>, t: &c::PyTypeObject) {
    // SAFETY: suites are NULL or valid.
    let (sequence, mapping) = unsafe { (t.tp_as_sequence.as_ref(), t.tp_as_mapping.as_ref()) };
    let Some(base) = class.base.deref() else { return };
    let (own, of_base) = (&class.slots.as_mapping, &base.slots.as_mapping);
    let has = |own: Option<bool>| own.unwrap_or_default();
    if has(sequence.map(|it| it.sq_item.is_some()))
        && !has(mapping.map(|it| it.mp_subscript.is_some()))
        && let Some(inherited) = of_base.subscript.load()
    {
        own.subscript.store(Some(inherited));
    }
    if has(sequence.map(|it| it.sq_ass_item.is_some()))
        && !has(mapping.map(|it| it.mp_ass_subscript.is_some()))
        && let Some(inherited) = of_base.ass_subscript.load()
    {
        own.ass_subscript.store(Some(inherited));
    }
}

/// Sets how much room the VM has in a class's objects.
unsafe fn lay_out(t: &c::PyTypeObject, base: &Py<PyType>, managed: &mut PyTypeSlots) {
    // SAFETY: by the caller's contract.
    let (grown, has_keeper, kind) = unsafe {
        let grown = t.tp_basicsize - (*t.tp_base).tp_basicsize;
        (grown, is_pinning(t) && !is_pinning(t.tp_base), Kind::of_type(t))
    };
    // A place for the keeper of the block, if the VM makes the objects.
    managed.member_count = base.slots.member_count + usize::from(has_keeper);
    // The VM makes objects of its own types' kinds itself, and but for classes only in the size that it knows. Only a struct
    // that grew makes a layout of its own: that is how conflicts between bases are found.
    let may_grow = matches!(kind, Kind::Instance | Kind::Type);
    managed.basicsize = base.slots.basicsize + if may_grow { grown.max(0) as usize } else { 0 };
}

/// A class's name as `tp_name` has it.
fn full_name(parts: &ClassParts) -> String {
    match &parts.module {
        Some(module) => format!("{module}.{}", parts.name),
        None => parts.name.clone(),
    }
}

/// RustPython has CPython's own bits for these.
fn flags(t: &c::PyTypeObject, bases: &[PyTypeRef]) -> PyTypeFlags {
    const SHARED: usize = tpflags::SEQUENCE | tpflags::MAPPING | tpflags::DISALLOW_INSTANTIATION | tpflags::BASETYPE;
    let mut flags = PyTypeFlags::from_bits_retain((t.tp_flags & SHARED) as u64);
    let inherited = |flag| bases.iter().any(|base| base.slots.flags.has_feature(flag));
    if t.tp_dictoffset != 0 || inherited(PyTypeFlags::HAS_DICT) || t.tp_flags & tpflags::MANAGED_DICT != 0 {
        flags |= PyTypeFlags::from_slice(&[PyTypeFlags::HAS_DICT]);
    }
    let weak = t.tp_weaklistoffset != 0 || t.tp_flags & tpflags::MANAGED_WEAKREF != 0;
    if weak || inherited(PyTypeFlags::HAS_WEAKREF) {
        flags |= PyTypeFlags::from_slice(&[PyTypeFlags::HAS_WEAKREF]);
    }
    flags
}

unsafe fn add_methods(vm: &VirtualMachine, class: &PyTypeRef, t: &c::PyTypeObject) -> PyResult<()> {
    // SAFETY: the table ends with a NULL name and lives as long as the type.
    unsafe {
        module::each_method(t.tp_methods, |method| {
            let key = vm.ctx.intern_str(text::of_c((*method).ml_name));
            let flags = (*method).ml_flags;
            // A slot's own wrapper wins, unless the method says otherwise.
            if flags & meth::COEXIST == 0 && class.attributes.get(key).is_some() {
                return Ok(());
            }
            class.set_attr(key, method_object(vm, class, t, method)?);
            Ok(())
        })
    }
}

unsafe fn method_object(
    vm: &VirtualMachine,
    class: &PyTypeRef,
    t: &c::PyTypeObject,
    method: *mut c::PyMethodDef,
) -> PyResult {
    // SAFETY: by the caller's contract.
    unsafe {
        let flags = (*method).ml_flags;
        let block = std::ptr::from_ref(t).cast_mut();
        if flags & meth::STATIC != 0 {
            let definition = definition(vm, class, block, method, Receiver::Fixed(0), PyMethodFlags::STATIC)?;
            let function = definitions::function(vm, class, definition);
            return Ok(PyStaticMethod::new(function).into_pyobject(vm));
        }
        if flags & meth::CLASS != 0 {
            class_method(vm, class, block, method)
        } else {
            instance_method(vm, class, block, method)
        }
    }
}

/// A method's definition for the VM, with the closure that calls the C function.
unsafe fn definition(
    vm: &VirtualMachine,
    class: &PyTypeRef,
    block: *mut c::PyTypeObject,
    method: *mut c::PyMethodDef,
    receiver: Receiver,
    flags: PyMethodFlags,
) -> PyResult<PyMethodDef> {
    // SAFETY: by the caller's contract.
    unsafe {
        let (name, doc) = texts(method);
        let shown = format!("{}.{name}", qualified(vm, class));
        let code = closure(vm, method, receiver, block, &shown)?;
        Ok(definitions::definition(vm, class, &name, doc, code, flags))
    }
}

/// The descriptor of a method of the class.
///
/// # Safety
/// The definition and the class live as long as the descriptor.
pub(crate) unsafe fn class_method(
    vm: &VirtualMachine,
    class: &PyTypeRef,
    block: *mut c::PyTypeObject,
    method: *mut c::PyMethodDef,
) -> PyResult {
    // SAFETY: by contract.
    unsafe {
        let definition = definition(vm, class, block, method, Receiver::Class, PyMethodFlags::CLASS)?;
        Ok(class_method_descriptor(vm, class, definition))
    }
}

/// The descriptor of a method of instances.
///
/// # Safety
/// The definition and the class live as long as the descriptor.
pub(crate) unsafe fn instance_method(
    vm: &VirtualMachine,
    class: &PyTypeRef,
    block: *mut c::PyTypeObject,
    method: *mut c::PyMethodDef,
) -> PyResult {
    // SAFETY: by contract.
    unsafe {
        // The VM has a short way for each convention, and the same bits.
        let convention =
            (*method).ml_flags & (meth::NOARGS | meth::O | meth::VARARGS | meth::KEYWORDS | meth::FASTCALL);
        let flags = PyMethodFlags::METHOD | PyMethodFlags::from_bits_truncate(convention as u32);
        let definition = definition(vm, class, block, method, Receiver::First, flags)?;
        let of = if (*method).ml_flags & meth::METHOD != 0 {
            descriptors::method_descriptors(vm).clone()
        } else {
            vm.ctx.types.method_descriptor_type.to_owned()
        };
        Ok(method_descriptor(vm, class, definition, of))
    }
}
