//! Types that C code makes: from a spec (PEP 384, PEP 697) or as static structs. The block is filled with the type's
//! own slots, the dispatcher makes the managed half from them, then the rest is inherited.

use std::ffi::{CString, c_int, c_void};

use rustpython_vm::builtins::{PyBaseExceptionRef, PyStr, PyTuple, PyType, PyTypeRef};
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, Py, PyResult, VirtualMachine};

use crate::abi::address::exported;
use crate::abi::layout as c;
use crate::abi::layout::tpflags;
use crate::abi::slot_table;
use crate::abi::statics::statics;
use crate::abi::text;
use crate::heap::block;
use crate::heap::block::{Block, flag};
use crate::heap::kind::Kind;
use crate::lifetime::dispatch::{ClassParts, dispatcher};
use crate::lifetime::thread::leave;
use crate::lifetime::{collect, dealloc, finalizer, handle, pinned};
use crate::twins::forms::object::size_with;
use crate::twins::forms::tuple;
use crate::twins::types::{end_with, fill_mro, hold_metaclass, type_block};
use crate::twins::{cycles, fields, retrieve, slotted, store, type_dict, type_writes};

/// `PyType_FromMetaclass`. `metaclass`, `module` and `bases` may be null. Returns a new reference.
///
/// # Errors
/// `TypeError` for bases or a layout that do not fit, `SystemError` for a spec that breaks the rules.
///
/// # Safety
/// `spec` is valid; the others are null or objects.
pub(crate) unsafe fn from_spec(
    vm: &VirtualMachine,
    metaclass: *mut c::PyTypeObject,
    module: Block,
    spec: *const c::PyType_Spec,
    bases: Block,
) -> PyResult<Block> {
    // SAFETY: by contract.
    unsafe {
        let spec = &*spec;
        if spec.name.is_null() {
            return Err(vm.new_system_error("Type spec does not define the name field."));
        }
        let full_name = text::of_c(spec.name);
        let bases = bases_of(vm, spec, bases)?;
        let best = best_base(vm, &bases)?;
        let base = type_block(vm, &best);
        let metaclass = if metaclass.is_null() { statics().type_ } else { metaclass };
        let metaclass = winner(vm, metaclass, &bases)?;
        check_spec(vm, spec, &full_name, &bases, metaclass)?;
        let members = spec_slots(spec).find(|(slot, _)| *slot == slot_table::MEMBERS).map(|(_, table)| table.cast());
        let count = slotted::length(members.unwrap_or(std::ptr::null_mut()));
        let made = block::allocate(slotted::size_of_type(metaclass, count), flag::BOUND | flag::COLLECTABLE);
        assert!(!made.is_null(), "out of memory for a type");
        collect::born(collect::CLASS);
        (*made).ob_refcnt = 1;
        (*made).ob_type = metaclass;
        hold_metaclass(made.cast());
        let heap = &mut *made.cast::<c::PyHeapTypeObject>();
        slot_table::own_suites(heap);
        let t = &mut heap.ht_type;
        t.tp_flags = spec.flags as usize | tpflags::HEAPTYPE;
        heap._ht_tpname = CString::new(full_name.clone()).unwrap_or_default().into_raw();
        heap.ht_type.tp_name = heap._ht_tpname;
        let result = fill_from_spec(vm, made, spec, base)
            .and_then(|()| finish(vm, made.cast(), &full_name, bases, best, metaclass));
        if let Err(error) = result {
            // Nobody knows the block yet.
            dealloc::xdecref(made);
            return Err(error);
        }
        if !module.is_null() {
            handle::incref(module);
            heap.ht_module = module;
        }
        Ok(made)
    }
}

/// A type that cannot be changed must not derive from one that can.
#[cold]
pub(crate) fn mutable_base(vm: &VirtualMachine, name: &str, base: &Py<PyType>) -> PyBaseExceptionRef {
    let base = base.slot_name().to_string();
    vm.new_type_error(format!("Creating immutable type {name} from mutable base {base}"))
}

/// What is asked of a spec's metaclass and bases.
unsafe fn check_spec(
    vm: &VirtualMachine,
    spec: &c::PyType_Spec,
    name: &str,
    bases: &[PyTypeRef],
    metaclass: *mut c::PyTypeObject,
) -> PyResult<()> {
    // SAFETY: type blocks.
    unsafe {
        let new = |t: *mut c::PyTypeObject| (*t).tp_new.map(|f| f as usize);
        if new(metaclass).is_some() && new(metaclass) != new(statics().type_) {
            return Err(vm.new_type_error("Metaclasses with custom tp_new are not supported."));
        }
        for base in bases {
            let flags = (*type_block(vm, base)).tp_flags;
            if flags & tpflags::BASETYPE == 0 {
                return Err(vm.new_type_error(format!("type '{}' is not an acceptable base type", base.slot_name())));
            }
            if spec.flags as usize & tpflags::IMMUTABLETYPE != 0 && flags & tpflags::IMMUTABLETYPE == 0 {
                return Err(mutable_base(vm, name, base));
            }
        }
    }
    Ok(())
}

