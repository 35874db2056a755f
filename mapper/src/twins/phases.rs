//! Multi-phase initialisation (PEP 489): a module from its definition and spec, then its execution slots.

use std::ffi::{c_int, c_void};

use rustpython_vm::builtins::{PyBaseExceptionRef, PyStrRef};
use rustpython_vm::{PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::abi::text;
use crate::heap::block::Block;
use crate::heap::kind::Kind;
use crate::lifetime::thread::{leave, leave_with};
use crate::twins::forms::module;
use crate::twins::reference::Borrowed;
use crate::twins::{error, retrieve};

const CREATE: c_int = 1;
const EXEC: c_int = 2;
const MULTIPLE_INTERPRETERS: c_int = 3;
const GIL: c_int = 4;

type Create = unsafe extern "C" fn(Block, *mut c::PyModuleDef) -> Block;
type Execute = unsafe extern "C" fn(Block) -> c_int;

/// A definition's slots.
unsafe fn slots(def: *mut c::PyModuleDef) -> impl Iterator<Item = (c_int, *mut c_void)> {
    // SAFETY: the table ends with slot 0; the caller gives a valid definition.
    let mut next = unsafe { (*def).m_slots };
    std::iter::from_fn(move || {
        if next.is_null() {
            return None;
        }
        // SAFETY: as above.
        let slot = unsafe { *next };
        next = next.wrapping_add(1);
        (slot.slot != 0).then_some((slot.slot, slot.value))
    })
}

/// Makes a module from its definition and spec (`PyModule_FromDefAndSpec`). Returns a new reference.
///
/// # Errors
/// `SystemError` for a definition that breaks the rules; what the create slot raised.
///
/// # Safety
/// `def` is a valid definition that lives for ever.
pub(crate) unsafe fn from_definition(vm: &VirtualMachine, def: *mut c::PyModuleDef, spec: Borrowed) -> PyResult<Block> {
    // SAFETY: by contract.
    unsafe {
        let name: PyStrRef = leave_with(vm, spec.get(vm)?, |it| it.get_attr("name", vm)?.try_into_value(vm))?;
        if (*def).m_size < 0 {
            return Err(vm.new_system_error(format!(
                "module {name}: m_size may not be negative for multi-phase initialization"
            )));
        }
        let (mut create, mut interpreters, mut lock) = (None, false, false);
        let mut has_exec = false;
        for (slot, value) in slots(def) {
            match slot {
                CREATE if create.is_some() => {
                    return Err(vm.new_system_error(format!("module {name} has multiple create slots")));
                }
                CREATE => create = Some(std::mem::transmute::<*mut c_void, Create>(value)),
                EXEC => has_exec = true,
                MULTIPLE_INTERPRETERS if interpreters => {
                    let wrong = format!("module {name} has more than one 'multiple interpreters' slots");
                    return Err(vm.new_system_error(wrong));
                }
                MULTIPLE_INTERPRETERS => {
                    interpreters = true;
                    if value.is_null() {
                        needs_main(vm, &name.to_string_lossy())?;
                    }
                }
                GIL if lock => {
                    return Err(vm.new_system_error(format!("module {name} has more than one 'gil' slot")));
                }
                GIL => lock = true,
                other => {
                    return Err(vm.new_system_error(format!("module {name} uses unknown slot ID {other}")));
                }
            }
        }
        let block = match create {
            Some(create) => {
                let made = create(spec.0, def);
                created(vm, &name, made, def, has_exec).inspect_err(|_| crate::lifetime::dealloc::xdecref(made))?
            }
            None => {
                let (block, _) = module::new(vm, name.clone())?;
                (*block.cast::<c::ModuleBlock>()).md_def = def;
                block
            }
        };
        module::add_functions(vm, block, &name, (*def).m_methods)?;
        if !(*def).m_doc.is_null() {
            let doc = vm.ctx.new_str(text::of_c((*def).m_doc));
            leave_with(vm, retrieve::retrieve(vm, block)?, |it| it.set_attr("__doc__", doc, vm))?;
        }
        Ok(block)
    }
}

/// Refuses a module that keeps its state for the process in an interpreter that wants none of those. (CPython also
/// refuses modules that need a lock shared by all interpreters where one has its own; there is one C lock here.)
pub(crate) fn needs_main(vm: &VirtualMachine, name: &str) -> PyResult<()> {
    if !vm.state.feature_flags.check_multi_interp_extensions {
        return Ok(());
    }
    let wrong = format!("module {name} does not support loading in subinterpreters");
    Err(vm.new_import_error(wrong, vm.ctx.new_str(name)))
}

/// Checks what a create slot made.
unsafe fn created(
    vm: &VirtualMachine,
    name: &PyStrRef,
    made: Block,
    def: *mut c::PyModuleDef,
    has_exec: bool,
) -> PyResult<Block> {
    if made.is_null() {
        return Err(error::take(vm).unwrap_or_else(|| {
            vm.new_system_error(format!("creation of module {name} failed without setting an exception"))
        }));
    }
    if let Some(cause) = error::take(vm) {
        return Err(caused(
            vm.new_system_error(format!("creation of module {name} raised unreported exception")),
            cause,
        ));
    }
    // SAFETY: the slot gave an object.
    unsafe {
        if Kind::of(made) == Kind::Module {
            (*made.cast::<c::ModuleBlock>()).md_def = def;
        } else if (*def).m_size > 0
            || (*def).m_traverse.is_some()
            || (*def).m_clear.is_some()
            || (*def).m_free.is_some()
        {
            return Err(vm.new_system_error(format!("module {name} is not a module object, but requests module state")));
        } else if has_exec {
            return Err(vm.new_system_error(format!(
                "module {name} specifies execution slots, but did not create a ModuleType instance"
            )));
        }
    }
    Ok(made)
}

fn caused(wrong: PyBaseExceptionRef, cause: PyBaseExceptionRef) -> PyBaseExceptionRef {
    error::chain(&wrong, cause);
    wrong
}

/// Runs a module's execution slots (`PyModule_ExecDef`).
///
/// # Errors
/// What a slot raised; `SystemError` if it broke the rules.
///
/// # Safety
/// `block` is a module's, `def` its definition.
pub(crate) unsafe fn execute(vm: &VirtualMachine, block: Block, def: *mut c::PyModuleDef) -> PyResult<()> {
    // SAFETY: by contract.
    unsafe {
        let twin = retrieve::retrieve(vm, block)?;
        let name: PyStrRef = leave(vm, || twin.get_attr("__name__", vm)?.try_into_value(vm))?;
        (*block.cast::<c::ModuleBlock>()).md_def = def;
        // Also an empty state: it says that the module was executed.
        module::allocate_state(vm, block, 1)?;
        for (slot, value) in slots(def) {
            if slot != EXEC {
                continue;
            }
            let failed = std::mem::transmute::<*mut c_void, Execute>(value)(block) != 0;
            match (failed, error::take(vm)) {
                (true, Some(raised)) => return Err(raised),
                (true, None) => {
                    return Err(
                        vm.new_system_error(format!("execution of module {name} failed without setting an exception"))
                    );
                }
                (false, Some(cause)) => {
                    let wrong = format!("execution of module {name} raised unreported exception");
                    return Err(caused(vm.new_system_error(wrong), cause));
                }
                (false, None) => {}
            }
        }
        Ok(())
    }
}
