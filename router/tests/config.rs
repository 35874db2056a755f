//! Reading configurations: sections, includes, folders, the map, overrides, and what errors say.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use rustclad_router::config::{self, Assignment, Config, ConfigError, Disk, Files, Overrides, Problem, read_text};

/// Files by path.
struct Memory(HashMap<&'static str, &'static str>);

impl Files for Memory {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>> {
        let text = path.to_str().and_then(|path| self.0.get(path)).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(text.as_bytes()))
    }
}

fn read_files<const N: usize>(files: [(&'static str, &'static str); N]) -> Result<Config, ConfigError> {
    config::read_from(&Memory(files.into()), Path::new(files[0].0), &Overrides::default())
}

fn read(text: &str) -> Config {
    read_text(text, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"))
}

/// Line, column and problem of a text that is wrong.
fn problem(text: &str) -> (u32, u32, Problem) {
    match read_text(text, &Overrides::default()) {
        Err(ConfigError::Wrong { place, problem }) => (place.line, place.column, problem),
        other => panic!("{text}: {other:?}"),
    }
}

fn options(options: &[Assignment]) -> Vec<(&str, &str)> {
    options.iter().map(|it| (it.option.as_str(), it.value.as_str())).collect()
}

/// The map in words.
fn map(config: &Config) -> Vec<String> {
    let end = |it: &config::ChannelSpec| format!("{}.{}", config.instances[it.instance].name, it.channel);
    config.map.iter().map(|it| format!("{} > {}", end(&it.source), end(&it.destination))).collect()
}

/// The map that the lines make between loopback instances `a` and `b`.
fn mapped(lines: &str) -> Vec<String> {
    map(&read(&format!("[loopback a]\n[loopback b]\n[map]\n{lines}")))
}

#[test]
fn sections() {
    let config = read(
        "; a comment\n\n[backend osc]\ndetect = on\n  ; another = comment\n[osc touch]\n bind = * 8000 ; no comment\n\
         [backend osc]\ndetect=off\n/*/x = ff 0 1 = 2\nempty =\n",
    );
    let sections: Vec<_> = config.backends.iter().map(|it| (it.backend.as_str(), options(&it.options))).collect();
    assert_eq!(
        sections,
        [("osc", vec![("detect", "on")]), ("osc", vec![("detect", "off"), ("/*/x", "ff 0 1 = 2"), ("empty", "")]),]
    );
    assert_eq!(config.instances.len(), 1);
    let touch = &config.instances[0];
    assert_eq!((touch.backend.as_str(), touch.name.as_str()), ("osc", "touch"));
    assert_eq!(touch.folder, Path::new("."));
    assert_eq!(options(&touch.options), [("bind", "* 8000 ; no comment")]);
    let place = &touch.options[0].place;
    assert_eq!((place.line, place.column, &*place.text), (7, 2, " bind = * 8000 ; no comment"));
    assert_eq!(place.to_string(), "configuration:7:2");
}

#[test]
fn line_ends_and_byte_order_mark() {
    let config = read("\u{feff}[osc a]\r\nx = 1\r\n\r\n; end\r\n[osc b]");
    assert_eq!(config.instances.len(), 2);
    assert_eq!(options(&config.instances[0].options), [("x", "1")]);
    assert_eq!(&*config.instances[0].options[0].place.text, "x = 1");
    assert_eq!(config.instances[1].place.line, 5);
    assert_eq!(read("").instances.len(), 0);
}

#[test]
fn arrows() {
    assert_eq!(mapped("a.x < b.y"), ["b.y > a.x"]);
    assert_eq!(mapped("a.x > b.y"), ["a.x > b.y"]);
    assert_eq!(mapped("a.x <> b.y"), ["a.x > b.y", "b.y > a.x"]);
    assert_eq!(mapped("a.x >< b.y"), ["a.x > b.y", "b.y > a.x"]);
    assert_eq!(mapped("a.ch0.cc1>b./x<y"), ["a.ch0.cc1 > b./x<y"]);
    assert_eq!(mapped("a.x=1 > b.[y]"), ["a.x=1 > b.[y]"]);
}

#[test]
fn globs() {
    assert_eq!(mapped("a.{1..2} > b.{8..7}"), ["a.1 > b.8", "a.2 > b.7"]);
    assert_eq!(mapped("a.{1..2} <> b.x"), ["a.1 > b.x", "a.2 > b.x", "b.x > a.1", "b.x > a.2"]);
    assert_eq!(mapped("a.x > b.{p,q}"), ["a.x > b.p", "a.x > b.q"]);
    assert_eq!(mapped("a.{1..2}{a,b} > b.{1..4}"), ["a.1a > b.1", "a.1b > b.2", "a.2a > b.3", "a.2b > b.4"]);
    assert_eq!(mapped("a.{0..15}.{0..127} > b.{0..2047}").len(), 2048);
}

#[test]
fn a_pair_counts_once() {
    assert_eq!(mapped("a.x > b.y\nb.y < a.x\na.x <> b.y\na.{x,x} > b.y"), ["a.x > b.y", "b.y > a.x"]);
}

#[test]
fn places_of_mappings() {
    let config = read("[loopback ä]\n[map]\n ä.x < ä.y\n");
    let mapping = &config.map[0];
    assert_eq!(mapping.source_place.to_string(), "configuration:3:8");
    assert_eq!(mapping.destination_place.to_string(), "configuration:3:2");
}

#[test]
fn map_and_sections_take_turns() {
    let config = read("[lo a]\n[map]\na.x > a.y\n[lo b]\nk = v\n[map]\nb.x > a.x");
    assert_eq!(map(&config), ["a.x > a.y", "b.x > a.x"]);
    assert_eq!(options(&config.instances[1].options), [("k", "v")]);
}

#[test]
fn wrong_lines() {
    use Problem as P;
    macro_rules! wrong {
        ($text:expr, $line:literal, $column:literal, $problem:pat) => {
            let (line, column, problem) = problem($text);
            assert!(matches!(problem, $problem), "{:?}: {problem:?}", $text);
            assert_eq!((line, column), ($line, $column), "{:?}", $text);
        };
    }
    wrong!("\n  x = y", 2, 3, P::NoSection);
    wrong!("x", 1, 1, P::NoSection);
    wrong!("a.x > b.y", 1, 1, P::MappingOutsideMap);
    wrong!("[lo a]\na.x > a.y", 2, 1, P::MappingOutsideMap);
    wrong!("[lo a]\nx", 2, 1, P::NotAssignment);
    wrong!("[lo a]\n[map]\nx = y", 3, 1, P::NotMapping);
    wrong!("[lo a]\n[map]\nx", 3, 1, P::NotMapping);
    wrong!("[lo a]\n[map", 2, 1, P::OpenHeader);
    wrong!("[map] ; the map", 1, 1, P::OpenHeader);
    wrong!("[map]\n[lo a", 2, 1, P::OpenHeader);
    wrong!("[lo]", 1, 1, P::UnknownSection { .. });
    wrong!("[]", 1, 1, P::UnknownSection { .. });
    wrong!("[lo a.b]", 1, 5, P::InvalidName { .. });
    wrong!("[lo a b]", 1, 5, P::InvalidName { .. });
    wrong!("[lo a]\n[osc a]", 2, 6, P::DuplicateInstance { .. });
    wrong!("[lo a]\n[map]\na.x > ä.y", 3, 7, P::NoInstance { .. });
    wrong!("[lo a]\n[map]\na.x > b.y\n[lo b]", 3, 7, P::NoInstance { .. });
    wrong!("[lo ä]\n[map]\nä.x > y", 3, 7, P::NoChannel { .. });
    wrong!("[lo a]\n[map]\na.x > a.y > a.z", 3, 11, P::SecondArrow);
    wrong!("[lo a]\n[map]\na.x > a.{1..2", 3, 9, P::OpenGlob);
    wrong!("[lo a]\n[map]\na.x > a.{}", 3, 9, P::WrongGlob { .. });
    wrong!("[lo a]\n[map]\na.x > a.{{1..2}}", 3, 10, P::NestedGlob);
    wrong!("[lo a]\n[map]\na.x > a.x{1..100001}", 3, 9, P::TooManyChannels);
    wrong!("[lo a]\n[map]\na.{1..2} > a.{1..3}", 3, 1, P::Unequal { left: 2, right: 3 });
    wrong!("[include other.cfg]", 1, 10, P::Unreadable { .. });
    wrong!("[include configuration]", 1, 10, P::IncludeCycle { .. });
}

#[test]
fn an_error_says_what_and_where() {
    let error = read_text("[loopback a]\n[map]\n\ta.x > ä.y\n", &Overrides::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "configuration:3:8: there is no instance \"ä\" above this line; define it there with [BACKEND ä], or correct \
         the name\n    \ta.x > ä.y\n    \t      ^"
    );
    let error = read_text("[loopback a]\n[loopback a]\n", &Overrides::default()).unwrap_err();
    assert!(error.to_string().contains("already, at configuration:1:1"), "{error}");
    let error = read_text("\u{1b}[31m = 1", &Overrides::default()).unwrap_err();
    assert!(!error.to_string().contains('\u{1b}'), "{error}");
    let long = format!("[loopback a]\n[map]\na.{} > b.{}", "x".repeat(1000), "y".repeat(1000));
    let error = read_text(&long, &Overrides::default()).unwrap_err().to_string();
    let shown: Vec<&str> = error.lines().skip(1).collect();
    assert_eq!(shown[0].len(), 4 + 200);
    assert_eq!(shown[0].as_bytes()[shown[1].len() - 1], b'b');
}

#[test]
fn includes_go_on_in_the_section_they_ended_in() {
    let config = read_files([
        ("main.cfg", "[osc a]\nx = 1\n[include more.cfg]\nz = 3\n[include map.cfg]\na.x > b.y\n"),
        ("more.cfg", "y = 2\n[osc b]\n"),
        ("map.cfg", "[map]"),
    ])
    .unwrap();
    assert_eq!(options(&config.instances[0].options), [("x", "1"), ("y", "2")]);
    assert_eq!(options(&config.instances[1].options), [("z", "3")]);
    assert_eq!(map(&config), ["a.x > b.y"]);
    assert_eq!(config.instances[0].options[1].place.to_string(), "more.cfg:1:1");
}

#[test]
fn folders_follow_files() {
    let config = read_files([
        ("conf/main.cfg", "[lo a]\n[include sub/one.cfg]\n[lo d]\n[include /abs/x.cfg]\n"),
        ("conf/sub/one.cfg", "[lo b]\n[include two.cfg]\n"),
        ("conf/sub/two.cfg", "[lo c]"),
        ("/abs/x.cfg", "[lo e]"),
    ])
    .unwrap();
    let folders: Vec<_> = config.instances.iter().map(|it| (it.name.as_str(), it.folder.to_str().unwrap())).collect();
    assert_eq!(folders, [("a", "conf"), ("b", "conf/sub"), ("c", "conf/sub"), ("d", "conf"), ("e", "/abs")]);
}

#[test]
fn a_cycle_names_its_files() {
    let error = read_files([
        ("main.cfg", "[include a.cfg]"),
        ("a.cfg", "\n [include b.cfg]"),
        ("b.cfg", "[lo x]\n[include a.cfg]"),
    ])
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "b.cfg:2:10: a.cfg includes b.cfg includes a.cfg; remove this include or another one of these\n    \
         [include a.cfg]\n             ^"
    );
}

