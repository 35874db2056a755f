//! The checking mode, `RUSTCLAD_CHECK=1`: freed blocks are kept aside and looked at, C API functions look at their
//! arguments before they run, broken results are reported where they come from. Off, nothing of this is on any path:
//! the stub's table holds the functions themselves, and blocks carry no mark.
//!
//! A report goes to standard error: what is wrong with an object of which type, the C function under way, its source
//! file and line if it has debug information.

use std::cell::{RefCell, UnsafeCell};
use std::collections::VecDeque;
use std::ffi::c_void;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rustc_hash::FxHashMap;
use rustclad_stub::Symbol;

use crate::abi::code::{self, Look, Note, REGISTERS};
use crate::abi::platform;
use crate::abi::text;
use crate::heap::block::{self, Block, flag, header, header_of};
use crate::heap::kind::Kind;
use crate::lifetime::{handle, loans, thread};

static ON: AtomicBool = AtomicBool::new(false);
static REPORTS: AtomicUsize = AtomicUsize::new(0);

/// How many bytes of freed blocks are kept aside, unless `RUSTCLAD_CHECK_MIB` says otherwise: so few that a program that does
/// not grow does not seem to.
static QUARANTINE: AtomicUsize = AtomicUsize::new(2 << 20);
/// What the process ends with if it cannot go on.
pub(crate) const EXIT_CODE: i32 = 99;
/// What a freed block is filled with.
const POISON: u8 = 0xDB;
/// The count of a freed block: one more `Py_DECREF` brings it to us.
const FREED_COUNT: u32 = 1;

thread_local! {
    /// The C functions that the dispatcher is calling on this thread, the innermost last: name and address.
    static UNDER_WAY: RefCell<Vec<(String, usize)>> = const { RefCell::new(Vec::new()) };
}

/// A block that was freed: how many bytes it has, and what it was.
struct Freed {
    size: usize,
    class: Rc<str>,
    reported: bool,
}

/// The blocks that are kept aside.
#[derive(Default)]
struct Aside {
    blocks: FxHashMap<usize, Freed>,
    /// The oldest first.
    order: VecDeque<usize>,
    /// How many there ever were.
    count: usize,
    bytes: usize,
    /// Where C code got its last reference to a block.
    makers: FxHashMap<usize, usize>,
    /// Names of types, for blocks outlive their type's.
    names: FxHashMap<Box<str>, Rc<str>>,
}

struct Shared(UnsafeCell<Option<Aside>>);
// SAFETY: only touched with the C lock held.
unsafe impl Sync for Shared {}
static ASIDE: Shared = Shared(UnsafeCell::new(None));

fn aside() -> &'static mut Aside {
    // SAFETY: the C lock makes this the only user.
    unsafe { (*ASIDE.0.get()).get_or_insert_default() }
}

/// Switches the mode on if the environment asks for it. Once, before any block is made.
pub(crate) fn prepare() {
    if std::env::var_os("RUSTCLAD_CHECK").is_some_and(|value| value == "1") {
        ON.store(true, Ordering::Relaxed);
        let mebibytes = std::env::var("RUSTCLAD_CHECK_MIB").ok().and_then(|value| value.parse::<usize>().ok());
        if let Some(mebibytes) = mebibytes {
            QUARANTINE.store(mebibytes.saturating_mul(1 << 20), Ordering::Relaxed);
        }
        block::guard_all();
        // SAFETY: a function of ours that takes nothing.
        unsafe { libc::atexit(at_exit) };
    }
}

/// Whether the mode is on.
pub fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// Prints a report.
#[cold]
fn report(what: &str) {
    REPORTS.fetch_add(1, Ordering::Relaxed);
    eprintln!("rustclad check: {what}{}", place());
}

