//! Parsing arguments by format, the engine behind `PyArg_Parse*`: works on blocks, so that nothing is made for
//! arguments that are what they should be.

use std::ffi::{CStr, c_char, c_int, c_void};

use rustpython_vm::builtins::PyBaseExceptionRef;
use rustpython_vm::{PyResult, VirtualMachine};

use crate::abi::address::static_block;
use crate::abi::text;
use crate::abi::va_list::VaList;
use crate::heap::block::Block;
use crate::lifetime::handle;
use crate::twins::error;
use crate::twins::forms::tuple;

mod keywords;
mod units;

pub(crate) use keywords::{Source, keywords, names_of, unpack};

/// Why an argument was refused.
pub(crate) enum Refusal {
    /// An exception is ready.
    Raised(PyBaseExceptionRef),
    /// The rest of a message, `must be int, not str`, and where among nested items.
    Message(String, Vec<usize>),
}

impl From<PyBaseExceptionRef> for Refusal {
    fn from(error: PyBaseExceptionRef) -> Self {
        Self::Raised(error)
    }
}

/// What has to be undone if a later argument is refused.
pub(crate) enum Undo {
    /// A view to release.
    Buffer(*mut crate::abi::layout::Py_buffer),
    /// Memory from `PyMem_Malloc`, in the variable that has it.
    Memory(*mut *mut c_char),
    /// An `O&` converter that cleans up when it gets NULL.
    Converter(unsafe extern "C" fn(Block, *mut c_void) -> c_int, *mut c_void),
}

impl Undo {
    unsafe fn run(self) {
        // SAFETY: pointers that C gave for the arguments parsed so far.
        unsafe {
            match self {
                Self::Buffer(view) => crate::capi::pybuffer::PyBuffer_Release(view),
                Self::Memory(memory) => {
                    libc::free((*memory).cast());
                    *memory = std::ptr::null_mut();
                }
                Self::Converter(convert, to) => {
                    convert(std::ptr::null_mut(), to);
                }
            }
        }
    }
}

/// A format under way.
pub(crate) struct Parser<'a> {
    pub(crate) vm: &'a VirtualMachine,
    /// What is left of the format.
    pub(crate) rest: &'a [u8],
    pub(crate) va: &'a mut VaList,
    pub(crate) undo: Vec<Undo>,
}

/// The part of a format behind `:` or `;`: the function's name, or a message of its own.
pub(crate) struct Trailer<'a> {
    pub(crate) function: Option<&'a str>,
    pub(crate) message: Option<&'a str>,
}

impl Trailer<'_> {
    /// Splits a format into its units and its trailer.
    pub(crate) fn split(format: &[u8]) -> (&[u8], Trailer<'_>) {
        let text = |start: usize| std::str::from_utf8(&format[start..]).ok();
        match format.iter().position(|byte| matches!(byte, b':' | b';')) {
            None => (format, Trailer { function: None, message: None }),
            Some(at) if format[at] == b':' => (&format[..at], Trailer { function: text(at + 1), message: None }),
            Some(at) => (&format[..at], Trailer { function: None, message: text(at + 1) }),
        }
    }

    /// How messages begin: `name()` or `function`.
    pub(crate) fn subject(&self) -> String {
        self.function.map_or_else(|| "function".to_owned(), |name| format!("{name}()"))
    }

    /// The exception for a refused argument, the `index`-th from 1 (0: the only one).
    #[cold]
    pub(crate) fn refuse(&self, vm: &VirtualMachine, refusal: Refusal, index: usize) -> PyBaseExceptionRef {
        let (text, levels) = match refusal {
            Refusal::Raised(error) => return error,
            Refusal::Message(text, levels) => (text, levels),
        };
        if let Some(message) = self.message {
            return vm.new_type_error(message.to_owned());
        }
        if text.starts_with('(') && text != "(unspecified)" {
            return vm.new_system_error(text);
        }
        let mut whole = self.function.map_or_else(String::new, |name| format!("{name}() "));
        whole.push_str("argument");
        if index != 0 {
            whole.push_str(&format!(" {index}"));
            for level in levels {
                whole.push_str(&format!(", item {level}"));
            }
        }
        vm.new_type_error(format!("{whole} {text}"))
    }
}

/// How many arguments a format takes: the least, the most. Nested items count as one.
fn counts(units: &[u8]) -> (usize, usize) {
    let (mut least, mut most, mut level) = (None, 0, 0);
    for byte in units {
        match byte {
            b'(' if level == 0 => {
                most += 1;
                level = 1;
            }
            b'(' => level += 1,
            b')' => level -= 1,
            b'|' if level == 0 => least = Some(most),
            b'e' => {}
            _ if level == 0 && byte.is_ascii_alphabetic() => most += 1,
            _ => {}
        }
    }
    // `es` and `et` are one unit: the second letter was counted.
    (least.unwrap_or(most), most)
}

