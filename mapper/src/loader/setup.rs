//! Setting the bridge up: the lower rooms get what they use of the upper ones, and the stub is loaded, once.

use std::sync::Mutex;

use rustpython_vm::{PyResult, VirtualMachine};

use crate::abi::overflow;
use crate::capi::methodobject;
use crate::heap::{block, form, lock};
use crate::lifetime::{check, dispatch, finalizer, handled, interpreter, locals, managed, stacks, thread, under_lock};
use crate::loader::{finalize, link};
use crate::slots::{fill, tables};
use crate::twins::{error, forms, types};

/// Gives the lower rooms what they use of the upper ones.
pub(crate) fn set_rooms() {
    form::set(&forms::TABLE);
    handled::set_reader(error::read);
    types::set_slots(fill::fill_managed);
    forms::function::set_entries(methodobject::ENTRIES);
    forms::descriptor::set_accessors(tables::get, tables::set);
    finalizer::set_of_python(fill::FINALIZERS);
    forms::wrapper::set_places(fill::places);
}

static LINKED: Mutex<bool> = Mutex::new(false);

/// Whether the stub is loaded.
pub(crate) fn is_linked() -> bool {
    *LINKED.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Loads the stub if that has not happened yet.
pub(crate) fn ensure_linked(vm: &VirtualMachine) -> PyResult<()> {
    finalize::install(vm)?;
    interpreter::remember(vm);
    let mut linked = LINKED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if *linked {
        return Ok(());
    }
    let fail = |reason: String| {
        vm.new_import_error(format!("Rustclad could not be set up: {reason}"), vm.ctx.new_str("_rustclad"))
    };
    lock::prepare();
    check::prepare();
    stacks::find_places(vm);
    block::reserve().map_err(|error| fail(error.to_string()))?;
    overflow::report();
    locals::prepare(vm)?;
    managed::prepare(vm);
    under_lock::prepare(vm);
    dispatch::dispatcher().prepare(vm);
    let section = thread::enter(vm);
    let result = link::link(vm).map_err(|error| fail(error.to_string()));
    drop(section);
    *linked = result.is_ok();
    result
}