/// The C function under way: the innermost frame that lies in a library which is neither ours nor the system's, or the
/// function that the dispatcher called last.
fn place() -> String {
    let mut found = None;
    backtrace::trace(|frame| {
        if found.is_none() && is_extension(frame.ip()) {
            backtrace::resolve_frame(frame, |symbol| {
                if found.is_none() {
                    let name = symbol.name().map_or_else(|| "?".to_owned(), |name| name.to_string());
                    let line = symbol.filename().zip(symbol.lineno());
                    // `Py_DECREF` and its like are functions of CPython's headers: who calls them is meant.
                    if line.is_some_and(|(file, _)| file.extension().is_some_and(|end| end == "h")) {
                        return;
                    }
                    found = Some(match line {
                        Some((file, line)) => format!(", in {name} ({}:{line})", file.display()),
                        None => format!(", in {name}"),
                    });
                }
            });
        }
        found.is_none()
    });
    found.unwrap_or_else(|| {
        // At the thread's end there is nothing under way any more.
        let under_way = UNDER_WAY.try_with(|under_way| under_way.borrow().last().cloned()).ok().flatten();
        let Some((name, address)) = under_way else { return String::new() };
        source_of(address + 1).unwrap_or_else(|| format!(", in {name}"))
    })
}

/// The function, file and line of the code in front of an address; None without debug information.
fn source_of(address: usize) -> Option<String> {
    let mut found = None;
    backtrace::resolve(address as *mut c_void, |symbol| {
        if let (Some(name), Some(file), Some(line)) = (symbol.name(), symbol.filename(), symbol.lineno()) {
            found = Some(format!(", in {name} ({}:{line})", file.display()));
        }
    });
    found
}

/// Whether code lies in an extension module: in a library with an init function's ABI tag or suffix in its name.
fn is_extension(address: *mut c_void) -> bool {
    // SAFETY: a fresh struct, filled by the loader; the name is its own.
    unsafe {
        let mut info: libc::Dl_info = std::mem::zeroed();
        if libc::dladdr(address, &mut info) == 0 || info.dli_fname.is_null() {
            return false;
        }
        let path = text::of_c(info.dli_fname);
        let file = path.rsplit('/').next().unwrap_or_default();
        platform::EXTENSION_SUFFIXES.iter().any(|suffix| file.ends_with(suffix)) && !file.starts_with("lib")
    }
}

/// The name of a block's type, for reports.
fn class_of(block: Block) -> Rc<str> {
    if let Some(freed) = aside().blocks.get(&(block as usize)) {
        return freed.class.clone();
    }
    // SAFETY: the caller has a block; a type that was freed has no name any more.
    let name = unsafe {
        let class = (*block).ob_type;
        if class.is_null() || header(class.cast()).is_some_and(|header| header.has(flag::FREED)) {
            "?".to_owned()
        } else {
            text::of_c((*class).tp_name)
        }
    };
    aside().names.entry(name.as_str().into()).or_insert_with(|| name.as_str().into()).clone()
}

/// Remembers that a freed block was reported. False if it was before.
fn is_first_report(block: Block) -> bool {
    let freed = aside().blocks.get_mut(&(block as usize));
    freed.is_none_or(|freed| !std::mem::replace(&mut freed.reported, true))
}

/// Takes a block that was freed: fills it, and gives the memory back when many more were freed.
///
/// # Safety
/// `block` is one of ours that nobody uses any more.
pub(crate) unsafe fn keep_aside(block: Block) {
    // SAFETY: by contract.
    unsafe {
        let size = block::capacity(block);
        let header = header_of(block);
        let is_object = !header.has(flag::RAW) && !(*block).ob_type.is_null();
        let class = if is_object { class_of(block) } else { "memory".into() };
        header.keep_only(0);
        header.set(flag::FREED);
        header.set_twin(std::ptr::null());
        // The type stays: C code that reads it shall live to be reported.
        let head = size_of::<crate::abi::layout::PyObject>().min(size);
        block.cast::<u8>().add(head).write_bytes(POISON, size - head);
        (*block).ob_refcnt = FREED_COUNT;
        let aside = aside();
        aside.makers.remove(&(block as usize));
        aside.blocks.insert(block as usize, Freed { size, class, reported: false });
        aside.order.push_back(block as usize);
        aside.count += 1;
        aside.bytes += size;
        while aside.bytes > QUARANTINE.load(Ordering::Relaxed) {
            let Some(oldest) = aside.order.pop_front() else { break };
            let Some(freed) = aside.blocks.remove(&oldest) else { continue };
            aside.bytes -= freed.size;
            inspect(oldest as Block, &freed);
            block::free_now(oldest as Block);
        }
    }
}

