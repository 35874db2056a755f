//! `artnet`: Art-Net 4 over UDP. An instance is a universe; its channels are `1` to `512`, and `COARSE+FINE` of 16 bits.
//!
//! Each ArtPoll that comes to an IPv4 socket is answered with one ArtPollReply for each instance there, as Art-Net 4 prefers
//! it: universes of different nets then need no grouping.

pub mod packet;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use self::packet::{Packet, Poll, PollReply, Port};
use crate::backend::{Backend, ChannelError, Direction, Event, InstanceId, OptionError, Ready, StartError};
use crate::backends::dmx::{self, Bind, Detect, Node, Protocol, Quota, Slots};
use crate::io::Io;

/// How many ArtPolls are answered in a second. Controllers ask every 3 s; more is a mistake or an attack.
const POLLS_A_SECOND: u32 = 20;

/// What an instance has of its own.
#[derive(Debug, Default)]
struct Universe {
    net: u8,
    /// Sub-net and universe.
    universe: u8,
    /// Of the last packet, 1 to 255.
    sequence: u8,
}

impl Protocol for Universe {
    type Sender = ();
    const PORT: u16 = packet::PORT;
    const REPEATS: u8 = 0;
    const FAREWELLS: u8 = 0;
    const ENABLE: &str = "set `destination`";

    fn address(&self) -> Result<u16, String> {
        Ok(packet::port_address(self.net, self.universe))
    }

    fn target(&self, configured: &[SocketAddr], socket: SocketAddr) -> Result<Option<SocketAddr>, String> {
        dmx::matching(configured, socket)
    }

    fn write(&mut self, _sender: &(), slots: &Slots, _last: bool, packet: &mut [u8; dmx::PACKET]) -> usize {
        // 0 would say that packets are not counted.
        self.sequence = self.sequence % u8::MAX + 1;
        let address = packet::port_address(self.net, self.universe);
        if let Some(packet) = packet.first_chunk_mut() {
            packet::write_dmx(self.sequence, address, slots, packet);
        }
        packet::DMX_LENGTH
    }
}

/// The backend.
#[derive(Debug, Default)]
pub struct Artnet {
    /// Of instances that do not set one.
    net: u8,
    node: Node<Universe>,
    detect: Detect,
    polls: Polls,
}

/// What answers to ArtPoll need.
#[derive(Debug)]
struct Polls {
    /// The address that each interface says it has, if configured.
    announced: Vec<Option<Ipv4Addr>>,
    quota: Quota,
    /// Replies so far.
    count: u32,
}

impl Default for Polls {
    fn default() -> Self {
        Self { announced: Vec::new(), quota: Quota::new(POLLS_A_SECOND, 1000), count: 0 }
    }
}

impl Polls {
    fn answer(&mut self, node: &mut Node<Universe>, interface: usize, poll: &Poll, from: SocketAddr, now: u64) {
        let Some(socket) = node.sockets.get_mut(interface) else { return };
        if !from.is_ipv4() || !self.quota.allows(now) {
            return;
        }
        let announced = self.announced.get(interface).copied().flatten().map(IpAddr::V4);
        let IpAddr::V4(ip) = announced.unwrap_or_else(|| socket.address_for(from)) else { return };
        let mut reply = |index, short_name: &str, long_name: &str, port| {
            let reply = PollReply { ip, index, count: self.count, short_name, long_name, port };
            self.count = self.count.wrapping_add(1);
            socket.send(&reply.to_bytes(), from, now);
        };
        let mut instances = node.instances.values().filter(|it| it.interface == interface).peekable();
        if instances.peek().is_none() {
            reply(1, "Rustclad", "Rustclad router", None);
        }
        // The number of a reply has 8 bits.
        for (index, instance) in (1..=u8::MAX).zip(instances) {
            let address = packet::port_address(instance.own.net, instance.own.universe);
            if poll.addresses.contains(&address) {
                let port = Port { address, receives: instance.universe.is_source(), sends: instance.target.is_some() };
                reply(index, &instance.name, &format!("Rustclad router: {}", instance.name), Some(port));
            }
        }
    }
}

