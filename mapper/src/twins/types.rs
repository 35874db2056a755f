//! Type blocks of managed types: the static ones, which the stub exports, and those made for any other managed class
//! when C first sees it. Types that C code makes are in [`heap_type`](super::heap_type) and in the dispatcher.

use std::any::Any;
use std::ffi::{CString, c_char};
use std::sync::{Mutex, OnceLock};

use rustpython_vm::builtins::{PyCallableIterator, PyType, PyTypeRef};
use rustpython_vm::class::PyClassImpl as _;
use rustpython_vm::types::PyTypeFlags;
use rustpython_vm::{AsObject, Context, Py, PyObject, PyPayload as _, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::abi::layout::tpflags;
use crate::heap::block;
use crate::heap::block::{Block, flag};
use crate::heap::form::{Form, Visit};
use crate::heap::kind::Kind;
use crate::lifetime::thread::leave;
use crate::lifetime::{collect, dealloc, handle, pinned, thread};
use crate::twins::forms::instancemethod::InstanceMethod;
use crate::twins::forms::{datetime, record, tuple};
use crate::twins::{slotted, store, type_dict, type_sizes, type_writes};

/// Types.
pub(super) static FORM: Form = Form {
    sizes: (size_of::<c::PyHeapTypeObject>(), 40),
    subclass_flag: tpflags::TYPE_SUBCLASS,
    free: Some(free_tables),
    each: Some(each_part),
    written: Some(type_writes::written),
    ..Form::EMPTY
};

/// Fills the slots of a managed type's block.
pub(crate) type FillSlots = unsafe fn(&VirtualMachine, &mut c::PyTypeObject, &Py<PyType>, Kind);

static FILL_SLOTS: OnceLock<FillSlots> = OnceLock::new();

/// Sets how slots are filled, which is known further up. Once, at start-up.
pub(crate) fn set_slots(fill: FillSlots) {
    let _ = FILL_SLOTS.set(fill);
}

fn fill_slots() -> FillSlots {
    *FILL_SLOTS.get().expect("set at start-up")
}

/// The exported static types: symbol, managed type, what instances are laid out as.
pub(crate) fn static_types(vm: &VirtualMachine) -> Vec<(&'static str, PyTypeRef, Kind)> {
    let context = &vm.ctx;
    let t = &context.types;
    let own = |name: &str| {
        // Types that RustPython has no equivalent of: they exist, so that C code can compare with them.
        PyType::new_simple_heap(name, t.object_type, context).expect("object can be subclassed")
    };
    let of = |module, name| of_builtin_module(vm, module, name).unwrap_or_else(|_| own(name));
    vec![
        ("PyBaseObject_Type", t.object_type.to_owned(), Kind::Opaque),
        ("PyType_Type", t.type_type.to_owned(), Kind::Type),
        ("PyLong_Type", t.int_type.to_owned(), Kind::Long),
        ("PyBool_Type", t.bool_type.to_owned(), Kind::Long),
        ("PyFloat_Type", t.float_type.to_owned(), Kind::Float),
        ("PyComplex_Type", t.complex_type.to_owned(), Kind::Complex),
        ("PyUnicode_Type", t.str_type.to_owned(), Kind::Unicode),
        ("PyBytes_Type", t.bytes_type.to_owned(), Kind::Bytes),
        ("PyByteArray_Type", t.bytearray_type.to_owned(), Kind::ByteArray),
        ("PyTuple_Type", t.tuple_type.to_owned(), Kind::Tuple),
        ("PyList_Type", t.list_type.to_owned(), Kind::List),
        ("PyDict_Type", t.dict_type.to_owned(), Kind::Dict),
        ("PySet_Type", t.set_type.to_owned(), Kind::Set),
        ("PyFrozenSet_Type", t.frozenset_type.to_owned(), Kind::Set),
        ("PySlice_Type", t.slice_type.to_owned(), Kind::Slice),
        ("PyCFunction_Type", t.builtin_function_or_method_type.to_owned(), Kind::Function),
        ("PyCMethod_Type", method_class(vm), Kind::Function),
        ("PyModule_Type", t.module_type.to_owned(), Kind::Module),
        ("PyAsyncGen_Type", t.async_generator.to_owned(), Kind::Opaque),
        ("PyByteArrayIter_Type", t.bytearray_iterator_type.to_owned(), Kind::Opaque),
        ("PyBytesIter_Type", t.bytes_iterator_type.to_owned(), Kind::Opaque),
        ("PyCallIter_Type", PyCallableIterator::class(context).to_owned(), Kind::Opaque),
        ("PyCapsule_Type", t.capsule_type.to_owned(), Kind::Instance),
        ("PyCell_Type", t.cell_type.to_owned(), Kind::Record),
        ("PyClassMethodDescr_Type", t.classmethod_descriptor_type.to_owned(), Kind::Descriptor),
        ("PyClassMethod_Type", t.classmethod_type.to_owned(), Kind::Opaque),
        ("PyCode_Type", t.code_type.to_owned(), Kind::Record),
        ("PyContextToken_Type", of("_contextvars", "Token"), Kind::Opaque),
        ("PyContextVar_Type", of("_contextvars", "ContextVar"), Kind::Opaque),
        ("PyContext_Type", of("_contextvars", "Context"), Kind::Opaque),
        ("PyCoro_Type", t.coroutine_type.to_owned(), Kind::Opaque),
        ("PyDictItems_Type", t.dict_items_type.to_owned(), Kind::View),
        ("PyDictIterItem_Type", t.dict_itemiterator_type.to_owned(), Kind::Opaque),
        ("PyDictIterKey_Type", t.dict_keyiterator_type.to_owned(), Kind::Opaque),
        ("PyDictIterValue_Type", t.dict_valueiterator_type.to_owned(), Kind::Opaque),
        ("PyDictKeys_Type", t.dict_keys_type.to_owned(), Kind::View),
        ("PyDictProxy_Type", t.mappingproxy_type.to_owned(), Kind::Opaque),
        ("PyDictRevIterItem_Type", t.dict_reverseitemiterator_type.to_owned(), Kind::Opaque),
        ("PyDictRevIterKey_Type", t.dict_reversekeyiterator_type.to_owned(), Kind::Opaque),
        ("PyDictRevIterValue_Type", t.dict_reversevalueiterator_type.to_owned(), Kind::Opaque),
        ("PyDictValues_Type", t.dict_values_type.to_owned(), Kind::View),
        ("PyEllipsis_Type", t.ellipsis_type.to_owned(), Kind::Opaque),
        ("PyEnum_Type", t.enumerate_type.to_owned(), Kind::Opaque),
        ("PyFilter_Type", t.filter_type.to_owned(), Kind::Opaque),
        ("PyFrameLocalsProxy_Type", t.frame_locals_proxy_type.to_owned(), Kind::Opaque),
        ("PyFrame_Type", t.frame_type.to_owned(), Kind::Record),
        ("PyFunction_Type", t.function_type.to_owned(), Kind::Record),
        ("PyGen_Type", t.generator_type.to_owned(), Kind::Opaque),
        ("PyGetSetDescr_Type", t.getset_type.to_owned(), Kind::Descriptor),
        ("PyInstanceMethod_Type", InstanceMethod::make_static_type(), Kind::Record),
        ("PyListIter_Type", t.list_iterator_type.to_owned(), Kind::Opaque),
        ("PyListRevIter_Type", t.list_reverseiterator_type.to_owned(), Kind::Opaque),
        ("PyLongRangeIter_Type", t.long_range_iterator_type.to_owned(), Kind::Opaque),
        ("PyMap_Type", t.map_type.to_owned(), Kind::Opaque),
        ("PyMemberDescr_Type", t.member_descriptor_type.to_owned(), Kind::Descriptor),
        ("PyMemoryView_Type", t.memoryview_type.to_owned(), Kind::Record),
        ("PyMethodDescr_Type", t.method_descriptor_type.to_owned(), Kind::Descriptor),
        ("PyMethod_Type", t.bound_method_type.to_owned(), Kind::Record),
        ("PyModuleDef_Type", own("moduledef"), Kind::Instance),
        ("PyODictItems_Type", of("_collections", "odict_items"), Kind::Opaque),
        ("PyODictIter_Type", of("_collections", "odict_iterator"), Kind::Opaque),
        ("PyODictKeys_Type", of("_collections", "odict_keys"), Kind::Opaque),
        ("PyODictValues_Type", of("_collections", "odict_values"), Kind::Opaque),
        ("PyODict_Type", of("_collections", "OrderedDict"), Kind::Dict),
        ("PyPickleBuffer_Type", of("_pickle", "PickleBuffer"), Kind::Record),
        ("PyProperty_Type", t.property_type.to_owned(), Kind::Opaque),
        ("PyRangeIter_Type", t.range_iterator_type.to_owned(), Kind::Opaque),
        ("PyRange_Type", t.range_type.to_owned(), Kind::Opaque),
        ("PyReversed_Type", t.reverse_iter_type.to_owned(), Kind::Opaque),
        ("PySeqIter_Type", t.iter_type.to_owned(), Kind::Opaque),
        ("PySetIter_Type", t.set_iterator_type.to_owned(), Kind::Opaque),
        ("PyStaticMethod_Type", t.staticmethod_type.to_owned(), Kind::Opaque),
        ("PyStdPrinter_Type", own("stderrprinter"), Kind::Opaque),
        ("PySuper_Type", t.super_type.to_owned(), Kind::Opaque),
        ("PyTraceBack_Type", t.traceback_type.to_owned(), Kind::Record),
        ("PyTupleIter_Type", t.tuple_iterator_type.to_owned(), Kind::Opaque),
        ("PyUnicodeIter_Type", t.str_iterator_type.to_owned(), Kind::Opaque),
        ("PyWrapperDescr_Type", t.wrapper_descriptor_type.to_owned(), Kind::Descriptor),
        ("PyZip_Type", t.zip_type.to_owned(), Kind::Opaque),
        ("Py_GenericAliasType", t.generic_alias_type.to_owned(), Kind::Opaque),
        ("_PyAsyncGenASend_Type", t.async_generator_asend.to_owned(), Kind::Opaque),
        ("_PyNone_Type", t.none_type.to_owned(), Kind::Opaque),
        ("_PyNotImplemented_Type", t.not_implemented_type.to_owned(), Kind::Opaque),
        ("_PyUnion_Type", t.union_type.to_owned(), Kind::Opaque),
        ("_PyWeakref_CallableProxyType", t.weakcallableproxy_type.to_owned(), Kind::Opaque),
        ("_PyWeakref_ProxyType", t.weakproxy_type.to_owned(), Kind::Opaque),
        ("_PyWeakref_RefType", t.weakref_type.to_owned(), Kind::Weak),
    ]
}

/// A class of one of the VM's builtin modules.
///
/// # Errors
/// What importing it raises.
pub(crate) fn of_builtin_module(vm: &VirtualMachine, module: &'static str, name: &'static str) -> PyResult<PyTypeRef> {
    leave(vm, || builtin_module(vm, module)?.get_attr(name, vm)?.try_into_value(vm))
}

/// One of the VM's builtin modules, which is imported without asking anybody's import hooks.
///
/// # Errors
/// What importing it raises.
pub(crate) fn builtin_module(vm: &VirtualMachine, name: &'static str) -> PyResult {
    let modules = leave(vm, || vm.sys_module.get_attr("modules", vm))?;
    leave(vm, || modules.get_item(name, vm)).or_else(|_| {
        let importlib = modules.get_item("_frozen_importlib", vm)?;
        thread::leave(vm, || vm.call_method(&importlib, "_builtin_from_name", (name,)))
    })
}

/// `builtin_method`, which the VM does not have: functions that are told the class that defines them.
fn new_method_class(context: &Context) -> PyTypeRef {
    let base = context.types.builtin_function_or_method_type;
    let class = PyType::new_simple_heap("builtin_method", base, context).expect("functions can be extended from Rust");
    // As a static type, it is of `builtins` without saying so; the name would hide that of the functions' modules.
    class.slots.flags.remove(PyTypeFlags::HEAPTYPE);
    class.set_attr(context.intern_str("__doc__"), context.none());
    class.slots.call.store(base.slots.call.load());
    class.slots.vectorcall.store(base.slots.vectorcall.load());
    class
}

/// `builtin_method`, the class of functions and bound methods of the `METH_METHOD` convention.
pub fn method_class(vm: &VirtualMachine) -> PyTypeRef {
    static CLASS: OnceLock<PyTypeRef> = OnceLock::new();
    CLASS.get_or_init(|| new_method_class(&vm.ctx)).clone()
}

/// The block of a managed type, made if C has not seen it yet. Borrowed: it lives as long as the type.
#[inline]
pub fn type_block(vm: &VirtualMachine, class: &Py<PyType>) -> *mut c::PyTypeObject {
    match handle::block_of(class.as_object()) {
        Some(block) => block.cast(),
        None => new_type_block(vm, class),
    }
}

/// Has C code see a class of our own, derived from one of the VM's static types, as that type.
pub fn show_as(vm: &VirtualMachine, class: &Py<PyType>, base: &Py<PyType>) {
    handle::tie(type_block(vm, base).cast(), class.as_object());
}

/// A managed type's data: when the type dies, its block goes.
pub(crate) struct TypeBlock {
    /// The block's address; 0 for static types of C's, which stay.
    pub(crate) block: usize,
    /// C code made the type: its name is as `tp_name` has it, with the module.
    pub(crate) of_c: bool,
    /// What the class's definitions refer to: closures, texts.
    owned: Mutex<Vec<Owned>>,
}

/// Something that was given to a class (see [`give`]).
struct Owned(*mut (dyn Any + Send + Sync));

// SAFETY: what it points to may be sent and shared.
unsafe impl Send for Owned {}
// SAFETY: as above.
unsafe impl Sync for Owned {}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: it came from a box, and the class that it was given to has ended.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

impl Drop for TypeBlock {
    fn drop(&mut self) {
        if self.block != 0 {
            dealloc::twin_died(self.block as Block);
        }
    }
}

/// An object has got another class: C code reads it in the struct. Whoever counts the class, counts the new one.
pub fn class_changed(vm: &VirtualMachine, object: &PyObject) {
    let _section = thread::enter(vm);
    let Some(block) = handle::block_of(object) else { return };
    let Some(header) = block::header(block) else { return };
    let class = type_block(vm, object.class());
    // SAFETY: a tied block is an object; classes are types.
    unsafe {
        let old = std::mem::replace(&mut (*block).ob_type, class);
        // As those that make and pin objects.
        let counts = |class: *mut c::PyTypeObject| {
            (*class).tp_flags & tpflags::HEAPTYPE != 0
                && (header.has(flag::BOUND) || (header.has(flag::PINNED) && pinned::is_pinning(class)))
        };
        if old != class {
            if counts(class) {
                handle::hold(class.cast(), object.class().as_object());
            }
            if counts(old) {
                dealloc::decref(old.cast());
            }
        }
    }
}

/// Marks a class as one that C code makes: from now on it can be [given](give) what it refers to.
pub fn begin_class_of_c(class: &Py<PyType>) {
    let _ = class.init_type_data(TypeBlock { block: 0, of_c: true, owned: Mutex::default() });
}

/// Ties a class's end to that of its block.
pub(crate) fn end_with(class: &Py<PyType>, block: Block) {
    if let Some(mut data) = class.get_type_data_mut::<TypeBlock>() {
        data.block = block as usize;
    }
}

/// Gives a class something that its definitions refer to: it lives as long as the class, or for ever if C code did not make
/// that.
pub fn give<T: Any + Send + Sync>(class: &Py<PyType>, owned: Box<T>) -> &'static T {
    let place = Box::into_raw(owned);
    if let Some(data) = class.get_type_data::<TypeBlock>() {
        data.owned.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(Owned(place));
    }
    // SAFETY: nobody moves or changes it; who uses it holds the class, or something that does.
    unsafe { &*place }
}

