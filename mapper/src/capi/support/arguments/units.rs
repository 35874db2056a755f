//! The units of a format, one argument each.

use std::ffi::{CStr, c_char, c_int, c_void};

use rustpython_vm::PyResult;

use super::{Parser, Refusal, Undo, type_name};
use crate::abi::address::static_block;
use crate::abi::layout as c;
use crate::abi::text;
use crate::capi::floatobject::PyFloat_AsDouble;
use crate::capi::longobject::{PyLong_AsLong, PyLong_AsUnsignedLongMask};
use crate::capi::pybuffer::{PyBuffer_FillInfo, PyBuffer_IsContiguous, PyBuffer_Release, PyObject_GetBuffer};
use crate::heap::block::Block;
use crate::heap::kind::Kind;
use crate::lifetime::thread::{leave, leave_with};
use crate::twins::error;
use crate::twins::forms::bytes;
use crate::twins::forms::{long, unicode};
use crate::twins::reference::Borrowed;

const CLEANUP_SUPPORTED: c_int = 0x20000;

/// A refusal in the usual words.
#[cold]
unsafe fn must(expected: &str, arg: Block) -> Refusal {
    // SAFETY: an object, by the caller's contract.
    Refusal::Message(format!("must be {expected}, not {}", unsafe { type_name(arg) }), vec![])
}

unsafe fn is_none(arg: Block) -> bool {
    arg == static_block("_Py_NoneStruct")
}

/// `C`: the only character of a string.
unsafe fn character(arg: Block) -> Result<c_int, Refusal> {
    // SAFETY: an object, by the caller's contract.
    unsafe {
        if Kind::of(arg) != Kind::Unicode {
            return Err(must("a unicode character", arg));
        }
        let (length, _) = unicode::shape(arg);
        if length != 1 {
            let message = format!("must be a unicode character, not a string of length {length}");
            return Err(Refusal::Message(message, vec![]));
        }
        Ok(crate::capi::unicodeobject::PyUnicode_ReadChar(Borrowed(arg), 0) as c_int)
    }
}

