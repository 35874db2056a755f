//! `pymacro.h`: versions as numbers.

use super::prelude::*;

/// A version as `Py_Version` has it: 3.14.0a1 is 0x030E00A1.
pub unsafe extern "C" fn Py_PACK_FULL_VERSION(
    major: c_int,
    minor: c_int,
    micro: c_int,
    level: c_int,
    serial: c_int,
) -> u32 {
    let byte = |part: c_int| part as u32 & 0xFF;
    byte(major) << 24 | byte(minor) << 16 | byte(micro) << 8 | (level as u32 & 0xF) << 4 | serial as u32 & 0xF
}

/// [`Py_PACK_FULL_VERSION`] of a minor version as a whole.
pub unsafe extern "C" fn Py_PACK_VERSION(major: c_int, minor: c_int) -> u32 {
    // SAFETY: numbers only.
    unsafe { Py_PACK_FULL_VERSION(major, minor, 0, 0, 0) }
}
