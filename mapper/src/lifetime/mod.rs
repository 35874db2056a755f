//! Who holds what, and the ends of things: handles, counts, loans, pins, the collection of cycles, threads, and what is
//! due when C returns or calls back. Knows blocks by their headers and reaches into them through the table of
//! [forms](crate::heap::form) only.

pub mod bound;
pub mod check;
pub mod collect;
pub mod dealloc;
pub mod dispatch;
pub mod due;
pub mod finalizer;
pub(crate) mod graph;
pub mod handle;
pub mod handled;
pub mod interpreter;
pub mod kept;
mod lingering;
pub mod loans;
pub(crate) mod locals;
pub mod managed;
pub(crate) mod mirrored;
pub mod numbers;
pub mod pinned;
pub(crate) mod places;
pub(crate) mod pointed;
pub mod raised;
mod shadow;
pub(crate) mod stacks;
#[cfg(test)]
mod testing;
pub mod thread;
pub mod thread_end;
mod turnstile;
pub mod under_lock;
pub mod watched;
pub(crate) mod weak;
