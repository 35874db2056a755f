//! ELF: what the dynamic section and the dynamic symbols say.

use goblin::elf::header::{self, EI_CLASS, EI_DATA, EI_OSABI, ELFCLASS64, ELFDATA2LSB, ET_DYN, SIZEOF_IDENT};
use goblin::elf::section_header::SHN_UNDEF;
use goblin::elf::symver::VER_FLG_WEAK;
use goblin::elf::{Elf, sym};

use super::model::{Binary, Format, Import, NeededVersion};
use crate::error::InspectError;
use crate::limits::Names;

pub(super) fn parse(bytes: &[u8], names: &mut Names) -> Result<Binary, InspectError> {
    if bytes.len() < SIZEOF_IDENT {
        return Err(InspectError::Truncated("the header is incomplete".to_owned()));
    }
    let header = Elf::parse_header(bytes)
        .map_err(|error| InspectError::Truncated(format!("the header is incomplete ({error})")))?;
    check_ends(bytes, &header)?;
    let mut binary = Binary::new(Format::Elf, machine(&header), os(&header));
    binary.shared = header.e_type == ET_DYN;
    if !binary.shared {
        return Ok(binary);
    }
    let elf = Elf::parse(bytes)?;
    read_dynamic(&elf, &mut binary, names)?;
    read_symbols(&elf, &mut binary, names)?;
    read_needed_versions(&elf, &mut binary, names)?;
    read_defined_versions(&elf, &mut binary, names)?;
    Ok(binary)
}

/// The dynamic loader does not read section headers, but they end the file: without them it was cut off.
fn check_ends(bytes: &[u8], header: &header::Header) -> Result<(), InspectError> {
    let size = bytes.len() as u64;
    let sections = header.e_shoff.saturating_add(u64::from(header.e_shnum) * u64::from(header.e_shentsize));
    let segments = header.e_phoff.saturating_add(u64::from(header.e_phnum) * u64::from(header.e_phentsize));
    for (what, end) in [("sections", sections), ("program headers", segments)] {
        if end > size {
            return Err(InspectError::Truncated(format!("its {what} end at byte {end}, the file has {size}")));
        }
    }
    let Ok(context) =
        header.endianness().and_then(|endian| Ok(goblin::container::Ctx::new(header.container()?, endian)))
    else {
        return Err(InspectError::Malformed("unknown word size or byte order".to_owned()));
    };
    let segments = goblin::elf::ProgramHeader::parse(bytes, header.e_phoff as usize, header.e_phnum.into(), context)?;
    for segment in segments {
        let end = segment.p_offset.saturating_add(segment.p_filesz);
        if end > size {
            return Err(InspectError::Truncated(format!("a segment ends at byte {end}, the file has {size}")));
        }
    }
    Ok(())
}

fn machine(header: &header::Header) -> String {
    let wide = header.e_ident[EI_CLASS] == ELFCLASS64;
    let little = header.e_ident[EI_DATA] == ELFDATA2LSB;
    let name = match (header.e_machine, wide, little) {
        (header::EM_X86_64, true, true) => "x86_64",
        (header::EM_386, false, true) => "x86",
        (header::EM_AARCH64, true, true) => "aarch64",
        (header::EM_ARM, false, true) => "arm",
        (header::EM_RISCV, true, true) => "riscv64",
        (header::EM_PPC64, true, true) => "powerpc64le",
        (header::EM_S390, true, false) => "s390x",
        (other, ..) => {
            let bits = if wide { 64 } else { 32 };
            let order = if little { "little" } else { "big" };
            return format!("{bits}-bit {order}-endian {}", header::machine_to_str(other));
        }
    };
    name.to_owned()
}

fn os(header: &header::Header) -> &'static str {
    match header.e_ident[EI_OSABI] {
        header::ELFOSABI_NONE | header::ELFOSABI_LINUX => "linux",
        header::ELFOSABI_NETBSD => "netbsd",
        header::ELFOSABI_SOLARIS => "solaris",
        header::ELFOSABI_FREEBSD => "freebsd",
        header::ELFOSABI_OPENBSD => "openbsd",
        _ => "unknown",
    }
}

fn read_dynamic(elf: &Elf<'_>, binary: &mut Binary, names: &mut Names) -> Result<(), InspectError> {
    for library in &elf.libraries {
        binary.needed.push(names.keep(library)?);
    }
    for (paths, folders) in [(&elf.rpaths, &mut binary.rpath), (&elf.runpaths, &mut binary.runpath)] {
        for folder in paths.iter().flat_map(|path| path.split(':')).filter(|folder| !folder.is_empty()) {
            folders.push(names.keep(folder)?);
        }
    }
    Ok(())
}

/// A text of the dynamic section's table; None for an empty one.
fn text<'a>(elf: &Elf<'a>, offset: usize) -> Option<&'a str> {
    elf.dynstrtab.get_at(offset).filter(|text| !text.is_empty())
}

fn read_symbols(elf: &Elf<'_>, binary: &mut Binary, names: &mut Names) -> Result<(), InspectError> {
    for symbol in &elf.dynsyms {
        let Some(name) = text(elf, symbol.st_name) else { continue };
        let weak = symbol.st_bind() == sym::STB_WEAK;
        if symbol.st_shndx == SHN_UNDEF as usize {
            binary.imports.push(Import { name: names.keep(name)?, weak });
        } else if weak || matches!(symbol.st_bind(), sym::STB_GLOBAL | sym::STB_GNU_UNIQUE) {
            binary.exports.insert(names.keep(name)?);
        }
    }
    Ok(())
}

/// More than this is a sign of entries that overlap.
const MOST_VERSIONS: usize = 100_000;

fn read_needed_versions(elf: &Elf<'_>, binary: &mut Binary, names: &mut Names) -> Result<(), InspectError> {
    let mut left = MOST_VERSIONS;
    for need in elf.verneed.iter().flat_map(|section| section.iter()) {
        for needed in need.iter() {
            if let (Some(library), Some(version)) = (text(elf, need.vn_file), text(elf, needed.vna_name)) {
                let (library, version) = (names.keep(library)?, names.keep(version)?);
                let weak = needed.vna_flags & VER_FLG_WEAK != 0;
                binary.needed_versions.push(NeededVersion { library, version, weak });
            }
            left -= 1;
            if left == 0 {
                return Err(InspectError::Malformed("too many versions of libraries".to_owned()));
            }
        }
    }
    Ok(())
}

fn read_defined_versions(elf: &Elf<'_>, binary: &mut Binary, names: &mut Names) -> Result<(), InspectError> {
    let defined = elf.verdef.iter().flat_map(|section| section.iter());
    // The first name is the version's own, those behind it are its predecessors'.
    let defined = defined.filter_map(|version| version.iter().next()).take(MOST_VERSIONS);
    for version in defined {
        if let Some(name) = text(elf, version.vda_name) {
            binary.defined_versions.insert(names.keep(name)?);
        }
    }
    Ok(())
}
