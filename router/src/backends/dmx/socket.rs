//! Sockets: bound as the option `bind` says, never blocking, and quiet about errors that repeat.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};

use socket2::{Domain, Protocol, SockRef, Type};

use crate::backend::OptionError;
use crate::backends::hosts;

/// More than the longest packet of either protocol, in bytes.
pub(crate) const PACKET: usize = 1500;
/// Room for the packets of some hundred universes that come at the same moment, in bytes.
const RECEIVE_BUFFER: usize = 1 << 20;
/// How often an error of a socket is said, in milliseconds.
const COMPLAINT: u64 = 10_000;

/// The addresses of `ADDRESS [PORT]`, and the words that follow.
///
/// # Errors
/// If there is no address, or a name is not known.
pub(crate) fn host(value: &str, port: u16) -> Result<(Vec<SocketAddr>, Vec<&str>), OptionError> {
    let mut words = value.split_whitespace().peekable();
    let name = words.next().ok_or_else(|| OptionError::Invalid("an address is missing, as in 0.0.0.0".into()))?;
    let given = words.next_if(|word| word.bytes().all(|it| it.is_ascii_digit()));
    let port = match given {
        Some(text) => {
            text.parse().map_err(|_| OptionError::Invalid(format!("{text} is not a port: use 1 to 65535")))?
        }
        None => port,
    };
    match hosts::addresses(name, port) {
        Ok(found) => Ok((found, words.collect())),
        Err(error) => Err(OptionError::Invalid(format!("{name:?} is not an address: {error}"))),
    }
}

/// Lets a number of things through in each period.
#[derive(Debug)]
pub(crate) struct Quota {
    most: u32,
    period: u64,
    began: Option<u64>,
    used: u32,
}

impl Quota {
    /// At most `most` in each `period` milliseconds.
    pub(crate) fn new(most: u32, period: u64) -> Self {
        Self { most, period, began: None, used: 0 }
    }

    /// Whether another one may pass.
    pub(crate) fn allows(&mut self, now: u64) -> bool {
        if self.began.is_none_or(|began| now >= began + self.period) {
            self.began = Some(now);
            self.used = 0;
        }
        self.used += u32::from(self.used < u32::MAX);
        self.used <= self.most
    }
}

/// What a line `bind` says.
#[derive(Debug)]
pub(crate) struct Bind {
    /// Of these, the first that can be had is used.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Multicast packets also reach programs on this machine.
    pub(crate) local: bool,
}

/// A bound socket.
#[derive(Debug)]
pub(crate) struct Socket {
    socket: UdpSocket,
    address: SocketAddr,
    complaints: Quota,
}

impl Socket {
    /// Binds.
    ///
    /// # Errors
    /// If none of the addresses can be had: the last error.
    pub(crate) fn open(bind: &Bind) -> io::Result<Self> {
        let mut result = Err(io::ErrorKind::AddrNotAvailable.into());
        for address in &bind.addresses {
            result = open(*address, bind.local);
            if result.is_ok() {
                break;
            }
        }
        let socket = result?;
        Ok(Self { address: socket.local_addr()?, socket, complaints: Quota::new(1, COMPLAINT) })
    }

    /// Where it is bound.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The descriptor to wait for.
    pub(crate) fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// The next packet, if there is one: its length, and where it is from.
    pub(crate) fn receive(&mut self, packet: &mut [u8], now: u64) -> Option<(usize, SocketAddr)> {
        match self.socket.recv_from(packet) {
            Ok(received) => Some(received),
            Err(error) => {
                if error.kind() != io::ErrorKind::WouldBlock && self.complaints.allows(now) {
                    log::warn!("receiving on {}: {error}", self.address);
                }
                None
            }
        }
    }

    /// Sends a packet. An error is logged, at most now and then; says whether it went out.
    pub(crate) fn send(&mut self, packet: &[u8], to: SocketAddr, now: u64) -> bool {
        let result = self.socket.send_to(packet, to);
        if let Err(error) = &result
            && self.complaints.allows(now)
        {
            log::warn!(
                "sending from {} to {to}: {error}; it is tried again (this is said every {} s)",
                self.address,
                COMPLAINT / 1000
            );
        }
        result.is_ok()
    }

