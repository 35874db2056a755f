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
use rustpython_vm::{AsObject, PyObject, PyObjectRef, PyResult, VirtualMachine};

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
            macro_rules! int {
                ($kind:ty) => {
                    at.cast::<$kind>().write_unaligned(truncated(vm, &value)? as $kind)
                };
            }
            match self.kind {
                0 => int!(i16),
                1 => int!(i32),
                2 | 17 | 19 => int!(i64),
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
                8 => int!(i8),
                9 => int!(u8),
                10 => int!(u16),
                11 => int!(u32),
                12 | 18 => at.cast::<u64>().write_unaligned(truncated(vm, &value)? as u64),
                14 => {
                    if !value.class().is(vm.ctx.types.bool_type) {
                        return Err(vm.new_type_error("attribute value type must be bool"));
                    }
                    at.write(u8::from(value.is(&vm.ctx.true_value)));
                }
                5 | 13 | 20 => return Err(vm.new_type_error("readonly attribute")),
                _ => return Err(vm.new_system_error(format!("bad memberdescr type for {}", self.name))),
            }
            Ok(())
        }
    }
}

/// An int's low 64 bits.
///
/// # Errors
/// `TypeError` if it is no int, `OverflowError` if it does not fit 64 bits either way.
fn truncated(vm: &VirtualMachine, value: &PyObjectRef) -> PyResult<i64> {
    let int = value.try_index(vm)?;
    let int: &rustpython_vm::Py<PyInt> = &int;
    int.try_to_primitive::<i64>(vm)
        .or_else(|error| int.try_to_primitive::<u64>(vm).map(|it| it as i64).map_err(|_| error))
}

fn float(vm: &VirtualMachine, value: &PyObjectRef) -> PyResult<f64> {
    match value.downcast_ref::<PyFloat>() {
        Some(float) => Ok(float.to_f64()),
        None => Ok(value.try_float(vm)?.to_f64()),
    }
}