#[test]
fn a_file_may_be_included_again_but_not_without_end() {
    let config = read_files([("main.cfg", "[lo a]\n[include x.cfg]\n[include x.cfg]"), ("x.cfg", "k = v")]).unwrap();
    assert_eq!(config.instances[0].options.len(), 2);

    // Each file includes the next one twice, so that there would be a million.
    struct Tree;
    impl Files for Tree {
        fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>> {
            let level: u32 = path.to_str().and_then(|it| it.parse().ok()).unwrap_or(20);
            let text = if level < 20 { format!("[include {0}]\n[include {0}]\n", level + 1) } else { String::new() };
            Ok(Box::new(io::Cursor::new(text)))
        }
    }
    let error = config::read_from(&Tree, Path::new("0"), &Overrides::default()).unwrap_err();
    assert!(matches!(error, ConfigError::Wrong { problem: Problem::TooManyFiles, .. }), "{error}");
}

#[test]
fn what_is_endless_is_refused() {
    struct Endless;
    impl Files for Endless {
        fn open(&self, _path: &Path) -> io::Result<Box<dyn Read + '_>> {
            Ok(Box::new(io::repeat(b'x')))
        }
    }
    let error = config::read_from(&Endless, Path::new("x.cfg"), &Overrides::default()).unwrap_err();
    assert!(error.to_string().starts_with("x.cfg: too long for a configuration; "), "{error}");
}

