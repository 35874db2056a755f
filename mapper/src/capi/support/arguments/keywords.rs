//! Arguments by name: the engine behind `PyArg_ParseTupleAndKeywords`, and what Argument Clinic's code calls.

use std::ffi::{CStr, c_char, c_int};

use rustpython_vm::builtins::{PyBaseExceptionRef, PyDict};
use rustpython_vm::suggestion::calculate_suggestions;
use rustpython_vm::{AsObject, PyObjectRef, PyResult, VirtualMachine};

use super::{Parser, Trailer};
use crate::abi::va_list::VaList;
use crate::heap::block::Block;
use crate::lifetime::handle;
use crate::lifetime::thread::{leave, leave_with};
use crate::twins::forms::dict;
use crate::twins::forms::tuple;
use crate::twins::forms::unicode;
use crate::twins::reference::Borrowed;

/// Where arguments come from: an array for those by position; for those by name a dict's block, or a tuple of names
/// with the values behind the array.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) positional: &'a [Block],
    pub(crate) dict: Block,
    pub(crate) names: &'a [Block],
    /// The values that belong to `names`.
    pub(crate) values: &'a [Block],
}

impl<'a> Source<'a> {
    /// The arguments of a call that has made no dict of them.
    fn record(&self) -> Option<&'a Vec<(rustpython_vm::common::wtf8::Wtf8Buf, Block)>> {
        // SAFETY: a dict's block, by the contract of the functions here.
        if self.dict.is_null() { None } else { unsafe { dict::arguments(self.dict) } }
    }

    /// How many arguments are given by name.
    fn named(&self) -> usize {
        if !self.names.is_empty() {
            return self.names.len();
        }
        match self.record() {
            Some(record) => record.len(),
            None => dict_of(self.dict).map_or(0, |dict| dict.__len__()),
        }
    }

    /// The argument of a name. Borrowed from the source.
    unsafe fn find(&self, vm: &VirtualMachine, name: &CStr) -> PyResult<Option<Block>> {
        // SAFETY: names are strings' blocks.
        unsafe {
            for (index, &candidate) in self.names.iter().enumerate() {
                if equals(candidate, name) {
                    return Ok(Some(self.values[index]));
                }
            }
        }
        if let Some(record) = self.record() {
            let given = record.iter().find(|(given, _)| given.as_bytes() == name.to_bytes());
            return Ok(given.map(|(_, value)| *value));
        }
        let Some(dict) = dict_of(self.dict) else { return Ok(None) };
        let text = name.to_str().unwrap_or_default();
        let found = leave(vm, || dict.get_item_opt(text, vm))?;
        // The dict's block keeps what it lends until it goes, which is after the call.
        Ok(found.map(|value| crate::twins::lend::lend(vm, self.dict, &value)))
    }

    /// All names as text.
    fn all_names(&self, vm: &VirtualMachine) -> PyResult<Vec<String>> {
        if !self.names.is_empty() {
            return self
                .names
                .iter()
                .map(|&name| {
                    Ok(leave_with(vm, Borrowed(name).get(vm)?, |it| it.str(vm))?.to_string_lossy().into_owned())
                })
                .collect();
        }
        if let Some(record) = self.record() {
            return Ok(record.iter().map(|(name, _)| name.to_string_lossy().into_owned()).collect());
        }
        let Some(dict) = dict_of(self.dict) else { return Ok(vec![]) };
        dict.keys_vec()
            .iter()
            .map(|key| match key.downcast_ref::<rustpython_vm::builtins::PyStr>() {
                Some(key) => Ok(key.to_string_lossy().into_owned()),
                None => Err(vm.new_type_error("keywords must be strings")),
            })
            .collect()
    }
}

fn dict_of(block: Block) -> Option<&'static rustpython_vm::Py<PyDict>> {
    if block.is_null() {
        return None;
    }
    handle::twin_of(block).and_then(|twin| twin.downcast_ref())
}

/// Whether a string's block has this text.
unsafe fn equals(block: Block, text: &CStr) -> bool {
    // SAFETY: a string's block, by the caller's contract.
    unsafe {
        let (length, width) = unicode::shape(block);
        if width == unicode::Width::Ascii {
            return std::slice::from_raw_parts(unicode::characters(block), length) == text.to_bytes();
        }
        unicode::from_characters(unicode::characters(block), length, width).as_bytes() == text.to_bytes()
    }
}

/// What a list of names says: how many there are, and how many of them are by position only (empty).
unsafe fn name_list<'a>(names: *const *const c_char) -> (Vec<&'a CStr>, usize) {
    let mut list = Vec::new();
    // SAFETY: the list ends with NULL, by the caller's contract.
    unsafe {
        let mut next = names;
        while !(*next).is_null() {
            list.push(CStr::from_ptr(*next));
            next = next.add(1);
        }
    }
    let positional_only = list.iter().take_while(|name| name.is_empty()).count();
    (list, positional_only)
}

