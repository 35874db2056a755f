//! What a shared library says of itself, in the same words for ELF, PE and Mach-O.

mod elf;
mod mach;
mod model;
mod pe;

use crate::error::InspectError;
use crate::generator;
use crate::limits::Names;

pub(crate) use model::Binary;
pub use model::{Format, NeededVersion};

/// More libraries than any real file needs; each is looked for in many folders.
const MOST_NEEDED: usize = 4096;

impl Binary {
    /// Reads a shared library. Of a universal file, the part for `machine` if there is one, or else the first.
    pub(crate) fn parse(bytes: &[u8], machine: &str, limit: usize) -> Result<Self, InspectError> {
        let names = &mut Names::new(limit);
        let mut binary = match bytes {
            [] => return Err(InspectError::Empty),
            [0x7f, b'E', b'L', b'F', ..] => elf::parse(bytes, names)?,
            [b'M', b'Z', ..] => pe::parse(bytes, names)?,
            _ if mach::is_mach(bytes) => mach::parse(bytes, machine, names)?,
            _ => return Err(InspectError::Unknown),
        };
        if binary.needed.len() > MOST_NEEDED {
            return Err(InspectError::Malformed(format!("it needs {} libraries", binary.needed.len())));
        }
        binary.generator = binary.is_of_python().then(|| generator::guess(bytes));
        Ok(binary)
    }
}
