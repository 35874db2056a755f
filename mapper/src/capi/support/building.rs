//! Building values from a format: the engine behind `Py_BuildValue` and the calls that take a format of their arguments.

use std::ffi::{CStr, c_char, c_int, c_void};

use rustpython_vm::{PyResult, VirtualMachine};

use crate::abi::address::{data_address, static_block};
use crate::abi::layout as c;
use crate::abi::statics::statics;
use crate::abi::va_list::VaList;
use crate::capi::{bytesobject, dictobject, floatobject, longobject, unicodeobject};
use crate::heap::block::Block;
use crate::heap::kind::Kind;
use crate::lifetime::{dealloc, handle};
use crate::twins::error;
use crate::twins::forms::{bytes, list, long, object, tuple};
use crate::twins::reference::{Borrowed, New};

/// A format under way.
struct Builder<'a> {
    vm: &'a VirtualMachine,
    rest: &'a [u8],
    va: &'a mut VaList,
}

/// Builds a value from a format: None from none, one object from one unit, a tuple from more.
pub(crate) unsafe fn build_value(vm: &VirtualMachine, format: *const c_char, va: &mut VaList) -> PyResult<New> {
    // SAFETY: C's arguments.
    let rest = unsafe { CStr::from_ptr(format) }.to_bytes();
    let mut builder = Builder { vm, rest, va };
    // SAFETY: C's arguments.
    unsafe {
        let first = builder.items(None)?;
        match first.as_slice() {
            [] => Ok(New::of(vm, vm.ctx.none())),
            [only] => Ok(New(*only)),
            items => Ok(New(tuple::with_items(items))),
        }
    }
}