/// The first of the VM's own types that a class is or derives from.
pub(crate) fn builtin_base(class: &Py<PyType>) -> Option<&Py<PyType>> {
    std::iter::successors(Some(class), |class| class.base.deref()).find(|class| class.heaptype_ext.is_none())
}

/// Whether C code made the type.
pub fn is_of_c(class: &Py<PyType>) -> bool {
    class.get_type_data::<TypeBlock>().is_some_and(|data| data.of_c)
}

/// Whether C code made one of the types that a class derives from, first bases only: those decide on the layout.
pub fn derives_from_c(class: &Py<PyType>) -> bool {
    std::iter::successors(class.base.deref(), |class| class.base.deref()).any(is_of_c)
}

#[cold]
fn new_type_block(vm: &VirtualMachine, class: &Py<PyType>) -> *mut c::PyTypeObject {
    // SAFETY: a class's metaclass is one.
    let size = unsafe { slotted::size_of_type(type_block(vm, class.as_object().class()), slotted::count(class)) };
    let made = block::allocate(size, flag::PINNED | flag::BOUND | flag::COLLECTABLE);
    assert!(!made.is_null(), "out of memory for a type's block");
    collect::born(collect::CLASS);
    handle::tie(made, class.as_object());
    let made = made.cast::<c::PyTypeObject>();
    // SAFETY: fresh memory of a heap type's size.
    unsafe {
        fill(vm, made, class, None);
        hold_metaclass(made);
        if (*made).tp_flags & tpflags::HEAPTYPE != 0 {
            // Macros read the names.
            let heap = made.cast::<c::PyHeapTypeObject>();
            (*heap).ht_name = store::store(vm, vm.ctx.new_str(&*class.name()).as_object());
            (*heap).ht_qualname = store::store(vm, &class.__qualname__(vm));
        }
        if class.heaptype_ext.is_some() {
            type_dict::make(vm, made, class);
            (*made).ob_base.ob_base.ob_refcnt = 0;
            // A failing call drops the data, which must not end the block.
            if class.init_type_data(TypeBlock { block: 0, of_c: false, owned: Mutex::default() }).is_ok() {
                end_with(class, made.cast());
            } else {
                // `ctypes` keeps its own data there.
                let _ = pinned::watch(vm, made.cast(), class.as_object());
            }
        } else {
            // RustPython's static types never die, and neither do their blocks.
            (*made).ob_base.ob_base.ob_refcnt = handle::IMMORTAL;
        }
        if class.heaptype_ext.is_some() {
            type_writes::begin(made, class);
        }
    }
    made
}

