//! The module `midimonster`, through which a script talks to its instance. Its functions are bound to an object that knows
//! the instance, so that each interpreter's module is of its own instance.

use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustpython_vm::builtins::{PyInt, PyModule, PyStrRef};
use rustpython_vm::class::PyClassImpl;
use rustpython_vm::function::{ArgIndex, ArgIntoFloat, IntoPyNativeFn, ItemDoc, PyMethodDef, PyMethodFlags};
use rustpython_vm::types::{PyTypeFlags, PyTypeSlots};
use rustpython_vm::{AsObject, Context, Py, PyObjectRef, PyPayload, PyRef, PyResult, VirtualMachine, pyclass};

use crate::instance::{Change, Instance, Socket};
use crate::timers::rounded;

/// The name that scripts import.
const NAME: &str = "midimonster";

static FUNCTIONS: [PyMethodDef; 9] = [
    function("output", output),
    function("inputvalue", input_value),
    function("outputvalue", output_value),
    function("current", current),
    function("timestamp", timestamp),
    function("manage", manage),
    function("interval", interval),
    function("channels", channels),
    function("cleanup_handler", cleanup_handler),
];

const fn function<Kind>(name: &'static str, function: impl IntoPyNativeFn<Kind>) -> PyMethodDef {
    PyMethodDef::new_const(name, function, PyMethodFlags::METHOD, ItemDoc::NONE)
}

/// Makes the interpreter's module, which `import` finds from now on.
///
/// # Errors
/// What `sys.modules` raises.
pub(crate) fn install(vm: &VirtualMachine, instance: &Arc<Instance>) -> PyResult<()> {
    let binding = PyRef::new_ref(Binding(instance.clone()), Binding::make_static_type(), None);
    let doc = vm.ctx.new_str("What the router offers to its scripts.");
    let module: PyRef<PyModule> = vm.new_module(NAME, vm.ctx.new_dict(), Some(doc));
    for function in &FUNCTIONS {
        let bound = function.build_bound_function(&vm.ctx, binding.clone().into());
        module.as_object().set_attr(function.name, bound, vm)?;
    }
    vm.sys_module.get_attr("modules", vm)?.set_item(NAME, module.into(), vm)
}

/// What the functions are bound to.
#[pyclass(module = "midimonster", name = "Instance")]
#[derive(PyPayload)]
struct Binding(Arc<Instance>);

impl std::fmt::Debug for Binding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Binding").field(&self.0.name).finish()
    }
}

// What `#[pyclass]` would write here does not compile with debug assertions while the VM is built without them.
impl PyClassImpl for Binding {
    const TP_FLAGS: PyTypeFlags =
        PyTypeFlags::from_slice(&[PyTypeFlags::IMMUTABLETYPE, PyTypeFlags::DISALLOW_INSTANTIATION]);
    const METHOD_DEFS: &'static [PyMethodDef] = &[];

    fn impl_extend_class(_: &'static Context, _: &'static Py<rustpython_vm::builtins::PyType>) {}

    fn extend_slots(_: &mut PyTypeSlots) {}
}

/// Sets a channel's value, clamped to 0..1. Before the start it makes the channel, and the last value is sent then.
fn output(this: &Py<Binding>, name: PyStrRef, value: ArgIntoFloat, vm: &VirtualMachine) -> PyResult<()> {
    let (instance, name) = (&this.0, utf8(&name, vm)?);
    #[expect(clippy::manual_clamp, reason = "in this order, what is no number is 0; `clamp` would leave it")]
    let value = value.into_float().max(0.0).min(1.0);
    let mut state = instance.state();
    let has_started = instance.has_started();
    let number = if has_started { state.number(name) } else { Some(state.add_channel(name)) };
    let Some(number) = number else {
        log::debug!("{}: output on {name:?}, which is no channel", instance.name);
        return Ok(());
    };
    let channel = &mut state.channels[number as usize];
    channel.output = value;
    if has_started {
        state.outbox.push((number, value));
        drop(state);
        instance.changed();
    } else {
        channel.waits = true;
    }
    Ok(())
}

