//! Random and mutated configurations are read or refused: without a panic, in time, and without memory that stays.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use fastrand::Rng;
use rustclad_router::config::{self, Config, ConfigError, Files, Overrides};

#[path = "common/hostile.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod hostile;

const ROUNDS: usize = 100_000;

const SAMPLES: [(&str, &str); 4] = [
    (
        "main.cfg",
        "; Faders to light\n[backend osc]\ndetect = on\n\n[osc touch]\nbind = * 8000\ndest = learn@9000\n\
         /*/xy = ff 0.0 1.0 0.0 1.0\n[include parts/light.cfg]\n\n[map]\ntouch./1/fader{1..16} > light.{1..16}\n\
         touch./1/{a,b}{1..2} <> light.{20..23}\nlight.512 >< touch./4/xy:1\n",
    ),
    ("parts/light.cfg", "[backend artnet]\r\nbind = 0.0.0.0 6454\r\n[include more.cfg]\r\nuniverse = 1\r\n"),
    ("parts/more.cfg", "\u{feff}[artnet light]\ndestination = 10.0.0.255\n; für das Haus\n"),
    (
        "scripts.cfg",
        "[python py]\nmodule = example\ndefault-handler = example.handle\n[mqtt house]\n\
         host = mqtts://me:secret@host:8883\nlamp/1 = range 0 255\nlamp/2 = discrete !0.0 0.5 off\n[map]\n\
         py.out{3..1} > house.lamp/{1,2,3}\nhouse.a>py.example.b<c\n",
    ),
];

/// Characters and words of the grammar, which reach more than random bytes do.
const PIECES: [&[u8]; 28] = [
    b"[",
    b"]",
    b"{",
    b"}",
    b"..",
    b",",
    b"<",
    b">",
    b"<>",
    b"=",
    b";",
    b".",
    b" ",
    b"\n",
    b"\r\n",
    b"[map]\n",
    b"[backend ",
    b"[include main.cfg]\n",
    b"[include parts/more.cfg]\n",
    b"[lo a]\n",
    b"{1..9}",
    b"{5000..1}",
    b"{1..100000}",
    b"18446744073709551615",
    b"\xff",
    b"\xc3\xa4",
    b"\0",
    b"a.x > a.{a,b}\n",
];

/// In an order of their own, so that a seed makes the same files each time.
struct Mutated(BTreeMap<PathBuf, Vec<u8>>);

impl Files for Mutated {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>> {
        let content = self.0.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(content.as_slice()))
    }
}

fn files(rng: &mut Rng) -> Mutated {
    let mut files: BTreeMap<PathBuf, Vec<u8>> =
        SAMPLES.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect();
    for content in files.values_mut() {
        match rng.u8(0..64) {
            0 => *content = std::iter::repeat_with(|| rng.u8(..)).take(256).collect(),
            1..32 => (0..rng.usize(1..=4)).for_each(|_| hostile::mutate(rng, &PIECES, content)),
            _ => {}
        }
    }
    Mutated(files)
}

fn overrides() -> Overrides {
    let mut overrides = Overrides::default();
    overrides.parse_instance("touch.root=/x").unwrap();
    overrides
}

/// Reads, and looks at all of what comes of it.
fn read(files: &Mutated, overrides: &Overrides, rng: &mut Rng) -> Result<Config, ConfigError> {
    let name = if rng.bool() { "main.cfg" } else { "scripts.cfg" };
    let given = if name == "main.cfg" { overrides } else { &Overrides::default() };
    let read = config::read_from(files, Path::new(name), given);
    match &read {
        Ok(config) => {
            for mapping in &config.map {
                assert!(mapping.source.instance < config.instances.len());
                assert!(mapping.destination.instance < config.instances.len());
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    read
}

fn main() {
    let mut rng = Rng::with_seed(1);
    let overrides = overrides();
    hostile::repeat(ROUNDS, &(0.1..0.9), || read(&files(&mut rng), &overrides, &mut rng).is_ok());
}
