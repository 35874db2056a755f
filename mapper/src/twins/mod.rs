//! The crossing of one object: managed object to block and back, types, exceptions, references as types, modules, and in
//! [`forms`] each layout of objects.

pub(crate) mod absent;
pub mod chaining;
pub mod cycles;
pub mod error;
pub(crate) mod fields;
pub mod forms;
pub mod frames;
pub mod heap_type;
pub mod lend;
pub mod passing;
pub mod phases;
pub mod reference;
pub mod retrieve;
pub(crate) mod slotted;
pub mod state;
pub mod store;
pub mod type_dict;
pub mod type_sizes;
pub(crate) mod type_writes;
pub mod types;
