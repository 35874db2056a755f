//! Hosts as options name them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};

/// The addresses of a host, by name or number: at least one. `*` is any address of this machine, as the C library has it, on
/// which existing configurations rely.
///
/// # Errors
/// If the name is not known.
pub(super) fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if host == "*" {
        return Ok(vec![(Ipv4Addr::UNSPECIFIED, port).into()]);
    }
    let found: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    if found.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_addresses() {
        let text = |host| addresses(host, 7).unwrap().first().unwrap().to_string();
        assert_eq!(text("127.0.0.1"), "127.0.0.1:7");
        assert_eq!(text("::"), "[::]:7");
        assert_eq!(text("*"), "0.0.0.0:7");
        assert!(addresses("no host", 7).is_err());
    }
}