/// Looks whether a freed block was changed.
unsafe fn inspect(block: Block, freed: &Freed) {
    // SAFETY: the memory is kept aside.
    unsafe {
        let head = size_of::<crate::abi::layout::PyObject>().min(freed.size);
        let rest = std::slice::from_raw_parts(block.cast::<u8>().add(head), freed.size - head);
        if freed.reported {
            return;
        }
        let changed = (*block).ob_refcnt != FREED_COUNT || rest.iter().any(|byte| *byte != POISON);
        if changed && is_first_report(block) {
            report(&format!("use after free: a '{}' object at {block:p} was written to after its end", freed.class));
        }
    }
}

extern "C" fn at_exit() {
    for (block, freed) in &aside().blocks {
        // SAFETY: kept aside.
        unsafe { inspect(*block as Block, freed) };
    }
    for ((class, caller), count) in lost() {
        let plural = if count == 1 { "" } else { "s" };
        let maker = source_of(caller).map_or_else(String::new, |place| format!("; it was made{place}"));
        report(&format!("{count} '{class}' object{plural} still counted at exit, but nobody has a pointer{maker}"));
    }
    let count = REPORTS.load(Ordering::Relaxed);
    if count > 0 {
        eprintln!("rustclad check: {count} report(s)");
    }
}

/// Reports a freed block that is used, once.
#[cold]
fn used_after_free(block: Block, by: &str) {
    if !is_first_report(block) {
        return;
    }
    let class = class_of(block);
    report(&format!("use after free: a '{class}' object at {block:p} is used by {by} after its end"));
    // What the function would read is not there any more.
    eprintln!("rustclad check: the program ends here");
    // SAFETY: ends the process.
    unsafe { libc::_exit(EXIT_CODE) };
}

/// `_Py_Dealloc` was called for a block that was freed before. True if so: then there is nothing to do.
#[cold]
pub(crate) fn is_freed_again(block: Block) -> bool {
    let again = header(block).is_some_and(|header| header.has(flag::FREED));
    if again {
        let class = class_of(block);
        is_first_report(block);
        report(&format!("one decrement too many: a '{class}' object at {block:p} had ended before"));
        // SAFETY: kept aside.
        unsafe { (*block).ob_refcnt = FREED_COUNT };
    }
    again
}

/// A count that was 0 is decremented: our own reference, which somebody took.
#[cold]
pub(crate) fn underflow(block: Block) {
    if is_on() && header(block).is_some() {
        let class = class_of(block);
        report(&format!("one decrement too many: a '{class}' object at {block:p} was given up that is still in use"));
    }
}

/// A C function broke the rule of results: NULL with an exception, or a result without one.
#[cold]
pub(crate) fn broken_result(what: &str) {
    if is_on() {
        report(what);
    }
}

/// Notes that the dispatcher calls a C function, until what it returns is dropped.
pub fn enter(name: &str, code: *const c_void) -> UnderWay {
    UNDER_WAY.with_borrow_mut(|under_way| under_way.push((name.to_owned(), code as usize)));
    UnderWay(thread::in_section(|| aside().count))
}

/// A call that is under way, and how many blocks had been freed when it began.
pub struct UnderWay(usize);

impl Drop for UnderWay {
    fn drop(&mut self) {
        thread::in_section(|| {
            let aside = aside();
            let new = (aside.count - self.0).min(aside.order.len());
            for block in aside.order.iter().rev().take(new) {
                if let Some(freed) = aside.blocks.get(block) {
                    // SAFETY: kept aside.
                    unsafe { inspect(*block as Block, freed) };
                }
            }
        });
        UNDER_WAY.with_borrow_mut(Vec::pop);
    }
}

/// Which of a function's arguments are objects, a bit each, by its prototype.
fn objects_of(prototype: &str) -> u8 {
    let Some((_, list)) = prototype.rsplit_once('(') else { return 0 };
    let is_object = |text: &&str| text.trim() == "PyObject *" || text.trim() == "PyTypeObject *";
    list.trim_end_matches(')')
        .split(',')
        .take(REGISTERS)
        .enumerate()
        .filter(|(_, text)| is_object(text))
        .fold(0, |mask, (index, _)| mask | 1 << index)
}

