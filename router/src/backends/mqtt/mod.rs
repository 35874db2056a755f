//! `mqtt`: a client of MQTT brokers. A channel is a topic without wildcards; what is the source of a mapping is subscribed to,
//! what comes to a destination is published, retained.
//!
//! Options of an instance: `host` = `NAME[:PORT]` or `mqtt[s]://USER:PASSWORD@NAME:PORT`, `user`, `password`, `clientid`
//! (random if not given), `protocol` = 5 or 3.1.1. Any other option is a topic, and says what its payloads mean:
//! `TOPIC = range MIN MAX`, or, as often as needed, `TOPIC = discrete [!]MIN [!]MAX VALUE`; see [`Format`].
//!
//! Each instance has a thread of its own. A connection that is lost, or cannot be had, is tried again about every ten seconds;
//! the last value of each topic waits for it. A broker that refuses version 5 is tried with 3.1.1. With version 5 an instance
//! does not get its own messages back; with 3.1.1 the broker sends them, and they are events like all others.

pub mod broker;
mod client;
mod line;
mod outbox;
pub mod payload;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};

use self::broker::{Broker, Version};
use self::client::{Client, Incoming};
use self::outbox::Message;
use self::payload::{Format, FormatError};
use crate::backend::{Backend, ChannelError, Direction, Event, InstanceId, OptionError, Ready, StartError};
use crate::io::Io;

/// The longest topic of the protocol, in bytes.
const LONGEST_TOPIC: usize = u16::MAX as usize;

/// The backend.
#[derive(Default)]
pub struct Mqtt {
    instances: BTreeMap<InstanceId, Instance>,
    /// Threads that were told to end.
    ending: Vec<JoinHandle<()>>,
    received: Vec<Incoming>,
}

#[derive(Default)]
struct Instance {
    name: String,
    broker: Broker,
    /// By topic, the index in `channels`.
    numbers: HashMap<Arc<str>, u32>,
    channels: Vec<Channel>,
    /// The sources of the map, which `start` subscribes to.
    sources: HashSet<Arc<str>>,
    client: Option<Client>,
}

struct Channel {
    topic: Arc<str>,
    format: Format,
}

impl Instance {
    fn number(&mut self, topic: &str) -> Result<u32, ChannelError> {
        if let Some(number) = self.numbers.get(topic) {
            return Ok(*number);
        }
        check(topic)?;
        let topic: Arc<str> = topic.into();
        let number = self.channels.len() as u32;
        self.channels.push(Channel { topic: topic.clone(), format: Format::default() });
        self.numbers.insert(topic, number);
        Ok(number)
    }

    fn configure(&mut self, option: &str, value: &str) -> Result<(), OptionError> {
        match option {
            "host" => return self.broker.set_host(value).map_err(|error| invalid(&error)),
            "user" => self.broker.user = Some(value.to_owned()),
            "password" => self.broker.password = Some(value.to_owned()),
            "clientid" => self.broker.client_id = client_id(value),
            "protocol" => self.broker.version = version(value)?,
            topic => return self.configure_topic(topic, value),
        }
        Ok(())
    }

    fn configure_topic(&mut self, topic: &str, value: &str) -> Result<(), OptionError> {
        let mut format = self.numbers.get(topic).map_or_else(Format::default, |it| self.format(*it).clone());
        format.add(value).map_err(|error| match error {
            FormatError::Unknown => OptionError::Unknown,
            error => invalid(&error),
        })?;
        let number = self.number(topic).map_err(|error| invalid(&error))?;
        self.channels[number as usize].format = format;
        Ok(())
    }

    fn format(&self, number: u32) -> &Format {
        &self.channels[number as usize].format
    }

    /// The message for an event; None if its value is not to be published.
    fn message(&self, event: &Event) -> Option<Message> {
        let channel = self.channels.get(event.channel as usize)?;
        let payload = channel.format.encode(event.value);
        if payload.is_none() {
            log::debug!("{}: no value of {} is for {}", self.name, channel.topic, event.value);
        }
        Some(Message { topic: channel.topic.clone(), payload: payload? })
    }

    /// The channel's number and value that a message gives.
    fn event(&self, message: &Incoming) -> Option<(u32, f64)> {
        let number = *self.numbers.get(&*message.topic)?;
        let value = self.format(number).decode(&message.payload);
        if value.is_none() {
            let payload = message.payload.escape_ascii();
            log::debug!("{}: the payload {payload} on {} is ignored", self.name, message.topic);
        }
        Some((number, value?))
    }

