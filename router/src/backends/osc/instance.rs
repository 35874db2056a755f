//! An instance: its options, its socket, and whom it sends to.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;

use rosc::{OscMessage, OscPacket, OscType, encoder};

use super::addresses::Addresses;
use super::format::{self, Argument};
use super::pattern::{self, Matcher};
use super::{packet, socket};
use crate::backend::{ChannelError, Direction, Event, InstanceId, OptionError};
use crate::backends::seldom::Seldom;
use crate::io::Io;

/// Comparisons with addresses after which the other instances and backends have their turn: a message that is no pattern is
/// one, and so is a packet that cannot be read.
const COMPARISONS_PER_TURN: usize = 1000;

/// Whom an instance sends to.
#[derive(Debug)]
enum Destination {
    /// One of these addresses, which are of one host.
    Fixed(Vec<SocketAddr>),
    /// Whoever sent last; if there is a port, there.
    Learn(Option<u16>),
}

/// What all instances share while they read.
pub(super) struct Reading {
    /// A packet fits in it.
    pub(super) buffer: Box<[u8]>,
    /// Whether what comes in is reported.
    pub(super) detect: bool,
}

#[derive(Debug)]
pub(super) struct Instance {
    id: InstanceId,
    name: String,
    /// In front of every path; without a slash at its end.
    root: String,
    bind: Option<Vec<SocketAddr>>,
    destination: Option<Destination>,
    /// Patterns of paths and what they say, in order.
    formats: Vec<(String, Vec<Argument>)>,
    addresses: Addresses,
    /// Whether a channel is sent to.
    sends: bool,
    socket: Option<UdpSocket>,
    /// Whom it sends to now.
    target: Option<SocketAddr>,
    send_trouble: Seldom,
    receive_trouble: Seldom,
}

