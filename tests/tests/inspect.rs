//! `rustclad inspect` tells what can run here, and why not; no file makes it panic.

use rustclad_inspect::{Host, InspectError, Inspector, Limits};
use rustclad_tests::{Output, Rustclad, external, fixture, module, scratch};
use serde_json::Value;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;

fn inspect(arguments: &[&str], paths: &[&Path]) -> Output {
    Rustclad::new().args(["inspect"]).args(arguments).args(paths).run()
}

/// The verdict on one file; the exit code must be `code`.
fn verdict(path: &Path, code: i32) -> String {
    let out = inspect(&[], &[path]);
    let printed = format!("{}{}", out.stdout, out.stderr);
    assert_eq!(out.code, code, "{printed}");
    assert_eq!(printed.lines().count(), 1, "{printed}");
    let rest = printed.strip_prefix(&format!("{}: ", path.display())).expect("the path is in front");
    rest.trim_end().to_owned()
}

/// What `--json` says about one file.
fn facts(path: &Path) -> Value {
    let out = inspect(&["--json"], &[path]);
    let values: Vec<Value> = serde_json::from_str(&out.stdout).expect("JSON");
    values.into_iter().next().expect("one file")
}

fn file(test: &str, name: &str, bytes: &[u8]) -> PathBuf {
    let path = scratch(test).join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// A real module with some bytes of its ELF header changed.
fn patched(test: &str, offset: usize, bytes: &[u8]) -> PathBuf {
    let mut elf = fs::read(module("_bz2")).unwrap();
    elf[offset..offset + bytes.len()].copy_from_slice(bytes);
    file(test, "_bz2.cpython-314-x86_64-linux-gnu.so", &elf)
}

/// A good fixture under another name.
fn renamed(test: &str, name: &str) -> PathBuf {
    file(test, name, &fs::read(fixture("conventions")).unwrap())
}

/// A wheel's bytes.
fn wheel(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn library(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

const METADATA: (&str, &[u8]) =
    ("x-1.dist-info/METADATA", b"Name: x\nRequires-Python: >=3.9,<4\n\nRequires-Python: <3\n");

#[test]
fn real_modules_can_run() {
    for path in ["modules", "site"].map(external) {
        let out = inspect(&[], &[&path]);
        assert_eq!(out.code, 0, "{}", out.stdout);
        assert!(!out.stdout.is_empty(), "no modules in {}", path.display());
        assert!(out.stdout.lines().all(|line| line.contains(".so: ok")), "{}", out.stdout);
    }
}

#[test]
fn fixtures_that_cannot_run() {
    assert_eq!(verdict(&fixture("missing_symbol"), 1), "missing function rustclad_no_such_function");
    assert_eq!(verdict(&fixture("no_init"), 1), "no init function PyInit_no_init");
    let text = verdict(&renamed("inspect-other-name", "other.so"), 1);
    assert_eq!(text, "no init function PyInit_other (it has PyInit_conventions)");
}

#[test]
fn runtime_struct() {
    let folder = external("cpython").join("usr/lib/python3.14/lib-dynload");
    let text = verdict(&folder.join("_zoneinfo.cpython-314-x86_64-linux-gnu.so"), 1);
    assert!(text.contains("CPython's runtime struct (_PyRuntime)"), "{text}");
}

#[test]
fn facts_of_a_module() {
    let facts = facts(&module("_bz2"));
    assert_eq!((&facts["can_run"], &facts["kind"]), (&true.into(), &"module".into()));
    assert_eq!(
        (&facts["format"], &facts["os"], &facts["machines"][0]),
        (&"ELF".into(), &"linux".into(), &"x86_64".into())
    );
    assert_eq!(facts["init_functions"][0], "PyInit__bz2");
    assert_eq!(facts["tag"]["cpython"], 314);
    assert_eq!(facts["generator"]["name"], "hand-written C");
    let implemented = facts["python"]["implemented"].as_array().unwrap();
    assert!(implemented.contains(&"PyBytes_FromStringAndSize".into()));
    let libraries = facts["libraries"].as_array().unwrap();
    let bz2 = libraries.iter().find(|library| library["name"] == "libbz2.so.1.0").unwrap();
    assert_eq!(bz2["status"], "found");
    assert!(facts["glibc"].as_str().unwrap().starts_with("2."));
}

#[test]
fn verbose() {
    let out = inspect(&["-v"], &[&module("_bz2")]);
    for part in
        ["for: linux x86_64 (ELF)", "init functions: PyInit__bz2", "needs: libbz2.so.1.0 => /", "needs glibc: 2."]
    {
        assert!(out.stdout.contains(part), "no {part}\n{}", out.stdout);
    }
}

#[test]
fn limited_api() {
    let limited = facts(&external("suite-modules").join("xxlimited_35.cpython-314-x86_64-linux-gnu.so"));
    assert!(limited["python"]["limited_api"].as_str().is_some_and(|version| version.starts_with("3.")), "{limited}");
    let private = facts(&module("_bz2"));
    assert!(private["python"]["limited_api"].is_null(), "{private}");
}

#[test]
fn other_platforms() {
    let text = verdict(&patched("inspect-aarch64", 18, &183u16.to_le_bytes()), 1);
    assert!(text.starts_with("wrong platform: it is for linux aarch64, this is linux x86_64"), "{text}");
    let text = verdict(&patched("inspect-object", 16, &1u16.to_le_bytes()), 1);
    assert!(text.contains("not a shared library"), "{text}");
    let text = verdict(&file("inspect-dylib", "x.dylib", &mach()), 1);
    assert!(text.starts_with("wrong platform: it is for macos aarch64"), "{text}");
    let text = verdict(&file("inspect-pyd", "x.cp312-win_amd64.pyd", &pe()), 1);
    assert!(text.starts_with("wrong platform: it is for windows x86_64"), "{text}");
    assert!(text.contains("its name says cp312-win_amd64"), "{text}");
}

/// A PE library with headers and nothing else, which needs `python312.dll`.
fn pe() -> Vec<u8> {
    let mut bytes = vec![0; 0x600];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, b"MZ");
    put(0x3c, &0x80u32.to_le_bytes());
    put(0x80, b"PE\0\0");
    put(0x84, &0x8664u16.to_le_bytes());
    put(0x86, &1u16.to_le_bytes()); // one section
    put(0x94, &240u16.to_le_bytes()); // size of the optional header
    put(0x96, &0x2022u16.to_le_bytes());
    put(0x98, &0x20bu16.to_le_bytes());
    put(0x98 + 32, &0x1000u32.to_le_bytes()); // section alignment
    put(0x98 + 36, &0x200u32.to_le_bytes()); // file alignment
    put(0x98 + 56, &0x2000u32.to_le_bytes()); // size of the image
    put(0x98 + 60, &0x400u32.to_le_bytes()); // size of the headers
    put(0x98 + 108, &16u32.to_le_bytes());
    put(0x98 + 120, &0x1000u32.to_le_bytes()); // imports
    put(0x98 + 124, &40u32.to_le_bytes());
    let section = 0x98 + 240;
    put(section, b".rdata");
    for (at, value) in [(8, 0x200u32), (12, 0x1000), (16, 0x200), (20, 0x400), (36, 0x4000_0040)] {
        put(section + at, &value.to_le_bytes());
    }
    // One descriptor, its table of one name, the library's name and the function's.
    for (at, value) in [(0, 0x1040u32), (12, 0x1080), (16, 0x1040), (0x40, 0x10a0)] {
        put(0x400 + at, &value.to_le_bytes());
    }
    put(0x480, b"python312.dll\0");
    put(0x4a2, b"PyList_New\0");
    bytes
}

/// A Mach-O library with a header and nothing else.
fn mach() -> Vec<u8> {
    let header = [0xfeed_facfu32, 0x0100_000c, 0, 6, 0, 0, 0, 0];
    header.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// A universal file with one part.
fn universal() -> Vec<u8> {
    let part = mach();
    let words = [0xcafe_babeu32, 1, 0x0100_000c, 0, 64, part.len() as u32, 0];
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
    bytes.resize(64, 0);
    bytes.extend(part);
    bytes
}

#[test]
fn universal_file() {
    let facts = facts(&file("inspect-universal", "x.dylib", &universal()));
    assert_eq!((&facts["format"], &facts["machines"][0]), (&"Mach-O".into(), &"aarch64".into()));
}

#[test]
fn imports_of_a_windows_module() {
    let facts = facts(&file("inspect-imports", "x.cp312-win_amd64.pyd", &pe()));
    assert_eq!(facts["format"], "PE");
    assert_eq!(facts["python"]["implemented"][0], "PyList_New");
    assert_eq!(facts["libraries"][0]["name"], "python312.dll");
}

#[test]
fn tags_of_other_abis() {
    for tag in [
        "cpython-312-x86_64-linux-gnu",
        "cpython-314t-x86_64-linux-gnu",
        "cpython-314-aarch64-linux-gnu",
        "pypy311-pp73-x86_64-linux-gnu",
    ] {
        let text = verdict(&renamed("inspect-tag", &format!("conventions.{tag}.so")), 1);
        assert!(text.starts_with("wrong ABI: ") && (text.contains(tag) || tag.contains("314t")), "{text}");
    }
    for name in ["conventions.so", "conventions.cpython-314-x86_64-linux-gnu.so"] {
        assert_eq!(verdict(&renamed("inspect-tag", name), 0), "ok");
    }
    assert!(verdict(&renamed("inspect-tag", "conventions.abi3.so"), 0).starts_with("ok"));
}

/// A copy of a module that asks for another library of a name of the same length.
fn needs_other_library(name: &[u8]) -> Vec<u8> {
    let mut bytes = library(&module("_bz2"));
    let at = bytes.windows(13).position(|text| text == b"libbz2.so.1.0").unwrap();
    bytes[at..at + name.len()].copy_from_slice(name);
    bytes
}

#[test]
fn missing_library() {
    let bytes = needs_other_library(b"libqqq.so.1.0");
    let text = verdict(&file("inspect-library", "_bz2.so", &bytes), 1);
    assert_eq!(text, "missing library libqqq.so.1.0");
}

#[test]
fn library_in_the_wheel() {
    let bytes = needs_other_library(b"libqqq.so.1.0");
    let bz2 = facts(&module("_bz2"))["libraries"].clone();
    let bz2 = bz2.as_array().unwrap().iter().find(|library| library["name"] == "libbz2.so.1.0").unwrap();
    let lib = library(Path::new(bz2["path"].as_str().unwrap()));
    let bytes = wheel(&[METADATA, ("x/_bz2.so", &bytes), ("x.libs/libqqq.so.1.0", &lib)]);
    let path = file("inspect-bundled", "x-1-cp314-cp314-linux_x86_64.whl", &bytes);
    assert_eq!(verdict(&path, 0), "ok");
    let facts = facts(&path);
    let members = facts["members"].as_array().unwrap();
    assert_eq!(members.len(), 2);
    let module = members.iter().find(|member| member["path"] == "x/_bz2.so").unwrap();
    let libraries = module["libraries"].as_array().unwrap();
    assert!(libraries.iter().any(|library| library["path"] == "x.libs/libqqq.so.1.0"), "{libraries:?}");
}

#[test]
fn wheels() {
    let good = library(&fixture("conventions"));
    let lost = library(&fixture("missing_symbol"));
    let pure = wheel(&[METADATA, ("x/__init__.py", b"")]);
    let one = wheel(&[METADATA, ("x/conventions.abi3.so", &good)]);
    let two = wheel(&[METADATA, ("conventions.so", &good), ("missing_symbol.so", &lost)]);
    let old = wheel(&[("x-1.dist-info/METADATA", b"Requires-Python: <3.13\n")]);
    let cases: [(&str, &[u8], i32, &str); 8] = [
        ("x-1-py3-none-any.whl", &pure, 0, "ok"),
        ("x-1-cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", &one, 0, "ok"),
        ("x-1-cp314-cp314-linux_x86_64.whl", &two, 1, "missing_symbol.so: missing function rustclad_no_such_function"),
        ("x-1-cp313-cp313-linux_x86_64.whl", &pure, 1, "wrong ABI: the wheel is for cp313-cp313-linux_x86_64"),
        ("x-1-cp314-cp314t-linux_x86_64.whl", &pure, 1, "wrong ABI"),
        ("x-1-cp314-cp314-win_amd64.whl", &pure, 1, "wrong platform: the wheel is for cp314-cp314-win_amd64"),
        ("x-1-cp314-cp314-manylinux_2_999_x86_64.whl", &pure, 1, "wrong platform"),
        ("x-1-py3-none-any.whl", &old, 1, "wrong Python: the wheel requires <3.13, this is 3.14."),
    ];
    for (name, bytes, code, expected) in cases {
        let text = verdict(&file("inspect-wheels", name, bytes), code);
        assert!(text.starts_with(expected), "{name}: {text}");
    }
}

#[test]
fn unreadable_input() {
    let elf = library(&module("_bz2"));
    let cut = wheel(&[METADATA]);
    let cases: [(&str, &[u8], &str); 5] = [
        ("x.so", b"", "empty"),
        ("x.so", b"print('I am a script')", "neither a shared library"),
        ("x.so", &elf[..elf.len() / 2], "truncated"),
        ("x.so", &elf[..20], "truncated"),
        ("x-1-py3-none-any.whl", &cut[..cut.len() - 9], "wheel is malformed"),
    ];
    for (name, bytes, expected) in cases {
        let text = verdict(&file("inspect-unreadable", name, bytes), 2);
        assert!(text.contains(expected), "{text}");
    }
    let text = verdict(&scratch("inspect-nothing").join("no.so"), 2);
    assert!(text.to_lowercase().contains("no such file"), "{text}");
    assert!(facts(&file("inspect-json", "x.so", b""))["error"].as_str().unwrap().contains("empty"));
}

#[test]
fn bombs() {
    let limits = Limits { library: 1 << 20, wheel: 3 << 20, members: 4, ..Limits::default() };
    let inspector = Inspector::new(Host::offline((3, 14, 0), |_| true)).limits(limits);
    let (big, small) = (vec![0; 2 << 20], vec![0; 1 << 20]);
    let too_large = |members: &[(&str, &[u8])], expected: &str| {
        let error = inspector.inspect_bytes("x-1-py3-none-any.whl", &wheel(members)).expect_err("too large");
        assert!(matches!(&error, InspectError::TooLarge { what, .. } if what == expected), "{error}");
    };
    too_large(&[("a.so", &big)], "its member a.so");
    too_large(&["a", "b", "c", "d", "e"].map(|name| (name, &b""[..])), "the number of its members");
    // Each is small enough, their sum is not.
    too_large(&["a.so", "b.so", "c.so", "d.so"].map(|name| (name, &small[..])), "its member d.so");
}

#[test]
fn command_line() {
    let help = inspect(&["--help"], &[]);
    assert!(help.code == 0 && help.stdout.starts_with("usage: rustclad inspect"), "{}", help.stdout);
    for wrong in [&[][..], &["--nonsense", "x"]] {
        let out = inspect(wrong, &[]);
        assert!(out.code == 2 && out.stderr.contains("usage: "), "{}", out.stderr);
    }
    let out = inspect(&[], &[&fixture("no_init"), &module("_bz2"), Path::new("no-such-file.so")]);
    assert_eq!((out.code, out.stdout.lines().count(), out.stderr.lines().count()), (2, 2, 1));
}

#[test]
fn script_named_inspect() {
    let folder = scratch("inspect-script");
    fs::write(folder.join("inspect"), "print('a script')\n").unwrap();
    assert_eq!(Rustclad::new().args([folder.join("inspect")]).succeed(), "a script\n");
}

/// Numbers that are the same in every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}

/// Bytes with a few changed or the end cut off. Headers are hit most often: that is where offsets and counts are.
fn mutated(bytes: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=numbers.below(8) {
        let range = [64, 1024, 8192, bytes.len()][numbers.below(4)].min(bytes.len());
        let back = numbers.below(4) == 0;
        let at = numbers.below(range);
        let at = if back { bytes.len() - 1 - at } else { at };
        bytes[at] = [0, 1, 0x7f, 0x80, 0xff, numbers.below(256) as u8][numbers.below(6)];
    }
    if numbers.below(4) == 0 {
        bytes.truncate(numbers.below(bytes.len()));
    }
    bytes
}

#[test]
fn no_file_makes_it_panic() {
    let inspector = Inspector::new(Host::offline((3, 14, 0), |_| true));
    let elf = library(&fixture("conventions"));
    let wheel = wheel(&[METADATA, ("conventions.so", &elf[..8192.min(elf.len())]), ("x/b.pyd", &pe())]);
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for (name, bytes, rounds) in [
        ("conventions.abi3.so", &elf, 3000),
        ("x-1-py3-none-any.whl", &wheel, 2000),
        ("x.cp314-win_amd64.pyd", &pe(), 3000),
        ("x.dylib", &mach(), 500),
        ("x.dylib", &universal(), 500),
    ] {
        inspector.inspect_bytes(name, bytes).expect("the file itself can be read");
        for _ in 0..rounds {
            if let Ok(report) = inspector.inspect_bytes(name, &mutated(bytes, &mut numbers)) {
                let _ = (report.verdict(), report.details());
            }
        }
    }
}