/// A function that looks at the arguments and goes on to `function`; `function` itself if none is an object, or if it is
/// made for memory that is no object.
pub(crate) fn wrapper(symbol: &'static Symbol, function: *const c_void) -> *const c_void {
    let mask = objects_of(symbol.prototype);
    let makes_objects = symbol.name.starts_with("PyObject_Init") || symbol.name == "_Py_Dealloc";
    // Arguments on the stack lie behind a return address that must stay where it is.
    let notes_result = symbol.result == "new" && symbol.prototype.matches(',').count() < REGISTERS;
    if (mask == 0 && !notes_result) || makes_objects || symbol.prototype.contains("(*)") {
        return function;
    }
    code::looking(function, &Look { function: look, mask, subject: symbol }, notes_result.then_some(note_made as Note))
}

/// Notes which C code got a reference to an object, for what it never gives up.
unsafe extern "C" fn note_made(block: Block, caller: usize) {
    if !block.is_null() && header(block).is_some() {
        aside().makers.insert(block as usize, caller);
    }
}

/// Looks at a call's arguments.
unsafe extern "C" fn look(arguments: *const Block, mask: u64, symbol: &'static Symbol) {
    for index in (0..REGISTERS).filter(|index| mask & 1 << index != 0) {
        // SAFETY: the wrapper saved so many.
        let block = unsafe { *arguments.add(index) };
        if !block.is_null() && header(block).is_some_and(|header| header.has(flag::FREED)) {
            used_after_free(block, symbol.name);
        }
    }
}

/// The blocks that are still counted though no pointer to them is left where C code could have one: in other blocks, in
/// the data of libraries and the program, in the C library's heap. By type, how many.
fn lost() -> std::collections::BTreeMap<(Rc<str>, usize), usize> {
    let mut counted = FxHashMap::default();
    let mut memory: Vec<(usize, usize)> = writable_memory();
    block::for_each_live(|block, header| {
        if header.has(flag::LIVE) && header.has(flag::RAW) {
            return;
        }
        // SAFETY: a live block.
        unsafe {
            memory.push((block as usize, block as usize + block::capacity(block)));
            let is_data = !(*block).ob_type.is_null()
                && !matches!(Kind::of(block), Kind::Type | Kind::Module | Kind::Function)
                && !header.has(flag::PINNED);
            if is_data && handle::count(block) as i32 > 0 {
                counted.insert(block as usize, block);
            }
        }
    });
    for block in loans::all() {
        counted.remove(&block);
    }
    for (start, end) in memory {
        for at in (start..end - 7).step_by(size_of::<usize>()) {
            // SAFETY: mapped, readable memory.
            counted.remove(&unsafe { (at as *const usize).read_volatile() });
        }
    }
    let mut classes = std::collections::BTreeMap::new();
    for block in counted.into_values() {
        let caller = aside().makers.get(&(block as usize)).copied().unwrap_or(0);
        *classes.entry((class_of(block), caller)).or_insert(0) += 1;
    }
    classes
}

/// Where pointers of C's may be: the data of every file in memory and the C library's heap.
fn writable_memory() -> Vec<(usize, usize)> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let (mut found, mut end_of_file) = (Vec::new(), 0);
    for line in maps.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(range), Some(access)) = (words.next(), words.next()) else { continue };
        let name = words.nth(3).unwrap_or("");
        let ends = range
            .split_once('-')
            .map(|(start, end)| (usize::from_str_radix(start, 16), usize::from_str_radix(end, 16)));
        let Some((Ok(start), Ok(end))) = ends else { continue };
        let is_file = name.starts_with('/');
        // What follows a file's data without a name is its zeroed part.
        let is_data = is_file || name == "[heap]" || (name.is_empty() && start == end_of_file);
        if is_data && access.starts_with("rw") {
            found.push((start, end));
        }
        if is_file {
            end_of_file = end;
        }
    }
    found
}
