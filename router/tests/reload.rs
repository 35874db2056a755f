//! A change of the configuration while the router runs: what stays, what ends, and what happens when it is refused.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustclad_router::backend::{Backend, ChannelError, Direction, Event, InstanceId, OptionError, Ready, StartError};
use rustclad_router::config::{Assignment, BackendSection, ChannelSpec, Config, Instance, Mapping, Place};
use rustclad_router::{Io, Registry, Router, RouterError};

type Diary = Rc<RefCell<Vec<String>>>;

/// Writes down what it is asked for. Options and channels named `wrong` are refused, and an instance with the option
/// `dead` does not start.
struct Recorder {
    name: &'static str,
    diary: Diary,
    instances: Vec<(InstanceId, String)>,
    channels: Vec<String>,
    dead: bool,
}

impl Recorder {
    fn note(&self, text: String) {
        self.diary.borrow_mut().push(format!("{} {text}", self.name));
    }

    fn instance(&self, id: InstanceId) -> &str {
        self.instances.iter().find(|(known, _)| *known == id).map_or("nobody", |(_, name)| name)
    }
}

impl Backend for Recorder {
    fn configure(&mut self, option: &str, value: &str) -> Result<(), OptionError> {
        self.note(format!("configure {option}={value}"));
        Ok(())
    }

    fn create(&mut self, id: InstanceId, name: &str, _folder: &Path) -> Result<(), StartError> {
        self.instances.push((id, name.to_owned()));
        self.note(format!("create {name}"));
        Ok(())
    }

    fn configure_instance(&mut self, _id: InstanceId, option: &str, _value: &str) -> Result<(), OptionError> {
        self.dead |= option == "dead";
        if option == "wrong" { Err(OptionError::Unknown) } else { Ok(()) }
    }

    fn channel(&mut self, _id: InstanceId, name: &str, _direction: Direction) -> Result<u32, ChannelError> {
        if name == "wrong" {
            return Err(ChannelError("no".into()));
        }
        let known = self.channels.iter().position(|it| it == name);
        let number = known.unwrap_or_else(|| {
            self.channels.push(name.to_owned());
            self.channels.len() - 1
        });
        Ok(number as u32)
    }

    fn start(&mut self, io: &mut Io) -> Result<(), StartError> {
        self.note("start".into());
        for (id, _) in &self.instances {
            (0..self.channels.len()).for_each(|channel| io.emit(*id, channel as u32, 0.5));
        }
        if self.dead { Err(StartError { instance: None, reason: "dead".into() }) } else { Ok(()) }
    }

    fn send(&mut self, id: InstanceId, events: &[Event], _io: &mut Io) {
        for event in events {
            self.note(format!("{}.{} = {}", self.instance(id), self.channels[event.channel as usize], event.value));
        }
    }

    fn process(&mut self, _ready: &[Ready], _io: &mut Io) {
        self.note("process".into());
    }

    fn remove(&mut self, id: InstanceId, _io: &mut Io) {
        self.note(format!("remove {}", self.instance(id)));
        self.instances.retain(|(known, _)| *known != id);
    }

    fn shutdown(&mut self, _io: &mut Io) {
        self.note("shutdown".into());
    }
}

fn place() -> Place {
    Place { file: Arc::from(Path::new("test.cfg")), line: 1, column: 1, text: Arc::from("") }
}

fn option(option: &str, value: &str) -> Assignment {
    Assignment { option: option.into(), value: value.into(), place: place() }
}

