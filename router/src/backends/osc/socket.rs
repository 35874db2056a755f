//! Where OSC comes from and goes to: hosts, ports and UDP sockets.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use socket2::{Domain, Socket, Type};

use crate::backends::hosts;

/// Why a host and a port are refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum HostError {
    #[error("a host and a port are wanted, for example `127.0.0.1 8000` or `:: 8000`")]
    Form,
    #[error("{0:?} is no port: a port is a number from 1 to 65535")]
    Port(String),
    #[error("the address of the host {host:?} cannot be found: {error}")]
    Host { host: String, error: io::Error },
}

/// The addresses of `HOST PORT`: at least one.
pub(super) fn resolve(text: &str) -> Result<Vec<SocketAddr>, HostError> {
    let mut words = text.split_whitespace();
    let (Some(host), Some(port), None) = (words.next(), words.next(), words.next()) else {
        return Err(HostError::Form);
    };
    hosts::addresses(host, parse_port(port)?).map_err(|error| HostError::Host { host: host.to_owned(), error })
}

pub(super) fn parse_port(text: &str) -> Result<u16, HostError> {
    text.parse().ok().filter(|port| *port != 0).ok_or_else(|| HostError::Port(text.to_owned()))
}

/// Any address of this machine and any free port, to send to `destination` from.
pub(super) fn any_like(destination: SocketAddr) -> SocketAddr {
    match destination {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    }
}

/// Opens a socket on the first of these addresses that can be had.
pub(super) fn open(addresses: &[SocketAddr]) -> io::Result<UdpSocket> {
    let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
    for address in addresses {
        result = open_one(*address);
        if result.is_ok() {
            break;
        }
    }
    result
}

fn open_one(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, None)?;
    if address.is_ipv6() {
        // `bind = :: PORT` is for IPv4, too.
        socket.set_only_v6(false)?;
    }
    // As MIDIMonster does: several programs can hear a broadcast.
    socket.set_reuse_address(true)?;
    socket.set_broadcast(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// The first of a destination's addresses that a socket can send to, in the form that it takes.
pub(super) fn reachable(local: SocketAddr, destination: &[SocketAddr]) -> Option<SocketAddr> {
    let same_family = destination.iter().find(|it| it.is_ipv4() == local.is_ipv4()).copied();
    let any_family = local.ip() == Ipv6Addr::UNSPECIFIED;
    same_family.or_else(|| destination.first().filter(|_| any_family).copied().map(in_ipv6))
}

fn in_ipv6(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(address) => (address.ip().to_ipv6_mapped(), address.port()).into(),
        SocketAddr::V6(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn hosts_and_ports_are_read() {
        assert_eq!(resolve("127.0.0.1 8000").unwrap(), [address("127.0.0.1:8000")]);
        assert_eq!(resolve(" ::  8000 ").unwrap(), [address("[::]:8000")]);
        assert!(matches!(resolve("127.0.0.1"), Err(HostError::Form)));
        assert!(matches!(resolve("127.0.0.1 1 2"), Err(HostError::Form)));
        assert!(matches!(resolve("127.0.0.1 0"), Err(HostError::Port(_))));
        assert!(matches!(resolve("127.0.0.1 65536"), Err(HostError::Port(_))));
    }

    #[test]
    fn a_destination_is_chosen_that_the_socket_reaches() {
        let both = [address("[::1]:9"), address("127.0.0.1:9")];
        assert_eq!(reachable(address("0.0.0.0:1"), &both), Some(both[1]));
        assert_eq!(reachable(address("[::1]:1"), &both), Some(both[0]));
        assert_eq!(reachable(address("0.0.0.0:1"), &both[..1]), None);
        assert_eq!(reachable(address("[::1]:1"), &both[1..]), None);
        assert_eq!(reachable(address("[::]:1"), &both[1..]), Some(address("[::ffff:127.0.0.1]:9")));
    }
}
