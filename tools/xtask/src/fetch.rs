//! Fills `external/` with binaries that others compiled: CPython's own extension modules and headers from
//! Debian, wheels from the Python package index, and from the machine's own release the broker mosquitto and ALSA. Apt
//! works with a state of its own there, so the machine's packages and settings stay as they are; pip is held to hashes.

use crate::shell::{self, external, output, quiet, root};
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian's release with CPython 3.14, by code name: "testing" will mean another one some day.
const SUITE: &str = "forky";
const PACKAGES: [&str; 3] = ["libpython3.14-stdlib", "libpython3.14-dev", "libpython3.14-testsuite"];
/// The MQTT broker that the router is tested with, and its clients.
const BROKER: [&str; 2] = ["mosquitto", "mosquitto-clients"];
/// What the router's feature `midi` is built with.
const ALSA: [&str; 2] = ["libasound2-dev", "pkgconf-bin"];

/// The modules that the tests load; `external/modules` holds just these, so no other one is found by chance.
const MODULES: [&str; 11] = [
    "_bz2",
    "_lzma",
    "_uuid",
    "_posixshmem",
    "_testsinglephase",
    "_testimportmultiple",
    "_ctypes_test",
    "_xxtestfuzz",
    "_testclinic_limited",
    "_lsprof",
    "xxsubtype",
];
/// The modules that CPython's own tests are run with; `external/suite-modules` holds just these.
const SUITE_MODULES: [&str; 19] = [
    "_bz2",
    "_lzma",
    "_queue",
    "_multibytecodec",
    "_codecs_cn",
    "_codecs_hk",
    "_codecs_iso2022",
    "_codecs_jp",
    "_codecs_kr",
    "_codecs_tw",
    "_zstd",
    "_hmac",
    "_sqlite3",
    "mmap",
    "resource",
    "xxlimited",
    "xxlimited_35",
    "_testmultiphase",
    "_testsinglephase",
];
/// Libraries those modules are linked with, and the packages that have them.
const LIBRARIES: [(&str, &str); 5] = [
    ("libbz2.so.1.0", "libbz2-1.0"),
    ("liblzma.so.5", "liblzma5"),
    ("libuuid.so.1", "libuuid1"),
    ("libzstd.so.1", "libzstd1"),
    ("libsqlite3.so.0", "libsqlite3-0"),
];
/// The end of an extension module's file name.
pub(crate) const SUFFIX: &str = ".cpython-314-x86_64-linux-gnu.so";

const WHEELS: &str = "tests/requirements.txt";
const PYTEST: &str = "tests/requirements-pytest.txt";
const SOURCES: &str = "tests/requirements-src.txt";
const ROUTER: &str = "tests/requirements-router.txt";

/// Makes `external/` complete. Does nothing if it is.
pub(crate) fn fetch() -> Result<()> {
    let stamp = external("stamp");
    let wanted = recipe()?;
    if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
        return Ok(());
    }
    eprintln!("fetching CPython 3.14's modules and the wheels into external/ ...");
    check_libraries()?;
    debian().context("cannot get CPython's modules from Debian")?;
    modules()?;
    pip(WHEELS, "site").context("cannot get the wheels")?;
    pip(PYTEST, "pytest").context("cannot get pytest")?;
    pip(ROUTER, "router").context("cannot get what the router is tested with")?;
    sources().context("cannot get markupsafe's sources")?;
    native().context("cannot get mosquitto and ALSA from Debian")?;
    fs::write(stamp, wanted)?;
    Ok(())
}

/// Everything that decides what `external/` holds: if it changes, the folder is made anew.
fn recipe() -> Result<String> {
    let mut recipe = format!("{SUITE} {PACKAGES:?} {MODULES:?} {SUITE_MODULES:?} {BROKER:?} {ALSA:?}\n");
    for file in [WHEELS, PYTEST, SOURCES, ROUTER] {
        recipe += &fs::read_to_string(root().join(file)).context(file)?;
    }
    Ok(recipe)
}

/// Stops early if modules could not be loaded for want of a library.
fn check_libraries() -> Result<()> {
    // Not on every user's PATH, but always there.
    let known = output(Command::new("/sbin/ldconfig").arg("-p"))?;
    for (library, package) in LIBRARIES {
        if !known.contains(&format!("{library} ")) {
            bail!("the machine lacks {library}: apt-get install {package}");
        }
    }
    Ok(())
}

/// Unpacks Debian's packages into `external/cpython`.
fn debian() -> Result<()> {
    let home = apt_home("apt", SUITE)?;
    unpack(&home, &PACKAGES, "cpython")
}

/// Unpacks the broker with its clients, and ALSA.
fn native() -> Result<()> {
    // They run with the machine's C library, so they are those of the machine's release.
    let home = apt_home("apt-native", &codename()?)?;
    with_libraries(&home, &BROKER, "mosquitto")?;
    with_libraries(&home, &ALSA, "alsa")
}

/// Unpacks packages and the libraries they name into the folder `name`.
fn with_libraries(home: &Path, packages: &[&str], name: &str) -> Result<()> {
    let named = output(private_apt(home, "apt-cache", "depends").args(packages))?;
    let depends = named.lines().filter_map(|line| line.trim().trim_start_matches('|').strip_prefix("Depends: "));
    let libraries: BTreeSet<&str> = depends.filter(|name| name.starts_with("lib") && *name != "libc6").collect();
    let all: Vec<&str> = packages.iter().copied().chain(libraries).collect();
    unpack(home, &all, name)
}

