//! Mach-O, and universal files with one part for each machine.

use goblin::mach::constants::cputype::{CPU_TYPE_ARM, CPU_TYPE_ARM64, CPU_TYPE_X86, CPU_TYPE_X86_64, CpuType};
use goblin::mach::header::{MH_BUNDLE, MH_DYLIB};
use goblin::mach::{MachO, MultiArch};

use super::model::{Binary, Format, Import};
use crate::error::InspectError;
use crate::limits::Names;

/// More parts than there are machines.
const MOST_PARTS: usize = 32;

/// Bytes of all names, those of local symbols included: hostile symbols could share one long name.
const MOST_SCANNED: usize = 1 << 31;

pub(super) fn is_mach(bytes: &[u8]) -> bool {
    is_universal(bytes) || matches!(bytes, [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..])
}

fn is_universal(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xca, 0xfe, 0xba, 0xbe])
}

pub(super) fn parse(bytes: &[u8], machine: &str, names: &mut Names) -> Result<Binary, InspectError> {
    if !is_universal(bytes) {
        return parse_part(bytes, names);
    }
    let file = MultiArch::new(bytes)?;
    if file.narches > MOST_PARTS {
        return Err(InspectError::Malformed(format!("a universal file with {} parts", file.narches)));
    }
    let parts = file.arches()?;
    let machines: Vec<String> = parts.iter().map(|part| machine_name(part.cputype)).collect();
    let wanted = machines.iter().position(|name| name == machine).unwrap_or(0);
    let part = parts.get(wanted).ok_or_else(|| InspectError::Malformed("a universal file without parts".to_owned()))?;
    let (start, size) = (part.offset as usize, part.size as usize);
    let part = start.checked_add(size).and_then(|end| bytes.get(start..end));
    let part = part.ok_or_else(|| InspectError::Truncated("a part lies beyond the file's end".to_owned()))?;
    Ok(Binary { machines, ..parse_part(part, names)? })
}

fn parse_part(bytes: &[u8], names: &mut Names) -> Result<Binary, InspectError> {
    let file = MachO::parse(bytes, 0)?;
    let mut binary = Binary::new(Format::MachO, machine_name(file.header.cputype()), "macos");
    binary.shared = matches!(file.header.filetype, MH_BUNDLE | MH_DYLIB);
    for library in file.libs.iter().filter(|library| **library != "self") {
        binary.needed.push(names.keep(library)?);
    }
    for folder in &file.rpaths {
        binary.runpath.push(names.keep(folder)?);
    }
    let mut scanned = 0;
    for symbol in file.symbols() {
        let (name, symbol) = symbol?;
        scanned += name.len();
        if scanned > MOST_SCANNED {
            return Err(InspectError::Malformed("its symbols share long names".to_owned()));
        }
        let name = name.strip_prefix('_').unwrap_or(name);
        if !symbol.is_global() || symbol.is_stab() || name.is_empty() {
            continue;
        }
        let name = names.keep(name)?;
        if symbol.is_undefined() {
            binary.imports.push(Import { name, weak: symbol.is_weak() });
        } else {
            binary.exports.insert(name);
        }
    }
    Ok(binary)
}

fn machine_name(kind: CpuType) -> String {
    match kind {
        CPU_TYPE_X86_64 => "x86_64".to_owned(),
        CPU_TYPE_X86 => "x86".to_owned(),
        CPU_TYPE_ARM64 => "aarch64".to_owned(),
        CPU_TYPE_ARM => "arm".to_owned(),
        other => format!("Mach-O machine {other:#x}"),
    }
}
