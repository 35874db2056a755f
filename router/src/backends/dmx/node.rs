//! The instances of a backend and the sockets they use: makes them, finds the one a packet is for, and sends what is due.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use rustc_hash::FxHashMap;

use super::options::{flag, no_more, number_in};
use super::pace::Pace;
use super::socket::{Bind, PACKET, Socket, host};
use super::universe::{Slots, Universe};
use crate::backend::{ChannelError, Direction, Event, InstanceId, OptionError, Ready, StartError};
use crate::io::Io;

/// How many packets of a socket are read in one turn, so that others get theirs.
const PACKETS_A_TURN: usize = 1000;

/// What an instance has of its own in one of the protocols.
pub(crate) trait Protocol {
    /// What all instances say of themselves.
    type Sender: Default;

    /// The port that is used where none is given.
    const PORT: u16;
    /// How often a change is repeated before only keep-alives are sent.
    const REPEATS: u8;
    /// How many packets say that an instance ends.
    const FAREWELLS: u8;
    /// What to do so that an instance sends.
    const ENABLE: &str;

    /// The number that packets have for the universe.
    ///
    /// # Errors
    /// If it is not configured.
    fn address(&self) -> Result<u16, String>;

    /// Where to send from a socket, if at all; `configured` is what the option `destination` says.
    ///
    /// # Errors
    /// If the socket cannot send there.
    fn target(&self, configured: &[SocketAddr], socket: SocketAddr) -> Result<Option<SocketAddr>, String>;

    /// Writes the next packet with the values of `slots`, and says its length. `last` means that the instance ends.
    fn write(&mut self, sender: &Self::Sender, slots: &Slots, last: bool, packet: &mut [u8; PACKET]) -> usize;
}

/// An instance.
#[derive(Debug)]
pub(crate) struct Instance<P> {
    pub(crate) name: String,
    pub(crate) interface: usize,
    destinations: Vec<SocketAddr>,
    /// Where it sends; None if it does not.
    pub(crate) target: Option<SocketAddr>,
    pub(crate) universe: Universe,
    pace: Pace,
    /// It was said that it does not send.
    warned: bool,
    pub(crate) own: P,
}

/// The instances and sockets of a backend.
#[derive(Debug)]
pub(crate) struct Node<P: Protocol> {
    pub(crate) sender: P::Sender,
    pub(crate) binds: Vec<Bind>,
    /// Of the first `binds`: all, once started.
    pub(crate) sockets: Vec<Socket>,
    pub(crate) instances: BTreeMap<InstanceId, Instance<P>>,
    /// By interface and the number that packets have for the universe.
    index: FxHashMap<(usize, u16), InstanceId>,
    /// When something is to be sent next.
    due: u64,
}

impl<P: Protocol> Default for Node<P> {
    fn default() -> Self {
        Self {
            sender: P::Sender::default(),
            binds: Vec::new(),
            sockets: Vec::new(),
            instances: BTreeMap::new(),
            index: FxHashMap::default(),
            due: u64::MAX,
        }
    }
}

/// The address of the socket's kind; none if there are none at all.
///
/// # Errors
/// If there are only others.
pub(crate) fn matching(addresses: &[SocketAddr], socket: SocketAddr) -> Result<Option<SocketAddr>, String> {
    let found = addresses.iter().find(|address| address.is_ipv4() == socket.is_ipv4()).copied();
    match (found, addresses.first()) {
        (None, Some(first)) => Err(format!(
            "{first} cannot be reached from {socket}, one is IPv4 and the other IPv6: choose another `interface` or `destination`"
        )),
        _ => Ok(found),
    }
}

impl<P: Protocol> Node<P> {
    pub(crate) fn create(&mut self, id: InstanceId, name: &str, own: P) {
        self.instances.insert(
            id,
            Instance {
                name: name.to_owned(),
                interface: 0,
                destinations: Vec::new(),
                target: None,
                universe: Universe::default(),
                pace: Pace::new(P::REPEATS),
                warned: false,
                own,
            },
        );
    }

    /// Takes an option that both protocols have.
    pub(crate) fn configure(&mut self, id: InstanceId, option: &str, value: &str) -> Result<(), OptionError> {
        let instance = self.instances.get_mut(&id).ok_or(OptionError::Unknown)?;
        match option {
            "interface" => instance.interface = number_in(value, 0, u64::from(u16::MAX))? as usize,
            "realtime" => instance.pace.realtime = flag(value)?,
            "destination" => {
                let (addresses, rest) = host(value, P::PORT)?;
                no_more(&rest, "ADDRESS or ADDRESS PORT")?;
                instance.destinations = addresses;
            }
            _ => return Err(OptionError::Unknown),
        }
        Ok(())
    }

    pub(crate) fn channel(&mut self, id: InstanceId, name: &str, direction: Direction) -> Result<u32, ChannelError> {
        let instance = self.instances.get_mut(&id).ok_or_else(|| ChannelError("its instance is gone".into()))?;
        instance.universe.channel(name, direction)
    }