const METACLASS_CONFLICT: &str = "metaclass conflict: the metaclass of a derived class must be a (non-strict) subclass \
                                  of the metaclasses of all its bases";

/// The metaclass that all bases agree with: the most derived one.
unsafe fn winner(
    vm: &VirtualMachine,
    metaclass: *mut c::PyTypeObject,
    bases: &[PyTypeRef],
) -> PyResult<*mut c::PyTypeObject> {
    // SAFETY: type blocks.
    unsafe {
        let mut best = retrieve::retrieve(vm, metaclass.cast())?
            .downcast::<PyType>()
            .map_err(|_| vm.new_type_error("metaclass is not a type"))?;
        for base in bases {
            let other = base.class();
            if other.fast_issubclass(&best) {
                best = other.to_owned();
            } else if !best.fast_issubclass(other) {
                return Err(vm.new_type_error(METACLASS_CONFLICT));
            }
        }
        Ok(type_block(vm, &best))
    }
}

/// The base that decides on the layout of instances: the one whose own layout extends those of all others.
unsafe fn best_base(vm: &VirtualMachine, bases: &[PyTypeRef]) -> PyResult<PyTypeRef> {
    // The nearest type that has more in its struct than its base.
    let solid = |class: &Py<PyType>| -> PyTypeRef {
        // SAFETY: a type's block and its bases'.
        unsafe {
            let mut t = type_block(vm, class);
            while let Some(base) = (*t).tp_base.as_ref()
                && (base.tp_basicsize, base.tp_itemsize) == ((*t).tp_basicsize, (*t).tp_itemsize)
            {
                t = (*t).tp_base;
            }
            let twin = retrieve::retrieve(vm, t.cast()).ok().and_then(|twin| twin.downcast().ok());
            twin.unwrap_or_else(|| class.to_owned())
        }
    };
    let (mut best, mut winner) = (bases[0].clone(), solid(&bases[0]));
    for base in &bases[1..] {
        let candidate = solid(base);
        if winner.fast_issubclass(&candidate) {
            continue;
        }
        if !candidate.fast_issubclass(&winner) {
            return Err(vm.new_type_error("multiple bases have instance lay-out conflict"));
        }
        (best, winner) = (base.clone(), candidate);
    }
    Ok(best)
}

/// The managed bases: from the argument (a type or a tuple), else from the spec's slots, else `object`.
unsafe fn bases_of(vm: &VirtualMachine, spec: &c::PyType_Spec, given: Block) -> PyResult<Vec<PyTypeRef>> {
    // SAFETY: by the caller's contract.
    unsafe {
        let slot = |number| spec_slots(spec).find(|(slot, _)| *slot == number).map(|(_, value)| value.cast());
        let source =
            if given.is_null() { slot(slot_table::BASES).or_else(|| slot(slot_table::BASE)) } else { Some(given) };
        let Some(source) = source.filter(|source: &Block| !source.is_null()) else {
            return Ok(vec![vm.ctx.types.object_type.to_owned()]);
        };
        let source = retrieve::retrieve(vm, source)?;
        let items = match source.downcast_ref::<PyTuple>() {
            Some(tuple) => tuple.as_slice().to_vec(),
            None => vec![source],
        };
        // CPython looks at the metaclasses of the bases first.
        let not_a_type = |_| vm.new_type_error(METACLASS_CONFLICT);
        let bases: Vec<PyTypeRef> =
            items.into_iter().map(|item| item.downcast::<PyType>().map_err(not_a_type)).collect::<PyResult<_>>()?;
        if bases.is_empty() { Ok(vec![vm.ctx.types.object_type.to_owned()]) } else { Ok(bases) }
    }
}

/// A spec's slots, up to the one numbered 0.
unsafe fn spec_slots(spec: &c::PyType_Spec) -> impl Iterator<Item = (c_int, *mut c_void)> + use<> {
    let mut next = spec.slots;
    std::iter::from_fn(move || {
        // SAFETY: the table ends with slot 0.
        let slot = unsafe { *next };
        next = next.wrapping_add(1);
        (slot.slot != 0).then_some((slot.slot, slot.pfunc))
    })
}

