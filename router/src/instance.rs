//! The numbers by which the router and its backends call instances.

/// An instance's number, from 0 in the order of creation. A number is not used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(pub u32);

impl InstanceId {
    /// The number as an index.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// The number as a tag of descriptors and wakers, for backends whose instances have their own: see
    /// [`Ready::instance`](crate::Ready::instance).
    #[must_use]
    pub fn tag(self) -> u64 {
        self.0.into()
    }
}