impl Parser<'_> {
    /// The raised exception, as a refusal.
    #[cold]
    fn raised(&self) -> Refusal {
        Refusal::Raised(error::fetch(self.vm, "an argument's conversion"))
    }

    /// An int that fits a C long.
    #[inline]
    unsafe fn long(&self, arg: Block) -> Result<i64, Refusal> {
        // SAFETY: an object, by the caller's contract.
        unsafe {
            if Kind::of(arg) == Kind::Long
                && let Some(value) = long::to_i64(arg)
            {
                return Ok(value);
            }
            let value = PyLong_AsLong(Borrowed(arg));
            if value == -1 && !error::occurred().is_null() { Err(self.raised()) } else { Ok(value) }
        }
    }

    /// An int that fits a C long long.
    unsafe fn long_long(&self, arg: Block) -> Result<i64, Refusal> {
        // SAFETY: an object, by the caller's contract.
        let value = unsafe { crate::capi::longobject::PyLong_AsLongLong(Borrowed(arg)) };
        if value == -1 && !error::occurred().is_null() { Err(self.raised()) } else { Ok(value) }
    }

    /// An int that fits `T`, whose name messages use.
    unsafe fn ranged<T: TryFrom<i64>>(&self, arg: Block, name: &str) -> Result<T, Refusal> {
        // SAFETY: an object, by the caller's contract.
        let value = unsafe { self.long(arg)? };
        T::try_from(value).map_err(|_| {
            let side = if value < 0 { "less than minimum" } else { "greater than maximum" };
            Refusal::Raised(self.vm.new_overflow_error(format!("{name} integer is {side}")))
        })
    }

    /// The low bits of an int.
    unsafe fn mask(&self, arg: Block) -> Result<u64, Refusal> {
        // SAFETY: an object, by the caller's contract.
        let value = unsafe { PyLong_AsUnsignedLongMask(Borrowed(arg)) };
        if value == u64::MAX && !error::occurred().is_null() { Err(self.raised()) } else { Ok(value) }
    }

    unsafe fn double(&self, arg: Block) -> Result<f64, Refusal> {
        // SAFETY: an object, by the caller's contract.
        let value = unsafe { PyFloat_AsDouble(Borrowed(arg)) };
        if value == -1.0 && !error::occurred().is_null() { Err(self.raised()) } else { Ok(value) }
    }

    /// `D`: a complex number, or what is one without its imaginary part.
    unsafe fn complex(&self, arg: Block) -> Result<c::Py_complex, Refusal> {
        let complex = leave_with(self.vm, Borrowed(arg).get(self.vm)?, |it| it.try_complex(self.vm))?;
        Ok(match complex {
            Some((value, _)) => c::Py_complex { real: value.re, imag: value.im },
            // SAFETY: an object, by the caller's contract.
            None => c::Py_complex { real: unsafe { self.double(arg)? }, imag: 0.0 },
        })
    }

    /// `p`: whether an object is true, as 1 or 0.
    unsafe fn truth(&self, arg: Block) -> Result<c_int, Refusal> {
        // SAFETY: an object, by the caller's contract.
        let truth = unsafe { crate::capi::object::PyObject_IsTrue(Borrowed(arg)) };
        if truth < 0 { Err(self.raised()) } else { Ok(truth) }
    }

    /// Parses one argument by the next unit.
    pub(super) unsafe fn unit(&mut self, arg: Block) -> Result<(), Refusal> {
        // SAFETY: by the contract of `positional`: `va` has a pointer of the unit's type.
        unsafe {
            match self.letter() {
                b'b' => *self.va.pointer() = self.ranged::<u8>(arg, "unsigned byte")?,
                b'B' => *self.va.pointer() = self.mask(arg)? as u8,
                b'h' => *self.va.pointer() = self.ranged::<i16>(arg, "signed short")?,
                b'H' => *self.va.pointer() = self.mask(arg)? as u16,
                b'i' => *self.va.pointer() = self.ranged::<c_int>(arg, "signed")?,
                b'I' => *self.va.pointer() = self.mask(arg)? as u32,
                b'l' => *self.va.pointer() = self.long(arg)?,
                b'L' => *self.va.pointer() = self.long_long(arg)?,
                b'n' => *self.va.pointer() = self.index(arg)?,
                b'k' | b'K' => {
                    if Kind::of(arg) != Kind::Long && !self.has_index(arg)? {
                        return Err(must("int", arg));
                    }
                    *self.va.pointer() = self.mask(arg)?;
                }
                b'f' => *self.va.pointer() = self.double(arg)? as f32,
                b'd' => *self.va.pointer() = self.double(arg)?,
                b'D' => *self.va.pointer() = self.complex(arg)?,
                b'c' => self.byte(arg)?,
                b'C' => *self.va.pointer() = character(arg)?,
                b'p' => *self.va.pointer() = self.truth(arg)?,
                b's' => self.text(arg, false)?,
                b'z' => self.text(arg, true)?,
                b'y' => self.bytes(arg)?,
                b'w' => self.writable(arg)?,
                b'e' => self.encoded(arg)?,
                b'S' => self.checked(arg, Kind::Bytes, "bytes")?,
                b'Y' => self.checked(arg, Kind::ByteArray, "bytearray")?,
                b'U' => self.checked(arg, Kind::Unicode, "str")?,
                b'O' => self.object(arg)?,
                other => {
                    let message = format!("impossible<bad format char: {}>", char::from(other));
                    return Err(Refusal::Raised(self.vm.new_system_error(message)));
                }
            }
        }
        Ok(())
    }

    unsafe fn has_index(&self, arg: Block) -> PyResult<bool> {
        let object = Borrowed(arg).get(self.vm)?;
        Ok(object.class().get_attr(self.vm.ctx.intern_str("__index__")).is_some())
    }

    /// `n`: a size, through `__index__`.
    unsafe fn index(&self, arg: Block) -> Result<isize, Refusal> {
        // SAFETY: an object, by the caller's contract.
        unsafe {
            if Kind::of(arg) == Kind::Long
                && let Some(value) = long::to_i64(arg)
            {
                return Ok(value as isize);
            }
        }
        let object = Borrowed(arg).get(self.vm)?;
        let int = leave(self.vm, || object.try_index(self.vm))?;
        int.try_to_primitive::<isize>(self.vm)
            .map_err(|_| Refusal::Raised(self.vm.new_overflow_error("Python int too large to convert to C ssize_t")))
    }

    /// `c`: one byte.
    unsafe fn byte(&mut self, arg: Block) -> Result<(), Refusal> {
        // SAFETY: as for `unit`.
        unsafe {
            let (name, data) = match Kind::of(arg) {
                Kind::Bytes => ("bytes", bytes::slice(arg)),
                Kind::ByteArray => {
                    let array = arg.cast::<c::PyByteArrayObject>();
                    let length = (*array).ob_base.ob_size as usize;
                    ("bytearray", std::slice::from_raw_parts((*array).ob_start.cast::<u8>(), length))
                }
                _ => return Err(must("a byte string of length 1", arg)),
            };
            let [byte] = data else {
                let message =
                    format!("must be a byte string of length 1, not a {name} object of length {}", data.len());
                return Err(Refusal::Message(message, vec![]));
            };
            *self.va.pointer() = *byte;
        }
        Ok(())
    }

    /// `s`, `s*`, `s#` and, with `optional`, `z`, `z*`, `z#`.
    unsafe fn text(&mut self, arg: Block, optional: bool) -> Result<(), Refusal> {
        // SAFETY: as for `unit`.
        unsafe {
            let none = optional && is_none(arg);
            if self.follows(b'*') {
                let view = self.va.pointer::<c::Py_buffer>();
                if none {
                    PyBuffer_FillInfo(view, Borrowed(std::ptr::null_mut()), std::ptr::null_mut(), 0, 1, 0);
                } else if Kind::of(arg) == Kind::Unicode {
                    let (data, length) = unicode::utf8(self.vm, arg)?;
                    PyBuffer_FillInfo(view, Borrowed(arg), data.cast_mut().cast(), length as isize, 1, 0);
                } else {
                    self.open(arg, view)?;
                }
                self.undo.push(Undo::Buffer(view));
                return Ok(());
            }
            let to = self.va.pointer::<*const c_char>();
            if self.follows(b'#') {
                let size = self.va.pointer::<isize>();
                let (data, length) = if none {
                    (std::ptr::null(), 0)
                } else if Kind::of(arg) == Kind::Unicode {
                    unicode::utf8(self.vm, arg)?
                } else {
                    self.borrow_bytes(arg)?
                };
                *to = data;
                *size = length as isize;
                return Ok(());
            }
            if none {
                *to = std::ptr::null();
                return Ok(());
            }
            if Kind::of(arg) != Kind::Unicode {
                return Err(must(if optional { "str or None" } else { "str" }, arg));
            }
            let (data, length) = unicode::utf8(self.vm, arg)?;
            if CStr::from_ptr(data).count_bytes() != length {
                return Err(Refusal::Raised(self.vm.new_value_error("embedded null character")));
            }
            *to = data;
        }
        Ok(())
    }

    /// Opens a buffer that must be one piece.
    unsafe fn open(&mut self, arg: Block, view: *mut c::Py_buffer) -> Result<(), Refusal> {
        // SAFETY: as for `unit`.
        unsafe {
            if PyObject_GetBuffer(Borrowed(arg), view, 0) != 0 {
                return Err(self.raised());
            }
            if PyBuffer_IsContiguous(view, b'C' as c_char) == 0 {
                PyBuffer_Release(view);
                return Err(must("contiguous buffer", arg));
            }
        }
        Ok(())
    }

    /// The bytes of an object that keeps them in place without a view held open: bytes and its like.
    unsafe fn borrow_bytes(&self, arg: Block) -> Result<(*const c_char, usize), Refusal> {
        // SAFETY: as for `unit`.
        unsafe {
            match Kind::of(arg) {
                Kind::Bytes => {
                    let bytes = bytes::slice(arg);
                    Ok((bytes.as_ptr().cast(), bytes.len()))
                }
                Kind::Instance
                    if (*(*arg).ob_type)
                        .tp_as_buffer
                        .as_ref()
                        .is_some_and(|suite| suite.bf_getbuffer.is_some() && suite.bf_releasebuffer.is_none()) =>
                {
                    let mut view: c::Py_buffer = std::mem::zeroed();
                    if PyObject_GetBuffer(Borrowed(arg), &mut view, 0) != 0 {
                        return Err(self.raised());
                    }
                    let found = (view.buf.cast_const().cast(), view.len as usize);
                    PyBuffer_Release(&mut view);
                    Ok(found)
                }
                Kind::Opaque | Kind::Record | Kind::Instance | Kind::ByteArray
                    if crate::capi::pybuffer::PyObject_CheckBuffer(Borrowed(arg)) != 0 =>
                {
                    Err(must("read-only bytes-like object", arg))
                }
                _ => Err(Refusal::Raised(self.vm.new_type_error(format!(
                    "a bytes-like object is required, not '{}'",
                    text::of_c((*(*arg).ob_type).tp_name)
                )))),
            }
        }
    }

    /// `y`, `y*`, `y#`.
    unsafe fn bytes(&mut self, arg: Block) -> Result<(), Refusal> {
        // SAFETY: as for `unit`.
        unsafe {
            if self.follows(b'*') {
                let view = self.va.pointer::<c::Py_buffer>();
                self.open(arg, view)?;
                self.undo.push(Undo::Buffer(view));
                return Ok(());
            }
            let to = self.va.pointer::<*const c_char>();
            let (data, length) = self.borrow_bytes(arg)?;
            if self.follows(b'#') {
                *self.va.pointer() = length as isize;
            } else if CStr::from_ptr(data).count_bytes() != length {
                return Err(Refusal::Raised(self.vm.new_value_error("embedded null byte")));
            }
            *to = data;
        }
        Ok(())
    }

    /// `w*`.
    unsafe fn writable(&mut self, arg: Block) -> Result<(), Refusal> {
        // SAFETY: as for `unit`.
        unsafe {
            if !self.follows(b'*') {
                return Err(Refusal::Raised(self.vm.new_system_error("impossible<bad format char: w>")));
            }
            let view = self.va.pointer::<c::Py_buffer>();
            if PyObject_GetBuffer(Borrowed(arg), view, 1) != 0 {
                error::set_block(std::ptr::null_mut());
                return Err(must("read-write bytes-like object", arg));
            }
            if PyBuffer_IsContiguous(view, b'C' as c_char) == 0 {
                PyBuffer_Release(view);
                return Err(must("contiguous buffer", arg));
            }
            self.undo.push(Undo::Buffer(view));
        }
        Ok(())
    }

    /// `es`, `et`, `es#`, `et#`: text in an encoding, in memory that the caller frees or brought along.
    unsafe fn encoded(&mut self, arg: Block) -> Result<(), Refusal> {
        // SAFETY: as for `unit`.
        unsafe {
            let keeps_bytes = self.letter() == b't';
            let encoding = self.va.pointer::<c_char>();
            let to = self.va.pointer::<*mut c_char>();
            let size = self.follows(b'#').then(|| self.va.pointer::<isize>());
            let encoding = if encoding.is_null() { "utf-8".to_owned() } else { text::of_c(encoding) };
            let bytes: Vec<u8> = match Kind::of(arg) {
                Kind::Bytes if keeps_bytes => bytes::slice(arg).to_vec(),
                Kind::ByteArray if keeps_bytes => {
                    Borrowed(arg).get(self.vm)?.try_bytes_like(self.vm, <[u8]>::to_vec)?
                }
                Kind::Unicode => {
                    let text = Borrowed(arg).get(self.vm)?;
                    let encoded = leave(self.vm, || self.vm.call_method(&text, "encode", (encoding,)))?;
                    encoded.try_bytes_like(self.vm, <[u8]>::to_vec)?
                }
                _ => return Err(must(if keeps_bytes { "str, bytes or bytearray" } else { "str" }, arg)),
            };
            match size {
                Some(size) if !(*to).is_null() => {
                    if bytes.len() as isize + 1 > *size {
                        let message =
                            format!("encoded string too long ({}, maximum length {})", bytes.len(), *size - 1);
                        return Err(Refusal::Raised(self.vm.new_value_error(message)));
                    }
                    *size = bytes.len() as isize;
                }
                size => {
                    match size {
                        Some(size) => *size = bytes.len() as isize,
                        None if bytes.contains(&0) => {
                            return Err(must("encoded string without null bytes", arg));
                        }
                        None => {}
                    }
                    *to = libc::malloc(bytes.len() + 1).cast();
                    if (*to).is_null() {
                        return Err(Refusal::Raised(self.vm.no_memory_error()));
                    }
                    self.undo.push(Undo::Memory(to));
                }
            }
            (*to).cast::<u8>().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            (*to).add(bytes.len()).write(0);
        }
        Ok(())
    }

    /// `S`, `Y`, `U`: an object of a builtin type.
    unsafe fn checked(&mut self, arg: Block, kind: Kind, name: &str) -> Result<(), Refusal> {
        // SAFETY: as for `unit`.
        unsafe {
            if Kind::of(arg) != kind {
                return Err(must(name, arg));
            }
            *self.va.pointer() = arg;
        }
        Ok(())
    }

    /// `O`, `O!`, `O&`.
    unsafe fn object(&mut self, arg: Block) -> Result<(), Refusal> {
        // SAFETY: as for `unit`.
        unsafe {
            if self.follows(b'!') {
                let class = self.va.pointer::<c::PyTypeObject>();
                let to = self.va.pointer::<Block>();
                if crate::capi::typeobject::PyType_IsSubtype((*arg).ob_type, class) == 0 {
                    return Err(must(&text::of_c((*class).tp_name), arg));
                }
                *to = arg;
            } else if self.follows(b'&') {
                let convert = self.va.next::<unsafe extern "C" fn(Block, *mut c_void) -> c_int>();
                let to = self.va.pointer::<c_void>();
                let result = convert(arg, to);
                if result == 0 {
                    return Err(if error::occurred().is_null() {
                        Refusal::Message("(unspecified)".to_owned(), vec![])
                    } else {
                        self.raised()
                    });
                }
                if result == CLEANUP_SUPPORTED {
                    self.undo.push(Undo::Converter(convert, to));
                }
            } else {
                *self.va.pointer() = arg;
            }
        }
        Ok(())
    }

    /// Goes over a unit without an argument for it, and over its pointers.
    pub(super) unsafe fn skip(&mut self) {
        // SAFETY: as for `unit`.
        unsafe {
            match self.letter() {
                b'(' => {
                    while self.rest.first().is_some_and(|letter| *letter != b')') {
                        self.skip();
                    }
                    self.follows(b')');
                }
                b'e' => {
                    self.letter();
                    self.va.pointer::<c_char>();
                    self.va.pointer::<c_void>();
                    if self.follows(b'#') {
                        self.va.pointer::<c_void>();
                    }
                }
                _ => {
                    self.va.pointer::<c_void>();
                    if self.follows(b'#') || self.follows(b'!') || self.follows(b'&') {
                        self.va.pointer::<c_void>();
                    } else {
                        self.follows(b'*');
                    }
                }
            }
        }
    }
}
