//! Universes at DMX512's full rate: half come in by Art-Net and go out by sACN, half the other way. All values change
//! with each frame.

use std::fmt::Write as _;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rustclad_router::backends::{artnet, sacn};

use crate::process::Process;
use crate::setup::free_port;

/// Universes of each kind.
const PAIRS: u16 = 32;
/// Frames a second.
const RATE: u32 = 44;
/// How long the router may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Dmx {
    /// How much of a core the router uses.
    pub cores: f64,
    /// Frames a second that came in for each universe, on average.
    pub sent: f64,
    /// Frames a second that went out.
    pub received: f64,
}

/// Runs 64 universes for so long.
///
/// # Errors
/// If the router fails.
pub fn dmx(program: &Path, duration: Duration) -> Result<Dmx> {
    let (artnet, sacn) = (free_port()?, free_port()?);
    let receiver = UdpSocket::bind("127.0.0.1:0")?;
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("dmx.cfg");
    std::fs::write(&config, configuration(artnet, sacn, receiver.local_addr()?.port()))?;
    let router = Process::start(program, &config, Stdio::inherit())?;
    let received = count(receiver);
    let mut sender = Sender::new(artnet, sacn)?;
    await_start(&mut sender, &received)?;
    let (frames, received_before, cpu) = (sender.frames, received.load(Ordering::Relaxed), router.cpu_time()?);
    let start = Instant::now();
    while start.elapsed() < duration {
        sender.frame();
    }
    let seconds = start.elapsed().as_secs_f64();
    let received = (received.load(Ordering::Relaxed) - received_before) as f64;
    let measured = Dmx {
        cores: (router.cpu_time()? - cpu).as_secs_f64() / seconds,
        sent: f64::from(sender.frames - frames) / seconds,
        received: received / f64::from(2 * PAIRS) / seconds,
    };
    router.end()?;
    Ok(measured)
}

fn configuration(artnet: u16, sacn: u16, receiver: u16) -> String {
    let mut text = format!("[backend artnet]\nbind = 127.0.0.1 {artnet}\n[backend sacn]\nbind = 127.0.0.1 {sacn}\n");
    let mut map = String::from("[map]\n");
    for number in 1..=PAIRS {
        let destination = format!("destination = 127.0.0.1 {receiver}");
        let net = number + PAIRS;
        let _ = write!(
            text,
            "[artnet art-in{number}]\nnet = 0\nuniverse = {number}\n[sacn sacn-in{number}]\nuniverse = {number}\nunicast = 1\n\
             [artnet art-out{number}]\nnet = 1\nuniverse = {number}\n{destination}\n\
             [sacn sacn-out{number}]\nuniverse = {net}\npriority = 100\n{destination}\n"
        );
        let _ = writeln!(map, "art-in{number}.{{1..512}} > sacn-out{number}.{{1..512}}");
        let _ = writeln!(map, "sacn-in{number}.{{1..512}} > art-out{number}.{{1..512}}");
    }
    text + &map
}

/// Counts what comes to a socket, on a thread that ends with the process.
fn count(socket: UdpSocket) -> Arc<AtomicU64> {
    let count = Arc::new(AtomicU64::new(0));
    let counted = count.clone();
    thread::spawn(move || {
        while socket.recv(&mut [0; 1024]).is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    count
}

fn await_start(sender: &mut Sender, received: &AtomicU64) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        sender.frame();
        if received.load(Ordering::Relaxed) > 0 {
            // The first frames are not like the others.
            (0..RATE).for_each(|_| sender.frame());
            return Ok(());
        }
    }
    bail!("the router sends no frames")
}

/// Sends a frame of each universe at the rate.
struct Sender {
    artnet: UdpSocket,
    sacn: UdpSocket,
    source: sacn::packet::Source,
    frames: u32,
    due: Instant,
}

impl Sender {
    fn new(artnet: u16, sacn: u16) -> Result<Self> {
        let to = |port: u16| {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.connect(("127.0.0.1", port)).map(|()| socket)
        };
        let source = sacn::packet::Source { cid: *b"the bench's desk", name: [0; 64] };
        Ok(Self { artnet: to(artnet)?, sacn: to(sacn)?, source, frames: 0, due: Instant::now() })
    }

    /// Waits for the next frame's time and sends it.
    fn frame(&mut self) {
        thread::sleep(self.due.saturating_duration_since(Instant::now()));
        self.due += Duration::from_secs(1) / RATE;
        self.frames += 1;
        let slots = &[self.frames as u8; 512];
        for universe in 1..=PAIRS {
            self.send(universe, slots);
        }
    }

    /// Nobody may listen yet, which is an error on some sends.
    fn send(&self, universe: u16, slots: &[u8; 512]) {
        let sequence = self.frames as u8;
        let mut packet = [0; artnet::packet::DMX_LENGTH];
        // 0 says that packets are not counted.
        artnet::packet::write_dmx(sequence.max(1), universe, slots, &mut packet);
        let _ = self.artnet.send(&packet);
        let mut packet = [0; sacn::packet::DATA_LENGTH];
        let data = sacn::packet::Outgoing { universe, priority: 100, sequence, terminated: false, slots };
        self.source.write_data(&data, &mut packet);
        let _ = self.sacn.send(&packet);
    }
}