/// Has a type count its metaclass, as an object does its class. Who ends the type gives that back: the metaclass's
/// deallocator, if it has one, else ours.
///
/// # Safety
/// `t` is a heap type's block with its metaclass set.
pub(crate) unsafe fn hold_metaclass(t: *mut c::PyTypeObject) {
    // SAFETY: by contract.
    unsafe {
        let metaclass = (*t).ob_base.ob_base.ob_type;
        if (*metaclass).tp_flags & tpflags::HEAPTYPE != 0
            && let Some(twin) = handle::twin_of(metaclass.cast())
        {
            handle::hold(metaclass.cast(), twin);
        }
    }
}

/// Fills a type's block from the managed type. `kind` is given for the static types, found from the bases otherwise.
///
/// # Safety
/// `to` has room for a `PyTypeObject`, and for a `PyHeapTypeObject` if it is one of our blocks.
pub(crate) unsafe fn fill(vm: &VirtualMachine, to: *mut c::PyTypeObject, class: &Py<PyType>, kind: Option<Kind>) {
    let base = class.base.deref().map_or(std::ptr::null_mut(), |base| type_block(vm, base));
    // SAFETY: `to` is writable by contract, and a base's block has been filled before.
    unsafe {
        let builtin = kind.is_some() || class.heaptype_ext.is_none();
        let kind = kind.unwrap_or_else(|| inherited_kind(vm, class, base));
        kind.set(to);
        let t = &mut *to;
        t.ob_base.ob_base.ob_type = type_block(vm, class.as_object().class());
        t.tp_base = base;
        t.tp_name = type_name(class);
        if block::header(to.cast()).is_some() {
            (*to.cast::<c::PyHeapTypeObject>())._ht_tpname = t.tp_name.cast_mut();
        }
        let (basicsize, itemsize) = if kind == Kind::Record { (record::size(vm, class), 0) } else { kind.sizes() };
        t.tp_basicsize = basicsize as isize;
        t.tp_itemsize = itemsize as isize;
        t.tp_flags = flags(vm, class, kind);
        if !base.is_null() && (*base).tp_basicsize > t.tp_basicsize {
            t.tp_basicsize = (*base).tp_basicsize;
        }
        type_sizes::set(vm, t, class, builtin);
        if !base.is_null() {
            pinned::inherit(t, base);
        }
        if class.heaptype_ext.is_some() {
            slotted::fill(vm, t, class);
        }
        fill_slots()(vm, t, class, kind);
        fill_mro(vm, t, class);
    }
}