/// Words shared by the messages.
struct Words<'a> {
    vm: &'a VirtualMachine,
    subject: String,
}

impl Words<'_> {
    #[cold]
    fn too_many(&self, most: usize, positional: usize, given: usize) -> PyBaseExceptionRef {
        let keyword = if positional == 0 { "keyword " } else { "" };
        let plural = if most == 1 { "" } else { "s" };
        self.vm
            .new_type_error(format!("{} takes at most {most} {keyword}argument{plural} ({given} given)", self.subject))
    }

    #[cold]
    fn too_many_positional(&self, exactly: bool, most: usize, given: usize) -> PyBaseExceptionRef {
        if most == 0 {
            return self.vm.new_type_error(format!("{} takes no positional arguments", self.subject));
        }
        self.positional(if exactly { "exactly" } else { "at most" }, most, given)
    }

    /// The first `least` arguments must be given by position, of `most` in all.
    #[cold]
    fn too_few(&self, least: usize, most: usize, given: usize) -> PyBaseExceptionRef {
        self.positional(if least < most { "at least" } else { "exactly" }, least, given)
    }

    #[cold]
    fn positional(&self, limit: &str, count: usize, given: usize) -> PyBaseExceptionRef {
        let plural = if count == 1 { "" } else { "s" };
        self.vm.new_type_error(format!(
            "{} takes {limit} {count} positional argument{plural} ({given} given)",
            self.subject
        ))
    }

    #[cold]
    fn missing(&self, name: &CStr, position: usize) -> PyBaseExceptionRef {
        let name = name.to_string_lossy();
        self.vm.new_type_error(format!("{} missing required argument '{name}' (pos {position})", self.subject))
    }

    #[cold]
    fn twice(&self, name: &CStr, position: usize) -> PyBaseExceptionRef {
        let name = name.to_string_lossy();
        self.vm
            .new_type_error(format!("argument for {} given by name ('{name}') and position ({position})", self.subject))
    }

    /// The error for a name that is none of the function's.
    fn unexpected(&self, source: &Source<'_>, names: &[&CStr]) -> PyResult<PyBaseExceptionRef> {
        let subject = if self.subject == "function" { "this function" } else { &self.subject };
        for given in source.all_names(self.vm)? {
            if !names.iter().any(|name| !name.is_empty() && name.to_bytes() == given.as_bytes()) {
                let known: Vec<PyObjectRef> = names
                    .iter()
                    .filter(|name| !name.is_empty())
                    .map(|name| self.vm.ctx.new_str(name.to_string_lossy()).into())
                    .collect();
                let wanted = self.vm.ctx.new_str(given.as_str());
                let hint = calculate_suggestions(known.iter().map(|name| &**name), wanted.as_object())
                    .map_or_else(String::new, |name| format!(". Did you mean '{}'?", name.to_string_lossy()));
                return Ok(self
                    .vm
                    .new_type_error(format!("{subject} got an unexpected keyword argument '{given}'{hint}")));
            }
        }
        Ok(self.vm.new_type_error(format!("invalid keyword argument for {}", self.subject)))
    }
}

/// Parses arguments by position and by name. Returns 1.
///
/// # Errors
/// `TypeError` and what converting raises.
///
/// # Safety
/// `format` is NUL-terminated, `names` ends with NULL, `va` has a pointer for each unit.
pub(crate) unsafe fn keywords(
    vm: &VirtualMachine,
    source: Source<'_>,
    format: *const c_char,
    names: *const *const c_char,
    va: &mut VaList,
) -> PyResult<c_int> {
    // SAFETY: by contract.
    let (units, trailer) = Trailer::split(unsafe { CStr::from_ptr(format) }.to_bytes());
    // SAFETY: by contract.
    let (names, positional_only) = unsafe { name_list(names) };
    let words = Words { vm, subject: trailer.subject() };
    let (given, named) = (source.positional.len(), source.named());
    if given + named > names.len() {
        return Err(words.too_many(names.len(), given, given + named));
    }
    let mut parser = Parser { vm, rest: units, va, undo: Vec::new() };
    // SAFETY: by contract.
    let result = unsafe { each(&mut parser, &words, &trailer, source, &names, positional_only, named) };
    if result.is_err() {
        // SAFETY: what was parsed so far.
        unsafe { parser.give_back() };
    }
    result.map(|()| 1)
}

