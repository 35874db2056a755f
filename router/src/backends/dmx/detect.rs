//! The option `detect`: says what comes in, so that a configuration can be found to match.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use rustc_hash::FxHashSet;

use crate::backend::OptionError;

/// Senders are remembered up to this number, since anybody can make up new ones.
const MOST: usize = 1024;

#[derive(Debug, Default, PartialEq, Eq)]
enum Level {
    #[default]
    Off,
    /// Each universe of each sender once.
    On,
    /// Each packet.
    Verbose,
}

/// Says what comes in.
#[derive(Debug, Default)]
pub(crate) struct Detect {
    level: Level,
    seen: FxHashSet<(usize, u16, IpAddr)>,
}

impl Detect {
    /// Takes the option's value.
    pub(crate) fn configure(&mut self, value: &str) -> Result<(), OptionError> {
        self.level = match value {
            "off" => Level::Off,
            "on" => Level::On,
            "verbose" => Level::Verbose,
            _ => return Err(OptionError::Invalid(format!("{value:?} is not known here: write on, verbose or off"))),
        };
        Ok(())
    }

    /// Whether anything is said.
    pub(crate) fn is_on(&self) -> bool {
        self.level != Level::Off
    }

    /// A packet came for the universe `address` on an interface; `what` describes it. `instance` takes it.
    pub(crate) fn saw(
        &mut self,
        interface: usize,
        from: SocketAddr,
        address: u16,
        what: fmt::Arguments<'_>,
        instance: Option<&str>,
    ) {
        if !self.is_on() || !(self.is_new(interface, from, address) || self.level == Level::Verbose) {
            return;
        }
        match instance {
            Some(name) => log::info!("{from} on interface {interface}: {what}, for the instance {name}"),
            None => log::info!("{from} on interface {interface}: {what}, which no instance takes"),
        }
    }

    fn is_new(&mut self, interface: usize, from: SocketAddr, address: u16) -> bool {
        self.seen.len() < MOST && self.seen.insert((interface, address, from.ip()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_universe_of_each_sender_is_new_once_and_their_number_is_bounded() {
        let mut detect = Detect::default();
        assert!(!detect.is_on());
        detect.configure("on").unwrap();
        assert!(detect.is_on());
        assert!(detect.configure("loud").is_err());
        let from = "127.0.0.1:1".parse().unwrap();
        assert!(detect.is_new(0, from, 1));
        assert!(!detect.is_new(0, from, 1));
        assert!(detect.is_new(1, from, 1));
        let new = (0..=u16::MAX).filter(|address| detect.is_new(2, from, *address)).count();
        assert_eq!(new, MOST - 2);
    }
}