#[test]
fn a_map_is_bounded() {
    let (line, _, problem) = problem(&format!("[lo a]\n[map]\n{}", "a.x > a.{1..100000}\n".repeat(20)));
    assert!(matches!(problem, Problem::MapTooLarge), "{problem:?}");
    assert!(line > 3);
    // The globs are few and short here; the names are not.
    let long = format!("[lo a]\n[map]\na.x > a.{{1..100000}}{}", "x".repeat(1 << 20));
    let (_, _, problem) = self::problem(&long);
    assert!(matches!(problem, Problem::MapTooLarge), "{problem:?}");
}

#[test]
fn overrides_come_first() {
    let mut overrides = Overrides::default();
    overrides.parse_backend("osc.detect=on").unwrap();
    overrides.parse_instance("a.y=2").unwrap();
    overrides.parse_instance("a.x=3").unwrap();
    let config = read_text("[osc a]\nx = 1\n[backend osc]\n[backend osc]\ndetect = off", &overrides).unwrap();
    assert_eq!(options(&config.instances[0].options), [("y", "2"), ("x", "3"), ("x", "1")]);
    assert_eq!(config.instances[0].options[0].place, config.instances[0].place);
    assert_eq!(options(&config.backends[0].options), [("detect", "on")]);
    assert_eq!(options(&config.backends[1].options), [("detect", "off")]);
    // They serve again when the configuration is read again.
    assert!(read_text("[osc a]\n[backend osc]", &overrides).is_ok());
}