unsafe fn fill_from_spec(
    vm: &VirtualMachine,
    made: Block,
    spec: &c::PyType_Spec,
    base: *mut c::PyTypeObject,
) -> PyResult<()> {
    // SAFETY: by the caller's contract.
    unsafe {
        let heap = &mut *made.cast::<c::PyHeapTypeObject>();
        let base_size = (*base).tp_basicsize;
        let items = (*base).tp_itemsize != 0 && ((*base).tp_flags | spec.flags as usize) & tpflags::ITEMS_AT_END == 0;
        if spec.basicsize < 0 && items {
            return Err(vm.new_system_error("Cannot extend variable-size class without Py_TPFLAGS_ITEMS_AT_END."));
        }
        heap.ht_type.tp_basicsize = match spec.basicsize {
            0 => base_size,
            size if size < 0 => (base_size + 15) / 16 * 16 + (15 - size as isize) / 16 * 16,
            size => size as isize,
        };
        heap.ht_type.tp_itemsize = spec.itemsize as isize;
        for (slot, value) in spec_slots(spec) {
            match slot {
                slot_table::BASE | slot_table::BASES => {}
                slot_table::TOKEN => {
                    heap.ht_token = if value.is_null() { std::ptr::from_ref(spec).cast_mut().cast() } else { value }
                }
                slot_table::DOC => {
                    heap.ht_type.tp_doc = if value.is_null() { std::ptr::null() } else { libc::strdup(value.cast()) }
                }
                _ => {
                    let Some(offset) = slot_table::offset(slot) else {
                        return Err(vm.new_runtime_error("invalid slot offset"));
                    };
                    made.cast::<u8>().add(offset).cast::<*mut c_void>().write(value);
                }
            }
        }
        slotted::copy_members(&raw mut heap.ht_type, base);
        special_members(&mut heap.ht_type);
        Ok(())
    }
}

/// Where CPython keeps a managed dict and a managed list of weak references: in front of the object.
const MANAGED_DICT_OFFSET: isize = -1;
const MANAGED_WEAKREF_OFFSET: isize = -32;

/// `__dictoffset__` and its like among the members set fields of the type, and so do the flags for what is managed.
unsafe fn special_members(t: &mut c::PyTypeObject) {
    if t.tp_flags & tpflags::MANAGED_DICT != 0 {
        t.tp_dictoffset = MANAGED_DICT_OFFSET;
    }
    if t.tp_flags & tpflags::MANAGED_WEAKREF != 0 {
        t.tp_weaklistoffset = MANAGED_WEAKREF_OFFSET;
    }
    let mut member = t.tp_members;
    // SAFETY: the table ends with a NULL name.
    unsafe {
        while !member.is_null() && !(*member).name.is_null() {
            match std::ffi::CStr::from_ptr((*member).name).to_bytes() {
                b"__dictoffset__" => t.tp_dictoffset = (*member).offset,
                b"__weaklistoffset__" => t.tp_weaklistoffset = (*member).offset,
                b"__vectorcalloffset__" => t.tp_vectorcall_offset = (*member).offset,
                _ => {}
            }
            member = member.add(1);
        }
    }
}

/// Makes the managed half and fills in what is inherited.
unsafe fn finish(
    vm: &VirtualMachine,
    block: *mut c::PyTypeObject,
    full_name: &str,
    bases: Vec<PyTypeRef>,
    best: PyTypeRef,
    metaclass: *mut c::PyTypeObject,
) -> PyResult<()> {
    // SAFETY: by the caller's contract.
    unsafe {
        let base = type_block(vm, &best);
        let (module, name) = match full_name.rsplit_once('.') {
            Some((module, name)) => (Some(module.to_owned()), name.to_owned()),
            None => (None, full_name.to_owned()),
        };
        let metaclass = retrieve::retrieve(vm, metaclass.cast())?
            .downcast::<PyType>()
            .map_err(|_| vm.new_type_error("metaclass is not a type"))?;
        take_base(block, base);
        // Not by its flag: Cython sets that on static types while they are made ready, to get past a check.
        let heap = block::header(block.cast()).is_some();
        // A vectorcall on the type, a custom allocator and the rest are read from the block; the managed half gets
        // what the type defines itself.
        let attributes = type_dict::early(vm, block)?;
        let parts = ClassParts { name, bases: bases.clone(), base: best, metaclass, module, attributes };
        let class = dispatcher().class(vm, block, parts)?;
        if heap {
            tie_heap(vm, block, &class);
        } else {
            handle::tie_foreign(block.cast(), class.clone().into());
        }
        let finalizes = (*block).tp_finalize.is_some();
        inherit(vm, block, &class, &bases, heap);
        cycles::prepare(vm, &class, block, finalizes);
        (*block).tp_flags |= tpflags::READY;
        type_dict::make(vm, block, &class);
        fill_mro(vm, &mut *block, &class);
        type_writes::begin(block, &class);
        Ok(())
    }
}

