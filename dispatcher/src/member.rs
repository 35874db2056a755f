//! A field of a C struct as Python sees it: its place, its type, and how it is read and written (`PyMemberDef`).

use std::ffi::{CStr, c_char, c_int};

use rustclad_mapper::abi::layout as c;
use rustclad_mapper::abi::text;
use rustclad_mapper::heap::block::Block;
use rustclad_mapper::lifetime::{dealloc, thread};
use rustclad_mapper::twins::passing::Passed;
use rustclad_mapper::twins::{retrieve, store};
use rustpython_vm::builtins::{PyFloat, PyInt, PyStr};
use rustpython_vm::function::PySetterValue;
use rustpython_vm::{AsObject, PyObject, PyResult, VirtualMachine};

const READONLY: c_int = 1;

/// A member's place and type.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    kind: c_int,
    offset: isize,
    flags: c_int,
    pub(crate) name: &'a str,
}

impl<'a> Member<'a> {
    /// A member of a definition, its offset counted from `base`.
    pub(crate) fn new(definition: &c::PyMemberDef, base: isize, name: &'a str) -> Self {
        Self { kind: definition.kind, offset: base + definition.offset, flags: definition.flags, name }
    }

    /// Reads the field.
    pub(crate) fn get(self, vm: &VirtualMachine, this: &PyObject) -> PyResult {
        let _section = thread::enter(vm);
        let this = Passed::new(vm, this);
        // SAFETY: the descriptor belongs to the object's type, which has the field.
        unsafe { self.read(vm, this.block()) }
    }

    /// Reads the field of a block (`PyMember_GetOne`).
    ///
    /// # Safety
    /// The block has the field; the C lock is held.
    pub(crate) unsafe fn read(self, vm: &VirtualMachine, block: Block) -> PyResult {
        // SAFETY: by the caller's contract; the type tells the field's size.
        unsafe {
            let at = block.cast::<u8>().offset(self.offset);
            macro_rules! int {
                ($kind:ty) => {
                    vm.ctx.new_int(at.cast::<$kind>().read_unaligned()).into()
                };
            }
            Ok(match self.kind {
                0 => int!(i16),
                1 => int!(i32),
                2 | 17 => int!(i64),
                3 => vm.ctx.new_float(f64::from(at.cast::<f32>().read_unaligned())).into(),
                4 => vm.ctx.new_float(at.cast::<f64>().read_unaligned()).into(),
                5 => {
                    let text = at.cast::<*const c_char>().read();
                    if text.is_null() { vm.ctx.none() } else { vm.ctx.new_str(text::of_c(text)).into() }
                }
                6 | 16 => {
                    let object = at.cast::<Block>().read();
                    match (object.is_null(), self.kind) {
                        (false, _) => retrieve::retrieve(vm, object)?,
                        (true, 6) => vm.ctx.none(),
                        (true, _) => {
                            let class = text::of_c((*(*block).ob_type).tp_name);
                            return Err(
                                vm.new_attribute_error(format!("'{class}' object has no attribute '{}'", self.name))
                            );
                        }
                    }
                }
                7 => vm.ctx.new_str(char::from(at.read()).to_string()).into(),
                8 => int!(i8),
                9 => int!(u8),
                10 => int!(u16),
                11 => int!(u32),
                12 | 18 => int!(u64),
                13 => vm.ctx.new_str(CStr::from_ptr(at.cast()).to_string_lossy().into_owned()).into(),
                14 => vm.ctx.new_bool(at.read() != 0).into(),
                19 => int!(isize),
                20 => vm.ctx.none(),
                _ => return Err(vm.new_system_error("bad memberdescr type")),
            })
        }
    }

    /// Writes the field.
    pub(crate) fn set(self, vm: &VirtualMachine, this: &PyObject, value: PySetterValue) -> PyResult<()> {
        let _section = thread::enter(vm);
        let this = Passed::new(vm, this);
        // SAFETY: as for `get`.
        unsafe { self.write(vm, this.block(), value) }
    }

    /// Writes the field of a block (`PyMember_SetOne`).
    ///
    /// # Safety
    /// As for [`read`](Self::read).
    pub(crate) unsafe fn write(self, vm: &VirtualMachine, block: Block, value: PySetterValue) -> PyResult<()> {
        if self.flags & READONLY != 0 {
            return Err(vm.new_attribute_error("readonly attribute"));
        }
        // SAFETY: by the caller's contract; the type tells the field's size.
        unsafe {
            let at = block.cast::<u8>().offset(self.offset);
            let value = match (value, self.kind) {
                (PySetterValue::Assign(value), _) => value,
                (PySetterValue::Delete, 6 | 16) => {
                    let old = at.cast::<Block>().replace(std::ptr::null_mut());
                    if old.is_null() && self.kind == 16 {
                        return Err(vm.new_attribute_error(self.name));
                    }
                    dealloc::xdecref(old);
                    return Ok(());
                }
                (PySetterValue::Delete, _) => {
                    return Err(vm.new_type_error("can't delete numeric/char attribute"));
                }
            };
            match self.kind {
                3 => at.cast::<f32>().write_unaligned(float(vm, &value)? as f32),
                4 => at.cast::<f64>().write_unaligned(float(vm, &value)?),
                6 | 16 => {
                    let old = at.cast::<Block>().replace(store::store(vm, &value));
                    dealloc::xdecref(old);
                }
                7 => {
                    let text = value.downcast_ref::<PyStr>().filter(|text| text.byte_len() == 1);
                    let Some(text) = text else {
                        return Err(vm.new_type_error("bad argument type for built-in operation"));
                    };
                    at.write(text.as_bytes()[0]);
                }
                14 => {
                    if !value.class().is(vm.ctx.types.bool_type) {
                        return Err(vm.new_type_error("attribute value type must be bool"));
                    }
                    at.write(u8::from(value.is(&vm.ctx.true_value)));
                }
                5 | 13 | 20 => return Err(vm.new_type_error("readonly attribute")),
                kind => match INTEGERS.iter().find(|integer| integer.kind == kind) {
                    Some(integer) => integer.write(vm, at, &value)?,
                    None => return Err(vm.new_system_error(format!("bad memberdescr type for {}", self.name))),
                },
            }
            Ok(())
        }
    }
}

