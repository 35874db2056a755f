//! A real broker for tests: mosquitto from Debian, which `cargo xtask fetch` has unpacked.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the broker may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// A broker on a port of its own; it ends when this is dropped.
pub(crate) struct Mosquitto {
    pub(crate) port: u16,
    config: tempfile::NamedTempFile,
    child: Child,
}

impl Mosquitto {
    /// Starts one. Panics with the reason if it cannot be had.
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    /// Starts one with more lines in its configuration.
    pub(crate) fn with(lines: &str) -> Self {
        Self::on(free_port(), lines)
    }

    /// Starts one on a port.
    pub(crate) fn on(port: u16, lines: &str) -> Self {
        let mut config = tempfile::NamedTempFile::new().expect("a temporary file");
        // As another user it could not read what tests write.
        write!(config, "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n{lines}")
            .expect("a temporary file can be written");
        let child = run(port, config.path());
        Self { port, config, child }
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("mosquitto can be killed");
        self.child.wait().expect("mosquitto ends");
    }

    /// Starts it again, without what it retained.
    pub(crate) fn start_again(&mut self) {
        self.child = run(self.port, self.config.path());
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody listens on now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port of this machine");
    listener.local_addr().expect("its address").port()
}

fn run(port: u16, config: &Path) -> Child {
    let mut command = program("usr/sbin/mosquitto");
    command.arg("-c").arg(config).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?} cannot be started: {error}"));
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Ok(Some(status)) = child.try_wait() {
            panic!("mosquitto has ended with {status}; is port {port} taken? To see why, run {command:?}");
        }
        assert!(started.elapsed() < PATIENCE, "mosquitto does not listen on port {port}");
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

/// One of the broker's programs, which finds its libraries.
pub(crate) fn program(path: &str) -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../external/mosquitto");
    assert!(root.is_dir(), "external/mosquitto is missing, the broker that this test needs: run `cargo xtask fetch`");
    let mut command = Command::new(root.join(path));
    command.env("LD_LIBRARY_PATH", library_folders(&root));
    command
}

/// The folders of libraries below `usr/lib` and `lib`.
fn library_folders(root: &Path) -> OsString {
    let above = [root.join("usr/lib"), root.join("lib")];
    let entries = above.iter().filter_map(|it| fs::read_dir(it).ok()).flatten().flatten();
    std::env::join_paths(entries.map(|it| it.path()).filter(|it| it.is_dir())).expect("folders without colons")
}