    fn start(&mut self, id: InstanceId, io: &Io) -> Result<(), String> {
        let client = match self.client.take() {
            Some(client) => client,
            None => self.connect(id, io)?,
        };
        client.subscribe(std::mem::take(&mut self.sources));
        self.client = Some(client);
        Ok(())
    }

    fn connect(&self, id: InstanceId, io: &Io) -> Result<Client, String> {
        if self.broker.host.is_empty() {
            return Err("there is no broker; add `host = NAME` to the instance".to_owned());
        }
        let tls = if self.broker.tls { Some(tls()?) } else { None };
        let client = Client::start(&self.name, self.broker.clone(), tls, io.waker(id.tag()));
        client.map_err(|error| format!("its thread cannot be started: {error}"))
    }
}

impl Backend for Mqtt {
    fn configure(&mut self, _option: &str, _value: &str) -> Result<(), OptionError> {
        Err(OptionError::Unknown)
    }

    fn create(&mut self, id: InstanceId, name: &str, _folder: &Path) -> Result<(), StartError> {
        let broker = Broker { client_id: client_id(""), ..Broker::default() };
        self.instances.insert(id, Instance { name: name.to_owned(), broker, ..Instance::default() });
        Ok(())
    }

    fn configure_instance(&mut self, id: InstanceId, option: &str, value: &str) -> Result<(), OptionError> {
        self.instances.entry(id).or_default().configure(option, value)
    }

    fn channel(&mut self, id: InstanceId, name: &str, direction: Direction) -> Result<u32, ChannelError> {
        let instance = self.instances.entry(id).or_default();
        let number = instance.number(name)?;
        if direction == Direction::Source {
            instance.sources.insert(instance.channels[number as usize].topic.clone());
        }
        Ok(number)
    }

    fn start(&mut self, io: &mut Io) -> Result<(), StartError> {
        for (id, instance) in &mut self.instances {
            let started = instance.start(*id, io);
            started.map_err(|reason| StartError { instance: Some(instance.name.clone()), reason })?;
        }
        Ok(())
    }

    fn send(&mut self, id: InstanceId, events: &[Event], _io: &mut Io) {
        if let Some(instance) = self.instances.get(&id)
            && let Some(client) = &instance.client
        {
            client.publish(events.iter().filter_map(|event| instance.message(event)));
        }
    }

    fn process(&mut self, ready: &[Ready], io: &mut Io) {
        for id in ready.iter().filter_map(Ready::instance) {
            let Some(instance) = self.instances.get_mut(&id) else { continue };
            if let Some(client) = &mut instance.client {
                client.received(&mut self.received);
            }
            for message in self.received.drain(..) {
                if let Some((channel, value)) = instance.event(&message) {
                    io.emit(id, channel, value);
                }
            }
        }
    }

    fn remove(&mut self, id: InstanceId, _io: &mut Io) {
        self.ending.retain(|it| !it.is_finished());
        self.ending.extend(self.instances.remove(&id).and_then(|it| it.client).map(Client::stop));
    }

    fn shutdown(&mut self, _io: &mut Io) {
        // All at once, so that their last messages take the time of one.
        self.ending.extend(self.instances.values_mut().filter_map(|it| it.client.take()).map(Client::stop));
        for thread in self.ending.drain(..) {
            if thread.join().is_err() {
                log::error!("a thread has ended by a panic; please report this");
            }
        }
    }
}

fn invalid(error: &dyn std::error::Error) -> OptionError {
    OptionError::Invalid(error.to_string())
}

fn check(topic: &str) -> Result<(), ChannelError> {
    let problem = if topic.is_empty() {
        "it has no name; a channel is a topic"
    } else if topic.contains(['+', '#']) {
        "`+` and `#` are wildcards; a channel is one topic, so map each of the topics by itself"
    } else if topic.contains('\0') || topic.len() > LONGEST_TOPIC {
        "it is no topic: that has at most 65535 bytes, none of them 0"
    } else {
        return Ok(());
    };
    Err(ChannelError(problem.to_owned()))
}

/// As configured, else a random one.
fn client_id(value: &str) -> String {
    if value.is_empty() { format!("rustclad-{:08x}", fastrand::u32(..)) } else { value.to_owned() }
}

fn version(value: &str) -> Result<Version, OptionError> {
    match value {
        "5" => Ok(Version::V5),
        "3.1.1" => Ok(Version::V3),
        _ => Err(OptionError::Invalid(format!("{value:?} is no version of the protocol; there are 5 and 3.1.1"))),
    }
}

/// TLS that trusts whom the system trusts.
fn tls() -> Result<Arc<ClientConfig>, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        return Err(format!(
            "the system has no root certificates, which mqtts needs; install `ca-certificates` {}",
            errors.join("; ")
        ));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS: {error}"))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}
