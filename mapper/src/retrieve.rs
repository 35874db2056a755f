//! Block to managed object. [`retrieve`] reads a borrowed reference, [`take`] takes one over; both make the managed
//! half if the block has none yet. Needs the C lock.

use rustpython_vm::builtins::{
    PyBytes, PyComplex, PyDict, PyDictRef, PyFloat, PyInt, PyList, PySet, PySlice, PyStr, PyTuple, PyType, PyTypeRef,
};
use rustpython_vm::object::MaybeTraverse;
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine};

use crate::block::{Block, Header, flag, header, header_of};
use crate::bound::{Bound, Leaf, Link};
use crate::kind::Kind;
use crate::layout as c;
use crate::types::statics;
use crate::{long, store, table, unicode};

/// The managed object for a block that C lends us.
///
/// # Errors
/// `SystemError` for NULL, and for an object whose deallocation has begun.
///
/// # Safety
/// `block` is NULL or points to an object.
#[inline]
pub unsafe fn retrieve(vm: &VirtualMachine, block: Block) -> PyResult {
    // SAFETY: by contract.
    unsafe {
        if let Some(header) = (!block.is_null()).then(|| header(block)).flatten()
            && let Some(twin) = header.twin.as_ref()
        {
            // C's count keeps the twin; one that it does not count may be on its way to its end on another thread.
            if header.flags & flag::OWNS_TWIN == 0 {
                return retrieve_uncounted(vm, block, header, twin);
            }
            if header.flags & flag::SHOWN == 0 {
                return Ok(twin.to_owned());
            }
            return retrieve_shown(vm, block, header, twin);
        }
        retrieve_new(vm, block)
    }
}

/// The managed object for a block that C code has a pointer to, but no count that is known of.
#[inline(never)]
unsafe fn retrieve_uncounted(vm: &VirtualMachine, block: Block, header: &mut Header, twin: &PyObject) -> PyResult {
    // SAFETY: by the caller's contract; a twin's pointer is cleared before the twin's memory goes.
    unsafe {
        let Some(twin) = twin.try_to_owned() else {
            if header.flags & flag::BOUND == 0 {
                return Err(vm.new_system_error("an object is used while it is being deallocated"));
            }
            table::untie(twin);
            header.outrun_twin();
            table::wake(block);
            return retrieve_new(vm, block);
        };
        if (*block).ob_refcnt > 0 {
            table::adopt(block, &twin);
        }
        if header.flags & flag::SHOWN == 0 {
            return Ok(twin);
        }
        retrieve_shown(vm, block, header, &twin)
    }
}

/// The managed list or tuple for a block that C code may have written into since Python saw it.
#[inline(never)]
unsafe fn retrieve_shown(vm: &VirtualMachine, block: Block, header: &mut Header, twin: &PyObject) -> PyResult {
    // SAFETY: by the caller's contract.
    unsafe {
        if header.flags & flag::SHOWN_LIST != 0 {
            crate::list::hand_on(vm, block);
            return Ok(twin.to_owned());
        }
        let (mirror, items) = (store::tuple_slice(block), twin.downcast_unchecked_ref::<PyTuple>());
        if mirror.len() == items.len()
            && mirror.iter().zip(items).all(|(item, object)| crate::list::agree(*item, object))
        {
            return Ok(twin.to_owned());
        }
        // Python's tuple stays as it was; this is another one, for which C code has used the memory again.
        table::untie(twin);
        header.twin = std::ptr::null();
        if header.flags & flag::OWNS_TWIN != 0 {
            header.flags &= !flag::OWNS_TWIN;
            crate::lifetime::drop_twin(twin);
        }
        retrieve_new(vm, block)
    }
}

/// The managed object for a reference that C gives us.
///
/// # Errors
/// As for [`retrieve`].
///
/// # Safety
/// As for [`retrieve`], and the reference is the caller's.
#[inline]
pub unsafe fn take(vm: &VirtualMachine, block: Block) -> PyResult {
    // SAFETY: by contract.
    unsafe {
        if !block.is_null()
            && (*block).ob_refcnt == 1
            && let Some(header) = header(block)
            && header.twin.is_null()
            && let Some(object) = value_of(vm, block)
        {
            // Nobody else knows the block: there is nothing to tie.
            crate::lifetime::end_result(block);
            return object;
        }
        let object = retrieve(vm, block)?;
        table::decref(block);
        Ok(object)
    }
}