impl Builder<'_> {
    /// The next letter that means something, without taking it.
    fn peek(&mut self) -> Option<u8> {
        while self.rest.first().is_some_and(|letter| matches!(letter, b' ' | b'\t' | b',' | b':')) {
            self.rest = &self.rest[1..];
        }
        self.rest.first().copied()
    }

    /// Builds units up to `end`, or to the format's end; the references are the caller's.
    unsafe fn items(&mut self, end: Option<u8>) -> PyResult<Vec<Block>> {
        let mut items = Vec::new();
        loop {
            match (self.peek(), end) {
                (None, None) => return Ok(items),
                (None, Some(_)) => return self.fail(items, "unmatched paren in format"),
                (Some(letter), Some(end)) if letter == end => {
                    self.rest = &self.rest[1..];
                    return Ok(items);
                }
                // SAFETY: C's arguments.
                _ => match unsafe { self.unit() } {
                    Ok(block) if !block.is_null() => items.push(block),
                    Ok(_) => {
                        let error = error::fetch(self.vm, "Py_BuildValue");
                        drop_all(items);
                        return Err(error);
                    }
                    Err(error) => {
                        drop_all(items);
                        return Err(error);
                    }
                },
            }
        }
    }

    fn fail<T>(&self, items: Vec<Block>, message: &'static str) -> PyResult<T> {
        drop_all(items);
        Err(self.vm.new_system_error(message))
    }

    fn follows(&mut self, letter: u8) -> bool {
        let found = self.rest.first() == Some(&letter);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    /// Builds one unit; a null pointer says that an exception is raised.
    unsafe fn unit(&mut self) -> PyResult<Block> {
        let letter = self.rest[0];
        self.rest = &self.rest[1..];
        // SAFETY: C's arguments.
        unsafe {
            Ok(match letter {
                b'(' => tuple::with_items(&self.items(Some(b')'))?),
                b'[' => self.list()?,
                b'{' => self.dict()?,
                b'b' | b'B' | b'h' | b'i' => long::from_i64(i64::from(self.va.next::<c_int>())),
                b'H' => long::from_i64(i64::from(self.va.next::<c_int>() as u16)),
                b'I' => long::from_i64(i64::from(self.va.next::<u32>())),
                b'n' | b'l' | b'L' => long::from_i64(self.va.next::<i64>()),
                b'k' | b'K' => longobject::PyLong_FromUnsignedLong(self.va.next::<u64>()).0,
                b'p' => singleton(if self.va.next::<c_int>() != 0 { "_Py_TrueStruct" } else { "_Py_FalseStruct" }),
                b'd' | b'f' => floatobject::PyFloat_FromDouble(self.va.next_double()).0,
                b'D' => self.complex(),
                b'c' => bytes::new_block(&[self.va.next::<c_int>() as u8], statics().bytes),
                b'C' => unicodeobject::PyUnicode_FromOrdinal(self.va.next::<c_int>()).0,
                b's' | b'z' | b'U' => self.narrow(unicodeobject::PyUnicode_FromStringAndSize),
                b'y' => self.narrow(bytesobject::PyBytes_FromStringAndSize),
                b'u' => self.wide(),
                b'N' | b'S' | b'O' => {
                    if self.follows(b'&') {
                        return Ok(self.converted());
                    }
                    let object = self.object()?;
                    if letter != b'N' && !object.is_null() {
                        handle::incref(object);
                    }
                    object
                }
                _ => return Err(self.vm.new_system_error("bad format char passed to Py_BuildValue")),
            })
        }
    }

    /// `[...]`.
    unsafe fn list(&mut self) -> PyResult<Block> {
        // SAFETY: C's arguments.
        unsafe {
            let items = self.items(Some(b']'))?;
            let made = object::new_block_of(statics().list, size_of::<c::PyListObject>());
            if !list::reserve(made, items.len()) {
                return Err(self.vm.no_memory_error());
            }
            for item in items {
                let pushed = list::push(made, item, None);
                debug_assert!(pushed, "there is room");
            }
            Ok(made)
        }
    }

    /// `{...}`: keys and values in turn.
    unsafe fn dict(&mut self) -> PyResult<Block> {
        // SAFETY: C's arguments.
        unsafe {
            let items = self.items(Some(b'}'))?;
            let made = dictobject::PyDict_New();
            let mut failed = items.len() % 2 != 0;
            for pair in items.chunks_exact(2) {
                failed |= dictobject::PyDict_SetItem(Borrowed(made.0), Borrowed(pair[0]), Borrowed(pair[1])) != 0;
            }
            drop_all(items);
            if failed {
                dealloc::decref(made.0);
                return Err(error::fetch(self.vm, "Py_BuildValue"));
            }
            Ok(made.0)
        }
    }

    /// `D`: a complex number from a pointer to one.
    unsafe fn complex(&mut self) -> Block {
        // SAFETY: C's arguments.
        unsafe {
            let value = *self.va.pointer::<c::Py_complex>();
            let made = object::new_block_of(data_address("PyComplex_Type").cast(), size_of::<c::PyComplexObject>());
            (*made.cast::<c::PyComplexObject>()).cval = value;
            made
        }
    }

    /// Text or bytes that end with NUL or, with `#`, after as many as said; None from NULL.
    unsafe fn narrow(&mut self, make: unsafe extern "C" fn(*const c_char, isize) -> New) -> Block {
        // SAFETY: C's arguments.
        unsafe {
            let text = self.va.pointer::<c_char>();
            let size = self.size();
            if text.is_null() {
                return singleton("_Py_NoneStruct");
            }
            make(text, size.unwrap_or_else(|| CStr::from_ptr(text).count_bytes() as isize)).0
        }
    }

    /// `u`: [`narrow`](Self::narrow) for wide characters.
    unsafe fn wide(&mut self) -> Block {
        // SAFETY: C's arguments.
        unsafe {
            let text = self.va.pointer::<u32>();
            let size = self.size();
            if text.is_null() {
                return singleton("_Py_NoneStruct");
            }
            let size = size.unwrap_or_else(|| (0..).take_while(|index| *text.add(*index) != 0).count() as isize);
            unicodeobject::PyUnicode_FromKindAndData(4, text.cast(), size).0
        }
    }

    /// The size that `#` announces, unless it is negative: that stands for none.
    unsafe fn size(&mut self) -> Option<isize> {
        // SAFETY: C's arguments.
        if self.follows(b'#') { Some(unsafe { self.va.next::<isize>() }).filter(|size| *size >= 0) } else { None }
    }

    /// `O&`: what a function of C's makes of a pointer.
    unsafe fn converted(&mut self) -> Block {
        // SAFETY: C's arguments.
        unsafe {
            let convert = self.va.next::<unsafe extern "C" fn(*mut c_void) -> Block>();
            convert(self.va.pointer::<c_void>())
        }
    }

    /// An object as it is given; NULL if that goes with an exception.
    unsafe fn object(&mut self) -> PyResult<Block> {
        // SAFETY: C's arguments.
        let object = unsafe { self.va.pointer::<c::PyObject>() };
        if object.is_null() && error::occurred().is_null() {
            return Err(self.vm.new_system_error("NULL object passed to Py_BuildValue"));
        }
        Ok(object)
    }
}

/// A new reference to a static object.
fn singleton(symbol: &'static str) -> Block {
    Borrowed(static_block(symbol)).again().0
}

fn drop_all(items: Vec<Block>) {
    for item in items {
        // SAFETY: references of ours.
        unsafe { dealloc::decref(item) };
    }
}

/// The arguments that a format describes, as `PyObject_CallFunction` reads it: a tuple stands for its items.
pub(crate) struct Built {
    owner: Block,
    first: Option<Block>,
}

impl Built {
    /// Reads the format, which may be NULL or empty: then there are none.
    pub(crate) unsafe fn new(vm: &VirtualMachine, format: *const c_char, va: *mut VaList) -> PyResult<Self> {
        // SAFETY: by the caller's contract.
        unsafe {
            if format.is_null() || *format == 0 {
                return Ok(Self { owner: std::ptr::null_mut(), first: None });
            }
            let owner = build_value(vm, format, &mut *va)?.0;
            Ok(Self { owner, first: (Kind::of(owner) != Kind::Tuple).then_some(owner) })
        }
    }

    pub(crate) fn blocks(&self) -> &[Block] {
        match &self.first {
            Some(first) => std::slice::from_ref(first),
            None if self.owner.is_null() => &[],
            // SAFETY: what is not `first` is a tuple of ours.
            None => unsafe { tuple::slice(self.owner) },
        }
    }
}

impl Drop for Built {
    fn drop(&mut self) {
        // SAFETY: the reference is ours.
        unsafe { dealloc::xdecref(self.owner) };
    }
}
