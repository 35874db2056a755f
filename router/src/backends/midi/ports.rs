//! The backend: ports of the system. Messages come in on threads of the system's library, which only decode them and put them
//! into a bounded queue.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use midir::os::unix::{VirtualInput, VirtualOutput};
use midir::{Ignore, MidiIO, MidiInput, MidiInputConnection, MidiOutput, MidiOutputConnection};

use super::address::Address;
use super::message::Decoder;
use crate::backend::{Backend, ChannelError, Direction, Event, InstanceId, OptionError, Ready, StartError};
use crate::io::{Io, Waker};

/// How many messages of an instance wait for the router; more are dropped.
const QUEUE: usize = 4096;

/// The backend.
#[derive(Default)]
pub struct Midi {
    name: Option<String>,
    detect: bool,
    instances: BTreeMap<InstanceId, Instance>,
}

#[derive(Default)]
struct Instance {
    name: String,
    read: Option<String>,
    write: Option<String>,
    /// Parameters stay selected after they were sent.
    keeps_selected: bool,
    /// Whether the map has a source here.
    is_source: bool,
    /// Whether the map has a destination here.
    is_destination: bool,
    numbers: HashMap<Address, u32>,
    channels: Vec<Address>,
    input: Option<Input>,
    output: Option<MidiOutputConnection>,
}

/// An input that is open: it closes when it is dropped.
struct Input {
    received: Receiver<(Address, f64)>,
    _connection: MidiInputConnection<()>,
}

impl Instance {
    fn start(&mut self, client: &str, waker: impl FnOnce() -> Waker) -> Result<(), String> {
        if self.input.is_none() && (self.read.is_some() || self.is_source) {
            self.input = Some(open_input(client, self.read.as_deref(), &self.name, waker())?);
        }
        if self.output.is_none() && (self.write.is_some() || self.is_destination) {
            self.output = Some(open_output(client, self.write.as_deref(), &self.name)?);
        }
        Ok(())
    }

    fn emit(&self, id: InstanceId, detect: bool, io: &mut Io) {
        let received = self.input.iter().flat_map(|it| it.received.try_iter());
        // What comes while this runs wakes the router again.
        for (address, value) in received.take(QUEUE) {
            if detect {
                log::info!("{}: {address} {value:.4}", self.name);
            }
            if let Some(channel) = self.numbers.get(&address) {
                io.emit(id, *channel, value);
            }
        }
    }

    fn send(&mut self, event: &Event) {
        let Some(address) = self.channels.get(event.channel as usize) else { return };
        let Some(output) = &mut self.output else { return };
        address.encode(event.value, !self.keeps_selected, |message| {
            if let Err(error) = output.send(message) {
                log::debug!("{}: {address} is not sent: {error}", self.name);
            }
        });
    }
}

impl Backend for Midi {
    fn configure(&mut self, option: &str, value: &str) -> Result<(), OptionError> {
        match option {
            "name" => self.name = Some(value.to_owned()),
            "detect" => self.detect = value == "on",
            _ => return Err(OptionError::Unknown),
        }
        Ok(())
    }

    fn create(&mut self, id: InstanceId, name: &str, _folder: &Path) -> Result<(), StartError> {
        self.instances.insert(id, Instance { name: name.to_owned(), ..Instance::default() });
        Ok(())
    }

    fn configure_instance(&mut self, id: InstanceId, option: &str, value: &str) -> Result<(), OptionError> {
        let instance = self.instances.entry(id).or_default();
        let port = match option {
            "read" | "source" => &mut instance.read,
            "write" | "target" => &mut instance.write,
            "epn-tx" => {
                instance.keeps_selected = match value {
                    "short" => true,
                    "full" => false,
                    _ => return Err(OptionError::Invalid("it is `full` or `short`".to_owned())),
                };
                return Ok(());
            }
            _ => return Err(OptionError::Unknown),
        };
        if value.is_empty() {
            return Err(OptionError::Invalid("it has no value; give a part of a port's name".to_owned()));
        }
        *port = Some(value.to_owned());
        Ok(())
    }

