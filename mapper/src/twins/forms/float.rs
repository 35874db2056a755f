//! Floats and complex numbers.

use rustpython_vm::builtins::{PyComplex, PyFloat};
use rustpython_vm::{PyObject, PyResult, VirtualMachine};

use crate::abi::layout as c;
use crate::abi::statics::statics;
use crate::heap::block::{self, Block};
use crate::heap::form::{Form, Half, given};
use crate::twins::forms::object::new_block;
use crate::twins::forms::payload::bound;

/// Floats.
pub(super) static FLOAT: Form = Form {
    sizes: (size_of::<c::PyFloatObject>(), 0),
    make: make_float,
    value: Some(float_value),
    wrap: wrap_float,
    ..Form::EMPTY
};

/// Complex numbers.
pub(super) static COMPLEX: Form = Form {
    sizes: (size_of::<c::PyComplexObject>(), 0),
    make: make_complex,
    value: Some(complex_value),
    wrap: wrap_complex,
    ..Form::EMPTY
};

/// A block of an exact float, with a count of 1 and no twin. None if memory is out.
#[inline]
pub(crate) fn from_f64(value: f64) -> Option<Block> {
    let made = block::allocate_uninit(size_of::<c::PyFloatObject>(), 0);
    if made.is_null() {
        return None;
    }
    let ob_base = c::PyObject { ob_refcnt: 1, ob_overflow: 0, ob_flags: 0, ob_type: statics().float };
    // SAFETY: fresh memory of that size.
    unsafe { made.cast::<c::PyFloatObject>().write(c::PyFloatObject { ob_base, ob_fval: value }) };
    Some(made)
}

unsafe fn make_float(_: &VirtualMachine, object: &PyObject, class: *mut c::PyTypeObject) -> Block {
    // SAFETY: the kind says what the payload is; the block is fresh and of its class's size.
    unsafe {
        let made = new_block(class);
        (*made.cast::<c::PyFloatObject>()).ob_fval = object.downcast_unchecked_ref::<PyFloat>().to_f64();
        made
    }
}

unsafe fn float_value(vm: &VirtualMachine, block: Block, _: bool) -> PyResult {
    // SAFETY: a float's block.
    given(vm.ctx.new_float(unsafe { (*block.cast::<c::PyFloatObject>()).ob_fval }))
}

unsafe fn wrap_float(_: &VirtualMachine, block: Block, half: Half) -> PyResult {
    // SAFETY: as above.
    let value = unsafe { (*block.cast::<c::PyFloatObject>()).ob_fval };
    Ok(bound(PyFloat::from(value), block, half))
}

unsafe fn make_complex(_: &VirtualMachine, object: &PyObject, class: *mut c::PyTypeObject) -> Block {
    // SAFETY: as for `make_float`.
    unsafe {
        let made = new_block(class);
        let value = object.downcast_unchecked_ref::<PyComplex>().to_complex64();
        (*made.cast::<c::PyComplexObject>()).cval = c::Py_complex { real: value.re, imag: value.im };
        made
    }
}

unsafe fn number(block: Block) -> num_complex::Complex64 {
    // SAFETY: a complex number's block.
    let value = unsafe { (*block.cast::<c::PyComplexObject>()).cval };
    num_complex::Complex64::new(value.real, value.imag)
}

unsafe fn complex_value(vm: &VirtualMachine, block: Block, _: bool) -> PyResult {
    // SAFETY: as above.
    given(vm.ctx.new_complex(unsafe { number(block) }))
}

unsafe fn wrap_complex(_: &VirtualMachine, block: Block, half: Half) -> PyResult {
    // SAFETY: as above.
    Ok(bound(PyComplex::from(unsafe { number(block) }), block, half))
}
