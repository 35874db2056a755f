//! Published wheels: the board's smoke scripts, the quickest of their own suites, and how those fail that cannot run.
//! All are downloaded when a test needs them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustclad_tests::{Output, Rustclad, scratch};
use rustclad_wheels::board::{Plan, Report, default_work};
use rustclad_wheels::manifest::{Manifest, Package};
use rustclad_wheels::smoke;

/// Puts a package on a board of its own.
fn board(name: &str, smoke_only: bool) -> Report {
    let rustclad = Rustclad::new().path();
    let target = rustclad.ancestors().nth(2).expect("target/PROFILE/rustclad");
    let work = default_work(target).join(if smoke_only { "smoke-tests" } else { "suite-tests" });
    let plan = Plan { rustclad, work, reference: None, smoke_only };
    plan.run(&Manifest::built_in().unwrap(), &package(name), false).unwrap()
}

fn package(name: &str) -> Package {
    Manifest::built_in().unwrap().select(&[name.to_owned()]).unwrap().remove(0)
}

/// Its script prints what CPython prints, unless `tools/wheels/known/NAME.smoke` says why not.
fn smoke(name: &str) {
    let report = board(name, true).smoke;
    match smoke::known(name) {
        Some(reason) => assert!(!report.passed, "{name} works: remove its file, which says\n{reason}"),
        None => assert!(report.passed, "{name}: {}", report.difference),
    }
}

/// Its own tests pass that passed when the list of known failures was written.
fn suite(name: &str) {
    let suite = board(name, false).suite.unwrap();
    assert!(suite.cut_short.is_none(), "{name}: {:?}", suite.cut_short);
    let (new, failures) = (&suite.change.new, &suite.score.failures);
    let told: Vec<String> = new.iter().map(|id| format!("{id}: {}", failures[id])).collect();
    assert!(told.is_empty(), "{name}: new failures\n{}", told.join("\n"));
    assert!(suite.change.gone.is_empty(), "{name}: known failures are gone, mend the list: {:?}", suite.change.gone);
    assert!(suite.score.passed > 0, "{name}: no tests");
}

/// A test for each package, and the list of the packages.
macro_rules! packages {
    ($list:ident $check:ident: $($test:ident $name:literal;)*) => {
        const $list: &[&str] = &[$($name),*];

        $(
            #[test]
            fn $test() {
                $check($name);
            }
        )*
    };
}

packages! { WITH_SMOKE smoke:
    smoke_psutil "psutil";
    smoke_regex "regex";
    smoke_multidict "multidict";
    smoke_simplejson "simplejson";
    smoke_orjson "orjson";
    smoke_pyyaml "pyyaml";
    smoke_charset_normalizer "charset-normalizer";
    smoke_cffi "cffi";
    smoke_pillow "pillow";
    smoke_lxml "lxml";
    smoke_numpy "numpy";
    smoke_zope_interface "zope-interface";
    smoke_msgspec "msgspec";
    smoke_wrapt "wrapt";
    smoke_cython "cython";
    smoke_shapely "shapely";
    smoke_opencv_python_headless "opencv-python-headless";
    smoke_pyzmq "pyzmq";
    smoke_protobuf "protobuf";
    smoke_sqlalchemy "sqlalchemy";
    smoke_greenlet "greenlet";
    smoke_gevent "gevent";
}

packages! { WITH_SUITE suite:
    suite_regex "regex";
    suite_simplejson "simplejson";
    suite_pyyaml "pyyaml";
}

#[test]
fn every_package_has_a_smoke_test() {
    let packages = Manifest::built_in().unwrap().packages;
    let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(WITH_SMOKE, names);
    assert!(WITH_SUITE.iter().all(|name| names.contains(name)));
}

const WINDOWS: &str = "orjson==3.13.0 --hash=sha256:6adcaa85d79977659a448b4123a88eb33511a11ed2db243535ad7ea88a6668e0";
const PYTHON_313: &str =
    "orjson==3.13.0 --hash=sha256:cbed5f4c4b88d94bcc36115f4c3bb3aa25da1563a5c3328aa3acebce2b083040";