/// The machine's release by its code name.
fn codename() -> Result<String> {
    let release = fs::read_to_string("/etc/os-release").context("/etc/os-release")?;
    let name = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    Ok(name.context("/etc/os-release has no VERSION_CODENAME, as Debian's has")?.trim_matches('"').to_owned())
}

/// A folder in `external/` with the state of an apt that knows the packages of `suite`.
fn apt_home(name: &str, suite: &str) -> Result<PathBuf> {
    let home = fresh(name)?;
    for folder in ["state/lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(home.join(folder))?;
    }
    fs::write(home.join("state/status"), "")?;
    // The keys of a newer release are often missing on an older one.
    let sources = format!("deb [trusted=yes] {} {suite} main\n", mirror()?);
    fs::write(home.join("sources.list"), sources)?;
    quiet(&mut private_apt(&home, "apt-get", "update"))?;
    Ok(home)
}

/// Downloads `packages` and unpacks them into the folder `name`.
fn unpack(home: &Path, packages: &[&str], name: &str) -> Result<()> {
    let debs = home.join(name);
    shell::fresh(&debs)?;
    quiet(private_apt(home, "apt-get", "download").args(packages).current_dir(&debs))?;
    let target = fresh(name)?;
    for package in fs::read_dir(debs)? {
        quiet(Command::new("dpkg-deb").arg("-x").arg(package?.path()).arg(&target))?;
    }
    Ok(())
}

/// `program verb`, one of apt's, that reads and writes below `home` alone.
fn private_apt(home: &Path, program: &str, verb: &str) -> Command {
    let mut apt = Command::new(program);
    let home = home.display();
    for option in [
        format!("Dir::Etc::sourcelist={home}/sources.list"),
        "Dir::Etc::sourceparts=/dev/null".into(),
        "Dir::Etc::preferences=/dev/null".into(),
        "Dir::Etc::preferencesparts=/dev/null".into(),
        format!("Dir::State={home}/state"),
        format!("Dir::State::status={home}/state/status"),
        format!("Dir::Cache={home}/cache"),
        "APT::Architecture=amd64".into(),
        // Root's downloads would else be done by a user who may not write here.
        "APT::Sandbox::User=root".into(),
        "Acquire::Languages=none".into(),
    ] {
        apt.arg("-o").arg(option);
    }
    apt.arg(verb);
    apt
}

/// The Debian mirror that the machine itself uses.
fn mirror() -> Result<String> {
    let sites = output(Command::new("apt-get").args(["indextargets", "--format", "$(SITE)"]))?;
    let debian = |site: &&str| site.trim_end_matches('/').ends_with("/debian");
    let site = sites.lines().find(debian);
    Ok(site.context("apt-get knows no Debian mirror (apt-get indextargets)")?.to_owned())
}

/// Links to the modules that tests load, and to CPython's own tests.
fn modules() -> Result<()> {
    links("modules", &MODULES)?;
    links("suite-modules", &SUITE_MODULES)?;
    // CPython's own tests, without the rest of its library beside them.
    symlink("../cpython/usr/lib/python3.14/test", fresh("suite")?.join("test"))?;
    Ok(())
}

/// A folder with links to some of CPython's modules.
fn links(folder: &str, modules: &[&str]) -> Result<()> {
    let folder = fresh(folder)?;
    for name in modules {
        let file = format!("{name}{SUFFIX}");
        let real = format!("../cpython/usr/lib/python3.14/lib-dynload/{file}");
        if !folder.join(&real).exists() {
            bail!("Debian's packages have no {file}");
        }
        symlink(real, folder.join(file))?;
    }
    Ok(())
}

/// Installs the wheels of `requirements` into the folder `name`, whatever Python runs pip.
fn pip(requirements: &str, name: &str) -> Result<()> {
    let target = fresh(name)?;
    let mut pip = python_pip("install");
    pip.args(["--require-hashes", "--only-binary", ":all:", "--no-deps"]);
    pip.args(["--python-version", "3.14", "--implementation", "cp", "--abi", "cp314", "--abi", "none"]);
    for platform in ["manylinux2014_x86_64", "manylinux_2_28_x86_64", "any"] {
        pip.args(["--platform", platform]);
    }
    pip.args(["--no-compile", "--target"]).arg(target);
    quiet(pip.arg("-r").arg(root().join(requirements)))
}

/// Unpacks markupsafe's source archive into `external/markupsafe-src`.
fn sources() -> Result<()> {
    let folder = fresh("markupsafe-src")?;
    let mut pip = python_pip("download");
    pip.args(["--require-hashes", "--no-binary", ":all:", "--no-deps", "--dest"]).arg(&folder);
    quiet(pip.arg("-r").arg(root().join(SOURCES)))?;
    for archive in fs::read_dir(&folder)? {
        let mut tar = Command::new("tar");
        tar.args(["--strip-components=1", "-xzf"]).arg(archive?.path());
        quiet(tar.current_dir(&folder))?;
    }
    Ok(())
}

fn python_pip(verb: &str) -> Command {
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", verb, "--quiet", "--disable-pip-version-check"]);
    pip
}

/// An empty folder in `external/`.
fn fresh(name: &str) -> Result<PathBuf> {
    let folder = external(name);
    shell::fresh(&folder)?;
    Ok(folder)
}