/// `tp_mro` and `tp_bases`: tuples that own their items, but for the type itself, which must be able to die.
pub(crate) unsafe fn fill_mro(vm: &VirtualMachine, t: &mut c::PyTypeObject, class: &Py<PyType>) {
    let this = std::ptr::from_mut(t).cast::<c::PyObject>();
    let mro = class.mro_collect();
    let items: Vec<Block> = mro
        .iter()
        .map(|item| {
            let block = type_block(vm, item).cast::<c::PyObject>();
            if block != this {
                // SAFETY: the block of `item`.
                unsafe { handle::hold(block, item.as_object()) };
            }
            block
        })
        .collect();
    t.tp_mro = tuple::with_items(&items);
    let bases: Vec<Block> =
        class.bases.read().as_slice().iter().map(|base| store::store(vm, base.as_object())).collect();
    t.tp_bases = tuple::with_items(&bases);
}

/// [`fill_mro`] for a class whose bases changed, and its `tp_base`.
///
/// # Safety
/// `t` is the block of `class`.
pub(crate) unsafe fn refill_mro(vm: &VirtualMachine, t: *mut c::PyTypeObject, class: &Py<PyType>) {
    // SAFETY: by contract.
    unsafe {
        let (mro, bases) = ((*t).tp_mro, (*t).tp_bases);
        (*t).tp_base = class.base.deref().map_or(std::ptr::null_mut(), |base| type_block(vm, base));
        fill_mro(vm, &mut *t, class);
        give_up_mro(t, mro);
        dealloc::xdecref(bases);
    }
}