/// The last value that came in on a channel; None if there is no such channel.
fn input_value(this: &Py<Binding>, name: PyStrRef, vm: &VirtualMachine) -> PyResult<Option<f64>> {
    let state = this.0.state();
    Ok(state.number(utf8(&name, vm)?).map(|number| state.channels[number as usize].input))
}

/// The last value that was output on a channel; None if there is no such channel.
fn output_value(this: &Py<Binding>, name: PyStrRef, vm: &VirtualMachine) -> PyResult<Option<f64>> {
    let state = this.0.state();
    Ok(state.number(utf8(&name, vm)?).map(|number| state.channels[number as usize].output))
}

/// The name of the channel whose handler runs, or None.
fn current(this: &Py<Binding>, _vm: &VirtualMachine) -> Option<String> {
    let state = this.0.state();
    state.current.map(|number| state.channels[number as usize].name.clone())
}

/// The router's time in milliseconds.
fn timestamp(this: &Py<Binding>, _vm: &VirtualMachine) -> u64 {
    this.0.clock.load(Ordering::Relaxed)
}

/// The names of the channels, in the order in which they were made.
fn channels(this: &Py<Binding>, vm: &VirtualMachine) -> PyObjectRef {
    if !this.0.has_started() {
        log::warn!("{}: channels() does not know all channels before the configuration is read", this.0.name);
    }
    let names: Vec<String> = this.0.state().channels.iter().map(|channel| channel.name.clone()).collect();
    vm.ctx.new_list(names.into_iter().map(|name| vm.ctx.new_str(name).into()).collect()).into()
}

/// Has a function called every so many milliseconds; 0 ends that.
fn interval(this: &Py<Binding>, function: PyObjectRef, milliseconds: ArgIndex, vm: &VirtualMachine) -> PyResult<()> {
    if !function.is_callable() {
        return Err(vm.new_type_error("interval() requires a callable"));
    }
    let milliseconds = milliseconds
        .into_int_ref()
        .try_to_primitive::<u64>(vm)
        .map_err(|_| vm.new_value_error("interval() takes a number of milliseconds that is not negative"))?;
    let known = this.0.state().timers.functions();
    let same = equal(vm, &function, known)?.unwrap_or(function);
    // It is dropped behind the lock.
    let ended = this.0.state().timers.set(same, rounded(milliseconds), Instance::is_in_turn());
    drop(ended);
    this.0.changed();
    Ok(())
}

/// Sets what is called when the instance ends, None for nothing; gives what was set before, or None.
fn cleanup_handler(this: &Py<Binding>, function: PyObjectRef, vm: &VirtualMachine) -> PyResult<Option<PyObjectRef>> {
    let handler = callable_or_none(function, "cleanup_handler() requires None or a callable", vm)?;
    Ok(std::mem::replace(&mut this.0.state().cleanup, handler))
}

/// Has a function called with a socket, or anything with a `fileno()`, whenever it can be read; None ends that.
fn manage(this: &Py<Binding>, function: PyObjectRef, socket: PyObjectRef, vm: &VirtualMachine) -> PyResult<()> {
    const NEEDS: &str = "manage() requires None or a callable, and a socket-like object";
    let handler = callable_or_none(function, NEEDS, vm)?;
    let instance = &this.0;
    let fd = descriptor(vm, &socket).map_err(|_| vm.new_type_error(NEEDS))?;
    let known = managed(instance, vm, &socket)?;
    match (known, handler) {
        (Some(known), Some(handler)) => change_handler(instance, &known, handler),
        (Some(known), None) => forget(instance, &known),
        (None, Some(handler)) => {
            if fd < 0 {
                return Err(vm.new_type_error("manage() requires a socket-like object that is open"));
            }
            if is_free(instance, vm, fd) {
                let mut state = instance.state();
                state.sockets.push(Socket { fd, object: socket, handler });
                state.changes.push(Change::Watch(fd));
            }
        }
        (None, None) => {}
    }
    instance.changed();
    Ok(())
}

