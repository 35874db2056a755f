//! What the router's thread counts for the view: the last value of each channel and how many events went in and out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustclad_router::backend::InstanceId;
use rustclad_router::{Observer, Router};

/// An instance that is shown.
pub(crate) struct InstanceRow {
    pub(crate) id: InstanceId,
    pub(crate) backend: String,
    pub(crate) name: String,
}

/// A channel that is shown.
pub(crate) struct ChannelRow {
    /// Index into [`Counts::instances`].
    pub(crate) instance: usize,
    pub(crate) channel: u32,
    /// As the map has it, with the instance's name.
    pub(crate) label: String,
}

/// What is known of a channel.
#[derive(Default)]
pub(crate) struct Cell {
    value: AtomicU64,
    /// Events that came from the channel.
    emitted: AtomicU64,
    /// Events that were handed to it.
    delivered: AtomicU64,
}

/// A cell at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    pub(crate) value: f64,
    pub(crate) emitted: u64,
    pub(crate) delivered: u64,
}

/// The instances and channels of a router, with counts.
pub(crate) struct Counts {
    pub(crate) instances: Vec<InstanceRow>,
    /// In order of instance and channel number.
    pub(crate) channels: Vec<ChannelRow>,
    /// By instance and channel number.
    cells: Vec<Vec<Cell>>,
}

impl Counts {
    /// Those that the router has now.
    pub(crate) fn new(router: &Router) -> Self {
        let instances: Vec<InstanceRow> = router
            .instances()
            .map(|(id, backend, name)| InstanceRow { id, backend: backend.to_owned(), name: name.to_owned() })
            .collect();
        let mut mapped: Vec<(InstanceId, u32)> = router.channels().collect();
        mapped.sort_unstable();
        let mut counts = Self { instances, channels: Vec::with_capacity(mapped.len()), cells: Vec::new() };
        for (id, channel) in mapped {
            // Instances come in order of their number.
            let Ok(instance) = counts.instances.binary_search_by_key(&id, |it| it.id) else { continue };
            let (name, channel_name) = router.names(id, channel);
            counts.channels.push(ChannelRow { instance, channel, label: format!("{name}.{channel_name}") });
            grow(&mut counts.cells, id.index() + 1);
            grow(&mut counts.cells[id.index()], channel as usize + 1);
        }
        counts
    }

    /// What is counted of a channel so far.
    pub(crate) fn read(&self, row: &ChannelRow) -> Reading {
        self.cell(self.instances[row.instance].id, row.channel).map_or_else(Reading::default, Cell::read)
    }

    fn cell(&self, instance: InstanceId, channel: u32) -> Option<&Cell> {
        self.cells.get(instance.index())?.get(channel as usize)
    }
}

fn grow<T: Default>(list: &mut Vec<T>, length: usize) {
    list.resize_with(length.max(list.len()), T::default);
}

impl Cell {
    fn read(&self) -> Reading {
        Reading {
            value: f64::from_bits(self.value.load(Ordering::Relaxed)),
            emitted: self.emitted.load(Ordering::Relaxed),
            delivered: self.delivered.load(Ordering::Relaxed),
        }
    }
}

/// Counts what the router carries.
pub(crate) struct Counter(pub(crate) Arc<Counts>);

impl Counter {
    fn count(&self, instance: InstanceId, channel: u32, value: f64, field: impl Fn(&Cell) -> &AtomicU64) {
        if let Some(cell) = self.0.cell(instance, channel) {
            cell.value.store(value.to_bits(), Ordering::Relaxed);
            // Only the router's thread writes, so this needs no locked instruction.
            let count = field(cell);
            count.store(count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        }
    }
}

impl Observer for Counter {
    fn emitted(&mut self, instance: InstanceId, channel: u32, value: f64) {
        self.count(instance, channel, value, |cell| &cell.emitted);
    }

    fn delivered(&mut self, instance: InstanceId, channel: u32, value: f64) {
        self.count(instance, channel, value, |cell| &cell.delivered);
    }
}
