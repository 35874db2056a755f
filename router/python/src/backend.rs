//! The backend: interpreters, and what the router asks of instances.

use std::collections::BTreeMap;
use std::os::fd::RawFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustclad_router::backend::Event;
use rustclad_router::{Backend, ChannelError, Direction, InstanceId, Io, OptionError, Ready, StartError};
use rustpython_vm::vm::runtime::InterpreterConfig;
use rustpython_vm::{AsObject, Interpreter, PyResult, VirtualMachine};

use crate::garbage::Garbage;
use crate::handlers::{self, Handler};
use crate::instance::{Change, Instance};
use crate::module;

/// How the backend treats scripts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// A module that cannot be imported, or a handler that there is not, is shown and the rest goes on.
    pub lenient: bool,
}

/// An instance with its interpreter.
struct Script {
    instance: Arc<Instance>,
    interpreter: Interpreter,
    modules: Vec<String>,
    default_handler: Option<String>,
    garbage: Garbage,
}

type MakeInterpreter = Box<dyn Fn() -> Interpreter>;

/// The backend `python`.
pub struct Python {
    settings: Settings,
    make: MakeInterpreter,
    /// The main interpreter, made with the first instance.
    main: Option<Interpreter>,
    scripts: BTreeMap<InstanceId, Script>,
    clock: Arc<AtomicU64>,
    /// When timers were looked at last.
    looked_at: u64,
}

impl Python {
    /// A backend whose main interpreter `make` makes, when there is a script to run.
    pub fn new(settings: Settings, make: impl Fn() -> Interpreter + 'static) -> Self {
        Self {
            settings,
            make: Box::new(make),
            main: None,
            scripts: BTreeMap::new(),
            clock: Arc::default(),
            looked_at: 0,
        }
    }

    fn tick(&self, io: &Io) {
        self.clock.store(io.now(), Ordering::Relaxed);
    }

    /// Lets time pass for timers, and calls those that are due.
    fn run_timers(&mut self, io: &mut Io) {
        let passed = io.now() - std::mem::replace(&mut self.looked_at, io.now());
        for (id, script) in &self.scripts {
            let due = script.instance.state().timers.pass(passed);
            if !due.is_empty() {
                script.interpreter.enter(|vm| script.instance.run_timers(vm, due));
                script.flush(*id, io);
            }
        }
    }
}

impl Script {
    /// Collects garbage, sockets that were closed among it, if that is due; says whether it was. Finalizers may output.
    fn collect(&mut self, id: InstanceId, io: &mut Io) -> bool {
        let Some(generation) = self.garbage.due(io.now()) else { return false };
        self.interpreter.enter(|vm| {
            module::forget_all_closed(&self.instance, vm);
            vm.state.gc.collect(generation as usize);
        });
        self.flush(id, io);
        true
    }

    /// Hands on what the script has put down for the router.
    #[inline]
    fn flush(&self, id: InstanceId, io: &mut Io) {
        let mut state = self.instance.state();
        for (channel, value) in state.outbox.drain(..) {
            io.emit(id, channel, value);
        }
        if !state.changes.is_empty() {
            let changes = std::mem::take(&mut state.changes);
            drop(state);
            self.apply(id, changes, io);
        }
    }

    fn apply(&self, id: InstanceId, changes: Vec<Change>, io: &mut Io) {
        for change in changes {
            match change {
                Change::Unwatch(fd) => io.unwatch(fd, id.tag()),
                Change::Watch(fd) => {
                    if let Err(error) = io.watch(fd, id.tag()) {
                        log::error!("{}: descriptor {fd} cannot be waited for: {error}", self.instance.name);
                        self.drop_socket(fd);
                    }
                }
            }
        }
    }

    fn drop_socket(&self, fd: RawFd) {
        let dropped = self.instance.state().take_socket(|it| it.fd == fd);
        self.interpreter.enter(|_| drop(dropped));
    }

