//! The bridge's memory and its C API: ties C's `PyObject*` blocks to RustPython's objects, loads extension modules and
//! implements the functions of CPython 3.14's C API.
//!
//! The way of a call: a managed function, which the dispatcher made, [enters](thread::enter) C,
//! [stores](twins::store::store) its arguments as blocks and calls the C function. That one calls an exported symbol of
//! the stub, one jump from a function in [`capi`], which [retrieves](twins::retrieve::retrieve) what it gets and stores
//! what it gives. The rooms [`heap`], [`lifetime`] and [`twins`] own the memory; [`capi`] has one file per CPython header
//! and uses only their faces.

use rustpython_vm::{PyResult, VirtualMachine};

pub mod abi;
pub mod calls;
pub mod capi;
pub mod gaps;
pub mod heap;
pub mod lifetime;
pub mod loader;
pub mod slots;
pub mod twins;

use crate::capi::support::pending;
use crate::gaps::{comparing, exceptions, memoryview, modules, order, packing, repeating, sysconfig};
use crate::lifetime::{dealloc, dispatch, thread};
use crate::loader::{import, load, setup};

pub use gaps::wrappers::make_wrappers;
pub use lifetime::dispatch::Dispatcher;
pub use loader::link::LinkError;
pub use loader::load::LoadError;
pub use loader::symbols::{coverage, implementation, is_exported};

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
        setup::set_rooms();
        move |vm| {
            dispatcher.start(vm);
            import::install(vm);
            modules::install(vm);
            order::install(vm);
            comparing::install(vm);
            memoryview::install(vm);
            packing::install(vm);
            repeating::install(vm);
            exceptions::install(vm);
            pending::install(vm);
            sysconfig::install(vm);
        }
    }

    /// The bridge for an interpreter that was started with [`Mapper::hook`]; loads the stub at the first call.
    ///
    /// # Errors
    /// `ImportError` if the stub cannot be loaded.
    pub fn get(vm: &VirtualMachine) -> PyResult<Self> {
        setup::ensure_linked(vm)?;
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
        let module = load::create(vm, name, path, &spec)?;
        load::exec(vm, &module)?;
        Ok(module)
    }

    /// The number of live blocks by type name, caches emptied first.
    pub fn live_blocks(self, vm: &VirtualMachine) -> std::collections::BTreeMap<String, usize> {
        let _section = thread::enter(vm);
        dealloc::live_blocks()
    }
}
