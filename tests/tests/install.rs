//! `rustclad install`, `uninstall` and `list`, with wheels made here; pip looks into their folder instead of an index.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rustclad_tests::{Output, Rustclad, scratch};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A scratch folder with wheels in `wheels`, a home in `home` and a site folder `site`, which is not made.
struct Bench(PathBuf);

impl Bench {
    fn new(test: &str) -> Self {
        let folder = scratch(&format!("install-{test}"));
        for name in ["wheels", "home"] {
            fs::create_dir(folder.join(name)).unwrap();
        }
        Self(folder)
    }

    fn site(&self) -> PathBuf {
        self.0.join("site")
    }

    /// Makes a wheel with a module of the package's name, which holds its version, and a script.
    fn wheel(&self, name: &str, version: &str, needs: &[&str]) {
        self.tagged_wheel(name, version, needs, "py3-none-any", "");
    }

    /// The same with another tag, and more lines in its RECORD.
    fn tagged_wheel(&self, name: &str, version: &str, needs: &[&str], tag: &str, more_record: &str) {
        let info = format!("{name}-{version}.dist-info");
        let needs: String = needs.iter().map(|it| format!("Requires-Dist: {it}\n")).collect();
        let files = [
            (format!("{name}/__init__.py"), format!("VERSION = '{version}'\ndef main():\n    print(VERSION)\n")),
            (format!("{info}/METADATA"), format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}\n")),
            (format!("{info}/WHEEL"), format!("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")),
            (format!("{info}/entry_points.txt"), format!("[console_scripts]\n{name}-run = {name}:main\n")),
        ];
        let listed: String = files.iter().map(|(file, _)| format!("{file},,\n")).collect();
        let record = (format!("{info}/RECORD"), format!("{listed}{info}/RECORD,,\n{more_record}"));
        let path = self.0.join(format!("wheels/{name}-{version}-{tag}.whl"));
        let mut archive = ZipWriter::new(File::create(path).unwrap());
        for (file, text) in files.iter().chain([&record]) {
            archive.start_file(file.as_str(), SimpleFileOptions::default()).unwrap();
            archive.write_all(text.as_bytes()).unwrap();
        }
        archive.finish().unwrap();
    }

    /// Lets a program see this bench and nothing of the user's own.
    fn prepare(&self, program: Rustclad) -> Rustclad {
        program
            .env("PIP_NO_INDEX", "1")
            .env("PIP_FIND_LINKS", self.0.join("wheels"))
            .env("XDG_DATA_HOME", self.0.join("home"))
            .env("VIRTUAL_ENV", "")
            .python_path([])
    }

    fn rustclad(&self) -> Rustclad {
        self.prepare(Rustclad::new())
    }

    /// A subcommand on the folder `site`.
    fn run(&self, words: &[&str]) -> Output {
        self.rustclad().args(words).args(["--target"]).args([self.site()]).run()
    }

    /// A subcommand that succeeds; what it printed.
    fn succeed(&self, words: &[&str]) -> String {
        let out = self.run(words);
        assert_eq!(out.code, 0, "{}\n{}", out.stdout, out.stderr);
        out.stdout
    }

    /// A subcommand that fails with a last line that has `part` in it.
    fn fail(&self, words: &[&str], part: &str) {
        let out = self.run(words);
        assert_eq!(out.code, 1, "{}\n{}", out.stdout, out.stderr);
        let last = out.stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("rustclad: ") && last.contains(part), "no {part}\n{}", out.stderr);
    }

    fn list(&self) -> String {
        self.succeed(&["list", "--json"])
    }

    /// Staging folders beside the site folder that nobody has removed.
    fn leftovers(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with('.')).collect()
    }
}

/// All files and folders below `folder`, with the files' content.
fn tree(folder: &Path) -> BTreeSet<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeSet::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            let content = fs::read(&path).unwrap_or_default();
            let mut below = tree(&path);
            below.insert((path, content));
            below
        })
        .collect()
}

