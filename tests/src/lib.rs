//! What the end-to-end tests share: running `rustclad` as a child process, and comparing what it printed.
//!
//! A child may crash or hang without harm to the tests: a death by signal or a run past its time is a failure
//! that says so, with all that the child had printed.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long a child may take unless its test says otherwise: generous, for machines with much else to do.
const LIMIT: Duration = Duration::from_secs(120);

/// A run of `rustclad` in the making.
pub struct Rustclad {
    command: Command,
    input: Vec<u8>,
    limit: Duration,
}

/// What a child printed, and its exit code.
#[derive(Debug)]
pub struct Output {
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// The code the child gave to `exit`.
    pub code: i32,
}

impl Default for Rustclad {
    fn default() -> Self {
        Self::new()
    }
}

impl Rustclad {
    /// The program built beside these tests. It finds the real modules, the wheels and the fixtures.
    pub fn new() -> Self {
        let tests = std::env::current_exe().expect("a test knows its own path");
        let folder = tests.ancestors().nth(2).expect("tests are in target/PROFILE/deps");
        let run = Self::program(folder.join("rustclad"));
        run.python_path(["modules", "site", "fixtures"].map(external))
    }

    /// Where the program is.
    pub fn path(&self) -> PathBuf {
        self.command.get_program().into()
    }

    /// Another `program`, which finds only the tests' own helpers.
    pub fn program(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(root()).env_remove("PYTHONPATH").env("PYTHONDONTWRITEBYTECODE", "1");
        Self { command, input: Vec::new(), limit: LIMIT }.python_path([])
    }

    /// Looks for modules in the tests' helpers and then in `folders`.
    pub fn python_path<const N: usize>(self, folders: [PathBuf; N]) -> Self {
        let helpers = root().join("tests/python");
        let path = std::env::join_paths(std::iter::once(helpers).chain(folders)).expect("no colon in a path");
        self.env("PYTHONPATH", path)
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Adds command line arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// Gives the child something to read.
    pub fn stdin(mut self, input: &str) -> Self {
        self.input = input.into();
        self
    }

    /// Gives the child more time, or less.
    pub fn limit(mut self, seconds: u64) -> Self {
        self.limit = Duration::from_secs(seconds);
        self
    }

    /// Runs to the end, whatever the exit code. Panics if the child is killed by a signal or takes too long.
    pub fn run(self) -> Output {
        self.start().end()
    }

    /// Starts it and lets it run.
    pub fn start(mut self) -> Running {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = match self.command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("cannot start {:?}: {error} (`cargo xtask test` builds it)", self.command),
        };
        let mut stdin = child.stdin.take().expect("piped");
        let input = std::mem::take(&mut self.input);
        // A child that does not read its input to the end is no error here.
        thread::spawn(move || stdin.write_all(&input));
        let stdout = Pipe::drain(child.stdout.take().expect("piped"));
        let stderr = Pipe::drain(child.stderr.take().expect("piped"));
        Running { command: self.command, limit: self.limit, child, stdout, stderr }
    }

    /// Runs to the end and panics unless the exit code is 0. Gives standard output.
    pub fn succeed(self) -> String {
        let out = self.run();
        assert_eq!(out.code, 0, "exit code\n--- stdout\n{}\n--- stderr\n{}", out.stdout, out.stderr);
        out.stdout
    }
}

/// A child that runs. It is killed if it is dropped.
pub struct Running {
    command: Command,
    limit: Duration,
    child: Child,
    stdout: Pipe,
    stderr: Pipe,
}

