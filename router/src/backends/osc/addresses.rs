//! The addresses of an instance that are mapped: what each one's arguments are, which channels they have, and what was sent
//! to it last. Nothing here knows of sockets.

use std::collections::HashMap;

use rosc::{OscMessage, OscPacket, OscType};

use super::format::{self, Argument};
use super::pattern::{self, Matcher};

/// Patterns that come in and are longer are ignored: each is compared with every mapped address.
const LONGEST_PATTERN: usize = 256;

/// A channel: an argument of an address.
#[derive(Clone, Copy, Debug)]
struct Channel {
    address: usize,
    argument: usize,
}

#[derive(Debug)]
struct Address {
    /// What the arguments are; empty if that is not configured.
    format: Vec<Argument>,
    /// The arguments that are mapped, and their channels.
    channels: Vec<(usize, u32)>,
    /// The message with the last value of each argument.
    packet: OscPacket,
    /// Whether `packet` has never been sent as it is.
    unsent: bool,
    /// Whether it is sent with the next [`Addresses::flush`].
    due: bool,
}

/// The addresses, found by their full text or by a pattern.
#[derive(Debug, Default)]
pub struct Addresses {
    addresses: Vec<Address>,
    by_text: HashMap<String, usize>,
    channels: Vec<Channel>,
    /// Those that are due, in order.
    due: Vec<usize>,
    matcher: Matcher,
}

impl Addresses {
    /// The number of the channel of an argument of an address. `format` says what the arguments of a new address are.
    pub fn channel(&mut self, text: String, argument: usize, format: impl FnOnce() -> Vec<Argument>) -> u32 {
        let index = self.address(text, format);
        let address = &mut self.addresses[index];
        if let Some((_, channel)) = address.channels.iter().find(|(known, _)| *known == argument) {
            return *channel;
        }
        let channel = self.channels.len() as u32;
        address.channels.push((argument, channel));
        self.channels.push(Channel { address: index, argument });
        channel
    }

    fn address(&mut self, text: String, format: impl FnOnce() -> Vec<Argument>) -> usize {
        if let Some(index) = self.by_text.get(&text) {
            return *index;
        }
        let format = format();
        let message = OscMessage { addr: text.clone(), args: format.iter().map(Argument::initial).collect() };
        let packet = OscPacket::Message(message);
        self.addresses.push(Address { format, channels: Vec::new(), packet, unsent: true, due: false });
        self.by_text.insert(text, self.addresses.len() - 1);
        self.addresses.len() - 1
    }

    /// How many arguments a channel's address is sent with; 0 if that is not configured.
    #[must_use]
    pub fn arguments(&self, channel: u32) -> usize {
        self.channels.get(channel as usize).map_or(0, |it| self.addresses[it.address].format.len())
    }

    /// Gives the values of a message to the channels that it is for. Returns how many addresses it was compared with,
    /// at least 1.
    pub fn receive(&mut self, message: &OscMessage, mut emit: impl FnMut(u32, f64)) -> usize {
        if !pattern::is_pattern(&message.addr) {
            if let Some(index) = self.by_text.get(&message.addr) {
                self.addresses[*index].receive(&message.args, &mut emit);
            }
            1
        } else if message.addr.len() <= LONGEST_PATTERN {
            for address in &self.addresses {
                if self.matcher.matches(&message.addr, address.text()) {
                    address.receive(&message.args, &mut emit);
                }
            }
            self.addresses.len().max(1)
        } else {
            log::debug!("an OSC pattern of {} bytes is ignored: it is too long", message.addr.len());
            1
        }
    }

    /// Takes a value from 0 to 1 for a channel. It is due if that changes what is sent, as MIDIMonster has it: two programs
    /// that report each change to each other would never come to an end.
    pub fn set(&mut self, channel: u32, value: f64) {
        let Some(&Channel { address: index, argument }) = self.channels.get(channel as usize) else { return };
        let address = &mut self.addresses[index];
        let Some(scaled) = address.format.get(argument).map(|it| it.scaled(value)) else { return };
        let OscPacket::Message(message) = &mut address.packet else { return };
        if message.args[argument] != scaled {
            message.args[argument] = scaled;
            address.unsent = true;
        }
        if address.unsent && !address.due {
            address.due = true;
            self.due.push(index);
        }
    }

    /// Sends what is due, a message for each address. `send` says whether it could: what it could not send is due with the
    /// address's next value.
    pub fn flush(&mut self, mut send: impl FnMut(&OscPacket) -> bool) {
        for index in self.due.drain(..) {
            let address = &mut self.addresses[index];
            address.due = false;
            address.unsent = !send(&address.packet);
        }
    }

    /// Forgets that anything was sent: who listens now has not heard it.
    pub fn forget(&mut self) {
        for address in &mut self.addresses {
            address.unsent = true;
        }
    }
}

impl Address {
    fn text(&self) -> &str {
        match &self.packet {
            OscPacket::Message(message) => &message.addr,
            OscPacket::Bundle(_) => "",
        }
    }

