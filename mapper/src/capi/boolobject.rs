//! `boolobject.h`: bools.

use super::prelude::*;

/// True for anything but 0.
pub unsafe extern "C" fn PyBool_FromLong(value: c_long) -> New {
    New(static_block(if value == 0 { "_Py_FalseStruct" } else { "_Py_TrueStruct" }))
}
