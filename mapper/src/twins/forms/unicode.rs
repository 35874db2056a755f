//! Strings: compact blocks of one, two or four bytes a character (PEP 393), and back. RustPython's strings are WTF-8
//! without a NUL behind, so both directions copy.

use std::ffi::c_char;
use std::sync::OnceLock;

use rustpython_vm::builtins::{PyStr, PyStrRef};
use rustpython_vm::common::str::StrKind;
use rustpython_vm::common::wtf8::{CodePoint, Wtf8, Wtf8Buf};
use rustpython_vm::{Py, PyObject, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::abi::statics::statics;
use crate::heap::block::{self, Block};
use crate::heap::form::{Form, Half, given};
use crate::lifetime::{dealloc, handle};
use crate::twins::forms::object::new_block_of;
use crate::twins::forms::payload::bound;
use crate::twins::retrieve;

/// Strings.
pub(super) static FORM: Form = Form {
    sizes: (size_of::<c::PyUnicodeObject>(), 0),
    subclass_flag: c::tpflags::UNICODE_SUBCLASS,
    make,
    value: Some(value),
    wrap,
    free: Some(free_buffers),
    ..Form::EMPTY
};

const COMPACT: u32 = 1 << 5;
const ASCII: u32 = 1 << 6;
const KIND_SHIFT: u32 = 2;
/// `state.interned`: interned, and mortal or immortal.
pub(crate) const INTERNED: u32 = 1;
const INTERNED_MASK: u32 = 3;

/// Bytes in front of the characters of an ASCII string and of any other compact one.
const ASCII_DATA: usize = size_of::<c::PyASCIIObject>();
const COMPACT_DATA: usize = size_of::<c::PyCompactUnicodeObject>();

/// The width of a string's characters, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Width {
    /// Below U+0080, one byte each, and the string is valid UTF-8 as it stands.
    Ascii,
    /// Below U+0100, one byte each.
    One,
    /// Below U+10000.
    Two,
    /// All of Unicode.
    Four,
}

impl Width {
    /// The narrowest width that holds characters up to `largest`.
    pub fn for_largest(largest: u32) -> Self {
        match largest {
            0..0x80 => Self::Ascii,
            0x80..0x100 => Self::One,
            0x100..0x1_0000 => Self::Two,
            _ => Self::Four,
        }
    }

    /// The largest character: `PyUnicode_MAX_CHAR_VALUE`.
    pub fn largest(self) -> u32 {
        match self {
            Self::Ascii => 0x7f,
            Self::One => 0xff,
            Self::Two => 0xffff,
            Self::Four => 0x10_ffff,
        }
    }

    /// `PyUnicode_KIND`: bytes per character.
    pub fn bytes(self) -> usize {
        match self {
            Self::Ascii | Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
        }
    }
}

/// The empty string, of which there is one that lasts for ever: C code relies on that and does not count it.
pub(crate) fn empty() -> Option<Block> {
    static EMPTY: OnceLock<usize> = OnceLock::new();
    if let Some(known) = EMPTY.get() {
        return Some(*known as Block);
    }
    // SAFETY: it has no characters to fill.
    let made = unsafe {
        let made = fresh_compact(0, Width::Ascii)?;
        handle::immortalize(made);
        made
    };
    Some(*EMPTY.get_or_init(|| made as usize) as Block)
}

/// A compact block with a count of 1 and no twin; its characters are left as they come, but for the NUL behind the
/// last. None if memory is out.
///
/// # Safety
/// The caller fills the characters before anybody reads them.
pub unsafe fn new_compact(length: usize, width: Width) -> Option<Block> {
    // SAFETY: by contract.
    if length == 0 { empty() } else { unsafe { fresh_compact(length, width) } }
}