    /// Finds the handlers of channels that have none yet.
    fn find_handlers(&self, vm: &VirtualMachine, lenient: bool) -> Result<(), StartError> {
        let default = match &self.default_handler {
            Some(name) => self.handler(vm, name, lenient)?,
            None => None,
        };
        let names = self.instance.state().without_handler();
        for (number, name) in names {
            let handler = if name.contains('.') { self.handler(vm, &name, lenient)? } else { default.clone() };
            self.instance.state().channels[number].handler = handler;
        }
        Ok(())
    }

    /// A function by name; None if there is none and that is tolerated. Why is shown.
    fn handler(&self, vm: &VirtualMachine, name: &str, lenient: bool) -> Result<Option<Handler>, StartError> {
        match handlers::find(vm, name, &self.modules) {
            Ok(handler) => Ok(Some(handler)),
            Err(error) => {
                log::error!("{}: there is no handler {name}:", self.instance.name);
                vm.print_exception(&error);
                if lenient {
                    return Ok(None);
                }
                let reason = format!("the handler {name} cannot be used, for the reason shown (--lenient goes on)");
                Err(StartError { instance: Some(self.instance.name.clone()), reason })
            }
        }
    }

    /// Emits what was output before the start, which is now.
    fn send_waiting(&self, id: InstanceId, io: &mut Io) {
        let mut state = self.instance.state();
        // Under the lock: what another thread outputs is either waiting already or goes to the outbox.
        self.instance.has_started.store(true, Ordering::Relaxed);
        for (number, channel) in state.channels.iter_mut().enumerate() {
            if std::mem::take(&mut channel.waits) {
                io.emit(id, number as u32, channel.output);
            }
        }
    }

    /// Ends the instance: cleanup handler, channels, sockets, interpreter.
    fn end(self, id: InstanceId, io: &mut Io) {
        self.interpreter.enter(|vm| {
            let timers = self.instance.state().timers.clear();
            drop(timers);
            let cleanup = self.instance.state().cleanup.take();
            if let Some(cleanup) = cleanup {
                self.instance.call(vm, &cleanup, Vec::new());
            }
            let mut state = self.instance.state();
            let (channels, sockets) = (std::mem::take(&mut state.channels), std::mem::take(&mut state.sockets));
            // What the cleanup handler output goes nowhere.
            state.outbox.clear();
            state.changes.clear();
            drop(state);
            drop(channels);
            for socket in sockets {
                io.unwatch(socket.fd, id.tag());
                if let Err(error) = vm.call_method(&socket.object, "close", ()) {
                    vm.print_exception(&error);
                }
            }
        });
        self.interpreter.finalize(None);
    }
}

impl Backend for Python {
    fn configure(&mut self, _option: &str, _value: &str) -> Result<(), OptionError> {
        Err(OptionError::Invalid("the python backend has no options of its own".into()))
    }

    fn create(&mut self, id: InstanceId, name: &str, folder: &Path) -> Result<(), StartError> {
        let main = self.main.get_or_insert_with(&self.make);
        let failed = |reason: String| StartError { instance: Some(name.to_owned()), reason };
        let interpreter = main
            .create_subinterpreter_with_config(InterpreterConfig::LEGACY)
            .map_err(|error| failed(format!("there is no interpreter to be had: {error}")))?;
        let instance = Arc::new(Instance::new(name, self.clock.clone()));
        let ready = interpreter.enter(|vm| {
            let done = prepare(vm, &instance, folder);
            done.map_err(|error| {
                vm.print_exception(&error);
                failed("its interpreter cannot be prepared, for the reason shown".into())
            })
        });
        ready?;
        let (modules, garbage) = (Vec::new(), Garbage::default());
        self.scripts.insert(id, Script { instance, interpreter, modules, default_handler: None, garbage });
        Ok(())
    }

