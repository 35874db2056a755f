//! `osc`: Open Sound Control 1.0 over UDP. A channel is a path below the instance's `root`, and `:n` behind it is an
//! argument. What comes in is read by [`packet`], found by [`addresses`] and measured by [`format`](mod@format).

use std::collections::BTreeMap;
use std::path::Path;

use crate::backend::{Backend, ChannelError, Direction, Event, InstanceId, OptionError, Ready, StartError};
use crate::io::Io;

pub mod addresses;
pub mod format;
mod instance;
pub mod packet;
pub mod pattern;
mod socket;

use instance::{Instance, Reading};

/// No UDP packet is longer.
const LONGEST_PACKET: usize = 65_535;

/// The backend.
pub struct Osc {
    instances: BTreeMap<InstanceId, Instance>,
    reading: Reading,
    /// The packet that is being sent.
    bytes: Vec<u8>,
}

impl Default for Osc {
    fn default() -> Self {
        Self {
            instances: BTreeMap::new(),
            reading: Reading { buffer: vec![0; LONGEST_PACKET].into(), detect: false },
            bytes: Vec::new(),
        }
    }
}

impl Backend for Osc {
    fn configure(&mut self, option: &str, value: &str) -> Result<(), OptionError> {
        match option {
            // All but `off` is on in MIDIMonster.
            "detect" => self.reading.detect = value != "off",
            _ => return Err(OptionError::Unknown),
        }
        Ok(())
    }

    fn create(&mut self, id: InstanceId, name: &str, _folder: &Path) -> Result<(), StartError> {
        self.instances.insert(id, Instance::new(id, name));
        Ok(())
    }

    fn configure_instance(&mut self, id: InstanceId, option: &str, value: &str) -> Result<(), OptionError> {
        self.instances.get_mut(&id).map_or(Ok(()), |instance| instance.configure(option, value))
    }

    fn channel(&mut self, id: InstanceId, name: &str, direction: Direction) -> Result<u32, ChannelError> {
        let instance = self.instances.get_mut(&id).ok_or_else(|| ChannelError("its instance is gone".to_owned()))?;
        instance.channel(name, direction)
    }

    fn start(&mut self, io: &mut Io) -> Result<(), StartError> {
        for instance in self.instances.values_mut() {
            instance.start(io).map_err(|reason| StartError { instance: Some(instance.name().to_owned()), reason })?;
        }
        Ok(())
    }

    fn send(&mut self, id: InstanceId, events: &[Event], io: &mut Io) {
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.send(events, &mut self.bytes, io.now());
        }
    }

    fn process(&mut self, ready: &[Ready], io: &mut Io) {
        for ready in ready {
            let instance = ready.instance().and_then(|id| self.instances.get_mut(&id));
            if let Some(instance) = instance {
                instance.receive(&mut self.reading, io);
            }
        }
    }

    fn remove(&mut self, id: InstanceId, io: &mut Io) {
        if let Some(mut instance) = self.instances.remove(&id) {
            instance.stop(io);
        }
    }

    fn shutdown(&mut self, io: &mut Io) {
        for instance in self.instances.values_mut() {
            instance.stop(io);
        }
    }
}
