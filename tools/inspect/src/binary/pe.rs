//! PE: the import and export directories. They are walked here, because goblin keeps all of what hostile directories
//! that share their tables repeat.

use goblin::pe::header::{self, CoffHeader, Header};
use goblin::pe::optional_header::{MAGIC_64, OptionalHeader};
use goblin::pe::section_table::SectionTable;

use super::model::{Binary, Format, Import};
use crate::error::InspectError;
use crate::limits::Names;

/// More libraries than any real file imports from.
const MOST_LIBRARIES: u32 = 4096;

/// The most that Windows loads. Each address is looked for in all of them.
const MOST_SECTIONS: usize = 96;

/// Longer than any real name: hostile tables could point at the same long text again and again.
const LONGEST_NAME: usize = 16 << 10;

pub(super) fn parse(bytes: &[u8], names: &mut Names) -> Result<Binary, InspectError> {
    let header = Header::parse(bytes)?;
    let coff = header.coff_header;
    let Some(optional) = header.optional_header else {
        return Err(InspectError::Malformed("no optional header".to_owned()));
    };
    let mut binary = Binary::new(Format::Pe, machine(&coff), "windows");
    binary.shared = goblin::pe::characteristic::is_dll(coff.characteristics);
    let mut start = header.dos_header.pe_pointer as usize
        + header::SIZEOF_PE_MAGIC
        + header::SIZEOF_COFF_HEADER
        + usize::from(coff.size_of_optional_header);
    let sections = coff.sections(bytes, &mut start)?;
    if sections.len() > MOST_SECTIONS {
        return Err(InspectError::Malformed(format!("it has {} sections", sections.len())));
    }
    check_ends(bytes, &sections)?;
    let image = Image { bytes, sections, wide: optional.standard_fields.magic == MAGIC_64 };
    read_imports(&image, &optional, &mut binary, names)?;
    read_exports(&image, &optional, &mut binary, names)?;
    Ok(binary)
}

fn check_ends(bytes: &[u8], sections: &[SectionTable]) -> Result<(), InspectError> {
    let size = bytes.len() as u64;
    for section in sections {
        let end = u64::from(section.pointer_to_raw_data) + u64::from(section.size_of_raw_data);
        if end > size {
            return Err(InspectError::Truncated(format!("a section ends at byte {end}, the file has {size}")));
        }
    }
    Ok(())
}

fn machine(coff: &CoffHeader) -> String {
    match coff.machine {
        header::COFF_MACHINE_X86_64 => "x86_64".to_owned(),
        header::COFF_MACHINE_X86 => "x86".to_owned(),
        header::COFF_MACHINE_ARM64 => "aarch64".to_owned(),
        header::COFF_MACHINE_ARMNT => "arm".to_owned(),
        other => header::machine_to_str(other).to_owned(),
    }
}

fn read_imports(
    image: &Image<'_>,
    header: &OptionalHeader,
    binary: &mut Binary,
    names: &mut Names,
) -> Result<(), InspectError> {
    let directories = &header.data_directories;
    // Size of a descriptor, where the library's name and where the names of functions are in it.
    let plain = (directories.get_import_table(), 20, 12, [0, 16]);
    let delayed = (directories.get_delay_import_descriptor(), 32, 4, [16, 16]);
    for (directory, size, name_at, tables_at) in [plain, delayed] {
        let Some(directory) = directory else { continue };
        for index in 0..MOST_LIBRARIES {
            let Some(descriptor) = directory.virtual_address.checked_add(index * size) else { break };
            let Some(name) = image.word(descriptor, name_at).filter(|name| *name != 0) else { break };
            let Some(library) = image.text(name) else { break };
            binary.needed.push(names.keep(library)?);
            let tables = tables_at.map(|at| image.word(descriptor, at).unwrap_or(0));
            if let Some(table) = tables.into_iter().find(|table| *table != 0) {
                read_names(image, table, binary, names)?;
            }
        }
    }
    Ok(())
}

/// The functions that one library is asked for by name.
fn read_names(image: &Image<'_>, table: u32, binary: &mut Binary, names: &mut Names) -> Result<(), InspectError> {
    let width = if image.wide { 8 } else { 4 };
    for index in 0.. {
        let Some(entry) = u32::checked_mul(index, width).and_then(|offset| table.checked_add(offset)) else { break };
        let Some(low) = image.word(entry, 0) else { break };
        let high = if image.wide { image.word(entry, 4).unwrap_or(0) } else { low };
        if low == 0 && high & 0x7fff_ffff == 0 {
            break;
        }
        let by_number = high & 0x8000_0000 != 0;
        // Two bytes of a hint stand before the name.
        let name = if by_number { None } else { low.checked_add(2).and_then(|at| image.text(at)) };
        // Counted even without a name: tables may be shared.
        let name = names.keep(name.unwrap_or(""))?;
        if !name.is_empty() {
            binary.imports.push(Import { name, weak: false });
        }
    }
    Ok(())
}

fn read_exports(
    image: &Image<'_>,
    header: &OptionalHeader,
    binary: &mut Binary,
    names: &mut Names,
) -> Result<(), InspectError> {
    let Some(directory) = header.data_directories.get_export_table() else { return Ok(()) };
    let table = directory.virtual_address;
    // How many names there are, and where the pointers to them are.
    let count = image.word(table, 24).unwrap_or(0);
    let pointers = image.word(table, 32).unwrap_or(0);
    for index in 0..count {
        let Some(pointer) = index.checked_mul(4).and_then(|offset| image.word(pointers, offset)) else { break };
        binary.exports.insert(names.keep(image.text(pointer).unwrap_or(""))?);
    }
    Ok(())
}

/// The file as it would lie in memory.
struct Image<'a> {
    bytes: &'a [u8],
    sections: Vec<SectionTable>,
    /// Whether addresses have 64 bits.
    wide: bool,
}

impl<'a> Image<'a> {
    /// The bytes from an address on to the end of its section.
    fn at(&self, address: u32) -> Option<&'a [u8]> {
        let section = self.sections.iter().find(|section| {
            address.checked_sub(section.virtual_address).is_some_and(|offset| offset < section.size_of_raw_data)
        })?;
        let start = section.pointer_to_raw_data as usize;
        let offset = (address - section.virtual_address) as usize;
        self.bytes.get(start..start.checked_add(section.size_of_raw_data as usize)?)?.get(offset..)
    }

    /// The 32-bit number that lies `offset` bytes behind an address.
    fn word(&self, address: u32, offset: u32) -> Option<u32> {
        let bytes = self.at(address.checked_add(offset)?)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(*bytes))
    }

    /// The text at an address, up to its NUL.
    fn text(&self, address: u32) -> Option<&'a str> {
        let bytes = self.at(address)?;
        let bytes = &bytes[..bytes.len().min(LONGEST_NAME)];
        let end = memchr::memchr(0, bytes)?;
        std::str::from_utf8(&bytes[..end]).ok()
    }
}