/// Gives up a `tp_mro`, whose entry for the type itself is not counted.
unsafe fn give_up_mro(t: *mut c::PyTypeObject, mro: Block) {
    if mro.is_null() {
        return;
    }
    // SAFETY: a tuple that the type owns.
    unsafe {
        for index in 0..(*mro.cast::<c::PyVarObject>()).ob_size as usize {
            let item = tuple::items(mro).add(index);
            if *item == t.cast() {
                *item = std::ptr::null_mut();
            }
        }
        dealloc::decref(mro);
    }
}

/// What instances of a managed class are laid out as: as those of its first base that is not just an object.
unsafe fn inherited_kind(vm: &VirtualMachine, class: &Py<PyType>, base: *mut c::PyTypeObject) -> Kind {
    if class.is(vm.ctx.exceptions.base_exception_type) {
        return Kind::Exception;
    }
    if base.is_null() {
        return Kind::Opaque;
    }
    if let Some(kind) = datetime::kind(vm, class) {
        return kind;
    }
    if record::is_struct(class) {
        return Kind::Record;
    }
    // SAFETY: the base's block was filled.
    match unsafe { Kind::of_type(base) } {
        Kind::Opaque => class.bases.read().as_slice()[1..]
            .iter()
            // SAFETY: `type_block` gives filled blocks.
            .map(|other| unsafe { Kind::of_type(type_block(vm, other)) })
            .find(|kind| *kind != Kind::Opaque)
            .unwrap_or(Kind::Opaque),
        kind => kind,
    }
}

