//! Feeds any bytes to the inspector: as a module, and as a wheel if they look like an archive.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rustclad_inspect::{Host, Inspector};

fuzz_target!(|bytes: &[u8]| {
    let inspector = Inspector::new(Host::offline((3, 14, 0), |_| true));
    let name = if bytes.starts_with(b"PK") { "x-1-py3-none-any.whl" } else { "x.abi3.so" };
    if let Ok(report) = inspector.inspect_bytes(name, bytes) {
        let _ = (report.verdict(), report.details());
    }
});