/// Gives a type its base, and the kind that follows from it.
unsafe fn take_base(block: *mut c::PyTypeObject, base: *mut c::PyTypeObject) {
    // SAFETY: by the caller's contract.
    unsafe {
        (*block).tp_base = base;
        Kind::of_type(base).set(block);
        // Objects of types that derive from `object` are C's to make, those of classes made in Python the VM's.
        if base == statics().object {
            Kind::Instance.set(block);
        }
        pinned::note(block);
        // A static type that says nothing of how its objects are made has none made by a call.
        let is_static = (*block).tp_flags & tpflags::HEAPTYPE == 0;
        if is_static && (*block).tp_new.is_none() && base == statics().object {
            (*block).tp_flags |= tpflags::DISALLOW_INSTANTIATION;
        }
    }
}

/// Ties a heap type to its managed half, from which it gets its names.
unsafe fn tie_heap(vm: &VirtualMachine, block: *mut c::PyTypeObject, class: &PyTypeRef) {
    // SAFETY: by the caller's contract.
    unsafe {
        end_with(class, block.cast());
        handle::tie(block.cast(), class.as_object());
        handle::adopt(block.cast(), class.as_object());
        let parts = block.cast::<c::PyHeapTypeObject>();
        if (*parts).ht_qualname.is_null() {
            (*parts).ht_qualname = store::store(vm, class.__qualname__(vm).as_object());
        }
        if (*parts).ht_name.is_null() {
            let short = class.name().rsplit('.').next().unwrap_or_default().to_owned();
            (*parts).ht_name = store::store(vm, vm.ctx.new_str(short).as_object());
        }
    }
}

/// Fills in the slots that a type has from its bases.
unsafe fn inherit(
    vm: &VirtualMachine,
    block: *mut c::PyTypeObject,
    class: &Py<PyType>,
    bases: &[PyTypeRef],
    heap: bool,
) {
    // SAFETY: by the caller's contract.
    unsafe {
        let no_dealloc = (*block).tp_dealloc.is_none();
        for base in &class.mro_collect()[1..] {
            slot_table::inherit_slots(block, type_block(vm, base));
        }
        for base in bases {
            slot_table::inherit(block, type_block(vm, base));
        }
        if no_dealloc && heap {
            (*block).tp_dealloc = Some(subtype_dealloc);
        }
        if (*block).tp_flags & tpflags::DISALLOW_INSTANTIATION != 0 {
            (*block).tp_new = None;
        }
        if (*block).tp_hash.is_none() {
            (*block).tp_hash = std::mem::transmute(exported("PyObject_HashNotImplemented"));
        }
        fields::note(block);
    }
}

/// `PyType_Ready` for a static type, or for one that C code took memory for by itself.
///
/// # Errors
/// As for [`from_spec`].
///
/// # Safety
/// `t` is a type; a static one lives for ever.
pub(crate) unsafe fn ready(vm: &VirtualMachine, t: *mut c::PyTypeObject) -> PyResult<()> {
    // SAFETY: by contract.
    unsafe {
        if (*t).tp_flags & tpflags::READY != 0 {
            return Ok(());
        }
        if (*t).tp_name.is_null() {
            return Err(vm.new_system_error("Type does not define the tp_name field."));
        }
        if (*t).tp_base.is_null() {
            (*t).tp_base = statics().object;
        }
        ready(vm, (*t).tp_base)?;
        if (*t).ob_base.ob_base.ob_type.is_null() {
            (*t).ob_base.ob_base.ob_type = (*(*t).tp_base).ob_base.ob_base.ob_type;
        }
        match block::header(t.cast()) {
            Some(header) => header.set(flag::BOUND),
            None => {
                handle::immortalize(t.cast());
                if (*t).tp_flags & tpflags::HEAPTYPE == 0 {
                    (*t).tp_flags |= tpflags::IMMUTABLETYPE;
                }
            }
        }
        let name = text::of_c((*t).tp_name);
        let mut bases = Vec::new();
        if !(*t).tp_bases.is_null() {
            for &base in tuple::slice((*t).tp_bases) {
                bases.push(retrieve::retrieve(vm, base)?);
            }
            if block::header(t.cast()).is_some() {
                // Another tuple takes its place.
                dealloc::decref(std::mem::replace(&mut (*t).tp_bases, std::ptr::null_mut()));
            }
        } else {
            bases.push(retrieve::retrieve(vm, (*t).tp_base.cast())?);
        }
        let not_a_type = |_| vm.new_type_error("bases must be types");
        let bases: Vec<PyTypeRef> =
            bases.into_iter().map(|base| base.downcast::<PyType>().map_err(not_a_type)).collect::<PyResult<_>>()?;
        special_members(&mut *t);
        // CPython compares no layouts here: who makes a type by hand knows what fits.
        let best = match best_base(vm, &bases) {
            Ok(best) => best,
            Err(_) => retrieve::retrieve(vm, (*t).tp_base.cast())?.downcast::<PyType>().map_err(not_a_type)?,
        };
        finish(vm, t, &name, bases, best, (*t).ob_base.ob_base.ob_type)
    }
}

