//! How events are carried: order, rounds, loops, descriptors and wakes.

use std::cell::RefCell;
use std::os::fd::{AsRawFd as _, RawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustclad_router::backend::Event;
use rustclad_router::config::{self, Overrides};
use rustclad_router::{
    Backend, ChannelError, Direction, InstanceId, Io, OptionError, Ready, Registry, Router, StartError, Waker,
};

/// What a probe was asked for, and what it is to do in its next turn.
#[derive(Default)]
struct Log {
    /// Each call of `send`: instance and events.
    sent: Vec<(u32, Vec<(u32, f64)>)>,
    turns: usize,
    ready: Vec<Ready>,
    to_emit: Vec<(u32, f64)>,
    waker: Option<Waker>,
    refused: bool,
    to_watch: Option<(RawFd, u64)>,
    to_unwatch: Option<(RawFd, u64)>,
}

/// A backend whose channels are numbers.
struct Probe(Rc<RefCell<Log>>);

impl Backend for Probe {
    fn configure(&mut self, _: &str, _: &str) -> Result<(), OptionError> {
        Err(OptionError::Unknown)
    }

    fn create(&mut self, _: InstanceId, _: &str, _: &Path) -> Result<(), StartError> {
        Ok(())
    }

    fn configure_instance(&mut self, _: InstanceId, _: &str, _: &str) -> Result<(), OptionError> {
        Err(OptionError::Unknown)
    }

    fn channel(&mut self, _: InstanceId, name: &str, _: Direction) -> Result<u32, ChannelError> {
        name.parse().map_err(|_| ChannelError("channels are numbers".into()))
    }

    fn start(&mut self, io: &mut Io) -> Result<(), StartError> {
        self.0.borrow_mut().waker = Some(io.waker(7));
        Ok(())
    }

    fn send(&mut self, id: InstanceId, events: &[Event], _: &mut Io) {
        self.0.borrow_mut().sent.push((id.0, events.iter().map(|it| (it.channel, it.value)).collect()));
    }

    fn process(&mut self, ready: &[Ready], io: &mut Io) {
        let mut log = self.0.borrow_mut();
        log.turns += 1;
        log.ready.extend(ready);
        if let Some((fd, tag)) = log.to_watch.take() {
            log.refused |= io.watch(fd, tag).is_err();
        }
        if let Some((fd, tag)) = log.to_unwatch.take() {
            io.unwatch(fd, tag);
        }
        for (channel, value) in log.to_emit.drain(..) {
            io.emit(InstanceId(0), channel, value);
        }
    }

    fn remove(&mut self, _: InstanceId, _: &mut Io) {}
}

/// A router of probes, of which the first emits, and loopbacks.
fn router(configuration: &str) -> (Router, Rc<RefCell<Log>>) {
    let log = Rc::new(RefCell::new(Log::default()));
    let mut registry = Registry::new();
    let probe = log.clone();
    registry.add("probe", move || Box::new(Probe(probe.clone())));
    let config = config::read_text(configuration, &Overrides::default()).expect("it reads");
    let mut router = Router::new(registry, &config).expect("it can run");
    router.start().expect("it starts");
    (router, log)
}

fn turn(router: &mut Router) {
    router.turn(Duration::from_millis(5)).expect("a turn");
}

#[test]
fn events_go_to_all_destinations_in_order_and_in_one_call() {
    let (mut router, log) =
        router("[probe a]\n[probe b]\n[probe c]\n[map]\na.1 > c.10\na.1 > b.20\na.2 > b.21\na.2 > b.20\na.1 > b.20\n");
    log.borrow_mut().to_emit = vec![(2, 0.25), (1, 0.5), (1, 0.5), (9, 1.0)];
    turn(&mut router);
    // Duplicates stay, what is not mapped is dropped, and a pair that is given twice counts once.
    let expected = [(1, vec![(21, 0.25), (20, 0.25), (20, 0.5), (20, 0.5)]), (2, vec![(10, 0.5), (10, 0.5)])];
    assert_eq!(log.borrow().sent, expected);
    assert_eq!((router.metrics().events, router.metrics().routed), (4, 6));
}

#[test]
fn a_loop_in_the_map_starves_nobody() {
    let (mut router, log) = router("[probe a]\n[loopback l]\n[map]\na.1 > l.x\nl.x > l.y\nl.y > l.x\nl.x > a.2\n");
    log.borrow_mut().to_emit = vec![(1, 1.0)];
    for turns in 1..=10 {
        turn(&mut router);
        assert_eq!(log.borrow().turns, turns);
        assert_eq!(router.metrics().overruns, turns as u64);
    }
    // Twenty rounds a turn, the first of which came from the probe; every second one leads back to it.
    assert_eq!(log.borrow().sent.len(), 100);
    assert_eq!(router.metrics().events, 200);
}

#[test]
fn a_descriptor_is_told_of_as_long_as_it_can_be_read() {
    let (mut router, log) = router("[probe a]\n");
    let (near, far) = UnixStream::pair().expect("a pair of sockets");
    log.borrow_mut().to_watch = Some((near.as_raw_fd(), 3));
    turn(&mut router);
    turn(&mut router);
    assert_eq!(log.borrow().ready, []);
    std::io::Write::write_all(&mut &far, b"x").expect("it takes a byte");
    turn(&mut router);
    turn(&mut router);
    let ready = Ready { fd: Some(near.as_raw_fd()), tag: 3 };
    assert_eq!(log.borrow().ready, [ready, ready]);
    // Closed without a word: nothing comes from it, and nothing stops.
    drop(near);
    let turns = log.borrow().turns;
    turn(&mut router);
    turn(&mut router);
    assert_eq!((log.borrow().ready.len(), log.borrow().turns), (2, turns + 2));
}

#[test]
fn a_bad_descriptor_is_refused() {
    let (mut router, log) = router("[probe a]\n");
    for fd in [-1, 999_999] {
        log.borrow_mut().to_watch = Some((fd, 3));
        turn(&mut router);
        assert!(std::mem::take(&mut log.borrow_mut().refused), "{fd}");
    }
    assert_eq!(log.borrow().ready, []);
}

#[test]
fn the_number_of_a_closed_descriptor_can_be_watched_again() {
    let (mut router, log) = router("[probe a]\n");
    let (near, _far) = UnixStream::pair().expect("a pair of sockets");
    let number = near.as_raw_fd();
    log.borrow_mut().to_watch = Some((number, 3));
    turn(&mut router);
    log.borrow_mut().to_watch = Some((number, 4));
    turn(&mut router);
    assert!(std::mem::take(&mut log.borrow_mut().refused), "it is watched");
    let (again, other) = UnixStream::pair().expect("a pair of sockets");
    // SAFETY: both numbers are of sockets that live. In one step, so that no other test gets the number.
    assert_eq!(unsafe { libc::dup2(again.as_raw_fd(), number) }, number);
    log.borrow_mut().to_watch = Some((number, 4));
    turn(&mut router);
    // Whoever had the number before knows of nothing.
    log.borrow_mut().to_unwatch = Some((number, 3));
    turn(&mut router);
    std::io::Write::write_all(&mut &other, b"x").expect("it takes a byte");
    turn(&mut router);
    assert_eq!((log.borrow().refused, log.borrow().ready.clone()), (false, vec![Ready { fd: Some(number), tag: 4 }]));
}

#[test]
fn another_thread_wakes_the_router() {
    let (mut router, log) = router("[probe a]\n");
    let waker = log.borrow().waker.clone().expect("it has started");
    let thread = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        waker.wake();
        waker.wake();
    });
    let before = Instant::now();
    router.turn(Duration::from_secs(60)).expect("a turn");
    assert!(before.elapsed() < Duration::from_millis(800), "it waited {:?}", before.elapsed());
    thread.join().expect("it wakes");
    turn(&mut router);
    let ready = log.borrow().ready.clone();
    let woken = Ready { fd: None, tag: 7 };
    assert!(ready == [woken] || ready == [woken, woken], "{ready:?}");
}