impl Instance {
    pub(super) fn new(id: InstanceId, name: &str) -> Self {
        Self {
            id,
            name: name.to_owned(),
            root: String::new(),
            bind: None,
            destination: None,
            formats: Vec::new(),
            addresses: Addresses::default(),
            sends: false,
            socket: None,
            target: None,
            send_trouble: Seldom::default(),
            receive_trouble: Seldom::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn configure(&mut self, option: &str, value: &str) -> Result<(), OptionError> {
        match option {
            "root" => {
                pattern::check_address(value).map_err(invalid)?;
                self.root = value.trim_end_matches('/').to_owned();
            }
            "bind" => self.bind = Some(socket::resolve(value).map_err(invalid)?),
            "dest" | "destination" => self.destination = Some(parse_destination(value).map_err(invalid)?),
            path if path.starts_with('/') => {
                pattern::check_pattern(path).map_err(invalid)?;
                self.formats.push((path.to_owned(), format::parse(value).map_err(invalid)?));
            }
            _ => return Err(OptionError::Unknown),
        }
        Ok(())
    }

    /// The channel `PATH` or `PATH:ARGUMENT`.
    pub(super) fn channel(&mut self, name: &str, direction: Direction) -> Result<u32, ChannelError> {
        let (path, argument) = split_channel(name)?;
        pattern::check_address(path).map_err(|error| ChannelError(error.to_string()))?;
        let formats = &self.formats;
        let channel = self.addresses.channel(format!("{}{path}", self.root), argument, || configured(formats, path));
        if direction == Direction::Destination {
            self.check_output(path, argument, self.addresses.arguments(channel))?;
            self.sends = true;
        }
        Ok(channel)
    }

    /// Checks that an argument of `path`, which is sent with so many `arguments`, can be sent.
    fn check_output(&self, path: &str, argument: usize, arguments: usize) -> Result<(), ChannelError> {
        if arguments == 0 {
            // MIDIMonster runs such files: mappings in both directions have one that is not meant.
            log::warn!(
                "{}.{path}: nothing is sent to it, because its types are not known: add a line such as `{path} = f 0 1` to \
                 the instance",
                self.name
            );
        } else if argument >= arguments {
            return Err(ChannelError(format!(
                "it is sent with {arguments} arguments, counted from 0: there is no argument {argument}"
            )));
        }
        Ok(())
    }

    /// Opens the socket, unless it is open.
    pub(super) fn start(&mut self, io: &mut Io) -> Result<(), String> {
        if self.socket.is_some() {
            return Ok(());
        }
        let local = match (&self.bind, &self.destination) {
            (Some(addresses), _) => addresses.clone(),
            (None, Some(Destination::Fixed(addresses))) => vec![socket::any_like(addresses[0])],
            _ => {
                log::warn!("{}: it does nothing: it needs a `bind` to receive, or a `destination` to send", self.name);
                return Ok(());
            }
        };
        let unusable =
            |error| format!("the address {} cannot be used: {error}; choose another in `bind`", list(&local));
        let socket = socket::open(&local).map_err(unusable)?;
        self.target = self.first_target(socket.local_addr().map_err(unusable)?)?;
        io.watch(socket.as_raw_fd(), self.id.tag()).map_err(unusable)?;
        self.socket = Some(socket);
        Ok(())
    }

    /// Whom a socket at `local` sends to before it has received anything.
    fn first_target(&self, local: SocketAddr) -> Result<Option<SocketAddr>, String> {
        match &self.destination {
            None if self.sends => {
                log::warn!("{}: nothing is sent, because it has no `destination`", self.name);
                Ok(None)
            }
            None | Some(Destination::Learn(_)) => Ok(None),
            Some(Destination::Fixed(addresses)) => socket::reachable(local, addresses).map(Some).ok_or_else(|| {
                format!("{} cannot be reached from {local}: give `bind` an address of the same kind", list(addresses))
            }),
        }
    }

    /// Sends what these events change.
    pub(super) fn send(&mut self, events: &[Event], bytes: &mut Vec<u8>, now: u64) {
        for event in events {
            self.addresses.set(event.channel, event.value);
        }
        let (socket, target) = (self.socket.as_ref(), self.target);
        self.addresses.flush(|packet| {
            let (Some(socket), Some(target)) = (socket, target) else { return false };
            let sent = send_packet(socket, target, packet, bytes);
            if let Err(error) = &sent
                && let Some(more) = self.send_trouble.due(now)
            {
                log::warn!("{}: sending to {target}: {error} ({more} more since the last time)", self.name);
            }
            sent.is_ok()
        });
    }

    /// Reads what has come, up to a limit.
    pub(super) fn receive(&mut self, reading: &mut Reading, io: &mut Io) {
        let mut left = COMPARISONS_PER_TURN;
        while let Some(socket) = &self.socket
            && left > 0
        {
            match socket.recv_from(&mut reading.buffer) {
                Ok((size, sender)) => {
                    let comparisons = self.read(&reading.buffer[..size], sender, reading.detect, io);
                    left = left.saturating_sub(comparisons.max(1));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    if error.kind() != io::ErrorKind::WouldBlock {
                        self.complain(&format_args!("receiving: {error}"), io.now());
                    }
                    return;
                }
            }
        }
    }

    /// Reads a packet. Returns how many comparisons with addresses that took.
    fn read(&mut self, packet: &[u8], sender: SocketAddr, detect: bool, io: &mut Io) -> usize {
        let mut comparisons = 0;
        let result = packet::read(packet, |message| {
            if detect {
                report(&self.name, &self.root, &message);
            }
            comparisons += self.addresses.receive(&message, |channel, value| io.emit(self.id, channel, value));
        });
        if let Err(error) = result {
            self.complain(&format_args!("a packet from {sender} is ignored, it is not OSC: {error}"), io.now());
        }
        if comparisons > 0 {
            self.learn(sender);
        }
        comparisons
    }

    fn learn(&mut self, sender: SocketAddr) {
        let Some(Destination::Learn(port)) = self.destination else { return };
        let mut target = sender;
        target.set_port(port.unwrap_or(sender.port()));
        if self.target != Some(target) {
            self.target = Some(target);
            self.addresses.forget();
        }
    }

    fn complain(&mut self, what: &std::fmt::Arguments<'_>, now: u64) {
        if let Some(more) = self.receive_trouble.due(now) {
            log::warn!("{}: {what} ({more} more since the last time)", self.name);
        }
    }

    /// Closes the socket.
    pub(super) fn stop(&mut self, io: &mut Io) {
        if let Some(socket) = self.socket.take() {
            io.unwatch(socket.as_raw_fd(), self.id.tag());
        }
    }
}

fn send_packet(socket: &UdpSocket, target: SocketAddr, packet: &OscPacket, bytes: &mut Vec<u8>) -> io::Result<usize> {
    bytes.clear();
    let Ok(_) = encoder::encode_into(packet, bytes);
    socket.send_to(bytes, target)
}

fn invalid(error: impl std::error::Error) -> OptionError {
    OptionError::Invalid(error.to_string())
}

fn parse_destination(text: &str) -> Result<Destination, socket::HostError> {
    match text.strip_prefix("learn") {
        Some("") => Ok(Destination::Learn(None)),
        Some(rest) if rest.starts_with('@') => {
            socket::parse_port(&rest[1..]).map(|port| Destination::Learn(Some(port)))
        }
        _ => socket::resolve(text).map(Destination::Fixed),
    }
}

/// `PATH:ARGUMENT`, or `PATH` for argument 0.
fn split_channel(name: &str) -> Result<(&str, usize), ChannelError> {
    let Some((path, argument)) = name.rsplit_once(':') else { return Ok((name, 0)) };
    let number = argument.parse().map_err(|_| {
        ChannelError(format!("{argument:?} is no number of an argument: write `{path}:0` for the first one, and so on"))
    })?;
    Ok((path, number))
}

/// What the first pattern that a path matches says.
fn configured(formats: &[(String, Vec<Argument>)], path: &str) -> Vec<Argument> {
    let mut matcher = Matcher::default();
    let found = formats.iter().find(|(pattern, _)| matcher.matches(pattern, path));
    found.map_or_else(Vec::new, |(_, arguments)| arguments.clone())
}

fn list(addresses: &[SocketAddr]) -> String {
    let texts: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
    texts.join(" or ")
}

/// Says what has come below the root, in words for a configuration.
fn report(instance: &str, root: &str, message: &OscMessage) {
    let Some(path) = message.addr.strip_prefix(root).filter(|path| path.starts_with('/')) else { return };
    let types: String = message.args.iter().map(type_tag).collect();
    log::info!("{instance}.{path} has come with the types {types:?}");
}

fn type_tag(argument: &OscType) -> char {
    match argument {
        OscType::Int(_) => 'i',
        OscType::Float(_) => 'f',
        OscType::String(_) => 's',
        OscType::Blob(_) => 'b',
        OscType::Time(_) => 't',
        OscType::Long(_) => 'h',
        OscType::Double(_) => 'd',
        OscType::Char(_) => 'c',
        OscType::Color(_) => 'r',
        OscType::Midi(_) => 'm',
        OscType::Bool(true) => 'T',
        OscType::Bool(false) => 'F',
        OscType::Array(_) => '[',
        OscType::Nil => 'N',
        OscType::Inf => 'I',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(options: &[(&str, &str)]) -> Instance {
        let mut instance = Instance::new(InstanceId(0), "desk");
        for (option, value) in options {
            instance.configure(option, value).unwrap();
        }
        instance
    }

    fn refused(option: &str, value: &str) -> String {
        instance(&[]).configure(option, value).unwrap_err().to_string()
    }

    #[test]
    fn the_first_pattern_that_matches_wins() {
        let options = [("/a/1", "i 0 9"), ("/a/*", "ff"), ("/*/2", "iii")];
        let mut instance = instance(&options);
        let mut count = |name: &str| {
            let channel = instance.channel(name, Direction::Source).unwrap();
            instance.addresses.arguments(channel)
        };
        assert_eq!([count("/a/1"), count("/a/2"), count("/b/2"), count("/b/1")], [1, 2, 3, 0]);
    }

    #[test]
    fn patterns_and_channels_are_below_the_root() {
        let mut instance = instance(&[("root", "/desk/"), ("/a", "i")]);
        instance.channel("/a", Direction::Destination).unwrap();
        instance.addresses.set(0, 1.0);
        let mut sent = Vec::new();
        instance.addresses.flush(|packet| {
            sent.push(packet.to_string());
            true
        });
        assert_eq!(sent, ["/desk/a, (i) 255"]);
    }

    #[test]
    fn channels_name_an_argument() {
        let mut instance = instance(&[("/xy", "ff")]);
        let mut channel = |name: &str| instance.channel(name, Direction::Destination);
        assert_eq!(channel("/xy").unwrap(), channel("/xy:0").unwrap());
        assert_ne!(channel("/xy").unwrap(), channel("/xy:1").unwrap());
        assert!(channel("/xy:2").unwrap_err().0.contains("there is no argument 2"));
        assert!(channel("/xy:z").unwrap_err().0.contains("`/xy:0`"));
        assert!(channel("xy").unwrap_err().0.contains("begins with /"));
        assert!(channel("/x*").is_err());
        assert!(channel("/unknown").is_ok());
    }

    #[test]
    fn wrong_options_are_refused() {
        assert!(refused("rooot", "/").contains("no such option"));
        assert!(refused("root", "desk").contains("begins with /"));
        assert!(refused("bind", "8000").contains("a host and a port"));
        assert!(refused("destination", "learn@").contains("no port"));
        assert!(refused("dest", "learn me please").contains("a host and a port"));
        assert!(refused("/[a", "f").contains("not closed"));
        assert!(refused("/a", "x").contains("no type"));
    }

    #[test]
    fn the_destination_is_whoever_sent_last() {
        let (first, second) = ("127.0.0.1:1000".parse().unwrap(), "[::1]:2000".parse().unwrap());
        let mut learner = instance(&[("dest", "learn")]);
        learner.learn(first);
        assert_eq!(learner.target, Some(first));
        learner.learn(second);
        assert_eq!(learner.target, Some(second));
        let mut learner = instance(&[("destination", "learn@9000")]);
        learner.learn(second);
        assert_eq!(learner.target, Some("[::1]:9000".parse().unwrap()));
        let mut fixed = instance(&[("dest", "127.0.0.1 9000")]);
        fixed.learn(first);
        assert_eq!(fixed.target, None);
    }
}