impl Artnet {
    fn bind(&mut self, value: &str) -> Result<(), OptionError> {
        let (addresses, mut words) = dmx::host(value, packet::PORT)?;
        let announced = words.first().and_then(|word| word.strip_prefix("announce=")).map(str::to_owned);
        if announced.is_some() {
            words.remove(0);
        }
        dmx::no_more(&words, "ADDRESS [PORT] [announce=ADDRESS]")?;
        let announced = announced.map(|text| {
            text.parse().map_err(|_| OptionError::Invalid(format!("announce: {text:?} is not an IPv4 address")))
        });
        self.polls.announced.push(announced.transpose()?);
        self.node.binds.push(Bind { addresses, local: false });
        Ok(())
    }
}

fn net(value: &str) -> Result<u8, OptionError> {
    Ok(dmx::number_in(value, 0, 127)? as u8)
}

impl Backend for Artnet {
    fn configure(&mut self, option: &str, value: &str) -> Result<(), OptionError> {
        match option {
            "bind" => self.bind(value)?,
            "net" => self.net = net(value)?,
            "detect" => self.detect.configure(value)?,
            _ => return Err(OptionError::Unknown),
        }
        Ok(())
    }

    fn create(&mut self, id: InstanceId, name: &str, _folder: &Path) -> Result<(), StartError> {
        self.node.create(id, name, Universe { net: self.net, ..Universe::default() });
        Ok(())
    }

    fn configure_instance(&mut self, id: InstanceId, option: &str, value: &str) -> Result<(), OptionError> {
        let own = self.node.instances.get_mut(&id).map(|instance| &mut instance.own).ok_or(OptionError::Unknown)?;
        match option {
            "net" => own.net = net(value)?,
            "universe" | "uni" => own.universe = dmx::number_in(value, 0, 255)? as u8,
            "iface" => return self.node.configure(id, "interface", value),
            "dest" => return self.node.configure(id, "destination", value),
            _ => return self.node.configure(id, option, value),
        }
        Ok(())
    }

    fn channel(&mut self, id: InstanceId, name: &str, direction: Direction) -> Result<u32, ChannelError> {
        self.node.channel(id, name, direction)
    }

    fn start(&mut self, io: &mut Io) -> Result<(), StartError> {
        self.node.start(io)
    }

    fn timeout(&self, now: u64) -> Option<u64> {
        self.node.timeout(now)
    }

    fn send(&mut self, id: InstanceId, events: &[Event], io: &mut Io) {
        self.node.set(id, events, io.now());
    }

    fn process(&mut self, ready: &[Ready], io: &mut Io) {
        let now = io.now();
        self.node.receive(ready, now, |node, interface, bytes, from| match packet::parse(bytes) {
            Some(Packet::Dmx(dmx)) => take(node, &mut self.detect, interface, &dmx, from, io),
            Some(Packet::Poll(poll)) => self.polls.answer(node, interface, &poll, from, now),
            None => {}
        });
        self.node.send_due(now);
    }

    fn remove(&mut self, id: InstanceId, io: &mut Io) {
        self.node.remove(id, io.now());
    }

    fn shutdown(&mut self, io: &mut Io) {
        self.node.close(io);
    }
}

fn take(
    node: &mut Node<Universe>,
    detect: &mut Detect,
    interface: usize,
    dmx: &packet::Dmx<'_>,
    from: SocketAddr,
    io: &mut Io,
) {
    let mut found = node.find(interface, dmx.address);
    let [net, universe] = dmx.address.to_be_bytes();
    let what = format_args!("net {net} universe {universe}, {} channels", dmx.slots.len());
    detect.saw(interface, from, dmx.address, what, found.as_ref().map(|(_, instance)| instance.name.as_str()));
    if let Some((id, instance)) = &mut found {
        instance.universe.receive(dmx.slots, *id, io);
    }
}
