//! How many events a second the router carries. Instances of `loopback` in a ring hand on what they get, so that events go
//! round without end, a round of the router for each step.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rustclad_router::backend::{Backend, ChannelError, Direction, Event, InstanceId, OptionError, StartError};
use rustclad_router::config::{ChannelSpec, Config, Instance, Mapping, Place};
use rustclad_router::{Io, Observer, Registry, Router};

/// Emits an event on each of its channels at the start, and takes none.
#[derive(Default)]
struct Seed {
    id: Option<InstanceId>,
    channels: u32,
}

impl Backend for Seed {
    fn configure(&mut self, _option: &str, _value: &str) -> Result<(), OptionError> {
        Ok(())
    }

    fn create(&mut self, id: InstanceId, _name: &str, _folder: &Path) -> Result<(), StartError> {
        self.id = Some(id);
        Ok(())
    }

    fn configure_instance(&mut self, _id: InstanceId, _option: &str, _value: &str) -> Result<(), OptionError> {
        Ok(())
    }

    fn channel(&mut self, _id: InstanceId, _name: &str, _direction: Direction) -> Result<u32, ChannelError> {
        self.channels += 1;
        Ok(self.channels - 1)
    }

    fn start(&mut self, io: &mut Io) -> Result<(), StartError> {
        let Some(id) = self.id else { return Ok(()) };
        for channel in 0..self.channels {
            io.emit(id, channel, f64::from(channel) / f64::from(self.channels));
        }
        Ok(())
    }

    fn send(&mut self, _id: InstanceId, _events: &[Event], _io: &mut Io) {}

    fn remove(&mut self, _id: InstanceId, _io: &mut Io) {}
}

fn place() -> Place {
    Place { file: Arc::from(Path::new("bench.cfg")), line: 1, column: 1, text: Arc::from("") }
}

fn instance(backend: &str, name: String) -> Instance {
    Instance { backend: backend.into(), name, folder: ".".into(), options: Vec::new(), place: place() }
}

fn mapping(source: usize, destination: usize, channel: u32) -> Mapping {
    let end = |instance| ChannelSpec { instance, channel: channel.to_string() };
    Mapping { source: end(source), source_place: place(), destination: end(destination), destination_place: place() }
}

/// `instances` in a ring with `channels` each. Instance 0 puts the events into the ring.
fn ring(instances: usize, channels: u32) -> Router {
    let mut config = Config { instances: vec![instance("seed", "seed".into())], ..Config::default() };
    for index in 1..=instances {
        config.instances.push(instance("loopback", format!("ring{index}")));
        let next = index % instances + 1;
        config.map.extend((0..channels).map(|channel| mapping(index, next, channel)));
    }
    config.map.extend((0..channels).map(|channel| mapping(0, 1, channel)));
    let mut registry = Registry::new();
    registry.add("seed", || Box::<Seed>::default());
    let mut router = Router::new(registry, &config).expect("the configuration is right");
    router.start().expect("nothing can go wrong here");
    router
}

/// Keeps the last value and the number of events of each channel, as a view of them would.
struct Count {
    channels: Vec<Vec<(f64, u64)>>,
}

impl Count {
    fn new(instances: usize, channels: u32) -> Self {
        Self { channels: vec![vec![(0.0, 0); channels as usize]; instances + 1] }
    }

    fn count(&mut self, instance: InstanceId, channel: u32, value: f64) {
        let (last, count) = &mut self.channels[instance.index()][channel as usize];
        *last = value;
        *count += 1;
    }
}

impl Observer for Count {
    fn emitted(&mut self, instance: InstanceId, channel: u32, value: f64) {
        self.count(instance, channel, value);
    }

    fn delivered(&mut self, instance: InstanceId, channel: u32, value: f64) {
        self.count(instance, channel, value);
    }
}

fn route(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("route");
    group.measurement_time(Duration::from_secs(3)).sample_size(20);
    let sizes = [(4, 16), (4, 512), (64, 512), (4, 16_384)].map(|(instances, channels)| (instances, channels, false));
    for (instances, channels, observed) in sizes.into_iter().chain([(4, 512, true)]) {
        let mut router = ring(instances, channels);
        if observed {
            router.observe(Box::new(Count::new(instances, channels)));
        }
        let turn = |router: &mut Router| router.turn(Duration::ZERO).expect("the system waits");
        turn(&mut router);
        let before = router.metrics().routed;
        turn(&mut router);
        group.throughput(Throughput::Elements(router.metrics().routed - before));
        group.bench_function(
            BenchmarkId::new(if observed { "observed" } else { "ring" }, format!("{instances}x{channels}")),
            |bencher| {
                bencher.iter(|| turn(black_box(&mut router)));
            },
        );
    }
    group.finish();
}

criterion_group!(benches, route);
criterion_main!(benches);
