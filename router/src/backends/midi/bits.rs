//! Numbers of 7 and of 14 bits, of which all messages are made.

/// The greatest value of 7 bits.
pub(super) const MAX_7: u8 = 0x7F;
/// The greatest value of 14 bits.
pub(super) const MAX_14: u16 = 0x3FFF;

pub(super) const fn join_14(high: u8, low: u8) -> u16 {
    (high as u16) << 7 | low as u16
}

/// The upper and the lower 7 bits.
pub(super) const fn split_14(value: u16) -> [u8; 2] {
    [(value >> 7) as u8 & MAX_7, value as u8 & MAX_7]
}

pub(super) fn share_7(value: u8) -> f64 {
    f64::from(value) / f64::from(MAX_7)
}

pub(super) fn share_14(value: u16) -> f64 {
    f64::from(value) / f64::from(MAX_14)
}