unsafe fn each(
    parser: &mut Parser<'_>,
    words: &Words<'_>,
    trailer: &Trailer<'_>,
    source: Source<'_>,
    names: &[&CStr],
    positional_only: usize,
    named: usize,
) -> PyResult<()> {
    let vm = parser.vm;
    let given = source.positional.len();
    let (mut least, mut most) = (usize::MAX, usize::MAX);
    let mut used = 0;
    for (index, name) in names.iter().enumerate() {
        if parser.rest.first() == Some(&b'|') {
            least = index;
            parser.rest = &parser.rest[1..];
        }
        if parser.rest.first() == Some(&b'$') {
            most = index;
            parser.rest = &parser.rest[1..];
            if most < given {
                return Err(words.too_many_positional(least == usize::MAX, most, given));
            }
        }
        let arg = if index < given {
            Some(source.positional[index])
        } else if used < named && index >= positional_only {
            // SAFETY: by the contract of `keywords`.
            let found = unsafe { source.find(vm, name)? };
            used += usize::from(found.is_some());
            found
        } else {
            None
        };
        match arg {
            Some(arg) => {
                // SAFETY: by the contract of `keywords`.
                unsafe { parser.item(arg) }.map_err(|refusal| trailer.refuse(vm, refusal, index + 1))?;
            }
            None if index < least => {
                if index >= positional_only {
                    return Err(words.missing(name, index + 1));
                }
                let wanted = positional_only.min(parser_least(parser, index));
                return Err(words.too_few(wanted, positional_only.max(names.len()), given));
            }
            None if used >= named && index >= given && least != usize::MAX && most != usize::MAX => {
                // SAFETY: by the contract of `keywords`.
                return unsafe { done(words, &source, names, named - used, positional_only..given.min(names.len())) };
            }
            // SAFETY: by the contract of `keywords`.
            None => unsafe { parser.skip() },
        }
    }
    // SAFETY: by the contract of `keywords`.
    unsafe { done(words, &source, names, named - used, positional_only..given.min(names.len())) }
}

/// How many arguments are needed by position: up to the `|` that is still ahead.
fn parser_least(parser: &Parser<'_>, index: usize) -> usize {
    let ahead = parser.rest.iter().position(|byte| *byte == b'|').unwrap_or(parser.rest.len());
    let (count, _) = super::counts(&parser.rest[..ahead]);
    index + count
}

/// An error if arguments by name are left: those of `both` were given by position, too.
unsafe fn done(
    words: &Words<'_>,
    source: &Source<'_>,
    names: &[&CStr],
    left: usize,
    both: std::ops::Range<usize>,
) -> PyResult<()> {
    if left == 0 {
        return Ok(());
    }
    for index in both {
        // SAFETY: by the contract of `keywords`.
        if unsafe { source.find(words.vm, names[index])? }.is_some() {
            return Err(words.twice(names[index], index + 1));
        }
    }
    Err(words.unexpected(source, names)?)
}

/// Puts arguments into their places for Argument Clinic's code: `to` has room for one pointer a name. The first
/// `least` places must be filled, at most `most` by position, and `least_named` of those by name only.
///
/// # Errors
/// `TypeError` if they do not fit.
///
/// # Safety
/// `names` ends with NULL.
pub(crate) unsafe fn unpack(
    vm: &VirtualMachine,
    source: Source<'_>,
    function: Option<&str>,
    names: *const *const c_char,
    (least, most, least_named): (usize, usize, usize),
    to: *mut Block,
) -> PyResult<()> {
    // SAFETY: by contract.
    unsafe {
        let (names, positional_only) = name_list(names);
        let subject = function.map_or_else(|| "function".to_owned(), |name| format!("{name}()"));
        let words = Words { vm, subject };
        let (given, named) = (source.positional.len(), source.named());
        let required_named = most + least_named;
        if given + named > names.len() {
            return Err(words.too_many(names.len(), given, given + named));
        }
        if given > most {
            return Err(words.too_many_positional(least == most, most, given));
        }
        if given < least.min(positional_only) {
            return Err(words.too_few(least.min(positional_only), most.max(names.len()), given));
        }
        let mut used = 0;
        for (index, name) in names.iter().enumerate() {
            let by_name = if index >= positional_only && used < named { source.find(vm, name)? } else { None };
            let place = to.add(index);
            if index < given {
                if by_name.is_some() {
                    return Err(words.twice(name, index + 1));
                }
                *place = source.positional[index];
                continue;
            }
            *place = by_name.unwrap_or(std::ptr::null_mut());
            used += usize::from(by_name.is_some());
            if by_name.is_none() && (index < least || (index >= most && index < required_named)) {
                return Err(words.missing(name, index + 1));
            }
        }
        done(&words, &source, &names, named - used, 0..0)
    }
}

/// The names of a vectorcall, or none.
///
/// # Safety
/// `names` is NULL or a tuple of strings.
pub(crate) unsafe fn names_of<'a>(names: Block) -> &'a [Block] {
    // SAFETY: by contract.
    if names.is_null() { &[] } else { unsafe { tuple::slice(names) } }
}
