//! What mends RustPython itself: built-in modules that lack something, `sysconfig`. Has nothing to do with C objects.

pub(crate) mod builtin_module;
pub(crate) mod comparing;
pub(crate) mod exceptions;
pub(crate) mod memoryview;
pub(crate) mod modules;
pub(crate) mod order;
pub(crate) mod packing;
pub(crate) mod repeating;
pub(crate) mod sysconfig;
pub(crate) mod variadic;
pub mod wrappers;
