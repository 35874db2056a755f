//! The command line as a child process: statuses, messages, signals.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

const CONFIG: &str = "\
[backend loopback]
some = option

[loopback desk]

[loopback stage]

[map]
desk.fader1 > stage.1
desk.fader2 <> stage.2
";

/// The example, which cargo puts beside the folder of the tests.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a file");
    let folder = test.ancestors().nth(2).expect("it is in a folder of the target folder");
    folder.join("examples").join("router")
}

/// A folder with a configuration.
fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder can be made");
    write(&folder, config);
    folder
}

fn write(folder: &TempDir, config: &str) {
    std::fs::write(folder.path().join("monster.cfg"), config).expect("a file can be written");
}

fn command(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(words).current_dir(folder).env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

fn output(folder: &TempDir, words: &[&str]) -> Output {
    command(folder.path(), words).output().expect("the program can be run")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A router that runs.
struct Running {
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    fn start(folder: &TempDir, words: &[&str]) -> Self {
        let child = command(folder.path(), words).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("the program can be run");
        let lines = lines(child.stderr.take().expect("it is a pipe"));
        let running = Self { child, lines };
        running.wait_for("monster.cfg: runs");
        running
    }

    /// Waits for a line with this text.
    fn wait_for(&self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => seen.push(line),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => panic!("no {text:?} in {seen:#?}"),
            }
        }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("the child is there");
    }

    fn end(mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                return status;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("{signal} does not end it");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already unless a test fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(output: ChildStderr) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

#[test]
fn help_and_version_are_no_errors() {
    let folder = folder("");
    for (word, expected) in [("-h", "usage: "), ("--help", "usage: "), ("-v", "0.1.0"), ("--version", "0.1.0")] {
        let output = output(&folder, &[word]);
        assert_eq!(output.status.code(), Some(0), "{word}");
        assert!(text(&output.stdout).contains(expected), "{word}");
        assert!(output.stderr.is_empty(), "{word}");
    }
}

#[test]
fn wrong_words_are_status_2() {
    let folder = folder(CONFIG);
    for words in [&["--nonsense"][..], &["-b", "nothing"], &["--check", "--graph", "-"], &["--log", "loud"], &["-i"]] {
        let output = output(&folder, words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        let message = text(&output.stderr);
        assert!(message.starts_with("rustclad router: ") && message.contains("--help"), "{message}");
    }
}

#[test]
fn a_configuration_that_cannot_run_is_status_1() {
    let folder = folder("[nonsense desk]\n");
    for words in [&[][..], &["--check"], &["--graph", "-"], &["missing.cfg"], &["--check", "missing.cfg"]] {
        let output = output(&folder, words);
        assert_eq!(output.status.code(), Some(1), "{words:?}");
        assert!(output.stdout.is_empty(), "{words:?}");
        let message = text(&output.stderr);
        let expected = if words.contains(&"missing.cfg") { "missing.cfg: " } else { "monster.cfg:1:" };
        assert!(message.starts_with(&format!("rustclad router: {expected}")), "{message}");
    }
}

#[test]
fn check_shows_the_map() {
    let output = output(&folder(CONFIG), &["--check"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    let rows: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["from", "channel", "backend", "to", "channel", "backend"]);
    assert_eq!(rows[1], ["desk", "fader1", "loopback", "->", "stage", "1", "loopback"]);
    assert_eq!(rows[2], ["desk", "fader2", "loopback", "->", "stage", "2", "loopback"]);
    assert_eq!(rows[3], ["stage", "2", "loopback", "->", "desk", "fader2", "loopback"]);
    assert_eq!(shown.lines().last(), Some("monster.cfg: 1 backend, 2 instances, 3 mappings: it can run"));
}

#[test]
fn graph_is_svg() {
    let folder = folder(&CONFIG.replace("fader1", "\"&amp;\u{1}x"));
    let on_output = output(&folder, &["--graph", "-"]);
    assert_eq!(on_output.status.code(), Some(0), "{}", text(&on_output.stderr));
    let svg = text(&on_output.stdout);
    let document = roxmltree::Document::parse(&svg).expect("it is well-formed");
    assert_eq!(document.root_element().tag_name().name(), "svg");
    let labels: Vec<&str> = document.descendants().filter_map(|node| node.text()).collect();
    assert!(labels.iter().any(|label| label.contains("\"&amp;\u{fffd}x -> 1")), "{labels:?}");

    assert_eq!(output(&folder, &["--graph", "map.svg"]).status.code(), Some(0));
    let file = std::fs::read_to_string(folder.path().join("map.svg")).expect("it is written");
    roxmltree::Document::parse(&file).expect("it is well-formed");
    let refused = output(&folder, &["--graph", "no/such/folder.svg"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("no/such/folder.svg"));
}

#[test]
fn a_monitor_needs_a_terminal() {
    let output = output(&folder(CONFIG), &["--monitor"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("--monitor needs a terminal"), "{}", text(&output.stderr));
}

#[test]
fn interrupt_and_termination_are_a_clean_end() {
    let folder = folder(CONFIG);
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let started = Running::start(&folder, &[]);
        let before = Instant::now();
        assert_eq!(started.end(signal).code(), Some(0), "{signal}");
        assert!(before.elapsed() < Duration::from_millis(900), "{signal} wakes the router, which waits for a second");
    }
}

#[test]
fn hangup_reads_the_configuration_again() {
    let folder = folder(CONFIG);
    let router = Running::start(&folder, &["--metrics", "3600"]);
    router.signal(Signal::SIGHUP);
    router.wait_for("read again");
    write(&folder, "[loopback other]\n");
    router.signal(Signal::SIGHUP);
    router.wait_for("read again");
    for (wrong, message) in [("[nonsense desk]\n", "nonsense"), ("nonsense\n", "stands in no section")] {
        write(&folder, wrong);
        router.signal(Signal::SIGHUP);
        assert!(router.wait_for("rustclad router: monster.cfg:1:1: ").contains(message));
        router.wait_for("The earlier configuration goes on.");
    }
    router.signal(Signal::SIGUSR1);
    router.wait_for("metrics");
    assert_eq!(router.end(Signal::SIGTERM).code(), Some(0));
}

#[test]
fn metrics_are_logged_on_request_and_by_the_clock() {
    let folder = folder(CONFIG);
    let router = Running::start(&folder, &[]);
    router.signal(Signal::SIGUSR1);
    let line = router.wait_for("metrics");
    assert!(line.contains(" turns, 0 events (0/s), 0 routed (0/s), 0 overruns"), "{line}");
    assert_eq!(router.end(Signal::SIGINT).code(), Some(0));

    let router = Running::start(&folder, &["--metrics", "0.02"]);
    (0..3).for_each(|_| drop(router.wait_for("metrics")));
    assert_eq!(router.end(Signal::SIGINT).code(), Some(0));
}

#[test]
fn options_can_be_set_on_the_command_line() {
    let output = output(&folder(CONFIG), &["-b", "loopback.a=b", "-i", "desk.a=b=c", "--lenient", "--check"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
}
