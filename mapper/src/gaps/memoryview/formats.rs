//! Formats of memory. RustPython opens a memory view only for a format that its `struct` module reads; others (records,
//! complex numbers of numpy's, sub-arrays) get one that stands in for them, which is known by the place of its text.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustpython_vm::buffer::FormatSpec;
use rustpython_vm::{PyResult, VirtualMachine};

/// The codes of the items that a memory view reads and writes.
const NATIVE: &[u8] = b"cbBhHiIlLqQnNfde?P";

/// The real formats, by the place of the text that stands in for them.
static REAL: Mutex<BTreeMap<usize, &str>> = Mutex::new(BTreeMap::new());
static COUNT: AtomicUsize = AtomicUsize::new(0);

fn places() -> std::sync::MutexGuard<'static, BTreeMap<usize, &'static str>> {
    REAL.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// What stands in for a format, if the VM cannot read it: text with items of the same size.
pub(crate) fn stand_in(vm: &VirtualMachine, format: &str, itemsize: usize) -> Option<String> {
    FormatSpec::parse(format.as_bytes(), vm).is_err().then(|| format!("{itemsize}s"))
}

/// Says which format the text at `place` stands in for.
pub(crate) fn remember(place: *const u8, format: &str) {
    // There are not many different ones, and they are asked for as long as the process lives.
    static KNOWN: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let format = known.get(format).copied().unwrap_or_else(|| {
        let format: &'static str = format.to_owned().leak();
        known.insert(format);
        format
    });
    places().insert(place as usize, format);
    COUNT.fetch_add(1, Ordering::Relaxed);
}

/// A format as the VM gets it, for memory that nobody tells us the end of.
pub(crate) fn lasting(vm: &VirtualMachine, format: String, itemsize: usize) -> Cow<'static, str> {
    static KNOWN: Mutex<BTreeMap<(String, usize), &str>> = Mutex::new(BTreeMap::new());
    let Some(stand_in) = stand_in(vm, &format, itemsize) else { return Cow::Owned(format) };
    let mut known = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let text = *known.entry((format, itemsize)).or_insert_with_key(|(format, _)| {
        let text: &'static str = stand_in.leak();
        remember(text.as_ptr(), format);
        text
    });
    Cow::Borrowed(text)
}

/// The text at `place` is about to go.
pub(crate) fn forget(place: *const u8) {
    if COUNT.load(Ordering::Relaxed) != 0 && places().remove(&(place as usize)).is_some() {
        COUNT.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The real format of memory, which the VM knows as `format`.
pub(crate) fn real(format: &str) -> &str {
    if COUNT.load(Ordering::Relaxed) == 0 {
        return format;
    }
    places().get(&(format.as_ptr() as usize)).copied().unwrap_or(format)
}

/// A format without the sign for native order and size, which says nothing new.
pub(super) fn plain(format: &str) -> &str {
    format.strip_prefix('@').unwrap_or(format)
}

/// The code of a format that is a single native one.
pub(super) fn native(format: &str) -> Option<u8> {
    match *plain(format).as_bytes() {
        [code] if NATIVE.contains(&code) => Some(code),
        _ => None,
    }
}

/// The code of a format whose items are to be read or written.
pub(super) fn code(vm: &VirtualMachine, format: &str) -> PyResult<u8> {
    native(format).ok_or_else(|| {
        vm.new_not_implemented_error(match plain(format) {
            code if code.len() == 1 => format!("memoryview: format {code} not supported"),
            _ => format!("memoryview: unsupported format {format}"),
        })
    })
}

/// Whether two formats are the same.
pub(super) fn are_same(a: &str, b: &str) -> bool {
    plain(a) == plain(b)
}
