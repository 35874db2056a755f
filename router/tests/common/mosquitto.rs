//! A real broker for tests: mosquitto from PATH, else from Debian's archive, unpacked into the target folder.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
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
        let port = free_port();
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
    let (program, libraries) = program();
    let mut command = Command::new(&program);
    command.arg("-c").arg(config).stdout(Stdio::null()).stderr(Stdio::null());
    if let Some(libraries) = libraries {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{} cannot be started: {error}", program.display()));
    let started = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Ok(Some(status)) = child.try_wait() {
            panic!("{} -c ... has ended with {status}; run `{} -h` to see why", program.display(), program.display());
        }
        assert!(started.elapsed() < PATIENCE, "mosquitto does not listen on port {port}");
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

/// The program, and where its libraries are if not in the system's folders.
fn program() -> (PathBuf, Option<OsString>) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian has it where only root's PATH looks.
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")]);
    if let Some(program) = folders.map(|it| it.join("mosquitto")).find(|it| it.is_file()) {
        return (program, None);
    }
    static FETCHING: Mutex<()> = Mutex::new(());
    let _guard = FETCHING.lock().unwrap_or_else(PoisonError::into_inner);
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mosquitto");
    if !root.is_dir() {
        fetch(&root).unwrap_or_else(|reason| {
            panic!("these tests need the broker mosquitto, which is not in PATH and cannot be fetched from Debian: {reason}. Install it.")
        });
    }
    (root.join("usr/sbin/mosquitto"), Some(library_folders(&root)))
}

/// The folders of libraries below `usr/lib` and `lib`.
fn library_folders(root: &Path) -> OsString {
    let above = [root.join("usr/lib"), root.join("lib")];
    let entries = above.iter().filter_map(|it| fs::read_dir(it).ok()).flatten().flatten();
    std::env::join_paths(entries.map(|it| it.path()).filter(|it| it.is_dir())).expect("folders without colons")
}

/// Unpacks the package and the libraries it names.
fn fetch(root: &Path) -> Result<(), String> {
    let parent = root.parent().ok_or("there is no target folder")?;
    let work = tempfile::tempdir_in(parent).map_err(|error| error.to_string())?;
    let depends = output(Command::new("apt-cache").args(["depends", "mosquitto"]))?;
    let libraries = depends.lines().filter_map(|it| it.trim().trim_start_matches('|').strip_prefix("Depends: "));
    let libraries = libraries.filter(|it| it.starts_with("lib") && *it != "libc6");
    output(Command::new("apt-get").current_dir(&work).args(["download", "mosquitto"]).args(libraries))?;
    let unpacked = work.path().join("unpacked");
    for entry in fs::read_dir(&work).map_err(|error| error.to_string())?.flatten() {
        output(Command::new("dpkg").arg("-x").arg(entry.path()).arg(&unpacked))?;
    }
    fs::rename(&unpacked, root).map_err(|error| error.to_string())
}

fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
