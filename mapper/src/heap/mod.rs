//! The memory that C sees as objects, and the lock on it: blocks, the C lock, what a block is laid out as and the table
//! of what can be done with each layout. Knows nothing of who holds a block.

pub mod block;
pub mod form;
pub mod kind;
pub mod lock;
pub(crate) mod spare;
#[cfg(test)]
pub(crate) mod testing;