    fn channel(&mut self, id: InstanceId, name: &str, direction: Direction) -> Result<u32, ChannelError> {
        let address = Address::parse(name).map_err(|error| ChannelError(error.to_string()))?;
        let instance = self.instances.entry(id).or_default();
        match direction {
            Direction::Source => instance.is_source = true,
            Direction::Destination => instance.is_destination = true,
        }
        let next = instance.channels.len() as u32;
        let number = *instance.numbers.entry(address).or_insert(next);
        if number == next {
            instance.channels.push(address);
        }
        Ok(number)
    }

    fn start(&mut self, io: &mut Io) -> Result<(), StartError> {
        let client = self.name.as_deref().unwrap_or("rustclad");
        for (id, instance) in &mut self.instances {
            let started = instance.start(client, || io.waker(id.tag()));
            started.map_err(|reason| StartError { instance: Some(instance.name.clone()), reason })?;
        }
        Ok(())
    }

    fn send(&mut self, id: InstanceId, events: &[Event], _io: &mut Io) {
        if let Some(instance) = self.instances.get_mut(&id) {
            events.iter().for_each(|event| instance.send(event));
        }
    }

    fn process(&mut self, ready: &[Ready], io: &mut Io) {
        for id in ready.iter().filter_map(Ready::instance) {
            if let Some(instance) = self.instances.get(&id) {
                instance.emit(id, self.detect, io);
            }
        }
    }

    fn remove(&mut self, id: InstanceId, _io: &mut Io) {
        self.instances.remove(&id);
    }

    fn shutdown(&mut self, _io: &mut Io) {
        self.instances.clear();
    }
}

fn open_input(client: &str, wanted: Option<&str>, instance: &str, waker: Waker) -> Result<Input, String> {
    let mut midi = MidiInput::new(client).map_err(unavailable)?;
    midi.ignore(Ignore::All);
    let (sender, received) = sync_channel(QUEUE);
    let mut decoder = Decoder::default();
    let take = move |_time: u64, message: &[u8], (): &mut ()| take(&mut decoder, message, &sender, &waker);
    let connection = match wanted.and_then(|it| find(&midi, it)) {
        Some(port) => midi.connect(&port, instance, take, ()).map_err(|error| failed(wanted, error)),
        None => midi.create_virtual(wanted.unwrap_or(instance), take, ()).map_err(|error| failed(wanted, error)),
    };
    Ok(Input { received, _connection: connection? })
}

fn open_output(client: &str, wanted: Option<&str>, instance: &str) -> Result<MidiOutputConnection, String> {
    let midi = MidiOutput::new(client).map_err(unavailable)?;
    match wanted.and_then(|it| find(&midi, it)) {
        Some(port) => midi.connect(&port, instance).map_err(|error| failed(wanted, error)),
        None => midi.create_virtual(wanted.unwrap_or(instance)).map_err(|error| failed(wanted, error)),
    }
}

/// Runs on a thread of the system's library.
fn take(decoder: &mut Decoder, message: &[u8], sender: &SyncSender<(Address, f64)>, waker: &Waker) {
    decoder.read(message, |address, value| {
        if sender.try_send((address, value)).is_err() {
            log::debug!("a message is dropped: the router does not keep up");
        }
        waker.wake();
    });
}

/// The port with the system's address `wanted`, else the first whose name contains it.
fn find<T: MidiIO>(midi: &T, wanted: &str) -> Option<T::Port> {
    let ports = midi.ports();
    let names: Vec<String> = ports.iter().map(|it| midi.port_name(it).unwrap_or_default()).collect();
    let at_address = names.iter().position(|name| name.rsplit(' ').next() == Some(wanted));
    let index = at_address.or_else(|| names.iter().position(|name| name.contains(wanted)))?;
    ports.into_iter().nth(index)
}

fn unavailable(error: midir::InitError) -> String {
    format!(
        "the system's MIDI cannot be had: {error}; on Linux, is the module `snd-seq` loaded, and may you use /dev/snd/seq?"
    )
}

fn failed(wanted: Option<&str>, error: impl fmt::Display) -> String {
    format!("the port {} cannot be opened: {error}", wanted.unwrap_or("of the instance's name"))
}