/// `tp_name`: with the module for types outside `builtins`. Lives as long as the process for static types; for heap
/// types it is freed with the block.
fn type_name(class: &Py<PyType>) -> *const c_char {
    let name = class.slot_name().to_string();
    CString::new(name).unwrap_or_default().into_raw()
}

/// `tp_flags` as CPython would have them.
fn flags(vm: &VirtualMachine, class: &Py<PyType>, kind: Kind) -> usize {
    // RustPython keeps CPython's own bits for these.
    const SHARED: usize = tpflags::SEQUENCE
        | tpflags::MAPPING
        | tpflags::DISALLOW_INSTANTIATION
        | tpflags::IMMUTABLETYPE
        | tpflags::HEAPTYPE
        | tpflags::BASETYPE
        | tpflags::METHOD_DESCRIPTOR
        | tpflags::IS_ABSTRACT
        | tpflags::MATCH_SELF;
    let mut flags = class.slots.flags.load().bits() as usize & SHARED | tpflags::READY | kind.subclass_flag();
    let has_dict = class.heaptype_ext.is_some() && class.slots.flags.has_feature(PyTypeFlags::HAS_DICT);
    let t = &vm.ctx.types;
    let plain = [t.object_type, t.none_type, t.not_implemented_type, t.ellipsis_type, t.range_type, t.code_type];
    let holds_none =
        matches!(kind, Kind::Long | Kind::Float | Kind::Complex | Kind::Unicode | Kind::Bytes | Kind::ByteArray)
            || plain.iter().any(|plain| class.is(*plain));
    if has_dict || !holds_none {
        flags |= tpflags::HAVE_GC;
    }
    if kind == Kind::Type {
        flags |= tpflags::ITEMS_AT_END;
    }
    flags
}