    /// Joins a multicast group.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn join(&self, group: IpAddr) -> io::Result<()> {
        match group {
            IpAddr::V4(group) => self.socket.join_multicast_v4(&group, &self.interface()),
            IpAddr::V6(group) => self.socket.join_multicast_v6(&group, 0),
        }
    }

    /// Leaves a multicast group.
    pub(crate) fn leave(&self, group: IpAddr) {
        // It fails only if the group is left already.
        let _ = match group {
            IpAddr::V4(group) => self.socket.leave_multicast_v4(&group, &self.interface()),
            IpAddr::V6(group) => self.socket.leave_multicast_v6(&group, 0),
        };
    }

    /// The interface to join groups on.
    fn interface(&self) -> Ipv4Addr {
        match self.address.ip() {
            IpAddr::V4(address) => address,
            IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
        }
    }

    /// The address that `peer` reaches this socket at, as far as the routes of this machine say.
    pub(crate) fn address_for(&self, peer: SocketAddr) -> IpAddr {
        if !self.address.ip().is_unspecified() {
            return self.address.ip();
        }
        // Nothing is sent by this: the system only looks up the route.
        let probe = || {
            let socket = UdpSocket::bind((self.address.ip(), 0))?;
            socket.connect(peer)?;
            socket.local_addr()
        };
        probe().map_or(self.address.ip(), |address| address.ip())
    }
}

fn open(address: SocketAddr, local: bool) -> io::Result<UdpSocket> {
    let socket = socket2::Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // Other lighting programs on this machine may listen on the same port.
    socket.set_reuse_address(true)?;
    socket.set_broadcast(true)?;
    if let Err(error) = socket.set_recv_buffer_size(RECEIVE_BUFFER) {
        log::debug!("{address}: the receive buffer stays as it is: {error}");
    }
    if let Err(error) = set_multicast(&SockRef::from(&socket), address, local) {
        log::warn!("{address}: multicast is not set up as it should be: {error}");
    }
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Sets whether this machine gets what is sent, and that only groups joined here come in: Linux hands on those that any
/// program has joined.
fn set_multicast(socket: &SockRef<'_>, address: SocketAddr, local: bool) -> io::Result<()> {
    if address.is_ipv6() {
        socket.set_multicast_loop_v6(local)?;
        #[cfg(target_os = "linux")]
        socket.set_multicast_all_v6(false)?;
        return Ok(());
    }
    socket.set_multicast_loop_v4(local)?;
    #[cfg(target_os = "linux")]
    socket.set_multicast_all_v4(false)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_a_port_and_words_if_they_are_there() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert_eq!(host("127.0.0.1", 9).unwrap(), (vec![address("127.0.0.1:9")], vec![]));
        assert_eq!(host("  ::1\t7  a b ", 9).unwrap(), (vec![address("[::1]:7")], vec!["a", "b"]));
        assert_eq!(host("127.0.0.1 a", 9).unwrap(), (vec![address("127.0.0.1:9")], vec!["a"]));
        for text in ["", "  ", "127.0.0.1 65536", "1.2.3.4.5.6 7"] {
            assert!(host(text, 9).is_err(), "{text}");
        }
    }

    #[test]
    fn a_quota_is_new_in_each_period() {
        let mut quota = Quota::new(2, 100);
        let passed: Vec<u64> = (0..250).step_by(10).filter(|now| quota.allows(*now)).collect();
        assert_eq!(passed, [0, 10, 100, 110, 200, 210]);
    }

    #[test]
    fn a_wildcard_socket_knows_which_address_a_peer_sees() {
        let bind = Bind { addresses: vec!["0.0.0.0:0".parse().unwrap()], local: false };
        let socket = Socket::open(&bind).unwrap();
        assert_eq!(socket.address_for("127.0.0.1:6454".parse().unwrap()), IpAddr::from([127, 0, 0, 1]));
    }
}