unsafe fn fresh_compact(length: usize, width: Width) -> Option<Block> {
    let head = if width == Width::Ascii { ASCII_DATA } else { COMPACT_DATA };
    let bytes = length.checked_add(1)?.checked_mul(width.bytes())?.checked_add(head)?;
    let made = block::allocate_uninit(bytes, 0);
    if made.is_null() {
        return None;
    }
    // SAFETY: fresh memory of that size.
    unsafe {
        let object = made.cast::<c::PyCompactUnicodeObject>();
        let ascii = if width == Width::Ascii { ASCII } else { 0 };
        (*object)._base = c::PyASCIIObject {
            ob_base: c::PyObject { ob_refcnt: 1, ob_overflow: 0, ob_flags: 0, ob_type: statics().unicode },
            length: length as isize,
            hash: -1,
            state: (width.bytes() as u32) << KIND_SHIFT | COMPACT | ascii,
        };
        if width != Width::Ascii {
            (*object).utf8 = std::ptr::null_mut();
            (*object).utf8_length = 0;
        }
        made.cast::<u8>().add(head + length * width.bytes()).write_bytes(0, width.bytes());
    }
    Some(made)
}

/// A compact block with the given text, a count of 1 and no twin. None if memory is out.
pub fn from_wtf8(text: &Wtf8) -> Option<Block> {
    let bytes = text.as_bytes();
    // Lead bytes grow with their characters and are larger than the bytes that follow them.
    let width = match bytes.iter().copied().max() {
        None | Some(0..0x80) => return from_ascii(bytes),
        Some(..0xc4) => Width::One,
        Some(..0xf0) => Width::Two,
        Some(_) => Width::Four,
    };
    let length = bytes.iter().filter(|&&byte| byte & 0xc0 != 0x80).count();
    // SAFETY: the characters are written below, as many and as wide as asked for.
    unsafe {
        let made = new_compact(length, width)?;
        write_characters(made.cast::<u8>().add(COMPACT_DATA), width, text);
        Some(made)
    }
}

/// A compact block with ASCII text.
#[inline]
pub fn from_ascii(text: &[u8]) -> Option<Block> {
    // SAFETY: the bytes are written below.
    unsafe {
        let made = new_compact(text.len(), Width::Ascii)?;
        made.cast::<u8>().add(ASCII_DATA).copy_from_nonoverlapping(text.as_ptr(), text.len());
        Some(made)
    }
}

unsafe fn write_characters(to: *mut u8, width: Width, text: &Wtf8) {
    let points = text.code_points().map(CodePoint::to_u32).enumerate();
    // SAFETY: the caller made room for all characters.
    unsafe {
        match width {
            Width::Ascii | Width::One => points.for_each(|(index, point)| to.add(index).write(point as u8)),
            Width::Two => points.for_each(|(index, point)| to.cast::<u16>().add(index).write(point as u16)),
            Width::Four => points.for_each(|(index, point)| to.cast::<u32>().add(index).write(point)),
        }
    }
}

unsafe fn make(_: &VirtualMachine, object: &PyObject, class: *mut c::PyTypeObject) -> Block {
    // SAFETY: the kind says what the payload is.
    unsafe { new_block(object.downcast_unchecked_ref::<PyStr>(), class) }
}

unsafe fn value(vm: &VirtualMachine, block: Block, _: bool) -> PyResult {
    // SAFETY: a string's block.
    given(unsafe { to_managed(vm, block) })
}

unsafe fn wrap(vm: &VirtualMachine, block: Block, half: Half) -> PyResult {
    // SAFETY: as above.
    let text = unsafe { to_managed(vm, block) };
    Ok(bound(PyStr::from(text.as_wtf8().to_owned()), block, half))
}

/// The block of a managed string. Instances of subclasses have their characters in a buffer of their own, as CPython
/// has them.
///
/// # Safety
/// `kind` is the block of the string's type.
pub unsafe fn new_block(string: &Py<PyStr>, kind: *mut c::PyTypeObject) -> Block {
    let text = string.as_wtf8();
    let made = if string.kind() == StrKind::Ascii { from_ascii(text.as_bytes()) } else { from_wtf8(text) };
    let made = made.expect("memory for a string's block");
    if kind == statics().unicode {
        return made;
    }
    // SAFETY: a block of a subclass has at least a `PyUnicodeObject` and is filled here.
    unsafe {
        let compact = &mut *made.cast::<c::PyCompactUnicodeObject>();
        let width = (compact._base.state >> KIND_SHIFT & 7) as usize;
        let bytes = (compact._base.length as usize + 1) * width;
        let loose = new_block_of(kind, (*kind).tp_basicsize as usize).cast::<c::PyUnicodeObject>();
        (*loose)._base._base.length = compact._base.length;
        (*loose)._base._base.hash = -1;
        (*loose)._base._base.state = compact._base.state & !COMPACT;
        let data = libc::malloc(bytes);
        assert!(!data.is_null(), "memory for a string's characters");
        data.copy_from_nonoverlapping(characters(made).cast(), bytes);
        (*loose).data = data;
        if compact._base.state & ASCII != 0 {
            (*loose)._base.utf8 = data.cast();
            (*loose)._base.utf8_length = compact._base.length;
        }
        dealloc::decref(made);
        loose.cast()
    }
}