#[test]
fn with_what_it_needs() {
    let bench = Bench::new("needs");
    bench.wheel("upper", "1.0", &["lower>=1", "modern; python_version >= '3.14'", "antique; python_version < '3'"]);
    bench.wheel("lower", "1.5", &[]);
    bench.wheel("modern", "3.0", &[]);
    bench.succeed(&["install", "upper"]);
    let shown = bench.succeed(&["list"]);
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines, ["Package Version", "------- -------", "lower   1.5", "modern  3.0", "upper   1.0"]);
    let program = "import upper, lower; print(upper.VERSION, lower.VERSION)";
    assert_eq!(bench.rustclad().python_path([bench.site()]).args(["-c", program]).succeed(), "1.0 1.5\n");
    let script = fs::read_to_string(bench.site().join("bin/upper-run")).unwrap();
    assert!(script.lines().next().unwrap().ends_with("/rustclad"), "{script}");
    let run = Rustclad::program(bench.site().join("bin/upper-run")).python_path([bench.site()]);
    assert_eq!(run.succeed(), "1.0\n");
    assert_eq!(bench.leftovers(), Vec::<String>::new());
}

#[test]
fn already_there() {
    let bench = Bench::new("there");
    bench.wheel("lower", "1.5", &[]);
    bench.succeed(&["install", "lower"]);
    bench.wheel("lower", "2.0", &[]);
    bench.wheel("upper", "1.0", &["lower>=1"]);
    bench.wheel("strict", "1.0", &["lower>=2"]);
    assert!(bench.succeed(&["install", "Lower"]).contains("Requirement already satisfied: Lower"));
    bench.succeed(&["install", "upper"]);
    assert!(bench.list().contains("1.5"));
    bench.succeed(&["install", "lower", "--upgrade"]);
    assert!(bench.list().contains("2.0") && !bench.list().contains("1.5"));
    bench.succeed(&["install", "lower==1.5"]);
    assert!(bench.list().contains("1.5") && !bench.list().contains("2.0"));
    bench.succeed(&["install", "strict"]);
    assert!(bench.list().contains("2.0") && !bench.list().contains("1.5"));
}

#[test]
fn failures_change_nothing() {
    let bench = Bench::new("failures");
    bench.wheel("lower", "1.5", &[]);
    bench.wheel("upper", "1.0", &["lower>=7"]);
    bench.tagged_wheel("foreign", "1.0", &[], "cp312-cp312-win_amd64", "");
    bench.succeed(&["install", "lower"]);
    let before = tree(&bench.site());
    bench.fail(&["install", "no-such-thing"], "check the spelling");
    bench.fail(&["install", "lower==9"], "there are: 1.5");
    bench.fail(&["install", "upper"], "lower");
    bench.fail(&["install", "foreign"], "foreign has no wheel for CPython 3.14");
    bench.fail(&["uninstall", "lower", "upper"], "upper is not installed");
    let out = bench.rustclad().env("PATH", bench.0.join("home")).args(["install", "upper"]).run();
    assert!(out.code == 1 && out.stderr.contains("no pip was found"), "{}", out.stderr);
    assert_eq!(tree(&bench.site()), before);
    assert_eq!(bench.leftovers(), Vec::<String>::new());
}

#[test]
fn a_move_that_fails_is_undone() {
    let bench = Bench::new("undone");
    bench.wheel("lower", "1.5", &[]);
    bench.succeed(&["install", "lower"]);
    // A folder is where a file of the second package has to go.
    fs::create_dir_all(bench.site().join("upper/__init__.py/in-the-way")).unwrap();
    bench.wheel("lower", "2.0", &[]);
    bench.wheel("upper", "1.0", &["lower>=2"]);
    let before = tree(&bench.site());
    bench.fail(&["install", "upper"], "upper");
    assert_eq!(tree(&bench.site()), before);
}

#[test]
fn uninstall_leaves_what_is_not_its_own() {
    let bench = Bench::new("uninstall");
    bench.wheel("upper", "1.0", &["lower"]);
    bench.wheel("lower", "1.5", &[]);
    bench.succeed(&["install", "lower"]);
    let before = tree(&bench.site());
    bench.succeed(&["install", "upper"]);
    let cache = bench.site().join("upper/__pycache__");
    fs::create_dir(&cache).unwrap();
    fs::write(cache.join("__init__.rustpython-314.pyc"), "").unwrap();
    bench.succeed(&["uninstall", "upper"]);
    assert_eq!(tree(&bench.site()), before);
}