    fn configure_instance(&mut self, id: InstanceId, option: &str, value: &str) -> Result<(), OptionError> {
        let Some(script) = self.scripts.get_mut(&id) else { return Err(OptionError::Unknown) };
        match option {
            "module" => {
                script.modules.push(value.to_owned());
                let imported = script.interpreter.enter(|vm| import(vm, value));
                if imported || self.settings.lenient {
                    return Ok(());
                }
                let reason = format!("module {value} cannot be imported, for the reason shown (--lenient goes on)");
                Err(OptionError::Invalid(reason))
            }
            "default-handler" => {
                script.default_handler = Some(value.to_owned());
                Ok(())
            }
            _ => Err(OptionError::Unknown),
        }
    }

    fn channel(&mut self, id: InstanceId, name: &str, direction: Direction) -> Result<u32, ChannelError> {
        let Some(script) = self.scripts.get(&id) else { return Err(ChannelError("the instance has ended".into())) };
        let mut state = script.instance.state();
        let number = state.add_channel(name);
        state.channels[number as usize].is_destination |= direction == Direction::Destination;
        Ok(number)
    }

    fn start(&mut self, io: &mut Io) -> Result<(), StartError> {
        self.tick(io);
        self.looked_at = io.now();
        for (id, script) in &self.scripts {
            let _ = script.instance.waker.set(io.waker(id.tag()));
            script.interpreter.enter(|vm| script.find_handlers(vm, self.settings.lenient))?;
            script.send_waiting(*id, io);
            script.flush(*id, io);
        }
        Ok(())
    }

    fn timeout(&self, _now: u64) -> Option<u64> {
        self.scripts.values().filter_map(|script| script.instance.state().timers.next()).min()
    }

    fn send(&mut self, id: InstanceId, events: &[Event], io: &mut Io) {
        self.tick(io);
        let Some(script) = self.scripts.get(&id) else { return };
        script.interpreter.enter(|vm| {
            for event in events {
                script.instance.handle(vm, event.channel, event.value);
            }
        });
        script.flush(id, io);
    }

    fn process(&mut self, ready: &[Ready], io: &mut Io) {
        self.tick(io);
        self.run_timers(io);
        for ready in ready {
            let Some(id) = ready.instance() else { continue };
            let Some(script) = self.scripts.get(&id) else { continue };
            if let Some(fd) = ready.fd {
                script.interpreter.enter(|vm| script.instance.run_socket(vm, fd));
            }
            script.flush(id, io);
        }
        // At most one in a turn, so that none takes long.
        let _ = self.scripts.iter_mut().any(|(id, script)| script.collect(*id, io));
    }

    fn remove(&mut self, id: InstanceId, io: &mut Io) {
        if let Some(script) = self.scripts.remove(&id) {
            script.end(id, io);
        }
    }

    fn shutdown(&mut self, io: &mut Io) {
        for script in self.scripts.values() {
            let timers = script.instance.state().timers.clear();
            script.interpreter.enter(|_| drop(timers));
        }
        for (id, script) in std::mem::take(&mut self.scripts) {
            script.end(id, io);
        }
        if let Some(main) = self.main.take() {
            main.finalize(None);
        }
    }
}

/// Makes a fresh interpreter the instance's: its module, and the folder in front of the path.
fn prepare(vm: &VirtualMachine, instance: &Arc<Instance>, folder: &Path) -> PyResult<()> {
    // What it lacks is said when a script needs it, as with `python3 -S`.
    if let Err(error) = vm.import("site", 0) {
        log::debug!("{}: no site module: {}", instance.name, error.class().name());
    }
    vm.insert_sys_path(vm.ctx.new_str(folder.to_string_lossy().into_owned()).into())?;
    module::install(vm, instance)
}

/// Imports a module; shows why it cannot be. False then.
fn import(vm: &VirtualMachine, name: &str) -> bool {
    let imported = vm.import(&*vm.ctx.new_str(name), 0);
    imported.map_err(|error| vm.print_exception(&error)).is_ok()
}
