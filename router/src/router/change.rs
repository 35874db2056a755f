//! Makes a router what a configuration says, at the beginning and again while it runs.
//!
//! New things are made while the old ones are still there. Only when all of them are made do the old ones end, so that a
//! configuration that is refused changes nothing.

use std::collections::{HashMap, HashSet};

use super::{Destination, Instance, Router, RouterError, Slot};
use crate::backend::{Direction, Event, InstanceId, OptionError};
use crate::config::{self, Assignment, Config, Place};

/// What a change has made so far.
struct Change {
    /// How many slots and instances there were before.
    slots: usize,
    instances: usize,
    /// Backends that have others in their place, by index.
    replaced: Vec<(usize, Slot)>,
}

/// A map with numbers for names.
struct Map {
    /// The instances of the configuration.
    ids: Vec<InstanceId>,
    /// By instance and channel.
    routes: Vec<Vec<Vec<Destination>>>,
    names: HashMap<(InstanceId, u32), String>,
}

impl Router {
    /// Changes over to another configuration. Instances with the same backend, name, folder and options keep running if
    /// the options of their backend are the same; all others are ended or made. Then all backends start again.
    ///
    /// # Errors
    /// If the configuration is refused. The router then goes on as before, except that instances that keep running may have been
    /// asked for channels that nothing is mapped to. After a [`RouterError::Start`], though, the change is
    /// made already, and what could start runs; reload the earlier configuration to go back.
    pub fn reload(&mut self, config: &Config) -> Result<(), RouterError> {
        self.apply(config)?;
        self.start()
    }

    /// [`reload`](Self::reload) without the start.
    pub(super) fn apply(&mut self, config: &Config) -> Result<(), RouterError> {
        let mut change = Change { slots: self.slots.len(), instances: self.instances.len(), replaced: Vec::new() };
        match self.prepare(config, &mut change) {
            Ok(map) => {
                self.complete(change, map);
                Ok(())
            }
            Err(error) => {
                self.undo(change);
                Err(error)
            }
        }
    }

    /// Makes all that is new.
    fn prepare(&mut self, config: &Config, change: &mut Change) -> Result<Map, RouterError> {
        self.prepare_backends(config, change)?;
        let mut ids = Vec::with_capacity(config.instances.len());
        for wanted in &config.instances {
            ids.push(match self.kept(wanted, change) {
                Some(id) => id,
                None => self.create(wanted)?,
            });
        }
        self.map(config, ids)
    }

    /// Makes the backends that the configuration names first, and those whose options change anew.
    fn prepare_backends(&mut self, config: &Config, change: &mut Change) -> Result<(), RouterError> {
        for section in &config.backends {
            self.slot(&section.backend, &section.place)?;
        }
        for index in 0..self.slots.len() {
            let sections = config.backends.iter().filter(|section| section.backend == self.slots[index].name);
            let options: Vec<&Assignment> = sections.flat_map(|section| &section.options).collect();
            if same(&self.slots[index].options, options.iter().copied()) {
                continue;
            }
            let mut fresh = self.make(self.slots[index].rank);
            for option in options {
                fresh.backend.configure(&option.option, &option.value).map_err(|error| refused(option, error))?;
                fresh.options.push(option.clone());
            }
            change.replaced.push((index, std::mem::replace(&mut self.slots[index], fresh)));
        }
        Ok(())
    }

    /// The index of a backend, which is made at its first use.
    fn slot(&mut self, name: &str, place: &Place) -> Result<usize, RouterError> {
        if let Some(index) = self.slots.iter().position(|slot| slot.name == name) {
            return Ok(index);
        }
        let Some(rank) = self.registry.0.iter().position(|(known, _)| *known == name) else {
            let known: Vec<&str> = self.registry.0.iter().map(|(name, _)| *name).collect();
            return Err(RouterError::NoBackend { place: place.clone(), name: name.into(), known: known.join(", ") });
        };
        let index = self.slots.len();
        self.slots.push(self.make(rank));
        self.ready.push(Vec::new());
        self.order.push(index);
        self.order.sort_by_key(|&index| self.slots[index].rank);
        Ok(index)
    }

    fn make(&self, rank: usize) -> Slot {
        let (name, make) = &self.registry.0[rank];
        Slot { name, rank, backend: make(), options: Vec::new() }
    }

    /// The instance that there is already, if it stays as it is.
    fn kept(&self, wanted: &config::Instance, change: &Change) -> Option<InstanceId> {
        let index = self.instances[..change.instances].iter().position(|it| {
            it.made_from.as_ref().is_some_and(|made_from| {
                made_from.backend == wanted.backend
                    && made_from.name == wanted.name
                    && made_from.folder == wanted.folder
                    && same(&made_from.options, &wanted.options)
            })
        })?;
        let replaced = change.replaced.iter().any(|(slot, _)| *slot == self.instances[index].backend);
        (!replaced).then_some(InstanceId(index as u32))
    }

