//! What the machine, the system and CPython's headers fix: layouts of structs, numbers of slots, `va_list`, addresses of
//! exported symbols, machine code made at run time. Knows nothing of blocks and calls nobody but the system.

pub mod address;
pub mod code;
pub mod layout;
pub(crate) mod overflow;
pub mod platform;
pub mod slot_table;
pub mod statics;
pub mod text;
pub mod type_table;
pub mod va_list;