#[cold]
unsafe fn retrieve_new(vm: &VirtualMachine, block: Block) -> PyResult {
    if block.is_null() {
        return Err(vm.new_system_error("null argument to internal routine"));
    }
    // SAFETY: by the caller's contract `block` points to an object.
    unsafe {
        let Some(header) = header(block) else {
            if let Some(twin) = table::foreign_twin(block) {
                return Ok(twin.to_owned());
            }
            if (*block).ob_type.is_null() {
                return Err(vm.new_system_error("a static type is used before PyType_Ready"));
            }
            return new_instance(vm, block);
        };
        if header.flags & flag::DYING != 0 {
            return Err(vm.new_system_error("an object is used while it is being deallocated"));
        }
        if Kind::of(block) == Kind::List && is_exact((*block).ob_type) {
            let list: PyObjectRef = vm.ctx.new_list(vec![]).into();
            table::tie(block, &list);
            table::adopt(block, &list);
            crate::list::show(vm, block, &list)?;
            return Ok(list);
        }
        if let Some(object) = value_of(vm, block) {
            let object = object?;
            match Kind::of(block) {
                Kind::Long | Kind::Float => header.twin = object.as_object(),
                Kind::Tuple => {
                    table::tie(block, &object);
                    header.flags |= flag::SHOWN_TUPLE;
                }
                _ => table::tie(block, &object),
            }
            if (*block).ob_refcnt > 0 {
                table::adopt(block, &object);
            }
            return Ok(object);
        }
        new_instance(vm, block)
    }
}