impl Running {
    /// Waits until it has printed `text` to standard error. Panics if it ends before, or takes too long.
    pub fn says(&mut self, text: &str) {
        let start = Instant::now();
        while !self.stderr.so_far().contains(text) {
            let goes_on = self.child.try_wait().expect("a child can be waited for").is_none();
            if !goes_on || start.elapsed() > self.limit {
                self.fail(&format!("has not said {text:?}"));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Asks it to end by SIGTERM, and waits for that.
    pub fn terminate(self) -> Output {
        let pid = Pid::from_raw(self.child.id().try_into().expect("a process id"));
        kill(pid, Signal::SIGTERM).expect("the child is not yet waited for");
        self.end()
    }

    /// Waits for its end, whatever the exit code. Panics if it is killed by a signal or takes too long.
    pub fn end(mut self) -> Output {
        let status = wait(&mut self.child, self.limit);
        let Some(code) = status.and_then(|status| status.code()) else {
            self.fail(&match status {
                None => format!("took more than {} s", self.limit.as_secs()),
                Some(status) => format!("was killed by {}", signal_name(status.signal())),
            })
        };
        Output { stdout: self.stdout.all(), stderr: self.stderr.all(), code }
    }

    fn fail(&mut self, end: &str) -> ! {
        let _ = self.child.kill();
        let (stdout, stderr) = (self.stdout.all(), self.stderr.all());
        panic!("{:?} {end}\n--- stdout\n{stdout}\n--- stderr\n{stderr}", self.command)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What comes out of a child, read on a thread of its own, so that no child blocks on a full pipe.
struct Pipe {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Pipe {
    fn drain(mut pipe: impl Read + Send + 'static) -> Self {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let read = bytes.clone();
        let reader = thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut part) {
                read.lock().expect("no reader panics").extend_from_slice(&part[..length]);
            }
        });
        Self { bytes, reader: Some(reader) }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().expect("no reader panics")).into_owned()
    }

    /// Waits for the end.
    fn all(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("reads");
        }
        self.so_far()
    }
}

/// Waits for `child`, or kills it when `limit` is over.
fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

fn signal_name(signal: Option<i32>) -> String {
    let name = match signal {
        Some(4) => "SIGILL",
        Some(5) => "SIGTRAP",
        Some(6) => "SIGABRT",
        Some(7) => "SIGBUS",
        Some(8) => "SIGFPE",
        Some(9) => "SIGKILL",
        Some(11) => "SIGSEGV",
        Some(13) => "SIGPIPE",
        Some(15) => "SIGTERM",
        other => return format!("signal {other:?}"),
    };
    name.into()
}

/// The workspace's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is below the root").into()
}

/// Something that `cargo xtask test` has fetched or built.
pub fn external(name: &str) -> PathBuf {
    let path = root().join("external").join(name);
    assert!(path.exists(), "external/{name} is missing: run `cargo xtask test`");
    path
}

/// The path of a fixture that a C compiler made.
pub fn fixture(name: &str) -> PathBuf {
    external("fixtures").join(format!("{name}.cpython-314-x86_64-linux-gnu.so"))
}

/// The path of one of CPython's own modules.
pub fn module(name: &str) -> PathBuf {
    external("modules").join(format!("{name}.cpython-314-x86_64-linux-gnu.so"))
}

/// The path of a test script; fixtures' scripts are in the folder `fixtures`.
pub fn script(name: &str) -> PathBuf {
    root().join("tests/scripts").join(format!("{name}.py"))
}

/// An empty folder for the files of one test.
pub fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("rustclad-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
    folder
}

/// Runs a test script and panics unless it prints what CPython printed, but for what `tests/known/NAME.diff` lists.
///
/// Such a file says in lines that begin with `#` why the output differs, then how, in the words of `diff`. It must be
/// exact: a difference that is gone fails the test as one that is new. `RUSTCLAD_RECORD_KNOWN=1` writes it anew.
pub fn same_as_cpython(name: &str) {
    let path = script(name);
    hold_against(name, &path.with_extension("out"), &Rustclad::new().args([&path]).run());
}

