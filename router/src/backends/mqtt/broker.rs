//! Which broker an instance talks to, and as whom.

use std::fmt;

const PORT: u16 = 1883;
const TLS_PORT: u16 = 8883;

/// A version of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// 3.1.1.
    V3,
    /// 5.
    #[default]
    V5,
}

/// Why a broker's address is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no name.
    #[error("there is no host name; write `host = NAME` or `host = mqtt://USER:PASSWORD@NAME:PORT`")]
    NoName,
    /// The part behind the name is no port.
    #[error("{0:?} is no port; a port is a number from 1 to 65535")]
    Port(String),
}

/// A broker and the account on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Broker {
    /// Name or address; empty before it is configured.
    pub host: String,
    /// None for the usual one.
    pub port: Option<u16>,
    /// Whether to talk in TLS.
    pub tls: bool,
    /// The account's name.
    pub user: Option<String>,
    /// The account's password.
    pub password: Option<String>,
    /// The client identifier.
    pub client_id: String,
    /// The version to begin with.
    pub version: Version,
}

impl Broker {
    /// Takes the option `host`: `[mqtt[s]://][USER[:PASSWORD]@]NAME[:PORT]`. Nothing in it is percent-encoded, and the last
    /// `@` ends the password. An IPv6 address stands in brackets.
    ///
    /// # Errors
    /// If there is no name or the port is wrong.
    pub fn set_host(&mut self, text: &str) -> Result<(), AddressError> {
        let plain = text.strip_prefix("mqtt://");
        let encrypted = text.strip_prefix("mqtts://");
        let rest = plain.or(encrypted).unwrap_or(text).trim_end_matches('/');
        let (account, address) = rest.rsplit_once('@').map_or((None, rest), |(account, it)| (Some(account), it));
        let name_end = address.rfind(']').map_or_else(|| address.find(':').unwrap_or(address.len()), |it| it + 1);
        let (name, port) = address.split_at(name_end);
        if name.is_empty() {
            return Err(AddressError::NoName);
        }
        if !port.is_empty() {
            let number = port.strip_prefix(':').and_then(|it| it.parse().ok()).filter(|it| *it != 0);
            self.port = Some(number.ok_or_else(|| AddressError::Port(port.trim_start_matches(':').to_owned()))?);
        }
        if let Some(account) = account {
            let (user, password) = account.split_once(':').map_or((account, None), |(user, it)| (user, Some(it)));
            self.user = Some(user.to_owned());
            self.password = password.map(str::to_owned).or(self.password.take());
        }
        self.tls = encrypted.is_some();
        self.host = name.to_owned();
        Ok(())
    }

    /// The port, given or usual.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.tls { TLS_PORT } else { PORT })
    }
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broker(host: &str) -> Broker {
        let mut broker = Broker::default();
        broker.set_host(host).unwrap();
        broker
    }

    #[test]
    fn a_host_is_a_name_or_a_uri() {
        assert_eq!(broker("localhost").to_string(), "localhost:1883");
        assert_eq!(broker("localhost:1884").to_string(), "localhost:1884");
        assert_eq!(broker("mqtt://10.23.23.1").to_string(), "10.23.23.1:1883");
        assert_eq!(broker("mqtts://example.org/").to_string(), "example.org:8883");
        assert_eq!(broker("[::1]").to_string(), "[::1]:1883");
        assert_eq!(broker("mqtt://[fe80::1]:99").to_string(), "[fe80::1]:99");
    }

    #[test]
    fn an_account_may_stand_before_the_name() {
        let full = broker("mqtts://me:p@ss%20:word@example.org:1");
        assert_eq!((full.user.as_deref(), full.password.as_deref()), (Some("me"), Some("p@ss%20:word")));
        assert!(full.tls);
        assert_eq!(full.to_string(), "example.org:1");
        let user = broker("me@example.org");
        assert_eq!((user.user.as_deref(), user.password), (Some("me"), None));
    }

    #[test]
    fn wrong_addresses_are_refused() {
        let refused = |host| Broker::default().set_host(host).unwrap_err();
        for host in ["", "mqtt://", "user@", ":1883"] {
            assert_eq!(refused(host), AddressError::NoName, "{host}");
        }
        for host in ["a:", "a:b", "a:0", "a:65536", "a:1:2", "[::1]x"] {
            assert!(matches!(refused(host), AddressError::Port(_)), "{host}");
        }
    }
}
