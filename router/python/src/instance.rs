//! What an instance and its script share. The script's threads may use it at any time, so it is behind a lock, which is
//! never held while Python code may run: also not while an object is dropped.

use std::cell::Cell;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustc_hash::FxHashMap;
use rustclad_router::Waker;
use rustpython_vm::{PyObjectRef, PyResult, VirtualMachine};

use crate::handlers::Handler;
use crate::timers::Timers;

/// A channel.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) name: String,
    pub(crate) handler: Option<Handler>,
    /// Events go to it, so it needs a handler.
    pub(crate) is_destination: bool,
    /// The last values in and out.
    pub(crate) input: f64,
    pub(crate) output: f64,
    /// It was set before the start.
    pub(crate) waits: bool,
}

/// A socket that the script has the router wait for.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) fd: RawFd,
    pub(crate) object: PyObjectRef,
    pub(crate) handler: PyObjectRef,
}

/// What the router is to do about a descriptor.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    Watch(RawFd),
    Unwatch(RawFd),
}

/// What the lock protects.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) channels: Vec<Channel>,
    numbers: FxHashMap<String, u32>,
    pub(crate) current: Option<u32>,
    pub(crate) outbox: Vec<(u32, f64)>,
    pub(crate) timers: Timers,
    pub(crate) sockets: Vec<Socket>,
    pub(crate) changes: Vec<Change>,
    pub(crate) cleanup: Option<PyObjectRef>,
}

impl State {
    /// The number of a channel, if there is one of that name.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        self.numbers.get(name).copied()
    }

    /// Numbers and names of the destinations that have no handler.
    pub(crate) fn without_handler(&self) -> Vec<(usize, String)> {
        let without = |channel: &Channel| channel.is_destination && channel.handler.is_none();
        let channels = self.channels.iter().enumerate().filter(|(_, channel)| without(channel));
        channels.map(|(number, channel)| (number, channel.name.clone())).collect()
    }

    /// The number of a channel, which is made if there is none.
    pub(crate) fn add_channel(&mut self, name: &str) -> u32 {
        if let Some(number) = self.number(name) {
            return number;
        }
        let number = self.channels.len() as u32;
        self.numbers.insert(name.to_owned(), number);
        self.channels.push(Channel {
            name: name.to_owned(),
            handler: None,
            is_destination: false,
            input: 0.0,
            output: 0.0,
            waits: false,
        });
        number
    }

    /// Takes out the first managed socket that `is_it` accepts.
    pub(crate) fn take_socket(&mut self, is_it: impl FnMut(&Socket) -> bool) -> Option<Socket> {
        let index = self.sockets.iter().position(is_it)?;
        Some(self.sockets.remove(index))
    }
}

thread_local! {
    /// Whether this is the router's thread.
    static IS_ROUTER: Cell<bool> = const { Cell::new(false) };
}

/// An instance.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) name: String,
    /// The router's time in milliseconds.
    pub(crate) clock: Arc<AtomicU64>,
    pub(crate) has_started: AtomicBool,
    /// Exceptions that handlers raised.
    pub(crate) raised: AtomicU64,
    pub(crate) waker: OnceLock<Waker>,
    state: Mutex<State>,
}

impl Instance {
    /// To be called on the router's thread.
    pub(crate) fn new(name: &str, clock: Arc<AtomicU64>) -> Self {
        IS_ROUTER.set(true);
        Self {
            name: name.to_owned(),
            clock,
            has_started: AtomicBool::new(false),
            raised: AtomicU64::new(0),
            waker: OnceLock::new(),
            state: Mutex::default(),
        }
    }

    #[inline]
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline]
    pub(crate) fn has_started(&self) -> bool {
        self.has_started.load(Ordering::Relaxed)
    }

    /// Whether this is the router's thread, which is in a turn then.
    #[inline]
    pub(crate) fn is_in_turn() -> bool {
        IS_ROUTER.get()
    }

    /// Has the router look at what was put into the state, if this is not its own thread, which looks anyway.
    #[inline]
    pub(crate) fn changed(&self) {
        if !Self::is_in_turn()
            && let Some(waker) = self.waker.get()
        {
            waker.wake();
        }
    }

    /// Calls a function of the script; an exception is printed and counted.
    pub(crate) fn call(&self, vm: &VirtualMachine, function: &PyObjectRef, arguments: Vec<PyObjectRef>) {
        let count = arguments.len();
        self.show_error(vm, function.vectorcall(arguments, count, None, vm));
    }

    fn show_error(&self, vm: &VirtualMachine, result: PyResult) {
        if let Err(error) = result {
            self.raised.fetch_add(1, Ordering::Relaxed);
            vm.print_exception(&error);
        }
    }

    /// Hands a value to a channel's handler. The channel has its old value until that returns.
    #[inline]
    pub(crate) fn handle(&self, vm: &VirtualMachine, number: u32, value: f64) {
        let mut state = self.state();
        let Some(channel) = state.channels.get(number as usize) else { return };
        if let Some(handler) = channel.handler.clone() {
            state.current = Some(number);
            drop(state);
            self.show_error(vm, handler.call(vm, value));
            state = self.state();
            state.current = None;
        }
        if let Some(channel) = state.channels.get_mut(number as usize) {
            channel.input = value;
        }
    }

    /// Calls what is due. A timer that another one cancels is not called any more.
    pub(crate) fn run_timers(&self, vm: &VirtualMachine, due: Vec<PyObjectRef>) {
        for function in due {
            if self.state().timers.has(&function) {
                self.call(vm, &function, Vec::new());
            }
        }
    }

    /// Calls the handler of a socket that can be read.
    pub(crate) fn run_socket(&self, vm: &VirtualMachine, fd: RawFd) {
        let socket = |it: &&Socket| it.fd == fd;
        let found = self.state().sockets.iter().find(socket).map(|it| (it.handler.clone(), it.object.clone()));
        if let Some((handler, object)) = found {
            self.call(vm, &handler, vec![object]);
        }
    }
}