/// A managed object with the value of a block of a builtin kind; None for objects that have an identity of their own.
unsafe fn value_of(vm: &VirtualMachine, block: Block) -> Option<PyResult> {
    // SAFETY: by the caller's contract; each kind is laid out as its struct says.
    unsafe {
        let kind = (*block).ob_type;
        let exact = is_exact(kind);
        let object: PyObjectRef = match Kind::of(block) {
            Kind::Long if exact => return Some(Ok(long::to_managed(vm, block))),
            Kind::Float if exact => vm.ctx.new_float((*block.cast::<c::PyFloatObject>()).ob_fval).into(),
            Kind::Complex if exact => {
                let value = (*block.cast::<c::PyComplexObject>()).cval;
                vm.ctx.new_complex(num_complex::Complex64::new(value.real, value.imag)).into()
            }
            Kind::Unicode if exact => unicode::to_managed(vm, block).into(),
            Kind::Bytes if exact => vm.ctx.new_bytes(bytes_slice(block).to_vec()).into(),
            Kind::Tuple if exact => {
                let items: PyResult<Vec<_>> = store::tuple_slice(block).iter().map(|&it| item(vm, it)).collect();
                match items {
                    Ok(items) => vm.ctx.new_tuple(items).into(),
                    Err(error) => return Some(Err(error)),
                }
            }
            Kind::List if exact => match crate::list::items(block).iter().map(|&it| item(vm, it)).collect() {
                Ok(items) => vm.ctx.new_list(items).into(),
                Err(error) => return Some(Err(error)),
            },
            Kind::Slice => {
                let slice = block.cast::<c::PySliceObject>();
                let part = |it: Block| item(vm, it).map(Some);
                match (part((*slice).start), item(vm, (*slice).stop), part((*slice).step)) {
                    (Ok(start), Ok(stop), Ok(step)) => PySlice { start, stop, step }.into_pyobject(vm),
                    (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => return Some(Err(error)),
                }
            }
            Kind::Dict if exact => return Some(crate::keywords::to_managed(vm, block)),
            Kind::Set if exact => PySet::default().into_pyobject(vm),
            _ => return None,
        };
        Some(Ok(object))
    }
}

/// An item of a container: NULL, which a container that was never filled has, reads as None.
unsafe fn item(vm: &VirtualMachine, block: Block) -> PyResult {
    if block.is_null() {
        return Ok(vm.ctx.none());
    }
    // SAFETY: containers hold live objects.
    unsafe { retrieve(vm, block) }
}

/// Whether a type with a builtin kind of objects is that builtin type itself.
unsafe fn is_exact(kind: *mut c::PyTypeObject) -> bool {
    // SAFETY: `kind` is a type's block. Outside of our range are the stub's static types and C's, which derive from them.
    unsafe { header(kind.cast()).is_none() && (*kind).tp_base == statics().object }
}

/// The bytes of a bytes block.
///
/// # Safety
/// `block` is one and stays alive.
pub unsafe fn bytes_slice<'a>(block: Block) -> &'a [u8] {
    // SAFETY: by contract.
    unsafe {
        let length = (*block.cast::<c::PyVarObject>()).ob_size as usize;
        std::slice::from_raw_parts(block.cast::<u8>().add(store::BYTES_DATA), length)
    }
}

/// Makes the managed half of an object whose contents are C's business.
unsafe fn new_instance(vm: &VirtualMachine, block: Block) -> PyResult {
    // SAFETY: by the caller's contract `block` is an object, so its type is one.
    unsafe {
        // C code may use a type that it never made ready, as long as it needs nothing of it.
        crate::heap_type::ready(vm, (*block).ob_type)?;
        let class = retrieve(vm, (*block).ob_type.cast())?
            .downcast::<PyType>()
            .map_err(|_| vm.new_system_error("an object's type is not a type"))?;
        if Kind::of(block) == Kind::Function {
            return Ok(crate::dispatch::dispatcher().function(vm, block));
        }
        let header = header(block).unwrap_or_else(|| crate::block::annex(block));
        let dict =
            class.slots.flags.has_feature(rustpython_vm::types::PyTypeFlags::HAS_DICT).then(|| vm.ctx.new_dict());
        header.flags |= flag::BOUND;
        let twin = with_payload(vm, block, class, dict)?;
        table::tie(block, &twin);
        if (*block).ob_refcnt > 0 {
            table::adopt(block, &twin);
        }
        if Kind::of(block) == Kind::List {
            crate::list::show(vm, block, &twin)?;
        }
        Ok(twin)
    }
}

/// Ties a managed object to the block that was made with it, which has a count of 1 already: both live for each other.
///
/// # Safety
/// `block` has a header, a count of 1 and no twin; `twin`'s payload links to it if `bound`.
pub unsafe fn marry(block: Block, twin: &PyObject, bound: bool) {
    // SAFETY: by contract.
    unsafe {
        if bound {
            header_of(block).flags |= flag::BOUND;
        }
        table::tie(block, twin);
        table::adopt(block, twin);
    }
}

/// A managed int's value, for callers that have an object.
pub fn int_of(object: &PyObject) -> Option<&rustpython_vm::Py<PyInt>> {
    object.downcast_ref()
}

/// The managed half of an object that C code made, of a class that may derive from a builtin type: then the VM sees that
/// type's payload, with the value that the block has now.
unsafe fn with_payload(vm: &VirtualMachine, block: Block, class: PyTypeRef, dict: Option<PyDictRef>) -> PyResult {
    fn bound<B: PyPayload + MaybeTraverse + std::fmt::Debug>(
        base: B,
        block: Block,
        class: PyTypeRef,
        dict: Option<PyDictRef>,
    ) -> PyObjectRef {
        let link = Link::new(block);
        // SAFETY: an object's type is ready.
        let collected = unsafe { (*(*block).ob_type).tp_flags & c::tpflags::HAVE_GC != 0 };
        if collected || dict.is_some() {
            PyRef::new_ref(Bound { base, link }, class, dict).into()
        } else {
            PyRef::new_ref(Leaf::new(base, link), class, None).into()
        }
    }
    // SAFETY: by the caller's contract; each kind is laid out as its struct says.
    unsafe {
        let items = |blocks: &[Block]| blocks.iter().map(|&it| item(vm, it)).collect::<PyResult<Vec<_>>>();
        Ok(match Kind::of(block) {
            Kind::Long => bound(PyInt::from(long::to_bigint(block)), block, class, dict),
            Kind::Float => bound(PyFloat::from((*block.cast::<c::PyFloatObject>()).ob_fval), block, class, dict),
            Kind::Complex => {
                let value = (*block.cast::<c::PyComplexObject>()).cval;
                bound(PyComplex::from(num_complex::Complex64::new(value.real, value.imag)), block, class, dict)
            }
            Kind::Unicode => {
                let text = unicode::to_managed(vm, block);
                bound(PyStr::from(text.as_wtf8().to_owned()), block, class, dict)
            }
            Kind::Bytes => bound(PyBytes::from(bytes_slice(block).to_vec()), block, class, dict),
            Kind::Tuple => {
                let items = items(store::tuple_slice(block))?;
                let twin = bound(PyTuple::new_unchecked(items.into_boxed_slice()), block, class, dict);
                crate::capi::structseq::keep_hidden(vm, block, &twin)?;
                twin
            }
            Kind::List => bound(PyList::from(vec![]), block, class, dict),
            Kind::Dict => bound(PyDict::default(), block, class, dict),
            Kind::Set => bound(PySet::default(), block, class, dict),
            _ => bound(rustpython_vm::builtins::PyBaseObject, block, class, dict),
        })
    }
}
