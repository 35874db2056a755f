//! `sacn`: streaming ACN, ANSI E1.31-2018, over UDP. An instance is a universe; its channels are `1` to `512`, and
//! `COARSE+FINE` of 16 bits.
//!
//! Values of start code 0 are taken; synchronisation is not, so that values count as they come. Of several sources of a
//! universe those of the highest priority count.

pub mod packet;
mod sources;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use self::packet::{Cid, Data, Outgoing, Source};
use self::sources::Sources;
use crate::backend::{Backend, ChannelError, Direction, Event, InstanceId, OptionError, Ready, StartError};
use crate::backends::dmx::{self, Bind, Detect, Node, Protocol, Slots};
use crate::io::Io;

/// How often the universes that are sent are announced, in milliseconds.
const DISCOVERY: u64 = 10_000;
/// The source's name, unless configured.
const NAME: &str = "Rustclad";
/// The source's identifier, unless configured: the original's, so that filters for it match.
const CID: &Cid = b"MIDIMonster\0\0\0\0\0";

/// What an instance has of its own.
#[derive(Debug, Default)]
struct Universe {
    /// 0 until it is configured.
    universe: u16,
    /// It sends if this is not 0, as in the original.
    priority: u8,
    /// Only packets of this source are taken.
    from: Option<Cid>,
    /// The multicast group is not joined.
    unicast: bool,
    /// Of the next packet.
    sequence: u8,
    sources: Sources,
}

impl Default for Source {
    fn default() -> Self {
        let mut name = [0; 64];
        name[..NAME.len()].copy_from_slice(NAME.as_bytes());
        Self { cid: *CID, name }
    }
}

impl Protocol for Universe {
    type Sender = Source;
    const PORT: u16 = packet::PORT;
    const REPEATS: u8 = 3;
    const FAREWELLS: u8 = 3;
    const ENABLE: &str = "set `priority`, say to 100";

    fn address(&self) -> Result<u16, String> {
        match self.universe {
            0 => Err("`universe` is missing: set it to a number from 1 to 63999".into()),
            universe => Ok(universe),
        }
    }

    fn target(&self, configured: &[SocketAddr], socket: SocketAddr) -> Result<Option<SocketAddr>, String> {
        if self.priority == 0 {
            return Ok(None);
        }
        let group = SocketAddr::new(packet::group(self.universe, socket.is_ipv6()), packet::PORT);
        dmx::matching(configured, socket).map(|found| found.or(Some(group)))
    }

    fn write(&mut self, sender: &Source, slots: &Slots, last: bool, packet: &mut [u8; dmx::PACKET]) -> usize {
        let Self { universe, priority, sequence, .. } = *self;
        self.sequence = sequence.wrapping_add(1);
        if let Some(packet) = packet.first_chunk_mut() {
            sender.write_data(&Outgoing { universe, priority, sequence, terminated: last, slots }, packet);
        }
        packet::DATA_LENGTH
    }
}

/// The backend.
#[derive(Debug, Default)]
pub struct Sacn {
    node: Node<Universe>,
    detect: Detect,
    /// Interfaces and universes of the groups that are joined.
    joined: BTreeSet<(usize, u16)>,
    /// When universes are announced next.
    discovery: u64,
}

impl Sacn {
    fn bind(&mut self, value: &str) -> Result<(), OptionError> {
        let (addresses, words) = dmx::host(value, packet::PORT)?;
        let local = words.first() == Some(&"local");
        dmx::no_more(&words[usize::from(local)..], "ADDRESS [PORT] [local]")?;
        self.node.binds.push(Bind { addresses, local });
        Ok(())
    }

    fn name(&mut self, value: &str) -> Result<(), OptionError> {
        let wrong = || OptionError::Invalid(format!("{value:?} is too long: a name has at most 63 bytes"));
        self.node.sender = Source::new(self.node.sender.cid, value).ok_or_else(wrong)?;
        Ok(())
    }

    /// Joins the groups of universes that events come from, and leaves those of others.
    fn join(&mut self) {
        let listening = self.detect.is_on();
        let instances = self.node.instances.values();
        let inputs = instances.filter(|it| !it.own.unicast && (listening || it.universe.is_source()));
        let wanted: BTreeSet<(usize, u16)> = inputs.map(|it| (it.interface, it.own.universe)).collect();
        for (interface, universe) in self.joined.difference(&wanted) {
            if let Some(socket) = self.node.sockets.get(*interface) {
                socket.leave(packet::group(*universe, socket.address().is_ipv6()));
            }
        }
        for (interface, universe) in wanted.difference(&self.joined) {
            let Some(socket) = self.node.sockets.get(*interface) else { continue };
            let group = packet::group(*universe, socket.address().is_ipv6());
            if let Err(error) = socket.join(group) {
                log::warn!(
                    "universe {universe} on interface {interface}: the multicast group {group} cannot be joined: {error}; only \
                     unicast packets come in (Linux limits the groups: see net.ipv4.igmp_max_memberships)"
                );
            }
        }
        self.joined = wanted;
    }