/// Where a string's characters are.
///
/// # Safety
/// `block` is a string's.
#[inline]
pub unsafe fn characters(block: Block) -> *mut u8 {
    // SAFETY: by contract.
    unsafe {
        let state = (*block.cast::<c::PyASCIIObject>()).state;
        if state & COMPACT == 0 {
            (*block.cast::<c::PyUnicodeObject>()).data.cast()
        } else if state & ASCII != 0 {
            block.cast::<u8>().add(ASCII_DATA)
        } else {
            block.cast::<u8>().add(COMPACT_DATA)
        }
    }
}

/// A string's length in characters, and the width of each.
///
/// # Safety
/// `block` is a string's.
#[inline]
pub unsafe fn shape(block: Block) -> (usize, Width) {
    // SAFETY: by contract.
    unsafe {
        let head = &*block.cast::<c::PyASCIIObject>();
        let width = match (head.state & ASCII != 0, head.state >> KIND_SHIFT & 7) {
            (true, _) => Width::Ascii,
            (_, 1) => Width::One,
            (_, 2) => Width::Two,
            _ => Width::Four,
        };
        (head.length as usize, width)
    }
}

/// A managed string with the text of a block.
///
/// # Safety
/// `block` is a string's.
pub unsafe fn to_managed(vm: &VirtualMachine, block: Block) -> PyStrRef {
    // SAFETY: by contract.
    unsafe {
        let (length, width) = shape(block);
        let data = characters(block);
        if width == Width::Ascii {
            let bytes = std::slice::from_raw_parts(data, length);
            // SAFETY: C promises ASCII with the flag; a liar is caught, for it would break the VM.
            return if bytes.is_ascii() {
                vm.ctx.new_str(PyStr::new_ascii_unchecked(bytes.to_vec()))
            } else {
                vm.ctx.new_str(String::from_utf8_lossy(bytes).into_owned())
            };
        }
        vm.ctx.new_str(from_characters(data, length, width))
    }
}

/// Text from characters of a given width.
///
/// # Safety
/// `data` points to `length` characters.
pub unsafe fn from_characters(data: *const u8, length: usize, width: Width) -> Wtf8Buf {
    let mut text = Wtf8Buf::with_capacity(length + length / 2);
    for index in 0..length {
        // SAFETY: by contract; two- and four-byte data is aligned as C aligns it, but `PyUnicode_FromKindAndData`
        // takes what it gets.
        let value = unsafe {
            match width {
                Width::Ascii | Width::One => u32::from(*data.add(index)),
                Width::Two => u32::from(data.cast::<u16>().add(index).read_unaligned()),
                Width::Four => data.cast::<u32>().add(index).read_unaligned(),
            }
        };
        text.push(CodePoint::from_u32(value).unwrap_or(CodePoint::from_char(char::REPLACEMENT_CHARACTER)));
    }
    text
}

/// A string's UTF-8 form, which lives as long as the block: NUL-terminated pointer and length in bytes.
///
/// # Errors
/// `UnicodeEncodeError` for a lone surrogate.
///
/// # Safety
/// `block` is a string's.
pub unsafe fn utf8(vm: &VirtualMachine, block: Block) -> PyResult<(*const c_char, usize)> {
    // SAFETY: by contract.
    unsafe {
        let (length, width) = shape(block);
        if width == Width::Ascii {
            return Ok((characters(block).cast_const().cast(), length));
        }
        let object = &mut *block.cast::<c::PyCompactUnicodeObject>();
        if object.utf8.is_null() {
            let text = from_characters(characters(block), length, width);
            let Ok(text) = std::str::from_utf8(text.as_bytes()) else {
                let string = retrieve::retrieve(vm, block)?;
                return Err(surrogate_error(vm, string));
            };
            let buffer = libc::malloc(text.len() + 1).cast::<u8>();
            if buffer.is_null() {
                return Err(vm.no_memory_error());
            }
            buffer.copy_from_nonoverlapping(text.as_ptr(), text.len());
            buffer.add(text.len()).write(0);
            object.utf8 = buffer.cast();
            object.utf8_length = text.len() as isize;
        }
        Ok((object.utf8, object.utf8_length as usize))
    }
}

