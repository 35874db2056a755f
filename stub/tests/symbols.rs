//! Holds the built library's dynamic symbols against the table.

use std::collections::BTreeMap;

use goblin::elf::{Elf, sym};
use rustclad_stub::{IMAGE, INIT_SYMBOL, Kind, SONAME, SYMBOLS};

#[test]
fn the_library_exports_the_table_and_nothing_else() {
    let elf = Elf::parse(IMAGE).expect("the image is an ELF file");
    let mut exported: BTreeMap<&str, (u8, u64)> = elf
        .dynsyms
        .iter()
        .filter(|symbol| !symbol.is_import() && symbol.st_name != 0)
        .map(|symbol| (elf.dynstrtab.get_at(symbol.st_name).expect("a name"), (symbol.st_type(), symbol.st_size)))
        .collect();
    let init = std::str::from_utf8(&INIT_SYMBOL[..INIT_SYMBOL.len() - 1]).expect("ASCII");
    assert!(exported.remove(init).is_some(), "{init} is missing");
    let mut wrong = Vec::new();
    for symbol in SYMBOLS {
        let expected = match symbol.kind {
            Kind::Function => sym::STT_FUNC,
            Kind::Data | Kind::Label => sym::STT_OBJECT,
        };
        match exported.remove(symbol.name) {
            None => wrong.push(format!("{} is missing", symbol.name)),
            Some((kind, _)) if kind != expected => wrong.push(format!("{} has kind {kind}", symbol.name)),
            Some((_, size)) if symbol.kind == Kind::Data && size != symbol.size as u64 => {
                wrong.push(format!("{} has {size} bytes instead of {}", symbol.name, symbol.size));
            }
            Some(_) => {}
        }
    }
    wrong.extend(exported.keys().map(|name| format!("{name} is exported, but not in the table")));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(SYMBOLS.len(), 1868);
}

#[test]
fn the_library_stands_alone() {
    let elf = Elf::parse(IMAGE).expect("the image is an ELF file");
    assert_eq!(elf.soname, Some(SONAME));
    assert!(elf.libraries.is_empty(), "needs {:?}", elf.libraries);
}

#[test]
fn the_table_is_sorted_for_look_up() {
    assert!(SYMBOLS.is_sorted_by_key(|symbol| symbol.name));
}