/// Parses positional arguments. Returns 1.
///
/// # Errors
/// `TypeError` and what converting raises.
///
/// # Safety
/// `format` is NUL-terminated and `va` has a pointer for each unit.
pub(crate) unsafe fn positional(
    vm: &VirtualMachine,
    args: &[Block],
    format: *const c_char,
    va: &mut VaList,
) -> PyResult<c_int> {
    // SAFETY: by contract.
    let (units, trailer) = Trailer::split(unsafe { CStr::from_ptr(format) }.to_bytes());
    let (least, most) = counts(units);
    if args.len() < least || args.len() > most {
        return Err(wrong_count(vm, &trailer, args.len(), least, most));
    }
    let mut parser = Parser { vm, rest: units, va, undo: Vec::new() };
    for (index, &arg) in args.iter().enumerate() {
        if parser.rest.first() == Some(&b'|') {
            parser.rest = &parser.rest[1..];
        }
        // SAFETY: by contract.
        if let Err(refusal) = unsafe { parser.item(arg) } {
            let error = trailer.refuse(vm, refusal, index + 1);
            // SAFETY: what was parsed so far.
            unsafe { parser.give_back() };
            return Err(error);
        }
    }
    if parser.rest.first().is_some_and(|next| !next.is_ascii_alphabetic() && !b"(|".contains(next)) {
        // SAFETY: what was parsed so far.
        unsafe { parser.give_back() };
        // SAFETY: by contract.
        let format = unsafe { text::of_c(format) };
        return Err(vm.new_system_error(format!("bad format string: {format}")));
    }
    Ok(1)
}

/// Parses one object by a format, as `PyArg_Parse` does.
///
/// # Errors
/// As for [`positional`].
///
/// # Safety
/// As for [`positional`].
pub(crate) unsafe fn single(
    vm: &VirtualMachine,
    arg: Block,
    format: *const c_char,
    va: &mut VaList,
) -> PyResult<c_int> {
    // SAFETY: by contract.
    unsafe {
        let (units, trailer) = Trailer::split(CStr::from_ptr(format).to_bytes());
        let (_, most) = counts(units);
        if most != 1 {
            return positional(vm, tuple::slice(arg), format, va);
        }
        let mut parser = Parser { vm, rest: units, va, undo: Vec::new() };
        if let Err(refusal) = parser.item(arg) {
            let error = trailer.refuse(vm, refusal, 0);
            parser.give_back();
            return Err(error);
        }
        Ok(1)
    }
}

#[cold]
fn wrong_count(
    vm: &VirtualMachine,
    trailer: &Trailer<'_>,
    given: usize,
    least: usize,
    most: usize,
) -> PyBaseExceptionRef {
    if let Some(message) = trailer.message {
        return vm.new_type_error(message.to_owned());
    }
    let subject = trailer.subject();
    let limit = if least == most {
        "exactly"
    } else if given < least {
        "at least"
    } else {
        "at most"
    };
    let count = if given < least { least } else { most };
    let plural = if count == 1 { "" } else { "s" };
    vm.new_type_error(format!("{subject} takes {limit} {count} argument{plural} ({given} given)"))
}

impl Parser<'_> {
    /// Undoes what was parsed so far, keeping a raised exception.
    ///
    /// # Safety
    /// The pointers that C gave are still good.
    pub(crate) unsafe fn give_back(&mut self) {
        let raised = error::take_block();
        for undo in self.undo.drain(..) {
            // SAFETY: by contract.
            unsafe { undo.run() };
        }
        error::set_block(raised);
    }

    /// The next letter, taken.
    fn letter(&mut self) -> u8 {
        match self.rest.split_first() {
            Some((letter, rest)) => {
                self.rest = rest;
                *letter
            }
            None => 0,
        }
    }

    /// Whether the next letter is this one; taken if so.
    fn follows(&mut self, letter: u8) -> bool {
        let found = self.rest.first() == Some(&letter);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    /// Parses one argument, which may be a sequence of items.
    ///
    /// # Safety
    /// As for [`positional`].
    pub(crate) unsafe fn item(&mut self, arg: Block) -> Result<(), Refusal> {
        // SAFETY: by contract.
        unsafe { if self.follows(b'(') { self.nested(arg) } else { self.unit(arg) } }
    }

    /// Parses the items of a sequence, up to `)`.
    unsafe fn nested(&mut self, arg: Block) -> Result<(), Refusal> {
        let mut depth = 0;
        let end = self.rest.iter().position(|byte| {
            match byte {
                b'(' => depth += 1,
                b')' if depth == 0 => return true,
                b')' => depth -= 1,
                _ => {}
            }
            false
        });
        let (_, wanted) = counts(&self.rest[..end.unwrap_or(self.rest.len())]);
        // SAFETY: by the caller's contract; an item of a tuple or list is kept by it while the arguments are parsed.
        unsafe {
            let items: Vec<Block> = match crate::heap::kind::Kind::of(arg) {
                crate::heap::kind::Kind::Tuple => tuple::slice(arg).to_vec(),
                crate::heap::kind::Kind::List => {
                    crate::twins::forms::list::refresh(self.vm, arg);
                    crate::twins::forms::list::items(arg).to_vec()
                }
                _ => {
                    let name = type_name(arg);
                    return Err(Refusal::Message(format!("must be {wanted}-item tuple, not {name}"), vec![]));
                }
            };
            if items.len() != wanted {
                let message = format!("must be tuple of length {wanted}, not {}", items.len());
                return Err(Refusal::Message(message, vec![]));
            }
            for (index, &item) in items.iter().enumerate() {
                self.item(item).map_err(|refusal| match refusal {
                    Refusal::Message(text, mut levels) => {
                        levels.insert(0, index);
                        Refusal::Message(text, levels)
                    }
                    raised => raised,
                })?;
            }
        }
        self.follows(b')');
        Ok(())
    }
}

/// An object's type as messages name it.
pub(crate) unsafe fn type_name(arg: Block) -> String {
    // SAFETY: an object, by the caller's contract.
    unsafe {
        if arg == static_block("_Py_NoneStruct") {
            return "None".to_owned();
        }
        text::of_c((*handle::type_of(arg)).tp_name)
    }
}