/// Calls `visit` for each reference that a type's block counts, those of its `tp_mro` included.
///
/// # Safety
/// `block` is a heap type's.
unsafe fn each_part(block: Block, visit: &mut Visit<'_>) {
    let t = block.cast::<c::PyTypeObject>();
    // SAFETY: by contract.
    unsafe {
        let mro = (*t).tp_mro;
        // Who else holds the tuple holds its items.
        if !mro.is_null() && (*mro).ob_refcnt == 1 {
            tuple::slice(mro).iter().filter(|item| **item != t.cast()).for_each(|item| visit(*item));
        }
        let heap = t.cast::<c::PyHeapTypeObject>();
        if (*(*block).ob_type).tp_flags & tpflags::HEAPTYPE != 0 {
            visit((*block).ob_type.cast());
        }
        for object in [(*t).tp_bases, (*t).tp_dict, (*t).tp_cache, (*heap).ht_module, (*heap).ht_slots] {
            visit(object);
        }
    }
}

/// Drops what a dying type's block holds: its name and its tuples, whose entry for the type itself is not counted.
///
/// # Safety
/// `block` is a heap type's that nobody refers to.
unsafe fn free_tables(block: Block) {
    let t = block.cast::<c::PyTypeObject>();
    type_writes::forget(t);
    // SAFETY: by contract; `_ht_tpname` was made by `CString::into_raw`.
    unsafe {
        give_up_mro(t, (*t).tp_mro);
        type_dict::end((*t).tp_dict);
        for object in [(*t).tp_bases, (*t).tp_dict, (*t).tp_cache] {
            dealloc::xdecref(object);
        }
        if (*t).tp_flags & tpflags::HEAPTYPE != 0 {
            let heap = t.cast::<c::PyHeapTypeObject>();
            for object in [(*heap).ht_name, (*heap).ht_qualname, (*heap).ht_module, (*heap).ht_slots] {
                dealloc::xdecref(object);
            }
            libc::free((*t).tp_doc.cast_mut().cast());
        }
        slotted::free_names(t);
        let metaclass = (*block).ob_type;
        if (*metaclass).tp_flags & tpflags::HEAPTYPE != 0 && dealloc::dealloc_of_c(metaclass).is_none() {
            dealloc::decref(metaclass.cast());
        }
        // C code may have set `tp_name` to what it likes.
        let name = (*t.cast::<c::PyHeapTypeObject>())._ht_tpname;
        if !name.is_null() {
            drop(CString::from_raw(name));
        }
    }
}