/// Panics unless a run printed what stands in the file `expected`, but for what `tests/known/NAME.diff` lists (see
/// [`same_as_cpython`]).
pub fn hold_against(name: &str, expected: &Path, printed: &Output) {
    let folder = scratch(&name.replace('/', "-"));
    let actual = folder.join("rustclad");
    // Messages may name files; where the project lies is not part of them.
    let stdout = printed.stdout.replace(&format!("{}/", root().display()), "");
    std::fs::write(&actual, stdout).expect("the temporary folder can be written");
    let diff = Command::new("diff").arg(expected).arg(actual).output().expect("diff is there");
    let _ = std::fs::remove_dir_all(folder);
    let mut differs = String::from_utf8_lossy(&diff.stdout).into_owned();
    if printed.code != 0 {
        differs.push_str(&format!("exit code {}\n", printed.code));
    }
    let known = root().join("tests/known").join(name).with_extension("diff");
    let text = std::fs::read_to_string(&known).unwrap_or_default();
    let (reasons, listed): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with('#'));
    if std::env::var_os("RUSTCLAD_RECORD_KNOWN").is_some() {
        if differs.is_empty() {
            let _ = std::fs::remove_file(&known);
        } else {
            let text = format!("{}\n{differs}", reasons.join("\n"));
            let folder = known.parent().expect("a file is in a folder");
            std::fs::create_dir_all(folder).expect("tests/known can be written");
            std::fs::write(&known, text.trim_start()).expect("tests/known can be written");
        }
        return;
    }
    assert!(
        differs.lines().eq(listed.iter().copied()),
        "{name}: not what CPython prints\n{differs}\n--- known\n{}\n--- stderr\n{}",
        listed.join("\n"),
        printed.stderr
    );
}

/// Runs a test script 100 times in one process and panics if it leaves more blocks alive than after 10.
///
/// A script that is known to leak has a file `tests/known/NAME.leak` that says why; its test fails when the leak is gone.
pub fn leaves_nothing(name: &str) {
    let known = root().join("tests/known").join(name).with_extension("leak");
    // What is known to leak may get slower and slower, and shows at once.
    let rounds = if known.exists() { "2" } else { "10" };
    let leaks = root().join("tests/python/leaks.py");
    let out = Rustclad::new().args([leaks, script(name), rounds.into()]).limit(600).run();
    if let Ok(reason) = std::fs::read_to_string(&known) {
        assert_ne!(out.code, 0, "{name} leaks nothing any more: remove its list\n{reason}");
        return;
    }
    assert_eq!(out.code, 0, "{name} leaks\n{}\n--- stderr\n{}", out.stdout, out.stderr);
}

/// One test for each script that uses a real module: `module_scripts!(check)` calls `check("use_NAME")`.
#[macro_export]
macro_rules! module_scripts {
    ($check:path) => {
        $crate::tests_of! { $check, "use_":
            bz2 ctypes_test gaps lsprof lzma markupsafe posixshmem testclinic_limited testimportmultiple testsinglephase
            testsinglephase_state ujson uuid xxsubtype xxtestfuzz
        }
    };
}

/// One test for each script that uses a fixture: `fixture_scripts!(check)` calls `check("fixtures/use_NAME")`.
#[macro_export]
macro_rules! fixture_scripts {
    ($check:path) => {
        $crate::tests_of! { $check, "fixtures/use_":
            antiques arguments bases borrowed buffers building capsules classes classslots concrete containers contexts
            conventions cycles dates derived descriptors edges errors files generated habits heirs instances integers
            interpreters kept level lifetimes lists locks loops mirrors module_state operands ownslots records runtime
            single_phase sizes slots slotted states strings structs threads views
        }
    };
}

/// Test functions that differ in a name only, and one that compares the names with the scripts in the folder.
#[macro_export]
macro_rules! tests_of {
    ($check:path, $prefix:literal: $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                $check(concat!($prefix, stringify!($name)));
            }
        )*

        #[test]
        fn every_script_has_a_test() {
            $crate::assert_all_scripts($prefix, &[$(stringify!($name)),*]);
        }
    };
}

/// Panics if a script is in the folder of `prefix` that `names` does not have.
pub fn assert_all_scripts(prefix: &str, names: &[&str]) {
    let (folder, prefix) = prefix.rsplit_once('/').unwrap_or(("", prefix));
    for entry in std::fs::read_dir(root().join("tests/scripts").join(folder)).expect("the folder of scripts") {
        let file = entry.expect("readable").file_name().into_string().expect("UTF-8");
        if let Some(name) = file.strip_suffix(".py") {
            let known = name.strip_prefix(prefix).is_some_and(|name| names.contains(&name));
            assert!(known, "no test runs {file}");
        }
    }
}