/// C code may say after it made a type ready where its objects have their dict and weak references.
///
/// # Safety
/// `t` is the block of `class`.
pub(crate) unsafe fn note_offsets(class: &Py<PyType>, t: *const c::PyTypeObject) {
    // SAFETY: by contract.
    let (dict, weak) = unsafe { ((*t).tp_dictoffset, (*t).tp_weaklistoffset) };
    let flags = &class.slots.flags;
    if dict != 0 && !flags.has_feature(PyTypeFlags::HAS_DICT) {
        flags.insert(PyTypeFlags::HAS_DICT);
    }
    if weak != 0 && !flags.has_feature(PyTypeFlags::HAS_WEAKREF) {
        flags.insert(PyTypeFlags::HAS_WEAKREF);
        flags.insert(PyTypeFlags::MANAGED_WEAKREF);
    }
}

/// `tp_dealloc` of heap types that define none, and of Python classes derived from C types: the next base that has one
/// of its own frees the object; the class is dropped unless that base does it.
pub(crate) unsafe extern "C" fn subtype_dealloc(block: Block) {
    // SAFETY: called by `lifetime` for a dying object.
    unsafe {
        if !finalizer::call_from_dealloc(block) {
            return;
        }
        let class = (*block).ob_type;
        let mut base = class;
        while !base.is_null() && is_subtype_dealloc((*base).tp_dealloc) {
            base = (*base).tp_base;
        }
        let dealloc = if base.is_null() { None } else { dealloc::dealloc_of_c(base) };
        slotted::clear(block);
        fields::clear_dict(block, base);
        match dealloc {
            Some(dealloc) => dealloc(block),
            None => dealloc::free_builtin(block),
        }
        let base_drops = dealloc.is_some() && (*base).tp_flags & tpflags::HEAPTYPE != 0;
        if (*class).tp_flags & tpflags::HEAPTYPE != 0 && !base_drops {
            dealloc::decref(class.cast());
        }
    }
}

/// Whether a deallocator is the one of types that have none of their own.
pub(crate) fn is_subtype_dealloc(dealloc: Option<c::Destructor>) -> bool {
    dealloc.is_some_and(|dealloc| std::ptr::fn_addr_eq(dealloc, subtype_dealloc as c::Destructor))
}

/// `PyType_GenericAlloc`: zeroed memory for an instance with `items` variable parts, with a count of 1. NULL if
/// there is none.
///
/// # Safety
/// `class` is a ready type.
pub(crate) unsafe fn generic_alloc(class: *mut c::PyTypeObject, items: isize) -> Block {
    // SAFETY: by contract.
    unsafe {
        let t = &*class;
        let Some(size) = size_with(t, items) else { return std::ptr::null_mut() };
        let size = size.max(size_of::<c::PyObject>()).next_multiple_of(8);
        let made = block::allocate(size + slotted::room(class), 0);
        if made.is_null() {
            return made;
        }
        if t.tp_flags & tpflags::HEAPTYPE != 0 {
            handle::incref(class.cast());
        }
        (*made).ob_type = class;
        (*made).ob_refcnt = 1;
        if t.tp_flags & tpflags::HAVE_GC != 0 {
            block::header_of(made).set(flag::COLLECTABLE);
            collect::born(1);
        }
        if t.tp_itemsize != 0 {
            (*made.cast::<c::PyVarObject>()).ob_size = items;
        }
        made
    }
}

/// A type's attribute as text, if it is a string.
pub(crate) fn text_attribute(vm: &VirtualMachine, class: &PyTypeRef, name: &'static str) -> Option<String> {
    let value = leave(vm, || class.as_object().get_attr(name, vm)).ok()?;
    value.downcast_ref::<PyStr>().map(|text| text.to_string_lossy().into_owned())
}
