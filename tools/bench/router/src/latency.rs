//! From UDP in to UDP out: OSC through the router, and the same packets through a thread that just sends them back.

use std::io;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rosc::{OscMessage, OscPacket, OscType, encoder};

use crate::process::Process;
use crate::setup::free_port;

/// How long a packet may take before it counts as lost.
const LOST: Duration = Duration::from_millis(500);
/// How often a packet may be lost before the router has started.
const PATIENCE: usize = 60;
/// The rest between two packets.
const REST: Duration = Duration::from_micros(500);

/// Two points of a distribution of times.
#[derive(Clone, Copy, Debug)]
pub struct Percentiles {
    /// Half of the packets took less.
    pub median: Duration,
    /// 99 of 100 took less.
    pub p99: Duration,
}

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// Through the router.
    pub routed: Percentiles,
    /// Through a plain echo.
    pub echoed: Percentiles,
}

impl Latency {
    /// What the router adds at the 99th percentile.
    #[must_use]
    pub fn added(&self) -> Duration {
        self.routed.p99.saturating_sub(self.echoed.p99)
    }
}

/// Sends so many packets each way, one at a time, the two ways by turns.
///
/// # Errors
/// If the router fails or a packet is lost.
pub fn latency(program: &Path, packets: usize) -> Result<Latency> {
    let (port, answers) = (free_port()?, socket()?);
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("latency.cfg");
    std::fs::write(&config, configuration(port, free_port()?, answers.local_addr()?.port()))?;
    let router = Process::start(program, &config, Stdio::inherit())?;
    let sender = socket()?;
    sender.connect(("127.0.0.1", port))?;
    await_start(&sender, &answers)?;
    let echo = echo()?;
    let (mut routed, mut echoed) = (Vec::new(), Vec::new());
    for number in 0..packets {
        // Not 0, which the router has had: it sends changes only.
        let message = message((number + 1) as f32 / packets as f32)?;
        routed.push(time(&sender, &answers, &message).context("through the router")?);
        echoed.push(time(&echo, &echo, &message).context("through the plain echo")?);
        thread::sleep(REST);
    }
    router.end()?;
    Ok(Latency { routed: percentiles(routed)?, echoed: percentiles(echoed)? })
}

fn configuration(port: u16, own: u16, answers: u16) -> String {
    format!(
        "[osc in]\nbind = 127.0.0.1 {port}\n/fader = f 0 1\n[osc out]\nbind = 127.0.0.1 {own}\n\
         destination = 127.0.0.1 {answers}\n/fader = f 0 1\n[map]\nin./fader > out./fader\n"
    )
}

fn socket() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_read_timeout(Some(LOST))?;
    Ok(socket)
}

fn message(value: f32) -> Result<Vec<u8>> {
    let message = OscMessage { addr: "/fader".into(), args: vec![OscType::Float(value)] };
    Ok(encoder::encode(&OscPacket::Message(message))?)
}

/// Sends until something comes back.
fn await_start(sender: &UdpSocket, answers: &UdpSocket) -> Result<()> {
    let message = message(0.0)?;
    for _ in 0..PATIENCE {
        // Nobody may listen yet, which is an error on some sends.
        let _ = sender.send(&message);
        if answers.recv(&mut [0; 64]).is_ok() {
            return Ok(());
        }
    }
    bail!("the router does not answer")
}

/// A socket that gets back what it sends. The other end's thread ends with the process.
fn echo() -> io::Result<UdpSocket> {
    let (near, far) = (socket()?, UdpSocket::bind("127.0.0.1:0")?);
    near.connect(far.local_addr()?)?;
    far.connect(near.local_addr()?)?;
    thread::spawn(move || {
        let mut packet = [0; 64];
        while far.recv(&mut packet).is_ok_and(|length| far.send(&packet[..length]).is_ok()) {}
    });
    Ok(near)
}

fn time(sender: &UdpSocket, answers: &UdpSocket, message: &[u8]) -> io::Result<Duration> {
    let start = Instant::now();
    sender.send(message)?;
    answers.recv(&mut [0; 64])?;
    Ok(start.elapsed())
}

fn percentiles(mut times: Vec<Duration>) -> Result<Percentiles> {
    times.sort_unstable();
    let at = |percent: usize| times.get(times.len() * percent / 100).copied().context("no packets were sent");
    Ok(Percentiles { median: at(50)?, p99: at(99)? })
}