    /// Announces the universes that each interface sends.
    fn announce(&mut self, now: u64) {
        for interface in 0..self.node.sockets.len() {
            let sending = self.node.instances.values().filter(|it| it.interface == interface && it.target.is_some());
            let mut universes: Vec<u16> = sending.map(|it| it.own.universe).collect();
            universes.sort_unstable();
            self.announce_on(interface, &universes, now);
        }
    }

    fn announce_on(&mut self, interface: usize, universes: &[u16], now: u64) {
        let socket = &mut self.node.sockets[interface];
        let group = packet::group(packet::DISCOVERY_UNIVERSE, socket.address().is_ipv6());
        let pages = universes.chunks(packet::DISCOVERY_PAGE);
        let last = pages.len().saturating_sub(1) as u8;
        for (page, universes) in (0..=last).zip(pages) {
            let mut bytes = [0; packet::DISCOVERY_LENGTH];
            let length = self.node.sender.write_discovery(page, last, universes, &mut bytes);
            socket.send(&bytes[..length], SocketAddr::new(group, packet::PORT), now);
        }
    }
}

/// Reads a CID: a UUID, or 16 numbers.
fn cid(value: &str) -> Result<Cid, OptionError> {
    if let Ok(uuid) = uuid::Uuid::try_parse(value) {
        return Ok(uuid.into_bytes());
    }
    let bytes: Option<Vec<u8>> =
        value.split_whitespace().map(|word| dmx::number(word).and_then(|it| it.try_into().ok())).collect();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| OptionError::Invalid(format!("{value:?} is neither 16 bytes, as in 0x1f 0x02 ..., nor a UUID")))
}

impl Backend for Sacn {
    fn configure(&mut self, option: &str, value: &str) -> Result<(), OptionError> {
        match option {
            "bind" => self.bind(value)?,
            "name" => self.name(value)?,
            "cid" => self.node.sender.cid = cid(value)?,
            "detect" => self.detect.configure(value)?,
            _ => return Err(OptionError::Unknown),
        }
        Ok(())
    }

    fn create(&mut self, id: InstanceId, name: &str, _folder: &Path) -> Result<(), StartError> {
        self.node.create(id, name, Universe::default());
        Ok(())
    }

    fn configure_instance(&mut self, id: InstanceId, option: &str, value: &str) -> Result<(), OptionError> {
        let own = self.node.instances.get_mut(&id).map(|instance| &mut instance.own).ok_or(OptionError::Unknown)?;
        match option {
            "universe" => own.universe = dmx::number_in(value, 1, 63999)? as u16,
            "priority" => own.priority = dmx::number_in(value, 0, packet::MOST_PRIORITY.into())? as u8,
            "from" => own.from = Some(cid(value)?),
            "unicast" => own.unicast = dmx::flag(value)?,
            _ => return self.node.configure(id, option, value),
        }
        Ok(())
    }

    fn channel(&mut self, id: InstanceId, name: &str, direction: Direction) -> Result<u32, ChannelError> {
        self.node.channel(id, name, direction)
    }

    fn start(&mut self, io: &mut Io) -> Result<(), StartError> {
        self.node.start(io)?;
        self.join();
        self.discovery = io.now();
        Ok(())
    }

    fn timeout(&self, now: u64) -> Option<u64> {
        let due = self.node.timeout(now)?;
        Some(due.min(self.discovery.saturating_sub(now)))
    }

    fn send(&mut self, id: InstanceId, events: &[Event], io: &mut Io) {
        self.node.set(id, events, io.now());
    }

    fn process(&mut self, ready: &[Ready], io: &mut Io) {
        let now = io.now();
        self.node.receive(ready, now, |node, interface, bytes, from| {
            if let Some(data) = packet::parse(bytes) {
                take(node, &mut self.detect, interface, &data, from, io);
            }
        });
        self.node.send_due(now);
        if self.discovery <= now {
            self.announce(now);
            self.discovery = now + DISCOVERY;
        }
    }

    fn remove(&mut self, id: InstanceId, io: &mut Io) {
        self.node.remove(id, io.now());
        self.join();
    }

    fn shutdown(&mut self, io: &mut Io) {
        self.node.close(io);
        self.joined.clear();
    }
}

fn take(
    node: &mut Node<Universe>,
    detect: &mut Detect,
    interface: usize,
    data: &Data<'_>,
    from: SocketAddr,
    io: &mut Io,
) {
    let mut found = node.find(interface, data.universe);
    let what = format_args!("universe {}, {} channels, priority {}", data.universe, data.slots.len(), data.priority);
    detect.saw(interface, from, data.universe, what, found.as_ref().map(|(_, instance)| instance.name.as_str()));
    let Some((id, instance)) = &mut found else { return };
    let wanted = instance.own.from.is_none_or(|cid| cid == data.cid) && !data.preview && data.start_code == 0;
    if wanted && instance.own.sources.take(data, io.now()) {
        instance.universe.receive(data.slots, *id, io);
    }
}