#[test]
fn hostile_records() {
    let bench = Bench::new("hostile");
    let outside = bench.0.join("precious");
    fs::write(&outside, "").unwrap();
    bench.wheel("lower", "1.5", &[]);
    bench.succeed(&["install", "lower"]);
    let record = bench.site().join("lower-1.5.dist-info/RECORD");
    let honest = fs::read_to_string(&record).unwrap();
    std::os::unix::fs::symlink(&bench.0, bench.site().join("link")).unwrap();
    for entry in ["../precious", "lower/../../precious", outside.to_str().unwrap(), "link/precious"] {
        fs::write(&record, format!("{honest}{entry},,\n")).unwrap();
        let before = tree(&bench.site().join("lower"));
        bench.fail(&["uninstall", "lower"], "outside of the folder");
        assert_eq!(tree(&bench.site().join("lower")), before);
        assert!(outside.exists());
    }
    bench.tagged_wheel("wicked", "1.0", &[], "py3-none-any", "../../../precious,,\n");
    bench.fail(&["install", "wicked"], "outside of the folder");
    assert!(outside.exists());
}

#[test]
fn environment() {
    let bench = Bench::new("environment");
    bench.wheel("upper", "1.0", &["lower"]);
    bench.wheel("lower", "1.5", &[]);
    let environment = bench.0.join("env");
    bench.rustclad().args(["-m", "venv"]).args([&environment]).succeed();
    bench.rustclad().env("VIRTUAL_ENV", &environment).args(["install", "upper"]).succeed();
    let inside = |name: &str| bench.prepare(Rustclad::program(environment.join("bin").join(name)));
    let program = "import sys, upper; print(upper.VERSION, upper.__file__.startswith(sys.prefix))";
    assert_eq!(inside("python").args(["-c", program]).succeed(), "1.0 True\n");
    assert_eq!(inside("upper-run").succeed(), "1.0\n");
    assert!(inside("rustclad").args(["list"]).succeed().contains("upper   1.0"));
    inside("rustclad").args(["uninstall", "upper"]).succeed();
    assert!(!environment.join("bin/upper-run").exists() && environment.join("bin/python").exists());
    let foreign = bench.rustclad().env("VIRTUAL_ENV", bench.0.join("home")).args(["install", "upper"]).run();
    assert!(foreign.code == 1 && foreign.stderr.contains("was not made by rustclad"), "{}", foreign.stderr);
}

#[test]
fn folder_of_the_user() {
    let bench = Bench::new("user");
    bench.wheel("lower", "1.5", &[]);
    bench.rustclad().args(["install", "lower"]).succeed();
    let home = bench.0.join("home/rustclad");
    assert!(home.join("bin/lower-run").is_file());
    let program = "import sys; print([it for it in sys.path if it.endswith('rustclad/site-packages')], \
                   'rustclad/site' in sys.path[-1])";
    let shown = bench.rustclad().args(["-c", program]).succeed();
    assert_eq!(shown, format!("['{}'] True\n", home.join("site-packages").display()));
    for option in ["-I", "-s", "-S"] {
        assert_eq!(bench.rustclad().args([option, "-c", program]).succeed(), "[] False\n");
    }
    assert_eq!(bench.rustclad().env("PYTHONNOUSERSITE", "1").args(["-c", program]).succeed(), "[] False\n");
    assert_eq!(bench.rustclad().args(["-c", "import lower; lower.main()"]).succeed(), "1.5\n");
}

#[test]
fn usage() {
    let bench = Bench::new("usage");
    for words in [&["install"][..], &["install", "--nonsense", "x"], &["list", "x"], &["uninstall"]] {
        let out = bench.run(words);
        assert!(out.code == 2 && out.stderr.contains("usage: rustclad install"), "{}", out.stderr);
    }
}