    fn receive(&self, arguments: &[OscType], emit: &mut impl FnMut(u32, f64)) {
        for (index, channel) in &self.channels {
            let Some(argument) = arguments.get(*index) else { continue };
            match format::value(argument, self.format.get(*index)) {
                Some(value) => emit(*channel, value),
                None => log::debug!("{}: argument {index} is ignored: it is no number", self.text()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(channels: &[(&str, usize, &str)]) -> Addresses {
        let mut addresses = Addresses::default();
        for (text, argument, format) in channels {
            addresses.channel((*text).into(), *argument, || format::parse(format).unwrap_or_default());
        }
        addresses
    }

    fn received(addresses: &mut Addresses, text: &str, args: &[OscType]) -> Vec<(u32, f64)> {
        let mut events = Vec::new();
        let message = OscMessage { addr: text.into(), args: args.to_vec() };
        addresses.receive(&message, |channel, value| events.push((channel, value)));
        events
    }

    fn sent(addresses: &mut Addresses) -> Vec<String> {
        let mut packets = Vec::new();
        addresses.flush(|packet| {
            packets.push(packet.to_string());
            true
        });
        packets
    }

    #[test]
    fn a_channel_keeps_its_number() {
        let mut addresses = addresses(&[("/a", 0, ""), ("/a", 1, ""), ("/b", 0, "")]);
        let numbers = [("/b", 0), ("/a", 1), ("/a", 0), ("/c", 7)];
        let numbers = numbers.map(|(text, argument)| addresses.channel(text.into(), argument, Vec::new));
        assert_eq!(numbers, [2, 1, 0, 3]);
    }

    #[test]
    fn arguments_go_to_their_channels() {
        let mut addresses = addresses(&[("/xy", 0, "ff 0 2 0 4"), ("/xy", 1, ""), ("/other", 0, "")]);
        let args = [OscType::Float(1.0), OscType::Float(1.0), OscType::Float(1.0)];
        assert_eq!(received(&mut addresses, "/xy", &args), [(0, 0.5), (1, 0.25)]);
        assert_eq!(received(&mut addresses, "/xy", &args[..1]), [(0, 0.5)]);
        assert!(received(&mut addresses, "/x", &args).is_empty());
        assert!(received(&mut addresses, "/other", &[OscType::Nil]).is_empty());
    }

    #[test]
    fn a_pattern_that_comes_in_is_for_all_that_it_matches() {
        let mut addresses = addresses(&[("/f/1", 0, ""), ("/f/2", 0, "i 0 1"), ("/g/1", 0, "")]);
        assert_eq!(received(&mut addresses, "/f/[0-9]", &[OscType::Int(255)]), [(0, 1.0), (1, 1.0)]);
        assert_eq!(received(&mut addresses, "/{f,g}/1", &[OscType::Int(0)]), [(0, 0.0), (2, 0.0)]);
        let long = format!("/*{}", "*".repeat(LONGEST_PATTERN));
        assert!(received(&mut addresses, &long, &[OscType::Int(0)]).is_empty());
    }

    #[test]
    fn the_work_of_a_message_is_counted() {
        let mut addresses = addresses(&[("/a", 0, ""), ("/b", 0, ""), ("/c", 0, "")]);
        let mut work = |text: &str| addresses.receive(&text.into(), |_, _| {});
        assert_eq!([work("/a"), work("/unknown"), work("/*")], [1, 1, 3]);
    }

    #[test]
    fn values_for_an_address_are_one_message() {
        let mut addresses = addresses(&[("/xy", 0, "fi 0 2 10 20"), ("/xy", 1, ""), ("/z", 0, "d")]);
        addresses.set(1, 1.0);
        addresses.set(2, 0.5);
        addresses.set(0, 0.5);
        assert_eq!(sent(&mut addresses), ["/xy, (f) 1, (i) 20", "/z, (d) 0.5"]);
        addresses.set(0, 0.25);
        assert_eq!(sent(&mut addresses), ["/xy, (f) 0.5, (i) 20"]);
    }

    #[test]
    fn arguments_without_a_value_have_their_first_one() {
        let mut addresses = addresses(&[("/xy", 0, "fi 0 2 10 20")]);
        addresses.set(0, 0.0);
        assert_eq!(sent(&mut addresses), ["/xy, (f) 0, (i) 10"]);
    }

    #[test]
    fn what_has_not_changed_is_not_sent_again() {
        let mut addresses = addresses(&[("/a", 0, "i")]);
        addresses.set(0, 0.5);
        assert_eq!(sent(&mut addresses).len(), 1);
        addresses.set(0, 0.5);
        assert!(sent(&mut addresses).is_empty());
        addresses.forget();
        addresses.set(0, 0.5);
        assert_eq!(sent(&mut addresses).len(), 1);
    }

    #[test]
    fn what_could_not_be_sent_is_sent_with_the_next_value() {
        let mut addresses = addresses(&[("/a", 0, "i")]);
        addresses.set(0, 0.5);
        addresses.flush(|_| false);
        addresses.set(0, 0.5);
        assert_eq!(sent(&mut addresses), ["/a, (i) 128"]);
    }

    #[test]
    fn nothing_is_sent_without_a_format() {
        let mut addresses = addresses(&[("/a", 0, ""), ("/b", 1, "i")]);
        addresses.set(0, 0.5);
        addresses.set(1, 0.5);
        addresses.set(9, 0.5);
        assert!(sent(&mut addresses).is_empty());
    }
}
