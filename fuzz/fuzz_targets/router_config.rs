//! Feeds any bytes to the reader of configurations. Bytes 0xff separate files, which can include each other as `0`, `1`
//! and so on.
#![no_main]

use std::io::{self, Read};
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use rustclad_router::config::{self, Files, Overrides};

struct Parts<'a>(Vec<&'a [u8]>);

impl Files for Parts<'_> {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>> {
        let index: Option<usize> = path.to_str().and_then(|path| path.parse().ok());
        let part = index.and_then(|index| self.0.get(index)).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(*part))
    }
}

fuzz_target!(|bytes: &[u8]| {
    let parts = Parts(bytes.split(|it| *it == 0xff).collect());
    if let Err(error) = config::read_from(&parts, Path::new("0"), &Overrides::default()) {
        let _ = error.to_string();
    }
});