/// Instances as `BACKEND NAME [OPTION]`, mappings as `NAME.CHANNEL NAME.CHANNEL`.
fn config(instances: &[&str], map: &[&str]) -> Config {
    let instances: Vec<Instance> = instances
        .iter()
        .map(|text| {
            let mut words = text.split(' ').map(str::to_owned);
            let (backend, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let options = words.map(|word| option(&word, "1")).collect();
            Instance { backend, name, folder: "".into(), options, place: place() }
        })
        .collect();
    let end = |text: &str| {
        let (name, channel) = text.split_once('.').expect("the test is right");
        let instance = instances.iter().position(|it| it.name == name).expect("the test is right");
        ChannelSpec { instance, channel: channel.into() }
    };
    let mapping = |text: &&str| {
        let (source, destination) = text.split_once(' ').expect("the test is right");
        let (source, destination) = (end(source), end(destination));
        Mapping { source, source_place: place(), destination, destination_place: place() }
    };
    let map = map.iter().map(mapping).collect();
    Config { backends: Vec::new(), instances, map }
}

fn with_backend_option(mut config: Config, backend: &str, value: &str) -> Config {
    let options = vec![option("port", value)];
    config.backends.push(BackendSection { backend: backend.into(), options, place: place() });
    config
}

/// A running router with the backends `x` and `y`, and what they write down from now on.
fn router(config: &Config) -> (Router, Diary) {
    let diary = Diary::default();
    let mut registry = Registry::default();
    for name in ["x", "y"] {
        let diary = diary.clone();
        registry.add(name, move || {
            let (instances, channels) = (Vec::new(), Vec::new());
            Box::new(Recorder { name, diary: diary.clone(), instances, channels, dead: false })
        });
    }
    let mut router = Router::new(registry, config).expect("the configuration is right");
    router.start().expect("it starts");
    turn(&mut router);
    taken(&diary);
    (router, diary)
}

fn turn(router: &mut Router) {
    router.turn(Duration::ZERO).expect("the system can wait");
}

fn taken(diary: &Diary) -> Vec<String> {
    std::mem::take(&mut diary.borrow_mut())
}

fn names(router: &Router) -> Vec<&str> {
    router.instances().map(|(_, _, name)| name).collect()
}

#[test]
fn backends_process_in_order_of_registration() {
    let (mut router, diary) = router(&config(&["y later", "x sooner"], &[]));
    turn(&mut router);
    assert_eq!(taken(&diary), ["x process", "y process"]);
}

#[test]
fn what_is_the_same_keeps_running() {
    let (mut router, diary) = router(&config(&["x a", "x b", "y c"], &["a.1 c.1"]));
    router.reload(&config(&["y d", "x a", "y c"], &["a.2 d.7"])).expect("the configuration is right");
    assert_eq!(taken(&diary), ["y create d", "x remove b", "x start", "y start"]);
    let numbers: Vec<(u32, &str)> = router.instances().map(|(id, _, name)| (id.0, name)).collect();
    assert_eq!(numbers, [(0, "a"), (2, "c"), (3, "d")]);
    turn(&mut router);
    // Only the new map is left.
    assert_eq!(taken(&diary), ["x process", "y process", "y d.7 = 0.5"]);
}

#[test]
fn another_option_makes_an_instance_anew() {
    let (mut router, diary) = router(&config(&["x a", "x b"], &[]));
    router.reload(&config(&["x a", "x b fast"], &[])).expect("the configuration is right");
    assert_eq!(taken(&diary), ["x create b", "x remove b", "x start"]);
}

#[test]
fn another_option_of_a_backend_makes_all_its_instances_anew() {
    let plain = || config(&["x a", "y b"], &["b.1 a.1"]);
    let (mut router, diary) = router(&with_backend_option(plain(), "x", "1"));
    router.reload(&with_backend_option(plain(), "x", "1")).expect("the configuration is right");
    assert_eq!(taken(&diary), ["x start", "y start"]);
    turn(&mut router);
    taken(&diary);
    router.reload(&with_backend_option(plain(), "x", "2")).expect("the configuration is right");
    let expected = ["x configure port=2", "x create a", "x remove a", "x shutdown", "x start", "y start"];
    assert_eq!(taken(&diary), expected);
    turn(&mut router);
    assert_eq!(taken(&diary), ["x process", "y process", "x a.1 = 0.5"]);
}

#[test]
fn a_refused_configuration_changes_nothing() {
    let (mut router, diary) = router(&config(&["x a", "x b"], &["a.1 b.1"]));
    let refused = [
        config(&["y c", "nonsense d"], &[]),
        config(&["x c", "x d wrong"], &[]),
        config(&["x a", "y c"], &["a.1 c.wrong"]),
        with_backend_option(config(&["y b wrong"], &[]), "x", "2"),
    ];
    for config in &refused {
        router.reload(config).expect_err("the configuration is wrong");
        let diary = taken(&diary);
        assert!(!diary.iter().any(|it| ["x remove a", "x remove b", "x start"].contains(&it.as_str())), "{diary:?}");
        let count = |what: &str| diary.iter().filter(|it| it.contains(what)).count();
        assert_eq!(count("create"), count("remove"), "{diary:?}");
    }
    assert_eq!(names(&router), ["a", "b"]);
    router.start().expect("it starts");
    turn(&mut router);
    // The backend y, which was made for some of them, is gone.
    assert_eq!(taken(&diary), ["x start", "x process", "x b.1 = 0.5"]);
}

#[test]
fn after_a_start_that_fails_the_earlier_configuration_can_be_taken_up() {
    let before = config(&["x a", "y b"], &[]);
    let (mut router, diary) = router(&before);
    let error = router.reload(&config(&["x a dead", "y c"], &[])).expect_err("it does not start");
    assert!(matches!(error, RouterError::Start { .. }));
    let starts: Vec<String> = taken(&diary).into_iter().filter(|it| it.ends_with("start")).collect();
    assert_eq!(starts, ["x start", "y start"], "the others start all the same");
    assert_eq!(names(&router), ["a", "c"]);
    router.reload(&with_backend_option(before, "x", "1")).expect("it starts again");
    assert_eq!(names(&router), ["a", "b"]);
}