fn callable_or_none(function: PyObjectRef, needs: &str, vm: &VirtualMachine) -> PyResult<Option<PyObjectRef>> {
    match function {
        function if vm.is_none(&function) => Ok(None),
        function if function.is_callable() => Ok(Some(function)),
        _ => Err(vm.new_type_error(needs.to_owned())),
    }
}

/// The number of a descriptor; -1 if it is closed.
fn descriptor(vm: &VirtualMachine, socket: &PyObjectRef) -> PyResult<RawFd> {
    let number = vm.call_method(socket, "fileno", ())?;
    match number.downcast_ref::<PyInt>() {
        Some(number) => number.try_to_primitive(vm),
        None => Err(vm.new_type_error("fileno() returned no number")),
    }
}

/// The managed socket that equals this one.
fn managed(instance: &Instance, vm: &VirtualMachine, socket: &PyObjectRef) -> PyResult<Option<PyObjectRef>> {
    let sockets: Vec<PyObjectRef> = instance.state().sockets.iter().map(|it| it.object.clone()).collect();
    equal(vm, socket, sockets)
}

/// The first of some objects that is this one or equals it.
fn equal(vm: &VirtualMachine, object: &PyObjectRef, others: Vec<PyObjectRef>) -> PyResult<Option<PyObjectRef>> {
    for other in others {
        if vm.identical_or_equal(object, &other)? {
            return Ok(Some(other));
        }
    }
    Ok(None)
}

fn change_handler(instance: &Instance, socket: &PyObjectRef, handler: PyObjectRef) {
    let mut state = instance.state();
    let known = state.sockets.iter_mut().find(|it| it.object.is(socket));
    let old = known.map(|it| std::mem::replace(&mut it.handler, handler));
    drop(state);
    drop(old);
}

/// Ends the management of a socket.
fn forget(instance: &Instance, socket: &PyObjectRef) {
    let mut state = instance.state();
    let old = state.take_socket(|it| it.object.is(socket));
    if let Some(old) = &old {
        state.changes.push(Change::Unwatch(old.fd));
    }
    drop(state);
    drop(old);
}

/// Whether no other socket holds a descriptor. One that was closed without a word holds it no more.
fn is_free(instance: &Instance, vm: &VirtualMachine, fd: RawFd) -> bool {
    let holder = instance.state().sockets.iter().find(|it| it.fd == fd).map(|it| it.object.clone());
    let Some(holder) = holder else { return true };
    if !is_closed(vm, &holder, fd) {
        log::error!("{}: descriptor {fd} is managed with another socket already; nothing changes", instance.name);
        return false;
    }
    forget_closed(instance, &holder);
    true
}

/// Forgets the sockets that were closed without a word: the system says nothing of them.
pub(crate) fn forget_all_closed(instance: &Instance, vm: &VirtualMachine) {
    let sockets: Vec<(RawFd, PyObjectRef)> =
        instance.state().sockets.iter().map(|it| (it.fd, it.object.clone())).collect();
    for (fd, socket) in sockets {
        if is_closed(vm, &socket, fd) {
            forget_closed(instance, &socket);
        }
    }
}

fn is_closed(vm: &VirtualMachine, socket: &PyObjectRef, fd: RawFd) -> bool {
    descriptor(vm, socket).map_or(true, |now| now != fd)
}

fn forget_closed(instance: &Instance, socket: &PyObjectRef) {
    log::warn!("{}: a managed socket was closed; it is managed no more", instance.name);
    forget(instance, socket);
}

fn utf8<'a>(name: &'a PyStrRef, vm: &VirtualMachine) -> PyResult<&'a str> {
    name.try_as_utf8(vm).map(|name| name.as_str())
}
