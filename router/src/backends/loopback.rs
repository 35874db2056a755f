//! `loopback`: what comes in on a channel goes out on it. Any name is a channel, and any option is ignored, so that another
//! backend can be replaced by it for a trial.

use std::collections::HashMap;
use std::path::Path;

use crate::backend::{Backend, ChannelError, Direction, Event, InstanceId, OptionError, StartError};
use crate::io::Io;

/// The backend.
#[derive(Debug, Default)]
pub struct Loopback {
    channels: HashMap<InstanceId, HashMap<String, u32>>,
}

impl Backend for Loopback {
    fn configure(&mut self, _option: &str, _value: &str) -> Result<(), OptionError> {
        Ok(())
    }

    fn create(&mut self, id: InstanceId, _name: &str, _folder: &Path) -> Result<(), StartError> {
        self.channels.insert(id, HashMap::new());
        Ok(())
    }

    fn configure_instance(&mut self, _id: InstanceId, _option: &str, _value: &str) -> Result<(), OptionError> {
        Ok(())
    }

    fn channel(&mut self, id: InstanceId, name: &str, _direction: Direction) -> Result<u32, ChannelError> {
        let channels = self.channels.entry(id).or_default();
        let next = channels.len() as u32;
        Ok(*channels.entry(name.to_owned()).or_insert(next))
    }

    fn start(&mut self, _io: &mut Io) -> Result<(), StartError> {
        Ok(())
    }

    fn send(&mut self, id: InstanceId, events: &[Event], io: &mut Io) {
        for event in events {
            io.emit(id, event.channel, event.value);
        }
    }

    fn remove(&mut self, id: InstanceId, _io: &mut Io) {
        self.channels.remove(&id);
    }
}
