//! What backends work with: the time, descriptors to wait for, and events to hand on.

use std::collections::HashMap;
use std::io;
use std::os::fd::{BorrowedFd, RawFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use polling::{Event as Readiness, Events, PollMode, Poller};

use crate::instance::InstanceId;

/// What has happened for a backend since it last processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The descriptor that can be read, or has an error; None for a [`Waker`].
    pub fd: Option<RawFd>,
    /// What the backend gave with the descriptor or the waker.
    pub tag: u64,
}

impl Ready {
    /// The instance whose [tag](InstanceId::tag) it is.
    #[must_use]
    pub fn instance(&self) -> Option<InstanceId> {
        self.tag.try_into().ok().map(InstanceId)
    }
}

/// An event on its way: from a channel of an instance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Emitted {
    pub(crate) instance: InstanceId,
    pub(crate) channel: u32,
    pub(crate) value: f64,
}

struct Watch {
    backend: usize,
    tag: u64,
}

/// What woke the router from other threads: backend and tag.
type Wakes = Mutex<Vec<(usize, u64)>>;

/// Wakes the router from another thread: its backend then gets a [`Ready`] without a descriptor.
#[derive(Clone, Debug)]
pub struct Waker {
    poller: Arc<Poller>,
    wakes: Arc<Wakes>,
    backend: usize,
    tag: u64,
}

impl Waker {
    /// Wakes it. Several calls before the router looks are one.
    pub fn wake(&self) {
        let mut wakes = self.wakes.lock().unwrap_or_else(PoisonError::into_inner);
        if !wakes.contains(&(self.backend, self.tag)) {
            wakes.push((self.backend, self.tag));
            // It fails only when the system is out of resources; then the router looks within a second anyway.
            let _ = self.poller.notify();
        }
    }
}

/// What a backend can ask of the router.
pub struct Io {
    poller: Arc<Poller>,
    wakes: Arc<Wakes>,
    watched: HashMap<RawFd, Watch>,
    started: Instant,
    now: u64,
    /// The backend that is being called.
    pub(crate) backend: usize,
    pub(crate) emitted: Vec<Emitted>,
}

impl Io {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            poller: Arc::new(Poller::new()?),
            wakes: Arc::default(),
            watched: HashMap::new(),
            started: Instant::now(),
            now: 0,
            backend: 0,
            emitted: Vec::new(),
        })
    }

    /// Milliseconds since the router was made, as of the beginning of this turn.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.now
    }

    /// Hands on an event from a channel of an instance. What is not mapped goes nowhere.
    #[inline]
    pub fn emit(&mut self, instance: InstanceId, channel: u32, value: f64) {
        self.emitted.push(Emitted { instance, channel, value });
    }

    /// Has the backend process when a descriptor can be read or has an error, as long as that is so, until
    /// [`unwatch`](Self::unwatch). The descriptor stays the caller's, who should unwatch it before closing it: the system drops
    /// it then without a word.
    ///
    /// # Errors
    /// If it cannot be waited for (it is closed, say), or is watched already.
    pub fn watch(&mut self, fd: RawFd, tag: u64) -> io::Result<()> {
        // SAFETY: the descriptor is deleted from the poller by `unwatch`; if it was closed before, the system has deleted it.
        unsafe { self.poller.add_with_mode(fd, Readiness::readable(fd as usize), PollMode::Level)? };
        // If there was one of this number, it was closed.
        self.watched.insert(fd, Watch { backend: self.backend, tag });
        Ok(())
    }

    /// Ends [`watch`](Self::watch) with the same tag. Nothing happens if the descriptor is not watched, or if it was closed
    /// and its number is another one's now.
    pub fn unwatch(&mut self, fd: RawFd, tag: u64) {
        if self.watched.get(&fd).is_some_and(|watch| (watch.backend, watch.tag) == (self.backend, tag)) {
            self.watched.remove(&fd);
            // SAFETY: the poller only needs the number; a closed descriptor is an error, which says what we want.
            let _ = self.poller.delete(unsafe { BorrowedFd::borrow_raw(fd) });
        }
    }

    /// A handle with which other threads wake the backend.
    #[must_use]
    pub fn waker(&self, tag: u64) -> Waker {
        Waker { poller: self.poller.clone(), wakes: self.wakes.clone(), backend: self.backend, tag }
    }

    /// A handle that wakes the router and no backend.
    pub(crate) fn poller(&self) -> Arc<Poller> {
        self.poller.clone()
    }

    /// Updates the time.
    pub(crate) fn tick(&mut self) {
        self.now = self.started.elapsed().as_millis() as u64;
    }

    /// Waits for descriptors and wakers; gives each backend, by index, what is ready.
    pub(crate) fn wait(&mut self, timeout: Duration, events: &mut Events, ready: &mut [Vec<Ready>]) -> io::Result<()> {
        events.clear();
        self.poller.wait(events, Some(timeout))?;
        for event in events.iter() {
            let fd = event.key as RawFd;
            if let Some(watch) = self.watched.get(&fd) {
                ready[watch.backend].push(Ready { fd: Some(fd), tag: watch.tag });
            }
        }
        let mut wakes = self.wakes.lock().unwrap_or_else(PoisonError::into_inner);
        for (backend, tag) in wakes.drain(..) {
            ready[backend].push(Ready { fd: None, tag });
        }
        Ok(())
    }
}