#[test]
fn an_override_for_nothing_is_an_error() {
    let mut overrides = Overrides::default();
    overrides.parse_backend("osc.detect=on").unwrap();
    let error = read_text("[osc a]", &overrides).unwrap_err().to_string();
    assert_eq!(
        error,
        "-b osc.detect=on: the configuration has no section [backend osc]; correct the name or add the section"
    );
    let mut overrides = Overrides::default();
    overrides.parse_instance("osc.detect=on").unwrap();
    let error = read_text("[backend osc]", &overrides).unwrap_err().to_string();
    assert!(error.starts_with("-i osc.detect=on: the configuration has no section [BACKEND osc]"), "{error}");
}

#[test]
fn files_of_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main.cfg");
    let sub = folder.path().join("sub");
    fs::create_dir(&sub).unwrap();
    fs::write(&path, "[include sub/a.cfg]\n[lo b]\n").unwrap();
    fs::write(sub.join("a.cfg"), "[lo a]\n").unwrap();
    let config = config::read(&path, &Overrides::default()).unwrap();
    assert_eq!(config.instances[0].folder, sub);
    assert_eq!(config.instances[1].folder, folder.path());

    // The other name of the file does not hide it.
    fs::write(sub.join("a.cfg"), "[include ../sub/../main.cfg]\n").unwrap();
    let error = config::read(&path, &Overrides::default()).unwrap_err();
    assert!(matches!(error, ConfigError::Wrong { problem: Problem::IncludeCycle { .. }, .. }), "{error}");

    fs::write(&path, "\n[include none.cfg]\n").unwrap();
    let error = config::read(&path, &Overrides::default()).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}:2:10: ", path.display())), "{error}");
    assert!(error.contains(&folder.path().join("none.cfg").display().to_string()), "{error}");

    fs::write(&path, "\n[include sub]\n").unwrap();
    let error = config::read_from(&Disk, &path, &Overrides::default()).unwrap_err();
    assert!(matches!(error, ConfigError::Wrong { problem: Problem::Unreadable { .. }, .. }), "{error}");

    let none = folder.path().join("none.cfg");
    let error = config::read(&none, &Overrides::default()).unwrap_err();
    assert!(matches!(&error, ConfigError::Unreadable { file, .. } if *file == none), "{error}");
    assert!(error.to_string().starts_with(&none.display().to_string()), "{error}");
}

#[test]
fn only_comments_may_be_in_another_encoding() {
    struct Bytes(&'static [u8]);
    impl Files for Bytes {
        fn open(&self, _path: &Path) -> io::Result<Box<dyn Read + '_>> {
            Ok(Box::new(self.0))
        }
    }
    let read = |bytes| config::read_from(&Bytes(bytes), Path::new("x.cfg"), &Overrides::default());
    assert_eq!(read(b"; f\xfcr\n[lo a]\n  ;\xe4\n").unwrap().instances.len(), 1);
    let error = read(b"[lo a]\nx = f\xfcr\n").unwrap_err();
    assert!(matches!(error, ConfigError::Wrong { problem: Problem::NotUtf8, .. }), "{error}");
    assert!(error.to_string().starts_with("x.cfg:2:6: "), "{error}");
    let error = read(b"\xff\xfe[\0m\0a\0p\0]\0").unwrap_err();
    assert!(error.to_string().starts_with("x.cfg:1:1: this is not UTF-8"), "{error}");
}

#[test]
fn a_router_runs_it() {
    let config = read("[backend loopback]\nx = y\n[loopback a]\n[loopback b]\n[map]\na.{1..16} <> b.{16..1}\n");
    let registry = rustclad_router::Registry::new();
    assert!(rustclad_router::Router::new(registry, &config).is_ok());
}