/// A kind of field that holds an integer.
struct Integer {
    kind: c_int,
    size: usize,
    /// What the field can hold.
    range: (i128, i128),
    /// What it takes, though with a warning.
    taken: (i128, i128),
    /// What is said of less, and of more.
    words: (&'static str, &'static str),
    /// What a warning calls the field.
    name: &'static str,
}

const LONG: (i128, i128) = (i64::MIN as i128, i64::MAX as i128);
const UNSIGNED: (i128, i128) = (i64::MIN as i128, u64::MAX as i128);
const NO_LONG: &str = "Python int too large to convert to C long";
const NO_UNSIGNED: &str = "Python int too large to convert to C unsigned long";
const NO_SIZE: &str = "Python int too large to convert to C ssize_t";
const TOO_BIG: &str = "int too big to convert";
const SIZE: c_int = 19;

/// The rows of [`INTEGERS`].
macro_rules! integers {
    ($($kind:expr, $type:ty, $taken:expr, $less:expr, $more:expr, $name:literal;)*) => {
        [$(Integer {
            kind: $kind,
            size: size_of::<$type>(),
            range: (<$type>::MIN as i128, <$type>::MAX as i128),
            taken: $taken,
            words: ($less, $more),
            name: $name,
        }),*]
    };
}

static INTEGERS: [Integer; 11] = integers! {
    8, i8, LONG, NO_LONG, NO_LONG, "char";
    9, u8, LONG, NO_LONG, NO_LONG, "unsigned char";
    0, i16, LONG, NO_LONG, NO_LONG, "short";
    10, u16, LONG, NO_LONG, NO_LONG, "unsigned short";
    1, i32, LONG, NO_LONG, NO_LONG, "int";
    11, u32, UNSIGNED, NO_LONG, NO_UNSIGNED, "unsigned int";
    2, i64, LONG, NO_LONG, NO_LONG, "long";
    12, u64, UNSIGNED, NO_LONG, NO_UNSIGNED, "unsigned long";
    17, i64, LONG, TOO_BIG, TOO_BIG, "long long";
    18, u64, UNSIGNED, NO_LONG, TOO_BIG, "unsigned long long";
    SIZE, isize, LONG, NO_SIZE, NO_SIZE, "ssize_t";
};

impl Integer {
    /// Writes a number into the field, cut off with a warning if it is one that the field takes but cannot hold.
    unsafe fn write(&self, vm: &VirtualMachine, at: *mut u8, value: &PyObject) -> PyResult<()> {
        if self.kind == SIZE && !value.downcastable::<PyInt>() {
            return Err(vm.new_type_error("an integer is required"));
        }
        let int = thread::leave(vm, || value.try_index(vm))?;
        let number = int.as_bigint();
        let taken = i128::try_from(number).ok().filter(|number| (self.taken.0..=self.taken.1).contains(number));
        let Some(number) = taken else {
            let is_less = number.to_signed_bytes_le().last().is_some_and(|top| top & 0x80 != 0);
            return Err(vm.new_overflow_error(if is_less { self.words.0 } else { self.words.1 }));
        };
        // SAFETY: the caller's field, of this size.
        unsafe { at.copy_from_nonoverlapping(number.to_le_bytes().as_ptr(), self.size) };
        if (self.range.0..=self.range.1).contains(&number) {
            return Ok(());
        }
        // Only the types of old that took negative numbers say so.
        let message = if number < 0 && self.taken.1 == UNSIGNED.1 {
            "Writing negative value into unsigned field".to_owned()
        } else {
            format!("Truncation of value to {}", self.name)
        };
        let category = vm.ctx.exceptions.runtime_warning;
        thread::leave(vm, || rustpython_vm::stdlib::_warnings::warn(category, message, 1, vm))
    }
}

fn float(vm: &VirtualMachine, value: &PyObject) -> PyResult<f64> {
    match value.downcast_ref::<PyFloat>() {
        Some(float) => Ok(float.to_f64()),
        None => Ok(thread::leave(vm, || value.try_float(vm))?.to_f64()),
    }
}