/// Downloads a wheel for a machine or Python that is not this one.
fn foreign(requirement: &str, python: &str, platform: &str, folder: &Path) -> PathBuf {
    let list = folder.join("requirements.txt");
    fs::write(&list, requirement).unwrap();
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps"]);
    pip.args(["--only-binary", ":all:", "--implementation", "cp", "--python-version", python, "--platform", platform]);
    pip.arg("--abi").arg(format!("cp{}", python.replace('.', "")));
    let status = pip.arg("--dest").arg(folder).arg("-r").arg(list).status().unwrap();
    assert!(status.success());
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.find(|file| file.extension().is_some_and(|end| end == "whl")).unwrap()
}

/// Panics unless `rustclad inspect` says of a file that it cannot run, and why.
#[track_caller]
fn refused(file: &Path, verdict: &str) {
    let inspected = Rustclad::new().args(["inspect".as_ref(), file.as_os_str()]).run();
    assert_eq!(inspected.code, 1, "{inspected:?}");
    assert!(inspected.stdout.contains(verdict), "no {verdict}\n{inspected:?}");
}

/// Panics unless a wheel of orjson for another machine or Python is refused, and misses its module if it is imported.
#[track_caller]
fn foreign_orjson(requirement: &str, python: &str, platform: &str, verdict: &str) {
    let folder = scratch(&format!("wheels-{platform}"));
    let wheel = foreign(requirement, python, platform, &folder);
    refused(&wheel, verdict);
    let site = folder.join("site");
    zip::ZipArchive::new(fs::File::open(wheel).unwrap()).unwrap().extract(&site).unwrap();
    last_line_has(&import(&site, "orjson"), &["ModuleNotFoundError", "orjson.orjson"]);
    fs::remove_dir_all(folder).unwrap();
}

/// Imports a module that is installed in `site`.
fn import(site: &Path, module: &str) -> Output {
    Rustclad::new().python_path([site.to_owned()]).args(["-c", &format!("import {module}")]).run()
}

/// Panics unless a run has failed with all `parts` in the last line of its traceback.
#[track_caller]
fn last_line_has(output: &Output, parts: &[&str]) {
    let last = output.stderr.lines().last().unwrap_or_default();
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(parts.iter().all(|part| last.contains(part)), "no {parts:?} in\n{}", output.stderr);
}

#[test]
fn a_wheel_for_another_system() {
    let verdict = "wrong platform: the wheel is for cp314-cp314-win_amd64";
    foreign_orjson(WINDOWS, "3.14", "win_amd64", verdict);
}

#[test]
fn a_wheel_for_another_python() {
    foreign_orjson(PYTHON_313, "3.13", "manylinux2014_x86_64", "wrong ABI: the wheel is for cp313-cp313");
}

/// `rustclad install --no-deps` of one of the board's packages.
fn install(name: &str, site: &Path) {
    let list = site.with_extension("txt");
    fs::write(&list, &package(name).wheels[0]).unwrap();
    let install = Rustclad::new().args(["install", "--quiet", "--no-deps", "-r"]).args([&list]);
    install.args(["--target"]).args([site]).succeed();
}

#[test]
fn a_bundled_library_that_is_gone() {
    let folder = scratch("wheels-library");
    let site = folder.join("site");
    install("pillow", &site);
    let mut bundled = fs::read_dir(site.join("pillow.libs")).unwrap().map(|entry| entry.unwrap().path());
    let gone = bundled.find(|file| file.to_string_lossy().contains("/libjpeg-")).unwrap();
    let name = gone.file_name().unwrap().to_str().unwrap().to_owned();
    fs::remove_file(&gone).unwrap();
    let module = site.join("PIL/_imaging.cpython-314-x86_64-linux-gnu.so");
    refused(&module, &format!("missing library {name}"));
    last_line_has(&import(&site, "PIL._imaging"), &["ImportError", &name]);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_package_that_is_needed_and_not_there() {
    let folder = scratch("wheels-needed");
    let site = folder.join("site");
    install("cffi", &site);
    let parse = "import cffi; cffi.FFI().cdef('int abs(int);')";
    let run = Rustclad::new().python_path([site]).args(["-c", parse]).run();
    last_line_has(&run, &["ModuleNotFoundError", "pycparser"]);
    fs::remove_dir_all(folder).unwrap();
}