/// Whether a string is the one that is kept of its text.
///
/// # Safety
/// `block` is a string's.
#[inline]
pub unsafe fn is_interned(block: Block) -> bool {
    // SAFETY: by contract.
    unsafe { (*block.cast::<c::PyASCIIObject>()).state & INTERNED_MASK != 0 }
}

/// Whether a string may change: it is an exact one that one owner in C knows and nobody else, and nothing was derived
/// from its text yet.
///
/// # Safety
/// `block` is a string's.
pub unsafe fn is_modifiable(block: Block) -> bool {
    // SAFETY: by contract.
    unsafe {
        let head = &*block.cast::<c::PyASCIIObject>();
        head.ob_base.ob_type == statics().unicode && head.hash == -1 && !is_interned(block) && dealloc::make_sole(block)
    }
}

/// Gives a string another length; characters that it did not have are left as they come. Takes a reference and gives
/// one: to the same block if it may change and has room. None if memory is out, and the reference stays the caller's.
///
/// # Safety
/// `block` is a string's, whose reference is the caller's.
pub unsafe fn resize(block: Block, length: usize) -> Option<Block> {
    // SAFETY: by contract; a modifiable string's block is compact and was made here.
    unsafe {
        let (held, width) = shape(block);
        let head = characters(block).offset_from(block.cast::<u8>()) as usize;
        let bytes = length.checked_add(1)?.checked_mul(width.bytes())?.checked_add(head)?;
        if is_modifiable(block) && fits(bytes, block::capacity(block)) {
            if width != Width::Ascii {
                let object = &mut *block.cast::<c::PyCompactUnicodeObject>();
                libc::free(std::mem::replace(&mut object.utf8, std::ptr::null_mut()).cast());
                object.utf8_length = 0;
            }
            (*block.cast::<c::PyASCIIObject>()).length = length as isize;
            characters(block).add(length * width.bytes()).write_bytes(0, width.bytes());
            return Some(block);
        }
        let made = new_compact(length, width)?;
        characters(made).copy_from_nonoverlapping(characters(block), held.min(length) * width.bytes());
        dealloc::decref(block);
        Some(made)
    }
}

/// Whether something fits into a block and does not waste most of it.
pub(crate) fn fits(bytes: usize, capacity: usize) -> bool {
    bytes <= capacity && (capacity <= 512 || bytes >= capacity / 2)
}

/// What `str.encode("utf-8")` raises for a string with lone surrogates.
fn surrogate_error(
    vm: &VirtualMachine,
    string: rustpython_vm::PyObjectRef,
) -> rustpython_vm::builtins::PyBaseExceptionRef {
    match vm.call_method(&string, "encode", ("utf-8",)) {
        Err(error) => error,
        Ok(_) => vm.new_system_error("a string could not be encoded as UTF-8"),
    }
}

/// Frees what a dying string's block owns.
///
/// # Safety
/// `block` is a string's that nobody refers to.
pub unsafe fn free_buffers(block: Block) {
    // SAFETY: by contract; both buffers came from malloc, and ASCII strings of subclasses share one.
    unsafe {
        let state = (*block.cast::<c::PyASCIIObject>()).state;
        if state & (COMPACT | ASCII) == COMPACT | ASCII {
            return;
        }
        let object = &mut *block.cast::<c::PyCompactUnicodeObject>();
        let data = if state & COMPACT == 0 { (*block.cast::<c::PyUnicodeObject>()).data } else { std::ptr::null_mut() };
        if !object.utf8.is_null() && object.utf8.cast() != data {
            libc::free(object.utf8.cast());
        }
        libc::free(data);
    }
}
