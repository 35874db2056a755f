//! Under which name log lines are written.

/// The log target of what no backend says.
pub(crate) const LOG: &str = "router";