    /// Binds, and makes all instances ready.
    pub(crate) fn start(&mut self, io: &mut Io) -> Result<(), StartError> {
        self.open(io)?;
        self.index.clear();
        for (id, instance) in &mut self.instances {
            let fail = |reason| StartError { instance: Some(instance.name.clone()), reason };
            let Some(socket) = self.sockets.get(instance.interface) else {
                return Err(fail(no_interface(instance.interface, self.sockets.len())));
            };
            let address = instance.own.address().map_err(fail)?;
            instance.target = instance.own.target(&instance.destinations, socket.address()).map_err(fail)?;
            if self.index.insert((instance.interface, address), *id).is_some() {
                return Err(fail("another instance has the same universe and interface: use one for both".into()));
            }
            instance.universe.complete();
        }
        self.due = 0;
        Ok(())
    }

    fn open(&mut self, io: &mut Io) -> Result<(), StartError> {
        for bind in &self.binds[self.sockets.len()..] {
            let wanted = bind.addresses.first().map_or_else(String::new, ToString::to_string);
            let fail = |error| StartError {
                instance: None,
                reason: format!(
                    "{wanted} cannot be bound: {error}; check the address in `bind`, and what else uses the port"
                ),
            };
            let socket = Socket::open(bind).map_err(fail)?;
            io.watch(socket.fd(), self.sockets.len() as u64).map_err(fail)?;
            log::info!("interface {} is {}", self.sockets.len(), socket.address());
            self.sockets.push(socket);
        }
        Ok(())
    }

    /// The instance that packets of a universe on an interface are for.
    pub(crate) fn find(&mut self, interface: usize, address: u16) -> Option<(InstanceId, &mut Instance<P>)> {
        let id = *self.index.get(&(interface, address))?;
        Some((id, self.instances.get_mut(&id)?))
    }

    /// Hands the packets that came in to `take`: with their interface, and where they are from.
    pub(crate) fn receive(
        &mut self,
        ready: &[Ready],
        now: u64,
        mut take: impl FnMut(&mut Self, usize, &[u8], SocketAddr),
    ) {
        let mut packet = [0; PACKET];
        for interface in ready.iter().map(|it| it.tag as usize) {
            for _ in 0..PACKETS_A_TURN {
                let socket = self.sockets.get_mut(interface);
                let Some((length, from)) = socket.and_then(|it| it.receive(&mut packet, now)) else { break };
                take(self, interface, &packet[..length], from);
            }
        }
    }

    /// When [`send_due`](Self::send_due) has something to do, from `now` in milliseconds.
    pub(crate) fn timeout(&self, now: u64) -> Option<u64> {
        (self.due != u64::MAX).then(|| self.due.saturating_sub(now))
    }

    /// Takes values to send. They go out in the next turn at the earliest, with what comes until then, or now if they must.
    pub(crate) fn set(&mut self, id: InstanceId, events: &[Event], now: u64) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        if instance.target.is_none() {
            instance.warn();
        } else if instance.universe.set(events) {
            instance.pace.change();
            self.due = self.due.min(instance.pace.due());
            if instance.pace.realtime {
                self.send_due(now);
            }
        }
    }

    /// Sends the universes that are due.
    pub(crate) fn send_due(&mut self, now: u64) {
        if self.due > now {
            return;
        }
        self.due = u64::MAX;
        for instance in self.instances.values_mut().filter(|it| it.target.is_some()) {
            if instance.pace.due() <= now {
                instance.send(&self.sender, &mut self.sockets, false, now);
            }
            self.due = self.due.min(instance.pace.due());
        }
    }

    /// Ends an instance.
    pub(crate) fn remove(&mut self, id: InstanceId, now: u64) {
        self.index.retain(|_, other| *other != id);
        if let Some(mut instance) = self.instances.remove(&id) {
            instance.finish(&self.sender, &mut self.sockets, now);
        }
    }

    /// Ends all instances, and closes the sockets.
    pub(crate) fn close(&mut self, io: &mut Io) {
        for instance in self.instances.values_mut() {
            instance.finish(&self.sender, &mut self.sockets, io.now());
        }
        self.instances.clear();
        self.index.clear();
        self.due = u64::MAX;
        for (tag, socket) in self.sockets.drain(..).enumerate() {
            io.unwatch(socket.fd(), tag as u64);
        }
    }
}

impl<P: Protocol> Instance<P> {
    fn send(&mut self, sender: &P::Sender, sockets: &mut [Socket], last: bool, now: u64) {
        let (Some(target), Some(socket)) = (self.target, sockets.get_mut(self.interface)) else { return };
        let mut packet = [0; PACKET];
        let length = self.own.write(sender, self.universe.levels(), last, &mut packet);
        let sent = socket.send(&packet[..length], target, now);
        self.pace.tried(now, sent);
    }

    /// Sends what was held back, and that this is the end.
    fn finish(&mut self, sender: &P::Sender, sockets: &mut [Socket], now: u64) {
        if self.pace.is_changed() {
            self.send(sender, sockets, false, now);
        }
        for _ in 0..P::FAREWELLS {
            self.send(sender, sockets, true, now);
        }
    }

    fn warn(&mut self) {
        if !std::mem::replace(&mut self.warned, true) {
            log::warn!("{}: events go to it, but it does not send: {} (this is said once)", self.name, P::ENABLE);
        }
    }
}

fn no_interface(wanted: usize, count: usize) -> String {
    match count {
        0 => "there is no interface: write `bind = ADDRESS`, say 0.0.0.0, in the backend's section".into(),
        _ => format!("there is no interface {wanted}: there are {count} lines `bind`, counted from 0"),
    }
}
