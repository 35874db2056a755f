//! Modules that C code makes: the block with the definition and the state, and its managed half.

use std::ffi::c_void;

use rustpython_vm::builtins::{PyModule, PyStrRef};
use rustpython_vm::{AsObject, PyObjectRef, PyRef, PyResult, VirtualMachine};

use crate::abi::layout::{self as c, ModuleBlock};
use crate::abi::statics::statics;
use crate::abi::text;
use crate::heap::block::Block;
use crate::heap::form::{Form, Visit, through};
use crate::heap::kind::Kind;
use crate::lifetime::bound::{Bound, Link};
use crate::lifetime::dealloc;
use crate::lifetime::thread::leave;
use crate::twins::forms::object::new_block_of;
use crate::twins::retrieve;
use crate::twins::store;

/// Modules.
pub(super) static FORM: Form = Form {
    sizes: (size_of::<ModuleBlock>(), 0),
    free: Some(free_state),
    each: Some(each),
    clear: Some(clear),
    ..Form::EMPTY
};

unsafe fn each(block: Block, visit: &mut Visit<'_>) {
    // SAFETY: a live module.
    through(visit, |function, argument| unsafe { traverse(block, function, argument) });
}

/// Makes a module with the usual entries in its dict; the block has a count of 1.
pub fn new(vm: &VirtualMachine, name: PyStrRef) -> PyResult<(Block, PyRef<Bound<PyModule>>)> {
    let dict = vm.ctx.new_dict();
    leave(vm, || dict.set_item("__name__", name.into(), vm))?;
    for key in ["__doc__", "__package__", "__loader__", "__spec__"] {
        leave(vm, || dict.set_item(key, vm.ctx.none(), vm))?;
    }
    // SAFETY: a fresh block of the size asked for; the payload links to it.
    unsafe {
        let block = new_block_of(statics().module, size_of::<ModuleBlock>());
        let payload = Bound { base: PyModule::new(), link: Link::new(block) };
        let twin = PyRef::new_ref(payload, vm.ctx.types.module_type.to_owned(), Some(dict));
        retrieve::marry(block, twin.as_object(), true);
        Ok((block, twin))
    }
}

/// Makes an empty module with a definition, which may be null.
pub(crate) fn new_with_definition(vm: &VirtualMachine, name: &str, def: *mut c::PyModuleDef) -> PyResult {
    let (block, twin) = new(vm, vm.ctx.new_str(name))?;
    // SAFETY: a fresh module's block, and the reference to it.
    unsafe {
        if !def.is_null() {
            set_definition(vm, block, def)?;
        }
        dealloc::decref(block);
    }
    Ok(twin.as_object().to_owned())
}

/// The definition of a module, or null if it has none or is no module.
///
/// # Safety
/// `block` points to an object.
pub unsafe fn definition(block: Block) -> *mut c::PyModuleDef {
    // SAFETY: by contract.
    unsafe {
        if Kind::of(block) == Kind::Module { (*block.cast::<ModuleBlock>()).md_def } else { std::ptr::null_mut() }
    }
}

/// Sets a module's definition and gives it its state, zeroed, if it has one.
///
/// # Errors
/// `MemoryError`.
///
/// # Safety
/// `block` is a module's, `def` lives for ever.
pub unsafe fn set_definition(vm: &VirtualMachine, block: Block, def: *mut c::PyModuleDef) -> PyResult<()> {
    // SAFETY: by contract.
    unsafe {
        let module = &mut *block.cast::<ModuleBlock>();
        module.md_def = def;
        allocate_state(vm, block, 0)
    }
}

/// Gives a module its state, of at least so many bytes, if its definition asks for one and it has none yet.
///
/// # Errors
/// `MemoryError`.
///
/// # Safety
/// `block` is a module's that has a definition.
pub(crate) unsafe fn allocate_state(vm: &VirtualMachine, block: Block, least: isize) -> PyResult<()> {
    // SAFETY: the caller set the definition.
    unsafe {
        let module = &mut *block.cast::<ModuleBlock>();
        let size = (*module.md_def).m_size;
        if size >= 0 && size.max(least) > 0 && module.md_state.is_null() {
            module.md_state = libc::calloc(1, size.max(least) as usize);
            if module.md_state.is_null() {
                return Err(vm.no_memory_error());
            }
        }
        Ok(())
    }
}

/// A module's definition, if it has a state that its functions may look at.
unsafe fn definition_with_state<'a>(block: Block) -> Option<&'a c::PyModuleDef> {
    // SAFETY: by the callers' contract.
    unsafe {
        let module = &*block.cast::<ModuleBlock>();
        module.md_def.as_ref().filter(|def| def.m_size <= 0 || !module.md_state.is_null())
    }
}

/// Calls a module's `m_traverse`.
///
/// # Safety
/// `block` is a module's; `visit` and `argument` belong together.
pub(crate) unsafe fn traverse(block: Block, visit: c::VisitProc, argument: *mut c_void) {
    // SAFETY: by contract.
    unsafe {
        if let Some(traverse) = definition_with_state(block).and_then(|def| def.m_traverse) {
            traverse(block, visit, argument);
        }
    }
}

/// Calls a module's `m_clear`.
///
/// # Safety
/// `block` is a module's.
pub(crate) unsafe fn clear(block: Block) {
    // SAFETY: by contract.
    unsafe {
        if let Some(clear) = definition_with_state(block).and_then(|def| def.m_clear) {
            clear(block);
        }
    }
}

/// Ends a module's state: `m_free` and the memory.
///
/// # Safety
/// `block` is a module's that nobody refers to.
pub(crate) unsafe fn free_state(block: Block) {
    // SAFETY: by contract.
    unsafe {
        let module = &mut *block.cast::<ModuleBlock>();
        if let Some(free) = definition_with_state(block).and_then(|def| def.m_free) {
            free(block.cast());
        }
        libc::free(module.md_state);
        module.md_state = std::ptr::null_mut();
    }
}

/// Calls `add` for each entry of a table that ends with a NULL name.
///
/// # Safety
/// `table` is NULL or such a table.
pub unsafe fn each_method(
    table: *mut c::PyMethodDef,
    mut add: impl FnMut(*mut c::PyMethodDef) -> PyResult<()>,
) -> PyResult<()> {
    let mut entry = table;
    // SAFETY: by contract.
    unsafe {
        while !entry.is_null() && !(*entry).ml_name.is_null() {
            add(entry)?;
            entry = entry.add(1);
        }
    }
    Ok(())
}

/// Adds a table's functions to a module's dict.
///
/// # Errors
/// `ValueError` for a method flag that functions cannot have.
///
/// # Safety
/// `module` is a module's block with a twin (or another object that stands for one), `methods` a table that lives
/// for ever.
pub unsafe fn add_functions(
    vm: &VirtualMachine,
    module: Block,
    name: &PyStrRef,
    methods: *mut c::PyMethodDef,
) -> PyResult<()> {
    // SAFETY: by contract.
    unsafe {
        let target: PyObjectRef = retrieve::retrieve(vm, module)?;
        each_method(methods, |method| {
            if (*method).ml_flags & (c::meth::CLASS | c::meth::STATIC) != 0 {
                return Err(vm.new_value_error("module functions cannot set METH_CLASS or METH_STATIC"));
            }
            let module_name = store::store(vm, name.as_object());
            let function = crate::twins::forms::function::new(vm, method, module, module_name, std::ptr::null_mut());
            dealloc::decref(module_name);
            let object = retrieve::take(vm, function?)?;
            leave(vm, || target.set_attr(vm.ctx.intern_str(text::of_c((*method).ml_name)), object, vm))
        })
    }
}
