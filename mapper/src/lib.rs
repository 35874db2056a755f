//! The bridge's memory and its C API: ties C's `PyObject*` blocks to RustPython's objects, loads extension modules and
//! implements the functions of CPython 3.14's C API.
//!
//! The way of a call: a managed function, which the dispatcher made, [enters](thread::enter) C, [stores](store::store)
//! its arguments as blocks and calls the C function. That one calls an exported symbol of the stub, one jump from a
//! function in [`capi`], which [retrieves](retrieve::retrieve) what it gets and stores what it gives. The modules from
//! `block` to `retrieve` own the memory; `capi` has one file per CPython header and uses only their faces.

use std::sync::Mutex;

use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

pub mod api;
mod arguments;
pub mod block;
pub mod bound;
mod builtin_module;
mod bytearray;
mod calling;
pub mod capi;
pub mod capsule;
pub mod characters;
pub mod check;
pub mod collect;
mod direct;
pub mod dispatch;
pub mod error;
pub mod export;
mod finalize;
pub mod format;
mod frames;
pub mod function;
mod gaps;
mod heap_type;
mod import;
mod instancemethod;
mod interpreter;
pub mod keywords;
pub mod kind;
pub mod layout;
pub mod lend;
pub mod lifetime;
mod link;
pub mod list;
mod loader;
mod lock;
pub mod long;
mod managed_slots;
pub mod module;
mod owned_slots;
pub mod passing;
mod pending;
mod phases;
pub mod pinned;
mod platform;
mod record;
pub mod reference;
pub mod retrieve;
mod slot_table;
mod slots;
mod state;
pub mod store;
mod symbols;
mod sysconfig;
pub mod table;
pub mod thread;
mod type_dict;
pub mod types;
pub mod unicode;
pub mod va_list;

pub use dispatch::Dispatcher;
pub use link::LinkError;
pub use loader::LoadError;
pub use symbols::{coverage, implementation, is_exported};

/// The bridge, as a Rust program uses it.
///
/// There is one stub library in a process and so one bridge; this type has no state of its own.
#[derive(Clone, Copy, Debug)]
pub struct Mapper(());

impl Mapper {
    /// Sets the bridge up for interpreters that are about to start: call the result from an init hook of each.
    /// Nothing is loaded before the first extension module is.
    pub fn hook(dispatcher: &'static dyn Dispatcher) -> impl Fn(&mut VirtualMachine) {
        dispatch::set(dispatcher);
        |vm| {
            import::install(vm);
            gaps::install(vm);
            pending::install(vm);
            sysconfig::install(vm);
        }
    }

    /// The bridge for an interpreter that was started with [`Mapper::hook`]; loads the stub at the first call.
    ///
    /// # Errors
    /// `ImportError` if the stub cannot be loaded.
    pub fn get(vm: &VirtualMachine) -> PyResult<Self> {
        ensure_linked(vm)?;
        Ok(Self(()))
    }

    /// Loads the extension module `name` (dotted if it belongs to a package) from the file at `path`, runs its
    /// initialisation and returns it. Modules of single-phase initialisation are put into `sys.modules`, as in CPython.
    ///
    /// # Errors
    /// `ImportError` naming path and reason; what the module's own code raises.
    pub fn load_module(self, vm: &VirtualMachine, name: &str, path: &str) -> PyResult {
        let machinery = vm.import("importlib.machinery", 0)?;
        let spec = vm
            .import_from("importlib.machinery", vm.ctx.new_tuple(vec![vm.ctx.new_str("ModuleSpec").into()]), 0)
            .unwrap_or(machinery)
            .get_attr("ModuleSpec", vm)?
            .call((name.to_owned(), vm.ctx.none()), vm)?;
        spec.set_attr("origin", vm.ctx.new_str(path), vm)?;
        let module = loader::create(vm, name, path, &spec)?;
        loader::exec(vm, &module)?;
        Ok(module)
    }

    /// The number of live blocks by type name, caches emptied first.
    pub fn live_blocks(self, vm: &VirtualMachine) -> std::collections::BTreeMap<String, usize> {
        let _section = thread::enter(vm);
        lifetime::live_blocks()
    }
}

static LINKED: Mutex<bool> = Mutex::new(false);

/// Whether the stub is loaded.
pub(crate) fn is_linked() -> bool {
    *LINKED.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Loads the stub if that has not happened yet.
pub(crate) fn ensure_linked(vm: &VirtualMachine) -> PyResult<()> {
    finalize::install(vm)?;
    let mut linked = LINKED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if *linked {
        return Ok(());
    }
    let fail = |reason: String| {
        vm.new_import_error(format!("Rustclad could not be set up: {reason}"), vm.ctx.new_str("_rustclad"))
    };
    lock::prepare();
    check::prepare();
    block::reserve().map_err(|error| fail(error.to_string()))?;
    interpreter::remember(vm);
    dispatch::dispatcher().prepare(vm);
    let section = thread::enter(vm);
    let result = link::link(vm).map_err(|error| fail(error.to_string()));
    drop(section);
    *linked = result.is_ok();
    result
}

/// A managed object's text for messages.
pub(crate) fn describe(vm: &VirtualMachine, object: &PyObjectRef) -> String {
    object.repr(vm).map_or_else(|_| "<object>".to_owned(), |text| text.to_string_lossy().into_owned())
}