    fn create(&mut self, wanted: &config::Instance) -> Result<InstanceId, RouterError> {
        let backend = self.slot(&wanted.backend, &wanted.place)?;
        let id = InstanceId(self.instances.len() as u32);
        let slot = &mut self.slots[backend];
        self.io.backend = backend;
        slot.backend
            .create(id, &wanted.name, &wanted.folder)
            .map_err(|error| RouterError::Create { place: wanted.place.clone(), error })?;
        self.instances.push(Instance {
            backend,
            name: wanted.name.clone(),
            made_from: Some(wanted.clone()),
            routes: Vec::new(),
            inbox: Vec::new(),
        });
        for option in &wanted.options {
            let done = slot.backend.configure_instance(id, &option.option, &option.value);
            done.map_err(|error| refused(option, error))?;
        }
        Ok(id)
    }

    /// Makes the routes; `ids` are those of the configuration's instances.
    fn map(&mut self, config: &Config, ids: Vec<InstanceId>) -> Result<Map, RouterError> {
        let mut map = Map { ids, routes: vec![Vec::new(); self.instances.len()], names: HashMap::new() };
        let mut known = HashSet::new();
        for mapping in &config.map {
            let (source, source_place) = (&mapping.source, &mapping.source_place);
            let (source, from) = self.channel(&mut map, source, Direction::Source, source_place)?;
            let (destination, destination_place) = (&mapping.destination, &mapping.destination_place);
            let (instance, channel) = self.channel(&mut map, destination, Direction::Destination, destination_place)?;
            let destination = Destination { instance, channel };
            // Two names may be of one channel.
            if known.insert((source, from, destination)) {
                let routes = &mut map.routes[source.index()];
                let length = routes.len().max(from as usize + 1);
                routes.resize_with(length, Vec::new);
                routes[from as usize].push(destination);
            }
        }
        Ok(map)
    }

    fn channel(
        &mut self,
        map: &mut Map,
        spec: &config::ChannelSpec,
        direction: Direction,
        place: &Place,
    ) -> Result<(InstanceId, u32), RouterError> {
        let id = map.ids[spec.instance];
        let backend = &mut self.slots[self.instances[id.index()].backend].backend;
        let channel = backend.channel(id, &spec.channel, direction).map_err(|error| RouterError::Channel {
            place: place.clone(),
            channel: spec.channel.clone(),
            error,
        })?;
        map.names.entry((id, channel)).or_insert_with(|| spec.channel.clone());
        Ok((id, channel))
    }

    /// Ends what the configuration has no more, and goes over to its map.
    fn complete(&mut self, change: Change, map: Map) {
        let kept: HashSet<InstanceId> = map.ids.iter().copied().collect();
        let mut replaced: HashMap<usize, Slot> = change.replaced.into_iter().collect();
        for index in 0..change.instances {
            if !kept.contains(&InstanceId(index as u32)) {
                self.end(index, &mut replaced);
            }
        }
        for (index, mut slot) in replaced {
            self.io.backend = index;
            slot.backend.shutdown(&mut self.io);
        }
        for (instance, routes) in self.instances.iter_mut().zip(map.routes) {
            instance.routes = routes;
        }
        self.channel_names = map.names;
    }

    /// Ends what the change has made.
    fn undo(&mut self, change: Change) {
        for index in change.instances..self.instances.len() {
            self.end(index, &mut HashMap::new());
        }
        for (index, slot) in change.replaced {
            self.slots[index] = slot;
        }
        self.slots.truncate(change.slots);
        self.ready.truncate(change.slots);
        self.order.retain(|&index| index < change.slots);
    }

    /// Ends an instance, which belongs to a backend that is replaced or is in its slot. Its number stays taken.
    fn end(&mut self, index: usize, replaced: &mut HashMap<usize, Slot>) {
        let instance = &mut self.instances[index];
        if instance.made_from.take().is_none() {
            return;
        }
        instance.inbox = Vec::<Event>::new();
        self.io.backend = instance.backend;
        let slot = replaced.get_mut(&instance.backend).unwrap_or(&mut self.slots[instance.backend]);
        slot.backend.remove(InstanceId(index as u32), &mut self.io);
    }
}

/// Are these the same options with the same values, wherever they stand?
fn same<'a>(options: &[Assignment], others: impl IntoIterator<Item = &'a Assignment>) -> bool {
    let pair = |it: &'a Assignment| (it.option.as_str(), it.value.as_str());
    options.iter().map(|it| (it.option.as_str(), it.value.as_str())).eq(others.into_iter().map(pair))
}

fn refused(option: &Assignment, error: OptionError) -> RouterError {
    RouterError::Option { place: option.place.clone(), option: option.option.clone(), error }
}
