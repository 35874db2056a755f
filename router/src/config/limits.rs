//! How much a configuration can be. Far more than people write; it bounds memory and time.

/// How long all files together can be, in bytes.
pub(super) const MAX_TEXT: usize = 8 << 20;
/// How many files can be read: with this, files that include each other twice come to an end.
pub(super) const MAX_FILES: usize = 1000;
/// How much memory the map can take, in bytes.
pub(super) const MAX_MAP: usize = 128 << 20;
/// How many channels one name can stand for.
pub(super) const MAX_CHANNELS: usize = 100_000;
